"""The proof's own decoding: it finds in texts what the treatments' readings take out, without sharing them."""

import ast
import base64
import json
from itertools import chain
from pathlib import Path

import jwt
import pytest

import purge.proof
from connectors.models import XapiStatement
from learning.models import Comment
from purge import services
from purge.addresses import emails_in
from purge.addresses.decoders import finding
from purge.choices import Status, Verdict
from purge.models import Residue
from purge.proof import texts
from purge.proof.decoding.codes import plain_texts
from purge.run import engine
from purge.upkeep.patrol import patrol_all
from tests.factories.connectors import XapiStatementFactory
from tests.factories.learning import CommentFactory
from tests.purge import world as w
from tests.purge.addresses import test_decoders

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
