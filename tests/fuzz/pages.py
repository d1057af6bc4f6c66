"""Every URL of the resolver, and what its page reads: the places in which a made-up input can be put."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from django.apps import apps
from django.forms import BaseForm, BaseFormSet
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from purge.models import FollowUp, ImsNotice, PurgeRequest
from purge.pages.freshness import CONFIRMED_AT
from tests.factories.account_world import AccountWorld
from tests.factories.connectors import BlankedSettingFactory, BoxSettingsFactory
from tests.factories.messaging import NotificationFactory
from tests.factories.users import AccountFactory, UserFactory
from tests.pages_at_hand import Form, read_page
from users.admin.people import InternalUserAdmin
from users.imports.services import user_import_start
from users.models import AccountKind, IdentityProvider, ImportLog

#: ``<int:pk>`` of a route, ``(?P<name>…)`` of an expression.
ARGUMENT = re.compile(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>|\(\?P<(?P<group>\w+)>[^)]*\)")
#: What any page may be asked, whether or not a link on it says so.
ASKED_ANYWHERE = (
    *("q", "o", "p", "e", "all", "next", "page", "account", "_popup", "_to_field", "_changelist_filters"),
    # What register, look-ups, report, the lists of the clean-up and the pages of the machine read.
    *("format", "after", "before", "quarter", "from", "to", "year", "figure", "state", "month", "list", "delete"),
    *("plan", "then", "strict", "code"),
)
#: What is sent to pages that show no form.
SENT_ANYWHERE = ("action", "_selected_action", "post", "plan", "select_across", "confirm_password", "name", "code")
PASSWORD = "a long pass phrase"
#: Who asks: somebody who is not signed in, an administrator, an administrator whose sign-in is not fresh, a superuser.
ROLES = ("anybody", "administrator", "stale", "superuser")


@dataclass(frozen=True)
class Url:
    """One line of the resolver. ``real``: for each argument the value that leads to a row which is there."""

    route: str
    name: str
    real: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def arguments(self) -> list[str]:
        return [found["name"] or found["group"] for found in ARGUMENT.finditer(self.route)]

    def path(self, **made_up: str) -> str:
        """As a browser writes it. Arguments that are not made up are the real ones."""
        values = self.real | made_up

        def value(found: re.Match[str]) -> str:
            return quote(values.get(found["name"] or found["group"], "1"), safe="", errors="surrogatepass")

        return "/" + re.sub(r"[\^$]", "", ARGUMENT.sub(value, self.route))


@dataclass(frozen=True)
class Sheet:
    """A form that a page shows to a role. ``path``: where it is sent; ``kinds``: of each of its fields, which kind it
    is; ``bound``: the form in the template's context that a field belongs to, and its name there."""

    role: str
    path: str
    form: Form
    kinds: dict[str, str]
    bound: dict[str, tuple[BaseForm, str]]

    @property
    def filled_in(self) -> dict[str, str]:
        """What is sent when nothing is changed."""
        return {
            each.name: each.value
            for each in self.form.inputs
            if each.name and not each.disabled and (each.kind != "checkbox" or each.checked)
        } | {button.name: button.value for button in self.form.buttons[:1] if button.name}


@dataclass(frozen=True)
class Page:
    """What somebody finds at a URL. ``asked``: names of parameters that its links and search forms carry."""

    url: Url
    role: str
    status: int
    asked: tuple[str, ...]
    sheets: tuple[Sheet, ...]


def lines(patterns: Any = None, before: str = "") -> Iterator[tuple[str, str]]:
    """(route, name) of every URL that the site answers."""
    for each in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(each, URLResolver):
            yield from lines(each.url_patterns, before + str(each.pattern))
        elif isinstance(each, URLPattern):
            yield before + str(each.pattern), each.name or ""


def answering() -> dict[str, str]:
    """Route → name, each once: what an earlier line answers, a later one of the same route never does."""
    found: dict[str, str] = {}
    for route, name in lines():
        found.setdefault(route, name)
    return found


class Site:
    """An account with a row of everything, and the people who ask for its pages."""

    def __init__(self) -> None:
        self.world = AccountWorld("Orchard")
        administrator = self.world.administrator
        operator = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True)
        for person in (administrator, operator):
            person.set_password(PASSWORD)
            person.save()
        self.cookies: dict[str, dict[str, str]] = {"anybody": {}}
        for role, person in (("administrator", administrator), ("stale", administrator), ("superuser", operator)):
            client = Client()
            client.force_login(person)
            self.cookies[role] = {name: each.value for name, each in client.cookies.items()}
            if role == "stale":
                session = client.session
                session[CONFIRMED_AT] = time.time() - 3_600
                session.save()
        connector = self.world.rows[apps.get_model("connectors.Connector")]
        type(connector).objects.filter(pk=connector.pk).update(kind="box")
        BoxSettingsFactory(connector=connector)
        self.blanked = BlankedSettingFactory(connector=connector)
        self.notification = NotificationFactory(recipient=administrator)
        people = b"Name,E-Mail,Badge\nAnn,ann@people.example,7\n"
        self.log = user_import_start(
            acting_user=administrator, account=self.world.account, file=io.BytesIO(people), confirm=True
        )

    def client(self, role: str) -> Client:
        """Somebody's browser. A 500 is an answer to it, no exception of the test."""
        client = Client(raise_request_exception=False)
        for name, value in self.cookies[role].items():
            client.cookies[name] = value
        return client

    @cached_property
    def urls(self) -> list[Url]:
        return [Url(route, name, self._real(route)) for route, name in answering().items()]

    def _real(self, route: str) -> dict[str, str]:
        rows = self.world.rows
        model = self._model_of(route)
        row = rows.get(model) if model else None
        own = self.log.pk if model is ImportLog else row.pk if row is not None else 1
        provider = rows.get(IdentityProvider)
        named: dict[str, Any] = {
            "request_id": rows[PurgeRequest].pk,
            "follow_up": rows[FollowUp].pk,
            "blanked_id": self.blanked.pk,
            "notification_id": self.notification.pk,
            "log_id": self.log.pk,
            "content_type_id": 1,
            "app_label": "users",
            "url": "nowhere",
            "public_id": getattr(provider, "public_id", "none"),
            **dict.fromkeys(("object_id", "row_id", "connector_id"), own),
            "pk": rows[ImsNotice].pk if model is ImsNotice else own,
        }
        return {argument: str(value) for argument, value in named.items()}

    @staticmethod
    def _model_of(route: str) -> Any:
        found = re.match(r"admin/(\w+)/(\w+)/", route)
        try:
            return apps.get_model(found[1], found[2]) if found else None
        except LookupError:
            return None

    def page(self, url: Url, role: str) -> Page:
        """The page as it is when nothing is made up."""
        answer = self.client(role).get(url.path())
        links, forms = read_page(_html(answer))
        asked = {name for link in links for name, _value in parse_qsl(urlsplit(link).query) if link.startswith("?")}
        sheets = sheets_of(answer, url.path(), role)
        asked |= {each.name for form in forms if form.method == "get" for each in form.inputs if each.name}
        answer.getvalue()
        return Page(url, role, answer.status_code, tuple(sorted(asked | set(ASKED_ANYWHERE))), sheets)

    def further_sheets(self) -> Iterator[Sheet]:
        """Forms that somebody finds only after having sent another one."""
        deleted, person = (self.world.rows[apps.get_model("users", name)] for name in ("DeletedUser", "InternalUser"))
        people = "/admin/users/internaluser/"
        actions = InternalUserAdmin.own_actions
        ways: list[tuple[str, str, dict[str, Any]]] = [
            ("administrator", "/admin/users/deleteduser/purge/", {"_selected_action": [deleted.pk]}),
            ("administrator", "/admin/users/deleteduser/other/", {"address": "nobody@elsewhere.example"}),
            ("stale", "/admin/second-factor/codes/", {}),
            ("anybody", "/admin/login/", {"username": self.world.administrator.email, "password": "wrong"}),
            *(("administrator", people, {"action": each, "_selected_action": [person.pk]}) for each in actions),
        ]
        for role, path, data in ways:
            answer = self.client(role).post(path, data, follow=True)
            yield from sheets_of(answer, path, role)


def _html(answer: Any) -> str:
    return answer.content.decode() if "text/html" in answer.get("Content-Type", "") and not answer.streaming else ""


def sheets_of(answer: Any, path: str, role: str) -> tuple[Sheet, ...]:
    """The forms of an answer that are posted, but for the button that signs out."""
    _links, forms = read_page(_html(answer))
    bound = bound_fields(answer)
    sheets = []
    for form in forms:
        if form.method != "post" or form.action == "/admin/logout/":
            continue
        names = {each.name: each.kind for each in form.inputs if each.name}
        kinds = {name: kind_of(*bound[name]) if name in bound else f"<{kind}>" for name, kind in names.items()}
        target = form.action if form.action.startswith("/") else path
        sheets.append(Sheet(role, target, form, kinds, {name: bound[name] for name in names if name in bound}))
    return tuple(sheets)


def kind_of(form: BaseForm, name: str) -> str:
    """A field's class and its widget's."""
    widget = form.fields[name].widget
    return f"{type(form.fields[name]).__name__} in {type(getattr(widget, 'widget', widget)).__name__}"


def bound_fields(answer: Any) -> dict[str, tuple[BaseForm, str]]:
    """Of the forms in a page's context: the name of each input in HTML → (form, name of the field)."""
    found: dict[str, tuple[BaseForm, str]] = {}

    def take(value: Any) -> None:
        if isinstance(value, BaseForm):
            for name, each in value.fields.items():
                parts = getattr(each.widget, "widgets_names", [""])
                found.update(dict.fromkeys((value.add_prefix(name) + part for part in parts), (value, name)))
        elif isinstance(value, BaseFormSet):
            take([*value.forms, value.management_form])
        elif isinstance(value, list | tuple):
            for each in value:
                take(each)
        else:
            take_inside(value)

    def take_inside(value: Any) -> None:
        for inside in ("form", "formset"):
            if type(value).__name__ in ("AdminForm", "InlineAdminFormSet") and hasattr(value, inside):
                take(getattr(value, inside))

    for context in getattr(answer, "context", None) or ():
        for layer in getattr(context, "dicts", ()):
            take(list(layer.values()))
    return found
