"""Whoever takes people's data out, or changes what somebody signs in with, is noted: who, when, what; never a value."""

import ast
import re
import time
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from connectors.services import token_create
from purge.choices import Status
from purge.models import PurgeRequest
from tests.factories.connectors import (
    BoxSettingsFactory,
    ConnectorFactory,
    ConnectorRunFactory,
    ExternalApplicationFactory,
    FtpSettingsFactory,
    GenericSettingsFactory,
    WebhookFactory,
)
from tests.factories.learning import CertificateFactory, ExternalLearningRequestFactory, SubmissionFactory
from tests.factories.messaging import TranscriptDownloadFactory
from tests.factories.users import AccountFactory, AdministratorFactory, ImportLogFactory, UserFactory
from tests.pages_at_hand import read_page
from users.models import UserAudit
from users.services import account_update
from users.tenancy.file_admin import DownloadAdmin

pytestmark = pytest.mark.django_db
#: Where the code answers with a file, and what that is called in the notes.
LEAVES_BY = {
    "lms_purge/cleanup/csv_exports.py": {
        *("deleted users", "outside copies", "outside copies of request", "transcripts"),
    },
    "purge/admin/data_map.py": {"deletion concept"},
    "purge/admin/register.py": {"purge register"},
    "purge/admin/report.py": {"purge report"},
    "users/admin/imports.py": {"file of import", "bad rows of import"},
    "users/tenancy/file_admin.py": {
        *("certificate", "submission", "externallearningrequest", "transcriptdownload", "connectorrun"),
    },
}
PASSWORD = "correct horse battery"


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, name="Chief", email="chief@acme.example", password=PASSWORD)


@pytest.fixture
def here(chief):
    client = Client()
    client.force_login(chief)
    return client


def notes(user):
    """(who it was, what, which) of everything noted with somebody."""
    rows = UserAudit.objects.filter(user=user).order_by("pk")
    return [(row.actor_id, row.event, row.fields) for row in rows]


def grow_old(client):
    session = client.session
    session["password_confirmed_at"] = time.time() - 3_600
    session.save()


def saved(client, url, **typed):
    """A change form as it stands there, some of it typed anew."""
    _links, forms = read_page(client.get(url).content.decode())
    (form,) = [form for form in forms if any(button.name == "_save" for button in form.buttons)]
    data = {each.name: each.value for each in form.inputs if each.kind != "checkbox" or each.checked}
    found = {name: next(each for each in data if each == name or each.endswith(f"-0-{name}")) for name in typed}
    answer = client.post(url, {**data, **{found[name]: value for name, value in typed.items()}, "_save": "Save"})
    assert answer.status_code == 302, answer.context["errors"]


def test_every_way_to_take_data_out_is_noted(here, acme, chief):
    ann = UserFactory(account=acme, name="Ann", email="ann@acme.example")
    UserFactory(account=acme, name="Lee", email="lee@acme.example", deleted=True)
    leaver = UserFactory(account=acme, name="Mo", email="mo@acme.example", deleted=True)
    log = ImportLogFactory(
        account=acme,
        content="Name,E-Mail\nAnn,ann@acme.example\n",
        encoding="utf-8",
        delimiter=",",
        mapping={"heading_line": 1, "columns": {}},
    )
    certificate = CertificateFactory(user=ann)
    homework, proof = SubmissionFactory(user=ann), ExternalLearningRequestFactory(user=ann)
    transcript = TranscriptDownloadFactory(account=acme, generated_by=chief)
    run = ConnectorRunFactory(connector=ConnectorFactory(account=acme))
    request = PurgeRequest.objects.create(
        reference="PUR-7Q4M-2KX9-H",
        route="ui_enterprise",
        origin="admin",
        account_id=acme.pk,
        initiator=chief,
        key_fingerprint="0",
        status=Status.QUEUED,
        due_at=timezone.now() + timedelta(days=30),
    )
    plan = here.post("/admin/users/deleteduser/purge/", {"_selected_action": [leaver.pk]}, follow=True).context["plan"]
    cleanup, imports = "/admin/users/deleteduser/", f"/admin/users/importlog/{log.pk}/"
    requests = "/admin/purge/purgerequest/"
    # What holds nobody's data, or one person's, is noted and not asked about.
    of_one = {f"certificate {certificate.pk}", f"submission {homework.pk}", f"externallearningrequest {proof.pk}"}
    unasked = {"deletion concept", "purge report", *of_one}
    ways = [
        (f"{cleanup}export/", None, "deleted users"),
        (f"{cleanup}outside/", {"plan": plan}, "outside copies"),
        (f"{cleanup}transcripts/", {"plan": plan}, "transcripts"),
        (f"{cleanup}recipients/{request.pk}/", None, f"outside copies of request {request.pk}"),
        (f"{imports}file/", None, f"file of import {log.pk}"),
        (f"{imports}bad-rows/", None, f"bad rows of import {log.pk}"),
        (f"/admin/learning/certificate/{certificate.pk}/file/", None, f"certificate {certificate.pk}"),
        (f"/admin/learning/submission/{homework.pk}/file/", None, f"submission {homework.pk}"),
        (f"/admin/learning/externallearningrequest/{proof.pk}/file/", None, f"externallearningrequest {proof.pk}"),
        (f"/admin/messaging/transcriptdownload/{transcript.pk}/file/", None, f"transcriptdownload {transcript.pk}"),
        (f"/admin/connectors/connectorrun/{run.pk}/file/", None, f"connectorrun {run.pk}"),
        (f"{requests}register/?format=csv", None, "purge register"),
        (f"{requests}register/?format=json", None, "purge register"),
        (f"{requests}report/?format=csv", None, "purge report"),
        (f"{requests}data-map/?format=json", None, "deletion concept"),
        (f"{requests}data-map/?format=md", None, "deletion concept"),
    ]
    assert {re.sub(r" \d+$", "", what) for _url, _data, what in ways} == set().union(*LEAVES_BY.values())

    def fetch(client, url, data):
        answer = client.get(url) if data is None else client.post(url, data)
        is_file = "attachment" in answer.headers.get("Content-Disposition", "")
        answer.getvalue()
        return is_file

    stranger = Client()
    stranger.force_login(AdministratorFactory())
    for url, data, what in ways:
        UserAudit.objects.all().delete()
        assert not fetch(Client(), url, data), url
        if url != f"{cleanup}export/" and requests not in url:  # there they get what is theirs
            assert not fetch(stranger, url, data), url
        assert not UserAudit.objects.exists(), url
        assert fetch(here, url, data), url
        assert notes(chief) == [(chief.pk, "data taken out", what)]
    # What is asked about first, and not answered, has taken nothing out.
    UserAudit.objects.all().delete()
    grow_old(here)
    for url, data, what in ways:
        if what not in unasked:
            assert not fetch(here, url, data), url
    assert not UserAudit.objects.exists()
    assert all(fetch(here, url, data) for url, data, what in ways if what in unasked)


def test_no_file_leaves_but_by_a_way_that_is_asked_for_above():
    """Wherever the code answers with an attachment, or calls what does."""
    root, found = Path(site.BASE_DIR), Counter()
    for app in ("connectors", "keys", "learning", "lms_purge", "messaging", "purge", "users"):
        for path in (root / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if _answers_with_a_file(node):
                    found[str(path.relative_to(root))] += 1
    assert found == {
        "lms_purge/cleanup/csv_exports.py": 1,
        "purge/admin/data_map.py": 1,
        "purge/admin/register.py": 1,
        "purge/admin/report.py": 1,
        "users/admin/imports.py": 2,
        "users/tenancy/file_admin.py": 1,
    }
    assert found.keys() == LEAVES_BY.keys()
    pages = {page.opts.model_name for page in admin.site._registry.values() if isinstance(page, DownloadAdmin)}
    assert pages == LEAVES_BY["users/tenancy/file_admin.py"]
    # Of the users' lists, what calls the one place that makes their files.
    calls = (root / "lms_purge/cleanup/admin.py").read_text()
    assert calls.count("csv_exports.csv_export(") == 3
    assert calls.count("return _outside_export(") == calls.count("_outside_export(") - 1 == 2


def _answers_with_a_file(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value.lower() == "content-disposition"
    return isinstance(node, ast.keyword) and node.arg == "as_attachment"


def test_what_this_site_signs_in_with_elsewhere_is_noted_by_field(here, acme, chief):
    ftp = FtpSettingsFactory(connector=ConnectorFactory(account=acme, kind="ftp")).connector
    box = BoxSettingsFactory(connector=ConnectorFactory(account=acme, kind="box")).connector
    keys = GenericSettingsFactory(connector=ConnectorFactory(account=acme)).connector
    webhook = WebhookFactory(account=acme, url="https://ours.example/", created_by=None)
    application = ExternalApplicationFactory(account=acme, owner=None)
    UserAudit.objects.all().delete()

    def page(model, row):
        return f"/admin/connectors/{model}/{row.pk}/change/"

    saved(here, page("connector", ftp), secret="Rk2-new", host="other.example")
    saved(here, page("connector", box), account_email="box2@it.example")
    saved(here, page("connector", keys), values='{"key": "k-2"}')
    saved(here, page("webhook", webhook), secret="hush hush")
    saved(here, page("externalapplication", application), redirect_url="https://new.example/")
    expected = [
        ("connector changed", f"connector {ftp.pk}, host, secret"),
        ("connector changed", f"connector {box.pk}, account_email"),
        ("connector changed", f"connector {keys.pk}, values"),
        ("webhook changed", f"webhook {webhook.pk}, secret"),
        ("externalapplication changed", f"externalapplication {application.pk}, redirect_url"),
    ]
    assert notes(chief) == [(chief.pk, *each) for each in expected]
    # What is no credential, and what was not changed, is not.
    UserAudit.objects.all().delete()
    saved(here, page("connector", ftp), name="Another name")
    saved(here, page("webhook", webhook), name="Another name")
    saved(here, page("externalapplication", application), description="Another text")
    assert notes(chief) == []


def test_what_people_sign_in_with_is_noted(here, acme, chief):
    UserAudit.objects.all().delete()
    token_create(acting_user=chief, name="My script")
    new = "a new and longer pass phrase"
    answer = here.post(
        "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )
    assert answer.status_code == 302
    account_update(acting_user=chief, account=acme, purge_with_role=False)
    assert (chief.pk, "key to the API made", "") in notes(chief)
    assert (chief.pk, "password set", "") in notes(chief)
    assert (chief.pk, "account changed", f"account {acme.pk}, purge_with_role") in notes(chief)
    number = UserAudit.objects.count()
    account_update(acting_user=chief, account=acme, sender_name="Acme Learning")
    assert UserAudit.objects.count() == number


def test_an_account_reads_its_own_notes_and_no_others(here, acme, chief):
    here.get("/admin/users/deleteduser/export/").getvalue()
    assert "data taken out" in here.get("/admin/users/useraudit/").content.decode()
    stranger = Client()
    stranger.force_login(AdministratorFactory())
    assert "data taken out" not in stranger.get("/admin/users/useraudit/").content.decode()
