"""Of somebody's address nothing is taken out because it looks like, or ends with, that of who is purged."""

# ruff: noqa: RUF001 - letters that look alike

import pytest

from connectors.models import SalesforceSettings
from learning.models import Comment
from purge import services
from purge.addresses import Shape, emails_in_value, list_without, names, others_in_value, redact, redact_json
from purge.choices import Verdict
from purge.proof import texts
from tests.factories.connectors import SalesforceSettingsFactory
from tests.factories.learning import CommentFactory
from tests.factories.users import UserFactory, trial_with_creator
from tests.purge import world as w
from users.models import Account

SIGNS = "!#$%&*/=?^`{|}~"


def purged(world, *people):
    purge_request = services.purge_submit(
        acting_user=world.admin, account_id=world.acme.pk, user_ids=[person.pk for person in people]
    )
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


def comment(account, text):
    return CommentFactory(post__board__account=account, body=text).pk


def body(pk):
    return Comment.objects.values_list("body", flat=True).get(pk=pk)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_longer_address_is_never_cut(cast, sign):
    longer = f"r{sign}d@x-y.example"
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    Account.objects.filter(pk=cast.acme.pk).update(
        support_emails=f"{longer}; d@x-y.example; bob@q.example", sender_email=longer
    )
    settings = SalesforceSettingsFactory(connector__account=cast.acme, login=longer, filter_value="all")
    purge_request = purged(cast, goes)
    account = Account.objects.get(pk=cast.acme.pk)
    assert (account.support_emails, account.sender_email) == (f"{longer}; bob@q.example", longer)
    settings.refresh_from_db()
    assert settings.login == longer
    assert settings.connector.disabled_reason == ""
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


def test_a_filter_is_looked_into(cast):
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    settings = SalesforceSettingsFactory(connector__account=cast.acme, login="", filter_value="mail=d@x-y.example")
    purged(cast, goes)
    assert SalesforceSettings.objects.get(pk=settings.pk).filter_value == ""


@pytest.mark.parametrize("longer", ["r&d@x-y.example", "a/d@x-y.example", "team#d@x-y.example", "a|d@x-y.example"])
def test_in_texts_too_a_longer_address_is_whole(cast, longer):
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    theirs, own = comment(cast.acme, f"Ask {longer}, please."), comment(cast.acme, "Ask d@x-y.example, please.")
    purge_request = purged(cast, goes)
    assert (body(theirs), body(own)) == (f"Ask {longer}, please.", "Ask [erased], please.")
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


@pytest.mark.parametrize("longer", ["x=d@x-y.example", "王d@x-y.example"])
def test_where_signs_separate_a_user_of_the_account_keeps_the_whole_address(cast, longer):
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    UserFactory(account=cast.acme, email=longer)
    trial, _creator = trial_with_creator(email="boss@trial.example")
    here, there = comment(cast.acme, f"Ask {longer}, please."), comment(trial, f"Ask {longer}, please.")
    purge_request = purged(cast, goes)
    assert body(here) == f"Ask {longer}, please."
    # Where nobody has that address, it is a name or a word and the address.
    assert body(there) == f"Ask {longer.removesuffix('d@x-y.example')}[erased], please."
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


@pytest.mark.parametrize(
    ("goes", "stays"),
    [
        ("weiss@firma.example", "weiß@firma.example"),
        ("ννας@ξ.example", "ννασ@ξ.example"),
        ("x2@firma.example", "x²@firma.example"),
        ("ann@strasse.example", "ann@straße.example"),
    ],
)
def test_a_text_that_mentions_a_user_who_looks_alike_stays(cast, goes, stays):
    person = UserFactory(account=cast.acme, email=goes, deleted=True)
    trial, _creator = trial_with_creator(email="boss@trial.example")
    UserFactory(account=trial, email=stays)
    theirs = comment(trial, f"Ask {stays} or %C3%BC, please.")
    own = comment(cast.acme, f"Ask {goes}, please.")
    purge_request = purged(cast, person)
    assert body(theirs) == f"Ask {stays} or %C3%BC, please."
    assert body(own) == "Ask [erased], please."
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


@pytest.mark.parametrize(
    ("goes", "written"),
    [
        ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
        ("jürgen@xn--bcher-kva.example", "J%C3%BCrgen%40b%C3%BCcher.example"),
        ("x@straße.example", "x@xn--strae-oqa.example"),
    ],
)
def test_each_spelling_of_a_domain_is_taken_out(cast, goes, written):
    person = UserFactory(account=cast.acme, email=goes, deleted=True)
    text = comment(cast.acme, f"Ask {written}, please.")
    purge_request = purged(cast, person)
    assert body(text) == "Ask [erased], please."
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


# ---------------------------------------------------------------- the definition

D = {"d@x.org"}


def test_one_address_is_compared_whole():
    assert emails_in_value("x=d@x.org", Shape.ONE) == {"x=d@x.org"}
    assert emails_in_value("x=d@x.org", Shape.TEXT) == {"x=d@x.org", "d@x.org"}
    assert not names("x=d@x.org", Shape.ONE, D)
    assert names(" D@X.org ", Shape.ONE, D)
    assert names("D <d@x.org>", Shape.ONE, D)
    assert not names("weiß@x.org", Shape.ONE, {"weiss@x.org"}, spared={"weiß@x.org"})
    assert names("weiss@x.org", Shape.ONE, {"weiss@x.org"}, spared={"weiß@x.org"})


def test_the_entries_of_a_list_are_compared_whole():
    assert list_without("x=d@x.org; d@x.org; r&d@x.org", D) == "x=d@x.org; r&d@x.org"
    assert list_without("to=d@x.org and more; bob@x.org", D) == "bob@x.org"
    assert emails_in_value("x=d@x.org; bob@x.org", Shape.LIST) == {"x=d@x.org", "bob@x.org"}
    assert emails_in_value(["x=d@x.org", "bob@x.org"], Shape.LIST) == {"x=d@x.org", "bob@x.org"}


def test_what_a_mention_may_be_is_asked_as_it_is_written():
    keys = {"weiss@x.org", "d@x.org"}
    assert others_in_value("Ask weiß@x.org.", Shape.TEXT, keys, {"weiss@x.org"}) == {"weiß@x.org"}
    assert others_in_value("Ask wei%C3%9F%40x.org.", Shape.TEXT, keys, {"weiss@x.org"}) >= {"weiß@x.org"}
    assert others_in_value("?x=d@x.org", Shape.TEXT, keys, {"d@x.org"}) >= {"x=d@x.org"}
    assert others_in_value("Ask d@x.org.", Shape.TEXT, keys, {"d@x.org"}) == set()
    assert others_in_value({"a": ["x=d@x.org"]}, Shape.TEXT, keys, {"d@x.org"}) == {"x=d@x.org"}
    assert others_in_value("nobody", Shape.TEXT, keys, ()) == set()


def test_what_is_others_stays_beside_what_goes():
    text = "weiss@x.org, weiß@x.org and x=d@x.org or d@x.org"
    spared = {"weiß@x.org", "x=d@x.org"}
    rest = "[erased], weiß@x.org and x=d@x.org or [gone]"
    assert redact(text, {"weiss@x.org", "d@x.org"}, spared=spared) == rest.replace("[gone]", redact("d@x.org", D))
    assert redact_json({"t": [text]}, {"weiss@x.org"}, spared=spared) == {
        "t": ["[erased], weiß@x.org and x=d@x.org or d@x.org"]
    }
    value = {"t": ["weiß@x.org"]}
    assert redact_json(value, {"weiss@x.org"}, spared=spared) is value
