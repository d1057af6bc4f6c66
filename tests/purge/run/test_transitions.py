"""Which move between statuses is made by what, and that every other is refused and changes nothing."""

from __future__ import annotations

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.utils import timezone

from purge import services, tasks
from purge.models import PurgeRequest
from purge.run import claims, transitions
from purge.run.transitions import IllegalTransition
from tests.factories.users import AccountFactory, AdministratorFactory
from tests.purge import world as w

#: status → where it may go. "": not there yet.
NEXT = {
    "": {"queued", "held"},
    "held": {"queued", "cancelled"},
    "queued": {"queued", "running", "cancelled"},
    "running": {"verifying", "held", "needs_attention", "queued"},
    "verifying": {"completed", "erased", "running", "residue", "needs_attention", "queued"},
    "erased": {"completed", "residue"},
    "needs_attention": {"queued"},
    "residue": {"queued", "residue", "completed"},
    "completed": {"residue"},
    "cancelled": set(),
}
STATUSES = [status for status in NEXT if status]

#: What happens to a request: how it is called; from where it may happen; where it leads.
MOVES = {
    "release": (lambda row: transitions.release(row), {"held"}, "queued"),
    "start": (lambda row: transitions.start(row, at=timezone.now()), {"queued"}, "running"),
    "hold": (lambda row: transitions.hold(row, reason="rate"), {"running"}, "held"),
    "verify": (lambda row: transitions.verify(row), {"running"}, "verifying"),
    "await check": (lambda row: transitions.await_check(row), {"verifying"}, "erased"),
    "run again": (lambda row: transitions.run_again(row, verifications=1), {"verifying"}, "running"),
    "complete": (
        lambda row: transitions.complete(row, kept=0),
        {"verifying", "erased", "residue"},
        "completed",
    ),
    "find residue": (
        lambda row: transitions.find_residue(row, left=1),
        {"verifying", "erased", "residue", "completed"},
        "residue",
    ),
    "stop": (
        lambda row: transitions.stop(row, error_class="WorkerDied", step="plan"),
        {"running", "verifying"},
        "needs_attention",
    ),
    "retry": (lambda row: transitions.retry(row), {"needs_attention", "residue"}, "queued"),
    "cancel": (lambda row: transitions.cancel(row), {"held", "queued"}, "cancelled"),
}
#: Where a retry is due only while the next attempt is: nobody is to be interrupted.
PAUSING = {"queued", "running", "verifying"}


@pytest.fixture
def make(db):
    admin = AdministratorFactory(account=AccountFactory())

    def request(status: str, **fields) -> PurgeRequest:
        now = timezone.now()
        if status == "completed":
            fields = {"planned": True, "verified_at": now, "completed_at": now, **fields}
        return PurgeRequest.objects.create(
            reference=f"PUR-{PurgeRequest.objects.count():04}",
            route="ui_enterprise",
            origin="admin",
            account_id=admin.account_id,
            initiator=admin,
            status=status,
            key_fingerprint="0" * 16,
            due_at=now + timedelta(days=30),
            **fields,
        )

    return request


def row_of(purge_request: PurgeRequest) -> dict:
    return PurgeRequest.objects.filter(pk=purge_request.pk).values().get()


def test_the_table_says_where_a_request_may_go():
    assert {status: transitions.allowed_next(status or None) for status in NEXT} == NEXT


def test_every_move_of_the_table_has_a_letter_of_its_own():
    assert len(transitions.LETTERED) == len(transitions.ARROWS) == sum(len(targets) for targets in NEXT.values())
    moves = [(arrow.source, arrow.target) for arrow in transitions.ARROWS]
    assert len(set(moves)) == len(moves)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("move", MOVES)
def test_a_move_is_made_from_its_statuses_and_from_no_other(make, move, status):
    act, sources, target = MOVES[move]
    purge_request, other = make(status), make(status)
    before, of_other = row_of(purge_request), row_of(other)
    if move == "complete":
        PurgeRequest.objects.filter(pk=purge_request.pk).update(planned=True)
        before = row_of(purge_request)
    if status in sources:
        act(purge_request)
        assert row_of(purge_request)["status"] == target
        assert target in NEXT[status]
    else:
        with pytest.raises(IllegalTransition):
            act(purge_request)
        assert row_of(purge_request) == before
    assert row_of(other) == of_other


@pytest.mark.parametrize("status", STATUSES)
def test_a_retry_that_is_due_later_is_made_now(make, status):
    purge_request = make(status, next_attempt_at=timezone.now() + timedelta(minutes=5), attempts=2)
    before = row_of(purge_request)
    if status in PAUSING | {"needs_attention", "residue"}:
        transitions.retry(purge_request)
        after = row_of(purge_request)
        assert (after["status"], after["attempts"], after["next_attempt_at"]) == ("queued", 0, None)
    else:
        with pytest.raises(IllegalTransition):
            transitions.retry(purge_request)
        assert row_of(purge_request) == before


@pytest.mark.parametrize("status", ["held", "queued"])
def test_what_was_planned_is_not_cancelled(make, status):
    purge_request = make(status, planned=True)
    before = row_of(purge_request)
    with pytest.raises(IllegalTransition):
        transitions.cancel(purge_request)
    assert row_of(purge_request) == before


@pytest.mark.parametrize(("held", "status"), [("", "queued"), ("rate", "held")])
def test_a_request_begins_queued_or_held(db, held, status):
    purge_request = transitions.accept(
        held=held,
        reference="PUR-1",
        route="ims_trial",
        origin="ims",
        key_fingerprint="0" * 16,
        due_at=timezone.now() + timedelta(days=30),
    )
    assert (purge_request.status, purge_request.held_reason, row_of(purge_request)["status"]) == (status, held, status)


@pytest.mark.parametrize(
    ("move", "as_read", "meanwhile"),
    [
        ("release", "held", "cancelled"),
        ("cancel", "queued", "running"),
        ("retry", "needs_attention", "queued"),
        ("complete", "verifying", "cancelled"),
        ("stop", "running", "completed"),
    ],
)
def test_who_has_read_it_earlier_is_refused_by_the_update_itself(make, move, as_read, meanwhile):
    purge_request = make(as_read, planned=move == "complete")
    moment = timezone.now()
    PurgeRequest.objects.filter(pk=purge_request.pk).update(
        status=meanwhile, planned=move != "cancel", verified_at=moment, completed_at=moment
    )
    assert purge_request.status == as_read
    before = row_of(purge_request)
    with pytest.raises(IllegalTransition):
        MOVES[move][0](purge_request)
    assert row_of(purge_request) == before


def test_completed_is_refused_by_the_database_where_nothing_was_planned(make):
    purge_request = make("verifying")
    with pytest.raises(DatabaseError), transaction.atomic():
        transitions.complete(purge_request, kept=0)
    assert row_of(purge_request)["status"] == "verifying"


# ---------------------------------------------------------------- what a move leaves in the row


def test_a_move_says_what_it_stands_for(make):
    start = timezone.now() - timedelta(hours=1)
    purge_request = make("queued", started_at=None)
    transitions.start(purge_request, at=start)
    assert row_of(purge_request)["started_at"] == row_of(purge_request)["progress_at"] == start
    transitions.hold(purge_request, reason="members")
    held = row_of(purge_request)
    assert (held["held_reason"], held["released_at"], held["lease_until"]) == ("members", None, None)
    transitions.release(purge_request)
    released = row_of(purge_request)
    assert (released["held_reason"], released["released_at"] >= start) == ("", True)
    purge_request.refresh_from_db()
    transitions.start(purge_request, at=timezone.now())
    assert row_of(purge_request)["started_at"] == start  # since when it runs, not since when it goes on
    transitions.stop(purge_request, error_class="E" * 100, step="s" * 200)
    stopped = row_of(purge_request)
    assert (stopped["error_class"], stopped["error_step"]) == ("E" * 80, "s" * 120)


def test_what_was_found_ends_with_the_pass_that_finds_nothing(make):
    purge_request = make("completed", patrolled_at=timezone.now())
    transitions.find_residue(purge_request, left=3)
    found = row_of(purge_request)
    assert (found["residue_left"], found["reopened"], found["completed_at"], found["patrolled_at"]) == (
        3,
        True,
        None,
        None,
    )
    transitions.complete(purge_request, kept=2)
    over = row_of(purge_request)
    assert (over["residue_left"], over["kept_count"], over["reopened"]) == (0, 2, True)
    assert over["completed_at"] is not None
    assert over["completed_at"] == over["verified_at"] == over["patrolled_at"]


# ---------------------------------------------------------------- through the doors


def accepted(cast) -> PurgeRequest:
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])


def test_a_verification_that_waits_for_its_next_attempt_is_tried_again_at_once(cast, monkeypatch):
    purge_request = accepted(cast)

    def cannot(*args, **kwargs):
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr("purge.run.engine.probe.verify", cannot)
        tasks.run_request(purge_request.pk)
    purge_request.refresh_from_db()
    assert (purge_request.status, purge_request.error_class) == ("verifying", "RuntimeError")
    assert purge_request.next_attempt_at is not None
    assert tasks.run_request(purge_request.pk) == "nothing to do"
    again = services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    assert (again.status, again.attempts, again.next_attempt_at) == ("queued", 0, None)
    assert w.completed(w.run_to_end(purge_request))


def test_a_verification_at_work_is_not_tried_again(cast):
    purge_request = accepted(cast)
    PurgeRequest.objects.filter(pk=purge_request.pk).update(status="verifying", planned=True)
    with pytest.raises(services.PurgeRefused) as refused:
        services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    assert refused.value.code == "nothing_to_retry"
    purge_request.refresh_from_db()
    assert purge_request.status == "verifying"


def test_a_cancelled_request_is_claimed_by_nobody_and_a_claimed_one_is_not_cancelled(cast):
    purge_request = accepted(cast)
    services.purge_cancel(acting_user=cast.admin, purge_request=purge_request)
    assert claims.claim_request(purge_request.pk) is None
    other = accepted(cast)
    assert claims.claim_request(other.pk) is not None
    with pytest.raises(services.PurgeRefused) as refused:
        services.purge_cancel(acting_user=cast.admin, purge_request=other)
    assert refused.value.code == "too_late"
    other.refresh_from_db()
    assert other.status == "running"


# ---------------------------------------------------------------- nothing goes past the table

WRITERS = {"create", "update", "get_or_create", "update_or_create", "aupdate", "acreate"}


def writes_of_a_status(source: str) -> list[int]:
    """The lines that set a column ``status``: by keyword of a writing call or of the model, or by assignment."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and any(keyword.arg == "status" for keyword in node.keywords):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in WRITERS | {"PurgeRequest"}:
                lines.append(node.lineno)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Attribute) and target.attr == "status" for target in targets):
            lines.append(node.lineno)
    return sorted(lines)


def test_a_writer_is_seen():
    assert writes_of_a_status('rows.filter(status="held").update(status="queued")') == [1]
    assert writes_of_a_status('request = PurgeRequest(status="queued")\nrequest.status = "held"') == [1, 2]
    assert writes_of_a_status('JsonResponse({}, status=503)\nrows.filter(status="held").exists()') == []


def test_nothing_else_in_the_purge_writes_a_status():
    root = Path(settings.BASE_DIR) / "purge"
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "migrations" not in path.parts and writes_of_a_status(path.read_text())
    }
    assert found == {"run/transitions.py"}


# ---------------------------------------------------------------- the diagram


def test_the_page_in_the_documentation_is_what_the_table_says(capsys):
    call_command("purge_transitions")
    page = (Path(settings.BASE_DIR) / "docs" / "life-of-a-request.md").read_text()
    assert capsys.readouterr().out == page
    for source, targets in NEXT.items():
        for target in targets:
            assert page.count(f"    {source or '[*]'} --> {target}: ") == 1
