import logging
import sys

from django.conf import settings

from lms_purge.process.logs import NoExceptionMessages


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


def test_the_queue_gets_no_handler_of_its_own():
    assert settings.LOGGING["loggers"]["django-q"]["handlers"] == ["stderr"]


def test_no_access_log_writes_query_strings():
    from tools import gunicorn_config

    # gunicorn's %(r)s is the request line and %(q)s the query string; %(f)s is the page before, with its own.
    assert not {"%(r)s", "%(q)s", "%(f)s"} & set(gunicorn_config.access_log_format.split())
    assert settings.LOGGING["loggers"]["django.server"]["level"] == "CRITICAL"
