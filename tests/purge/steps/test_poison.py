"""Texts that are meant to break something, through the real forms: every insert succeeds, the purge ends, and exactly
the address is rewritten. A dump of such a database can be restored where another locale reigns."""

import os
import subprocess

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from connectors.models import Connector, XapiStatement
from messaging.models import Announcement
from purge import services
from purge.addresses.sql import text_function
from tests.factories.connectors import ConnectorFactory
from tests.purge import world as w
from tools.postgres import find_binaries

LONG = "x" * 20_000

#: What was typed → what has to be there after the purge of ann@x.org.
TYPED = {
    "long token": (f"{LONG}@{LONG}", None),
    "many at-signs": ("@" * 20_000, None),
    "alternating": ("a@" * 10_000 + " ann@x.org", "a@" * 10_000 + " [erased]"),
    "long token before": (f"{LONG} ann@x.org", f"{LONG} [erased]"),
    "entity of nothing": ("&#0; ann@x.org &#0;", "&#0; [erased] &#0;"),
    "entity beyond unicode": ("&#x110000; ann&#64;x.org", "&#x110000; [erased]"),
    "undecodable percent": ("%FF ann%40x.org %C3", "%FF [erased] %C3"),
    "half a surrogate pair": (r"\ud800 ann\u0040x.org \udfff", r"\ud800 [erased] \udfff"),
    "percent at the end": ("ann@x.org%", "[erased]%"),
    "near misses": ("joann@x.org ann+x@x.org ann@x.org.au", None),
    "many entities": ("&" * 20_000 + "ann@x.org", None),
}


@pytest.fixture
def client_of_admin(cast):
    client = Client()
    client.force_login(cast.admin)
    return client


def run(world: w.World) -> None:
    purge_request = services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=[world.ann.pk])
    assert w.completed(w.run_to_end(purge_request))


def type_announcement(client: Client, title: str, text: str) -> Announcement:
    answer = client.post(
        reverse("admin:messaging_announcement_add"), {"title": title, "body": text, "author": "", "_save": "Save"}
    )
    assert answer.status_code == 302, answer.content.decode()[:2_000]
    return Announcement.objects.get(title=title)


def test_every_insert_succeeds_and_exactly_the_address_is_rewritten(cast, client_of_admin):
    made = {name: type_announcement(client_of_admin, name, text) for name, (text, _after) in TYPED.items()}
    run(cast)
    for name, (text, after) in TYPED.items():
        made[name].refresh_from_db()
        if name == "many entities":
            # The ampersands belong to what is before the address, or not; the address itself is gone either way.
            assert "ann@x.org" not in made[name].body
            continue
        assert made[name].body == (text if after is None else after), name


def test_json_with_what_no_database_stores_goes_in_and_its_address_goes_out(cast, client_of_admin):
    statement = {"actor": {"mbox": "mailto:ann@x.org"}, "note": "\ud800 line\nann@x.org", "k\x00ey": "joann@x.org"}
    made = XapiStatement.objects.create(account=cast.acme, verb="completed", statement=statement)
    connector = ConnectorFactory(account=cast.acme, mapping={"ann@x.org": "\udfff", "kept": ["a", 1, None, True]})
    run(cast)
    made.refresh_from_db()
    assert made.statement["actor"] == {"account": {"homePage": "https://erased.invalid/", "name": "[erased]"}}
    assert made.statement["note"].endswith("line\n[erased]")
    assert "joann@x.org" in made.statement.values()
    connector.refresh_from_db()
    assert connector.mapping["kept"] == ["a", 1, None, True]
    assert "ann@x.org" not in str(Connector.objects.get(pk=connector.pk).mapping)


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_dump_is_restored_into_another_locale_and_its_indexes_find_the_same():
    binaries = find_binaries(os.environ)
    if not (binaries / "pg_dump").exists():
        pytest.skip("these PostgreSQL binaries have no pg_dump")
    world = w.build_world()
    client = Client()
    client.force_login(world.admin)
    for name, (text, _after) in TYPED.items():
        type_announcement(client, name, text)
    settings = connection.settings_dict
    where = ["-h", settings["HOST"] or "127.0.0.1", "-p", str(settings["PORT"]), "-U", settings["USER"]]
    name = settings["NAME"]
    other = f"{name}_restored"

    def call(program: str, *words: str, **options):
        return subprocess.run(
            [str(binaries / program), *where, *words], check=True, capture_output=True, timeout=120, **options
        ).stdout

    call("psql", "-d", "postgres", "-c", f'DROP DATABASE IF EXISTS "{other}"')
    call(
        "psql",
        "-d",
        "postgres",
        "-c",
        f"CREATE DATABASE \"{other}\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'",
    )
    try:
        dump = call("pg_dump", "-d", name)
        call("psql", "-v", "ON_ERROR_STOP=1", "-d", other, "-q", input=dump)
        question = (
            "SELECT string_agg(title, ',' ORDER BY title) FROM messaging_announcement "
            f"WHERE public.{text_function()}(body::text) && ARRAY['ann@x.org']"
        )
        assert call("psql", "-d", other, "-At", "-c", question) == call("psql", "-d", name, "-At", "-c", question)
        assert b"near misses" not in call("psql", "-d", other, "-At", "-c", question)
        invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
        assert call("psql", "-d", other, "-At", "-c", invalid).strip() == b"0"
    finally:
        call("psql", "-d", "postgres", "-c", f'DROP DATABASE "{other}"')
