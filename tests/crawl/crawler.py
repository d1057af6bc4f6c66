"""A walk through every address of the site, as everybody, with everybody's rows: what was seen, changed, broken.

Nothing that a request does stays: each is undone before the next one. Rows are compared where a request has written,
which is seen from its statements.
"""

from __future__ import annotations

import copy
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from unittest import mock
from urllib.parse import quote

from django.apps import apps
from django.core.signals import got_request_exception
from django.db import connection, models, transaction
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.html import escape

from lms_purge.backoffice.site import LmsAdminSite
from purge.models import FollowUp, PurgeRequest
from purge.upkeep import standstill
from tests.crawl.asks import Ask, asks_of
from tests.crawl.changes import EVERY_TABLE, Differences, Written, differences, everything, is_as_before, state_of
from tests.crawl.worlds import NOBODYS, MarkedWorld
from tests.factories.users import UserFactory
from users.backends import AccountBackend
from users.models import IdentityProvider, Role, User

#: What a number in an address stands for, where it is not a row of the model that the address names.
OTHER_ROWS = {"request_id": PurgeRequest, "follow_up": FollowUp, "public_id": IdentityProvider}


# ---------------------------------------------------------------- addresses


@dataclass(frozen=True)
class Address:
    """An address of the site. ``keys``: names of what it holds, in order."""

    route: str
    name: str
    model: type[models.Model] | None
    keys: tuple[str, ...]

    def at(self, world: MarkedWorld | None, instead: models.Model | None = None) -> str:
        """The address of a row of this account; None: of none. ``instead``: another row of the address's model."""

        def value(match: re.Match[str]) -> str:
            key = match[1]
            if key == "app_label":
                return "learning"
            if key == "url":
                return "nothing-here"
            if key == "content_type_id":
                return "7"
            model = OTHER_ROWS.get(key) or _model_called(key) or self.model
            row = world.of(model) if world is not None and model is not None else None
            if instead is not None and isinstance(instead, model or ()):
                row = instead
            if model is IdentityProvider:
                return str(row.public_id) if row is not None else "0" * 32
            return str(row.pk if row is not None else NOBODYS)

        return "/" + re.sub(r"<(?:\w+:)?(\w+)>", value, self.route)


def _model_called(key: str) -> type[models.Model] | None:
    """blanked_id → BlankedSetting; course_id → Course."""
    word = key.removesuffix("_id")
    if word in ("object", "row", key):
        return None
    return next((model for model in apps.get_models() if model._meta.model_name.startswith(word)), None)


def addresses(urlconf: str | None = None) -> list[Address]:
    """All of the resolver's, each once."""
    found = {}
    for route, pattern in _walk(get_resolver(urlconf).url_patterns, ""):
        # What a regular expression names, as a path does; what it allows is in OTHER words above.
        plain = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", route).replace("^", "").replace("$", "")
        found[plain] = Address(
            plain, pattern.name or "", _model_at(plain), tuple(re.findall(r"<(?:\w+:)?(\w+)>", plain))
        )
    return list(found.values())


def _walk(patterns: Sequence[Any], before: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, before + str(pattern.pattern))
        else:
            yield before + str(pattern.pattern), pattern


def _model_at(route: str) -> type[models.Model] | None:
    for app, name in re.findall(r"(?=(?:^|/)(\w+)/(\w+)/)", route):
        try:
            return apps.get_model(app, name)
        except LookupError:
            continue
    return None


# ---------------------------------------------------------------- who walks


@dataclass
class Walker:
    """Somebody. ``home``: whose rows they may see and change; all others they may not. ``reads_all``: support and
    superusers, who follow every account; ``changes_all``: superusers, who may change the row that they ask for, and by
    that nothing of any other account; by looking at it nothing at all. ``changes_nothing``: whatever they send, no row
    of the whole database is another than before, but for what the tables below name.

    ``shown``: the rows that they ask for, those of whom they may least see first; None: of nobody. Where the first
    answer is the way to the sign-in page, nobody has looked at the row, and the others are left out.
    """

    role: str
    user: User | None
    shown: Sequence[MarkedWorld | None]
    home: MarkedWorld | None = None
    reads_all: bool = False
    changes_all: bool = False
    changes_nothing: bool = False


#: What somebody who may change nothing still changes: themselves (they sign out, which ends what they had begun, and
#: their session), by table and the column that says so.
THEIR_OWN = {"users_user": "id", "users_session": "user_id"}
#: Counts of tries, a password's too that is confirmed, under digests that name nobody.
COUNTED = {"users_tries"}
#: What is written down of what they have looked at, saved, looked up or typed wrongly: rows that are new, and say that
#: it was they.
NOTED = {"users_useraudit": "actor_id", "purge_lookup": "actor_id", "purge_staffnamesshown": "actor_id"}
#: What is written down of anybody's try to sign in, as somebody who is not there.
TRIES = {"users_loginevent": "user_id"}


def walkers(mine: MarkedWorld, theirs: MarkedWorld) -> dict[str, Walker]:
    roles = {
        "learner": [],
        "author": [Role.AUTHOR],
        "instructor": [Role.INSTRUCTOR],
        "integration administrator": [Role.INTEGRATION_ADMINISTRATOR],
    }
    system = {"account__kind": "system"}
    everyones = (theirs, mine, None)
    officer = UserFactory(account=mine.account, roles=[Role.DATA_PROTECTION_OFFICER])
    found = [
        Walker("anonymous", None, everyones),
        *(Walker(name, UserFactory(account=mine.account, roles=held), everyones, mine) for name, held in roles.items()),
        Walker("data protection officer of A", officer, everyones, mine, changes_nothing=True),
        Walker("administrator of A", mine.administrator, everyones, mine),
        # What is theirs of B and what is nobody's is for them as it is for A's administrator.
        Walker("administrator of B", theirs.administrator, (mine,), theirs),
        Walker("support", UserFactory(is_support=True, **system), (theirs, None), reads_all=True),
        Walker("superuser", UserFactory(is_superuser=True, **system), (theirs,), reads_all=True, changes_all=True),
    ]
    return {walker.role: walker for walker in found}


class Browser(RequestFactory):
    """As Django's test client, without what that keeps of every template."""

    def __init__(self, user: User | None) -> None:
        super().__init__()
        client = Client()
        if user is not None:
            client.force_login(user)
        self.cookies = client.cookies
        self._handler = ClientHandler(enforce_csrf_checks=False)

    def request(self, **request: Any) -> Any:
        return self._handler(self._base_environ(**request))


class Undone(Exception):
    """Takes back what a request has done."""


@dataclass
class Crawl:
    """``problems``: (what, who, method, route). ``answers``: how often each status was the answer, by role; ``asked``:
    the names of the addresses that were asked more than their plain address. ``whole``: everybody asks for every row,
    also behind a door that has just been shut, and after each request that wrote every table is compared; else those
    that it wrote to. ``others``: at one address of so many all rows that somebody is shown, at the others the first."""

    worlds: Sequence[MarkedWorld]
    open_to_all: frozenset[str]
    whole: bool = False
    others: int = 1
    methods: Sequence[str] = ("GET", "POST")
    problems: set[tuple[str, str, str, str]] = field(default_factory=set)
    answers: dict[str, Counter[int]] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)

    @cached_property
    def further(self) -> dict[int, dict[str, list[Ask]]]:
        """What pages are asked beside, by account."""
        return {world.account.pk: asks_of(world) for world in self.worlds}

    def walk(self, walker: Walker, urls: Sequence[Address]) -> None:
        asker = Asker(self, walker)
        for number, address in enumerate(urls):
            shown = (*self.worlds, None) if self.whole else walker.shown
            if number % self.others:
                shown = shown[:1]
            out = [self._is_shown_out(asker, address, method, shown) for method in self.methods]
            if any(out):
                continue
            for world in shown:
                if world is not None:
                    self._ask_further(asker, address, world)

    def _is_shown_out(self, asker: Asker, address: Address, method: str, shown: Sequence[MarkedWorld | None]) -> bool:
        """Ask for the rows at the address. Whether that led to the sign-in page."""
        if method == "POST" and self._is_shut(address):
            return False
        for world in shown if address.keys else (None,):
            said = {} if method == "GET" else posted(address, world)
            answer = asker.ask(address, world, Ask(method, said))
            if not self.whole and asker.walker.user is not None and is_way_to_sign_in(answer):
                return True
            if not self.whole and is_way_to_sign_in(answer):
                break
        return False

    def _is_shut(self, address: Address) -> bool:
        """An address without a verb leads on to the row's page, and a history is shown, whatever is sent there."""
        return not self.whole and address.route.endswith(("/<path:object_id>/", "/history/"))

    def _ask_further(self, asker: Asker, address: Address, world: MarkedWorld) -> None:
        for ask in self.further[world.account.pk].get(address.name, ()):
            if ask.method in self.methods:
                self.asked.add(address.name)
                asker.ask(address, world, ask)


def is_way_to_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith("/admin/login/")


class Asker:
    """Somebody who asks, and what has to be there afterwards as it was before."""

    def __init__(self, crawl: Crawl, walker: Walker) -> None:
        self.crawl, self.walker = crawl, walker
        self.client = Browser(walker.user)
        self.foreign = [] if walker.reads_all else [world for world in crawl.worlds if world is not walker.home]
        self.may_not = self.foreign or list(crawl.worlds)
        self.before = {world.account.pk: state_of(world) for world in self.may_not}
        #: What support looks at is written down for the account that it is about.
        self.noted = set(NOTED) if walker.reads_all else set()
        self.every_row = everything() if walker.changes_nothing else everything(self.noted)

    def ask(self, address: Address, world: MarkedWorld | None, ask: Ask) -> Any:
        written, broke = Written(), []

        def note(**_said: Any) -> None:
            broke.append(getattr(sys.exc_info()[0], "__name__", "?"))

        def problem(what: str) -> None:
            self.crawl.problems.add((what, self.walker.role, ask.method, address.route))

        got_request_exception.connect(note)
        try:
            with transaction.atomic(), connection.execute_wrapper(written):
                url = address.at(world, ask.row) + ask.more
                send = self.client.get if ask.method == "GET" else self.client.post
                answer = send(url, ask.said, **ask.headers)
                text = b"".join(answer) if answer.streaming else answer.content
                for what in self._changed(world, ask, written):
                    problem(what)
                raise Undone
        except Undone:
            pass
        finally:
            got_request_exception.disconnect(note)
        self.crawl.answers.setdefault(self.walker.role, Counter())[answer.status_code] += 1
        if answer.status_code == 500:
            problem(f"broken: {broke}")
        seen = text.lower() + str(dict(answer.headers)).lower().encode() + answer.cookies.output().lower().encode()
        seen = without_what_was_said(seen.decode(errors="replace"), ask.said)
        if any(each.word in seen for each in self.foreign):
            problem("saw a text of another account")
        if self.walker.user is None and answer.status_code == 200 and address.name not in self.crawl.open_to_all:
            problem("open to nobody in particular")
        return answer

    def _changed(self, world: MarkedWorld | None, ask: Ask, written: Written) -> Iterator[str]:
        """What is wrong with what was written."""
        tables = written.of_accounts
        if not tables:
            return
        if self.crawl.whole:
            tables = {*tables, EVERY_TABLE}
        own = self.walker.changes_all and ask.method == "POST"
        guarded = [each for each in self.may_not if not (own and each is world)]
        before = self.before
        if not all(is_as_before(each, before[each.account.pk], tables, but_for=self.noted) for each in guarded):
            yield "changed a row of another account"
        compared = tables if self.walker.changes_nothing else tables & self.noted
        yield from self._not_theirs(differences(self.every_row, compared))

    def _not_theirs(self, found: Differences) -> Iterator[str]:
        me = repr(self.walker.user.pk) if self.walker.user is not None else ""
        for table in {*found.gone, *found.new} - COUNTED:
            gone, new = found.gone.get(table, []), found.new.get(table, [])
            oneself = all(row.get(THEIR_OWN.get(table, "")) == me for row in (*gone, *new))
            noted = not gone and all(row.get(NOTED.get(table, "")) == me for row in new)
            noted |= not gone and all(row.get(TRIES.get(table, "")) == "None" for row in new)
            if not (oneself or noted):
                yield f"changed a row: {table}"


def without_what_was_said(seen: str, said: dict[str, Any]) -> str:
    """A page that shows again what somebody has typed tells them nothing."""
    for value in said.values():
        for text in value.lower().split() if isinstance(value, str) else ():
            for written in (text, quote(text), escape(text)):
                seen = seen.replace(written, "")
    return seen


def posted(address: Address, world: MarkedWorld | None) -> dict[str, Any]:
    """What forms and buttons of the site send, with this account's rows in it."""
    pk = world.pk_of(address.model) if world is not None and address.model is not None else NOBODYS
    person = world.person.pk if world is not None else NOBODYS
    return {
        "post": "yes",
        "apply": "yes",
        "action": "delete_people",
        "_selected_action": [pk, person],
        **dict.fromkeys(("user", "people", "person", "manager", "author", "owner", "recipient"), person),
        "account": world.account.pk if world is not None else NOBODYS,
        "title": "posted",
        "name": "posted",
    }


def signed_in_once() -> Callable[[AccountBackend, int], User | None]:
    """Everything is taken back, so whoever has signed in is the same at each request: read once, and given out anew."""
    find, found = AccountBackend.get_user, {}

    def get(backend: AccountBackend, user_id: int) -> User | None:
        if user_id not in found:
            found[user_id] = find(backend, user_id)
        return copy.deepcopy(found[user_id])

    return get


def navigation_of_each() -> Callable[..., list[Any]]:
    """A navigation says nothing but which pages there are: made once for each, it saves a third of the time."""
    make, made = LmsAdminSite.get_app_list, {}

    def get(site: LmsAdminSite, request: Any, app_label: str | None = None) -> list[Any]:
        key = (site.name, request.user.pk, app_label)
        if key not in made:
            made[key] = make(site, request, app_label)
        return made[key]

    return get


def crawl(
    worlds: Sequence[MarkedWorld],
    who: Sequence[Walker],
    urls: Sequence[Address],
    *,
    open_to_all: Collection[str],
    **how: Any,
) -> Crawl:
    """``how``: as :class:`Crawl` says."""
    found = Crawl(worlds, frozenset(open_to_all), **how)
    standstill.stops(now=True)  # what is noted once, by whoever looks first, is noted
    logging.disable(logging.CRITICAL)  # each refusal is a line or a page of them
    try:
        with (
            mock.patch.object(LmsAdminSite, "get_app_list", navigation_of_each()),
            mock.patch.object(AccountBackend, "get_user", signed_in_once()),
        ):
            for walker in who:
                found.walk(walker, urls)
    finally:
        logging.disable(logging.NOTSET)
    return found
