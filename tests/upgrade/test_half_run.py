"""A request whose plan the first release had made and half done, and the tasks that it had queued."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils import timezone
from django.utils.module_loading import import_string

from purge.hashing import fingerprint, keyed_hash
from tests.purge import world as w

NOW = timezone.now()
ADDRESS = "ann@x.org"
#: All keys of a plan, in its order, as that release stored them.
PLAN = (Path(__file__).parent / "plan_of_the_first_release.txt").read_text().split()
#: A step whose rule has gone since.
GONE = "learning.Fax.sender"


@pytest.fixture
def half_run(old_database):
    """Somebody's purge after the 70th of its steps; rows of all three kinds of steps are left. Their primary keys."""
    old = old_database
    account = old.account(name="Acme")
    victim = old.user(account, ADDRESS, key=ADDRESS, state="purging", deleted_at=NOW, deleted_month="2026-11")
    other = old.user(account, "carl@x.org", key="carl@x.org", name="Carl", bio=f"Ask {ADDRESS}, or ann@x.orgs")
    board = old.model("learning.Board").objects.create(account=account, name="Board")
    post = old.model("learning.Post").objects.create(board=board, author=other)
    comments = old.model("learning.Comment").objects
    leaf = comments.create(post=post, author=victim, body="to go")
    held = comments.create(post=post, author=victim, body="to be emptied")
    reply = comments.create(post=post, author=other, parent=held, body="a reply")
    named = default_storage.save("imports/half_run.csv", ContentFile(f"email\n{ADDRESS}\n".encode()))
    log = old.model("users.ImportLog").objects.create(
        account=account, file=named, uploaded_at=NOW - timedelta(days=9), state="finished"
    )
    purge_request = old.model("purge.PurgeRequest").objects.create(
        reference="PUR-1",
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        status="running",
        planned=True,
        fence=1,
        lease_until=NOW - timedelta(minutes=1),
        rows_planned=5,
        rows_done=1,
        steps_left=len(PLAN) - 69,
        people_left=1,
        accepted_at=NOW - timedelta(hours=1),
        due_at=NOW + timedelta(days=30),
        key_fingerprint=fingerprint(),
        selected_count=1,
    )
    old.model("purge.Subject").objects.create(
        request=purge_request, person_id=victim.pk, account_id=account.pk, role="selected", earlier_state="deleted"
    )
    old.model("purge.Identifier").objects.create(request=purge_request, kind="email", value=ADDRESS)
    old.model("purge.SuppressionHash").objects.create(
        request=purge_request, kind="email", digest=keyed_hash("email", ADDRESS), key_fingerprint=fingerprint()
    )
    planned = {
        "users.LoginEvent.user": (1, 1),
        "learning.Comment.author": (2, 0),
        "users.User#addresses": (1, 0),
        "users.ImportLog#files": (1, 0),
        GONE: (3, 3),
    }
    done = set(PLAN[: PLAN.index("learning.Comment.author")])
    assert "users.LoginEvent.user" in done
    old.model("purge.PurgeStep").objects.bulk_create(
        old.model("purge.PurgeStep")(
            request=purge_request,
            position=position,
            key=key,
            words=f"Gelöscht: {key}",
            planned=planned.get(key, (0, 0))[0],
            done=planned.get(key, (0, 0))[1],
            state="done" if key in done or key == GONE else "waiting",
        )
        for position, key in enumerate([*PLAN, GONE])
    )
    rows = {"victim": victim, "other": other, "leaf": leaf, "held": held, "reply": reply, "log": log}
    old.upgrade()
    yield purge_request.pk, {name: row.pk for name, row in rows.items()}, named
    default_storage.delete(named)


def test_a_plan_that_was_half_done_is_ended(half_run):
    number, rows, file = half_run
    from learning.models import Comment
    from purge.installation.storage import begin_storage
    from purge.models import PurgeRequest
    from users.models import ImportLog, User

    assert begin_storage() == ""
    assert w.completed(w.run_to_end(PurgeRequest.objects.get(pk=number)))
    assert set(User.objects.values_list("pk", flat=True)) == {rows["other"]}
    assert User.objects.get(pk=rows["other"]).bio == "Ask [erased], or ann@x.orgs"
    left = {row.pk: (row.author_id, row.body) for row in Comment.objects.all()}
    assert left == {rows["held"]: (None, ""), rows["reply"]: (rows["other"], "a reply")}
    assert ImportLog.objects.get(pk=rows["log"]).file.name == ""
    assert not default_storage.exists(file)
    steps = PurgeRequest.objects.get(pk=number).steps
    assert dict(steps.filter(done__gt=0).values_list("key", "done")) == {
        "users.LoginEvent.user": 1,
        "learning.Comment.author": 2,
        "users.User#addresses": 1,
        "users.ImportLog#files": 1,
        GONE: 3,
    }
    assert set(steps.values_list("state", flat=True)) == {"done"}


def test_a_step_is_named_in_the_language_of_its_reader_not_of_its_worker(half_run):
    number, _rows, _file = half_run
    from purge.models import PurgeRequest
    from purge.pages.requests import step_lines

    lines, _empty = step_lines(PurgeRequest.objects.get(pk=number).steps.all(), everything=True)
    assert [line.label for line in lines] == [
        "Deleted: sign-ins",
        "Removed or emptied: comments",
        "Addresses taken out of users",
        "Files removed: import files",
        "Records of an earlier version",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "purge.tasks.run_request",
        "purge.tasks.beat",
        "purge.tasks.patrol",
        "purge.tasks.compact",
        "purge.tasks.remind",
        "users.tasks.run_import",
        "messaging.tasks.send_notification",
        "messaging.tasks.send_welcome",
        "messaging.tasks.send_due",
    ],
)
def test_a_task_that_the_first_release_queued_is_still_there(name):
    assert callable(import_string(name))
