"""The id of an installation: one, made by itself, and never a second one."""

import threading

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction

from purge.installation.identity import installation
from purge.models import Installation


@pytest.mark.django_db
def test_a_migrated_database_has_its_id_and_keeps_it():
    (before,) = Installation.objects.values_list("pk", flat=True)

    call_command("migrate", verbosity=0)

    assert installation().pk == before
    assert list(Installation.objects.values_list("pk", flat=True)) == [before]


@pytest.mark.django_db
def test_an_emptied_database_begins_with_an_id_of_its_own():
    before = installation().pk
    Installation.objects.all().delete()

    after = installation().pk

    assert after != before
    assert installation().pk == after


@pytest.mark.django_db
def test_there_is_no_second_installation_in_a_database():
    installation()

    for only in (True, False):
        with pytest.raises(IntegrityError), transaction.atomic():
            Installation.objects.create(only=only)

    assert Installation.objects.count() == 1


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_processes_that_begin_at_once_agree_on_the_id():
    Installation.objects.all().delete()
    barrier, seen = threading.Barrier(6), []

    def begin():
        try:
            barrier.wait()
            seen.append(installation().pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=begin) for _n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 6
    assert len(set(seen)) == 1
