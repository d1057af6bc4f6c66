"""One question about a person, an ID or a request: the answer in sentences, to whom which, and what is kept of it."""

import io
import logging
import re
from datetime import UTC, datetime

import pytest
from django.test import Client

from purge import services
from purge.choices import Status
from purge.models import LookUp, PurgeRequest
from purge.references import new_reference
from purge.tasks import run_request
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, FormerEmailFactory, UserFactory
from users.models import AccountKind

pytestmark = pytest.mark.django_db

URL = "/admin/purge/purgerequest/look-up/"
DELETED_AT = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def acme():
    return AccountFactory(name="Acme", subdomain="acme", time_zone="Europe/Berlin")


@pytest.fixture
def admin(acme):
    return AdministratorFactory(account=acme, name="Ada Admin")


@pytest.fixture
def support():
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True, name="Sam Support")


@pytest.fixture
def ann(acme):
    return UserFactory(account=acme, name="Ann Lee", email="ann@people.example", unique_user_id="U-77")


def delete(user):
    type(user).objects.filter(pk=user.pk).update(state="deleted", deleted_at=DELETED_AT, deleted_month="2026-01")


def submit(admin, *people):
    return services.purge_submit(
        acting_user=admin, account_id=admin.account_id, user_ids=[person.pk for person in people]
    )


def said(user, text) -> str:
    """The answer as it is read out."""
    return " ".join(services.sentences_of(services.look_up(acting_user=user, text=text)))


NOTHING_ELSE = "No other record of Acme mentions it."


# ---------------------------------------------------------------- what administrators read


@pytest.mark.parametrize("typed", ["ann@people.example", " Ann@People.Example ", "U-77", "u-77"])
def test_somebody_who_is_active(admin, ann, typed):
    assert said(admin, typed) == (
        f"Ann Lee is an active user of Acme. No purge found for this address or ID. {NOTHING_ELSE}"
    )


def test_somebody_who_is_deleted_and_waits(admin, ann):
    """ "No." was the answer, and read as if they had never been there."""
    delete(ann)
    assert said(admin, "ann@people.example") == (
        "Ann Lee is a deleted user of Acme, deleted on 15 Jan 2026, 13:00 CET and not purged: they can be restored or "
        f"purged in User Cleanup. No purge found for this address or ID. {NOTHING_ELSE}"
    )


def test_somebody_in_a_request_and_somebody_purged(admin, ann):
    delete(ann)
    request = submit(admin, ann)
    PurgeRequest.objects.filter(pk=request.pk).update(
        accepted_at=datetime(2026, 1, 20, 12, tzinfo=UTC), due_at=datetime(2026, 2, 19, 12, tzinfo=UTC)
    )
    text = said(admin, "u-77")
    assert text.startswith(f"Ann Lee, a user of Acme, is in purge request {request.reference}.")
    assert f"Purge request {request.reference}, accepted on 20 Jan 2026, 13:00 CET: Waiting." in text
    run_request(request.pk)
    PurgeRequest.objects.filter(pk=request.pk).update(completed_at=datetime(2026, 1, 21, 12, tzinfo=UTC))
    for typed in ("ann@people.example", "U-77"):
        assert said(admin, typed) == (
            "No user of Acme has this address or ID. "
            f"Purged on 21 Jan 2026, 13:00 CET, by request {request.reference}. {NOTHING_ELSE}"
        )


def test_somebody_who_had_the_address_before(admin, acme, ann):
    FormerEmailFactory(user=ann, email="maiden@people.example", ended_at=DELETED_AT)
    assert "Ann Lee, an active user of Acme, had this address until 15 Jan 2026, 13:00 CET." in said(
        admin, "maiden@people.example"
    )


def test_an_address_that_only_stands_in_fields(admin, acme, ann):
    CommentFactory.create_batch(2, post__board__account=acme, author=ann, body="Ask boss@outside.example")
    CommentFactory(post__board__account=AccountFactory(), body="Ask boss@outside.example")
    assert said(admin, "boss@outside.example") == (
        "No user of Acme has this address or ID. No purge found for this address or ID. "
        "Other records of Acme mention it (comments: 2)."
    )
    assert NOTHING_ELSE in said(admin, "nobody@outside.example")


def test_other_accounts_are_nobodys_business(admin, ann):
    other = AccountFactory(name="Other Ltd")
    UserFactory(account=other, email="bob@people.example", unique_user_id="B-1")
    stranger = AdministratorFactory(account=other)
    nothing = f"No user of Acme has this address or ID. No purge found for this address or ID. {NOTHING_ELSE}"
    assert said(admin, "bob@people.example") == said(admin, "B-1") == nothing
    assert "active user of Other Ltd" in said(stranger, "b-1")
    delete(ann)
    request = submit(admin, ann)
    assert request.reference not in said(stranger, "ann@people.example")
    with pytest.raises(services.PurgeRefused, match="No purge request has this ID"):
        services.look_up(acting_user=stranger, text=request.reference)
    with pytest.raises(services.NotAllowed):
        services.look_up(acting_user=ann, text="ann@people.example")


# ---------------------------------------------------------------- what support reads


def test_support_reads_numbers_and_requests_and_no_name(admin, support, ann):
    other = AccountFactory(name="Other Ltd")
    UserFactory(account=other, email="ann@people.example", unique_user_id="U-77", deleted=True)
    expected = (
        "In 2 accounts users have this address or ID: 1 active, 1 deleted. No purge found for this address or ID."
    )
    assert said(support, "ann@people.example") == said(support, "u-77") == expected
    delete(ann)
    request = submit(admin, ann)
    run_request(request.pk)
    PurgeRequest.objects.filter(pk=request.pk).update(completed_at=datetime(2026, 1, 21, 12, tzinfo=UTC))
    assert said(support, "U-77") == (
        "In 1 account a user has this address or ID: 0 active, 1 deleted. "
        f"Purged from Acme on 21 Jan 2026, 13:00 CET, by request {request.reference}."
    )
    assert said(support, "nobody") == (
        "No user of any account has this address or ID. No purge found for this address or ID."
    )


def test_what_another_accounts_purge_holds_is_told_to_nobody_there(admin, support):
    """A trial's user whom another account's request has frozen is what they were before."""
    trial = AccountFactory(kind=AccountKind.TRIAL, name="Trial")
    tria = AdministratorFactory(account=trial)
    match = UserFactory(account=trial, name="Ann Trial", email="ann@people.example")
    there = UserFactory(account=admin.account, email="ann@people.example", deleted=True)
    request = submit(admin, there)
    assert said(tria, "ann@people.example") == (
        "Ann Trial is an active user of Trial. No purge found for this address or ID. "
        "No other record of Trial mentions it."
    )
    assert request.subjects.filter(person_id=match.pk).exists() or PurgeRequest.objects.filter(
        part_of=request, subjects__person_id=match.pk
    )


# ---------------------------------------------------------------- request IDs in the same box


def test_a_request_id_in_any_form(admin, support, ann):
    delete(ann)
    request = submit(admin, ann)
    for who in (admin, support):
        for typed in (request.reference, request.reference[4:].lower(), request.reference.replace("-", " ")):
            assert services.look_up(acting_user=who, text=typed) == request
    wrong = request.reference[:-1] + ("2" if request.reference[-1] != "2" else "3")
    with pytest.raises(services.PurgeRefused, match="last character"):
        services.look_up(acting_user=support, text=wrong)
    with pytest.raises(services.PurgeRefused, match="well formed"):
        services.look_up(acting_user=support, text=new_reference())
    # Nine characters without the letters before them may be anybody's ID: answered, with what else they may be.
    assert "If it is a request ID: Check the ID: the last character doesn’t match." in said(support, wrong[4:])
    assert "If it is a request ID: No purge request has this ID." in said(support, new_reference()[4:])


def test_a_unique_user_id_that_looks_like_a_request_id(admin, acme):
    UserFactory(account=acme, name="Pure Coincidence", unique_user_id="PUR-1001")
    UserFactory(account=acme, name="Nine Letters", unique_user_id=(nine := new_reference()[4:]))
    assert said(admin, "pur-1001").startswith("Pure Coincidence is an active user of Acme.")
    assert said(admin, nine).startswith("Nine Letters is an active user of Acme.")


# ---------------------------------------------------------------- what is kept of it


def test_what_is_typed_is_in_no_address_log_cookie_or_row(admin, ann, caplog):
    caplog.set_level(logging.DEBUG)
    client = Client()
    client.force_login(admin)
    before = set(client.cookies)
    answer = client.post(URL, {"text": "ann@people.example"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Ann Lee is an active user of Acme." in page
    assert re.search(r"Looked up on \d+ \w+ 20\d\d, \d\d:\d\d CES?T by Ada Admin", page)
    assert 'id="print-page"' in page
    assert "no-store" in answer["Cache-Control"]
    assert "ann@" not in caplog.text
    assert set(client.cookies) - before == {"csrftoken"}
    assert "ann" not in str({key: morsel.value for key, morsel in client.cookies.items()})
    row = LookUp.objects.get()
    assert (row.actor, row.found) == (admin, 0)
    assert "ann" not in str(LookUp.objects.values())
    # By an address bar nothing is asked.
    assert "Ann Lee" not in client.get(URL, {"text": "ann@people.example"}).content.decode()
    assert LookUp.objects.count() == 1


def test_a_cancelled_request_purged_nobody(admin, ann):
    delete(ann)
    request = submit(admin, ann)
    PurgeRequest.objects.filter(pk=request.pk).update(status=Status.CANCELLED)
    assert "No purge found for this address or ID." in said(admin, "U-77")


def test_one_more_person_costs_no_further_question(admin, acme, ann, django_assert_max_num_queries):
    for n in range(3):
        FormerEmailFactory(
            user=UserFactory(account=acme), email="shared@people.example", ended_at=DELETED_AT.replace(day=n + 1)
        )
    with django_assert_max_num_queries(60):
        found = services.look_up(acting_user=admin, text="shared@people.example")
    assert len(found.people) == 3


# ---------------------------------------------------------------- the command


@pytest.fixture
def ask(monkeypatch):
    from django.core.management import call_command

    def run(text, *words):
        out = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{text}\n"))
        call_command("purge_look_up", *words, stdout=out, no_color=True)
        return out.getvalue()

    return run


def test_the_command_says_the_same(ask, admin, ann):
    lines = ask("u-77", "--account", "acme").splitlines()
    assert " ".join(lines) == said(admin, "u-77")
    assert ask("ann@people.example").splitlines()[0] == (
        "In 1 account a user has this address or ID: 1 active, 0 deleted."
    )
    as_json = ask("u-77", "--account", "acme", "--json")
    assert '"state": "active"' in as_json
    assert "Ann" not in as_json
    delete(ann)
    request = submit(admin, ann)
    assert request.reference in ask(request.reference.lower())
