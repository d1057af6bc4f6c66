"""What asks whether the tests can fail can fail itself: a handful of mutants, and one that nobody sees."""

import shutil
from contextlib import contextmanager, nullcontext

import pytest
from django.conf import settings as in_force
from django.db import connection, transaction

from tests.mutants import leftovers, results
from tests.mutants.judge import Court
from tests.mutants.mutant import Mutant, Verdict
from tests.mutants.routes import route_mutants
from tests.mutants.rules import rule_mutants

pytestmark = pytest.mark.sqlite


@pytest.fixture
def court(planted, db):
    @contextmanager
    def fresh():
        shutil.rmtree(in_force.MEDIA_ROOT, ignore_errors=True)
        shutil.rmtree(in_force.PURGE_JOURNAL.parent, ignore_errors=True)
        shutil.copytree(planted.media, in_force.MEDIA_ROOT)
        with transaction.atomic():
            yield
            transaction.set_rollback(True)

    return Court(planted, fresh)


def named(mutants, name):
    return next(mutant for mutant in mutants if mutant.name == name)


@pytest.mark.parametrize(
    ("name", "noticed"),
    [
        ("learning.Enrolment.comment: kept", "residue"),
        ("learning.JobAid.created_by: detached", "learning.JobAid.created_by_id of"),
        ("users.UserGroup.team_of: also without retired", "users.UserGroup.retired of"),
        ("connectors.FtpSettings.user_name: no login", "residue"),
        ("users.Account.subdomain: no line", "refused (coverage)"),
    ],
)
def test_a_rule_that_is_switched_off_is_noticed(court, name, noticed):
    verdict = court.judge(named(rule_mutants(), name))
    assert noticed in verdict.noticed
    assert verdict.by == "ui_enterprise"


def test_a_cell_of_the_route_table_that_is_turned_is_noticed(court):
    verdict = court.judge(named(route_mutants(), "other_trial.scrub_trial_accounts: False"))
    assert verdict.by == "other_trial" and verdict.noticed


def test_without_a_mutant_nothing_is_noticed_and_the_survivor_is_reported(court):
    unseen = court.judge(Mutant("rule", "nothing at all", nullcontext, ["other_trial"]))
    assert (unseen.noticed, unseen.by) == ("", "")
    report = results.Report([unseen, Verdict(Mutant("rule", "seen", nullcontext), "gone", "ui_trial")], 60.0)
    assert not report.passed
    assert report.closing() == "2 mutants, 1 noticed.\nSURVIVED, a hole in the tests: nothing at all"
    assert "| rule | 2 | 1 | 1 |" in report.markdown()


def test_a_survivor_that_is_explained_passes_until_somebody_notices_it(monkeypatch):
    monkeypatch.setattr(results, "NO_CHANGE", {"explained": "the column is never written"})
    survivor = Verdict(Mutant("rule", "explained", nullcontext), "")
    seen = Verdict(Mutant("rule", "seen", nullcontext), "gone", "ui_trial")
    assert results.Report([survivor, seen], 1.0).passed
    assert "`explained`: the column is never written" in results.Report([survivor, seen], 1.0).markdown()
    late = Verdict(Mutant("rule", "explained", nullcontext), "gone", "ui_trial")
    assert not results.Report([late, seen], 1.0).passed
    assert not results.Report([], 1.0).passed
    # At most one in fifty.
    assert not results.Report([survivor, survivor, *[seen] * 90], 1.0).passed


def test_the_proof_finds_every_leftover_and_nothing_else(court):
    assert court.judge(Mutant("proof", "nothing at all", nullcontext)).noticed == ""


def test_a_condition_of_the_proof_that_is_switched_off_is_noticed(court):
    verdict = court.judge(named(leftovers.proof_mutants(), "whose login it is now"))
    assert "found what is to stay: connectors_ftpsettings.user_name" in verdict.noticed


def test_a_change_that_no_expectation_names_is_seen_in_the_dump_of_the_whole_database(court):
    @contextmanager
    def one_more():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO lms_cache VALUES ('by the mutant', 'changed', '2100-01-01')")
        yield

    verdict = court.judge(Mutant("rule", "a row of a table that nobody expects anything of", one_more, ["other_trial"]))
    assert verdict.by == "dump"
    assert "lms_cache.cache_key" in verdict.noticed
