"""A message of the identity provider, typed by an operator: what it would reach is shown, and typed, before."""

import re
import time

import pytest
from django.test import Client

from messaging.models import Notification
from purge import services
from purge.models import ImsNotice, PurgeRequest
from purge.pages.freshness import CONFIRMED_AT
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind, User, UserState

pytestmark = pytest.mark.django_db
FORM = "/admin/purge/imsnotice/message/"
PASSWORD = "correct horse battery"
SAID = {"email": w.ANN, "adobe_id": "ann-login", "reference": "SET-1"}


@pytest.fixture
def cast():
    return w.build_world()


@pytest.fixture
def operator():
    system = AccountFactory(kind=AccountKind.SYSTEM)
    return UserFactory(account=system, is_superuser=True, email="op@lms.example", password=PASSWORD)


@pytest.fixture
def desk(operator):
    client = Client()
    client.force_login(operator)
    return client


def plan(page: str) -> str:
    return re.search(r'name="plan" value="([^"]+)"', page).group(1)


def show(client: Client, **more) -> str:
    return client.post(FORM, {**SAID, **more}).content.decode()


def test_it_shows_whom_it_reaches_and_does_it_when_the_number_is_typed(cast, desk):
    assert f'href="{FORM}"' in desk.get("/admin/purge/imsnotice/").content.decode()
    page = show(desk)
    assert "6 people will be erased for good" in page
    for account, number in (
        (cast.alpha, "1 person"),
        (cast.beta, "2 people"),
        (cast.gamma, "2 people"),
        (cast.delta, "1 person"),
    ):
        assert f"{account.name}: {number}" in page
    for person in (cast.alpha_match, cast.beta_login_match, cast.gamma_creator, cast.nobody[5]):
        assert person.email in page
    for survivor in (*cast.trial_near, cast.nobody[3], cast.globex_ann):
        assert f'pg-name">{survivor.name}<' not in page or survivor.name == "Ann Archer"
        assert f'pg-mail">{survivor.email}<' not in page or survivor.email == w.ANN
    assert "The administrators of 2 enterprise accounts get a notice" in page
    assert not PurgeRequest.objects.exists()
    wrong = desk.post(FORM, {**SAID, "plan": plan(page), "number": "5"})
    assert "You typed 5, but the page says 6. Nothing was erased." in wrong.content.decode()
    assert not PurgeRequest.objects.exists()
    answer = desk.post(FORM, {**SAID, "plan": plan(page), "number": "6"})
    request = PurgeRequest.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/admin/purge/purgerequest/{request.pk}/change/")
    assert (request.route, request.origin, request.account_id, request.external_reference) == (
        "ims_trial",
        "ims",
        None,
        "SET-1",
    )
    going = set(request.subjects.values_list("person_id", flat=True))
    assert going == {
        cast.alpha_match.pk,
        cast.beta_login_match.pk,
        cast.beta_deleted_match.pk,
        cast.gamma_creator.pk,
        cast.nobody[5].pk,
        cast.delta_match.pk,
    }
    assert set(ImsNotice.objects.values_list("account_id", flat=True)) == {cast.acme.pk, cast.globex.pk}
    assert Notification.objects.filter(kind="ims_notice").count() == 3
    # The same reference again is the same request, without a page that frightens.
    again = desk.post(FORM, SAID)
    assert again["Location"] == f"/admin/purge/purgerequest/{request.pk}/change/"
    assert PurgeRequest.objects.count() == 1


def test_nothing_personal_is_in_an_address(cast, desk):
    answer = desk.get(f"{FORM}?email={w.ANN}")
    assert w.ANN not in answer.content.decode()
    assert not re.findall(r'(?:href|action)="[^"]*(?:ann@x|ann%40x)', show(desk))


def test_who_has_come_meanwhile_is_shown_first(cast, desk):
    page = show(desk)
    late = UserFactory(account=cast.alpha, email="else@y.org", adobe_id="Ann@x.org")
    answer = desk.post(FORM, {**SAID, "plan": plan(page), "number": "6"}).content.decode()
    assert "Something has changed since this page was shown" in answer
    assert "7 people will be erased for good" in answer
    assert not PurgeRequest.objects.exists()
    for forged in ("x", plan(page)[:-1]):
        assert "Something has changed" in desk.post(FORM, {**SAID, "plan": forged, "number": "7"}).content.decode()
    assert desk.post(FORM, {**SAID, "plan": plan(answer), "number": "7"}).status_code == 302
    assert PurgeRequest.objects.get().subjects.filter(person_id=late.pk).exists()


def test_the_service_does_nothing_with_whom_no_page_showed(cast, operator):
    with pytest.raises(services.PurgeRefused) as refusal:
        services.purge_submit_ims(acting_user=operator, email=w.ANN, shown=[cast.alpha_match.pk])
    assert refusal.value.code == "changed"
    assert not PurgeRequest.objects.exists()
    assert User.objects.get(pk=cast.alpha_match.pk).state == UserState.ACTIVE


def test_an_old_sign_in_types_the_password(cast, desk):
    session = desk.session
    session[CONFIRMED_AT] = time.time() - 20 * 60
    session.save()
    page = show(desk)
    assert "Your password" in page
    answer = {**SAID, "plan": plan(page), "number": "6"}
    assert "This is not your password." in desk.post(FORM, {**answer, "password": "wrong"}).content.decode()
    assert not PurgeRequest.objects.exists()
    assert desk.post(FORM, {**answer, "password": PASSWORD}).status_code == 302


def test_nobody_matches_and_the_address_still_goes(cast, desk):
    page = show(desk, email="nobody@else.example", adobe_id="", reference="")
    assert "Nobody is erased" in page
    assert "get a notice" in page
    said = {"email": "nobody@else.example", "adobe_id": "", "reference": ""}
    assert desk.post(FORM, {**said, "plan": plan(page)}).status_code == 302
    assert PurgeRequest.objects.get().subjects.count() == 0


@pytest.mark.parametrize(("said", "refusal"), [
    ({"email": "", "adobe_id": ""}, "The message names nobody"),
    ({"email": "no address", "adobe_id": ""}, "malformed"),
    ({"reference": "ann archer"}, "The reference is kept for good"),
])  # fmt: skip
def test_what_is_no_message_is_refused_on_the_form(desk, said, refusal):
    assert refusal in show(desk, **said)


def test_it_is_for_operators_alone(cast):
    for user in (cast.admin, UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)):
        client = Client()
        client.force_login(user)
        assert client.get(FORM).status_code == 403
        assert client.post(FORM, SAID).status_code == 403
        assert "Take in a message" not in client.get("/admin/purge/imsnotice/").content.decode()
        for service in (services.purge_preview_ims, services.purge_submit_ims):
            with pytest.raises(services.NotAllowed):
                service(acting_user=user, email=w.ANN)
    assert not PurgeRequest.objects.exists()
