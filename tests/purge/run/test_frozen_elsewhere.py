"""Whom another customer's purge has frozen is still what they were: an active user, or a deleted one. And nothing says
that anybody purges them."""

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest
from purge.services import PurgeRefused, SelectionChanged
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users import services as users
from users.models import AccountKind, User, UserState
from users.services import ServiceError

ADDRESS = "mia@shared.example"
LIST = "/admin/users/deleteduser/"
#: What no page or message of the other account may say.
TELLTALE = ("purged", "purging", "PUR-")


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def trial(db):
    return AccountFactory(name="Trial", subdomain="trial", kind=AccountKind.TRIAL)


@pytest.fixture
def administrator(trial):
    return AdministratorFactory(account=trial, email="admin@trial.example")


@pytest.fixture
def freeze(acme):
    """Acme purges its own user of the address; the trial's user is a match and frozen."""

    def accept():
        victim = UserFactory(account=acme, email=ADDRESS, deleted=True)
        admin = AdministratorFactory(account=acme)
        return services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[victim.pk])

    return accept


@pytest.fixture
def active(trial):
    return UserFactory(account=trial, email=ADDRESS, name="Mia Active", unique_user_id="CMD-1")


@pytest.fixture
def deleted(trial):
    return UserFactory(account=trial, email=ADDRESS, name="Mia Deleted", unique_user_id="CMD-1", deleted=True)


def state_of(user):
    return User.objects.get(pk=user.pk).state


def submit(administrator, *people, **extra):
    return services.purge_submit(
        acting_user=administrator, account_id=administrator.account_id, user_ids=[each.pk for each in people], **extra
    )


# ---------------------------------------------------------------- active before


def test_an_active_user_cannot_be_purged_because_somebody_else_froze_them(freeze, active, administrator):
    other = UserFactory(account=active.account, deleted=True)
    first = freeze()
    assert state_of(active) == UserState.PURGING
    with pytest.raises(PurgeRefused) as refusal:
        submit(administrator, active, other)
    assert (refusal.value.code, refusal.value.people) == ("active", (active.pk,))
    assert not any(word in str(refusal.value) for word in ("being purged", "PUR-"))
    assert PurgeRequest.objects.count() == 1
    # The other customer takes the purge back: the user works on, also after the worker has been there.
    services.purge_cancel(acting_user=None, purge_request=first)
    tasks.run_request(first.pk)
    assert state_of(active) == UserState.ACTIVE
    assert submit(administrator, other).status == Status.QUEUED


@pytest.mark.both_databases
def test_by_command_an_active_user_is_refused_and_a_deleted_one_is_not(freeze, active, administrator):
    freeze()
    UserFactory(account=active.account, unique_user_id="CMD-2", deleted=True)
    words = ["purge_submit", "--account", "trial", "--initiator", "admin@trial.example", "--yes", "--user"]
    with pytest.raises(CommandError) as refusal:
        call_command(*words, "CMD-1")
    assert "Only deleted users" in str(refusal.value)
    assert PurgeRequest.objects.count() == 1
    call_command(*words, "CMD-2")
    assert PurgeRequest.objects.count() == 2


def test_the_confirmation_page_of_an_active_user_is_not_shown(freeze, active, administrator, client):
    freeze()
    client.force_login(administrator)
    answer = client.post(f"{LIST}purge/", {"_selected_action": [active.pk]}, follow=True)
    assert "pg-confirm" not in answer.content.decode()
    assert "Only deleted users can be purged" in answer.content.decode()
    other = UserFactory(account=active.account, deleted=True)
    assert "pg-confirm" in client.post(f"{LIST}purge/", {"_selected_action": [other.pk]}, follow=True).content.decode()


def test_an_active_user_stays_in_the_list_of_users(freeze, active, administrator, client):
    freeze()
    client.force_login(administrator)
    assert "Mia Active" in client.get("/admin/users/internaluser/").content.decode()
    assert "Mia Active" not in client.get(LIST).content.decode()


@pytest.mark.both_databases
def test_a_restored_user_who_is_then_frozen_by_another_customer_is_left_out(freeze, active, administrator):
    other = UserFactory(account=active.account, deleted=True)
    freeze()
    with pytest.raises(SelectionChanged) as changed:
        submit(administrator, active, other, confirmed=True)
    assert (changed.value.people, changed.value.rest) == ((active.pk,), (other.pk,))
    assert submit(administrator, other, confirmed=True).status == Status.QUEUED


@pytest.mark.parametrize(
    "change",
    [
        lambda admin, user: users.user_update(acting_user=admin, user=user, name="Changed"),
        lambda admin, user: users.user_delete(acting_user=admin, user=user),
        lambda admin, user: users.user_restore(acting_user=admin, user=user),
        lambda admin, user: users.user_create(acting_user=admin, account=user.account, name="Mia", email=ADDRESS),
        lambda admin, user: users.user_update(acting_user=admin, user=admin, email=ADDRESS),
    ],
    ids=["update", "delete", "restore", "create", "take the address"],
)
@pytest.mark.parametrize("before", ["active", "deleted"])
def test_no_refusal_tells_that_another_customer_purges_somebody(freeze, administrator, request, change, before):
    user = request.getfixturevalue(before)
    freeze()
    with pytest.raises(ServiceError) as refusal:
        change(administrator, user)
    assert not any(word in str(refusal.value) for word in TELLTALE)
    assert User.objects.get(pk=user.pk).name == user.name


def test_a_request_of_ones_own_account_is_named(administrator, deleted):
    own = submit(administrator, deleted)
    for change in (
        lambda: users.user_update(acting_user=administrator, user=deleted, name="Changed"),
        lambda: users.user_restore(acting_user=administrator, user=deleted),
    ):
        with pytest.raises(ServiceError, match=own.reference):
            change()


# ---------------------------------------------------------------- deleted before


def test_a_deleted_user_whom_another_customer_froze_can_be_selected(freeze, deleted, administrator, client):
    freeze()
    client.force_login(administrator)
    page = client.get(LIST).content.decode()
    assert "Mia Deleted" in page
    assert f'id="tick-{deleted.pk}" aria-label="Select Mia Deleted">' in page
    assert "Is being purged" not in page
    assert (
        "pg-confirm" in client.post(f"{LIST}purge/", {"_selected_action": [deleted.pk]}, follow=True).content.decode()
    )
    own = submit(administrator, deleted, confirmed=True)
    assert own.status == Status.QUEUED
    # Now their own account's request holds them, and that is said.
    page = client.get(LIST).content.decode()
    assert own.reference in page
    assert f'id="tick-{deleted.pk}" aria-label="Select Mia Deleted" disabled>' in page
    with pytest.raises(PurgeRefused, match=own.reference):
        submit(administrator, deleted)


def test_after_one_of_two_requests_is_cancelled_the_other_holds_and_gives_back_what_was_before(
    freeze, deleted, administrator
):
    first = freeze()
    own = submit(administrator, deleted)
    services.purge_cancel(acting_user=None, purge_request=first)
    assert state_of(deleted) == UserState.PURGING
    services.purge_cancel(acting_user=None, purge_request=own)
    assert state_of(deleted) == UserState.DELETED


def test_the_oldest_of_a_month_are_chosen_whoever_else_purges_them(freeze, deleted, administrator):
    from purge.host import get_host

    freeze()
    chosen = get_host().oldest_deleted(deleted.account_id, month=deleted.deleted_month, kind="", limit=50)
    assert chosen == [deleted.pk]
    submit(administrator, deleted)
    assert get_host().oldest_deleted(deleted.account_id, month=deleted.deleted_month, kind="", limit=50) == []


def test_what_waits_on_the_home_page_counts_whom_another_customer_froze(freeze, deleted, administrator):
    from lms_purge.backoffice.home import deleted_and_waiting

    freeze()
    assert deleted_and_waiting(administrator) == 1
    submit(administrator, deleted)
    assert deleted_and_waiting(administrator) == 0
