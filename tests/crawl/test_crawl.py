"""Every address of the site × everybody × rows of A, of B, of none × GET and POST: nobody of A sees a text of B's or
changes a row of B's, an officer changes none at all, nothing breaks, and who is not signed in sees the pages for that
and nothing else."""

import re

import pytest
from django.db import transaction
from django.test import override_settings

from tests.crawl.asks import MUST_BE_ASKED
from tests.crawl.crawler import MarkedWorld, addresses, crawl, walkers

#: Everybody on one of the two databases, since what pages show does not depend on it; what was asked for in vain is not
#: asked for again, and one's own rows and nobody's at some addresses alone. ``./test --crawl`` leaves nothing out; what
#: it last found stands in results.*.json.
pytestmark = pytest.mark.django_db
on_sqlite, on_postgresql = pytest.mark.sqlite, pytest.mark.postgresql

SIGN_IN = {"login", "passkey_sign_in", "forgotten", "forgotten_new", "proof_link", "healthz", "metrics"}


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker, tmp_path_factory):
    """Both accounts, made once: each walk takes back what it does."""
    folder = tmp_path_factory.mktemp("crawl")
    stored = {"MEDIA_ROOT": folder / "media", "PURGE_JOURNAL": folder / "journal" / "purge.jsonl"}
    with django_db_blocker.unblock(), transaction.atomic():
        with override_settings(**stored):
            worlds = MarkedWorld("quokka"), MarkedWorld("zebra")
        yield worlds, stored
        transaction.set_rollback(True)


@pytest.fixture
def worlds(made, settings):
    worlds, stored = made
    for name, value in stored.items():
        setattr(settings, name, value)
    return worlds


def walk(worlds, *roles, urls=None, **how):
    who = walkers(*worlds)
    return crawl(worlds, [who[role] for role in roles], urls or addresses(), open_to_all=SIGN_IN, **how)


@on_sqlite
def test_an_administrator_finds_nothing_of_the_other_account(worlds):
    found = walk(worlds, "administrator of A", others=4)
    assert found.problems == set()
    answers = found.answers["administrator of A"]
    # No walk through closed doors: pages of one's own were shown, and rows of others were asked for.
    assert sum(answers.values()) > 1_000
    assert answers[200] > 250
    assert answers[404] > 400
    assert not MUST_BE_ASKED - found.asked


@on_sqlite
def test_an_officer_sees_their_account_and_changes_nothing_at_all(worlds):
    """Whatever they send, every row of every table is as before; but for what is written down of their looking, and
    that they have signed out."""
    officer = "data protection officer of A"
    found = walk(worlds, officer, others=2, methods=["POST"])
    assert found.problems == set()
    assert found.answers[officer][403] > 150
    assert found.answers[officer][200] > 20
    looked = walk(worlds, officer, urls=addresses()[::4], others=2, methods=["GET"])
    assert looked.problems == set()
    assert looked.answers[officer][200] > 60


@on_sqlite
def test_nor_do_those_who_have_no_pages(worlds):
    closed = ("anonymous", "learner", "author", "instructor", "integration administrator")
    for number, role in enumerate(closed):
        urls = addresses() if number < 2 else addresses()[number::6]
        found = walk(worlds, role, urls=urls)
        assert found.problems == set()
        assert found.answers[role][302] > len(urls) * 0.9, role
        assert found.answers[role][200] < 30, role


@on_postgresql
def test_nor_does_the_other_accounts_administrator(worlds):
    found = walk(worlds, "administrator of B", urls=addresses()[::2])
    assert found.problems == set()
    assert found.answers["administrator of B"][200] > 50


@on_postgresql
def test_who_follows_every_account_breaks_nothing(worlds):
    found = walk(worlds, "support", "superuser", urls=addresses()[1::2], others=2)
    assert found.problems == set()
    assert found.answers["superuser"][200] > 150


@on_sqlite
def test_the_crawl_finds_what_is_planted(worlds, settings):
    """Each kind of fault, as those who can reach it; and no page that has none."""
    for world in worlds:
        # Both accounts have a text in most columns of every table, so that what shows one gives itself away.
        assert world.marked > 400
        assert len({type(row) for row in world.rows_of_the_account()}) > 70
    settings.ROOT_URLCONF = "tests.crawl.planted"
    # Of the sites with one page the page alone: their home leads to pages that they do not have.
    urls = [url for url in addresses() if re.search("^(un)?scoped/learning|^(?!admin/|scoped/|unscoped/)", url.route)]
    who = walkers(*worlds)
    found = crawl(
        worlds, [who[role] for role in ("anonymous", "learner", "administrator of A")], urls, open_to_all=SIGN_IN
    )
    saw, changed, broken = "saw a text of another account", "changed a row of another account", "broken: ['{}']"
    learner, chief = "learner", "administrator of A"
    faults = {problem for problem in found.problems if "unscoped/" not in problem[-1]}
    assert faults == {
        *((saw, who, method, "title/<int:course_id>/") for who in (learner, chief) for method in ("GET", "POST")),
        *((changed, who, "POST", "rename/<int:course_id>/") for who in (learner, chief)),
        *(
            (broken.format("ValueError"), who, method, "broken/")
            for who in (learner, chief)
            for method in ("GET", "POST")
        ),
        *(
            (broken.format("UnscopedQuery"), who, method, "forgotten-filter/<int:course_id>/")
            for who in (learner, chief)
            for method in ("GET", "POST")
        ),
        *(("open to nobody in particular", "anonymous", method, "anybody/") for method in ("GET", "POST")),
        # What only the file of a list gives away.
        *((saw, who, "GET", "saved/") for who in (learner, chief)),
    }
    assert {
        (saw, chief, "GET", "unscoped/learning/course/"),
        (saw, chief, "GET", "unscoped/learning/course/<path:object_id>/change/"),
        # To store what was read around the wall is refused.
        (broken.format("UnscopedQuery"), chief, "POST", "unscoped/learning/course/<path:object_id>/change/"),
    } <= found.problems


@on_sqlite
def test_the_crawl_finds_what_a_superuser_changes_unasked(worlds, settings):
    """They may change every row: the one that they ask for, by a form that they send, and no other."""
    settings.ROOT_URLCONF = "tests.crawl.planted"
    urls = [url for url in addresses() if re.search("^(rename|rename-others|looked-at)/", url.route)]
    assert len(urls) == 3
    found = crawl(worlds, [walkers(*worlds)["superuser"]], urls, open_to_all=SIGN_IN)
    changed = "changed a row of another account"
    assert found.problems == {
        (changed, "superuser", "POST", "rename-others/<int:course_id>/"),
        (changed, "superuser", "GET", "looked-at/<int:course_id>/"),
    }


@on_sqlite
def test_the_crawl_finds_what_an_officer_changes(worlds, settings):
    """In any table, of an account or of none; not that they have looked."""
    settings.ROOT_URLCONF = "tests.crawl.planted"
    urls = [url for url in addresses() if url.route.startswith("officer/")]
    assert len(urls) == 3
    officer = "data protection officer of A"
    found = crawl(worlds, [walkers(*worlds)[officer]], urls, open_to_all=SIGN_IN)
    assert found.problems == {
        ("changed a row: learning_course", officer, "POST", "officer/renames/<int:course_id>/"),
        ("changed a row: purge_patrolpass", officer, "GET", "officer/patrols/"),
    }
