"""Whatever is typed, sent or put into an address: the site answers."""

from __future__ import annotations

import random

import pytest
from django.db import connection, transaction
from django.test import override_settings

from tests.fuzz import inputs, run
from tests.fuzz.asking import Asker
from tests.fuzz.inputs import KNOWN, made_up
from tests.fuzz.pages import ASKED_ANYWHERE, Site, Url, lines

pytestmark = pytest.mark.django_db
#: From which everything here is made up, each time the same. ``./test --fuzz`` takes others, for as long as it is told.
SEED = 20261129
#: PostgreSQL gets a share of the pages: what is special there is what can be stored, and that is a matter of the field.
SHARE = 1 if connection.vendor == "sqlite" else 8


@pytest.fixture(scope="module")
def site(django_db_setup, django_db_blocker, tmp_path_factory):
    """The account, made once; each request is taken back."""
    folder = tmp_path_factory.mktemp("fuzz")
    stored = {"MEDIA_ROOT": folder / "media", "PURGE_JOURNAL": folder / "journal" / "purge.jsonl"}
    with django_db_blocker.unblock(), transaction.atomic():
        with run.quietly(), override_settings(**stored):
            made = Site()
        yield made, stored
        transaction.set_rollback(True)


@pytest.fixture
def asker(site, settings):
    made, stored = site
    for name, value in stored.items():
        setattr(settings, name, value)
    with run.quietly():
        yield Asker(made)


def test_every_url_answers_whatever_it_is_asked_and_sent(asker):
    pages = run.pages_of(asker, every=SHARE)
    assert len(pages) > 400 // SHARE
    run.urls(asker, pages, [*KNOWN, *made_up(SEED, 125)], asked=60, sent=46, led=1, least=46)
    assert not asker.found, asker.report()
    assert {page.url.route for page in pages} == set(asker.inputs)
    # A hundred inputs stand in the requests to each, several of a name: a page reads a share of them, the others show
    # that a name may be there often. ``./test --fuzz`` asks every URL 200 that are read, which takes too long here.
    assert min(asker.inputs.values()) >= 10


def test_every_kind_of_field_answers_whatever_is_typed(asker):
    sheets = run.sheets_of(asker, run.pages_of(asker, every=SHARE, begin=1, forms=True))
    # Each once: what is made up takes up what is known, now and then.
    typed = list(dict.fromkeys([*KNOWN, *made_up(SEED, 200)]))[:200]
    counts = run.fields(asker, sheets, typed, rng=random.Random(SEED), rounds=2)
    assert not asker.found, asker.report()
    assert set(counts.values()) == {200}
    assert len(counts) > (20 if SHARE == 1 else 6)


def test_bodies_that_are_no_forms_are_answered(asker):
    bodies = inputs.gathered(inputs.bodies, SEED, 200 // SHARE)
    assert run.raw(asker, bodies) == len(bodies)
    assert not asker.found, asker.report()


@pytest.mark.sqlite  # nothing of a head is stored
def test_heads_of_any_kind_are_answered(asker):
    assert run.headers(asker, [*KNOWN, *made_up(SEED, 200)][::4]) >= 200
    assert not asker.found, asker.report()


@pytest.mark.sqlite  # what it is about is the fuzz, not the database
def test_planted_errors_are_found(asker, settings):
    settings.ROOT_URLCONF = "tests.fuzz.planted"
    planted = [Url(route, name) for route, name in lines() if route.startswith("planted/")]
    pages = [asker.site.page(url, "anybody") for url in planted]
    run.urls(asker, pages, KNOWN, asked=len(KNOWN) * len(ASKED_ANYWHERE), sent=len(KNOWN) * 8, led=len(KNOWN))
    run.fields(asker, run.sheets_of(asker, pages), KNOWN, rng=random.Random(SEED), rounds=2)
    broken = " ".join(asker.found)
    for name in ("number_beyond_64_bits", "break_of_a_line", "lines", "argument", "clean"):
        assert f" {name}" in broken, name
    assert " sound" not in broken
    # Each by one input that is enough.
    assert "9999-12-31" in asker.report()
