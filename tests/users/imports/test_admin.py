"""Import Logs in the admin."""

from pathlib import Path

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone

from tests.factories.users import AccountFactory, ImportLogFactory, UserFactory
from tests.users.imports.at_hand import counts, imported, started
from users import tasks
from users.imports import loading
from users.models import ImportLog, ImportRowError, ImportState, User

pytestmark = pytest.mark.django_db

SAMPLE = Path(__file__).parents[2] / "data" / "users-sample.csv"
ADD = reverse("admin:users_importlog_add")
LIST = reverse("admin:users_importlog_changelist")


def page(name, log):
    return reverse(f"admin:users_importlog_{name}", args=[log.pk])


def upload(client, content, **data):
    file = SimpleUploadedFile("people of acme.csv", content if isinstance(content, bytes) else content.encode())
    return client.post(ADD, {"file": file, **data})


def test_upload_correct_start_watch(signed_in, account, admin_user):
    answer = upload(signed_in, SAMPLE.read_bytes())
    log = ImportLog.objects.get()
    assert answer.status_code == 302 and answer.url == page("columns", log)
    assert (log.state, log.started_by, log.account) == (ImportState.UPLOADED, admin_user, account)
    shown = signed_in.get(answer.url)
    assert shown.context["form"].initial == {"name": "0", "email": "1", "profile": "2", "manager": "3"}
    assert "Howard Walters" in shown.content.decode()
    # The designation is not wanted.
    answer = signed_in.post(answer.url, {"name": "0", "email": "1", "manager": "3"})
    assert answer.url == page("change", log)
    running = signed_in.get(answer.url)
    assert running.headers["Refresh"] == "2"
    assert '<progress id="progress" value="0" max="5">' in running.content.decode()
    assert tasks.run_import(log.pk) == "over"
    over = signed_in.get(answer.url)
    assert "Refresh" not in over.headers and "Completed" in over.content.decode()
    assert User.objects.get(email_key="lauravidal@people.example").profile == ""
    # Next time it is known.
    upload(signed_in, SAMPLE.read_bytes())
    again = ImportLog.objects.first()
    assert "profile" not in signed_in.get(page("columns", again)).context["form"].initial


def test_confirming_twice_starts_one_import(signed_in):
    upload(signed_in, SAMPLE.read_bytes())
    log = ImportLog.objects.get()
    for _click in range(2):
        assert signed_in.post(page("columns", log), {"name": "0", "email": "1"}).url == page("change", log)
    tasks.run_import(log.pk)
    assert signed_in.post(page("columns", log), {"name": "2", "email": "1"}).url == page("change", log)
    log.refresh_from_db()
    assert (log.state, log.mapping["columns"]) == (ImportState.COMPLETED, {"name": 0, "email": 1})


def test_without_a_column_of_addresses_nothing_starts(signed_in):
    upload(signed_in, "Wer,Post\nAnn,a@x.org\n")
    log = ImportLog.objects.get()
    assert "No heading could be taken for Name, Email" in signed_in.get(page("columns", log)).content.decode()
    for data, words in (({"name": "0"}, "No column is known as Email"), ({"name": "0", "email": "0"}, "two things")):
        assert words in signed_in.post(page("columns", log), data).content.decode()
    log.refresh_from_db()
    assert log.state == ImportState.UPLOADED
    assert signed_in.post(page("columns", log), {"name": "0", "email": "1"}).status_code == 302


def test_people_are_no_headings_and_are_not_remembered(signed_in, account):
    upload(signed_in, "Ann,a@x.org\nBob,b@x.org\n")
    log = ImportLog.objects.get()
    answer = signed_in.post(page("columns", log), {"name": "0", "email": "1"})
    assert "no row of headings" in answer.content.decode()
    account.refresh_from_db()
    assert account.import_mapping == {}


def test_what_is_no_csv_is_said_at_once(signed_in):
    for content in (b"PK\x03\x04", b"Name,Email\n"):
        answer = upload(signed_in, content)
        assert answer.status_code == 200 and answer.context["form"].errors["file"]
    assert not ImportLog.objects.exists()


def test_the_admin_log_names_a_number(signed_in):
    upload(signed_in, SAMPLE.read_bytes())
    log = ImportLog.objects.get()
    assert LogEntry.objects.get().object_repr == f"importlog {log.pk}"


def test_the_list_says_who_when_and_how_many(signed_in, account, admin_user, django_assert_max_num_queries):
    imported(account, "Name,Email\nAnn,a@x.org\n,b@x.org\n", by=admin_user)
    for _n in range(10):
        ImportLogFactory(account=account, started_by=UserFactory(account=account))
    with django_assert_max_num_queries(12):
        text = signed_in.get(LIST).content.decode()
    assert admin_user.name in text and "status-completed" in text


def test_bad_rows_are_paged_and_downloaded(signed_in, account):
    rows = "".join(f",zebra{n}@x.org\n" for n in range(150))
    log = imported(account, f"Name,Email\nAnn,a@x.org\n{rows}")
    shown = signed_in.get(page("change", log))
    assert "Page 1 of 2" in shown.content.decode() and "zebra" not in shown.content.decode()
    assert "<td>152</td>" in signed_in.get(page("change", log), {"page": "2"}).content.decode()
    download = signed_in.get(page("bad_rows", log))
    assert b"".join(download.streaming_content).decode().count("zebra") == 150
    assert "attachment" in download.headers["Content-Disposition"]


def test_the_file_is_handed_out_until_a_purge(signed_in, account):
    log = imported(account, SAMPLE.read_bytes())
    answer = signed_in.get(page("file", log))
    assert b"".join(answer.streaming_content) == SAMPLE.read_bytes()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="import-{log.pk}.csv"'
    ImportLog.objects.filter(pk=log.pk).update(link_dead_at=timezone.now())
    for name in ("file", "bad_rows"):
        answer = signed_in.get(page(name, log))
        assert answer.status_code == 410
        assert "no longer available since a purge" in answer.content.decode()
    assert "removed by a purge" in signed_in.get(LIST).content.decode()
    assert "no longer available" in signed_in.get(page("change", log)).content.decode()


def test_waiting_uploads_are_gone_too(signed_in):
    upload(signed_in, SAMPLE.read_bytes())
    log = ImportLog.objects.get()
    ImportLog.objects.update(link_dead_at=timezone.now())
    assert signed_in.get(page("columns", log)).status_code == 410
    assert signed_in.post(page("columns", log), {"name": "0", "email": "1"}).status_code == 410


def test_nobody_else_comes_near(client, account, stranger):
    log = imported(account, SAMPLE.read_bytes())
    client.force_login(UserFactory(account=stranger.account, roles=["administrator"]))
    for name in ("change", "file", "columns", "bad_rows"):
        assert client.get(page(name, log)).status_code == 404
    # A posted account is not listened to.
    upload(client, SAMPLE.read_bytes(), account=account.pk)
    assert ImportLog.objects.latest("pk").account == stranger.account
    client.force_login(UserFactory(account=account))
    assert client.get(LIST).status_code == 302
    client.force_login(UserFactory(is_support=True))
    assert client.get(ADD).status_code == 403


def test_a_superuser_names_the_account(client, account):
    client.force_login(UserFactory(account=AccountFactory(kind="system"), is_superuser=True))
    assert upload(client, SAMPLE.read_bytes()).context["form"].errors["account"]
    upload(client, SAMPLE.read_bytes(), account=account.pk)
    log = ImportLog.objects.get()
    client.post(page("columns", log), {"name": "0", "email": "1"})
    tasks.run_import(log.pk)
    log.refresh_from_db()
    assert counts(log) == {"added": 5}


def test_a_failed_import_says_what_to_do(signed_in, account, monkeypatch):
    log = started(account, SAMPLE.read_bytes())

    def fail(self, stored):
        raise RuntimeError

    monkeypatch.setattr(loading.Loader, "rows", fail)
    tasks.run_import(log.pk)
    assert "Upload the file again" in signed_in.get(page("change", log)).content.decode()
    assert not ImportRowError.objects.exists()
