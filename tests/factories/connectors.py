"""Connectors with their settings, outside applications, tokens, webhooks, statements."""

from __future__ import annotations

from datetime import timedelta

import factory
from django.core.files.base import ContentFile
from django.utils import timezone

from connectors import models
from tests.factories.users import AccountFactory, UserFactory


class ConnectorFactory(factory.django.DjangoModelFactory):
    """An enabled connector that runs daily, without settings: the settings factories make both."""

    class Meta:
        model = models.Connector

    account = factory.SubFactory(AccountFactory)
    kind = models.ConnectorKind.POWER_BI
    name = factory.Sequence("Connector {}".format)
    state = models.ConnectorState.ENABLED
    schedule = models.Schedule.DAILY
    next_run_at = factory.LazyAttribute(
        lambda connector: (
            timezone.now() + timedelta(days=1) if connector.state == models.ConnectorState.ENABLED else None
        )
    )
    mapping = factory.LazyFunction(lambda: {"Mail": "email", "Full name": "name"})


class FtpSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.FtpSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.FTP)
    host = "ftp.files.example"
    user_name = "lms-transfer"
    secret = "Rk2-wtT9-0pQm"
    contact_email = "files@it.example"


class BoxSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.BoxSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.BOX)
    account_email = "box@it.example"


class SalesforceSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.SalesforceSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.SALESFORCE)
    org_url = "https://acme.my.salesforce.example"
    login = "integration@acme.example"
    secret = "token-7781"
    filter_field = "Department"
    filter_value = "Sales"


class WorkdaySettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.WorkdaySettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.WORKDAY)
    host = "wd2.workday.example"
    tenant = "acme1"
    isu_user_name = "ISU_LMS"
    secret = "pw-5521"


class AzureAdSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.AzureAdSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.AZURE_AD)
    tenant = "acme.onmicrosoft.example"
    client_id = "0d9c4f0e"
    secret = "secret-1"


class ZoomSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ZoomSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.ZOOM)
    zoom_account = "zoom-1"
    client_id = "zoom-client"
    secret = "secret-2"
    super_admin_email = "zoom@it.example"


class AdobeConnectSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.AdobeConnectSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.ADOBE_CONNECT)
    url = "https://connect.acme.example"
    admin_email = "connect@it.example"
    admin_login = "connect-admin"
    secret = "secret-3"


class TeamsSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.TeamsSettings

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.TEAMS)
    tenant = "acme.onmicrosoft.example"
    client_id = "teams-client"
    secret = "secret-4"
    admin_user_email = "meetings@it.example"


class GenericSettingsFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.GenericSettings

    connector = factory.SubFactory(ConnectorFactory)
    values = factory.LazyFunction(lambda: {"workspace": "sales", "key": "k-1"})


class BlankedSettingFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.BlankedSetting

    connector = factory.SubFactory(ConnectorFactory, kind=models.ConnectorKind.BOX)
    setting = "account_email"
    reference = "PUR-7Q4M-2KX9-H"


class ConnectorRunFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ConnectorRun

    connector = factory.SubFactory(ConnectorFactory)
    state = models.RunState.FAILED
    rows_failed = 1
    error = "1 row was refused."
    error_file = factory.LazyFunction(lambda: ContentFile(b"line,reason\n2,no email\n", name="errors.csv"))


class ExternalApplicationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ExternalApplication

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence("Application {}".format)
    organisation = "Outside Ltd"
    contact_email = factory.Sequence("privacy{}@outside.example".format)


class ApplicationGrantFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ApplicationGrant

    application = factory.SubFactory(ExternalApplicationFactory)
    user = factory.SubFactory(UserFactory, account=factory.SelfAttribute("..application.account"))


class ApiTokenFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ApiToken

    user = factory.SubFactory(UserFactory)
    name = "My script"
    digest = factory.Sequence("{:064x}".format)


class WebhookFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Webhook

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence("Webhook {}".format)
    event = models.WebhookEvent.ENROLLED
    url = "https://hooks.outside.example/lms"
    user_name = "lms"
    secret = "secret-5"


class XapiStatementFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.XapiStatement

    account = factory.SubFactory(AccountFactory)
    actor_mbox = factory.Sequence("mailto:learner{}@xapi.example".format)
    verb = "http://adlnet.gov/expapi/verbs/completed"
    statement = factory.LazyAttribute(
        lambda row: {"actor": {"mbox": row.actor_mbox}, "verb": {"id": row.verb}, "object": {"id": "urn:course:1"}}
    )
