"""What is too large, too deep or too many is refused in a sentence and costs no work: that is measured, not time."""

import asyncio
import importlib
import io
import re
import sys

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib import admin
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client, RequestFactory
from django.urls import reverse

from connectors.admin import INLINES
from connectors.models import Connector
from learning.models import Module
from lms_purge.process import middleware
from lms_purge.process.entry import AsgiEntry, AsgiRequest, WsgiEntry, WsgiRequest
from tests.factories.connectors import ConnectorFactory
from tests.factories.learning import CourseFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.imports import mapping, reading
from users.imports.reading import UnreadableFile, shape_of
from users.models import UserGroup, UserState
from users.tenancy.forms import BoundedRows

pytestmark = pytest.mark.django_db


class Unread(io.RawIOBase):
    """A body that tells how much of it was read."""

    def __init__(self, length):
        self.length, self.taken = length, 0

    def readable(self):
        return True

    def read(self, size=-1):
        size = self.length - self.taken if size < 0 else min(size, self.length - self.taken)
        self.taken += size
        return b"x" * size

    def readinto(self, buffer):
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def send(client, path, length, content_type="multipart/form-data; boundary=b"):
    body = Unread(length)
    answer = client.generic(
        "POST", path, b"", content_type, CONTENT_LENGTH=str(length), CONTENT_TYPE=content_type, **{"wsgi.input": body}
    )
    return answer.status_code, body.taken, answer.content.decode()


def test_a_body_is_refused_unread_by_who_sends_it(client):
    sign_in, upload, other = (
        reverse("admin:login"),
        reverse("admin:users_importlog_add"),
        reverse("admin:messaging_announcement_add"),
    )
    for path in (sign_in, upload, "/", "/no-such-page", "/healthz"):
        for kind in ("multipart/form-data; boundary=b", "application/json", "application/x-www-form-urlencoded"):
            status, taken, text = send(client, path, 60_000_000, kind)
            assert (status, taken) == (413, 0), path
    assert "too large" in text
    assert "Send a smaller file, or sign in first." in text
    # The same sender, with what a sign-in needs, is heard.
    assert client.post(sign_in, {"username": "a@x.example", "password": "p" * 5_000}).status_code == 200

    client.force_login(AdministratorFactory())
    assert send(client, other, 11_000_000)[:2] == (413, 0)
    assert send(client, upload, 211_000_000)[:2] == (413, 0)
    status, taken, _text = send(client, upload, 12_000_000)
    assert status != 413
    assert taken > 0
    for nonsense in ("-1", "1e9", "9" * 30, "٣"):
        answer = client.generic("POST", other, b"", CONTENT_LENGTH=nonsense)
        assert answer.status_code == 413, nonsense


@pytest.fixture
def one_connection():
    """A whole web server's handler begins and ends each request by closing what a test still needs."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def through_asgi(path, chunks, headers, **scope):
    """Status, text, and how many pieces of the body were asked for, of a POST by an asynchronous server."""
    taken, sent, body = [], [], [*chunks]
    application = AsgiEntry()

    async def receive():
        if not body:
            await asyncio.get_running_loop().create_future()  # nobody goes
        taken.append(body.pop(0))
        return {"type": "http.request", "body": taken[-1], "more_body": bool(body)}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), *headers]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers, **scope}
    async_to_sync(application)(scope, receive, send)
    return sent[0]["status"], b"".join(each.get("body", b"") for each in sent).decode(), len(taken)


def test_an_asynchronous_server_hands_over_no_body_that_is_too_large(client, one_connection):
    chunks = [b"x" * 1_000] * 3
    form = (b"content-type", b"application/x-www-form-urlencoded")
    client.force_login(AdministratorFactory())
    cookie = (b"cookie", f"sessionid={client.cookies['sessionid'].value}".encode())
    other, upload = reverse("admin:messaging_announcement_add"), reverse("admin:users_importlog_add")

    def ask(path, length, *headers):
        return through_asgi(path, chunks, [form, (b"content-length", length), *headers])

    for path, length, headers in (
        (upload, b"211000000", [cookie]),  # above the largest limit
        (other, b"11000000", [cookie]),
        (reverse("admin:login"), b"66000", []),  # of nobody
        *((other, nonsense, [cookie]) for nonsense in (b"-1", b"1e9", b"9" * 30)),
    ):
        status, text, taken = ask(path, length, *headers)
        assert (status, taken) == (413, 0), (path, length)
        assert "too large" in text
    # Above what everybody may send, below what people may: it is read, and refused by who sends it, as elsewhere.
    status, _text, taken = ask(other, b"66000", (b"cookie", b"sessionid=" + b"a" * 32))
    assert (status, taken) == (413, 3)


def test_what_it_may_hand_over_is_read(client, one_connection):
    AdministratorFactory(email="ann@acme.example", password="correct horse battery")
    login, token = reverse("admin:login"), "t" * 32
    form = (
        f"username=ann%40acme.example&password=correct+horse+battery&csrfmiddlewaretoken={token}&next=/admin/".encode()
    )
    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"cookie", f"csrftoken={token}".encode())]
    length = (b"content-length", str(len(form)).encode())
    assert through_asgi(login, [form[:20], form[20:]], [*headers, length])[::2] == (302, 2)
    # A body that says no length is an empty one, as elsewhere: what would be a sign-in is none.
    status, _text, _taken = through_asgi(login, [form], headers)
    assert status == 403  # without the form's token


def test_the_proxys_example_has_the_sites_own_limits():
    example = (settings.BASE_DIR / "ops" / "proxy" / "nginx.conf").read_text()
    limits = dict(re.findall(r"location ([^{]+?) \{[^}]*?client_max_body_size (\w+);", example))
    assert limits == {"/admin/": "10m", "= /admin/users/importlog/add/": "201m"}
    assert re.findall(r"^    client_max_body_size (\w+);", example, re.MULTILINE) == ["64k"]
    assert example.count("client_max_body_size") == 3
    assert middleware.MOST_FROM_ANYBODY == 64 * 1024
    assert middleware.MOST_FROM_PEOPLE == 10 * 1024 * 1024
    assert middleware.MOST_FOR_IMPORTS == 201 * 1024 * 1024
    assert [reverse(name) for name in middleware.IMPORT_PAGES] == ["/admin/users/importlog/add/"]


def csv_of(*headings):
    return io.BytesIO((",".join(headings) + "\n" + ",".join("x" for _heading in headings) + "\n").encode())


def test_a_file_has_at_most_five_hundred_columns():
    asked = []

    def knows(heading):
        asked.append(heading)
        return mapping.is_known(heading)

    many = [f"Column {number}" for number in range(20_000)]
    with pytest.raises(UnreadableFile, match="more than 500 columns"):
        shape_of(csv_of("Name", "E-Mail", *many), knows)
    # Four delimiters, two rows: whatever the file says, no more is looked at.
    assert len(asked) <= 4 * 2 * 501
    whole = shape_of(csv_of("Name", "E-Mail", *many[:498]), mapping.is_known)
    assert len(whole.headings) == 500
    # Spreadsheets write empty columns behind the last one.
    padded = shape_of(csv_of("Name", "E-Mail", *[""] * 16_000), mapping.is_known)
    assert padded.headings == ("Name", "E-Mail")
    assert reading.MOST_COLUMNS == 500


def test_an_account_remembers_only_headings_that_mean_something():
    headings = ["Name", "E-Mail", "Mitarbeiter", "Private email", *(f"Kostenstelle {n}" for n in range(20_000))]
    chosen = {"name": 2, "email": 1}
    known = mapping.remember({}, headings, chosen)
    # "Private email" means something and was not taken for it; the twenty thousand mean nothing and were given nothing.
    assert known == {"name": "", "email": "email", "mitarbeiter": "name", "private email": ""}
    assert mapping.propose(headings[:4], known) == {"name": 2, "email": 1}
    # What an earlier version remembered of all headings goes with the next file.
    assert mapping.remember({f"kostenstelle {n}": "" for n in range(9_000)} | {"post": "email"}, [], {}) == {
        "post": "email"
    }
    for number in range(300):
        known = mapping.remember(known, [f"Kolonne {number}"], {"email": 0})
    assert len(known) == 200
    assert known["kolonne 299"] == "email"


def rows_form(course, total):
    prefix = "modules"
    return {
        "code": course.code,
        "title": course.title,
        "kind": course.kind,
        f"{prefix}-TOTAL_FORMS": str(total),
        f"{prefix}-INITIAL_FORMS": "0",
        f"{prefix}-MIN_NUM_FORMS": "0",
        f"{prefix}-MAX_NUM_FORMS": "1000",
    }


def test_no_more_rows_of_a_form_are_made_than_a_page_has(client):
    course = CourseFactory()
    client.force_login(AdministratorFactory(account=course.account))
    page = reverse("admin:learning_course_change", args=[course.pk])
    refused = client.post(page, rows_form(course, 1000))
    assert refused.status_code == 200
    (inline,) = refused.context["inline_admin_formsets"]
    assert len(inline.formset.forms) == 100
    assert "at most 100" in refused.content.decode()
    rows = {
        f"modules-{number}-{name}": value
        for number in range(3)
        for name, value in {"course": course.pk, "position": number, "title": "M", "kind": "content"}.items()
    }
    answer = client.post(page, rows_form(course, 3) | rows)
    assert answer.status_code == 302, answer.context["errors"]
    assert Module.objects.count() == 3
    # One that has more already can be saved as it is.
    Module.objects.bulk_create(Module(course=course, title=f"M {number}", position=number) for number in range(3, 130))
    assert len(client.get(page).context["inline_admin_formsets"][0].formset.forms) == 130


def test_a_row_within_a_form_is_one_of_its_own(client):
    course, other = CourseFactory(), CourseFactory()
    own, foreign = (Module.objects.create(course=each, title="M", position=0) for each in (course, other))
    client.force_login(AdministratorFactory(account=course.account))
    page = reverse("admin:learning_course_change", args=[course.pk])

    def save(number):
        row = {"id": number, "course": course.pk, "position": 0, "title": "Renamed", "kind": "content"}
        rows = {f"modules-0-{name}": value for name, value in row.items()}
        return client.post(page, rows_form(course, 1) | {"modules-INITIAL_FORMS": "1"} | rows)

    for number in (foreign.pk, 0, 2**40, "9" * 30, "text", "\x00"):
        answer = save(number)
        assert answer.status_code == 200, number
        assert answer.context["errors"], number
    assert save(own.pk).status_code == 302
    assert list(Module.objects.order_by("pk").values_list("title", flat=True)) == ["Renamed", "M"]


JSON_REFUSED = {
    "[" * 3000 + "]" * 3000: "nested too deeply",
    '{"a": ' * 21 + "1" + "}" * 21: "nested too deeply",
    '{"a": NaN}': "number",
    '{"a": Infinity}': "number",
    '{"a": 1e999}': "number",
    '{"a": ' + "9" * 6000 + "}": "number",
    '{"a": ' + "9" * 31 + "}": "number",
    '{"a": "' + "x" * 100_001 + '"}': "too long",
    '{"a": "\\ud800", }': "valid JSON",
    "{": "valid JSON",
}


def test_json_that_not_everybody_can_read_is_refused_in_the_form(client):
    connector = ConnectorFactory(mapping={"Mail": "email"})
    client.force_login(AdministratorFactory(account=connector.account))
    page = reverse("admin:connectors_connector_change", args=[connector.pk])

    def save(mapping, name="C"):
        prefix = "genericsettings"
        form = {"name": name, "schedule": "off", "mapping": mapping, f"{prefix}-TOTAL_FORMS": "0"}
        return client.post(page, {**form, f"{prefix}-INITIAL_FORMS": "0"})

    for text, words in JSON_REFUSED.items():
        answer = save(text)
        assert answer.status_code == 200, text[:40]
        assert words in answer.content.decode(), text[:40]
    # Shown again for another field's sake, with a character that no page can write.
    assert save('{"a": "\\ud800"}', name="").status_code == 200
    connector.refresh_from_db()
    assert connector.mapping == {"Mail": "email"}
    deep = '{"a": ' * 20 + "1" + "}" * 20
    for text, stored in (
        ('{"n": ' + "9" * 30 + ', "s": "[[[[", "f": -1.5}', {"n": int("9" * 30), "s": "[[[[", "f": -1.5}),
        ('{"a": "\\ud800"}', {"a": "\ufffd"}),
    ):
        assert save(text).status_code == 302, text
        connector.refresh_from_db()
        assert connector.mapping == stored
    assert save(deep).status_code == 302


def test_a_number_that_no_row_can_have_is_refused_by_the_field(client):
    connector = ConnectorFactory()
    client.force_login(AdministratorFactory(account=connector.account))
    page = reverse("admin:connectors_connector_add")
    for typed in ("text", "9" * 30, "-1", "1.5", "٣", "\x00", "12345678901234567890"):
        answer = client.post(page, {"kind": "ftp", "name": "C", "schedule": "off", "contact": typed})
        assert answer.status_code == 200, typed
        assert Connector.objects.count() == 1


def test_an_action_on_what_is_no_rows_number_does_nothing(client):
    administrator = AdministratorFactory()
    ann = UserFactory(account=administrator.account, name="Ann")
    client.force_login(administrator)
    page = reverse("admin:users_internaluser_changelist")

    def act(*numbers):
        data = {"action": "delete_people", "_selected_action": numbers, "apply": "Delete"}
        return client.post(page, data, follow=True)

    for nonsense in ("text", "9" * 30, "-1", "1.5", "٣", "", "12345678901234567890"):
        answer = act(nonsense, ann.pk)
        assert answer.status_code == 200, nonsense
        assert "must be selected" in answer.content.decode(), nonsense
        ann.refresh_from_db()
        assert ann.state == UserState.ACTIVE
    assert act(ann.pk).status_code == 200
    ann.refresh_from_db()
    assert ann.state == UserState.DELETED


def test_a_row_is_looked_for_by_no_field_without_a_name(client):
    group = UserGroup.objects.create(account=AccountFactory(), name="Group")
    client.force_login(AdministratorFactory(account=group.account))
    for page in ("change", "delete"):
        address = reverse(f"admin:users_usergroup_{page}", args=[group.pk])
        plain = client.get(address).status_code
        assert client.get(address, {"_to_field": ""}).status_code == plain
        assert client.get(address, {"_to_field": "name"}).status_code == 400
        assert client.get(address, {"_to_field": "members"}).status_code == 400
        assert client.post(address, {"_to_field": ""}).status_code < 500


SEARCHED = ("users_usergroup", "users_internaluser", "users_externaluser", "learning_enrolment", "messaging_maillog")


@pytest.mark.parametrize("name", SEARCHED)
def test_a_search_is_no_more_than_some_conditions(client, name):
    """By words, or by the beginning of a name in either case: whatever is typed, the statement stays small."""
    client.force_login(AdministratorFactory())
    page = reverse(f"admin:{name}_changelist")
    for typed in (" ".join(f"w{number}" for number in range(700)), "ü" * 1_300, "a@" + "b." * 1_500, "İ" * 40 + "@x.y"):
        answer = client.get(page, {"q": typed})
        assert answer.status_code == 200
        sql = str(answer.context["cl"].queryset.query)
        assert len(re.findall(r"LIKE|BETWEEN|>=", sql)) <= 70, len(sql)


def test_a_search_is_no_longer_than_ten_words(client):
    account = AdministratorFactory()
    client.force_login(account)
    UserGroup.objects.create(account=account.account, name="one two three")
    page = reverse("admin:users_usergroup_changelist")
    assert "one two three" in client.get(page, {"q": "two one"}).content.decode()
    assert "one two three" not in client.get(page, {"q": "two four"}).content.decode()
    # The eleventh word is not looked for.
    cut = "Only the first 10 words and 200 letters of a search are looked for. The rest was left out."
    answer = client.get(page, {"q": "one " * 10 + "four"}).content.decode()
    assert "one two three" in answer
    assert cut in answer
    # Nor the 201st letter; where nothing was left out, nothing is said.
    assert cut in client.get(page, {"q": "o" * 201}).content.decode()
    for whole in ("one " * 10, "o" * 200, "four", ""):
        assert cut not in client.get(page, {"q": whole}).content.decode()
    # Users are found by the beginning of all that was typed.
    people = reverse("admin:users_internaluser_changelist")
    assert cut not in client.get(people, {"q": "one " * 10 + "four"}).content.decode()


def test_every_form_of_rows_within_a_form_is_bounded():
    site = admin.site
    inlines = [inline for page in site._registry.values() for inline in page.inlines]
    inlines += INLINES.values()
    assert len(inlines) >= 15
    for inline in inlines:
        assert issubclass(inline.formset, BoundedRows), inline
        assert inline.max_num <= 100, inline


# ---------------------------------------------------------------- bodies that cannot be read


@pytest.mark.parametrize("charset", ["utf-16", "cp500", "rot13", "no-such-charset", "\\x00"])
def test_a_body_in_another_charset_is_answered_and_never_read_again(db, charset):
    client = Client(raise_request_exception=False)
    kind = f"application/x-www-form-urlencoded; charset={charset}"
    for path in ("/", "/healthz", "/no-such-page", reverse("admin:login"), reverse("admin:index")):
        answer = client.generic("POST", path, b"a=%ff&b=1", content_type=kind)
        assert answer.status_code < 500, (path, charset)
    broken = client.post(reverse("admin:login"), b"--b\r\nnonsense", content_type="multipart/form-data; boundary=b")
    assert broken.status_code < 500
    none = client.post(reverse("admin:login"), b"x", content_type="multipart/form-data")
    assert none.status_code == 400
    assert "is no form of this site" in none.content.decode()


#: Types that Django reads while it makes a request, before anything answers errors.
UNREADABLE = ("text/plain; charset*=utf-8''%00", "text/plain; charset*=nonsense''x", "text/plain; charset=\x00")


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_body_of_a_type_that_cannot_be_read_is_answered(db, one_connection, kind):
    application = WsgiEntry()
    for path in ("/", "/healthz", "/no-such-page", reverse("admin:login")):
        environ = RequestFactory()._base_environ(PATH_INFO=path, REQUEST_METHOD="POST", CONTENT_TYPE=kind)
        statuses = []
        answer = application(environ, lambda status, headers, statuses=statuses: statuses.append(int(status[:3])))
        answer.close()
        assert statuses[0] in (200, 301, 302, 400, 403, 404, 405, 503), (path, statuses)
        assert statuses[0] != 503 or path == "/healthz"
    headers = [(b"content-type", kind.encode())]
    AsgiRequest({"type": "http", "method": "POST", "path": "/", "headers": headers}, io.BytesIO())
    # What can be read is read.
    environ = RequestFactory()._base_environ(CONTENT_TYPE="text/plain; charset=latin-1")
    assert (WsgiRequest(environ).content_type, WsgiRequest(environ).encoding) == ("text/plain", "latin-1")


@pytest.mark.parametrize(("module", "entry"), [("wsgi", WsgiEntry), ("asgi", AsgiEntry)])
def test_the_servers_come_in_by_that_door(monkeypatch, module, entry):
    monkeypatch.setattr("lms_purge.process.starting.look_at_start", lambda: None)
    monkeypatch.delitem(sys.modules, f"lms_purge.{module}", raising=False)
    assert type(importlib.import_module(f"lms_purge.{module}").application) is entry
