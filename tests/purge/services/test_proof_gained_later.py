"""What waits because an account had not proved an address goes on once it has, through the guards, and nothing else."""

import logging
from datetime import timedelta

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from messaging.models import Notification
from purge import services, tasks
from purge.choices import Status
from purge.models import Identifier, IdentifierSet, PurgeRequest, Subject
from purge.services import proved_parts_release
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge.services.test_proved_reach import (
    STRANGER,
    comment_in,
    is_there,
    part_of,
    prove_address,
    prove_domain,
    run,
    state_of,
    submit,
    submit_address,
    trial,
)
from users.models import ProvedAddress, ProvedDomain, Purpose, UserState
from users.proofs import services as proofs

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _proved(settings):
    settings.PURGE_REACH_TRIAL = settings.PURGE_REACH_ENTERPRISE = "proved"


@pytest.fixture
def mine():
    return AdministratorFactory(account=trial(name="Mine"))


@pytest.fixture
def theirs():
    account = trial(name="Theirs")
    return UserFactory(account=account, email=STRANGER), comment_in(account, STRANGER)


def waiting(admin, address=STRANGER):
    """A submission that has completed in its own account, and its part that waits for a proof."""
    first = run(submit(admin, UserFactory(account=admin.account, email=address, deleted=True)))
    assert first.status == Status.COMPLETED
    part = part_of(first)
    assert (part.status, part.held_reason) == (Status.HELD, "unproved")
    return part


def deliver():
    """What the worker does with the news of a proof."""
    for row in OrmQ.objects.order_by("pk"):
        if row.func() == "purge.tasks.release_proved":
            row.delete()
            tasks.release_proved(*row.args())


def agree(account, email, purpose=Purpose.PURGE):
    """Whoever reads the mailbox opens the link, and agrees."""
    row = proofs.address_proof_ask(acting_user=None, account=account, email=email, purpose=purpose)
    _row, link = proofs.address_proof_send(pk=row.pk)
    proofs.address_proof_agree(token=link.partition("token=")[2])


def test_a_link_that_is_agreed_to_lets_its_own_part_go_on_and_no_other(mine, theirs):
    user, text = theirs
    someone = UserFactory(account=user.account, email="other@mail.example")
    part, other_address = waiting(mine), waiting(mine, "other@mail.example")
    stranger = AdministratorFactory(account=trial(name="Another"))
    by_another = run(submit_address(stranger, STRANGER)).parts.get()
    # Neither a sender's proof nor another account's says anything.
    agree(mine.account, STRANGER, Purpose.SENDER)
    agree(user.account, STRANGER)
    deliver()
    assert state_of(user) == UserState.ACTIVE
    agree(mine.account, STRANGER)
    assert state_of(user) == UserState.ACTIVE
    deliver()
    assert state_of(user) == UserState.PURGING
    assert run(part).status == Status.COMPLETED
    assert part.released_at is None
    assert state_of(user) is None
    assert not is_there(text, STRANGER)
    # Who waits for another proof, waits.
    for other in (other_address, by_another):
        other.refresh_from_db()
        assert (other.status, other.held_reason) == (Status.HELD, "unproved")
    assert state_of(someone) == UserState.ACTIVE
    # The account that asked has read nothing of it.
    assert list(Notification.objects.filter(recipient=mine).values_list("kind", flat=True)) == ["completed"] * 2


def test_a_domain_whose_record_is_found_lets_them_go_on(mine, theirs, monkeypatch):
    user, _text = theirs
    part = waiting(mine)
    row = proofs.domain_proof_ask(acting_user=None, account=mine.account, domain="mail.example")
    monkeypatch.setattr("users.proofs.services.is_published", lambda domain, token: False)
    assert not proofs.domain_proof_look(acting_user=None, row=row)
    deliver()
    part.refresh_from_db()
    assert part.status == Status.HELD
    ProvedDomain.objects.update(looked_at=None)
    row.refresh_from_db()
    monkeypatch.setattr("users.proofs.services.is_published", lambda domain, token: True)
    assert proofs.domain_proof_look(acting_user=None, row=row)
    deliver()
    assert run(part).status == Status.COMPLETED
    assert state_of(user) is None


def test_what_is_still_not_proved_waits_on_and_knows_nothing_of_the_rest():
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    elsewhere = trial()
    ann = UserFactory(account=elsewhere, email="ann@acme.example", adobe_id="ann-there", former=["old@acme.example"])
    eve = UserFactory(account=elsewhere, email="eve@mail.example", unique_user_id="E-1")
    texts = {email: comment_in(elsewhere, email) for email in ("ann@acme.example", "eve@mail.example")}
    selected = [UserFactory(account=acme, email=user.email, deleted=True) for user in (ann, eve)]
    first = run(submit(admin, *selected))
    rest = part_of(first)
    assert (rest.other_account_count, rest.people_left) == (2, 2)
    prove_domain(acme, "acme.example")
    assert proved_parts_release(account_id=acme.pk) == 1
    going = first.parts.exclude(pk=rest.pk).get()
    assert (going.status, state_of(ann), state_of(eve)) == (Status.QUEUED, UserState.PURGING, UserState.ACTIVE)
    rest.refresh_from_db()
    assert (rest.status, rest.held_reason, rest.other_account_count, rest.people_left) == (
        Status.HELD,
        "unproved",
        1,
        1,
    )
    assert list(Subject.objects.filter(request=rest).values_list("person_id", flat=True)) == [eve.pk]
    left = set(Identifier.objects.filter(request=rest).values_list("value", flat=True))
    assert left == {"eve@mail.example", str(eve.public_id), "e-1"}
    assert set(IdentifierSet.objects.filter(request=rest).values_list("person_id", flat=True)) == {eve.pk}
    assert not rest.hashes.filter(person_id=ann.pk).exists()
    assert run(going).status == Status.COMPLETED
    assert (state_of(ann), state_of(eve)) == (None, UserState.ACTIVE)
    assert {email: is_there(text, email) for email, text in texts.items()} == {
        "ann@acme.example": False,
        "eve@mail.example": True,
    }
    # Twice is once.
    assert proved_parts_release(account_id=acme.pk) == 0
    assert first.parts.count() == 2
    services.purge_release(acting_user=None, purge_request=rest)
    assert run(rest).status == Status.COMPLETED
    assert state_of(eve) is None
    assert not is_there(texts["eve@mail.example"], "eve@mail.example")


def test_what_is_not_proved_and_is_nowhere_any_more_holds_nothing_back():
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    elsewhere = trial()
    ann = UserFactory(account=elsewhere, email="ann@acme.example")
    text = comment_in(elsewhere, "eve@mail.example")
    selected = [
        UserFactory(account=acme, email=email, deleted=True) for email in ("ann@acme.example", "eve@mail.example")
    ]
    part = part_of(run(submit(admin, *selected)))
    type(text).objects.filter(pk=text.pk).update(body="Ask nobody")
    prove_domain(acme, "acme.example")
    assert proved_parts_release() == 1
    assert run(part).status == Status.COMPLETED
    assert state_of(ann) is None


def test_who_has_another_address_meanwhile_stays(mine, theirs):
    user, _text = theirs
    part = waiting(mine)
    user.email = user.email_key = "new@mail.example"
    user.save()
    prove_address(mine.account, STRANGER)
    assert proved_parts_release() == 1
    assert run(part).status == Status.COMPLETED
    assert state_of(user) == UserState.ACTIVE


# ---------------------------------------------------------------- the guards, again


def test_people_beyond_the_days_measure_wait_for_an_operator(mine, settings):
    settings.PURGE_RATE_GUARD_TRIAL = 1
    users = [UserFactory(account=trial(), email=STRANGER) for _n in range(2)]
    operator = UserFactory(email="ops@platform.example", is_superuser=True)
    part = waiting(mine)
    Notification.objects.all().delete()
    prove_address(mine.account, STRANGER)
    assert proved_parts_release() == 0
    part.refresh_from_db()
    assert (part.status, part.held_reason) == (Status.HELD, "rate")
    assert [state_of(user) for user in users] == [UserState.ACTIVE] * 2
    assert list(Notification.objects.values_list("recipient_id", "kind")) == [(operator.pk, "held")]
    services.purge_release(acting_user=operator, purge_request=part)
    assert run(part).status == Status.COMPLETED
    assert [state_of(user) for user in users] == [None] * 2


def test_what_is_divided_by_a_proof_is_guarded_like_the_rest(mine, settings):
    settings.PURGE_RATE_GUARD_TRIAL = 1
    emails = ("ann@acme.example", "eve@mail.example")
    users = [UserFactory(account=trial(), email=email) for email in (emails[0], *emails)]
    first = run(submit(mine, *(UserFactory(account=mine.account, email=email, deleted=True) for email in emails)))
    prove_domain(mine.account, "acme.example")
    assert proved_parts_release() == 0
    assert sorted(first.parts.values_list("status", "held_reason", "people_left")) == [
        (Status.HELD, "rate", 2),
        (Status.HELD, "unproved", 1),
    ]
    assert [state_of(user) for user in users] == [UserState.ACTIVE] * 3


def test_rows_beyond_the_days_measure_wait_when_they_are_counted(mine, settings):
    settings.PURGE_RATE_GUARD_TRIAL = 3
    account = trial()
    texts = [comment_in(account, STRANGER) for _n in range(4)]
    part = waiting(mine)
    prove_address(mine.account, STRANGER)
    assert proved_parts_release() == 1
    run(part)
    assert (part.status, part.held_reason) == (Status.HELD, "rate")
    assert [is_there(text, STRANGER) for text in texts] == [True] * 4


def test_parts_of_other_days_count_on_the_day_on_which_they_begin(mine, settings):
    settings.PURGE_RATE_GUARD_TRIAL = 2
    users = [UserFactory(account=trial(), email=f"user{n}@mail.example") for n in range(3)]
    parts = [waiting(mine, user.email) for user in users]
    PurgeRequest.objects.update(accepted_at=timezone.now() - timedelta(days=9))
    prove_domain(mine.account, "mail.example")
    assert proved_parts_release() == 2
    for part in parts[:2]:
        assert run(part).status == Status.COMPLETED
    assert [state_of(user) for user in users] == [None, None, UserState.ACTIVE]
    parts[2].refresh_from_db()
    assert parts[2].held_reason == "rate"
    # What is asked for on the same day has nothing left either.
    late = UserFactory(account=trial(), email="late@mail.example")
    first = run(submit(mine, UserFactory(account=mine.account, email=late.email, deleted=True)))
    assert part_of(first).held_reason == "rate"


# ---------------------------------------------------------------- when it cannot be at once


def test_where_purging_is_paused_it_goes_on_afterwards_by_the_clock(mine, theirs, monkeypatch, caplog):
    user, _text = theirs
    part = waiting(mine)
    with monkeypatch.context() as patched:

        def refuse():
            raise services.PurgeRefused("purge_log", "An old backup was restored.")

        patched.setattr("purge.services.following.check_purge_log", refuse)
        agree(mine.account, STRANGER)
        with caplog.at_level(logging.INFO):
            deliver()
        assert state_of(user) == UserState.ACTIVE
    assert f"purge request {part.reference} waits on: purge_log" in caplog.messages
    tasks.remind()
    assert run(part).status == Status.COMPLETED
    assert state_of(user) is None


def test_where_a_site_trusts_its_accounts_again_an_operator_decides(mine, theirs, settings):
    user, _text = theirs
    part = waiting(mine)
    settings.PURGE_REACH_TRIAL = "trusted"
    prove_address(mine.account, STRANGER)
    assert proved_parts_release() == 0
    part.refresh_from_db()
    assert (part.status, state_of(user)) == (Status.HELD, UserState.ACTIVE)
    assert ProvedAddress.objects.exists()
