"""Every address of the site × everybody × rows of A, of B, of none × GET and POST: nobody of A sees a text of B's or
changes a row of B's, nothing breaks, and who is not signed in sees the pages for that and nothing else."""

import re

import pytest

from tests.crawl.crawler import MarkedWorld, addresses, crawl, walkers

#: Everybody on one of the two databases, since what pages show does not depend on it; and rows that somebody asked for
#: in vain are not asked for again. ``./test --crawl`` leaves nothing out.
pytestmark = pytest.mark.django_db
on_sqlite, on_postgresql = pytest.mark.sqlite, pytest.mark.postgresql

SIGN_IN = {"login", "passkey_sign_in", "forgotten", "forgotten_new", "proof_link", "healthz"}


@pytest.fixture
def worlds(db):
    return MarkedWorld("quokka"), MarkedWorld("zebra")


def walk(worlds, *roles):
    who = walkers(*worlds)
    return crawl(worlds, [who[role] for role in roles], addresses(), open_to_all=SIGN_IN)


@on_sqlite
def test_an_administrator_finds_nothing_of_the_other_account(worlds):
    found = walk(worlds, "administrator of A")
    assert found.problems == set()
    answers = found.answers["administrator of A"]
    # No walk through closed doors: pages of one's own were shown, and rows of others were asked for.
    assert sum(answers.values()) > 1_500
    assert answers[200] > 300
    assert answers[404] > 500


@on_sqlite
def test_nor_do_those_who_have_no_pages(worlds):
    closed = ("anonymous", "learner", "author", "instructor", "integration administrator")
    found = walk(worlds, *closed)
    assert found.problems == set()
    for role in closed:
        assert found.answers[role][302] > 600, role
        assert found.answers[role][200] < 15, role


@on_postgresql
def test_nor_does_the_other_accounts_administrator(worlds):
    found = walk(worlds, "administrator of B")
    assert found.problems == set()
    assert found.answers["administrator of B"][200] > 100


@on_postgresql
def test_who_follows_every_account_breaks_nothing(worlds):
    found = walk(worlds, "support", "superuser")
    assert found.problems == set()
    assert found.answers["superuser"][200] > 300


@on_sqlite
def test_the_crawl_finds_what_is_planted(worlds, settings):
    """Each kind of fault, as those who can reach it; and no page that has none."""
    for world in worlds:
        # Both accounts have a text in most columns of every table, so that what shows one gives itself away.
        assert world.marked > 400
        assert len({type(row) for row in world.rows_of_the_account()}) > 60
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
