"""docs/partitions.sql: enrolments, sign-ins and the mail log by month. ``./test --partitioned`` has the routes."""

from datetime import UTC, datetime

import pytest
from django.core import checks
from django.db import connection

from learning.models import Enrolment
from messaging.models import MailLog
from purge import services
from purge.addresses.index import TextColumn, index_statements
from tests.factories.learning import EnrolmentFactory
from tests.factories.messaging import MailLogFactory
from tests.factories.users import LoginEventFactory
from tests.in_partitions import partition
from tests.purge import world as w
from users.models import LoginEvent

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]

SPRING, AUTUMN = datetime(2026, 3, 31, 12, tzinfo=UTC), datetime(2026, 11, 1, 12, tzinfo=UTC)
TABLES = ("learning_enrolment", "users_loginevent", "messaging_maillog")


def rows_of(cast, person):
    """A sign-in, an enrolment and a mail of theirs in two months each."""
    for at in (SPRING, AUTUMN):
        LoginEventFactory(user=person, at=at)
        enrolment = EnrolmentFactory(user=person)
        Enrolment.objects.filter(pk=enrolment.pk).update(enrolled_at=at)
        mail = MailLogFactory(account=cast.acme, recipient=person, recipient_email=person.email)
        MailLog.objects.filter(pk=mail.pk).update(sent_at=at)


def counted(person):
    return (
        LoginEvent.objects.filter(user_id=person.pk).count(),
        Enrolment.objects.filter(user_id=person.pk).count(),
        MailLog.objects.filter(recipient_id=person.pk).count(),
    )


def asked(sql, *params):
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def test_the_rows_move_into_their_months_and_a_purge_takes_the_persons_alone():
    cast = w.build_world()
    rows_of(cast, cast.ann)
    rows_of(cast, cast.witness)
    others = counted(cast.witness)
    partition()
    partition()  # the next month's are made by running it again

    kinds = dict(asked("SELECT relname, relkind::text FROM pg_class WHERE relname = ANY(%s)", list(TABLES)))
    assert kinds == dict.fromkeys(TABLES, "p")
    (spring,) = asked("SELECT count(*) FROM users_loginevent_2026_03 WHERE user_id = %s", cast.ann.pk)
    assert spring == (1,)
    assert counted(cast.ann) == counted(cast.witness) == others == (2, 2, 2)
    LoginEventFactory(user=cast.ann, at=AUTUMN)  # numbers go on
    found = {m.id for m in checks.run_checks(tags=[checks.Tags.database], databases=["default"])}
    assert not found & {"purge.E004", "purge.E013", "purge.E014"}

    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    assert counted(cast.ann) == (0, 0, 0)
    assert counted(cast.witness) == others


def test_an_index_of_a_table_in_partitions_is_not_made_beside_its_writers():
    """PostgreSQL refuses that, and `migrate` would fail."""
    columns = [TextColumn("messaging_maillog", "body"), TextColumn("learning_comment", "body")]
    partition()
    mails, comments = index_statements(connection, columns, concurrently=True)
    assert mails.startswith('CREATE INDEX "')
    assert comments.startswith("CREATE INDEX CONCURRENTLY ")
