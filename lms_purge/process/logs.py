"""How a line of the log is written, by the site and by the web server."""

from __future__ import annotations

import json
import logging
import re
import traceback
from types import TracebackType
from typing import Any, Final

from purge.references import working_on

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]

#: What the queue's library says of the canary names it.
CANARY_TASK: Final = "purge.tasks.beat"
#: What begins a new line somewhere, moves a terminal's cursor or turns the direction of writing.
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: An address, also as a URL writes it. Wider than an address is: a log line loses nothing by it.
_ADDRESS: Final = re.compile(r"[^\s/?&=,;:'\"<>()\[\]]+(?:@|%40)[^\s/?&=,;:'\"<>()\[\]]+", re.IGNORECASE)


def one_line(text: str) -> str:
    """The text on one line: control characters as escapes, so that nobody outside can begin a line of their own."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape", "surrogatepass").decode(), text)


def without_addresses(text: str) -> str:
    """For paths, hosts and names of parameters, which anybody outside can make up."""
    return _ADDRESS.sub("[address]", text) if "@" in text or "%40" in text else text


class NoExceptionMessages(logging.Formatter):
    """A line for each event. Of an exception it says where it came from and its class, never its message.

    A database's message repeats the row that it refused, and with it somebody's address. What the process is working on
    stands in each line: the ID of the purge request.
    """

    def format(self, record: logging.LogRecord) -> str:
        purge_request = working_on()
        line = super().format(record)
        return without_addresses(one_line(f"{line} purge={purge_request}" if purge_request else line))

    def formatException(self, ei: ExcInfo) -> str:
        error = ei[1]
        if error is None:
            return ""
        parts = []
        seen: set[int] = set()
        while error is not None and id(error) not in seen:
            seen.add(id(error))
            frames = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)))
            parts.append(f"{frames}{type(error).__module__}.{type(error).__qualname__}")
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\ncaused by:\n".join(parts)


class JsonLines(NoExceptionMessages):
    """The same as a JSON object for each event: at, level, logger, message, and purge and trace where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        event: dict[str, Any] = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": without_addresses(record.getMessage()),
        }
        if purge_request := working_on():
            event["purge"] = purge_request
        if record.exc_info:
            event["trace"] = without_addresses(self.formatException(record.exc_info)).splitlines()
        return json.dumps(event)


class Refusals(logging.Filter):
    """Drops the traceback of what a client was refused for (a host, a look-up, a body): it says where we refuse."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.startswith("django.security") or getattr(record, "status_code", 0) == 400:
            record.exc_info = record.exc_text = None
        return True


class EverydayOfTheQueue(logging.Filter):
    """Drops what the queue's library says of each task it takes in, and of the canary: thousands of lines a day, with
    names of its own making. What failed stays, and so does what each purge says of itself."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name != "django-q" or record.levelno > logging.INFO:
            return True
        text = record.getMessage()
        return not (text.startswith("Enqueued ") or CANARY_TASK in text)


def logging_config(kind: str, level: int | str) -> dict[str, Any]:
    """For the site. ``kind``: "text" or "json"."""
    ours = {"handlers": ["stderr"], "level": "INFO", "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "refusals": {"()": "lms_purge.process.logs.Refusals"},
            "everyday": {"()": "lms_purge.process.logs.EverydayOfTheQueue"},
        },
        "formatters": {"line": formatter(kind)},
        "handlers": {
            "stderr": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stderr",
                "formatter": "line",
                "filters": ["refusals", "everyday"],
            }
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": ours,
            # runserver's access log is the one that prints query strings.
            "django.server": {**ours, "level": "CRITICAL"},
            "django-q": ours,
        },
    }


def formatter(kind: str) -> dict[str, Any]:
    if kind == "json":
        return {"()": "lms_purge.process.logs.JsonLines"}
    return {
        "()": "lms_purge.process.logs.NoExceptionMessages",
        "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
    }


def web_server_config(kind: str) -> dict[str, Any]:
    """For gunicorn: errors to standard error, a line for each request to standard output."""
    streams = {"stderr": "ext://sys.stderr", "stdout": "ext://sys.stdout"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": formatter(kind)},
        "handlers": {
            name: {"class": "logging.StreamHandler", "stream": stream, "formatter": "line"}
            for name, stream in streams.items()
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "gunicorn.error": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
            "gunicorn.access": {"handlers": ["stdout"], "level": "INFO", "propagate": False},
        },
    }
