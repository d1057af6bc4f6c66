"""A run of the fuzz: every URL, every kind of form field, bodies of every kind."""

from __future__ import annotations

import copy
import logging
import random
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import cycle
from math import ceil
from typing import Any
from unittest import mock

from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from lms_purge.process.entry import WsgiRequest
from tests.fuzz.asking import Asker, Broken, Pairs, where
from tests.fuzz.pages import ROLES, SENT_ANYWHERE, Page, Sheet

#: Pages of the admin that ask nothing: a row's history, the question whether to delete one, the way to its form.
FORMLESS = re.compile(r"<path:object_id>/(history/|delete/)?$")


@contextmanager
def quietly() -> Iterator[None]:
    """Thousands of refusals are not worth a line each. Requests are made as the web server's entry makes them."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with mock.patch("django.test.client.WSGIRequest", WsgiRequest):
            yield
    finally:
        logging.disable(before)


def sheets_of(asker: Asker, pages: Sequence[Page]) -> list[Sheet]:
    """The forms of the pages, and those that are found behind other forms; each once."""
    found = [*(sheet for page in pages for sheet in page.sheets), *asker.site.further_sheets()]
    return list({(sheet.path, *sheet.kinds): sheet for sheet in found}.values())


def pages_of(asker: Asker, *, every: int = 1, begin: int = 0, forms: bool = False, turn: int = 0) -> list[Page]:
    """Each URL as one role finds it; mostly an administrator, who may do most of what customers do. ``forms``: only
    those that may show one. ``turn``: in another one, the others are asked as other roles."""
    chosen = []
    for number, url in enumerate(url for url in asker.site.urls if not (forms and FORMLESS.search(url.route))):
        if number % every == begin % every:
            page = asker.site.page(url, "administrator")
            role = "superuser" if page.status == 403 else page.role
            if page.status != 403 and (number + turn) % 5 == 0:
                role = ROLES[(number + turn) % len(ROLES)]
            chosen.append(page if role == page.role else asker.site.page(url, role))
    return chosen


def rounds_of(names: Sequence[str], inputs: Sequence[str], total: int, least: int, begin: int) -> Iterator[Pairs]:
    """Pairs for requests that carry at least ``least`` inputs each and ``total`` together. In each, every name is given
    another input than in the one before; where there are few names, several."""
    times = ceil(least / len(names))
    apart = max(1, len(inputs) // (len(names) * times))
    rounds = ceil(total / (len(names) * times))
    for number in range(begin * rounds, (begin + 1) * rounds):
        yield [(name, inputs[(number + n * apart) % len(inputs)]) for n, name in enumerate(list(names) * times)]


def urls(
    asker: Asker, pages: Sequence[Page], inputs: Sequence[str], *, asked: int, sent: int, led: int, least: int = 1
) -> None:
    """Each page is asked at least ``asked`` inputs, sent as many as ``sent``, and where its address has arguments, is
    looked for under ``led`` made-up ones. The next page goes on with the next inputs."""
    for number, page in enumerate(pages):
        names = tuple(dict.fromkeys(name for sheet in page.sheets for name in sheet.kinds)) or SENT_ANYWHERE
        for pairs in rounds_of(page.asked, inputs, asked, least, number):
            asker.ask(page, pairs)
        for pairs in rounds_of(names, inputs, sent, least, number):
            asker.post(page, pairs)
        for n in range(led if page.url.arguments else 0):
            asker.lead(page, inputs[(number * led + n) % len(inputs)])


# ---------------------------------------------------------------- form fields


def by_kind(sheets: Sequence[Sheet]) -> dict[str, list[tuple[Sheet, str]]]:
    """Where each kind of field stands: form and name. Without the patterns of further rows, which nobody reads."""
    found: dict[str, list[tuple[Sheet, str]]] = {}
    for sheet in sheets:
        for name, kind in sheet.kinds.items():
            if name != "csrfmiddlewaretoken" and "__prefix__" not in name:
                found.setdefault(kind, []).append((sheet, name))
    return found


def is_taken(sheet: Sheet, name: str, text: str) -> bool:
    """Whether the field takes the input; it is shown again either way, as a page shows what was typed."""
    if name not in sheet.bound:
        return True
    shown, field_name = sheet.bound[name]
    form = copy.copy(shown)
    data = QueryDict(mutable=True)
    data[name] = text
    form.is_bound, form.data, form.files, form._errors, form._bound_fields_cache = True, data, MultiValueDict(), {}, {}
    str(form[field_name])
    field = form.fields[field_name]
    value = field.widget.value_from_datadict(data, form.files, form.add_prefix(field_name))
    try:
        field.clean(value)
    except ValidationError:
        return False
    return True


def fields(
    asker: Asker, sheets: Sequence[Sheet], inputs: Sequence[str], *, rng: random.Random, rounds: int
) -> dict[str, int]:
    """Every input in a field of every kind; then forms that are sent with what their fields take, and with what they
    refuse. Returns how many inputs each kind was given."""
    places = by_kind(sheets)
    taken: dict[str, tuple[list[str], list[str]]] = {kind: ([], []) for kind in places}
    given: dict[str, set[str]] = {kind: set() for kind in places}
    for kind, occurrences in places.items():
        for number, text in enumerate(inputs):
            sheet, name = occurrences[number % len(occurrences)]
            if name in sheet.bound:
                given[kind].add(text)
            try:
                taken[kind][0 if is_taken(sheet, name, text) else 1].append(text)
            except Exception as error:  # noqa: BLE001 - any error is what is looked for
                broken = Broken(where(sys.exc_info()), str(error), f"{sheet.path} {kind} {name}={text[:300]!r}")
                asker.found.setdefault(broken.where, broken)
    by_hand(asker, sheets, {kind: places[kind] for kind, texts in given.items() if not texts}, inputs, given)
    turns = {kind: (cycle(good or bad), cycle(bad or good)) for kind, (good, bad) in taken.items()}
    for sheet in sheets:
        names = [name for name in sheet.kinds if sheet.kinds[name] in places and "__prefix__" not in name]
        for number in range(rounds):
            # First what is taken: nothing stops the form from being saved; then what is not, and it is shown again.
            refused = number % 2
            made_up = {name: next(turns[sheet.kinds[name]][refused]) for name in names if refused or not steers(name)}
            asker.fill(sheet, made_up, sheet.path)
        # One at a time, in a form that is else as it should be.
        for name in rng.sample(names, min(len(names), rounds // 2)):
            asker.fill(sheet, {name: rng.choice(inputs)}, sheet.path)
    return {kind: len(texts) for kind, texts in given.items()}


def by_hand(
    asker: Asker,
    sheets: Sequence[Sheet],
    places: dict[str, list[tuple[Sheet, str]]],
    inputs: Sequence[str],
    given: dict[str, set[str]],
) -> None:
    """Kinds that no form of Django's knows, which a page reads by itself: every input is sent, in the forms that have
    one, as many fields at once as there are. What steers a page goes by itself."""
    rounds = {kind: ceil(len(inputs) / len(occurrences)) for kind, occurrences in places.items()}
    turns = {kind: cycle(inputs) for kind in places}
    for sheet in sheets:
        names = [name for name, kind in sheet.kinds.items() if (sheet, name) in places.get(kind, ())]
        for some in ([name for name in names if steers(name)], [name for name in names if not steers(name)]):
            for number in range(max((rounds[sheet.kinds[name]] for name in some), default=0)):
                typed = {name: next(turns[sheet.kinds[name]]) for name in some if number < rounds[sheet.kinds[name]]}
                asker.fill(sheet, typed, sheet.path)
                for name, text in typed.items():
                    given[sheet.kinds[name]].add(text)


def steers(name: str) -> bool:
    """Fields that say how much else is read: made up on their own, or nothing else would be looked at."""
    return name.endswith("_FORMS") or name in ("action", "plan", "select_across", "index")


# ---------------------------------------------------------------- bodies


def raw(asker: Asker, bodies: Sequence[tuple[bytes, str]]) -> int:
    """Bodies that are no forms, to pages that read forms, and to those that read nothing. How many were sent."""
    paths = ("/", "/healthz", "/nowhere", "/admin/login/", "/admin/forgotten/", "/admin/users/importlog/add/")
    for number, (body, kind) in enumerate(bodies):
        path, role = paths[number % len(paths)], ROLES[number % len(ROLES)]
        try:
            asker.send(role, "POST", path, body=body, kind=kind)
        except Broken as broken:
            asker.found.setdefault(broken.where, broken)
    return len(bodies)


#: What pages read of a request's head, as the web server hands it on.
HEADERS = (
    *("HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_AUTHORIZATION", "HTTP_COOKIE", "HTTP_REFERER", "HTTP_ORIGIN"),
    *(
        "HTTP_X_FORWARDED_FOR",
        "HTTP_X_FORWARDED_PROTO",
        "HTTP_X_REQUEST_ID",
        "HTTP_USER_AGENT",
        "HTTP_HOST",
        "REMOTE_ADDR",
    ),
)


def headers(asker: Asker, inputs: Sequence[str]) -> int:
    """The pages of the machine, and those that everybody reaches, with made-up heads. How many inputs were sent."""
    paths = ("/metrics", "/healthz", "/admin/login/", "/")
    for number, text in enumerate(inputs):
        made_up = text.encode("utf-8", "surrogatepass").decode("latin-1")
        path = paths[number % len(paths)]
        for name in HEADERS:
            try:
                asker.send("anybody", "GET", path, query="strict" if number % 3 else "", **{name: made_up})
            except Broken as broken:
                asker.found.setdefault(broken.where, broken)
    return len(inputs) * len(HEADERS)


def results(asker: Asker) -> dict[str, Any]:
    return {"requests": asker.requests, "inputs": sum(asker.inputs.values()), "broken": sorted(asker.found)}
