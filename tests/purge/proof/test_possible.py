"""Unique User IDs in texts where nothing says whose they are: told to people, never taken out, and nothing waits."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse

from connectors.models import XapiStatement
from learning.models import Comment
from purge import services
from purge.choices import Status, Verdict
from purge.proof import possible
from purge.upkeep.patrol import look_at, patrol_all
from tests.factories.connectors import XapiStatementFactory
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory
from tests.purge import world as w

#: Where U-1001 stands as a word, and where it is a part of something else.
WORDS = ("order U-1001 came", "u-1001.", "(U-1001)", "see /people/U-1001/files", "U-1001's desk", "#U-1001")
PARTS = ("U-10012", "AU-1001", "2026-U-1001", "U-1001-2", "U-1001@q.example", "a.U-1001", "U_1001", "1001")


@pytest.fixture
def texts(cast):
    """By text: the rows of Ann's account, and those of another."""
    make = {"post__board__account": cast.acme, "author": cast.witness}
    own = {text: CommentFactory(body=text, **make) for text in (*WORDS, *PARTS)}
    for text in WORDS:
        CommentFactory(body=text, post__board__account=cast.globex)
    return own


def submit(cast, *people):
    return services.purge_submit(
        acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk for person in people]
    )


def noted(purge_request, table="learning_comment"):
    return {int(each.row) for each in purge_request.possible_mentions.filter(table=table)}


@pytest.mark.parametrize("is_small", [True, False])
def test_words_are_noted_in_the_account_alone_and_nothing_is_taken_out(cast, texts, settings, is_small):
    settings.PURGE_PATROL_AT_ONCE_ROWS = 1_000_000_000 if is_small else 0
    result = {"result": {"extensions": {"https://x.org/seat": "U-1001"}, "response": 10010}}
    statement = XapiStatementFactory(account=cast.acme, user=None, statement=result)
    purge_request = w.run_to_end(submit(cast, cast.ann))
    if not is_small:
        assert (purge_request.status, noted(purge_request)) == (Status.ERASED, set())
        assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(purge_request)
    assert noted(purge_request) == {texts[text].pk for text in WORDS}
    assert noted(purge_request, "connectors_xapistatement") == {statement.pk}
    assert {row.account_id for row in purge_request.possible_mentions.all()} == {cast.acme.pk}
    assert {text: Comment.objects.get(pk=row.pk).body for text, row in texts.items()} == {text: text for text in texts}
    assert XapiStatement.objects.get(pk=statement.pk).statement == result
    # The ID is known no longer: a later look leaves the list as it is, and what follows is called clean.
    assert look_at(purge_request) == ()
    assert noted(purge_request) == {texts[text].pk for text in WORDS}


def test_of_many_ids_each_is_found_and_what_only_looks_like_one_takes_no_place(cast, texts, monkeypatch):
    """PostgreSQL is asked for what looks like an ID then: its own few are found among many others of the same form."""
    monkeypatch.setattr(possible, "ASKED_BY_NAME", 1)
    monkeypatch.setattr(possible, "MOST_ROWS", 2 * len(WORDS) + 1)
    make = {"post__board__account": cast.acme, "author": cast.witness}
    for number in range(2001, 2021):
        CommentFactory(body=f"order U-{number} came", **make)
    other = UserFactory(account=cast.acme, unique_user_id="Ü-7788", deleted_at=cast.ann.deleted_at)
    umlaut = CommentFactory(body="see ü-7788", **make)
    purge_request = w.run_to_end(submit(cast, cast.ann, other))
    assert w.completed(purge_request)
    assert noted(purge_request) == {texts[text].pk for text in WORDS} | {umlaut.pk}
    assert purge_request.ids_unsought == 0


def test_an_id_that_was_given_out_again_and_a_short_one_are_not_noted(cast, texts):
    short = UserFactory(account=cast.acme, unique_user_id="U77", deleted_at=cast.ann.deleted_at)
    CommentFactory(body="room U77", post__board__account=cast.acme, author=cast.witness)
    again = submit(cast, cast.ann, short)
    type(cast.ann).objects.filter(pk=cast.ann.pk).update(unique_user_id=None)
    UserFactory(account=cast.acme, unique_user_id="U-1001")
    assert w.completed(w.run_to_end(again))
    assert not again.possible_mentions.exists()


def test_many_places_are_bounded_and_told_as_such(cast, client, monkeypatch):
    monkeypatch.setattr(possible, "MOST_PLACES", 2)
    monkeypatch.setattr("purge.pages.possible.MOST_PLACES", 2)
    for _each in range(5):
        CommentFactory(body="order U-1001", post__board__account=cast.acme, author=cast.witness)
    purge_request = w.run_to_end(submit(cast, cast.ann))
    assert purge_request.status == Status.COMPLETED
    assert len(noted(purge_request)) == 3
    client.force_login(cast.admin)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
    assert page.count("(body)") == 2
    assert "There are more places. They were not listed." in page


def test_page_and_command_tell_the_places_and_never_the_id(cast, client):
    row = CommentFactory(body="order U-1001", post__board__account=cast.acme, author=cast.witness)
    purge_request = w.run_to_end(submit(cast, cast.ann))
    client.force_login(cast.admin)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
    assert "May be theirs; not taken out" in page
    assert "take it out by hand where it is theirs" in page
    assert f"row {row.pk} (body)" in page
    assert "1001" not in page.replace(str(row.pk), "")
    said, as_json = StringIO(), StringIO()
    call_command("purge_status", purge_request.reference, stdout=said)
    assert (
        f"may be      learning_comment.body row {row.pk}: holds a Unique User ID of theirs as a word" in said.getvalue()
    )
    call_command("purge_status", purge_request.reference, "--json", stdout=as_json)
    told = json.loads(as_json.getvalue())
    assert told["possible"] == [{"table": "learning_comment", "column": "body", "row": str(row.pk)}]
    assert told["state"] == "completed"


def test_a_request_whose_ids_were_too_many_says_so(cast, client, monkeypatch):
    """Those of the requests that were accepted first are looked for; of a later one nobody thinks that all were."""
    monkeypatch.setattr(possible, "MOST_IDS", 2)
    others = [
        UserFactory(account=cast.acme, unique_user_id=f"N-700{number}", deleted_at=cast.ann.deleted_at)
        for number in range(3)
    ]
    seen, unseen = (
        CommentFactory(body=f"order {unique_id}", post__board__account=cast.acme, author=cast.witness)
        for unique_id in ("U-1001", "N-7002")
    )
    of_one, of_many = submit(cast, cast.ann), submit(cast, *others)
    assert w.completed(w.run_to_end(of_one))
    assert (noted(of_one), of_one.ids_unsought) == ({seen.pk}, 0)
    w.run_to_end(of_many)
    assert w.completed(of_many)
    assert not {seen.pk, unseen.pk} & noted(of_many)
    client.force_login(cast.admin)
    words = "Not all of this request’s were looked for"
    for purge_request, number in ((of_one, 0), (of_many, 1)):
        purge_request.refresh_from_db()
        page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
        assert (words in page) is bool(number)
        said, as_json = StringIO(), StringIO()
        call_command("purge_status", purge_request.reference, stdout=said)
        assert ("1 Unique User IDs were too many to be looked for as words" in said.getvalue()) is bool(number)
        call_command("purge_status", purge_request.reference, "--json", stdout=as_json)
        assert json.loads(as_json.getvalue())["ids_not_looked_for"] == number
    # The IDs are known no longer: what was said stays.
    look_at(of_many)
    of_many.refresh_from_db()
    assert of_many.ids_unsought == 1


def test_where_nothing_stands_nothing_is_said(cast, client):
    purge_request = w.run_to_end(submit(cast, cast.ann))
    client.force_login(cast.admin)
    page = client.get(reverse("admin:purge_purgerequest_change", args=[purge_request.pk])).content.decode()
    assert "May be theirs" not in page


@pytest.mark.parametrize("by_name", [100, 0], ids=["by name", "by form"])
@pytest.mark.parametrize(
    ("keys", "inside", "outside"),
    [
        (["u-1", "u-1001", "u-10"], ["U-1", "x U-10", "u-1001"], ["u-100", "u-1-1", "xu-1"]),
        (["a.b*c", "q'uote"], ["A.B*C", "q'uote"], ["axb*c", "q''uote"]),
        (["änder-7"], ["ÄNDER-7", "(änder-7)"], ["länder-7", "änder-77"]),
    ],
)
def test_one_expression_finds_each_of_them_on_either_database(db, monkeypatch, by_name, keys, inside, outside):
    from django.db import connection

    ids = possible.PossibleIds(())
    monkeypatch.setattr(possible, "ASKED_BY_NAME", by_name)
    ids._look_for(keys)
    assert [text for text in inside if not ids.may_be_in(text)] == []
    assert [text for text in outside if ids.may_be_in(text)] == []
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for text in inside:
                quoted = text.replace("'", "''")
                cursor.execute(f"SELECT {ids.condition(f'{chr(39)}{quoted}{chr(39)}::text')}")
                assert cursor.fetchone() == (True,), text
