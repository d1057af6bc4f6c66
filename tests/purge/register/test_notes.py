"""A note for the register: what may stand in it, who may write it, and that it names nobody who was purged."""

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from purge import services
from purge.choices import AskedBy, Basis, Status
from purge.models import IdentifierSet, LedgerEntry, PurgeRequest, RegisterNote
from purge.register.notes import Note, answer_by
from purge.services import NotAllowed, NoteRefused
from tests.factories.users import AdministratorFactory, UserFactory
from tests.purge import world as w

WHOLE = Note(
    asked_by=AskedBy.PERSON,
    basis=Basis.CONSENT_WITHDRAWN,
    ticket="HR-20431",
    received_on=date(2026, 1, 31),
    reason="Left the company; wrote to the works council first.",
)


@pytest.fixture
def bo(cast):
    """Somebody with everything that may not be written."""
    return UserFactory(
        account=cast.acme,
        deleted=True,
        name="Bo-Ida Lindqvist Åkesson",
        email="b.lindqvist@x-y.example",
        adobe_id="blq-login",
        unique_user_id="E-77041",
    )


def submit(cast, person, note, **extra):
    return services.purge_submit(
        acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk], noted=note, **extra
    )


@pytest.mark.parametrize(
    ("received", "answer"),
    [
        (date(2026, 1, 15), date(2026, 2, 15)),
        (date(2026, 1, 31), date(2026, 2, 28)),
        (date(2028, 1, 31), date(2028, 2, 29)),
        (date(2026, 3, 31), date(2026, 4, 30)),
        (date(2026, 2, 28), date(2026, 3, 28)),
        (date(2026, 12, 31), date(2027, 1, 31)),
        (date(2026, 11, 30), date(2026, 12, 30)),
    ],
)
def test_the_person_is_answered_within_one_calendar_month(received, answer):
    assert answer_by(received) == answer


def test_a_note_is_written_with_the_request_and_is_its_accounts(cast, bo):
    purge_request = submit(cast, bo, WHOLE)
    row = RegisterNote.objects.get()
    assert (row.request_id, row.account_id, row.changed_by_id) == (purge_request.pk, cast.acme.pk, cast.admin.pk)
    assert (row.asked_by, row.basis, row.ticket) == ("person", "consent_withdrawn", "HR-20431")
    assert (row.received_on, row.answer_by) == (date(2026, 1, 31), date(2026, 2, 28))
    assert row.reason == "Left the company; wrote to the works council first."
    # A date of the register, and none of the queue's.
    assert purge_request.due_at - purge_request.accepted_at == timedelta(days=30)


def test_nothing_is_written_where_nothing_was_said(cast, bo):
    submit(cast, bo, Note())
    assert not RegisterNote.objects.exists()


def test_an_address_can_have_a_note_too(cast):
    purge_request = services.purge_submit_address(
        acting_user=cast.admin, account_id=cast.acme.pk, address="gone@x-y.example", noted=WHOLE
    )
    assert RegisterNote.objects.get().request_id == purge_request.pk
    with pytest.raises(NoteRefused):
        services.purge_submit_address(
            acting_user=cast.admin,
            account_id=cast.acme.pk,
            address="other@x-y.example",
            noted=Note(reason="as other@x-y.example wrote"),
        )
    assert PurgeRequest.objects.count() == 1


def test_what_is_none_is_refused(cast, bo):
    for field, note in [
        ("asked_by", Note(asked_by="somebody")),
        ("basis", Note(basis="because")),
        ("ticket", Note(ticket="HR 1")),
        ("ticket", Note(ticket="hr@1")),
        ("ticket", Note(ticket="HR\t1")),
        ("ticket", Note(ticket="x" * 41)),
        ("received_on", Note(received_on=date(2999, 1, 1))),
        ("received_on", Note(received_on=date(1899, 1, 1))),
        ("reason", Note(reason="x" * 1_001)),
        ("reason", Note(reason="a\x00b")),
    ]:
        with pytest.raises(NoteRefused) as refusal:
            submit(cast, bo, note)
        assert refusal.value.field == field, note
    assert not PurgeRequest.objects.exists()
    assert not RegisterNote.objects.exists()


def test_the_longest_of_each_is_taken(cast, bo):
    submit(cast, bo, Note(ticket="x" * 40, reason="y" * 1_000, received_on=date(1990, 1, 1)))
    row = RegisterNote.objects.get()
    assert (len(row.ticket), len(row.reason)) == (40, 1_000)


def test_today_is_where_the_account_is(cast, bo):
    type(cast.acme).objects.filter(pk=cast.acme.pk).update(time_zone="Pacific/Kiritimati")
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date()
    with pytest.raises(NoteRefused):
        submit(cast, bo, Note(received_on=today + timedelta(days=1)))
    submit(cast, bo, Note(received_on=today))
    assert RegisterNote.objects.get().received_on == today


def test_the_database_takes_no_address_as_a_ticket_and_no_half_of_the_dates(cast, bo):
    purge_request = submit(cast, bo, Note())
    columns = {"request": purge_request, "account_id": cast.acme.pk}
    for wrong in ({"ticket": "a@b"}, {"ticket": "a b"}, {"received_on": date(2026, 1, 1)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            RegisterNote.objects.create(**columns, **wrong)


# ---------------------------------------------------------------- nobody is named

#: What names Bo, in the ways in which people write it; the last ones are what may stand.
NAMING = (
    "b.lindqvist@x-y.example",
    "asked by B.Lindqvist@X-Y.example today",
    "asked by b.lindqvist (at) x-y (dot) example today",
    "see mailto:b.lindqvist%40x-y.example",
    "somebody.else@q.example wrote",
    "Bo-Ida Lindqvist Åkesson",
    "lindqvist left",
    "Mail of Ms LINDQVIST, thanks",
    "a\u030akesson",  # decomposed
    "login blq-login",
    "login BLQ-LOGIN.",
    "number E-77041",
    "(e-77041)",
)
HARMLESS = (
    "Left the company",
    "By letter of the works council, number 12, page 4",
    "Art. 17 GDPR",
    "No. E-77042",
    "Lindqvistgatan is where we are",
)


def test_a_reason_that_names_a_selected_person_is_refused(cast, bo):
    for text in NAMING:
        with pytest.raises(NoteRefused) as refusal:
            submit(cast, bo, Note(reason=text))
        assert refusal.value.field == "reason", text
        assert "lindqvist" not in str(refusal.value).lower()
    assert not PurgeRequest.objects.exists()


def test_a_reason_that_names_nobody_is_taken(cast, bo):
    for text in HARMLESS:
        with transaction.atomic():
            submit(cast, bo, Note(reason=text))
            assert RegisterNote.objects.get().reason == text
            transaction.set_rollback(True)


def test_nor_may_a_ticket_name_somebody(cast, bo):
    for ticket in ("lindqvist-1", "blq-login", "E-77041", "b.lindqvist"):
        with pytest.raises(NoteRefused) as refusal:
            submit(cast, bo, Note(ticket=ticket))
        assert refusal.value.field == "ticket"
    submit(cast, bo, Note(ticket="HR-1"))


def test_after_the_purge_the_same_is_refused_by_what_is_left(cast, bo):
    purge_request = submit(cast, bo, Note(ticket="HR-1"))
    assert w.completed(w.run_to_end(purge_request))
    for text in NAMING:
        with pytest.raises(NoteRefused) as refusal:
            services.register_note_set(
                acting_user=cast.admin, purge_request=purge_request, note=Note(ticket="HR-1", reason=text)
            )
        assert refusal.value.field == "reason", text
    for text in HARMLESS:
        note = Note(ticket="HR-1", reason=text)
        services.register_note_set(acting_user=cast.admin, purge_request=purge_request, note=note)
        assert RegisterNote.objects.get().reason == text


def test_a_name_in_signs_is_found_within_a_sentence(cast):
    ming = UserFactory(account=cast.acme, deleted=True, name="王小明", email="wxm@x-y.example")
    with pytest.raises(NoteRefused):
        submit(cast, ming, Note(reason="因王小明离职"))
    purge_request = submit(cast, ming, Note(reason="因离职"))
    assert w.completed(w.run_to_end(purge_request))
    with pytest.raises(NoteRefused):
        services.register_note_set(
            acting_user=cast.admin, purge_request=purge_request, note=Note(reason="因王小明离职")
        )


def test_where_nobody_can_tell_any_more_free_text_is_refused_and_choices_are_taken(cast, bo):
    purge_request = submit(cast, bo, Note())
    assert w.completed(w.run_to_end(purge_request))
    # As a release left it that kept no hashes of names.
    IdentifierSet.objects.update(names=b"")
    with pytest.raises(NoteRefused, match="earlier release"):
        services.register_note_set(
            acting_user=cast.admin, purge_request=purge_request, note=Note(reason="Left the company")
        )
    note = Note(asked_by=AskedBy.HR, received_on=date(2026, 3, 31))
    services.register_note_set(acting_user=cast.admin, purge_request=purge_request, note=note)
    assert RegisterNote.objects.get().answer_by == date(2026, 4, 30)


# ---------------------------------------------------------------- later


def test_a_note_is_completed_later_by_whoever_may_purge_there_and_the_history_says_who(cast, bo):
    purge_request = submit(cast, bo, Note(ticket="HR-1"))
    services.register_note_set(acting_user=cast.admin2, purge_request=purge_request, note=WHOLE)
    row = RegisterNote.objects.get()
    assert (row.ticket, row.changed_by_id) == ("HR-20431", cast.admin2.pk)
    entry = LedgerEntry.objects.filter(event="noted").get()
    assert (entry.actor_id, entry.facts) == (cast.admin2.pk, {})
    # The same again is nothing new.
    services.register_note_set(acting_user=cast.admin, purge_request=purge_request, note=WHOLE)
    assert LedgerEntry.objects.filter(event="noted").count() == 1
    # And all of it can be taken back.
    services.register_note_set(acting_user=cast.admin, purge_request=purge_request, note=Note())
    assert RegisterNote.objects.get().reason == ""


def test_nobody_else_writes_into_the_register(cast, bo):
    purge_request = submit(cast, bo, Note())
    stranger = AdministratorFactory(account=cast.globex)
    support = UserFactory(account=cast.acme, is_support=True)
    learner = UserFactory(account=cast.acme)
    for somebody in (stranger, support, learner, bo):
        with pytest.raises(NotAllowed):
            services.register_note_set(acting_user=somebody, purge_request=purge_request, note=WHOLE)
    part = PurgeRequest.objects.create(
        reference="PUR-0000-0000-0",
        route="ims_trial",
        origin="ims",
        due_at=timezone.now() + timedelta(days=30),
        key_fingerprint="0",
    )
    with pytest.raises(NotAllowed):
        services.register_note_set(acting_user=cast.admin, purge_request=part, note=WHOLE)
    assert not RegisterNote.objects.exists()


def test_all_of_it_typed_and_purged_leaves_nobody_in_the_dump(cast, bo):
    purge_request = submit(cast, bo, WHOLE)
    assert w.completed(w.run_to_end(purge_request))
    assert PurgeRequest.objects.get(pk=purge_request.pk).status == Status.COMPLETED
    text = json.dumps(w.dump(), ensure_ascii=False)
    assert "Left the company; wrote to the works council first." in text
    for word in ("lindqvist", "åkesson", "blq-login", "e-77041"):
        assert word not in text.lower()
    # The reason stands in its own table, and nowhere else.
    assert text.count("wrote to the works council") == 1
