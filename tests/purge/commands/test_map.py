"""purge_routes, purge_rules, purge_ims, purge_compact."""

import json

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from learning.models import Enrolment
from purge import services
from purge.addresses.index import TextColumn, drop_indexes, missing_indexes
from purge.choices import Status
from purge.management.commands import purge_rules
from purge.models import PurgeRequest
from purge.rules.coverage import Gap
from purge.rules.registry import get_registry
from purge.upkeep.compaction import ruled_tables
from tests.purge import world as w
from users.models import User

ROUTES = {
    # selected, matches, creators, their members, requesting account, trial accounts, told
    "ui_enterprise": (True, True, False, False, True, True, "initiator"),
    "ui_trial": (True, True, False, False, True, True, "initiator"),
    "other_enterprise": (False, False, False, False, True, True, "initiator"),
    "other_trial": (False, False, False, False, True, True, "initiator"),
    "ims_enterprise": (False, False, False, False, False, False, "administrators"),
    "ims_trial": (False, True, True, True, False, True, None),
}
KEYS = (
    "delete_selected",
    "delete_trial_matches",
    "delete_matching_creators",
    "delete_users_of_created_trials",
    "scrub_requesting_account",
    "scrub_trial_accounts",
    "notify",
)


def test_routes_as_json_are_the_six_routes(run):
    table = run("purge_routes", "--json").json
    assert {row["route"]: tuple(row[key] for key in KEYS) for row in table} == ROUTES
    assert all(set(row) == {"route", *KEYS} for row in table)


def test_routes_as_text(run):
    ran = run("purge_routes")
    assert ran.code == 0
    head, line, *rows = ran.out.splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == [
        "A purge begins with",
        "Selected users are erased",
        "Matching users of all trial accounts are erased",
        "… also a match who created that trial account",
        "… and then everybody else in that account",
        "Address taken out of the requesting account",
        "Address taken out of all trial accounts",
        "Told",
    ]
    assert set(line) == {"|", "-", " "}
    told = "The administrators of every enterprise account that has such a user"
    assert [[cell.strip() for cell in row.strip("|").split("|")] for row in rows] == [
        ["Users of an enterprise account", "yes", "yes", "no", "no", "yes", "yes", "The initiator, on completion"],
        ["Users of a trial account", "yes", "yes", "no", "no", "yes", "yes", "The initiator, on completion"],
        ["Other user, enterprise account", "no", "no", "no", "no", "yes", "yes", "The initiator, on completion"],
        ["Other user, trial account", "no", "no", "no", "no", "yes", "yes", "The initiator, on completion"],
        ["Identity provider, enterprise accounts", "no", "no", "no", "no", "no", "no", told],
        ["Identity provider, trial accounts", "no", "yes", "yes", "yes", "no", "yes", "nobody"],
    ]
    assert len({len(row) for row in (head, line, *rows)}) == 1  # the columns stand one below another


def test_the_readme_has_the_routes_as_they_are_printed(run):
    readme = (settings.BASE_DIR / "README.md").read_text()
    assert run("purge_routes").out.strip() in readme


def test_rules_print_every_ruled_column_with_treatment_and_reason(run, db):
    columns = run("purge_rules", "--json").json["columns"]
    assert len(columns) == sum(1 for _column in get_registry().columns())
    by_key = {f"{row['model']}.{row['column']}": row for row in columns}
    assert by_key["learning.Enrolment.user"]["treatment"] == "Delete"
    assert by_key["learning.Comment.body"]["treatment"] == "Redact"
    assert all(row["reason"] for row in columns if row["treatment"] == "Keep")
    text = run("purge_rules").out
    assert "\n# Learning\n\n## " in text
    (comments,) = (part for part in text.split("\n## ") if part.startswith("comments (learning.Comment)"))
    body = next(line for line in comments.splitlines() if line.startswith("| body "))
    assert [cell.strip() for cell in body.strip("|").split("|")][1] == "the address is replaced in the text"
    assert "| django_migrations " in text


def test_rules_check_passes_when_nothing_is_missing(run, db):
    ran = run("purge_rules", "--check")
    assert (ran.code, "has a rule" in ran.out) == (0, True)


def test_rules_check_names_a_gap_and_needs_you(run, db, monkeypatch):
    gap = Gap("purge.E001", "learning.Reward.winner", "is a relation to a person without a rule.", "Add it.")
    monkeypatch.setattr(purge_rules, "all_gaps", lambda: [gap])
    ran = run("purge_rules", "--check", "--json")
    assert ran.code == 1
    assert ran.json == [{"id": "purge.E001", "where": gap.where, "what": gap.what, "hint": "Add it."}]
    assert "learning.Reward.winner" in run("purge_rules", "--check").out


def test_no_index_is_missing(run, db):
    ran = run("purge_rules", "--indexes", "--json")
    assert (ran.code, ran.json["missing_address_indexes"], ran.json["unindexed_references"]) == (0, [], [])


@pytest.mark.django_db(transaction=True)
def test_missing_address_indexes_are_named_and_made(run):
    column = TextColumn("learning_comment", "body")
    drop_indexes(connection, [column])
    missing = run("purge_rules", "--indexes")
    assert (missing.code, "learning_comment.body" in missing.out) == (1, True)
    made = run("purge_rules", "--indexes", "--create", "--json")
    assert (made.code, made.json["made"]) == (0, ["learning_comment.body"])
    assert missing_indexes(connection, [column]) == []


def test_ims_purges_the_trials_and_tells_the_enterprises(run, cast):
    ran = run("purge_ims", "--email", "-", "--reference", "SET-1", "--wait", "--json", stdin=f"{w.ANN}\n")
    assert ran.code == 0, ran.err
    assert (ran.json["route"], ran.json["status"], ran.json["notices"]) == ("ims_trial", Status.COMPLETED, 2)
    assert not User.objects.filter(pk__in=[cast.alpha_match.pk, cast.gamma_creator.pk]).exists()
    assert User.objects.filter(pk__in=[cast.ann.pk, cast.globex_ann.pk]).count() == 2
    again = run("purge_ims", "--email", w.ANN, "--reference", "SET-1", "--json")
    assert (again.code, again.json["request"]) == (0, ran.json["request"])
    assert w.ANN not in ran.out + again.out


def test_ims_with_nobody_found_is_completed(run, cast):
    ran = run("purge_ims", "--adobe-id", "unheard-of", "--wait", "--json")
    assert (ran.code, ran.json["status"], ran.json["matches"]) == (0, Status.COMPLETED, 0)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "names nobody"),
        (("--email", "none"), "malformed"),
        (("--adobe-id", "x", "--reference", "a@b.org"), "opaque"),
    ],
)
def test_ims_without_usable_identifiers_is_refused(run, cast, words, said):
    ran = run("purge_ims", *words)
    assert (ran.code, said in ran.err) == (1, True)
    assert PurgeRequest.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_compact_rebuilds_what_a_request_touched_and_changes_no_row(run):
    cast = w.build_world()
    w.point_everywhere(cast.ann, cast.witness)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    before = w.dump()
    ran = run("purge_compact", purge_request.reference, "--json")
    assert ran.code == 0, ran.err
    assert {"users_user", Enrolment._meta.db_table, "purge_identifier"} <= set(ran.json["tables"])
    after = w.dump()
    # That the space is overwritten is written down, and nothing else.
    noted = {pk: row for pk, row in after["purge_established"].items() if pk not in before["purge_established"]}
    assert [json.loads(row)["level"] for row in noted.values()] == ["space_overwritten"]
    for pk in noted:
        del after["purge_established"][pk]
    assert after == before
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid")
            assert cursor.fetchone() == (0,)


def test_compact_without_a_request_is_about_every_table_with_rules(db):
    assert set(ruled_tables()) >= {entry.table for entry in get_registry().entries.values()}
    assert set(ruled_tables()) <= set(connection.introspection.table_names())


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_compact_names_who_is_in_the_way_and_ends_after_its_limit(run):
    config = connection.settings_dict
    session = psycopg.connect(host=config["HOST"], port=config["PORT"], user=config["USER"], dbname=config["NAME"])
    with session as other:
        other.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT 'zzq@x.org'")
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_current_xact_id()")
        ran = run("purge_compact", "--wait", "0.3")
        assert (ran.code, "rebuilt:" in ran.out) == (1, False)
        assert f"Waiting: Database session {other.info.backend_pid} has been in one transaction for" in ran.err
        assert "Nothing was done" in ran.err
        assert "zzq" not in ran.err
        other.rollback()
        ran = run("purge_compact", "--wait", "60")
        assert (ran.code, "rebuilt: users_user" in ran.out) == (0, True)
