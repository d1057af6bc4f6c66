"""The proof's own decoding: it finds in texts what the treatments' readings take out, without sharing them."""

import ast
import base64
import json
import re
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import jwt
import pytest

import purge.proof
from connectors.models import XapiStatement
from learning.models import Comment
from purge import services
from purge.addresses import emails_in, embedded, matching, redact
from purge.addresses.decoders import finding
from purge.choices import Status, Verdict
from purge.models import Residue
from purge.proof import texts
from purge.proof.decoding import codes, rows, within
from purge.proof.decoding.codes import plain_texts
from purge.run import engine
from purge.upkeep.patrol import patrol_all
from tests.factories.connectors import XapiStatementFactory
from tests.factories.learning import CommentFactory
from tests.purge import world as w
from tests.purge.addresses import test_decoders
from tests.purge.addresses.test_embedded import EMBEDDED, TWINS

ANN = test_decoders.ANN


def cases(test):
    """The table of another test."""
    return next(mark for mark in test.pytestmark if mark.name == "parametrize").args[1]


def seen(text):
    return set(chain.from_iterable(map(emails_in, (text, *plain_texts(text)))))


def test_each_writing_that_is_taken_out_is_seen_and_no_neighbour_is():
    taken_out = cases(test_decoders.test_the_address_goes_and_the_rest_stays)
    assert [text for text, left in taken_out if (ANN in seen(text)) is not (left != text)] == []
    assert [text for text in cases(test_decoders.test_the_neighbour_stays) if ANN in seen(text)] == []
    beyond_ascii = cases(test_decoders.test_an_address_beyond_ascii)
    keys = {"jürgen@bücher.example", "jürgen@xn--bcher-kva.example"}
    assert [text for text, _left in beyond_ascii if not keys & seen(text)] == []


def test_the_proof_imports_none_of_the_readings():
    files = Path(purge.proof.__path__[0]).rglob("*.py")
    imported = {
        node.module
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    assert "purge.addresses" in imported
    assert not [name for name in imported if name.startswith(("purge.addresses.decoders", "purge.steps", "purge.run"))]


def coded(address):
    """How an address may stand in texts where no index finds it: (text, what is left of it)."""
    token = jwt.encode({"email": address}, "k" * 32)
    return {
        "token": (f"Bearer {token} was refused", "Bearer [erased] was refused"),
        "base64": (f"state={base64.b64encode(f'for {address}'.encode()).decode()}&n=1", "state=[erased]&n=1"),
        "elision": (f"message d'{address} hier", "message d'[erased] hier"),
        "tag": (f"ask {address.replace('@', '@<wbr>')} now", "ask [erased] now"),
        "file name": (f"see report_{address}_2026.csv", "see report_[erased]_2026.csv"),
    }


@pytest.fixture
def planted(cast):
    """Texts and JSON in which somebody who is purged stands in another code, and somebody else beside."""
    make = {"post__board__account": cast.acme, "author": cast.witness}
    rows = {name: CommentFactory(body=text, **make) for name, (text, _left) in coded(w.ANN).items()}
    theirs = {name: CommentFactory(body=text, **make) for name, (text, _left) in coded(f"jo{w.ANN}").items()}
    statement = XapiStatementFactory(
        account=cast.acme, user=None, statement={"context": {"token": coded(w.ANN)["token"][0]}}
    )
    return rows, theirs, statement


def bodies(rows):
    return {name: Comment.objects.get(pk=row.pk).body for name, row in rows.items()}


@pytest.mark.parametrize("is_small", [True, False])
def test_what_stands_in_another_code_is_found_by_the_pass_and_taken_out_before_completion(
    cast, planted, settings, is_small
):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000 if is_small else 0
    rows, theirs, statement = planted
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == (Status.COMPLETED if is_small else Status.ERASED)
    if not is_small:
        assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(purge_request)
    assert bodies(rows) == {name: left for name, (_text, left) in coded(w.ANN).items()}
    assert bodies(theirs) == {name: text for name, (text, _left) in coded(f"jo{w.ANN}").items()}
    left = XapiStatement.objects.get(pk=statement.pk).statement
    assert json.dumps(left["context"]) == '{"token": "Bearer [erased] was refused"}'


@pytest.mark.parametrize("name", sorted(coded(w.ANN)))
def test_with_a_reading_switched_off_the_pass_reports_what_is_left(cast, monkeypatch, name):
    """And with the detector switched off nobody would notice."""
    make = {"post__board__account": cast.acme, "author": cast.witness}
    row = CommentFactory(body=coded(w.ANN)[name][0], **make)
    monkeypatch.setattr(engine, "MAX_RERUNS", 1)
    monkeypatch.setattr(finding, "OBFUSCATED", ())
    monkeypatch.setattr(finding, "ENCODED", ())
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.RESIDUE
    assert set(Residue.objects.values_list("table", "column", "row")) == {("learning_comment", "body", str(row.pk))}
    monkeypatch.setattr(texts, "coded_addresses", lambda _value: set())
    assert patrol_all().verdict == Verdict.CLEAN


# ---------------------------------------------------------------- each of them alone

#: What has to be read so, and by nothing else: reading of the treatments → text.
READINGS = {
    "folded_lines": "ATTENDEE;CN=Jo:mailto:ann.b@x-\r\n y.example\r\nEND",
    "tags": "ask ann.b@<wbr>x-y.example",
    "named_characters": "ann.b@x&hyphen;y&period;example",
    "quotation_marks": '"ann.b"@x-y.example',
    "hyphens": "ann.b@x\u2010y.example",
    "full_stops": "ann.b@x-y\uff61example",
    "elisions": f"message d'{ANN}",
    "list_dashes": f"-{ANN}",
    "underscores": f"report_{ANN}_2026.csv",
    "ends_of_sentences": f"Write to {ANN}.Thanks",
    "changes_of_script": f"\u05dc{ANN}",
    "mistaken_encodings": "j\u00c3\u00bcrgen@x-y.example",
    "latin_percents": "?email=j%FCrgen@x-y.example",
    "latin_quoted": "write to j=FCrgen@x-y.example",
    "encoded_words": "To: =?utf-8?q?M=C3=BCller_ann=2Eb=40x-y=2Eexample?=",
    "credentials": "Authorization: Basic YUB4Lm9yZzo=",
    # printf '??>>>>ann.b@x-y.example' | base64, in a URL
    "data_urls": "data:text/csv;base64,Pz8%2BPj4%2BYW5uLmJAeC15LmV4YW1wbGU%3D,",
    "runs": f"state={base64.b64encode(f'for {ANN}'.encode()).decode()}&n=1",
}
#: Of a token each part is a run as well: without its own reading its signature stays.
TOKEN = jwt.encode({"email": ANN}, "k" * 32)
KEYS = {ANN, "a@x.org", "j\u00fcrgen@x-y.example"}


def without(monkeypatch, *names):
    for kind in ("ENCODED", "OBFUSCATED"):
        kept = tuple(reading for reading in getattr(finding, kind) if reading.__name__ not in names)
        monkeypatch.setattr(finding, kind, kept)


def test_there_is_a_text_for_each_reading():
    assert {reading.__name__ for reading in (*finding.ENCODED, *finding.OBFUSCATED)} == {*READINGS, "tokens"}


@pytest.mark.parametrize("name", READINGS)
def test_what_a_reading_alone_takes_out_is_seen_by_the_proof_without_it(monkeypatch, name):
    text = READINGS[name]
    assert "[erased]" in redact(text, KEYS)
    without(monkeypatch, name)
    assert redact(text, KEYS) is text
    assert not seen(text).isdisjoint(KEYS)


def test_without_the_readings_of_tokens_and_runs_the_proof_sees_a_token(monkeypatch):
    assert redact(f"Bearer {TOKEN}", KEYS) == "Bearer [erased]"
    without(monkeypatch, "tokens", "runs")
    assert redact(f"Bearer {TOKEN}", KEYS) == f"Bearer {TOKEN}"
    assert ANN in seen(f"Bearer {TOKEN}")


@pytest.mark.parametrize("name", ["folded_lines", "encoded_words", "changes_of_script", "credentials"])
def test_the_pass_reports_what_one_reading_less_has_left(cast, monkeypatch, name):
    text = READINGS[name].replace(ANN, w.ANN).replace("ann.b@x-\r\n y.example", "ann@x.\r\n org")
    text = text.replace("ann=2Eb=40x-y=2Eexample", "ann=40x=2Eorg")
    text = text.replace("YUB4Lm9yZzo=", "YW5uQHgub3Jn")  # printf ann@x.org | base64
    row = CommentFactory(body=text, post__board__account=cast.acme, author=cast.witness)
    monkeypatch.setattr(engine, "MAX_RERUNS", 1)
    without(monkeypatch, name)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.RESIDUE
    assert set(Residue.objects.values_list("table", "column", "row")) == {("learning_comment", "body", str(row.pk))}


ELIDED = (
    "c d j l m n s t b r f u N E Qu qu jusqu lorsqu puisqu quoiqu presqu un gl quest quell all coll dall dell nell "
    "sull br rb"
)
ENDINGS = (
    "bmp csv doc docx eml gif htm html ics jpeg jpg json log pdf png ppt pptx svg txt vcf xls xlsx xml Thanks \u00dcber"
)
TAGS = "a abbr b bdi bdo big code del em font i ins kbd mark nobr s samp small span strong sub sup tt u var"
#: In which words an address may stand that only touch it, or are put between its letters.
WORDINGS = (
    *(f"x {word}'{ANN} y" for word in ELIDED.split()),
    *(f"x {ANN}.{ending} y" for ending in ENDINGS.split()),
    *(f"{before}{dash}{ANN} y" for before in ("", "x ", *"([{<\"',;:") for dash in "-_\u2013\u2014"),
    *(f"ask ann.b@<{tag}>x-y</{tag}>.example" for tag in TAGS.split()),
    *("ann.b@<wbr />x-y.example", "ann.b@<!-- x -->x-y.example", 'ann.b@<span class="x">x-y</span>.example'),
    *(f"{ANN}{letter}" for letter in ("-Adresse", "-\u00c4pfel", "\u0443", "\u05d0", "\u0633", "\u0915", "\u10d0")),
    *(f"{word}{ANN}" for word in ("\u043f\u043e\u0447\u0442\u0430", "\u05dc", "\u03a9")),
    *("ann.b@x\u2010y.example", "ann.b@x\u2011y.example"),
    f"'l'{ANN}' is wrong",
    # Two at once, of which one shows only behind the other.
    *("ann.b@x\u2010y.example_", "ann.b@x\u2010y.example\u0443", "-ann.b@x-y.example_", "\u0443ann.b@x-y.example_"),
)


#: What only looks so: of somebody else, or a part of a longer address.
OTHERS = (
    *(f"x {ANN}.{ending} y" for ending in ("AU", "A", "au", "museum", "CO.UK")),
    *(f"o'{ANN}", f"x'd'{ANN}", f"jo-d'{ANN}", f"a.d'{ANN}", f"d'jo.{ANN}", f"-jo_{ANN}", f"-#{ANN}", f"d'#{ANN}"),
    *(f"{ANN}-adresse", "ann.b@x\u2013y.example", "ann.b@x\u2010y.example.au"),
)


def test_what_only_looks_as_if_it_touched_an_address_is_neither_taken_out_nor_reported():
    """A report of what nobody takes out would keep the request from ever being completed."""
    assert [text for text in OTHERS if redact(text, {ANN}) != text] == []
    assert [text for text in OTHERS if ANN in emails_in(text) | rows.coded_addresses(text)] == []


def test_whatever_touches_an_address_the_treatments_and_the_proof_see_it():
    """What only the proof sees nobody could take out; what only the treatments see nobody would miss."""
    assert [text for text in WORDINGS if "[erased]" not in redact(text, {ANN})] == []
    assert [text for text in WORDINGS if ANN not in emails_in(text) | rows.coded_addresses(text)] == []


NEVER = re.compile(r"(?!)")
SHA1 = "9a6e28f8f3cd86af5d53d2d08722202c7d4736e3"


def _less_touching(number):
    return lambda patch: patch.setattr(codes, "_TOUCHING", codes._TOUCHING[:number] + codes._TOUCHING[number + 1 :])


def _less(name, instead=NEVER):
    return lambda patch: patch.setattr(codes, name, instead)


#: How a detector of the proof is switched off, and what it alone sees.
DETECTORS = {
    "runs": (_less("_RUN"), READINGS["runs"]),
    "encoded words": (_less("_WORDS"), READINGS["encoded_words"]),
    "folded lines": (_less("_GOES_ON"), READINGS["folded_lines"]),
    "tags": (_less("_TAG"), READINGS["tags"]),
    "underscores": (_less("_UNDERSCORED"), READINGS["underscores"]),
    "mended": (_less("_mended", lambda word: word), READINGS["mistaken_encodings"]),
    "entities": (_less("html", SimpleNamespace(unescape=lambda text: text)), READINGS["named_characters"]),
    "percent signs": (_less("unquote", lambda word, **_options: word), READINGS["latin_percents"]),
    "elisions": (_less_touching(1), READINGS["elisions"]),
    "ends of sentences": (_less_touching(2), READINGS["ends_of_sentences"]),
    "endings of files": (_less_touching(3), f"photo of {ANN}.png"),
    "dashes": (_less_touching(4), READINGS["list_dashes"]),
    "quotation marks": (_less_touching(5), READINGS["quotation_marks"]),
    "letters behind": (_less_touching(6), f"{ANN}\u0443"),
    "letters before": (_less_touching(7), READINGS["changes_of_script"]),
    "full stops": (_less_touching(8), READINGS["full_stops"]),
    "hyphens": (_less_touching(0), "ann.b@x\u2010y.example"),
    "quoted-printable": (_less("_unquoted", lambda code: code), READINGS["latin_quoted"]),
    "announced": (_less("_ANNOUNCED"), READINGS["credentials"]),
}


@pytest.mark.parametrize("name", DETECTORS)
def test_each_detector_sees_what_nothing_else_sees(monkeypatch, name):
    switch_off, text = DETECTORS[name]
    assert not seen(text).isdisjoint(KEYS)
    switch_off(monkeypatch)
    assert seen(text).isdisjoint(KEYS)


def test_the_proof_has_eyes_of_its_own_for_digests(cast, monkeypatch):
    """With those of the definition switched off, the treatments find none; and with its own off, nobody would."""
    monkeypatch.setattr(engine, "MAX_RERUNS", 1)
    monkeypatch.setattr(matching, "hexadecimal_in", lambda _text: iter(()))
    row = CommentFactory(body=f"avatar {SHA1}", post__board__account=cast.acme, author=cast.witness)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.RESIDUE
    assert set(Residue.objects.values_list("table", "row")) == {("learning_comment", str(row.pk))}
    assert rows.coded_addresses(f"avatar {SHA1}") == {SHA1}
    assert rows.coded_addresses(f"avatar x{SHA1} {SHA1}0 {SHA1}@x.org") == set()
    monkeypatch.setattr(codes, "_HEXADECIMAL", NEVER)
    assert rows.coded_addresses(f"avatar {SHA1}") == set()


# ---------------------------------------------------------------- addresses within others


@pytest.fixture
def blind(monkeypatch):
    """The definition finds no address within another."""
    monkeypatch.setattr(matching, "embedded_in", lambda _text: iter(()))


def test_the_proof_reads_addresses_within_others_by_itself(blind):
    assert [text for text in EMBEDDED if ANN in emails_in(text)] == []
    assert [text for text in EMBEDDED if ANN not in rows.coded_addresses(f"To: <{text}>, today")] == []
    assert [text for text in TWINS if ANN in rows.coded_addresses(f"To: <{text}>, today")] == []
    assert ANN in rows.coded_addresses("Username = 'ann.b@x-y.example.UAT'")
    assert ANN in rows.coded_addresses(base64.b64encode(f"of {next(iter(EMBEDDED))}".encode()).decode())


def test_both_know_the_same_endings():
    """Two lists, so that a slip in one is seen."""
    assert sorted(within.NO_ENDINGS) == sorted(embedded.NO_TOP_LEVEL.split("|"))


@pytest.mark.parametrize("text", ["list-bounces+ann=x.org@lists.example", "ann_x.org%23EXT%23%40c.onmicrosoft.com"])
def test_the_pass_reports_an_address_within_another_that_the_treatments_have_left(cast, monkeypatch, blind, text):
    monkeypatch.setattr(engine, "MAX_RERUNS", 1)
    make = {"post__board__account": cast.acme, "author": cast.witness}
    row = CommentFactory(body=f"Bounce of {text}: ask", **make)
    CommentFactory(body=f"Bounce of {text}: ask".replace("ann", "joann"), **make)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.run_to_end(purge_request).status == Status.RESIDUE
    assert set(Residue.objects.values_list("table", "column", "row")) == {("learning_comment", "body", str(row.pk))}


#: How a reader of addresses within others is switched off, and what it alone sees.
READERS_WITHIN = {
    "lists": ("_returning", ()),
    "relays": ("_rewritten", ()),
    "guests": ("_GUESTS", None),
    "endings": ("_quoted", ""),
}
SEEN_BY = {
    "lists": "list-bounces+ann.b=x-y.example@lists.example",
    "relays": "SRS0=Hx7Q=TT=x-y.example=ann.b@relay.example",
    "guests": "ann.b_x-y.example#EXT#@contoso.onmicrosoft.com",
    "endings": "ann.b@x-y.example.uat",
}


@pytest.mark.parametrize("name", READERS_WITHIN)
def test_each_reader_of_addresses_within_others_sees_what_nothing_else_sees(monkeypatch, blind, name):
    assert ANN in rows.coded_addresses(SEEN_BY[name])
    attribute, nothing = READERS_WITHIN[name]
    monkeypatch.setattr(within, attribute, () if nothing is None else lambda _word: nothing)
    assert ANN not in rows.coded_addresses(SEEN_BY[name])
