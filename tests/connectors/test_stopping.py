"""A purge blanks a setting, the connector stops, and runs again only when somebody has looked at it."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from connectors import selectors, services
from connectors.kinds import SETTINGS, setting_field, settings_model
from connectors.models import (
    BlankedSetting,
    Connector,
    ConnectorKind,
    ConnectorRun,
    ConnectorState,
    DisabledReason,
    GenericSettings,
    RunState,
    Schedule,
    Settlement,
    WebhookState,
)
from connectors.purge_rules import RULES, STOP
from purge.rules import Context, Keep
from tests.factories import connectors as factories
from tests.factories.users import UserFactory
from users.services import ServiceError

pytestmark = pytest.mark.django_db

REFERENCE = "PUR-7Q4M-2KX9-H"


def own(account_id):
    """Of a purge that this account asked for."""
    return Context(request_id=7, reference=REFERENCE, account_id=account_id)


def blank(settings, column):
    """As a purge does it: the value goes straight from the table, then the consequence is told."""
    field = settings._meta.get_field(column)
    type(settings).objects.filter(pk=settings.pk).update(**{column: None if field.null else ""})
    return services.connectors_stop(pks=[settings.pk], column=column, context=own(settings.connector.account_id))


@pytest.fixture
def workday():
    return factories.WorkdaySettingsFactory(manager_filter="boss@acme.example")


@pytest.fixture
def admin(workday):
    return UserFactory(account=workday.connector.account)


def test_a_blanked_setting_stops_its_connector(workday):
    facts = blank(workday, "manager_filter")
    connector = Connector.objects.get(pk=workday.pk)
    assert [(fact.kind, fact.pk, fact.account_id) for fact in facts] == [
        ("connector_disabled", connector.pk, connector.account_id)
    ]
    assert connector.state == ConnectorState.DISABLED
    assert connector.disabled_reason == DisabledReason.PURGE
    assert connector.disabled_reference == "PUR-7Q4M-2KX9-H"
    assert (connector.schedule, connector.next_run_at) == (Schedule.OFF, None)
    assert [row.setting for row in selectors.open_settings(connector)] == ["manager_filter"]
    assert list(selectors.connectors_stopped_by_purge(connector.account_id)) == [connector]


def test_a_second_setting_is_remembered_but_reported_only_once(workday):
    blank(workday, "manager_filter")
    assert blank(workday, "isu_user_name") == []
    assert blank(workday, "manager_filter") == []
    assert BlankedSetting.objects.count() == 2


def test_the_database_keeps_one_open_row_per_setting(workday):
    blank(workday, "manager_filter")
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.BlankedSettingFactory(connector=workday.connector, setting="manager_filter")


def test_other_connectors_run_on(workday):
    other = factories.WorkdaySettingsFactory(connector__account=workday.connector.account)
    blank(workday, "manager_filter")
    assert Connector.objects.get(pk=other.pk).state == ConnectorState.ENABLED
    assert not BlankedSetting.objects.filter(connector=other.connector).exists()


def test_a_draft_stays_a_draft_but_cannot_be_enabled():
    draft = factories.BoxSettingsFactory(connector__state=ConnectorState.DRAFT)
    admin = UserFactory(account=draft.connector.account)
    assert blank(draft, "account_email") == []
    assert Connector.objects.get(pk=draft.pk).state == ConnectorState.DRAFT
    with pytest.raises(services.SettingsMissing):
        services.connector_enable(acting_user=admin, connector=draft.connector)
    assert list(selectors.connectors_stopped_by_purge()) == [draft.connector]


def test_enabling_waits_for_every_blanked_setting(workday, admin):
    blank(workday, "manager_filter")
    blank(workday, "isu_user_name")
    with pytest.raises(services.SettingsMissing, match=r"ISU user name.*manager filter|manager filter.*ISU user name"):
        services.connector_enable(acting_user=admin, connector=workday.connector)
    type(workday).objects.filter(pk=workday.pk).update(isu_user_name="ISU_NEW")
    with pytest.raises(services.SettingsMissing, match="manager filter"):
        services.connector_enable(acting_user=admin, connector=workday.connector)
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.DISABLED


def test_a_refilled_connector_resumes(workday, admin):
    blank(workday, "manager_filter")
    type(workday).objects.filter(pk=workday.pk).update(manager_filter="new.boss@acme.example")
    services.connector_enable(acting_user=admin, connector=workday.connector)
    connector = Connector.objects.get(pk=workday.pk)
    assert (connector.state, connector.schedule) == (ConnectorState.ENABLED, Schedule.DAILY)
    assert connector.next_run_at > timezone.now()
    assert (connector.disabled_reason, connector.disabled_reference, connector.disabled_at) == ("", "", None)
    row = BlankedSetting.objects.get()
    assert (row.settlement, row.settled_by) == (Settlement.REFILLED, admin)
    assert not selectors.connectors_stopped_by_purge().exists()


def test_enabling_ticks_off_what_the_purge_left_to_do(workday, admin, follow_up):
    [fact] = blank(workday, "manager_filter")
    row, other = follow_up(fact), follow_up(fact, pk=fact.pk + 1)
    services.connector_setting_confirm_empty(acting_user=admin, blanked=BlankedSetting.objects.get())
    row.refresh_from_db()
    assert row.done_at is None
    services.connector_enable(acting_user=admin, connector=workday.connector)
    row.refresh_from_db()
    other.refresh_from_db()
    assert row.done_by == admin
    assert other.done_at is None


def test_an_expressly_confirmed_empty_setting_is_enough(workday, admin):
    blank(workday, "manager_filter")
    row = BlankedSetting.objects.get()
    services.connector_setting_confirm_empty(acting_user=admin, blanked=row)
    services.connector_enable(acting_user=admin, connector=workday.connector)
    row.refresh_from_db()
    assert (row.settlement, row.settled_by) == (Settlement.CONFIRMED_EMPTY, admin)
    assert Connector.objects.get(pk=workday.pk).state == ConnectorState.ENABLED
    with pytest.raises(ServiceError, match="settled already"):
        services.connector_setting_confirm_empty(acting_user=admin, blanked=row)


def test_what_a_connector_cannot_do_without_is_not_confirmed_as_empty(workday, admin):
    blank(workday, "host")
    row = BlankedSetting.objects.get()
    with pytest.raises(ServiceError, match="cannot stay empty"):
        services.connector_setting_confirm_empty(acting_user=admin, blanked=row)
    row.refresh_from_db()
    assert row.settled_at is None


def test_blanked_again_after_it_was_settled(workday, admin):
    blank(workday, "manager_filter")
    services.connector_setting_confirm_empty(acting_user=admin, blanked=BlankedSetting.objects.get())
    services.connector_enable(acting_user=admin, connector=workday.connector)
    assert len(blank(workday, "manager_filter")) == 1
    assert BlankedSetting.objects.filter(settled_at=None).count() == 1


def test_a_contact_picked_from_the_users_is_a_setting_of_the_connector(admin, workday):
    connector = workday.connector
    Connector.objects.filter(pk=connector.pk).update(contact=None)
    facts = services.connectors_stop(pks=[connector.pk], column="contact", context=own(connector.account_id))
    assert len(facts) == 1
    Connector.objects.filter(pk=connector.pk).update(contact=admin)
    services.connector_enable(acting_user=admin, connector=connector)
    assert Connector.objects.get(pk=connector.pk).state == ConnectorState.ENABLED


@pytest.mark.parametrize(
    ("values", "refilled"), [({"key": "[erased]"}, False), ({"key": "sales@acme.example"}, True), ({}, False)]
)
def test_keys_in_which_an_address_was_erased_have_to_be_typed_again(values, refilled):
    settings = factories.GenericSettingsFactory()
    admin = UserFactory(account=settings.connector.account)
    services.connectors_stop(pks=[settings.pk], column="values", context=own(settings.connector.account_id))
    GenericSettings.objects.filter(pk=settings.pk).update(values=values)
    assert services.connector_settings_settle(acting_user=admin, connector=settings.connector) == int(refilled)


def test_every_setting_that_a_purge_treats_stops_its_connector_and_can_be_named():
    kinds = {settings_model(kind).__name__: kind for kind in ConnectorKind}
    assert {*kinds} == {model.__name__ for model in [*SETTINGS.values(), GenericSettings]}
    for rules in RULES:
        name = rules.model.split(".")[1]
        if name not in kinds:
            continue
        connector = Connector(kind=kinds[name])
        for column, rule in rules.columns.items():
            if not isinstance(rule, Keep):
                assert rule.then == STOP, f"{rules.model}.{column}"
                assert setting_field(connector, column).model.__name__ == name


def test_the_schedule_of_a_disabled_connector_never_fires(workday, admin):
    Connector.objects.filter(pk=workday.pk).update(next_run_at=timezone.now() - timedelta(minutes=1))
    assert list(selectors.connectors_due()) == [workday.connector]
    blank(workday, "manager_filter")
    assert not selectors.connectors_due().exists()
    assert services.connector_runs_schedule() == []
    with pytest.raises(ServiceError, match="not enabled"):
        services.connector_run_start(acting_user=admin, connector=workday.connector)
    with pytest.raises(IntegrityError), transaction.atomic():
        Connector.objects.filter(pk=workday.pk).update(next_run_at=timezone.now())


def test_a_due_connector_gets_one_run(workday):
    Connector.objects.filter(pk=workday.pk).update(next_run_at=timezone.now() - timedelta(minutes=1))
    [run_id] = services.connector_runs_schedule()
    assert services.connector_runs_schedule() == []
    run = ConnectorRun.objects.get(pk=run_id)
    assert (run.connector_id, run.state, run.started_by) == (workday.pk, RunState.PENDING, None)


def test_disabling_by_hand_keeps_the_schedule(workday, admin):
    services.connector_disable(acting_user=admin, connector=workday.connector)
    connector = Connector.objects.get(pk=workday.pk)
    assert (connector.state, connector.disabled_reason) == (ConnectorState.DISABLED, DisabledReason.MANUAL)
    assert (connector.schedule, connector.next_run_at) == (Schedule.DAILY, None)
    services.connector_schedule(acting_user=admin, connector=connector, schedule=Schedule.HOURLY)
    assert Connector.objects.get(pk=workday.pk).next_run_at is None
    services.connector_enable(acting_user=admin, connector=connector)
    connector.refresh_from_db()
    assert connector.next_run_at < timezone.now() + timedelta(hours=2)
    with pytest.raises(ServiceError, match="enabled already"):
        services.connector_enable(acting_user=admin, connector=connector)


def test_a_connector_without_settings_is_not_enabled():
    connector = factories.ConnectorFactory(kind=ConnectorKind.ZOOM, state=ConnectorState.DRAFT)
    admin = UserFactory(account=connector.account)
    with pytest.raises(services.SettingsMissing, match="settings"):
        services.connector_enable(acting_user=admin, connector=connector)
    factories.ZoomSettingsFactory(connector=connector)
    assert services.connector_enable(acting_user=admin, connector=connector).state == ConnectorState.ENABLED


def test_a_failed_run_keeps_its_refused_rows_in_a_file(workday, admin):
    run = services.connector_run_start(acting_user=admin, connector=workday.connector)
    services.connector_run_finish(
        run=run, rows_done=3, rows_failed=1, error="1 row was refused.", error_rows=b"line,reason\n"
    )
    run.refresh_from_db()
    assert (run.state, run.rows_failed) == (RunState.FAILED, 1)
    with run.error_file.open() as stored:
        assert stored.read() == b"line,reason\n"


def test_a_webhook_stops_and_is_enabled_with_a_clean_url():
    webhook = factories.WebhookFactory(url="https://hooks.example/?user=[erased]")
    admin = UserFactory(account=webhook.account)
    [fact] = services.webhooks_stop(pks=[webhook.pk], column="url", context=own(webhook.account_id))
    assert (fact.kind, fact.pk) == ("webhook_disabled", webhook.pk)
    assert services.webhooks_stop(pks=[webhook.pk], column="user_name", context=own(webhook.account_id)) == []
    webhook.refresh_from_db()
    assert (webhook.state, webhook.disabled_reference) == (WebhookState.DISABLED, "PUR-7Q4M-2KX9-H")
    with pytest.raises(services.SettingsMissing):
        services.webhook_enable(acting_user=admin, webhook=webhook)
    type(webhook).objects.update(url="https://hooks.example/")
    assert services.webhook_enable(acting_user=admin, webhook=webhook).state == WebhookState.ENABLED
