"""Enabling a connector that a purge stopped, click by click."""

import pytest
from django.urls import reverse

from connectors import services
from connectors.models import BlankedSetting, Connector, ConnectorKind, ConnectorState, Settlement, WebhookState
from purge.rules import Context
from tests.factories import connectors as factories
from tests.factories.users import AdministratorFactory, UserFactory
from users.models import UserState

pytestmark = pytest.mark.django_db

REFERENCE = "PUR-7Q4M-2KX9-H"


def own(account_id):
    """Of a purge that this account asked for."""
    return Context(request_id=7, reference=REFERENCE, account_id=account_id)


def page(name, *args, model="stoppedconnector"):
    return reverse(f"admin:connectors_{model}_{name}", args=args)


@pytest.fixture
def workday():
    settings = factories.WorkdaySettingsFactory(secret="keep-me")
    services.connectors_stop(pks=[settings.pk], column="manager_filter", context=own(settings.connector.account_id))
    return settings


@pytest.fixture
def administrator(workday, client):
    user = AdministratorFactory(account=workday.connector.account)
    client.force_login(user)
    return user


def settings_form(settings, **changes):
    """What the browser sends for the connector's page."""
    connector = Connector.objects.get(pk=settings.pk)
    fields = {
        "name": connector.name,
        "contact": connector.contact_id or "",
        "schedule": connector.schedule,
        "mapping": "{}",
        "workdaysettings-TOTAL_FORMS": "1",
        "workdaysettings-INITIAL_FORMS": "1",
        "workdaysettings-MIN_NUM_FORMS": "1",
        "workdaysettings-MAX_NUM_FORMS": "1",
        "workdaysettings-0-connector": settings.pk,
        "workdaysettings-0-host": settings.host,
        "workdaysettings-0-tenant": settings.tenant,
        "workdaysettings-0-isu_user_name": settings.isu_user_name,
        "workdaysettings-0-secret": "",
        "workdaysettings-0-manager_filter": "",
        "workdaysettings-0-manager": "",
    }
    return {**fields, **changes}


def test_the_list_says_why_and_what(workday, administrator, client):
    text = client.get(page("changelist")).content.decode()
    assert workday.connector.name in text
    assert "manager filter" in text
    assert "PUR-7Q4M-2KX9-H" in text


def test_a_running_connector_is_not_in_the_list(workday, administrator, client):
    running = factories.ConnectorFactory(account=administrator.account)
    assert running.name not in client.get(page("changelist")).content.decode()


def test_enabling_is_refused_until_the_setting_is_confirmed(workday, administrator, client):
    answer = client.post(page("enable", workday.pk), follow=True)
    assert "manager filter" in str(next(iter(answer.context["messages"])))
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.DISABLED
    assert "Confirm: manager filter stays as it is" in answer.content.decode()
    client.post(page("confirm", workday.pk, BlankedSetting.objects.get().pk))
    answer = client.post(page("enable", workday.pk), follow=True)
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.ENABLED
    assert answer.redirect_chain[-1][0] == page("changelist")
    assert BlankedSetting.objects.get().settled_by == administrator


def test_filling_the_setting_in_settles_it_and_keeps_the_secret(workday, administrator, client):
    form = settings_form(workday, **{"workdaysettings-0-manager_filter": "new.boss@acme.example"})
    answer = client.post(page("change", workday.pk), form)
    assert answer.status_code == 302, answer.context["errors"]
    workday.refresh_from_db()
    assert (workday.manager_filter, workday.secret) == ("new.boss@acme.example", "keep-me")
    assert BlankedSetting.objects.get().settlement == Settlement.REFILLED
    client.post(page("enable", workday.pk))
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.ENABLED


def test_filling_in_and_enabling_is_one_click(workday, administrator, client):
    text = client.get(page("change", workday.pk)).content.decode()
    # In the order of the work: what is missing, the fields, and at the end the button.
    assert text.index("manager filter</strong>") < text.index('name="workdaysettings-0-manager_filter"')
    assert text.index('name="workdaysettings-0-manager_filter"') < text.index('value="Save and enable"')
    answer = client.post(page("change", workday.pk), settings_form(workday, _enable="1"), follow=True)
    assert "manager filter" in " ".join(map(str, answer.context["messages"]))
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.DISABLED
    filled = settings_form(workday, **{"workdaysettings-0-manager_filter": "new.boss@acme.example", "_enable": "1"})
    answer = client.post(page("change", workday.pk), filled, follow=True)
    assert answer.redirect_chain[-1][0] == page("changelist")
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.ENABLED
    running = client.get(page("change", workday.pk, model="connector")).content.decode()
    assert "Save and enable" not in running
    assert "Disable the connector" in running


def test_saving_without_filling_in_settles_nothing(workday, administrator, client):
    assert client.post(page("change", workday.pk), settings_form(workday)).status_code == 302
    assert BlankedSetting.objects.get().settled_at is None


def test_the_mapping_is_typed_as_pairs(workday, administrator, client):
    address = page("change", workday.pk)
    assert client.post(address, settings_form(workday, mapping="Badge = unique_user_id")).status_code == 302
    connector = Connector.objects.get(pk=workday.pk)
    assert connector.mapping == {"Badge": "unique_user_id"}
    assert ">Badge = unique_user_id</textarea>" in client.get(address).content.decode().replace("\n", "")
    refused = client.post(address, settings_form(workday, mapping="Badge"))
    assert "Write one pair per line" in refused.content.decode()
    connector.refresh_from_db()
    assert connector.mapping == {"Badge": "unique_user_id"}


def test_the_page_never_shows_the_secret(workday, administrator, client):
    assert "keep-me" not in client.get(page("change", workday.pk)).content.decode()


def test_what_cannot_stay_empty_has_no_button(workday, administrator, client):
    services.connectors_stop(pks=[workday.pk], column="host", context=own(workday.connector.account_id))
    text = client.get(page("change", workday.pk)).content.decode()
    assert "has to be filled in" in text
    assert "Confirm: host" not in text


def test_another_accounts_connector_is_not_touched(workday, administrator, client):
    other = factories.BoxSettingsFactory()
    services.connectors_stop(pks=[other.pk], column="account_email", context=own(other.connector.account_id))
    blanked = BlankedSetting.objects.get(connector_id=other.pk)
    for address in (page("enable", other.pk), page("confirm", other.pk, blanked.pk)):
        assert client.post(address).status_code == 404
    # Nor by naming the setting of the other under one's own connector.
    assert client.post(page("confirm", workday.pk, blanked.pk)).status_code == 404
    blanked.refresh_from_db()
    assert blanked.settled_at is None


def test_enabling_takes_a_post(workday, administrator, client):
    assert client.get(page("enable", workday.pk))["Location"] == page("change", workday.pk)
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.DISABLED


def test_a_connector_is_made_filled_in_and_enabled(workday, administrator, client):
    client.post(
        page("add", model="connector"),
        {"kind": ConnectorKind.BOX, "name": "Files", "contact": "", "schedule": "daily", "mapping": "{}"},
    )
    connector = Connector.objects.get(name="Files")
    assert (connector.account, connector.state) == (administrator.account, ConnectorState.DRAFT)
    client.post(page("enable", connector.pk, model="connector"))
    connector.refresh_from_db()
    assert connector.state == ConnectorState.DRAFT
    client.post(
        page("change", connector.pk, model="connector"),
        {
            "name": "Files",
            "contact": "",
            "schedule": "daily",
            "mapping": "{}",
            "boxsettings-TOTAL_FORMS": "1",
            "boxsettings-INITIAL_FORMS": "0",
            "boxsettings-MIN_NUM_FORMS": "1",
            "boxsettings-MAX_NUM_FORMS": "1",
            "boxsettings-0-account_email": "box@acme.example",
            "boxsettings-0-folder": "",
        },
    )
    client.post(page("enable", connector.pk, model="connector"))
    connector.refresh_from_db()
    assert connector.state == ConnectorState.ENABLED
    assert connector.next_run_at is not None
    client.post(page("disable", connector.pk, model="connector"))
    connector.refresh_from_db()
    assert connector.state == ConnectorState.DISABLED


def test_a_webhook_is_enabled_from_the_list(workday, administrator, client):
    webhook = factories.WebhookFactory(account=administrator.account, state=WebhookState.DISABLED)
    client.post(page("changelist", model="webhook"), {"action": "enable", "_selected_action": [webhook.pk]})
    webhook.refresh_from_db()
    assert webhook.state == WebhookState.ENABLED


def test_external_applications_are_listed_with_contact_and_people(workday, administrator, client):
    application = factories.ExternalApplicationFactory(account=administrator.account)
    for _n in range(2):
        factories.ApplicationGrantFactory(application=application)
    text = client.get(page("changelist", model="externalapplication")).content.decode()
    assert application.contact_email in text
    grants = f"{page('changelist', model='applicationgrant')}?application__id__exact={application.pk}"
    assert f'<a href="{grants}">2</a>' in text
    assert client.get(grants).context["cl"].result_count == 2


def test_an_error_file_is_handed_out_within_the_account_alone(workday, administrator, client):
    mine = factories.ConnectorRunFactory(connector=workday.connector)
    other = factories.ConnectorRunFactory()
    answer = client.get(page("file", mine.pk, model="connectorrun"))
    assert b"".join(answer.streaming_content) == b"line,reason\n2,no email\n"
    assert "attachment" in answer["Content-Disposition"]
    assert client.get(page("file", other.pk, model="connectorrun")).status_code == 404
    type(mine).objects.filter(pk=mine.pk).update(error_file="")
    assert client.get(page("file", mine.pk, model="connectorrun")).status_code == 410


@pytest.mark.parametrize(("state", "words"), [(UserState.PURGING, "is deleted"), (UserState.DELETED, "is deleted")])
def test_only_people_in_use_are_newly_named(workday, administrator, client, put_in_state, state, words):
    person = UserFactory(account=administrator.account)
    put_in_state(person, state)
    for field in ("contact", "workdaysettings-0-manager"):
        answer = client.post(page("change", workday.pk), settings_form(workday, **{field: person.pk}))
        assert words in str(answer.context["errors"])
    put_in_state(person, UserState.ACTIVE)
    assert client.post(page("change", workday.pk), settings_form(workday, contact=person.pk)).status_code == 302
    # Who stands there already may stay, or nothing else on the page could be changed.
    put_in_state(person, UserState.DELETED)
    form = settings_form(workday, name="Another name")
    assert client.post(page("change", workday.pk), form).status_code == 302
    assert Connector.objects.get(pk=workday.pk).name == "Another name"
