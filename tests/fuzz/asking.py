"""One request with made-up inputs, and whether the site answered it."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote_from_bytes

from django.db import transaction

from tests.fuzz.pages import Page, Sheet, Site

FORM = "application/x-www-form-urlencoded"
Pairs = Sequence[tuple[str, str]]
#: What the health page answers by design while something is paused.
UNWELL = ("/healthz", 503)


class Broken(AssertionError):
    """The site had no answer. ``where``: class of the error and the last lines that it came through."""

    def __init__(self, where: str, said: str, request: str) -> None:
        super().__init__(f"{where}\n  {said[:200]}\n  {request}")
        self.where = where


def encoded(pairs: Iterable[tuple[str, str]]) -> str:
    """As a client writes it that does not care, lone surrogates and all."""

    def quoted(text: str) -> str:
        return quote_from_bytes(text.encode("utf-8", "surrogatepass"))

    return "&".join(f"{quoted(name)}={quoted(value)}" for name, value in pairs)


@contextmanager
def taken_back() -> Iterator[None]:
    """What the request has changed is gone afterwards."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


class Asker:
    """Sends requests, each taken back. ``inputs``: how many made-up ones, by place; ``found``: what broke."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.clients = {role: site.client(role) for role in site.cookies}
        self.inputs: dict[str, int] = {}
        self.requests = 0
        self.found: dict[str, Broken] = {}

    def send(
        self, role: str, method: str, path: str, *, query: str = "", body: Any = b"", kind: str = FORM, **headers: str
    ) -> int:
        """The status; raises :class:`Broken` where it is an error of ours. What is streamed is read to its end."""
        self.requests += 1
        client = self.clients[role]
        for name, value in self.site.cookies[role].items():
            client.cookies[name] = value
        error = None
        with taken_back():
            answer = client.generic(method, path, body, kind, QUERY_STRING=query, **headers)
            try:
                if answer.streaming and answer.status_code < 500:
                    answer.getvalue()
            except Exception as trouble:  # noqa: BLE001 - whatever ends a download half-way
                error = (type(trouble), trouble, trouble.__traceback__)
        if error or (answer.status_code >= 500 and (path, answer.status_code) != UNWELL):
            error = error or getattr(answer, "exc_info", None)
            said = f"{role}: {method} {path[:300]}?{query[:600]} {body[:1500]!r} {kind!r} {headers!r}"
            raise Broken(where(error), str(error[1]) if error else str(answer.status_code), said)
        return answer.status_code

    def ask(self, page: Page, pairs: Pairs) -> None:
        """The page with its parameters made up."""
        self._try(page.url.route, pairs, lambda some: self.send(page.role, "GET", page.url.path(), query=encoded(some)))

    def lead(self, page: Page, text: str) -> None:
        """The page under an address with a made-up argument."""
        for name in page.url.arguments:
            path = page.url.path(**{name: text or " "})
            self._try(page.url.route, [(name, text)], lambda _some, path=path: self.send(page.role, "GET", path))

    def post(self, page: Page, pairs: Pairs) -> None:
        """A form with these fields, none of them as it should be."""
        path = page.url.path()
        self._try(page.url.route, pairs, lambda some: self.send(page.role, "POST", path, body=encoded(some)))

    def fill(self, sheet: Sheet, made_up: dict[str, str], place: str) -> None:
        """A form as it is shown, with some of its fields made up."""

        def send(some: Pairs) -> int:
            return self.send(sheet.role, "POST", sheet.path, body=encoded((sheet.filled_in | dict(some)).items()))

        self._try(place, list(made_up.items()), send)

    def _try(self, place: str, pairs: Pairs, send: Any) -> None:
        # Of a name that stands there several times most pages read the last.
        self.inputs[place] = self.inputs.get(place, 0) + len(dict(pairs))
        try:
            send(pairs)
        except Broken as broken:
            if broken.where not in self.found:
                self.found[broken.where] = self._alone(pairs, send) or broken

    def _alone(self, pairs: Pairs, send: Any) -> Broken | None:
        """The same fault by one input alone, where one is enough."""
        for pair in pairs:
            try:
                send([pair])
            except Broken as broken:
                return broken
        return None

    def report(self) -> str:
        return "\n\n".join(str(broken) for broken in self.found.values())


def where(exc_info: Any) -> str:
    if not exc_info:
        return "an answer of the site's own"
    frames = traceback.extract_tb(exc_info[2])
    ours = [frame for frame in frames if not re.search(r"site-packages|/fuzz/(?!planted)", frame.filename)]
    lines = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in (*ours[-3:], *frames[-2:])]
    return "\n  ".join([exc_info[0].__name__, *dict.fromkeys(lines)])
