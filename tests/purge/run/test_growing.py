"""Who comes after acceptance is no part of a request; and one that grows all the same passes its guards again."""

from datetime import timedelta

import pytest
from django.utils import timezone

from learning.models import Comment
from messaging.models import Notification
from purge import services
from purge.choices import Status
from purge.models import PurgeRequest
from purge.run import engine
from purge.upkeep.patrol import patrol_all
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge import world as w
from users import services as users
from users.models import Account, AccountKind, AccountState, User, UserState

ADDRESS = "ann@t.example"


def sign_up(name, *, colleagues=0):
    account = users.trial_account_create(
        name=name, subdomain=name, email=ADDRESS, creator_name="Ann", password="a long pass phrase"
    )
    for number in range(colleagues):
        UserFactory(account=account, email=f"colleague{number}@{name}.example")
    return account


def intact(account, people):
    account.refresh_from_db()
    states = set(User.objects.filter(account=account).values_list("state", flat=True))
    number = User.objects.filter(account=account).count()
    return (account.state, number, states) == (AccountState.ACTIVE, people, {UserState.ACTIVE})


def emptied(account):
    return not User.objects.filter(account=account).exists()


@pytest.mark.both_databases
def test_an_account_that_is_signed_up_for_after_the_message_is_not_what_it_was_about(db, monkeypatch):
    first = sign_up("first")
    purge_request = services.purge_submit_ims(email=ADDRESS)
    assert purge_request.status == Status.QUEUED
    with monkeypatch.context() as broken:
        broken.setattr(engine, "_plan", lambda claim: 1 / 0)
        for _attempt in range(5):
            PurgeRequest.objects.update(next_attempt_at=None)
            w.run_to_end(purge_request)
    assert purge_request.status == Status.NEEDS_ATTENTION
    second = sign_up("second", colleagues=80)
    services.purge_retry(acting_user=None, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert emptied(first)
    assert intact(second, 81)


def test_a_release_is_of_the_people_who_were_there_when_it_was_held(db):
    first = sign_up("first", colleagues=60)
    purge_request = services.purge_submit_ims(email=ADDRESS)
    assert purge_request.status == Status.HELD
    second = sign_up("second", colleagues=80)
    late = UserFactory(account=first, email="late@first.example")
    services.purge_release(acting_user=None, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert intact(second, 81)
    assert list(User.objects.filter(account=first)) == [late]
    assert User.objects.get(pk=late.pk).state == UserState.ACTIVE


def test_users_whom_other_customers_add_after_acceptance_are_not_reached(db, settings):
    settings.PURGE_RATE_GUARD = 5
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    victim = UserFactory(account=acme, email="boss@x.example", deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])
    assert purge_request.status == Status.QUEUED
    added = [UserFactory(account=AccountFactory(kind=AccountKind.TRIAL), email="boss@x.example") for _n in range(8)]
    older = UserFactory(account=AccountFactory(kind=AccountKind.TRIAL), email="old@x.example")
    users.user_update(acting_user=None, user=older, email="boss@x.example")
    signs_in = UserFactory(account=AccountFactory(kind=AccountKind.TRIAL), email="other@x.example")
    users.user_update(acting_user=None, user=signs_in, adobe_id="boss@x.example")
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(pk=victim.pk).exists()
    survivors = [*added, older, signs_in]
    assert User.objects.filter(pk__in=[user.pk for user in survivors], state=UserState.ACTIVE).count() == 10
    assert purge_request.subjects.count() == 1


@pytest.fixture
def overlooked():
    """Users who were committed while a request was being accepted, so that it did not see them."""
    moment = timezone.now() - timedelta(minutes=1)
    return lambda **fields: UserFactory(added_at=moment, **fields)


def test_what_grows_beyond_the_days_guard_is_split_off_and_the_first_completes(db, settings, overlooked, client):
    settings.PURGE_RATE_GUARD = 2
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    operator = users.operator_create(email="ops@platform.example", name="Ops", password="a long pass phrase")
    victim = UserFactory(account=acme, email="boss@x.example", deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])
    trials = [AccountFactory(kind=AccountKind.TRIAL) for _n in range(4)]
    reached = [overlooked(account=trial, email="boss@x.example") for trial in trials[:3]]
    texts = [CommentFactory(post__board__account=account, body="Ask boss@x.example") for account in (acme, trials[3])]
    assert w.completed(w.run_to_end(purge_request))
    assert (purge_request.status, purge_request.other_account_count) == (Status.COMPLETED, 0)
    assert not User.objects.filter(pk=victim.pk).exists()
    assert {Comment.objects.get(pk=text.pk).body for text in texts} == {"Ask [erased]"}
    # Those elsewhere wait for an operator, and are what they were.
    part = purge_request.parts.get()
    assert (part.status, part.held_reason, part.other_account_count) == (Status.HELD, "rate", 3)
    assert (part.accepted_at, part.due_at) == (purge_request.accepted_at, purge_request.due_at)
    states = User.objects.filter(pk__in=[user.pk for user in reached]).values_list("state", flat=True)
    assert list(states) == [UserState.ACTIVE] * 3
    held = Notification.objects.filter(kind="held")
    assert list(held.values_list("recipient_id", "reference")) == [(operator.pk, part.reference)]
    # The account reads what it would read if there were nobody.
    client.force_login(admin)
    page = client.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/").content.decode()
    assert "Completed and checked" in page
    assert not any(words in page for words in ("overlooked", "check</", "other accounts", part.reference))
    # The nightly pass adds nobody anew, and what waits begins when it is let.
    patrol_all()
    assert purge_request.parts.count() == 1
    services.purge_release(acting_user=None, purge_request=part)
    assert w.completed(w.run_to_end(part))
    assert not User.objects.filter(email="boss@x.example").exists()


def test_overlooked_users_of_the_own_account_go_although_others_wait(db, settings, overlooked):
    settings.PURGE_RATE_GUARD_TRIAL = 0
    mine, other = AccountFactory(kind=AccountKind.TRIAL), AccountFactory(kind=AccountKind.TRIAL)
    admin = AdministratorFactory(account=mine)
    victim = UserFactory(account=mine, email="boss@x.example", deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=mine.pk, user_ids=[victim.pk])
    own = overlooked(account=mine, email="else@x.example", adobe_id="boss@x.example")
    theirs = overlooked(account=other, email="boss@x.example")
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(pk__in=[victim.pk, own.pk]).exists()
    assert User.objects.get(pk=theirs.pk).state == UserState.ACTIVE
    assert purge_request.parts.get().subjects.get().person_id == theirs.pk


def test_a_request_that_grows_within_its_guards_goes_on(db, settings, overlooked):
    settings.PURGE_RATE_GUARD = 3
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    victim = UserFactory(account=acme, email="boss@x.example", deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])
    for _n in range(3):
        overlooked(account=AccountFactory(kind=AccountKind.TRIAL), email="boss@x.example")
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(email="boss@x.example").exists()
    assert purge_request.other_account_count == 3


@pytest.mark.both_databases
def test_a_released_request_that_grows_is_held_once_more(db, overlooked):
    operator = users.operator_create(email="ops@platform.example", name="Ops", password="a long pass phrase")
    support = users.operator_create(
        email="sue@platform.example", name="Sue", password="a long pass phrase", support=True
    )
    first = sign_up("first", colleagues=60)
    purge_request = services.purge_submit_ims(email=ADDRESS)
    told = Notification.objects.filter(kind="held", reference=purge_request.reference).order_by("pk")
    assert sorted(told.values_list("recipient_id", flat=True)) == [operator.pk, support.pk]
    told.update(read_at=timezone.now())
    services.purge_release(acting_user=None, purge_request=purge_request)
    second = AccountFactory(kind=AccountKind.TRIAL)
    second.creator = overlooked(account=second, email=ADDRESS)
    second.save()
    overlooked(account=second, email="member@second.example")
    w.run_to_end(purge_request)
    assert (purge_request.status, purge_request.held_reason, purge_request.released_at) == (
        Status.HELD,
        "members",
        None,
    )
    # What they have read says nothing of those who have come: they are told once more.
    assert sorted(told.filter(read_at=None).values_list("recipient_id", flat=True)) == [operator.pk, support.pk]
    assert told.count() == 4
    assert User.objects.filter(account=second).count() == 2
    services.purge_release(acting_user=None, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert emptied(first) and emptied(second)
    assert Account.objects.get(pk=second.pk).state == AccountState.INACTIVE


def test_who_is_brought_back_with_the_login_after_acceptance_is_not_reached(db):
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    victim = UserFactory(account=acme, email="boss@x.example", deleted=True)
    trial = AccountFactory(kind=AccountKind.TRIAL)
    long_before = timezone.now() - timedelta(days=30)
    gone = UserFactory(account=trial, email="olga@t.example", added_at=long_before, deleted=True)
    had_it = UserFactory(account=trial, email="ove@t.example", adobe_id="boss@x.example", added_at=long_before)
    purge_request = services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])
    users.user_create(acting_user=None, account=trial, email="olga@t.example", name="Olga", adobe_id="boss@x.example")
    gone.refresh_from_db()
    assert (gone.state, gone.adobe_id) == (UserState.ACTIVE, "boss@x.example")
    assert w.completed(w.run_to_end(purge_request))
    assert User.objects.filter(pk=gone.pk, state=UserState.ACTIVE).exists()
    assert not User.objects.filter(pk__in=[victim.pk, had_it.pk]).exists()
