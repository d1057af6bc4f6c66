"""Whose is an identifier now? Cases written by hand, from what the product promises; then the host's answers."""

from datetime import UTC, datetime, timedelta

import pytest

from lms_purge.platform.host import LmsHost
from purge.host import Holder
from purge.routes.ownership import not_shared, owner_of
from tests.factories.users import AccountFactory, FormerEmailFactory, UserFactory
from users import services as users
from users.models import User, UserAudit, UserState

ACCEPTED = datetime(2026, 3, 10, 12, tzinfo=UTC)
BEFORE, LONG_BEFORE = datetime(2026, 3, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
AFTER, LATER = datetime(2026, 3, 11, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC)
VICTIM, OTHER = 1, 2


def holder(person=OTHER, since=LONG_BEFORE, until=None, state="active"):
    kind = "current" if until is None else "former"
    earlier = "active" if state == "purging" else state
    return Holder(person, 7, kind, since, until, state, earlier)


@pytest.mark.parametrize(
    ("case", "holders", "matched_stays", "captured_stays"),
    [
        ("nobody", [], False, False),
        ("only who goes", [holder(VICTIM)], False, False),
        ("who goes, also as a former address", [holder(VICTIM, until=BEFORE)], False, False),
        ("a kept creator, or another who was there before", [holder()], False, True),
        ("a deleted one who was there before", [holder(state="deleted")], False, True),
        ("one whom another request has frozen", [holder(state="purging")], False, True),
        ("a user added after acceptance", [holder(since=AFTER)], True, True),
        ("one added after acceptance and deleted", [holder(since=AFTER, state="deleted")], True, True),
        ("one added in the very moment of acceptance", [holder(since=ACCEPTED)], False, True),
        ("one whose dates nobody knows", [holder(since=None)], False, True),
        ("who gave it up before acceptance", [holder(until=BEFORE)], False, False),
        ("who had it before and gave it up after", [holder(until=AFTER)], False, True),
        ("who took it after acceptance and gave it up", [holder(since=AFTER, until=LATER)], True, True),
        ("who goes and a newcomer", [holder(VICTIM), holder(since=AFTER)], True, True),
        ("a kept creator and a newcomer", [holder(3), holder(since=AFTER)], True, True),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_whose_it_is(case, holders, matched_stays, captured_stays):
    facts = {"accepted_at": ACCEPTED, "going": {VICTIM}}
    assert (owner_of(holders, matched=True, **facts) is not None) is matched_stays
    assert (owner_of(holders, matched=False, **facts) is not None) is captured_stays


def test_the_owner_who_stays_is_named():
    newcomer = holder(since=AFTER)
    assert owner_of([holder(VICTIM), newcomer], accepted_at=ACCEPTED, going={VICTIM}, matched=True) == newcomer


# ---------------------------------------------------------------- the host's answers


@pytest.fixture
def account(db):
    return AccountFactory()


def added(user, moment):
    User.objects.filter(pk=user.pk).update(added_at=moment)


def ask(account, *keys):
    return LmsHost().holders(account.pk if account else None, keys)


def told(found):
    return [(each.person_id, each.kind, each.since, each.until, each.state, each.earlier_state) for each in found]


def test_current_holders_are_known_by_address_and_by_login_in_any_state(account):
    ann = UserFactory(account=account, email="Ann@X.org")
    signs_in = UserFactory(account=account, adobe_id="ann@x.org", deleted=True)
    elsewhere = UserFactory(email="ann@x.org")
    for user in (ann, signs_in, elsewhere):
        added(user, BEFORE)
    assert told(ask(account, "ann@x.org", "nobody@x.org")["ann@x.org"]) == [
        (ann.pk, "current", BEFORE, None, "active", "active"),
        (signs_in.pk, "current", BEFORE, None, "deleted", "deleted"),
    ]
    assert set(ask(account, "ann@x.org", "nobody@x.org")) == {"ann@x.org"}
    assert [each.account_id for each in ask(None, "ann@x.org")["ann@x.org"]] == [
        account.pk,
        account.pk,
        elsewhere.account_id,
    ]
    assert ask(account, "") == ask(None) == {}


def test_somebody_frozen_is_told_with_what_they_were_before(account, put_in_state):
    ann = UserFactory(account=account, email="ann@x.org")
    User.objects.filter(pk=ann.pk).update(state=UserState.PURGING)
    [found] = ask(account, "ann@x.org")["ann@x.org"]
    assert (found.state, found.earlier_state) == ("purging", "active")
    put_in_state(ann, UserState.PURGING)
    [found] = ask(account, "ann@x.org")["ann@x.org"]
    assert (found.state, found.earlier_state) == ("purging", "deleted")


def test_a_changed_address_is_held_since_the_change_and_the_old_one_until_then(account):
    user = UserFactory(account=account, email="first@x.org")
    added(user, LONG_BEFORE)
    users.user_update(acting_user=None, user=user, email="second@x.org")
    changed = user.former_emails.get().ended_at
    users.user_update(acting_user=None, user=user, email="third@x.org")
    again = user.former_emails.get(email_key="second@x.org").ended_at
    found = ask(account, "first@x.org", "second@x.org", "third@x.org")
    assert told(found["first@x.org"]) == [(user.pk, "former", LONG_BEFORE, changed, "active", "active")]
    assert told(found["second@x.org"]) == [(user.pk, "former", changed, again, "active", "active")]
    assert told(found["third@x.org"]) == [(user.pk, "current", again, None, "active", "active")]


def test_a_login_is_held_since_it_was_changed(account):
    user = UserFactory(account=account, email="ann@x.org", adobe_id="old-login")
    added(user, LONG_BEFORE)
    assert ask(account, "old-login")["old-login"][0].since == LONG_BEFORE
    users.user_update(acting_user=None, user=user, name="Renamed")
    assert ask(account, "old-login")["old-login"][0].since == LONG_BEFORE
    users.user_update(acting_user=None, user=user, adobe_id="new-login")
    changed = UserAudit.objects.get(user=user, fields__contains="adobe_id").at
    assert ask(account, "new-login")["new-login"][0].since == changed
    assert "old-login" not in ask(account, "old-login")
    # The address is another matter.
    assert ask(account, "ann@x.org")["ann@x.org"][0].since == LONG_BEFORE


def test_the_number_of_questions_does_not_depend_on_how_many_are_asked_about(account, django_assert_max_num_queries):
    keys = [UserFactory(account=account, email=f"p{n}@x.org", adobe_id=f"login-{n}").email_key for n in range(30)]
    with django_assert_max_num_queries(7):
        assert len(ask(account, *keys, *(f"login-{n}" for n in range(30)))) == 60


# ---------------------------------------------------------------- what two people share


def test_what_somebody_else_holds_now_or_gave_up_later_is_not_taken_along(account):
    victim = UserFactory(account=account, email="v@x.org", adobe_id="shared-login")
    for email, days in (("alone@x.org", 10), ("later-mine@x.org", 5), ("later-theirs@x.org", 20), ("held@x.org", 1)):
        FormerEmailFactory(user=victim, email=email, ended_at=ACCEPTED - timedelta(days=days))
    other = UserFactory(account=account, email="held@x.org", adobe_id="SHARED-login")
    FormerEmailFactory(user=other, email="later-mine@x.org", ended_at=ACCEPTED - timedelta(days=8))
    FormerEmailFactory(user=other, email="later-theirs@x.org", ended_at=ACCEPTED - timedelta(days=12))
    UserFactory(email="alone@x.org")  # of another account
    keys = {"alone@x.org", "later-mine@x.org", "later-theirs@x.org", "held@x.org", "shared-login", "v@x.org"}
    assert not_shared({account.pk: keys}, {victim.pk})[account.pk] == {"alone@x.org", "later-mine@x.org", "v@x.org"}
    assert not_shared({account.pk: keys}, {victim.pk, other.pk})[account.pk] == keys
