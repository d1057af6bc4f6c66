"""What waits because of other accounts is a request of its own, of which the first one's account sees nothing."""

import json
import re

import pytest
from django.core import mail
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse

from messaging.models import Notification
from messaging.tasks import send_notification
from purge import services
from purge.choices import Fate, Origin, Reach, Reason, Route, Status
from purge.models import PurgeRequest, SuppressionHash
from purge.proof.texts import patrol_one
from purge.standing import standing
from tests.factories.learning import EnrolmentFactory
from tests.factories.users import AdministratorFactory, ImportLogFactory, UserFactory, trial_with_creator
from tests.purge import world as w
from users.models import User, UserState

REQUESTS = "/admin/purge/purgerequest/"


@pytest.fixture
def guarded(settings):
    """Nobody elsewhere goes without an operator's leave."""
    settings.PURGE_RATE_GUARD = settings.PURGE_RATE_GUARD_TRIAL = 0


def submit(world, *people, acting_user=None, account=None, **extra):
    return services.purge_submit(
        acting_user=acting_user or world.admin,
        account_id=(account or world.acme).pk,
        user_ids=[person.pk for person in people],
        **extra,
    )


def people_of(purge_request):
    return {(subject.person_id, subject.role) for subject in purge_request.subjects.all()}


def states(*people):
    found = dict(User.objects.filter(pk__in=[person.pk for person in people]).values_list("pk", "state"))
    return [found.get(person.pk, "gone") for person in people]


# ---------------------------------------------------------------- dividing


def test_without_the_guard_it_is_one_request(cast):
    purge_request = submit(cast, cast.ann)
    assert (purge_request.reach, purge_request.part_of_id, purge_request.parts.count()) == (Reach.EVERYWHERE, None, 0)
    assert PurgeRequest.objects.count() == 1
    assert purge_request.subjects.count() == 6


def test_with_the_guard_but_nobody_elsewhere_it_is_one_request(cast, guarded):
    purge_request = submit(cast, cast.bob)
    assert (purge_request.reach, purge_request.parts.count(), purge_request.subjects.count()) == (
        Reach.EVERYWHERE,
        0,
        1,
    )


def test_the_first_keeps_its_account_and_the_second_everything_else(cast, guarded):
    first = submit(cast, cast.ann)
    part = first.parts.get()
    assert people_of(first) == {(cast.ann.pk, Reason.SELECTED)}
    assert people_of(part) == {
        (cast.alpha_match.pk, Reason.MATCH),
        (cast.beta_login_match.pk, Reason.MATCH),
        (cast.beta_deleted_match.pk, Reason.MATCH),
        (cast.delta_match.pk, Reason.MATCH),
        (cast.gamma_creator.pk, Reason.KEPT),
    }
    assert (first.status, first.reach, first.account_id, first.initiator) == (
        Status.QUEUED,
        Reach.OWN,
        cast.acme.pk,
        cast.admin,
    )
    assert (first.selected_count, first.other_account_count, first.kept_count, first.people_left) == (1, 0, 0, 1)
    assert (part.status, part.reach, part.account_id, part.initiator) == (Status.HELD, Reach.OTHERS, None, None)
    assert (part.origin, part.route, part.held_reason) == (Origin.ELSEWHERE, Route.UI_ENTERPRISE, "rate")
    assert (part.selected_count, part.other_account_count, part.kept_count, part.people_left) == (0, 4, 1, 4)
    assert (part.accepted_at, part.due_at) == (first.accepted_at, first.due_at)
    # What is known of Ann in her own account alone stays there.
    assert set(first.identifiers.values_list("kind", "value", "local")) >= {
        ("email", "ann@x.org", False),
        ("email", "ann.former@x.org", True),
        ("login", "ann-login", False),
    }
    assert set(part.identifiers.exclude(kind="public_id").values_list("kind", "value", "local")) == {
        ("email", "ann@x.org", False),
        ("login", "ann-login", False),
        # A match's own: their address in their account, their login in settings.
        ("email", "else@x.org", True),
        ("login", "ann@x.org", False),
    }


def test_both_are_in_the_journal(cast, guarded, settings):
    first = submit(cast, cast.ann)
    part = first.parts.get()
    (chain,) = settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    lines = [json.loads(line) for line in chain.read_text().splitlines()]
    accepted = {line["request"]: line for line in lines if line["event"] == "accepted"}
    people = {reference: {row for row, *_more in line["people"]} for reference, line in accepted.items()}
    matches = (cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match)
    assert people == {first.reference: {cast.ann.pk}, part.reference: {match.pk for match in matches}}
    assert (accepted[first.reference]["account"], accepted[part.reference]["account"]) == (cast.acme.pk, None)
    assert (accepted[first.reference]["reach"], accepted[part.reference]["reach"]) == ("own", "others")
    assert accepted[part.reference]["part_of"] == first.reference
    assert accepted[part.reference]["held"] == "rate"


def test_the_database_refuses_a_part_that_an_account_could_see(cast, guarded):
    part = submit(cast, cast.ann).parts.get()
    for wrong in (
        {"account_id": cast.acme.pk},
        {"initiator": cast.admin},
        {"part_of": None},
        {"reach": Reach.EVERYWHERE},
        {"origin": Origin.ADMIN},
        {"selected_count": 1},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            PurgeRequest.objects.filter(pk=part.pk).update(**wrong)


# ---------------------------------------------------------------- running


def mentions(account, address):
    """The tables in which rows of an account hold an address, as text; longer addresses that contain it are others."""
    found = set()
    for table, rows in w.rows_of_account(account).items():
        text = "".join(rows.values()).lower()
        for other in sorted(w.NEAR_MISSES, key=len, reverse=True):
            text = text.replace(other, "")
        if address in text:
            found.add(table)
    return found


def test_each_part_is_completed_by_its_own_accounts_and_together_they_do_what_one_does(furnished, guarded):
    first = submit(furnished, furnished.ann)
    part = first.parts.get()
    elsewhere = (furnished.alpha, furnished.beta, furnished.gamma, furnished.delta)
    untouched = [w.rows_of_account(account) for account in (*elsewhere, furnished.globex)]

    assert w.completed(w.run_to_end(first))
    assert not User.objects.filter(pk=furnished.ann.pk).exists()
    assert mentions(furnished.acme, w.ANN) == set()
    assert [w.rows_of_account(account) for account in (*elsewhere, furnished.globex)] == untouched
    part.refresh_from_db()
    assert part.status == Status.HELD

    acme = w.rows_of_account(furnished.acme)
    services.purge_release(acting_user=None, purge_request=part)
    assert w.completed(w.run_to_end(part))
    assert {table: rows for table, rows in w.rows_of_account(furnished.acme).items() if acme[table] != rows} == {}
    assert states(furnished.alpha_match, furnished.beta_login_match, furnished.beta_deleted_match) == ["gone"] * 3
    assert states(furnished.delta_match, furnished.gamma_creator) == ["gone", UserState.ACTIVE]
    for account in (furnished.alpha, furnished.beta, furnished.delta):
        assert mentions(account, w.ANN) == set()
    # The kept creator's own row keeps its address; the other fields of that account are cleaned.
    assert mentions(furnished.gamma, w.ANN) == {"users_user"}
    assert w.rows_of_account(furnished.globex) == untouched[-1]
    for purge_request in (first, part):
        assert patrol_one(PurgeRequest.objects.get(pk=purge_request.pk)).hits == ()
        assert not purge_request.identifiers.exists()


def test_a_trial_that_asks_is_cleaned_by_the_first_and_left_out_of_the_second(cast, guarded):
    trial, _creator = trial_with_creator()
    admin = AdministratorFactory(account=trial)
    leaver = UserFactory(account=trial, email="leaver@x.org", deleted=True)
    twin = UserFactory(account=trial, email="twin@x.org", adobe_id="leaver@x.org")
    other = UserFactory(account=cast.alpha, email="leaver@x.org")
    first = submit(cast, leaver, acting_user=admin, account=trial)
    part = first.parts.get()
    assert people_of(first) == {(leaver.pk, Reason.SELECTED), (twin.pk, Reason.MATCH)}
    assert people_of(part) == {(other.pk, Reason.MATCH)}
    before = w.rows_of_account(trial)
    services.purge_release(acting_user=None, purge_request=part)
    # Somebody there who comes to match now is the first one's, not the second's.
    late = UserFactory(account=trial, email="late@x.org", adobe_id="leaver@x.org")
    assert w.completed(w.run_to_end(part))
    assert states(other, leaver, twin) == ["gone", UserState.PURGING, UserState.PURGING]
    assert states(late) == [UserState.ACTIVE]
    User._base_manager.filter(pk=late.pk)._raw_delete(connection.alias)
    assert {table: rows for table, rows in w.rows_of_account(trial).items() if before[table] != rows} == {}
    assert w.completed(w.run_to_end(first))
    assert states(leaver, twin) == ["gone", "gone"]


# ---------------------------------------------------------------- waiting takes nothing


def test_nobody_elsewhere_is_frozen_while_it_waits(cast, guarded):
    from connectors import selectors as connectors
    from connectors.services import token_create

    _token, key = token_create(acting_user=cast.alpha_match, name="Script")
    log = ImportLogFactory(account=cast.alpha, content="Name,E-Mail\nSomebody,else@y.org\n")
    client = Client()
    client.force_login(cast.alpha_match)
    session = client.session.session_key
    part = submit(cast, cast.ann).parts.get()
    assert states(cast.alpha_match, cast.beta_deleted_match) == [UserState.ACTIVE, UserState.DELETED]
    assert connectors.token_owner(key) == cast.alpha_match
    assert client.session.exists(session)
    log.refresh_from_db()
    assert log.link_dead_at is None
    # Not even reserved: only whom somebody selected is.
    from users.services import user_delete, user_restore

    user_restore(acting_user=None, user=cast.beta_deleted_match)
    user_delete(acting_user=None, user=cast.beta_deleted_match)

    services.purge_release(acting_user=None, purge_request=part)
    assert states(cast.alpha_match, cast.beta_deleted_match) == [UserState.PURGING, UserState.PURGING]
    assert connectors.token_owner(key) is None
    log.refresh_from_db()
    assert log.link_dead_at is not None


def test_who_does_not_match_any_more_when_it_begins_is_let_go(cast, guarded):
    from users.services import user_update

    part = submit(cast, cast.ann).parts.get()
    user_update(acting_user=None, user=cast.alpha_match, email="changed@x.org")
    services.purge_release(acting_user=None, purge_request=part)
    assert states(cast.alpha_match, cast.delta_match) == [UserState.ACTIVE, UserState.PURGING]
    assert part.subjects.get(person_id=cast.alpha_match.pk).fate == Fate.RELEASED
    assert w.completed(w.run_to_end(part))
    assert states(cast.alpha_match, cast.delta_match) == [UserState.ACTIVE, "gone"]


# ---------------------------------------------------------------- cancelling


def test_calling_off_the_first_calls_off_what_waits_elsewhere(cast, guarded):
    first = submit(cast, cast.ann)
    services.purge_cancel(acting_user=cast.admin, purge_request=first)
    assert set(PurgeRequest.objects.values_list("status", flat=True)) == {Status.CANCELLED}
    assert states(cast.ann, cast.alpha_match) == [UserState.DELETED, UserState.ACTIVE]
    assert not SuppressionHash.objects.exists()


def test_an_operator_calls_off_the_second_alone(cast, guarded):
    first = submit(cast, cast.ann)
    part = first.parts.get()
    with pytest.raises(services.NotAllowed):
        services.purge_cancel(acting_user=cast.admin, purge_request=part)
    services.purge_cancel(acting_user=None, purge_request=part)
    assert w.completed(w.run_to_end(first))
    assert states(cast.ann, cast.alpha_match) == ["gone", UserState.ACTIVE]


def test_once_one_of_them_has_begun_neither_is_called_off(cast, guarded):
    first = submit(cast, cast.ann)
    part = first.parts.get()
    services.purge_release(acting_user=None, purge_request=part)
    w.run_to_end(part)
    PurgeRequest.objects.filter(pk=part.pk).update(status=Status.NEEDS_ATTENTION, completed_at=None, verified_at=None)
    with pytest.raises(services.PurgeRefused, match="has begun"):
        services.purge_cancel(acting_user=cast.admin, purge_request=first)
    first.refresh_from_db()
    assert first.status == Status.QUEUED


# ---------------------------------------------------------------- who sees what


def test_support_sees_the_two_beside_each_other_and_the_account_sees_one(client, cast, guarded):
    first = submit(cast, cast.ann)
    part = first.parts.get()
    support = UserFactory(is_support=True)
    pages = [f"{REQUESTS}{first.pk}/change/", REQUESTS, "/admin/"]
    client.force_login(support)
    for page in pages:
        assert part.reference in client.get(page).content.decode()
    own = client.get(f"{REQUESTS}{part.pk}/change/").content.decode()
    assert first.reference in own
    assert "Acme" in own
    client.force_login(cast.admin)
    for page in pages:
        assert part.reference not in client.get(page).content.decode()
    for end in ("change/", "progress/"):
        assert client.get(f"{REQUESTS}{part.pk}/{end}").status_code == 404
    found = client.post(reverse("admin:purge_look_up"), {"text": part.reference})
    assert "No purge request has this ID" in found.content.decode()
    assert [answer.reference for answer in services.look_up(acting_user=cast.admin, text=w.ANN).requests] == [
        first.reference
    ]


def test_everybody_reads_the_same_due_day_of_both(cast, guarded):
    type(cast.acme).objects.filter(pk=cast.acme.pk).update(time_zone="Asia/Tokyo")
    first = submit(cast, cast.ann)
    part = first.parts.get()
    due = [standing(purge_request, None).sentence.rpartition("Due ")[2] for purge_request in (first, part)]
    assert due[0] == due[1]
    assert due[0].endswith(" JST.")


def normal(text, purge_request):
    """A text without what differs between any two requests: ID, numbers of rows, times, tokens."""
    text = text.replace(purge_request.reference, "PUR-ID")
    text = re.sub(rf"purgerequest/{purge_request.pk}/", "purgerequest/N/", text)
    text = re.sub(r"recipients/\d+/", "recipients/N/", text)
    text = re.sub(r'(csrfmiddlewaretoken" value|nonce)="[^"]+"', r"\1", text)
    text = re.sub(r"\d{1,2}:\d\d(:\d\d)?(\.\d+)?([+-]\d\d:\d\d)?", "TIME", text)
    text = re.sub(r"\b(a|p)\.m\.|midnight|noon", "HALF", text)
    text = re.sub(r"[A-Z][a-z]{2}\.? \d+, \d{4}, (\d+|TIME)", "MOMENT", text)
    return re.sub(r"(TIME|MOMENT) HALF", r"\1", text)


def story_of(world, client, person):
    """All that an administrator reads of the purge of one person, from acceptance to the mail."""
    seen = []
    purge_request = submit(world, person)

    def look():
        seen.append(normal(client.get(f"{REQUESTS}{purge_request.pk}/change/").content.decode(), purge_request))
        seen.append(normal(client.get(f"{REQUESTS}{purge_request.pk}/progress/").content.decode(), purge_request))
        row = PurgeRequest.objects.get(pk=purge_request.pk)
        seen.append((row.status, standing(row, world.admin).as_json()["state"], standing(row, world.admin).label))

    look()
    PurgeRequest.objects.filter(pk=purge_request.pk).update(status=Status.RUNNING)
    look()
    PurgeRequest.objects.filter(pk=purge_request.pk).update(status=Status.QUEUED)
    w.run_to_end(purge_request)
    look()
    note = Notification.objects.get(request_id=purge_request.pk, recipient=world.admin)
    mail.outbox.clear()
    send_notification(note.pk)
    letter = mail.outbox[0]
    Notification.objects.all().delete()
    seen += [normal(text, purge_request) for text in (note.title, note.text, letter.subject, letter.body)]
    return seen


@pytest.mark.parametrize(("guard", "reach", "parts"), [(0, "trusted", 1), (200, "trusted", 0), (200, "proved", 1)])
def test_an_account_reads_the_same_whether_or_not_anything_exists_elsewhere(
    client, cast, settings, guard, reach, parts
):
    """Two people of the same account with the same records; one of them has matches in two trials."""
    settings.PURGE_RATE_GUARD, settings.PURGE_REACH_ENTERPRISE = guard, reach
    lone = UserFactory(account=cast.acme, email="lone@y.org", deleted=True)
    known = UserFactory(account=cast.acme, email="known@y.org", deleted=True)
    for trial in (cast.alpha, cast.beta):
        match = UserFactory(account=trial, email="known@y.org")
        EnrolmentFactory.create_batch(3, user=match)
    for person in (lone, known):
        EnrolmentFactory.create_batch(2, user=person)
    client.force_login(cast.admin)
    alone = story_of(cast, client, lone)
    together = story_of(cast, client, known)
    assert PurgeRequest.objects.filter(origin=Origin.ELSEWHERE).count() == parts
    assert len(alone) == len(together) == 13
    for one, other in zip(alone, together, strict=True):
        assert one == other
