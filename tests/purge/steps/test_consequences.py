"""A consequence that an app declares once is shown, told and foretold everywhere, by nothing but its declaration."""

import html
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.core import mail, signing

from learning.models import JobAid
from messaging.models import Notification
from messaging.services import mail_send, news_link
from purge import services
from purge.choices import Status
from purge.models import FollowUp, PurgeRequest
from purge.rules import Consequence, EndRow, ExemptTable, Fact, Foretold, Keep, Redact, signed_text
from purge.rules.coverage import model_gaps
from purge.rules.registry import Registry, get_registry, rule_modules, set_registry
from purge.tasks import run_request
from tests.factories.learning import JobAidFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db

PURGE = "/admin/users/deleteduser/purge/"
ANN = "ann@acme.example"


def shelf_labels(*, pks: Sequence[int], column: str, context: object) -> list[Fact]:
    return [
        SHELF.fact(account_id=account_id, model="learning.JobAid", pk=pk)
        for pk, account_id in JobAid.objects.filter(pk__in=pks).values_list("pk", "account_id")
    ]


def shelf_labels_foretold(
    *, pks: Mapping[str, Sequence[int]], people: Collection[int], account_id: int
) -> list[Foretold]:
    rows = JobAid.objects.filter(pk__in=pks["learning.JobAid"], account_id=account_id)
    return [Foretold(row, f"Job aid <{row.title}> loses its shelf label.", affects_others=True) for row in rows]


SHELF = Consequence(
    kind="shelf_label_lost",
    path=f"{__name__}.shelf_labels",
    label="Shelf needs a label",
    news="Shelves have lost their labels: print new ones.",
    page="admin:learning_jobaid_changelist",
    model="learning.JobAid",
    foretold=f"{__name__}.shelf_labels_foretold",
    came="Shelf “%(name)s” would now lose its label.",
    went="Shelf “%(name)s” keeps its label after all.",
)


def rules_with(consequences: Sequence[Consequence], then: str = SHELF.path) -> Registry:
    """The rules of the platform, but that the body of a job aid has a consequence too."""
    modules = []
    for module in rule_modules():
        if module.__name__ != "learning.purge_rules":
            modules.append(module)
            continue
        rules = [
            replace(each, columns={**each.columns, "body": Redact(then=then)})
            if each.model == "learning.JobAid"
            else each
            for each in module.RULES
        ]
        modules.append(SimpleNamespace(RULES=rules, CONSEQUENCES=[*module.CONSEQUENCES, *consequences]))
    return Registry(modules)


@pytest.fixture
def fourth():
    set_registry(rules_with([SHELF]))
    yield
    set_registry(None)


@pytest.fixture
def account():
    return AccountFactory(name="Acme")


@pytest.fixture
def admin(account, client):
    admin = AdministratorFactory(account=account, email="ada@acme.example")
    client.force_login(admin)
    return admin


@pytest.fixture
def ann(account):
    return UserFactory(account=account, email=ANN, deleted=True)


def text_of(response) -> str:
    return html.unescape(re.sub(r"\s+", " ", response.content.decode()))


def test_its_words_are_on_confirmation_request_page_notification_and_mail(fourth, account, admin, ann, client):
    drill = JobAidFactory(account=account, title="Fire drill", body=f"Call {ANN}.")
    other = JobAidFactory(title="Of another account", body=f"Call {ANN}.")
    page = client.post(PURGE, {"_selected_action": [ann.pk]}, follow=True)
    assert "Job aid <Fire drill> loses its shelf label." in text_of(page)
    assert b"&lt;Fire drill&gt;" in page.content
    assert "Of another account" not in text_of(page)
    # Others notice it, so the number has to be typed, where there is more than one.
    two = client.post(PURGE, {"_selected_action": [ann.pk, UserFactory(account=account, deleted=True).pk]}, follow=True)
    client.post(PURGE, {"plan": two.context["plan"]})
    assert not PurgeRequest.objects.exists()
    client.post(PURGE, {"plan": page.context["plan"]})

    purge_request = PurgeRequest.objects.get()
    run_request(purge_request.pk)
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED
    assert list(FollowUp.objects.values_list("kind", "row")) == [("shelf_label_lost", drill.pk)]
    other.refresh_from_db()
    assert other.body == f"Call {ANN}."
    shown = text_of(client.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/"))
    assert f'Shelf needs a label: <a href="/admin/learning/jobaid/{drill.pk}/change/">Fire drill</a>' in shown

    told = Notification.objects.get(kind="follow_ups")
    assert "Shelves have lost their labels: print new ones." in told.text
    assert told.link == f"/admin/purge/purgerequest/{purge_request.pk}/change/#left-to-do"
    assert mail_send(told.pk)
    assert "Shelves have lost their labels: print new ones." in mail.outbox[-1].body
    assert f"/admin/purge/purgerequest/{purge_request.pk}/change/#left-to-do" in mail.outbox[-1].body


def test_a_row_that_came_or_went_since_the_page_was_shown_is_shown_first(fourth, account, admin, ann, client):
    drill = JobAidFactory(account=account, title="Fire drill", body=f"Call {ANN}.")
    page = client.post(PURGE, {"_selected_action": [ann.pk]}, follow=True)
    JobAid.objects.filter(pk=drill.pk).update(body="Call nobody.")
    JobAidFactory(account=account, title="First aid", body=f"Ask {ANN}.")
    again = client.post(PURGE, {"plan": page.context["plan"]}, follow=True)
    assert "Shelf “First aid” would now lose its label." in text_of(again)
    assert "Shelf “Fire drill” keeps its label after all." in text_of(again)
    assert not PurgeRequest.objects.exists()
    client.post(PURGE, {"plan": again.context["plan"]})
    assert PurgeRequest.objects.exists()


def test_a_page_that_an_earlier_release_has_shown_is_asked_for_again(account, admin, ann, client):
    """What it had shown stood in its form, signed."""
    page = client.post(PURGE, {"_selected_action": [ann.pk]}, follow=True)
    sealed = signing.dumps([page.context["plan"], account.pk, [ann.pk], {}, "", "", []], compress=True)
    assert "This page is not valid any more." in text_of(client.post(PURGE, {"plan": sealed}, follow=True))
    assert not PurgeRequest.objects.exists()
    client.post(PURGE, {"plan": page.context["plan"]})
    assert PurgeRequest.objects.exists()


def test_what_the_platform_declares_has_its_words_and_pages():
    declared = get_registry().consequences
    assert {kind: (each.path, each.page) for kind, each in declared.items()} == {
        "connector_disabled": ("connectors.services.connectors_stop", "admin:connectors_stoppedconnector_changelist"),
        "webhook_disabled": ("connectors.services.webhooks_stop", "admin:connectors_stoppedconnector_changelist"),
        "session_without_instructor": (
            "learning.services.sessions_without_instructor",
            "admin:learning_unstaffedsession_changelist",
        ),
        "unique_id_emptied": ("users.services.unique_ids_emptied", "admin:users_internaluser_changelist"),
        "account_without_administrator": ("", ""),
    }
    assert list(declared)[-1] == "account_without_administrator"


@pytest.mark.parametrize(
    ("kinds", "reference", "link"),
    [
        (
            ["connector_disabled", "session_without_instructor"],
            "PUR-7Q4M-2KX9-H",
            "/admin/purge/purgerequest/7/change/#left-to-do",
        ),
        (["session_without_instructor"], "", "/admin/learning/unstaffedsession/"),
        (["session_without_instructor", "unique_id_emptied"], "", "/admin/learning/unstaffedsession/"),
        (["unique_id_emptied"], "", "/admin/users/internaluser/"),
        (
            ["account_without_administrator", "connector_disabled"],
            "PUR-7",
            "/admin/purge/purgerequest/7/change/#left-to-do",
        ),
        (["account_without_administrator"], "", ""),
    ],
)
def test_the_notification_leads_to_the_page_where_one_goes_on(account, kinds, reference, link):
    assert news_link("follow_ups", reference=reference, request_id=7, facts={"kinds": kinds}) == link


def test_work_of_an_app_that_is_gone_keeps_its_word(account, admin, ann, client):
    purge_request = services.purge_submit(acting_user=admin, account_id=account.pk, user_ids=[ann.pk])
    FollowUp.objects.create(
        request=purge_request, kind="shelf_label_lost", account_id=account.pk, model="users.Account", row=account.pk
    )
    assert "shelf label lost:" in text_of(client.get(f"/admin/purge/purgerequest/{purge_request.pk}/change/"))


# ---------------------------------------------------------------- what the check refuses


def gaps(registry: Registry) -> list[str]:
    return [f"{gap.id} {gap}" for gap in model_gaps(registry) if gap.id in ("purge.E005", "purge.E009")]


def test_a_whole_declaration_is_no_gap():
    assert gaps(get_registry()) == []
    assert gaps(rules_with([SHELF])) == []


@pytest.mark.parametrize(
    ("registry", "said"),
    [
        (
            lambda: rules_with([]),
            f'purge.E009 learning.JobAid.body names the consequence "{SHELF.path}", which nobody declares.',
        ),
        (
            lambda: rules_with([SHELF, SHELF]),
            "purge.E005 the consequence shelf_label_lost is declared twice",
        ),
        (
            lambda: rules_with([SHELF], then="connectors.services.connectors_stop"),
            "purge.E009 the consequence shelf_label_lost is named by no treatment.",
        ),
        (
            lambda: rules_with([replace(SHELF, foretold="learning.selectors.nothing")]),
            'purge.E009 the consequence shelf_label_lost names "learning.selectors.nothing", which is no function.',
        ),
        (
            lambda: rules_with([replace(SHELF, news=" ")]),
            "purge.E009 the consequence shelf_label_lost has no words for the request page (label=) or the "
            "notification (news=).",
        ),
        (
            lambda: rules_with([replace(SHELF, went="")]),
            "purge.E009 the consequence shelf_label_lost is foretold with half of model=, foretold=, came=, went=.",
        ),
        (
            lambda: rules_with([replace(SHELF, model="learning.Shelf")]),
            "purge.E009 the consequence shelf_label_lost foretells rows of learning.Shelf, which has no rules.",
        ),
    ],
)
def test_half_a_declaration_is_refused(registry, said):
    assert gaps(registry()) == [said]


def decoding(rule: Keep | EndRow) -> Registry:
    """The rules of the platform, with another one for what a browser's session holds."""
    registry = Registry()
    entry = registry.entries["users.Session"]
    entry.columns["session_data"] = replace(entry.columns["session_data"], rule=rule)
    return registry


PROMISE, SILENT = "signed numbers, which the patrol reads decoded", "signed numbers of whoever is signed in"


@pytest.mark.parametrize("kind", [Keep, EndRow])
def test_a_promise_to_decode_and_a_decoder_go_together(kind):
    closed = {"closed": "written by code alone, as numbers"} if kind is Keep else {}
    place = "purge.E009 users.Session.session_data"
    assert gaps(decoding(kind(PROMISE, decoded_by=signed_text, **closed))) == []
    assert gaps(decoding(kind(SILENT, **closed))) == []
    assert gaps(decoding(kind(PROMISE, **closed))) == [
        f"{place} promises that the patrol reads it decoded, and nothing says how."
    ]
    assert gaps(decoding(kind(SILENT, decoded_by=signed_text, **closed))) == [
        f"{place} is read decoded, and its reason does not say so."
    ]


def test_the_same_for_a_table_without_rules():
    def exempting(**fields) -> Registry:
        return Registry([*rule_modules(), SimpleNamespace(EXEMPT=[ExemptTable("shelf_cache", **fields)])])

    decoder = {"value": signed_text}
    assert gaps(exempting(reason=PROMISE, decoded_by=decoder)) == []
    assert gaps(exempting(reason=PROMISE)) == [
        "purge.E009 shelf_cache promises that the patrol reads it decoded, and nothing says how."
    ]
    assert gaps(exempting(reason=SILENT, decoded_by=decoder)) == [
        "purge.E009 shelf_cache is read decoded, and its reason does not say so."
    ]
    assert exempting(reason=PROMISE, decoded_by=decoder).decoders["shelf_cache", "value"] is signed_text


def test_the_columns_that_the_patrol_decodes_are_those_that_no_database_can_read():
    assert set(get_registry().decoders) == {
        ("django_q_ormq", "payload"),
        ("django_q_task", "args"),
        ("django_q_task", "kwargs"),
        ("django_q_task", "result"),
        ("users_session", "session_data"),
        ("lms_cache", "value"),
        # Encrypted.
        ("connectors_adobeconnectsettings", "secret"),
        ("connectors_azureadsettings", "secret"),
        ("connectors_ftpsettings", "secret"),
        ("connectors_genericsettings", "values"),
        ("connectors_salesforcesettings", "secret"),
        ("connectors_teamssettings", "secret"),
        ("connectors_webhook", "secret"),
        ("connectors_workdaysettings", "secret"),
        ("connectors_zoomsettings", "secret"),
        ("users_identityprovider", "secret"),
    }
