"""What a hostile customer, a thief with an open browser and somebody outside could do in the first release, and cannot.

Nothing here knows how the site is built: pages, commands, the worker's task, and what stands in the tables. Each of
these tests fails on the first release, which ``python -m tests.takeovers_before`` shows; but for the counter-checks,
which show that what is refused goes otherwise, and hold there too: their names begin with ``test_counter_check``.
"""

import io
import json
import re
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from logging import LogRecord
from logging.config import DictConfigurator

import pytest
from django.conf import settings as site
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ

from connectors.models import Connector
from learning.models import Comment
from purge import services, tasks
from purge.models import PurgeRequest
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory, GenericSettingsFactory
from tests.factories.learning import CommentFactory, CourseFactory
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    ExternalProfileFactory,
    UserFactory,
)
from users.imports.services import user_import_start
from users.models import Account, AccountKind, Session, User, UserAudit, UserKind

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
PEOPLE = "/admin/users/internaluser/"
LOGIN = "/admin/login/"
GONE = datetime(2026, 1, 15, 12, tzinfo=UTC)


@pytest.fixture
def acme():
    return AccountFactory(name="Acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, email="chief@acme.example", password=PASSWORD)


@pytest.fixture
def here(chief):
    client = Client()
    client.post(LOGIN, {"username": chief.email, "password": PASSWORD})
    return client


@pytest.fixture
def stranger():
    """The administrator of a trial that anybody can open."""
    return AdministratorFactory(account=AccountFactory(name="Trial", kind=AccountKind.TRIAL), password=PASSWORD)


def browser(user):
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def old_browser(user):
    """In which somebody signed in an hour ago, and left."""
    client = browser(user)
    User.objects.filter(pk=user.pk).update(last_login=timezone.now() - timedelta(hours=1))
    session = client.session
    session["password_confirmed_at"] = time.time() - 3_600
    session.save()
    return client


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


def purge(admin, *people):
    return services.purge_submit(
        acting_user=admin, account_id=admin.account_id, user_ids=[person.pk for person in people]
    )


def finish(purge_request):
    for _slice in range(60):
        PurgeRequest.objects.filter(pk=purge_request.pk).update(lease_until=None, next_attempt_at=None)
        tasks.run_request(purge_request.pk)
        purge_request.refresh_from_db()
        if purge_request.status == "completed":
            return purge_request
    return purge_request


def form_of(client, url):
    """What a change form sends when nothing is changed."""
    found = {}
    for form in client.get(url).context["adminform"], *client.get(url).context["inline_admin_formsets"]:
        for each in form.formset.forms if hasattr(form, "formset") else [form.form]:
            for bound in each:
                value = bound.value()
                if value not in (None, False):
                    found[bound.html_name] = value
        if hasattr(form, "formset"):
            management = form.formset.management_form
            found.update({bound.html_name: bound.value() for bound in management})
    return found


# ---------------------------------------------------------------- reading what is another's


def test_a_filter_says_nothing_of_anybodys_password(stranger, chief):
    UserFactory(
        account=stranger.account,
        kind=UserKind.EXTERNAL,
        external_profile=ExternalProfileFactory(account=stranger.account),
    )
    client = browser(stranger)
    page = "/admin/users/externaluser/"
    assert client.get(page, {"external_profile__isnull": "False"}).status_code == 200
    for path in ("users__password", "users__sessions__pk", "account__users__user_permissions__user__email"):
        answer = client.get(page, {f"external_profile__{path}__startswith": "a"})
        assert answer.status_code == 400, path


def test_what_stands_in_the_tables_signs_nobody_in(here, chief):
    """Wherever a row's key is shown or read: of a session it opens nothing."""
    assert here.get("/admin/").status_code == 200
    keys = [str(value) for row in Session.objects.values_list() for value in row if isinstance(value, str)]
    assert keys
    cookie = here.cookies[site.SESSION_COOKIE_NAME].value
    assert cookie not in keys
    for key in keys:
        thief = Client()
        thief.cookies[site.SESSION_COOKIE_NAME] = key
        assert thief.get("/admin/").status_code == 302


def test_an_import_says_nothing_of_whom_another_account_has_purged(acme, chief, stranger):
    leavers = [UserFactory(account=acme, email=f"leaver{n}@mail.example", deleted_at=GONE) for n in range(3)]
    # One of them is a user of the trial as well.
    UserFactory(account=stranger.account, email="leaver0@mail.example")
    assert finish(purge(chief, *leavers)).status == "completed"

    def imported(admin):
        rows = "".join(f"Somebody,leaver{n}@mail.example\n" for n in (1, 2))
        file = io.BytesIO(f"Name,Email\n{rows}".encode())
        log = user_import_start(acting_user=admin, account=admin.account, file=file)
        while "more" in [task() for task in _take("users.tasks.run_import")]:
            pass
        log.refresh_from_db()
        return log.added, log.previously_purged

    assert imported(stranger) == (2, 0)
    assert imported(chief) == (2, 2)


def _take(name):
    """The queue's tasks of a kind, taken out of it, to be called."""
    for row in list(OrmQ.objects.order_by("pk")):
        if row.func() == name:
            row.delete()
            yield partial(import_string(name), *row.args())


def test_who_purges_an_address_reads_nothing_of_other_accounts_nor_they_who_it_was(acme, chief, stranger):
    connector = FtpSettingsFactory(connector__account=acme, contact_email="guest@mail.example").connector
    Account.objects.filter(pk=acme.pk).update(kind=AccountKind.TRIAL)
    request = services.purge_submit_address(
        acting_user=stranger, account_id=stranger.account_id, address="guest@mail.example"
    )
    assert finish(request).status == "completed"
    page = text_of(browser(stranger).get(f"/admin/purge/purgerequest/{request.pk}/change/"))
    assert request.reference in page
    assert "FTP settings" not in page
    # The other side: the address is gone and the connector has stopped; by whose request is not said.
    connector = Connector.objects.get(pk=connector.pk)
    assert connector.state == "disabled"
    assert connector.disabled_reference == ""
    assert request.reference not in text_of(browser(chief).get(f"/admin/connectors/connector/{connector.pk}/change/"))


# ---------------------------------------------------------------- an open session


@pytest.mark.parametrize("act", ["role", "password", "export"])
def test_an_open_browser_is_not_enough(chief, act):
    ann = UserFactory(account=chief.account, email="ann@acme.example")
    client = old_browser(chief)
    if act == "role":
        data = {"action": "assign_role", "_selected_action": [ann.pk], "apply": "1", "role": "administrator"}
        answer = client.post(PEOPLE, data)
    elif act == "password":
        url = f"{PEOPLE}{ann.pk}/change/"
        answer = client.post(url, {**form_of(client, url), "new_password": "another long pass phrase"})
    else:
        UserFactory(account=chief.account, name="Lee Leaver", deleted_at=GONE)
        answer = client.get("/admin/users/deleteduser/export/")
    assert "attachment" not in answer.headers.get("Content-Disposition", "")
    assert "Confirm that it is you" in text_of(answer)
    ann.refresh_from_db()
    assert not ann.has_role("administrator")
    assert not ann.check_password("another long pass phrase")


def test_an_open_browser_sets_no_password_of_ones_own_without_the_old_one(here, chief):
    url = f"{PEOPLE}{chief.pk}/change/"
    here.post(url, {**form_of(here, url), "new_password": "another long pass phrase"})
    chief.refresh_from_db()
    assert chief.check_password(PASSWORD)


def test_a_sign_in_in_another_browser_lets_an_old_one_purge_nobody(chief):
    leaver = UserFactory(account=chief.account, deleted_at=GONE)
    client = old_browser(chief)
    Client().post(LOGIN, {"username": chief.email, "password": PASSWORD})
    page = client.post("/admin/users/deleteduser/purge/", {"_selected_action": [leaver.pk]}, follow=True)
    client.post("/admin/users/deleteduser/purge/", {"plan": page.context["plan"]})
    assert not PurgeRequest.objects.exists()


def test_the_password_cannot_be_guessed_where_a_purge_asks_for_it(chief):
    leaver = UserFactory(account=chief.account, deleted_at=GONE)
    client = old_browser(chief)
    plan = begun(client, leaver)
    for word in (*(f"guess {n}" for n in range(12)), PASSWORD):
        client.post("/admin/users/deleteduser/purge/", {"plan": plan, "password": word, "confirm_password": word})
    assert not PurgeRequest.objects.exists()


def test_what_somebody_has_begun_ends_when_they_sign_out(here, chief):
    plan = begun(here, UserFactory(account=chief.account, deleted_at=GONE))
    here.post("/admin/logout/")
    here.post(LOGIN, {"username": chief.email, "password": PASSWORD})
    here.post("/admin/users/deleteduser/purge/", {"plan": plan})
    assert not PurgeRequest.objects.exists()


def test_counter_check_what_somebody_has_begun_goes_on_while_they_stay(here, chief):
    plan = begun(here, UserFactory(account=chief.account, deleted_at=GONE))
    here.post("/admin/users/deleteduser/purge/", {"plan": plan})
    assert PurgeRequest.objects.exists()


def begun(client, *people):
    """What the page of a confirmation carries."""
    data = {"_selected_action": [person.pk for person in people]}
    return client.post("/admin/users/deleteduser/purge/", data, follow=True).context["plan"]


def test_who_may_not_purge_takes_over_nobody_who_may(acme, chief):
    if any(field.name == "purge_with_role" for field in Account._meta.fields):
        Account.objects.filter(pk=acme.pk).update(purge_with_role=False)
    lesser = AdministratorFactory(account=acme, may_purge=False, email="lesser@acme.example")
    client = browser(lesser)
    url = f"{PEOPLE}{chief.pk}/change/"
    data = form_of(client, url)
    client.post(url, {**data, "email": "mine@evil.example"})
    client.post(url, {**data, "adobe_id": "mine@evil.example"})
    chief.refresh_from_db()
    assert (chief.email, chief.adobe_id) == ("chief@acme.example", None)
    client.post(url, {**data, "name": "Chief Officer"})
    chief.refresh_from_db()
    assert chief.name == "Chief Officer"


# ---------------------------------------------------------------- signing in


def test_a_password_cannot_be_guessed_without_end(chief):
    client = Client()
    for n in range(20):
        client.post(LOGIN, {"username": chief.email, "password": f"guess {n}"})
    client.post(LOGIN, {"username": chief.email, "password": PASSWORD})
    assert client.get("/admin/").status_code == 302
    # Somebody else is not slowed, from elsewhere.
    other = AdministratorFactory(account=chief.account, password=PASSWORD)
    elsewhere = Client(REMOTE_ADDR="192.0.2.7")
    elsewhere.post(LOGIN, {"username": other.email, "password": PASSWORD})
    assert elsewhere.get("/admin/").status_code == 200


def test_how_long_a_refusal_takes_does_not_say_in_how_many_accounts_an_address_is(chief, monkeypatch):
    from django.contrib.auth import hashers

    hasher, tried = type(hashers.get_hasher()), []
    encode = hasher.encode  # to look whether a password is right is to hash it, too
    monkeypatch.setattr(hasher, "encode", lambda self, *args: tried.append(1) or encode(self, *args))
    for n in range(3):
        UserFactory(account=AccountFactory(), email="many@mail.example", password=f"{PASSWORD} {n}")
    counts = {}
    for email in ("many@mail.example", chief.email, "nobody@mail.example"):
        tried.clear()
        Client().post(LOGIN, {"username": email, "password": "wrong"})
        counts[email] = len(tried)
    assert len(set(counts.values())) == 1


# ---------------------------------------------------------------- purges as a weapon


def test_where_a_site_asks_for_proof_a_strangers_address_erases_nobody_elsewhere(stranger, settings):
    settings.PURGE_REACH_TRIAL = settings.PURGE_REACH_ENTERPRISE = "proved"
    victim = UserFactory(account=AccountFactory(kind=AccountKind.TRIAL), email="victim@mail.example")
    text = CommentFactory(post__board__account=victim.account, body="Ask victim@mail.example")
    typed = UserFactory(account=stranger.account, email="victim@mail.example", deleted_at=GONE)
    assert finish(purge(stranger, typed)).status == "completed"
    assert not User.objects.filter(pk=typed.pk).exists()
    victim.refresh_from_db()
    assert victim.state == "active"
    assert "victim@mail.example" in Comment.objects.get(pk=text.pk).body


def test_rows_of_other_accounts_are_counted_whoever_is_trusted(stranger):
    """By an address alone, which is nobody's, without end."""
    other = AccountFactory(kind=AccountKind.TRIAL)
    texts = [CommentFactory(post__board__account=other, body=f"Ask guest@mail.example, {n}") for n in range(21)]
    request = services.purge_submit_address(
        acting_user=stranger, account_id=stranger.account_id, address="guest@mail.example"
    )
    finish(request)
    assert all("guest@mail.example" in Comment.objects.get(pk=text.pk).body for text in texts)


# ---------------------------------------------------------------- names that stay


def test_names_of_others_stay_in_nobodys_browser_or_session(here, chief):
    ann = UserFactory(account=chief.account, name="Ann Archer", email="ann@acme.example")
    url = f"{PEOPLE}{ann.pk}/change/"
    answer = here.post(url, {**form_of(here, url), "name": "Ann Arrow", "_save": "Save"})
    assert answer.status_code == 302
    # What is shown on the next page, whatever becomes of the person before.
    User.objects.filter(pk=ann.pk).update(name="somebody else")
    home = text_of(here.get("/admin/"))
    assert "Ann Arrow" not in home
    assert f"Internal user {ann.pk}" in home


# ---------------------------------------------------------------- what one tenant's input does to all


def test_a_small_file_of_many_columns_is_refused_in_a_sentence(here, acme):
    columns = ",".join(f"Column {n}" for n in range(20_000))
    file = SimpleUploadedFile("people.csv", f"Name,Email,{columns}\nAnn,ann@acme.example\n".encode())
    answer = here.post("/admin/users/importlog/add/", {"file": file}, follow=True)
    assert "more than 500 columns" in text_of(answer)
    assert len(answer.content) < 200_000
    acme.refresh_from_db()
    assert len(json.dumps(acme.import_mapping)) < 1_000


def test_a_form_makes_no_more_rows_than_its_page_has(chief):
    course = CourseFactory(account=chief.account)
    rows = {"modules-TOTAL_FORMS": "1000", "modules-INITIAL_FORMS": "0"}
    answer = browser(chief).post(f"/admin/learning/course/{course.pk}/change/", {"title": "", **rows})
    assert answer.status_code == 200
    (modules,) = answer.context["inline_admin_formsets"]
    assert len(modules.formset.forms) < 200


def test_an_upload_of_nobody_is_refused_unread():
    body = b"x" * 3_000_000
    answer = Client().post(LOGIN, body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 413


@pytest.mark.parametrize("typed", ["text", "9" * 30, "1.5", "\x00"])
def test_what_is_typed_where_a_person_is_chosen_breaks_no_page(chief, typed):
    page = "/admin/connectors/connector/add/"
    answer = browser(chief).post(page, {"kind": "ftp", "name": "C", "schedule": "off", "contact": typed})
    assert answer.status_code == 200
    assert not Connector.objects.exists()


@pytest.mark.parametrize("typed", ["[" * 3_000 + "]" * 3_000, "1" * 6_000])
def test_what_is_typed_as_json_breaks_no_page(chief, typed):
    connector = ConnectorFactory(account=chief.account, kind="power_bi", mapping={})
    client = browser(chief)
    url = f"/admin/connectors/connector/{connector.pk}/change/"
    data = {"name": "C", "schedule": "off", "mapping": typed}
    assert client.post(url, data).status_code == 200


@pytest.mark.parametrize("path", ["/healthz", LOGIN])
def test_a_body_in_another_charset_is_answered(path):
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.get(LOGIN)  # with its cookie, the body is read
    kind = "application/x-www-form-urlencoded; charset=utf-16"
    assert client.generic("POST", path, b"a=%ff&b=1", content_type=kind).status_code < 500


# ---------------------------------------------------------------- mail, secrets, logs


def test_a_trial_writes_under_no_address_that_is_not_its_own(stranger):
    Account.objects.filter(pk=stranger.account_id).update(sender_email="security@bank.example", sender_name="Bank")
    guest = UserFactory(account=stranger.account, email="guest@mail.example")
    data = {"action": "send_welcome_mail", "_selected_action": [guest.pk], "apply": "1"}
    browser(stranger).post(PEOPLE, data)
    for task in _take("messaging.tasks.send_welcome"):
        task()
    (letter,) = mail.outbox
    assert "bank.example" not in letter.from_email


def test_a_line_break_in_a_senders_name_is_refused(here, acme):
    url = f"/admin/users/account/{acme.pk}/change/"
    data = form_of(here, url)
    here.post(url, {**data, "sender_name": "Acme\nBcc: x@evil.example"})
    acme.refresh_from_db()
    assert "\n" not in acme.sender_name


def test_secrets_of_other_systems_stand_in_no_table_and_on_no_page(here, acme):
    ftp = FtpSettingsFactory(connector__account=acme, secret="Rk2-wtT9-0pQm")
    generic = GenericSettingsFactory(connector=ConnectorFactory(account=acme), values={"key": "kk-77-secret"})
    with connection.cursor() as cursor:
        for row, secret in ((ftp, "Rk2-wtT9-0pQm"), (generic, "kk-77-secret")):
            cursor.execute(f"SELECT * FROM {row._meta.db_table}")
            assert secret not in str(cursor.fetchall())
            page = here.get(f"/admin/connectors/connector/{row.connector_id}/change/").content.decode()
            assert secret not in page
            assert getattr(type(row).objects.get(pk=row.pk), "secret" if row is ftp else "values") in (
                "Rk2-wtT9-0pQm",
                {"key": "kk-77-secret"},
            )


def test_nobody_forges_a_line_of_the_log_or_writes_an_address_into_it():
    configurator = DictConfigurator(site.LOGGING)
    formatters = [configurator.configure_formatter(dict(each)) for each in site.LOGGING["formatters"].values()]
    forged = "/x\n2026-01-01 INFO purge.engine request 99 completed"
    for formatter in formatters:
        record = LogRecord("django.request", 30, "", 0, "Not Found: %s", (forged,), None)
        assert "\n" not in formatter.format(record)
        record = LogRecord("django.request", 30, "", 0, "Not Found: %s", ("/ann@acme.example",), None)
        assert "ann@acme.example" not in formatter.format(record)


def test_whoever_takes_people_out_or_changes_a_password_is_noted(here, chief):
    UserFactory(account=chief.account, name="Lee Leaver", deleted_at=GONE)
    UserAudit.objects.all().delete()
    assert "attachment" in here.get("/admin/users/deleteduser/export/").headers["Content-Disposition"]
    assert UserAudit.objects.filter(actor=chief).count() == 1
    new = {"new_password1": "another long pass phrase", "new_password2": "another long pass phrase"}
    here.post("/admin/password_change/", {"old_password": PASSWORD, **new})
    chief.refresh_from_db()
    assert chief.check_password("another long pass phrase")
    assert UserAudit.objects.filter(actor=chief).count() == 2


# ---------------------------------------------------------------- careless operators


def test_demo_data_comes_into_no_site_for_real_people(settings):
    """Its operator has a password that is printed."""
    settings.LMS_HTTPS = True
    with pytest.raises(CommandError, match="--really"):
        call_command("seed_demo")
    assert not User.objects.exists()


def test_a_session_ends_with_the_day(here):
    assert here.get("/admin/").status_code == 200
    row = Session.objects.get()
    assert row.expire_date - timezone.now() <= timedelta(hours=12)
