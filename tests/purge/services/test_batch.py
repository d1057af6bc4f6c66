"""A batch: many people in one request, begun by an operator; who cannot be purged is left out, by number and reason."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from learning.models import Comment
from messaging.models import Notification
from purge import services, tasks
from purge.choices import Fate, Origin, Status
from purge.installation import storage
from purge.journal import chains, homes, site_fence
from purge.models import Identifier, PurgeRequest, Subject
from purge.run import claims, engine, sweep
from purge.services import LeftOut, NotAllowed, PurgeRefused
from purge.steps import plan
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w
from tests.purge.run.test_engine import Killed, expire_lease
from users.models import User, UserState


def batch_of(world: w.World, people, acting_user=None):
    ids = [getattr(person, "pk", person) for person in people]
    return services.purge_submit_batch(acting_user=acting_user, account_id=world.acme.pk, user_ids=ids)


def deleted(world: w.World, number: int) -> list[User]:
    """Deleted users with a login, an ID and a twin in a trial account, whom a colleague's comment mentions."""
    model = UserFactory(account=world.acme, deleted=True)
    first, people, twins = model.pk + 1, [], []
    for n in range(first, first + number):
        address = f"many{n}@x.org"
        people.append(
            User(
                account=world.acme,
                email=address,
                email_key=address,
                unique_user_id=f"M-{n}",
                unique_id_sort=f"m-{n}",
                state=UserState.DELETED,
                deleted_at=model.deleted_at,
                deleted_month=model.deleted_month,
            )
        )
        twins.append(User(account=world.alpha, email=address, email_key=address))
    User.objects.bulk_create(twins)
    made = User.objects.bulk_create(people)
    comment = CommentFactory(post__board__account=world.acme, author=world.witness)
    Comment.objects.bulk_create(
        [
            *(Comment(post=comment.post, author=world.witness, body=f"Ask {person.email}, please.") for person in made),
            *(Comment(post=comment.post, author=person, body="An answer.") for person in made),
        ]
    )
    return made


# ---------------------------------------------------------------- whom


def test_a_batch_takes_more_people_than_anybody_may_select(cast, client):
    many = deleted(cast, 51)
    with pytest.raises(PurgeRefused, match="at most 50"):
        services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[each.pk for each in many])
    batch = batch_of(cast, many)
    purge_request = batch.purge_request
    assert batch.left_out == ()
    assert (purge_request.origin, purge_request.initiator, purge_request.selected_count) == (Origin.RULE, None, 51)
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(email__startswith="many").exists()
    assert not Comment.objects.filter(body__contains="many").exists()
    assert Comment.objects.filter(author=cast.witness, body__startswith="Ask ").count() == 51
    assert Counter(purge_request.subjects.values_list("fate", flat=True)) == {Fate.ERASED: 102}
    assert not Identifier.objects.exists()
    told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
    assert set(told.values_list("recipient_id", flat=True)) == {cast.admin.pk, cast.admin2.pk}
    client.force_login(cast.admin)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
    assert "an operator of the platform" in page
    assert "many" not in page


def test_who_cannot_be_purged_is_left_out_and_the_others_go(cast):
    going = UserFactory(account=cast.acme, deleted=True)
    stranger = UserFactory(account=cast.globex, deleted=True)
    earlier = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.bob.pk])
    batch = batch_of(cast, [going, stranger, cast.bob, cast.witness, 987_654_321])
    assert set(batch.left_out) == {
        LeftOut(stranger.pk, "unknown"),
        LeftOut(cast.bob.pk, "in_request", earlier.reference),
        LeftOut(cast.witness.pk, "active"),
        LeftOut(987_654_321, "unknown"),
    }
    assert [each.person_id for each in batch.left_out] == sorted(each.person_id for each in batch.left_out)
    assert batch.purge_request.ledger.get(event="batch").facts == {"chosen": 5, "left_out": 4}
    assert list(batch.purge_request.subjects.values_list("person_id", flat=True)) == [going.pk]
    assert w.completed(w.run_to_end(batch.purge_request))
    assert User.objects.filter(pk__in=[stranger.pk, cast.witness.pk, cast.bob.pk]).count() == 3
    assert User.objects.get(pk=stranger.pk).state == UserState.DELETED


def test_a_batch_of_nobody_is_refused_and_changes_nothing(cast):
    with pytest.raises(PurgeRefused) as refusal:
        batch_of(cast, [cast.witness])
    assert (refusal.value.code, refusal.value.people) == ("nobody", (cast.witness.pk,))
    assert not PurgeRequest.objects.exists()


def test_more_people_than_a_batch_may_have_are_refused(cast, settings):
    settings.PURGE_MAX_BATCH = 2
    many = [UserFactory(account=cast.acme, deleted=True) for _n in range(3)]
    with pytest.raises(PurgeRefused, match="at most 2"):
        batch_of(cast, many)
    assert not PurgeRequest.objects.exists()
    assert batch_of(cast, many[:2]).purge_request.selected_count == 2


def test_nobody_but_an_operator_begins_a_batch(cast):
    support = UserFactory(is_support=True)
    for somebody in (cast.admin, support, cast.witness):
        with pytest.raises(NotAllowed):
            batch_of(cast, [cast.bob], acting_user=somebody)
    assert not PurgeRequest.objects.exists()
    operator = UserFactory(account=cast.acme, is_superuser=True)
    purge_request = batch_of(cast, [cast.bob], acting_user=operator).purge_request
    assert (purge_request.initiator, purge_request.ledger.get(event="batch").actor) == (None, operator)


def test_what_a_batch_does_in_other_accounts_goes_through_the_guards(cast, settings):
    settings.PURGE_RATE_GUARD = 3
    purge_request = batch_of(cast, deleted(cast, 4)).purge_request
    part = purge_request.parts.get()
    assert (part.status, part.held_reason, part.subjects.count()) == (Status.HELD, "rate", 4)
    assert w.completed(w.run_to_end(purge_request))
    assert User.objects.filter(account=cast.alpha, email__startswith="many").count() == 4


# ---------------------------------------------------------------- what it costs


def statements(action) -> Counter:
    """The statements an action takes, each as often as it comes. Rows that are put in do not count, of which one
    statement takes a thousand; neither does how many rows one that is sent for a list of them was sent for."""
    with CaptureQueriesContext(connection) as captured:
        action()
    return Counter(
        shape
        for query in captured.captured_queries
        if not (shape := _shape(query["sql"])).startswith(("INSERT", "SAVEPOINT", "RELEASE"))
    )


def _shape(sql: str) -> str:
    """Its first words. A list of rows to be sent one by one reads "500 times: UPDATE …": rewritten texts, progress."""
    return " ".join(sql.partition(" times: ")[2].split()[:2] or sql.split()[:3])[:60]


def phases(world: w.World, number: int) -> dict[str, Counter]:
    found: dict[str, Counter] = {}
    people, made = deleted(world, number), []
    found["accept"] = statements(lambda: made.append(batch_of(world, people)))
    purge_request = made[0].purge_request
    claim = claims.claim_request(purge_request.pk)
    found["plan"] = statements(lambda: engine._plan(claim))
    walk = sweep.Sweep(claim)
    found["sweep"] = statements(lambda: made.append(walk.chunk()))
    assert made[-1] is True  # in one transaction
    found["verify"] = statements(lambda: engine._verify(claim))
    assert w.completed(purge_request)
    return found


@pytest.mark.postgresql  # a minute's work for this one number, which is of use where there are many
def test_a_batch_of_five_hundred_takes_as_many_statements_as_one_of_five(cast, settings, monkeypatch):
    """The same statements in each phase, as many of each; neither is cut into chunks."""
    settings.PURGE_RATE_GUARD = 10_000
    monkeypatch.setattr(sweep, "WHOLE_SECONDS", 1_000.0)
    monkeypatch.setattr(engine, "PLAN_SECONDS", 1_000.0)
    # What a process believes for some seconds is asked once.
    for module, name in ((storage, "SEEN_SECONDS"), (site_fence, "SEEN_SECONDS"), (homes, "WELL_SECONDS")):
        monkeypatch.setattr(module, name, 1_000.0)
    phases(cast, 2)
    few, many = phases(cast, 5), phases(cast, 500)
    for phase, count in few.items():
        assert many[phase] == count, phase


def test_a_batch_is_one_claim_one_plan_one_line_and_one_end(cast, monkeypatch):
    lines: list[str] = []
    real = chains.append

    def append(owner, line, **kwargs):
        lines.append(line["event"])
        return real(owner, line, **kwargs)

    monkeypatch.setattr(chains, "append", append)
    purge_request = batch_of(cast, deleted(cast, 60)).purge_request
    assert lines == ["accepted"]
    assert w.completed(w.run_to_end(purge_request))
    events = Counter(purge_request.ledger.values_list("event", flat=True))
    assert events == {"accepted": 1, "batch": 1, "planned": 1, "people_erased": 1, "completed": 1}
    assert purge_request.fence == 1
    assert purge_request.ledger.get(event="people_erased").facts == {"people": 120, "own": 60, "already_gone": 0}


# ---------------------------------------------------------------- killed


@pytest.mark.parametrize("point", [1, 7, 60])
def test_a_batch_killed_in_between_ends_completed_with_each_thing_done_once(cast, monkeypatch, point):
    monkeypatch.setattr(sweep, "CHUNK_ROWS", 20)
    monkeypatch.setattr(sweep, "WHOLE_ROWS", 20)
    purge_request = batch_of(cast, deleted(cast, 55)).purge_request
    calls, real = {"n": 0}, plan.run_step

    def killed_once(step, run, **kwargs):
        calls["n"] += 1
        outcome = real(step, run, **kwargs)
        if calls["n"] == point:
            raise Killed
        return outcome

    monkeypatch.setattr(sweep, "run_step", killed_once)
    try:
        tasks.run_request(purge_request.pk)
    except Killed:
        assert Subject.objects.filter(request=purge_request, fate=Fate.WAITING).count() == 110
        expire_lease(purge_request)
    assert w.completed(w.run_to_end(purge_request))
    steps = list(purge_request.steps.values_list("planned", "done"))
    assert sum(done for _planned, done in steps) == sum(planned for planned, _done in steps) == 110
    assert not User.objects.filter(email__startswith="many").exists()
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 2


# ---------------------------------------------------------------- what is written meanwhile


def test_what_is_written_between_plan_and_sweep_is_found_by_the_verification(cast, monkeypatch):
    """On PostgreSQL the sweep that follows the plan does not ask the texts once more."""
    purge_request = batch_of(cast, [cast.ann]).purge_request
    real = engine._plan

    def somebody_writes(claim):
        scan = real(claim)
        w.mention_in_comment(cast, "ann@x.org")
        return scan

    monkeypatch.setattr(engine, "_plan", somebody_writes)
    assert w.completed(w.run_to_end(purge_request))
    assert not Comment.objects.filter(body__contains="ann@x.org").exists()
    assert Comment.objects.filter(body__startswith="Please ask ", body__endswith=" instead.").count() == 1
