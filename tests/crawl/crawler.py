"""A walk through every address of the site, as everybody, with everybody's rows: what was seen, changed, broken.

Nothing that a request does stays: each is undone before the next one. Rows are compared where a request has written,
which is seen from its statements.
"""

from __future__ import annotations

import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from django.apps import apps
from django.core.files.base import ContentFile
from django.core.signals import got_request_exception
from django.db import connection, models, transaction
from django.test import Client, RequestFactory
from django.test.client import ClientHandler
from django.urls import URLPattern, URLResolver, get_resolver

from learning.models import Session
from lms_purge.backoffice.site import LmsAdminSite
from purge.models import FollowUp, PurgeRequest
from purge.rules.registry import get_registry
from tests.factories.account_world import AccountWorld
from tests.factories.users import UserFactory
from users.models import IdentityProvider, Role, User

#: What a number in an address stands for, where it is not a row of the model that the address names.
OTHER_ROWS = {"request_id": PurgeRequest, "follow_up": FollowUp, "public_id": IdentityProvider}
NOBODYS = 987_654_321
#: Written by every request of somebody, or by anybody's try to sign in: rows of no account.
OF_NO_ACCOUNT = re.compile(r'"(users_session|users_tries|lms_cache|django_q_\w+|purge_lease)"')
CHANGING = ("INSERT", "UPDATE", "DELETE")
#: Columns in which code looks for words of its own; a mark in them would be a broken database, and no text of anybody.
CODED = frozenset(
    """
    password login_id public_id session_key digest time_zone locale subdomain kind reference disabled_reference
    needs_instructor_reference setting model table key_fingerprint email_key adobe_key unique_id_sort deleted_month
    encoding delimiter month message_id
    """.split()  # noqa: SIM905 - a table of them would be longer than what it is for
)


# ---------------------------------------------------------------- accounts with rows


class MarkedWorld(AccountWorld):
    """An account whose every text, and the text of every file, says the account's word."""

    def __init__(self, word: str) -> None:
        super().__init__(word.capitalize())
        self.word = word
        self.marked = 0
        FollowUp._base_manager.filter(account_id=self.account.pk).update(row=self.pk_of(Session))
        for row in self.rows_of_the_account():
            self._mark_whole(row)
        self.refresh()

    def rows_of_the_account(self) -> Iterator[models.Model]:
        for _model, rows in tables_of(self.account.pk):
            yield from rows

    def _mark_whole(self, row: models.Model) -> None:
        for column in row._meta.concrete_fields:
            if isinstance(column, models.FileField):
                if name := getattr(row, column.attname).name:
                    column.storage.delete(name)
                    column.storage.save(name, ContentFile(f"name;{self.word}\n".encode()))
                continue
            if not isinstance(column, models.CharField | models.TextField) or column.name in CODED or column.choices:
                continue
            if column.unique or column.is_relation:
                continue
            text = f"{self.word}-{row.pk}"
            if isinstance(column, models.EmailField):
                text = f"{text}@{row._meta.model_name}.example"
            if column.max_length and len(text) > column.max_length:
                continue
            type(row)._base_manager.filter(pk=row.pk).update(**{column.name: text})
            self.marked += 1

    def refresh(self) -> None:
        for row in self.rows.values():
            row.refresh_from_db()
        self.administrator.refresh_from_db()

    def pk_of(self, model: type[models.Model]) -> Any:
        row = self.of(model)
        return row.pk if row is not None else NOBODYS


def tables_of(account_id: int) -> Iterator[tuple[type[models.Model], models.QuerySet]]:
    """Every table that has rows of accounts, with the account's, in order."""
    for entry in get_registry().entries.values():
        if entry.rules.account:
            yield entry.model, entry.model._base_manager.filter(**{entry.rules.account: account_id}).order_by("pk")


def state_of(world: AccountWorld) -> dict[str, list[tuple]]:
    """Every row of an account, value by value."""
    return {model._meta.label: list(rows.values_list()) for model, rows in tables_of(world.account.pk)}


# ---------------------------------------------------------------- addresses


@dataclass(frozen=True)
class Address:
    """An address of the site. ``keys``: names of what it holds, in order."""

    route: str
    name: str
    model: type[models.Model] | None
    keys: tuple[str, ...]

    def at(self, world: AccountWorld | None) -> str:
        """The address of a row of this account; None: of none."""

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
    that nothing of any other account; by looking at it nothing at all.

    ``shown``: the rows that they ask for, those of whom they may least see first; None: of nobody. Where the first
    answer is the way to the sign-in page, nobody has looked at the row, and the others are left out.
    """

    role: str
    user: User | None
    shown: Sequence[MarkedWorld | None]
    home: MarkedWorld | None = None
    reads_all: bool = False
    changes_all: bool = False


def walkers(mine: MarkedWorld, theirs: MarkedWorld) -> dict[str, Walker]:
    roles = {
        "learner": [],
        "author": [Role.AUTHOR],
        "instructor": [Role.INSTRUCTOR],
        "integration administrator": [Role.INTEGRATION_ADMINISTRATOR],
    }
    system = {"account__kind": "system"}
    everything = (theirs, mine, None)
    found = [
        Walker("anonymous", None, everything),
        *(
            Walker(name, UserFactory(account=mine.account, roles=held), everything, mine)
            for name, held in roles.items()
        ),
        Walker("administrator of A", mine.administrator, everything, mine),
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
    """``problems``: (what, who, method, route). ``answers``: how often each status was the answer, by role. ``whole``:
    everybody asks for every row, also behind a door that has just been shut."""

    worlds: Sequence[MarkedWorld]
    open_to_all: frozenset[str]
    whole: bool = False
    problems: set[tuple[str, str, str, str]] = field(default_factory=set)
    answers: dict[str, Counter[int]] = field(default_factory=dict)

    def walk(self, walker: Walker, urls: Sequence[Address]) -> None:
        client = Browser(walker.user)
        foreign = [] if walker.reads_all else [world for world in self.worlds if world is not walker.home]
        may_not = foreign or list(self.worlds)
        before = {world.account.pk: state_of(world) for world in may_not}
        for address in urls:
            # An address without a verb leads on to the row's page, whatever is sent there.
            shut = not self.whole and address.route.endswith("/<path:object_id>/")
            shown = (*self.worlds, None) if self.whole else walker.shown
            for method in ("GET",) if shut else ("GET", "POST"):
                for world in shown if address.keys else (None,):
                    own = walker.changes_all and method == "POST"
                    guarded = [each for each in may_not if not (own and each is world)]
                    answer = self._ask(client, walker, address, world, method, foreign, guarded, before)
                    to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/admin/login/")
                    if to_sign_in and not self.whole:
                        break

    def _ask(self, client, walker, address, world, method, foreign, guarded, before) -> Any:
        wrote: list[str] = []
        broke: list[str] = []

        def watch(execute, sql, params, many, context):
            if sql.lstrip()[:6].upper() in CHANGING and not OF_NO_ACCOUNT.search(sql[:60]):
                wrote.append(sql)
            return execute(sql, params, many, context)

        def note(**_said):
            broke.append(getattr(sys.exc_info()[0], "__name__", "?"))

        def problem(what: str) -> None:
            self.problems.add((what, walker.role, method, address.route))

        got_request_exception.connect(note)
        try:
            with transaction.atomic(), connection.execute_wrapper(watch):
                url = address.at(world)
                answer = client.get(url) if method == "GET" else client.post(url, self._posted(address, world))
                text = b"".join(answer) if answer.streaming else answer.content
                if wrote and any(state_of(each) != before[each.account.pk] for each in guarded):
                    problem("changed a row of another account")
                raise Undone
        except Undone:
            pass
        finally:
            got_request_exception.disconnect(note)
        self.answers.setdefault(walker.role, Counter())[answer.status_code] += 1
        if answer.status_code == 500:
            problem(f"broken: {broke}")
        seen = text.lower() + str(dict(answer.headers)).lower().encode() + answer.cookies.output().lower().encode()
        if any(each.word.encode() in seen for each in foreign):
            problem("saw a text of another account")
        if walker.user is None and answer.status_code == 200 and address.name not in self.open_to_all:
            problem("open to nobody in particular")
        return answer

    def _posted(self, address: Address, world: MarkedWorld | None) -> dict[str, Any]:
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
    whole: bool = False,
) -> Crawl:
    found = Crawl(worlds, frozenset(open_to_all), whole)
    logging.disable(logging.CRITICAL)  # each refusal is a line or a page of them
    try:
        with mock.patch.object(LmsAdminSite, "get_app_list", navigation_of_each()):
            for walker in who:
                found.walk(walker, urls)
    finally:
        logging.disable(logging.NOTSET)
    return found
