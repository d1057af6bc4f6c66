"""Another customer's purge stops something here: what is left to do is said, never by whom it was done."""

import pytest
from django.urls import reverse

from connectors.models import BlankedSetting, Connector, Webhook
from learning.models import Session
from purge import services, tasks
from purge.choices import Status
from tests.factories.connectors import FtpSettingsFactory, WebhookFactory
from tests.factories.learning import SessionFactory, SessionInstructorFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, Role

pytestmark = pytest.mark.django_db

ADDRESS = "ftp.person@people.example"


def purged(purge_request):
    for _slice in range(20):
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
        if purge_request.status == Status.COMPLETED:
            return purge_request
    raise AssertionError(purge_request.status)


@pytest.fixture
def theirs(db):
    """A trial account with what names somebody."""
    account = AccountFactory(kind=AccountKind.TRIAL)
    chief = UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    FtpSettingsFactory(connector__account=account, contact_email=ADDRESS)
    WebhookFactory(account=account, user_name=ADDRESS)
    return account, chief


def test_an_account_reads_the_request_id_of_its_own_purges_only(client, theirs):
    trial, chief = theirs
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    own = FtpSettingsFactory(connector__account=acme, contact_email=ADDRESS).connector
    purge_request = purged(services.purge_submit_address(acting_user=admin, account_id=acme.pk, address=ADDRESS))
    for connector in Connector.objects.all():
        assert connector.state == "disabled"
        assert connector.disabled_reference == (purge_request.reference if connector.pk == own.pk else "")
    assert Webhook.objects.get(account=trial).disabled_reference == ""
    assert BlankedSetting.objects.get(connector__account=trial).reference == ""
    assert BlankedSetting.objects.get(connector__account=acme).reference == purge_request.reference
    client.force_login(chief)
    connector = Connector.objects.get(account=trial)
    pages = [
        reverse("admin:connectors_stoppedconnector_changelist"),
        reverse("admin:connectors_stoppedconnector_change", args=[connector.pk]),
        reverse("admin:connectors_webhook_changelist"),
        reverse("admin:messaging_notification_changelist"),
        reverse("admin:index"),
    ]
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert "PUR-" not in answer.content.decode(), page
    assert connector.name in client.get(pages[0]).content.decode()
    client.force_login(admin)
    assert purge_request.reference in client.get(pages[0]).content.decode()


def test_a_session_that_lost_its_instructor_to_another_customers_purge_names_no_request(theirs):
    trial, _chief = theirs
    acme = AccountFactory()
    admin = AdministratorFactory(account=acme)
    gone = UserFactory(account=acme, email="teacher@people.example", deleted=True)
    match = UserFactory(account=trial, email="teacher@people.example")
    for account, teacher in ((acme, gone), (trial, match)):
        SessionInstructorFactory(session=SessionFactory(course__account=account), user=teacher)
    purge_request = purged(services.purge_submit(acting_user=admin, account_id=acme.pk, user_ids=[gone.pk]))
    assert {
        session.course.account_id: session.needs_instructor_reference
        for session in Session.objects.exclude(needs_instructor_since=None)
    } == {acme.pk: purge_request.reference, trial.pk: ""}
