"""The whole database as text, before and after: what is gone, what stayed to the letter, what changed as planned."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.db import transaction
from django.test import override_settings

from learning.models import Comment
from purge import services
from purge.addresses import emails_in
from purge.choices import Fate, Reason
from purge.rules.registry import get_registry
from tests.purge import world as w
from users.models import User

pytestmark = pytest.mark.django_db

OWN = ("purge_", "django_q_")
ADDRESSES = {w.ANN, w.FORMER, "böb@x.org"}


@dataclass
class Erased:
    """A purge of Ann and Bob in the furnished world, and what was noted before it."""

    world: w.World
    media: Path
    purge_request: Any
    before: dict[str, dict[str, str]]
    others_before: dict[int, dict[str, dict[str, str]]]
    files_before: list[str]
    texts: list[Any]
    people_before: set[int]
    logged: list[logging.LogRecord]
    after: dict[str, dict[str, str]]

    @property
    def others(self) -> list[Any]:
        return [self.world.globex, self.world.initech]


class Kept(logging.Handler):
    """Keeps every record of every level, as the test's own handler would."""

    def __init__(self) -> None:
        super().__init__("DEBUG")
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)  # which gives it the text of its exception
        self.records.append(record)


@pytest.fixture(scope="module")
def erased(django_db_setup, django_db_blocker, tmp_path_factory):
    """One purge, run once and looked at by every test of this file; none of them changes anything."""
    folder = tmp_path_factory.mktemp("erased")
    kept, root = Kept(), logging.getLogger()
    with (
        django_db_blocker.unblock(),
        override_settings(
            MEDIA_ROOT=folder / "media",
            PURGE_JOURNAL=folder / "journal" / "purge.jsonl",
            # More rows in other accounts than a day's guard lets through; it is not what is tested.
            PURGE_RATE_GUARD=1_000_000,
            PURGE_RATE_GUARD_TRIAL=1_000_000,
        ),
        transaction.atomic(),
    ):
        world = w.build_world()
        w.furnish(world, every_writing=True)
        User.objects.filter(pk=world.ann.pk).update(name="Unmistakable Annabel")
        texts = [w.mention_in_comment(world, near) for near in w.NEAR_MISSES]
        before = w.dump()
        noted = Erased(
            world=world,
            media=folder / "media",
            purge_request=None,
            before=before,
            others_before={account.pk: w.rows_of_account(account) for account in (world.globex, world.initech)},
            files_before=imports_of(world.globex),
            texts=texts,
            people_before=set(User.objects.values_list("pk", flat=True)),
            logged=kept.records,
            after={},
        )
        level = root.level
        root.addHandler(kept)
        root.setLevel("DEBUG")
        try:
            noted.purge_request = erase_ann(world)
        finally:
            root.setLevel(level)
            root.removeHandler(kept)
        noted.after = w.dump()
        yield noted
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def files_of_its_own(settings, erased: Erased) -> None:
    """Instead of a folder for each test: the one of the purge that all of them look at."""
    settings.MEDIA_ROOT = erased.media


def imports_of(account) -> list[str]:
    return sorted(default_storage.listdir(f"accounts/{account.public_id}/imports")[1])


def erase_ann(world: w.World):
    purge_request = services.purge_submit(
        acting_user=world.admin, account_id=world.acme.pk, user_ids=[world.ann.pk, world.bob.pk]
    )
    w.run_to_end(purge_request)
    assert w.completed(purge_request)
    return purge_request


def mentioned(dump: dict[str, dict[str, str]], keys: set[str]) -> list[str]:
    """Rows whose text mentions one of the addresses, in any writing, opaque columns decoded."""
    found = []
    for table, rows in dump.items():
        for pk, text in rows.items():
            row = json.loads(text)
            for column, value in row.items():
                decoder = get_registry().decoders.get((table, column))
                readable = decoder(value) if decoder else str(value)
                if emails_in(readable) & keys:
                    found.append(f"{table}.{column} {pk}")
    return found


def test_nothing_of_the_purged_is_left_outside_the_survivors_own_rows(erased):
    world = erased.world
    expected = {
        f"users_user.{column} {pk}"
        for pk in (world.gamma_creator.pk, world.globex_ann.pk)
        for column in ("email", "email_key")
    }
    globex = w.rows_of_account(world.globex)
    left = [
        place
        for place in mentioned(erased.after, ADDRESSES)
        if place not in expected and place.split()[1] not in globex.get(place.split(".")[0], {})
    ]
    assert left == []


def test_names_and_public_ids_of_the_purged_are_nowhere(erased):
    world = erased.world
    assert "Unmistakable Annabel" in json.dumps(erased.before, ensure_ascii=False)
    text = json.dumps(erased.after, ensure_ascii=False)
    assert "Unmistakable Annabel" not in text
    for victim in (world.ann, world.bob, world.alpha_match, world.beta_deleted_match):
        public_id = str(victim.public_id)
        assert public_id not in text
        assert public_id.replace("-", "") not in text
        assert not default_storage.exists(f"people/{public_id}") or default_storage.listdir(f"people/{public_id}") == (
            [],
            [],
        )


def test_logs_and_queued_tasks_name_nobody(erased):
    assert erased.logged
    for record in erased.logged:
        text = record.getMessage() + str(record.__dict__.get("exc_text") or "")
        assert "Unmistakable" not in text
        assert not emails_in(text) & ADDRESSES
    queued = {table: rows for table, rows in erased.after.items() if table.startswith("django_q_")}
    assert queued["django_q_ormq"]
    assert mentioned(queued, ADDRESSES) == []


def test_other_enterprises_stay_byte_for_byte(erased):
    assert {account.pk: w.rows_of_account(account) for account in erased.others} == erased.others_before
    assert erased.others_before[erased.world.globex.pk]["users_user"]
    assert imports_of(erased.world.globex) == erased.files_before


#: What consequences and acceptance change beside the plan: connectors stop, sessions are listed, links die, months are
#: counted anew, people are told.
CONSEQUENCES = {
    "connectors_connector",
    "connectors_blankedsetting",
    "connectors_webhook",
    "learning_session",
    "users_importlog",
    "users_deletedcount",
    "users_userrole",
    "messaging_notification",
}


def test_only_rows_that_the_plan_counted_change_elsewhere(erased):
    before, purge_request, after = erased.before, erased.purge_request, erased.after
    planned = {}
    for step in purge_request.steps.all():
        model = step.key.split("#")[0] if "#" in step.key else step.key.rpartition(".")[0]
        table = get_registry().entries[model].table
        planned[table] = planned.get(table, 0) + step.planned
    people = purge_request.subjects.filter(fate=Fate.ERASED).count()
    for table, rows in before.items():
        if table.startswith(OWN) or table in CONSEQUENCES:
            continue
        changed = sum(1 for pk, text in rows.items() if after[table].get(pk) != text)
        # A row that two rules change counts under both, so the plan's number may be the larger one.
        assert changed <= planned.get(table, 0) + (people if table == "users_user" else 0), table
        assert set(after[table]) <= set(rows), table


def test_on_a_quiet_database_the_run_does_what_the_plan_counted(erased):
    purge_request = erased.purge_request
    different = [(step.key, step.planned, step.done) for step in purge_request.steps.all() if step.planned != step.done]
    assert different == []
    assert purge_request.rows_done == purge_request.rows_planned > 50


def test_every_rule_of_a_person_was_at_work(erased):
    """No rule is without a row in the world, so none goes untested."""
    purge_request = erased.purge_request
    idle = {step.key for step in purge_request.steps.all() if not step.done and "#" not in step.key}
    without_rows = {
        f"{entry.rules.model}.{column.field.name}"
        for entry in get_registry().ordered
        for column in entry.references
        if entry.rules.model.startswith(("purge.", "admin."))
    } | {"users.Session.user", "users.Account.creator", "users.User_groups.user", "users.User_user_permissions.user"}
    assert idle - without_rows == {"users.User.manager", "users.User.deleted_by", "users.User.same_mailbox_as"}


def test_near_misses_keep_every_letter(erased):
    bodies = {comment.pk: comment.body for comment in erased.texts}
    assert len(bodies) == len(w.NEAR_MISSES)
    assert {pk: Comment.objects.get(pk=pk).body for pk in bodies} == bodies
    for user in [*erased.world.near, *erased.world.trial_near]:
        assert User.objects.get(pk=user.pk).email == user.email


def test_the_people_of_the_route_and_nobody_else_are_gone(erased):
    world, purge_request = erased.world, erased.purge_request
    gone = erased.people_before - set(User.objects.values_list("pk", flat=True))
    assert gone == {
        world.ann.pk,
        world.bob.pk,
        world.alpha_match.pk,
        world.beta_login_match.pk,
        world.beta_deleted_match.pk,
        world.delta_match.pk,
    }
    assert purge_request.subjects.filter(role=Reason.KEPT, fate=Fate.KEPT).values_list(
        "person_id", flat=True
    ).get() == (world.gamma_creator.pk)
