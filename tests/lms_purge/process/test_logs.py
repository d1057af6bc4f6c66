import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.test import Client

from lms_purge.process.logs import EverydayOfTheQueue, JsonLines, NoExceptionMessages, Refusals
from purge import services, tasks
from purge.references import named_in_logs
from tests.factories.users import AdministratorFactory, UserFactory
from tools.environment import ROOT


def logged(raise_it) -> str:
    try:
        raise_it()
    except ValueError:
        record = logging.LogRecord("lms", logging.ERROR, __file__, 1, "step %s failed", ("s1",), sys.exc_info())
    return NoExceptionMessages("%(message)s").format(record)


def test_a_traceback_has_places_and_classes_but_no_message():
    address = "ann@x.example"

    def fails():
        try:
            raise KeyError(f"Key (email)=({address}) already exists")
        except KeyError as error:
            raise ValueError(f"cannot save {address}") from error

    text = logged(fails)

    assert text.startswith("step s1 failed")
    assert "builtins.ValueError" in text
    assert "builtins.KeyError" in text
    assert __file__ in text
    assert address not in text


def test_every_handler_of_the_site_uses_it():
    handlers = settings.LOGGING["handlers"].values()
    assert handlers
    assert {settings.LOGGING["formatters"][handler["formatter"]]["()"] for handler in handlers} == {
        "lms_purge.process.logs.NoExceptionMessages"
    }


FORGED = "/x\n2026-11-29 10:00:00,000 INFO purge.engine request 99 completed\x1b[31m\u2028\u202e"


def record_of(message, *arguments, name="django.request", exc_info=None):
    return logging.LogRecord(name, logging.WARNING, __file__, 1, message, arguments, exc_info)


@pytest.mark.parametrize("formatter", [NoExceptionMessages("%(levelname)s %(message)s"), JsonLines()])
def test_an_event_is_one_line_that_nobody_outside_can_forge(formatter):
    try:
        raise ValueError("a\nb")
    except ValueError:
        failed = sys.exc_info()
    for record in (record_of("Not Found: %s", FORGED), record_of("failed", exc_info=failed)):
        line = formatter.format(record)
        assert line.isprintable() or formatter.__class__ is JsonLines
        assert len(line.splitlines()) == 1
    assert "\\n2026-11-29 10:00:00,000" in NoExceptionMessages("%(message)s").format(record_of("%s", FORGED))
    assert json.loads(JsonLines().format(record_of("%s", FORGED)))["message"] == FORGED


@pytest.mark.parametrize("written", ["/admin/ann@x.example/", "ann%40x.example", "Invalid HTTP_HOST: 'ann@x.example'"])
def test_a_path_a_host_and_a_name_lose_their_address(written):
    for formatter in (NoExceptionMessages("%(message)s"), JsonLines()):
        line = formatter.format(record_of("Not Found: %s", written))
        assert "ann" not in line
        assert "[address]" in line


def test_each_line_of_a_purge_names_its_request():
    with named_in_logs("PUR-7Q4M-2KX9-H"):
        line, event = (formatter.format(record_of("mail_failed")) for formatter in (NoExceptionMessages(), JsonLines()))
    assert line == "mail_failed purge=PUR-7Q4M-2KX9-H"
    assert json.loads(event)["purge"] == "PUR-7Q4M-2KX9-H"
    assert NoExceptionMessages().format(record_of("mail_failed")) == "mail_failed"


@pytest.mark.django_db
def test_whatever_the_engine_calls_is_logged_with_the_request(monkeypatch):
    admin = AdministratorFactory()
    ann = UserFactory(account=admin.account, deleted=True)
    purge_request = services.purge_submit(acting_user=admin, account_id=admin.account_id, user_ids=[ann.pk])
    lines = []

    def work(claim):
        lines.append(NoExceptionMessages().format(record_of("somewhere below")))
        return False

    monkeypatch.setattr("purge.run.engine.work", work)
    tasks.run_request(purge_request.pk)
    assert lines == [f"somewhere below purge={purge_request.reference}"]


@pytest.mark.django_db
def test_what_a_client_is_refused_for_is_logged_without_a_traceback():
    caught = []

    class Lines(logging.Handler):
        def emit(self, record):
            caught.append(self.format(record))

    handler = Lines()
    handler.setFormatter(NoExceptionMessages("%(name)s %(message)s"))
    handler.addFilter(Refusals())
    logger = logging.getLogger("django")
    logger.addHandler(handler)
    try:
        client = Client(raise_request_exception=False)
        assert client.get("/admin/", headers={"host": "ann@x.example"}).status_code == 400
        client.force_login(AdministratorFactory())
        assert client.get("/admin/users/usergroup/", {"nothing\nrequest 99 completed": "1"}).status_code == 400
        assert client.get("/no/such/ann@x.example\nrequest 99 completed").status_code == 404
    finally:
        logger.removeHandler(handler)
    assert caught
    for line in caught:
        assert len(line.splitlines()) == 1
        assert "File " not in line
        assert "ann@" not in line


def test_the_web_server_writes_its_lines_by_the_same_rules(tmp_path):
    """In a process of its own, as gunicorn sets it up: an exception that leaves the site."""
    code = """
import logging
from types import SimpleNamespace
from gunicorn.glogging import Logger
from gunicorn.config import Config
from tools import gunicorn_config
cfg = Config()
cfg.set("logconfig_dict", gunicorn_config.logconfig_dict)
cfg.set("accesslog", "-")
cfg.set("access_log_format", gunicorn_config.access_log_format)
log = Logger(cfg)
try:
    raise ValueError("Key (email)=(ann@x.example) already exists")
except ValueError:
    log.exception("Error handling request %s", "/x\\nrequest 99 completed")
log.access_log.info("GET /a\\nb@c.example 404")
"""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "builtins.ValueError" in done.stderr
    assert "ann@" not in done.stderr
    assert len(done.stdout.splitlines()) == 1
    assert "b@c.example" not in done.stdout
    assert done.stdout.rstrip().endswith("404")


def test_the_queue_gets_no_handler_of_its_own():
    assert settings.LOGGING["loggers"]["django-q"]["handlers"] == ["stderr"]


def test_a_site_without_a_mail_server_is_told_that_mails_end_in_the_log(settings):
    settings.EMAIL_HOST = ""
    with pytest.raises(SystemCheckError, match=r"lms_purge\.W001"):
        call_command("check", "--deploy", "--tag", "mail", "--fail-level", "WARNING")
    settings.EMAIL_HOST = "mail.example"
    call_command("check", "--deploy", "--tag", "mail", "--fail-level", "WARNING")


def test_no_access_log_writes_query_strings():
    from tools import gunicorn_config

    # gunicorn's %(r)s is the request line and %(q)s the query string; %(f)s is the page before, with its own.
    assert not {"%(r)s", "%(q)s", "%(f)s"} & set(gunicorn_config.access_log_format.split())
    assert settings.LOGGING["loggers"]["django.server"]["level"] == "CRITICAL"


@pytest.mark.parametrize(("name", "level", "text", "stays"), [
    ("django-q", logging.INFO, "Enqueued [lms] 4711", False),
    ("django-q", logging.INFO, "Process-1:2 processing lima-paris 'purge.tasks.beat'", False),
    ("django-q", logging.INFO, "Processed 'purge.tasks.beat' (lima-paris)", False),
    ("django-q", logging.ERROR, "Failed 'purge.tasks.beat' (lima-paris) - TaskFailed", True),
    ("django-q", logging.INFO, "Processed 'purge.tasks.run_request' (lima-paris)", True),
    ("django-q", logging.INFO, "recycled worker Process-1:2", True),
    ("purge.worker.supervisor", logging.INFO, "Enqueued purge.tasks.beat", True),
])  # fmt: skip
def test_the_heartbeat_is_not_in_the_log(name, level, text, stays):
    record = logging.LogRecord(name, level, __file__, 1, text, (), None)
    assert EverydayOfTheQueue().filter(record) is stays
    assert all("everyday" in handler["filters"] for handler in settings.LOGGING["handlers"].values())


def test_a_head_is_answered_without_a_body(db):
    """gunicorn warned of each: "WSGI app sent body bytes on a no-body response"."""
    from django.test import RequestFactory

    from lms_purge.process.entry import WsgiEntry

    application, said = WsgiEntry(), []
    for method in ("HEAD", "GET"):
        environ = RequestFactory()._base_environ(PATH_INFO="/admin/login/", REQUEST_METHOD=method)
        answer = application(environ, lambda status, headers: said.append((status, dict(headers)["Content-Length"])))
        body = b"".join(answer)
        assert (len(body) > 1_000) is (method == "GET")
    assert [status for status, _length in said] == ["200 OK", "200 OK"]
    assert all(int(length) > 1_000 for _status, length in said)
