"""The whole database as text, before and after: what is gone, what stayed to the letter, what changed as planned."""

import json

from django.core.files.storage import default_storage

from purge import services
from purge.addresses import emails_in
from purge.choices import Fate, Reason
from purge.rules.registry import get_registry
from tests.purge import world as w
from users.models import User

OWN = ("purge_", "django_q_")


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


def test_nothing_of_the_purged_is_left_outside_the_survivors_own_rows(furnished):
    erase_ann(furnished)
    dump = w.dump()
    expected = {
        f"users_user.{column} {pk}"
        for pk in (furnished.gamma_creator.pk, furnished.globex_ann.pk)
        for column in ("email", "email_key")
    }
    globex = w.rows_of_account(furnished.globex)
    left = [
        place
        for place in mentioned(dump, {w.ANN, w.FORMER, "böb@x.org"})
        if place not in expected and place.split()[1] not in globex.get(place.split(".")[0], {})
    ]
    assert left == []


def test_names_and_public_ids_of_the_purged_are_nowhere(furnished, settings):
    victims = [furnished.ann, furnished.bob, furnished.alpha_match, furnished.beta_deleted_match]
    ids = [str(victim.public_id) for victim in victims]
    User.objects.filter(pk=furnished.ann.pk).update(name="Unmistakable Annabel")
    erase_ann(furnished)
    text = json.dumps(w.dump(), ensure_ascii=False)
    assert "Unmistakable Annabel" not in text
    for public_id in ids:
        assert public_id not in text
        assert public_id.replace("-", "") not in text
        assert not default_storage.exists(f"people/{public_id}") or default_storage.listdir(f"people/{public_id}") == (
            [],
            [],
        )


def test_logs_and_queued_tasks_name_nobody(furnished, caplog):
    User.objects.filter(pk=furnished.ann.pk).update(name="Unmistakable Annabel")
    with caplog.at_level("DEBUG"):
        erase_ann(furnished)
    assert caplog.records
    for record in caplog.records:
        text = record.getMessage() + str(record.__dict__.get("exc_text") or "")
        assert "Unmistakable" not in text
        assert not emails_in(text) & {w.ANN, w.FORMER, "böb@x.org"}
    queued = {table: rows for table, rows in w.dump().items() if table.startswith("django_q_")}
    assert queued["django_q_ormq"]
    assert mentioned(queued, {w.ANN, w.FORMER, "böb@x.org"}) == []


def test_other_enterprises_stay_byte_for_byte(furnished):
    before = {account.pk: w.rows_of_account(account) for account in (furnished.globex, furnished.initech)}
    files = sorted(path for path in default_storage.listdir(f"accounts/{furnished.globex.public_id}/imports")[1])
    erase_ann(furnished)
    after = {account.pk: w.rows_of_account(account) for account in (furnished.globex, furnished.initech)}
    assert after == before
    assert before[furnished.globex.pk]["users_user"]
    assert sorted(default_storage.listdir(f"accounts/{furnished.globex.public_id}/imports")[1]) == files


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


def test_only_rows_that_the_plan_counted_change_elsewhere(furnished):
    before = w.dump()
    purge_request = erase_ann(furnished)
    after = w.dump()
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


def test_on_a_quiet_database_the_run_does_what_the_plan_counted(furnished):
    purge_request = erase_ann(furnished)
    different = [(step.key, step.planned, step.done) for step in purge_request.steps.all() if step.planned != step.done]
    assert different == []
    assert purge_request.rows_done == purge_request.rows_planned > 50


def test_every_rule_of_a_person_was_at_work(furnished):
    """No rule is without a row in the world, so none goes untested."""
    purge_request = erase_ann(furnished)
    idle = {step.key for step in purge_request.steps.all() if not step.done and "#" not in step.key}
    without_rows = {
        f"{entry.rules.model}.{column.field.name}"
        for entry in get_registry().ordered
        for column in entry.references
        if entry.rules.model.startswith(("purge.", "admin."))
    } | {"users.Session.user", "users.Account.creator", "users.User_groups.user", "users.User_user_permissions.user"}
    assert idle - without_rows == {"users.User.manager", "users.User.deleted_by", "users.User.same_mailbox_as"}


def test_near_misses_keep_every_letter(furnished):
    texts = [w.mention_in_comment(furnished, near) for near in w.NEAR_MISSES]
    before = {comment.pk: comment.body for comment in texts}
    erase_ann(furnished)
    for comment in texts:
        comment.refresh_from_db()
        assert comment.body == before[comment.pk]
    emails = {user.pk: user.email for user in [*furnished.near, *furnished.trial_near]}
    for pk, email in emails.items():
        assert User.objects.get(pk=pk).email == email


def test_the_people_of_the_route_and_nobody_else_are_gone(furnished):
    everybody = set(User.objects.values_list("pk", flat=True))
    purge_request = erase_ann(furnished)
    gone = everybody - set(User.objects.values_list("pk", flat=True))
    assert gone == {
        furnished.ann.pk,
        furnished.bob.pk,
        furnished.alpha_match.pk,
        furnished.beta_login_match.pk,
        furnished.beta_deleted_match.pk,
        furnished.delta_match.pk,
    }
    assert purge_request.subjects.filter(role=Reason.KEPT, fate=Fate.KEPT).values_list(
        "person_id", flat=True
    ).get() == (furnished.gamma_creator.pk)
