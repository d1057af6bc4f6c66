"""Nothing that somebody else can type blocks a purge, or makes it fail."""

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, connection, models
from django.test.utils import CaptureQueriesContext

from connectors.models import ConnectorState
from learning.models import Course
from purge import services
from purge.addresses import ERASED, MARKERS, redact, redact_json
from purge.addresses.index import MENTIONS_ANY
from purge.choices import Status
from purge.models import FollowUp
from purge.rules import Delete, Keep, ModelRules, Redact, WithRow
from purge.rules.coverage import model_gaps
from purge.rules.registry import Registry
from purge.run import sweep
from purge.steps import plan
from tests.factories.connectors import AzureAdSettingsFactory, ZoomSettingsFactory
from tests.factories.learning import CertificateFactory, CourseFactory
from tests.factories.messaging import MailLogFactory
from tests.factories.users import ActiveFieldFactory, LoginEventFactory, UserFactory
from tests.purge import world as w
from users.models import Account, User

SHORT = "me@x.io"


def purged(world: w.World, *people: User):
    ids = [person.pk for person in people or (world.ann,)]
    purge_request = services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=ids)
    return w.run_to_end(purge_request)


def value_of(row: models.Model, name: str):
    row.refresh_from_db()
    return getattr(row, name)


@pytest.mark.sqlite
def test_only_tables_with_rows_are_looked_through(cast):
    """And a table that gets its first row is one of them."""

    def looked_through():
        with CaptureQueriesContext(connection) as asked:
            impact = services.purge_preview(
                acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk]
            ).impact
        looks = [query["sql"] for query in asked if MENTIONS_ANY in query["sql"]]
        return [sql for sql in looks if "messaging_maillog" in sql], {line.key: line.n for line in impact.lines}

    looks, lines = looked_through()
    assert looks == []
    assert "messaging.MailLog#addresses" not in lines
    mail = MailLogFactory(account=cast.acme, body=f"A course of {w.ANN} is due.")
    looks, lines = looked_through()
    assert len(looks) == 1
    assert lines["messaging.MailLog#addresses"] == 1
    assert w.completed(purged(cast))
    assert value_of(mail, "body") == "A course of [erased] is due."


@pytest.mark.parametrize("place", ["acme", "delta"])
def test_an_address_in_any_text_that_people_type_is_taken_out(cast, place):
    account = {"acme": cast.acme, "delta": cast.delta}[place]
    colleague = {"acme": cast.witness, "delta": cast.nobody[6]}[place]
    mailbox = UserFactory(account=account, name=f"Box of {w.ANN}", email="box@x.org", locale="", unique_user_id=w.ANN)
    zoned = UserFactory(account=account, email="zoned@x.org", unique_user_id="U-7", time_zone=f"{w.ANN}")
    visit = LoginEventFactory(user=colleague, user_agent=f"Mozilla/5.0 (+mailto:{w.ANN})")
    course = CourseFactory(account=account, code=f"C {w.ANN}")
    field = ActiveFieldFactory(account=account, name=f"Ask {w.ANN}")
    certificate = CertificateFactory(user=colleague, number=f"N {w.ANN}")
    azure = AzureAdSettingsFactory(
        connector__account=account, connector__state=ConnectorState.ENABLED, tenant=w.ANN, client_id=f"id {w.ANN}"
    )
    zoom = ZoomSettingsFactory(
        connector__account=account, connector__state=ConnectorState.ENABLED, zoom_account=w.ANN, client_id="c-1"
    )
    Account.objects.filter(pk=account.pk).update(
        name=f"Company of {w.ANN}", import_mapping={"email": [f"Mail ({w.ANN})"]}
    )
    assert w.completed(purged(cast))
    assert value_of(mailbox, "name") == "Box of [erased]"
    assert (value_of(mailbox, "unique_user_id"), mailbox.unique_id_sort, mailbox.email) == (None, None, "box@x.org")
    assert (value_of(zoned, "time_zone"), zoned.unique_user_id) == ("", "U-7")
    assert value_of(visit, "user_agent") == "Mozilla/5.0 (+mailto:[erased])"
    assert value_of(course, "code") == f"C [erased] ({course.pk})"
    assert value_of(field, "name") == f"Ask [erased] ({field.pk})"
    assert value_of(certificate, "number") == "N [erased]"
    assert (value_of(azure, "tenant"), azure.client_id) == ("", "")
    assert (value_of(zoom, "zoom_account"), zoom.client_id) == ("", "c-1")
    assert {value_of(row.connector, "state") for row in (azure, zoom)} == {ConnectorState.DISABLED}
    assert value_of(account, "name") == "Company of [erased]"
    assert account.import_mapping == {"email": ["Mail ([erased])"]}
    told = FollowUp.objects.get(kind="unique_id_emptied")
    assert (told.account_id, told.model, told.row) == (account.pk, "users.InternalUser", mailbox.pk)


def test_an_address_that_stands_in_another_enterprise_stays(cast):
    mailbox = UserFactory(account=cast.globex, name=f"Box of {w.ANN}", email="box@x.org", unique_user_id=w.ANN)
    visit = LoginEventFactory(user=mailbox, user_agent=f"+mailto:{w.ANN}")
    course = CourseFactory(account=cast.globex, code=f"C {w.ANN}")
    before = w.rows_of_account(cast.globex)
    assert w.completed(purged(cast))
    assert w.rows_of_account(cast.globex) == before
    assert value_of(visit, "user_agent") == f"+mailto:{w.ANN}"
    assert (value_of(mailbox, "name"), mailbox.unique_user_id) == (f"Box of {w.ANN}", w.ANN)
    assert value_of(course, "code") == f"C {w.ANN}"


def test_a_creator_who_is_kept_keeps_the_name_and_id_that_are_their_own_address(cast):
    User.objects.filter(pk=cast.gamma_creator.pk).update(name=w.ANN, unique_user_id=w.ANN, unique_id_sort=w.ANN)
    other = UserFactory(account=cast.gamma, name=f"Box of {w.ANN}", email="box@x.org", unique_user_id=f" {w.ANN}")
    assert w.completed(purged(cast))
    kept = User.objects.get(pk=cast.gamma_creator.pk)
    assert (kept.name, kept.unique_user_id, kept.unique_id_sort) == (w.ANN, w.ANN, w.ANN)
    assert (value_of(other, "name"), other.unique_user_id) == ("Box of [erased]", None)


# ---------------------------------------------------------------- a replacement is never longer


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ("Ask ann@x.org now", "ann@x.org", "Ask [erased] now"),
        ("Ask an@x.org now", "an@x.org", "Ask [erased] now"),
        ("Ask me@x.io now", "me@x.io", "Ask [gone] now"),
        ("Ask a@b.co now", "a@b.co", "Ask [gone] now"),
    ],
)
def test_what_stands_for_an_address_is_not_longer_than_it(text, key, expected):
    assert redact(text, {key}) == expected
    assert redact_json({"text": [text]}, {key}) == {"text": [expected]}
    assert len(expected) <= len(text)


def test_no_marker_looks_like_an_address():
    assert MARKERS[0] == ERASED
    assert [len(marker) for marker in MARKERS] == [8, 6, 3]
    assert all("@" not in marker for marker in MARKERS)


def test_a_text_that_fills_its_column_can_lose_a_short_address(cast):
    victim = UserFactory(account=cast.acme, email=SHORT, deleted=True)
    title = "T" * 192 + " me@x.io"
    own, trial = CourseFactory(account=cast.acme, title=title), CourseFactory(account=cast.delta, title=title)
    assert (len(title), Course._meta.get_field("title").max_length) == (200, 200)
    assert w.completed(purged(cast, victim))
    for course in (own, trial):
        assert value_of(course, "title") == "T" * 192 + " [gone]"


# ---------------------------------------------------------------- unique texts


def test_two_groups_that_become_the_same_text_are_numbered(cast):
    bob = cast.bob
    taken = Group.objects.create(name="friends of [erased]")
    first = Group.objects.create(name=f"friends of {w.ANN}")
    assert w.completed(purged(cast))
    second = Group.objects.create(name="friends of böb@x.org")
    assert w.completed(purged(cast, bob))
    assert value_of(first, "name") == f"friends of [erased] ({first.pk})"
    assert value_of(second, "name") == f"friends of [erased] ({second.pk})"
    assert value_of(taken, "name") == "friends of [erased]"


def test_a_numbered_text_fits_its_column_and_avoids_one_that_is_taken(cast):
    long = Group.objects.create(name="G" * 140 + f" {w.ANN}")
    short = Group.objects.create(name=f"to {w.ANN}")
    Group.objects.create(name=f"to [erased] ({short.pk})")
    assert w.completed(purged(cast))
    assert value_of(long, "name") == ("G" * 140 + " [erased]")[: 150 - len(f" ({long.pk})")] + f" ({long.pk})"
    assert len(long.name) == 150
    assert value_of(short, "name") == f"to [erased] ({short.pk})*"


def test_a_unique_conflict_is_not_taken_for_a_person_who_cannot_be_deleted(cast, monkeypatch):
    real = plan.run_step

    def conflicts(step, run, **kwargs):
        if step.key == "auth.Group#addresses":
            raise IntegrityError("UNIQUE constraint failed: auth_group.name")
        return real(step, run, **kwargs)

    Group.objects.create(name=f"friends of {w.ANN}")
    monkeypatch.setattr(sweep, "run_step", conflicts)
    purge_request = purged(cast)
    assert (purge_request.status, purge_request.error_class, purge_request.error_step) == (
        Status.RUNNING,
        "IntegrityError",
        "auth.Group#addresses",
    )
    assert not purge_request.subjects.exclude(stuck_table="").exists()
    monkeypatch.setattr(sweep, "run_step", real)
    type(purge_request).objects.filter(pk=purge_request.pk).update(next_attempt_at=None)
    assert w.completed(w.run_to_end(purge_request))


# ---------------------------------------------------------------- what cannot ship


def gaps_of(rules: ModelRules) -> set[tuple[str, str]]:
    module = type("module", (), {"RULES": [rules], "EXEMPT": []})
    return {(gap.id, gap.where) for gap in model_gaps(Registry([module])) if gap.where.startswith(rules.model)}


REASON = "this is a reason that somebody understands"


@pytest.mark.parametrize(
    ("model", "column", "rule", "gap"),
    [
        ("learning.Course", "description", Keep(REASON), "purge.E008"),
        ("learning.Course", "description", Keep(REASON, closed="tbd"), "purge.E008"),
        ("users.LoginEvent", "user_agent", WithRow(), "purge.E008"),
        ("messaging.SavedReport", "filters", Keep(REASON), "purge.E008"),
        ("learning.Course", "code", Redact(), "purge.E002"),
        ("auth.Group", "name", Redact(), "purge.E002"),
        ("learning.Course", "description", Keep(REASON, closed=REASON), None),
        ("users.LoginEvent", "ip_address", WithRow(), None),
        ("users.ImportLog", "delimiter", Keep(REASON), None),
        ("learning.Course", "code", Redact(numbered=True), None),
        ("learning.Course", "title", Redact(), None),
    ],
)
def test_a_kept_text_needs_a_reason_why_nobody_can_type_there(model, column, rule, gap):
    columns = {column: rule}
    if model == "users.LoginEvent":
        columns["user"] = Delete()
    found = {(id, where) for id, where in gaps_of(ModelRules(model, "things", None, columns)) if id != "purge.E001"}
    assert found == ({(gap, f"{model}.{column}")} if gap else set())
