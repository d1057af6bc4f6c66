"""The life of a request under bad luck: killed, repeated, raced, blocked, planted."""

from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from learning.models import Comment, Enrolment
from messaging.models import Announcement, Notification
from purge import services, tasks
from purge.addresses import ERASED
from purge.choices import Fate, Status
from purge.models import Identifier, PurgeRequest, Residue, SuppressionHash
from purge.proof import prefixes, probe, texts
from purge.run import claims, engine, sweep
from purge.steps import plan
from tests.connections import another_connection
from tests.factories.learning import CommentFactory, CourseFactory, EnrolmentFactory
from tests.factories.messaging import AnnouncementFactory, MailLogFactory
from tests.factories.users import UserAuditFactory, UserFactory
from tests.purge import world as w
from users.models import Account, Session, User, UserAudit, UserRole, UserState


class Killed(BaseException):
    """Stands for SIGKILL: no handler of the program sees it."""


def submit(world: w.World, *people: User) -> PurgeRequest:
    people = people or (world.ann, world.bob)
    return services.purge_submit(
        acting_user=world.admin, account_id=world.acme.pk, user_ids=[person.pk for person in people]
    )


def expire_lease(purge_request: PurgeRequest) -> None:
    PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(sweep, "CHUNK_ROWS", 7)
    monkeypatch.setattr(sweep, "WHOLE_ROWS", 7)


# ---------------------------------------------------------------- freezing


def test_acceptance_freezes_the_people_and_ends_their_sessions(cast):
    Session.objects.create(
        session_key="a" * 32, session_data="x", expire_date=timezone.now() + timedelta(days=1), user=cast.alpha_match
    )
    submit(cast)
    states = dict(User.objects.values_list("pk", "state"))
    assert {states[p.pk] for p in (cast.ann, cast.bob, cast.alpha_match, cast.delta_match)} == {UserState.PURGING}
    assert states[cast.gamma_creator.pk] == states[cast.witness.pk] == UserState.ACTIVE
    assert not Session.objects.filter(user=cast.alpha_match).exists()


def test_the_request_id_the_captured_identifiers_and_the_journal_are_there_before_anything_is_destroyed(cast, settings):
    purge_request = submit(cast, cast.ann)
    captured = set(Identifier.objects.filter(request=purge_request).values_list("kind", "value", "local"))
    assert ("email", w.ANN, False) in captured
    assert ("email", w.FORMER, True) in captured
    assert ("login", "ann-login", False) in captured
    (chain,) = settings.PURGE_JOURNAL.with_name("purge.jsonl.d").glob("*.jsonl")
    line = chain.read_text()
    assert purge_request.reference in line
    assert str(cast.ann.pk) in line
    assert "@" not in line


def test_after_completion_no_identifier_is_kept_in_the_open(cast):
    purge_request = submit(cast)
    assert w.completed(w.run_to_end(purge_request))
    assert not Identifier.objects.exists()
    assert SuppressionHash.objects.filter(request=purge_request).exists()
    row = str([list(PurgeRequest.objects.values_list()), list(SuppressionHash.objects.values_list())])
    assert "@" not in row


# ---------------------------------------------------------------- killed


#: On SQLite alone: a whole purge in small chunks takes some six seconds of PostgreSQL's processor time, and
#: test_worker.py kills real processes on both databases, at random moments.
IN_BETWEEN = pytest.mark.sqlite


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(55, marks=pytest.mark.both_databases),
        *(pytest.param(point, marks=IN_BETWEEN) for point in (5, 120)),
        *(pytest.param(point, marks=pytest.mark.whole) for point in (1, 21, 89)),
    ],
)
def test_killed_at_any_step_it_ends_completed_with_each_thing_done_once(furnished, small_chunks, monkeypatch, point):
    purge_request = submit(furnished)
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
        assert tasks.run_request(purge_request.pk) == "nothing to do"  # the lease of the dead worker still runs
        expire_lease(purge_request)
    assert w.completed(w.run_to_end(purge_request))
    steps = list(purge_request.steps.values_list("planned", "done"))
    assert sum(done for _planned, done in steps) == sum(planned for planned, _done in steps)
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1


@pytest.mark.parametrize(
    "where",
    [
        "_plan",
        "_verify",
        *(pytest.param(stage, marks=IN_BETWEEN) for stage in ("_erase_files", "close_request", "forget_identifiers")),
    ],
)
def test_killed_between_the_stages_it_ends_completed(furnished, monkeypatch, where):
    purge_request = submit(furnished)
    real = getattr(engine, where)
    calls = {"n": 0}

    def killed_once(*args, **kwargs):
        calls["n"] += 1
        if calls["n"] == 1:
            real(*args, **kwargs)
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(engine, where, killed_once)
    with pytest.raises(Killed):
        tasks.run_request(purge_request.pk)
    purge_request.refresh_from_db()
    if purge_request.status != Status.COMPLETED:
        expire_lease(purge_request)
        w.run_to_end(purge_request)
    assert w.completed(purge_request)
    assert calls["n"] >= 1
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1


@pytest.mark.postgresql
def test_only_the_transaction_that_deletes_the_people_locks_them_and_waits_for_the_disk(furnished, small_chunks):
    """A chunk that a power cut takes back is done again; nobody who writes for the people waits for it."""
    purge_request = submit(furnished)
    deleting = 0
    with CaptureQueriesContext(connection) as captured:
        assert tasks.run_request(purge_request.pk) == "over"
    for statements in transactions_of(captured):
        unflushed = any("synchronous_commit = off" in sql for sql in statements)
        if any(sql.startswith('DELETE FROM "users_user" ') for sql in statements):
            deleting += 1
            assert not unflushed
        elif any(sql.startswith("DELETE") and "ctid" in sql for sql in statements):
            assert unflushed
        if unflushed:
            # The people themselves; that somebody loses his manager is another matter.
            assert not any('"users_user"."public_id"' in sql and "FOR UPDATE" in sql for sql in statements)
    assert deleting == 1
    assert PurgeRequest.objects.get(pk=purge_request.pk).status == Status.COMPLETED


def transactions_of(captured: CaptureQueriesContext) -> list[list[str]]:
    """The captured statements, by the engine's transactions: each begins with its time limits."""
    found: list[list[str]] = [[]]
    for query in captured.captured_queries:
        if query["sql"].startswith("SET LOCAL statement_timeout"):
            found.append([])
        found[-1].append(query["sql"])
    return found


def test_a_worker_that_was_thought_dead_cannot_commit(furnished, small_chunks):
    purge_request = submit(furnished)
    first = claims.claim_request(purge_request.pk)
    assert first is not None
    engine._plan(first)
    walk = sweep.Sweep(first)
    walk.chunk()
    expire_lease(purge_request)
    second = claims.claim_request(purge_request.pk)
    assert second is not None
    assert second.fence > first.fence
    before = w.dump()
    with pytest.raises(claims.StaleClaim):
        walk.chunk()
    assert w.dump() == before
    assert engine.work(second) is False
    assert w.completed(purge_request)


def test_a_task_delivered_fifty_times_does_each_thing_once(cast):
    purge_request = submit(cast)
    answers = [tasks.run_request(purge_request.pk) for _n in range(50)]
    assert answers == ["over"] + ["nothing to do"] * 49
    assert w.completed(purge_request)
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1


def test_a_worker_that_always_dies_does_not_run_for_ever(cast, monkeypatch):
    purge_request = submit(cast)

    def dies(claim, **kwargs):
        raise Killed

    monkeypatch.setattr(engine, "work", dies)
    for _n in range(claims.MAX_CRASHES):
        with pytest.raises(Killed):
            tasks.run_request(purge_request.pk)
        expire_lease(purge_request)
    assert tasks.run_request(purge_request.pk) == "nothing to do"
    purge_request.refresh_from_db()
    assert (purge_request.status, purge_request.error_class) == (Status.NEEDS_ATTENTION, "WorkerDied")


def test_a_time_slice_that_is_over_queues_the_next(furnished, small_chunks, settings):
    purge_request = submit(furnished)
    claim = claims.claim_request(purge_request.pk)
    assert engine.work(claim, seconds=0) is True
    purge_request.refresh_from_db()
    assert purge_request.lease_until is None
    assert w.completed(w.run_to_end(purge_request, slices=1))


# ---------------------------------------------------------------- failing


def test_failures_are_tried_five_times_with_growing_pauses_then_people_are_asked(cast, monkeypatch, caplog):
    purge_request = submit(cast)

    def fails(step, run, **kwargs):
        raise ZeroDivisionError(f"{w.ANN} divided")

    monkeypatch.setattr(sweep, "run_step", fails)
    pauses = []
    for attempt in range(1, 6):
        assert tasks.run_request(purge_request.pk) == "failed"
        purge_request.refresh_from_db()
        assert purge_request.attempts == attempt
        if attempt < 5:
            pauses.append((purge_request.next_attempt_at - timezone.now()).total_seconds())
            assert tasks.run_request(purge_request.pk) == "nothing to do"
            PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=timezone.now())
    assert pauses == sorted(pauses)
    assert pauses[-1] > 10 * pauses[0]
    assert (purge_request.status, purge_request.error_class) == (Status.NEEDS_ATTENTION, "ZeroDivisionError")
    assert purge_request.error_step
    assert w.ANN not in caplog.text
    assert Notification.objects.filter(request_id=purge_request.pk, kind="needs_attention").count() == 1
    monkeypatch.undo()
    services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))


def test_a_chunk_is_repeated_when_the_database_says_try_again(cast, monkeypatch):
    purge_request = submit(cast)
    real, calls = plan.run_step, {"n": 0}

    def deadlocks_twice(step, run, **kwargs):
        calls["n"] += 1
        if calls["n"] in (3, 9):
            if connection.vendor == "sqlite":
                raise OperationalError("database is locked")
            error = IntegrityError("deadlock")
            error.__cause__ = type("Cause", (Exception,), {"sqlstate": "40P01"})()
            raise error
        return real(step, run, **kwargs)

    monkeypatch.setattr(sweep, "run_step", deadlocks_twice)
    monkeypatch.setattr(claims.time, "sleep", lambda seconds: None)
    assert tasks.run_request(purge_request.pk) == "over"
    assert w.completed(purge_request)
    assert purge_request.attempts == 0


# ---------------------------------------------------------------- somebody who cannot be deleted


@pytest.fixture
def unruled_table(transactional_db):
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE legacy_badge (id integer PRIMARY KEY, owner bigint NOT NULL REFERENCES users_user (id))"
        )
    yield "legacy_badge"
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS legacy_badge")


def test_one_who_cannot_be_deleted_does_not_keep_the_others(unruled_table, transactional_db):
    world = w.build_world()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE legacy_badge")
    purge_request = submit(world)
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE legacy_badge (id integer PRIMARY KEY, owner bigint NOT NULL REFERENCES users_user (id))"
        )
        cursor.execute("INSERT INTO legacy_badge VALUES (1, %s)", [world.bob.pk])
    w.run_to_end(purge_request)
    assert (purge_request.status, purge_request.error_class, purge_request.error_step) == (
        Status.NEEDS_ATTENTION,
        "PersonCannotBeDeleted",
        "legacy_badge",
    )
    assert not User.objects.filter(pk=world.ann.pk).exists()
    assert User.objects.get(pk=world.bob.pk).state == UserState.PURGING
    assert purge_request.subjects.get(person_id=world.bob.pk).stuck_table == "legacy_badge"
    assert purge_request.people_left == 1
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM legacy_badge")
    services.purge_retry(acting_user=world.admin, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(pk=world.bob.pk).exists()
    assert Notification.objects.filter(request_id=purge_request.pk, kind="completed").count() == 1


def test_completed_is_refused_by_the_database_while_anything_is_left(cast):
    purge_request = submit(cast)
    for changes in (
        {"status": Status.COMPLETED},
        {"status": Status.COMPLETED, "people_left": 0, "planned": True, "completed_at": timezone.now()},
        {
            "status": Status.COMPLETED,
            "people_left": 0,
            "planned": True,
            "completed_at": timezone.now(),
            "verified_at": timezone.now(),
            "residue_left": 1,
        },
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            PurgeRequest.objects.filter(pk=purge_request.pk).update(**changes)


# ---------------------------------------------------------------- planted behind the rules' back


def test_an_address_in_a_column_without_a_treatment_is_residue_and_named(cast):
    purge_request = submit(cast, cast.ann)
    # A column of the system's own words, written to behind its back.
    audit = UserAuditFactory(user=UserFactory(account=cast.acme))
    UserAudit.objects.filter(pk=audit.pk).update(event=f"told {w.ANN}")
    w.run_to_end(purge_request)
    assert purge_request.status == Status.RESIDUE
    residue = Residue.objects.get(request=purge_request)
    assert (residue.table, residue.column, residue.row, residue.ruled) == (
        "users_useraudit",
        "event",
        str(audit.pk),
        False,
    )
    assert w.ANN not in str(list(Residue.objects.values()))
    # Trying again does not help while it is there: it only completes through a clean pass.
    services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    w.run_to_end(purge_request)
    assert purge_request.status == Status.RESIDUE
    UserAudit.objects.filter(pk=audit.pk).update(event="told")
    services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert Residue.objects.get(request=purge_request).gone_at is not None


def test_an_address_in_a_ruled_column_that_comes_back_is_taken_out_again(cast, monkeypatch):
    """Somebody saves an old page while the request is being verified: the plan runs once more."""
    purge_request = submit(cast, cast.ann)
    announcement = AnnouncementFactory(account=cast.acme, body="harmless")
    real, calls = probe.verify, {"n": 0}

    def planted(current):
        calls["n"] += 1
        if calls["n"] == 1:
            Announcement.objects.filter(pk=announcement.pk).update(body=f"Ask {w.ANN}")
        return real(current)

    monkeypatch.setattr(probe, "verify", planted)
    assert w.completed(w.run_to_end(purge_request))
    announcement.refresh_from_db()
    assert announcement.body == "Ask [erased]"
    assert calls["n"] >= 2


def test_what_comes_back_for_ever_ends_as_residue_not_as_completed(cast, monkeypatch):
    purge_request = submit(cast, cast.ann)
    announcement = AnnouncementFactory(account=cast.acme, body="harmless")
    real = probe.verify

    def planted(current):
        Announcement.objects.filter(pk=announcement.pk).update(body=f"Ask {w.ANN}")
        return real(current)

    monkeypatch.setattr(probe, "verify", planted)
    monkeypatch.setattr(texts, "is_small", lambda: True)
    w.run_to_end(purge_request)
    if connection.vendor == "postgresql":
        assert purge_request.status == Status.RESIDUE
    assert purge_request.status != Status.COMPLETED


def test_a_stray_file_under_the_persons_prefix_goes(cast):
    name = default_storage.save(f"people/{cast.ann.public_id}/stray/note", ContentFile(b"secret"))
    kept = default_storage.save(f"people/{cast.witness.public_id}/avatar/pic", ContentFile(b"mine"))
    assert w.completed(w.run_to_end(submit(cast, cast.ann)))
    assert not default_storage.exists(name)
    assert default_storage.exists(kept)


# ---------------------------------------------------------------- the hash key


def test_with_another_hash_key_nothing_completes(cast, settings):
    purge_request = submit(cast, cast.ann)
    settings.PURGE_HASH_KEY = "another key of at least thirty-two characters"
    assert tasks.run_request(purge_request.pk) == "failed"
    purge_request.refresh_from_db()
    assert purge_request.status != Status.COMPLETED
    assert purge_request.error_class == "CouldNotLook"
    settings.PURGE_HASH_KEY = "k" * 40
    PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=None)


def test_without_the_hash_key_nothing_is_accepted(cast, settings):
    settings.PURGE_HASH_KEY = ""
    with pytest.raises(services.PurgeRefused, match="Purging is paused") as refused:
        submit(cast, cast.ann)
    assert "PURGE_HASH_KEY" in refused.value.details
    assert PurgeRequest.objects.count() == 0
    cast.ann.refresh_from_db()
    assert cast.ann.state == UserState.DELETED


# ---------------------------------------------------------------- others write meanwhile


def test_rows_that_come_while_it_runs_do_not_survive_and_no_edit_is_lost(furnished, small_chunks, monkeypatch):
    purge_request = submit(furnished)
    comment = CommentFactory(post__board__account=furnished.acme, author=furnished.witness, body=f"Ask {w.ANN} first.")
    other = CommentFactory(post__board__account=furnished.acme, author=furnished.witness, body="untouched")
    real, calls = plan.run_step, {"n": 0}

    def with_writers(step, run, **kwargs):
        calls["n"] += 1
        outcome = real(step, run, **kwargs)
        if calls["n"] in (20, 60):
            EnrolmentFactory(user=furnished.ann, course=CourseFactory(account=furnished.acme))
            CommentFactory(post=comment.post, author=furnished.ann)
            current = Comment.objects.get(pk=comment.pk).body
            Comment.objects.filter(pk=comment.pk).update(body=f"{current} Edit {calls['n']}.")
            Comment.objects.filter(pk=other.pk).update(body=f"edited {calls['n']}")
        return outcome

    monkeypatch.setattr(sweep, "run_step", with_writers)
    assert w.completed(w.run_to_end(purge_request))
    comment.refresh_from_db()
    other.refresh_from_db()
    assert comment.body.replace(w.ANN, "[erased]") == "Ask [erased] first. Edit 20. Edit 60."
    assert w.ANN not in comment.body
    assert other.body == "edited 60"
    assert not Enrolment.objects.filter(user_id=furnished.ann.pk).exists()


@pytest.mark.sqlite
@pytest.mark.parametrize("somebody_writes", [False, True])
def test_where_no_index_helps_texts_are_looked_through_once_unless_somebody_writes(
    transactional_db, monkeypatch, somebody_writes
):
    world = w.build_world()
    comment = w.mention_in_comment(world, "somebody")
    MailLogFactory(account=world.acme)  # a table without a row is not looked through at all
    purge_request, real = submit(world, world.ann), engine._plan

    def plan_and_then(claim):
        looked = real(claim)
        if somebody_writes:
            with another_connection() as other, other.cursor() as cursor:
                cursor.execute("UPDATE learning_comment SET body = %s WHERE id = %s", [w.ANN, comment.pk])
        return looked

    monkeypatch.setattr(engine, "_plan", plan_and_then)
    with CaptureQueriesContext(connection) as captured:
        assert w.completed(w.run_to_end(purge_request))
    looks = [q["sql"] for q in captured if "looked_at" in q["sql"] and 'FROM "messaging_maillog"' in q["sql"]]
    assert len(looks) == (2 if somebody_writes else 1)
    comment.refresh_from_db()
    purge_request.refresh_from_db()
    assert comment.body == (ERASED if somebody_writes else "Please ask somebody instead.")
    assert purge_request.verifications == 0  # it was the sweep that found it, not the proof


def test_when_the_initiator_is_deleted_meanwhile_the_next_heir_inherits_and_is_told(cast):
    course = CourseFactory(account=cast.acme, author=cast.ann)
    purge_request = submit(cast, cast.ann)
    UserRole.objects.filter(user=cast.admin).delete()
    User.objects.filter(pk=cast.admin.pk).update(
        state=UserState.DELETED, deleted_at=timezone.now(), deleted_month="2026-02"
    )
    assert w.completed(w.run_to_end(purge_request))
    course.refresh_from_db()
    assert course.author_id == cast.admin2.pk
    told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
    assert list(told.values_list("recipient_id", flat=True)) == [cast.admin2.pk]


def test_the_initiator_inherits_in_his_account_and_never_in_another(cast):
    own = CourseFactory(account=cast.acme, author=cast.ann)
    trial = CourseFactory(account=cast.alpha, author=cast.alpha_match)
    assert w.completed(w.run_to_end(submit(cast, cast.ann)))
    own.refresh_from_db()
    trial.refresh_from_db()
    assert own.author_id == cast.admin.pk
    assert trial.author_id == Account.objects.get(pk=cast.alpha.pk).creator_id


# ---------------------------------------------------------------- several requests


def test_the_same_human_purged_by_two_accounts_completes_twice_and_goes_once(cast):
    User.objects.filter(pk=cast.globex_ann.pk).update(
        state=UserState.DELETED, deleted_at=timezone.now(), deleted_month="2026-02"
    )
    globex_admin = User.objects.get(email="admin@globex.example")
    first = submit(cast, cast.ann)
    second = services.purge_submit(acting_user=globex_admin, account_id=cast.globex.pk, user_ids=[cast.globex_ann.pk])
    assert w.completed(w.run_to_end(first))
    assert w.completed(w.run_to_end(second))
    assert first.subjects.get(person_id=cast.alpha_match.pk).fate == Fate.ERASED
    assert second.subjects.get(person_id=cast.alpha_match.pk).fate == Fate.GONE
    for purge_request, admin in ((first, cast.admin), (second, globex_admin)):
        told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
        assert list(told.values_list("recipient_id", flat=True)) == [admin.pk]


def test_a_freeze_lasts_until_the_last_request_that_holds_it_has_ended(cast):
    User.objects.filter(pk=cast.globex_ann.pk).update(
        state=UserState.DELETED, deleted_at=timezone.now(), deleted_month="2026-02"
    )
    globex_admin = User.objects.get(email="admin@globex.example")
    first = submit(cast, cast.ann)
    second = services.purge_submit(acting_user=globex_admin, account_id=cast.globex.pk, user_ids=[cast.globex_ann.pk])
    services.purge_cancel(acting_user=cast.admin, purge_request=first)
    cast.alpha_match.refresh_from_db()
    cast.ann.refresh_from_db()
    assert cast.ann.state == UserState.DELETED
    assert cast.alpha_match.state == UserState.PURGING
    services.purge_cancel(acting_user=globex_admin, purge_request=second)
    cast.alpha_match.refresh_from_db()
    assert cast.alpha_match.state == UserState.ACTIVE
    assert not Identifier.objects.exists()


def test_only_a_request_that_has_not_begun_can_be_cancelled(cast):
    purge_request = submit(cast)
    assert w.completed(w.run_to_end(purge_request))
    with pytest.raises(services.PurgeRefused, match="cannot be cancelled"):
        services.purge_cancel(acting_user=cast.admin, purge_request=purge_request)


def test_files_of_the_purged_go_and_others_stay(furnished):
    own = list(prefixes.files_under(str(furnished.ann.public_id)))
    globex = f"accounts/{furnished.globex.public_id}/imports"
    others = sorted(default_storage.listdir(globex)[1])
    assert own, "the world stores files of the person"
    assert w.completed(w.run_to_end(submit(furnished)))
    assert not any(default_storage.exists(name) for name in own)
    assert list(prefixes.files_under(str(furnished.ann.public_id))) == []
    imports = f"accounts/{furnished.delta.public_id}/imports"
    # delta lost a match: every import file of it is erased; globex lost nobody and keeps its own.
    assert default_storage.listdir(imports)[1] == []
    assert others
    assert sorted(default_storage.listdir(globex)[1]) == others


def test_a_user_added_again_afterwards_is_a_new_user_from_nothing(cast):
    assert w.completed(w.run_to_end(submit(cast, cast.ann)))
    again = UserFactory(account=cast.acme, email=w.ANN)
    assert again.pk != cast.ann.pk
    assert not again.former_emails.exists()
