"""Of somebody's address nothing is taken out because it looks like, or ends with, that of who is purged."""

# ruff: noqa: RUF001 - letters that look alike

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


def test_a_longer_address_is_never_cut(cast):
    longer = [f"r{sign}d@x-y.example" for sign in SIGNS]
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    Account.objects.filter(pk=cast.acme.pk).update(
        support_emails="; ".join([*longer, "d@x-y.example", "bob@q.example"]), sender_email=longer[0]
    )
    settings = [
        SalesforceSettingsFactory(connector__account=cast.acme, login=login, filter_value="all") for login in longer
    ]
    purge_request = purged(cast, goes)
    account = Account.objects.get(pk=cast.acme.pk)
    assert account.support_emails == "; ".join([*longer, "bob@q.example"])
    assert account.sender_email == longer[0]
    for login, each in zip(longer, settings, strict=True):
        each.refresh_from_db()
        assert each.login == login
        assert each.connector.disabled_reason == ""
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


def test_a_filter_is_looked_into(cast):
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    settings = SalesforceSettingsFactory(connector__account=cast.acme, login="", filter_value="mail=d@x-y.example")
    purged(cast, goes)
    assert SalesforceSettings.objects.get(pk=settings.pk).filter_value == ""


def test_in_texts_too_a_longer_address_is_whole(cast):
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    longer = ["r&d@x-y.example", "a/d@x-y.example", "team#d@x-y.example", "a|d@x-y.example"]
    theirs = {each: comment(cast.acme, f"Ask {each}, please.") for each in longer}
    own = comment(cast.acme, "Ask d@x-y.example, please.")
    purge_request = purged(cast, goes)
    assert {each: body(pk) for each, pk in theirs.items()} == {each: f"Ask {each}, please." for each in longer}
    assert body(own) == "Ask [erased], please."
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


def test_where_signs_separate_a_user_of_the_account_keeps_the_whole_address(cast):
    goes = UserFactory(account=cast.acme, email="d@x-y.example", deleted=True)
    longer = ["x=d@x-y.example", "王d@x-y.example"]
    trial, _creator = trial_with_creator(email="boss@trial.example")
    here, there = {}, {}
    for each in longer:
        UserFactory(account=cast.acme, email=each)
        here[each], there[each] = (comment(account, f"Ask {each}, please.") for account in (cast.acme, trial))
    purge_request = purged(cast, goes)
    for each in longer:
        assert body(here[each]) == f"Ask {each}, please."
        # Where nobody has that address, it is a name or a word and the address.
        assert body(there[each]) == f"Ask {each.removesuffix('d@x-y.example')}[erased], please."
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


def test_a_text_that_mentions_a_user_who_looks_alike_stays(cast):
    alike = {
        "weiss@firma.example": "weiß@firma.example",
        "ννας@ξ.example": "ννασ@ξ.example",
        "x2@firma.example": "x²@firma.example",
        "ann@strasse.example": "ann@straße.example",
    }
    people = [UserFactory(account=cast.acme, email=goes, deleted=True) for goes in alike]
    trial, _creator = trial_with_creator(email="boss@trial.example")
    for stays in alike.values():
        UserFactory(account=trial, email=stays)
    theirs = {stays: comment(trial, f"Ask {stays} or %C3%BC, please.") for stays in alike.values()}
    own = [comment(cast.acme, f"Ask {goes}, please.") for goes in alike]
    purge_request = purged(cast, *people)
    assert {stays: body(pk) for stays, pk in theirs.items()} == {
        stays: f"Ask {stays} or %C3%BC, please." for stays in alike.values()
    }
    assert [body(pk) for pk in own] == ["Ask [erased], please."] * len(alike)
    assert texts.patrol_one(purge_request).verdict == Verdict.CLEAN


def test_each_spelling_of_a_domain_is_taken_out(cast):
    spelled = {
        "jürgen@bücher.example": ("jürgen@xn--bcher-kva.example", "J%C3%BCrgen%40b%C3%BCcher.example"),
        "anna@xn--bcher-kva.example": ("anna@bücher.example", "Anna%40b%C3%BCcher.example"),
        "x@straße.example": ("x@xn--strae-oqa.example",),
    }
    people = [UserFactory(account=cast.acme, email=goes, deleted=True) for goes in spelled]
    planted = [comment(cast.acme, f"Ask {written}, please.") for each in spelled.values() for written in each]
    purge_request = purged(cast, *people)
    assert [body(pk) for pk in planted] == ["Ask [erased], please."] * 5
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
