"""Into other accounts a purge reaches by what its account has proved, where the site asks for that; and never far in a
day without an operator."""

import re
from datetime import timedelta

import pytest
from django.core.checks import run_checks
from django.utils import timezone
from django.utils.formats import date_format

from learning.models import Comment
from messaging.models import Notification
from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest
from tests.factories.connectors import FtpSettingsFactory
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import Account, AccountKind, User, UserState

pytestmark = pytest.mark.django_db
STRANGER = "stranger@mail.example"


def run(purge_request):
    for _slice in range(20):
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
        if purge_request.status in (Status.COMPLETED, Status.HELD):
            break
    return purge_request


def trial(**fields):
    return AccountFactory(kind=AccountKind.TRIAL, **fields)


def submit(admin, *people):
    return services.purge_submit(
        acting_user=admin, account_id=admin.account_id, user_ids=[person.pk for person in people]
    )


def submit_address(admin, address):
    return services.purge_submit_address(acting_user=admin, account_id=admin.account_id, address=address)


def state_of(user):
    return User.objects.filter(pk=user.pk).values_list("state", flat=True).first()


def is_there(comment, address):
    return address in Comment.objects.get(pk=comment.pk).body


def comment_in(account, address):
    return CommentFactory(post__board__account=account, body=f"Ask {address} please")


def prove_domain(account, domain):
    from users.models import ProvedDomain

    ProvedDomain.objects.create(account=account, domain=domain, valid_until=timezone.now() + timedelta(days=1))


def prove_address(account, email, purpose="purge", days=1):
    from users.models import ProvedAddress

    now = timezone.now()
    ProvedAddress.objects.create(
        account=account, email=email, purpose=purpose, asked_at=now, valid_until=now + timedelta(days=days)
    )


def part_of(first):
    return first.parts.get()


@pytest.fixture
def proved(settings):
    settings.PURGE_REACH_TRIAL = settings.PURGE_REACH_ENTERPRISE = "proved"


@pytest.fixture
def mine():
    return AdministratorFactory(account=trial(name="Mine"))


@pytest.fixture
def theirs():
    """Another trial's user and a text of theirs."""
    account = trial(name="Theirs")
    return UserFactory(account=account, email=STRANGER), comment_in(account, STRANGER)


# ---------------------------------------------------------------- what is not proved


def test_a_strangers_address_typed_in_erases_nobody_elsewhere(mine, theirs, proved):
    user, text = theirs
    typed = UserFactory(account=mine.account, email=STRANGER, deleted=True)
    own_text = comment_in(mine.account, STRANGER)
    connector = FtpSettingsFactory(connector__account=user.account, contact_email=STRANGER).connector
    first = run(submit(mine, typed))
    # The account's own request completes.
    assert first.status == Status.COMPLETED
    assert state_of(typed) is None
    assert not is_there(own_text, STRANGER)
    # Elsewhere nobody and nothing is touched, not even frozen.
    assert state_of(user) == UserState.ACTIVE
    assert is_there(text, STRANGER)
    connector.refresh_from_db()
    assert connector.state == "enabled"
    # By the address route neither.
    second = run(submit_address(mine, STRANGER))
    assert second.status == Status.COMPLETED
    assert is_there(text, STRANGER)
    connector.refresh_from_db()
    assert connector.state == "enabled"
    # The rest waits for the platform's check, and goes on when it is let.
    held = PurgeRequest.objects.filter(status=Status.HELD).order_by("pk")
    assert [(row.part_of_id, row.held_reason) for row in held] == [(first.pk, "unproved"), (second.pk, "unproved")]
    services.purge_release(acting_user=None, purge_request=held[0])
    assert run(part_of(first)).status == Status.COMPLETED
    assert state_of(user) is None
    assert not is_there(text, STRANGER)


def test_with_default_settings_it_reaches_them_in_one_request(mine, theirs):
    user, text = theirs
    typed = UserFactory(account=mine.account, email=STRANGER, deleted=True)
    first = run(submit(mine, typed))
    assert (first.status, first.parts.count()) == (Status.COMPLETED, 0)
    assert state_of(typed) is state_of(user) is None
    assert not is_there(text, STRANGER)


def test_what_is_proved_goes_and_the_rest_of_the_same_submission_waits(proved):
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    prove_domain(acme, "acme.example")
    prove_address(acme, "Freelancer@Mail.example")
    prove_address(acme, "over@mail.example", days=-1)
    prove_address(acme, "sender@mail.example", purpose="sender")
    prove_domain(acme, "gmail.com")  # written past the form
    other = AccountFactory()
    prove_domain(other, "other.example")
    emails = {
        "ann@acme.example": True,
        "freelancer@mail.example": True,
        "over@mail.example": False,
        "sender@mail.example": False,
        "somebody@gmail.com": False,
        "ann@sub.acme.example": False,
        "ann@notacme.example": False,
        "joe@other.example": False,
    }
    elsewhere = trial()
    victims = {email: UserFactory(account=elsewhere, email=email) for email in emails}
    texts = {email: comment_in(elsewhere, email) for email in emails}
    # One whose login is another's proved address is reached by that.
    by_login = UserFactory(account=elsewhere, email="x@mail.example", adobe_id="Ann@ACME.example")
    selected = [UserFactory(account=acme, email=email, deleted=True) for email in emails]
    first = run(submit(admin, *selected))
    assert first.status == Status.COMPLETED
    assert [state_of(user) for user in selected] == [None] * 8
    for part in first.parts.filter(status=Status.QUEUED):
        assert run(part).status == Status.COMPLETED
    assert {email: state_of(user) is None for email, user in victims.items()} == emails
    assert {email: not is_there(text, email) for email, text in texts.items()} == emails
    assert state_of(by_login) is None
    (held,) = first.parts.filter(status=Status.HELD)
    assert (held.held_reason, held.other_account_count) == ("unproved", 6)
    services.purge_release(acting_user=None, purge_request=held)
    assert run(held).status == Status.COMPLETED
    assert not User.objects.filter(pk__in=[user.pk for user in victims.values()]).exists()


def test_all_proved_is_one_request_and_a_login_that_is_no_address_is_proved_by_nobody(proved):
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    prove_domain(acme, "acme.example")
    elsewhere = trial()
    connector = FtpSettingsFactory(connector__account=elsewhere, user_name="root").connector
    match = UserFactory(account=elsewhere, email="ann@acme.example")
    ann = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    first = run(submit(admin, ann))
    assert (first.status, first.reach, first.parts.count()) == (Status.COMPLETED, "everywhere", 0)
    assert state_of(match) is None
    eve = UserFactory(account=acme, email="eve@acme.example", adobe_id="root", deleted=True)
    second = run(submit(admin, eve))
    assert second.status == Status.COMPLETED
    connector.refresh_from_db()
    assert connector.state == "enabled"
    assert list(second.parts.exclude(held_reason="").values_list("held_reason", "status")) == [
        ("unproved", Status.HELD)
    ]
    # What nobody else has anywhere waits for nobody.
    joe = UserFactory(account=acme, email="joe@acme.example", adobe_id="nowhere-else", deleted=True)
    third = run(submit(admin, joe))
    assert (third.status, third.parts.filter(status=Status.HELD).count()) == (Status.COMPLETED, 0)


def test_the_kind_of_the_account_that_asks_decides(settings, theirs):
    user, _text = theirs
    settings.PURGE_REACH_TRIAL = "proved"
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    first = run(submit(admin, UserFactory(account=acme, email=STRANGER, deleted=True)))
    assert (first.status, first.parts.count()) == (Status.COMPLETED, 0)
    assert state_of(user) is None


# ---------------------------------------------------------------- the guard of a day


def test_rows_elsewhere_are_counted_and_what_is_too_many_waits(mine, settings):
    settings.PURGE_RATE_GUARD, settings.PURGE_RATE_GUARD_TRIAL = 200, 3
    account = trial()
    user = UserFactory(account=account, email=STRANGER)
    texts = [comment_in(account, STRANGER) for _n in range(3)]
    own_text = comment_in(mine.account, STRANGER)
    # By the address: three rows there are let through, and are counted.
    first = run(submit_address(mine, STRANGER))
    assert (first.status, first.parts.count()) == (Status.COMPLETED, 0)
    assert [is_there(text, STRANGER) for text in (*texts, own_text)] == [False] * 4
    # On the same day nothing more, neither a row nor a user.
    again, other = comment_in(account, "other@mail.example"), comment_in(mine.account, "other@mail.example")
    second = run(submit_address(mine, "other@mail.example"))
    assert second.status == Status.COMPLETED
    assert (is_there(again, "other@mail.example"), is_there(other, "other@mail.example")) == (True, False)
    held = part_of(second)
    assert (held.status, held.held_reason) == (Status.HELD, "rate")
    third = run(submit(mine, UserFactory(account=mine.account, email=STRANGER, deleted=True)))
    assert third.status == Status.COMPLETED
    assert state_of(user) == UserState.ACTIVE
    assert part_of(third).held_reason == "rate"
    services.purge_release(acting_user=None, purge_request=held)
    assert run(held).status == Status.COMPLETED
    assert not is_there(again, "other@mail.example")
    # Another day begins.
    PurgeRequest.objects.update(accepted_at=timezone.now() - timedelta(hours=25))
    fresh = comment_in(account, "fresh@mail.example")
    fourth = run(submit_address(mine, "fresh@mail.example"))
    assert (fourth.status, fourth.parts.count()) == (Status.COMPLETED, 0)
    assert not is_there(fresh, "fresh@mail.example")


def test_one_submission_that_would_change_too_many_rows_is_divided_before_anything_is_done(mine, settings):
    """People elsewhere were frozen with it: they are given back, and go when it is let."""
    settings.PURGE_RATE_GUARD_TRIAL = 4
    account = trial()
    user = UserFactory(account=account, email=STRANGER, adobe_id="their-login")
    deleted = UserFactory(account=trial(), email=STRANGER, deleted=True)
    texts = [comment_in(account, STRANGER) for _n in range(5)]
    victim = UserFactory(account=mine.account, email=STRANGER, adobe_id="own-login", deleted=True)
    own_text = comment_in(mine.account, STRANGER)
    first = submit(mine, victim)
    assert state_of(user) == UserState.PURGING
    run(first)
    assert first.status == Status.COMPLETED
    assert (first.reach, first.other_account_count, first.other_row_count) == ("own", 0, 0)
    assert state_of(victim) is None
    assert not is_there(own_text, STRANGER)
    assert (state_of(user), state_of(deleted)) == (UserState.ACTIVE, UserState.DELETED)
    assert [is_there(text, STRANGER) for text in texts] == [True] * 5
    assert list(first.subjects.values_list("person_id", flat=True)) == [victim.pk]
    part = part_of(first)
    assert (part.status, part.held_reason, part.other_account_count) == (Status.HELD, "rate", 2)
    assert part.other_row_count == 5
    assert not first.identifiers.exists()
    # Nothing of theirs is looked for in the first one from now on, by the nightly pass either.
    assert not first.hashes.filter(person_id__in=[user.pk, deleted.pk]).exists()
    tasks.patrol()
    first.refresh_from_db()
    assert first.status == Status.COMPLETED
    services.purge_release(acting_user=None, purge_request=part)
    assert run(part).status == Status.COMPLETED
    assert state_of(user) is state_of(deleted) is None
    assert [is_there(text, STRANGER) for text in texts] == [False] * 5


def test_the_same_person_in_several_accounts_has_one_days_measure(settings):
    settings.PURGE_RATE_GUARD_TRIAL = 2
    other = trial()
    users = [UserFactory(account=other, email=f"user{n}@mail.example") for n in range(4)]
    admins = [AdministratorFactory(account=trial(), email="Owner@mail.example") for _n in range(2)]
    somebody_else = AdministratorFactory(account=trial(), email="else@mail.example")
    requests = []
    for n, admin in enumerate((admins[0], admins[1], admins[1], somebody_else)):
        victim = UserFactory(account=admin.account, email=f"user{n}@mail.example", deleted=True)
        requests.append(run(submit(admin, victim)))
    assert [each.status for each in requests] == [Status.COMPLETED] * 4
    assert [state_of(user) for user in users] == [None, None, UserState.ACTIVE, None]
    assert part_of(requests[2]).held_reason == "rate"


def test_trials_have_a_measure_of_their_own(settings):
    assert (settings.PURGE_RATE_GUARD, settings.PURGE_RATE_GUARD_TRIAL) == (200, 20)
    other = trial()
    addresses = [f"user{n}@mail.example" for n in range(21)]
    for kind, waits in ((AccountKind.TRIAL, True), (AccountKind.ENTERPRISE, False)):
        users = [UserFactory(account=other, email=address) for address in addresses]
        admin = AdministratorFactory(account=AccountFactory(kind=kind))
        selected = [UserFactory(account=admin.account, email=address, deleted=True) for address in addresses]
        first = run(submit(admin, *selected))
        assert first.status == Status.COMPLETED
        assert [state_of(user) for user in users] == [UserState.ACTIVE if waits else None] * 21
        User.objects.filter(pk__in=[user.pk for user in users]).update(email_key=None)


# ---------------------------------------------------------------- who hears of it


def test_the_account_that_lost_somebody_reads_how_many_and_never_by_whom(client, mine, theirs):
    user, _text = theirs
    their_admin = AdministratorFactory(account=user.account, email="chief@theirs.example")
    uninvolved = AdministratorFactory(account=trial())
    FtpSettingsFactory(connector__account=user.account, contact_email=STRANGER)

    def page_of(admin):
        client.force_login(admin)
        return client.get(f"/admin/users/account/{admin.account_id}/change/").content.decode()

    heading = "erased here because it was asked for elsewhere"
    assert heading not in page_of(their_admin).lower()
    first = run(submit(mine, UserFactory(account=mine.account, email=STRANGER, deleted=True)))
    assert first.status == Status.COMPLETED
    page = page_of(their_admin)
    assert heading in page.lower()
    (line,) = re.findall(r"[^<>]*1 user,[^<>]*", page)
    today = date_format(timezone.now(), "DATE_FORMAT")
    assert line.strip() == f"{today}: 1 user, FTP settings: 1, comments: 1"
    for secret in ("PUR-", "Mine", STRANGER, mine.email):
        assert secret not in page
    # Who asked, and who has lost nothing, read nothing of it.
    assert heading not in page_of(mine).lower()
    assert heading not in page_of(uninvolved).lower()
    # Nobody is told besides of what is left to do.
    told = Notification.objects.exclude(recipient=mine)
    assert list(told.values_list("recipient_id", "kind")) == [(their_admin.pk, "follow_ups")]


def test_who_asked_reads_nothing_of_it(mine, theirs, proved):
    run(submit(mine, UserFactory(account=mine.account, email=STRANGER, deleted=True)))
    assert list(Notification.objects.filter(recipient=mine).values_list("kind", flat=True)) == ["completed"]
    assert Account.objects.filter(name="Theirs").exists()


def test_the_check_before_a_deployment_says_where_strangers_reach_everybody(settings):
    def warned():
        found = run_checks(tags=["purge"], include_deployment_checks=True)
        return [message.id for message in found if message.id == "purge.W002"]

    assert warned() == ["purge.W002"]
    settings.PURGE_REACH_TRIAL = "proved"
    assert warned() == []
