"""An installation that existed before there were periods of evidence is asked; a new one begins with the standard."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection
from django.utils import timezone

from purge.models import EvidencePeriod, Installation, LookUp
from purge.upkeep.evidence import evidence_clear, is_undecided

#: As it is promised: days; of requests three years.
STANDARD = {"requests": 1095, "sign_ins": 180, "mails": 365, "look_ups": 365, "exports": 365, "import_files": 365}


def test_an_earlier_installation_keeps_everything_until_somebody_decides(old_database):
    old = timezone.now().replace(year=2001, day=1)
    old_database.model("purge.LookUp").objects.create(at=old, digest="d")
    old_database.user(old_database.account(), "ann@acme.example", key="ann@acme.example")
    old_database.upgrade()
    assert is_undecided()
    assert evidence_clear() == {}
    assert LookUp.objects.filter(at=old).exists()


@pytest.mark.django_db
def test_a_new_installation_begins_with_the_standard():
    migration = import_module("purge.migrations.0035_evidence_of_new_installations")
    Installation.objects.all().delete()
    EvidencePeriod.objects.all().delete()
    migration.begin_with_periods(apps, SimpleNamespace(connection=connection))
    assert {row.kind: row.days for row in EvidencePeriod.objects.all()} == STANDARD
    assert not is_undecided()
