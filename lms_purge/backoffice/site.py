"""The admin site: who gets in, how one signs in, and the navigation in the order people think in."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.core.exceptions import ImproperlyConfigured, PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from purge.journal.site_fence import site_is_fenced
from purge.pages.declared_lookups import DeclaredLookups
from purge.upkeep.standstill import stops_for

#: Apps whose tables have no page: what a group of permissions allows is a role's business here, a row of the queue
#: names any function to call, so that whoever can write one runs code, and second factors are set up on pages of ours.
NOT_SHOWN = frozenset({"account", "auth", "contenttypes", "django_q", "mfa", "sessions", "socialaccount"})

#: Groups of the navigation: label of the app in it, name, models and pages in order, open from the beginning. A page is
#: its URL name. Other models of an app follow in its last group, by name. At most fourteen entries are open, with those
#: of one's own that stand here on a narrow screen: what is needed least is folded.
NAVIGATION: tuple[tuple[str, Any, tuple[Any, ...], bool], ...] = (
    (
        "users",
        gettext_lazy("Users"),
        (
            "users.InternalUser",
            "users.ExternalUser",
            "users.DeletedUser",
            "users.ImportLog",
            "users.UserGroup",
        ),
        True,
    ),
    (
        "purge",
        gettext_lazy("Purges"),
        (
            "purge.PurgeRequest",
            ("purge_look_up", gettext_lazy("Look up")),
            ("purge_data_map", gettext_lazy("Personal data map")),
            ("purge_routes", gettext_lazy("Purge types")),
            "purge.ImsNotice",
        ),
        True,
    ),
    (
        "users",
        gettext_lazy("Account"),
        ("users.Account", "users.ExternalProfile", "users.SelfRegistrationProfile", "users.ActiveField"),
        False,
    ),
    (
        "learning",
        gettext_lazy("Learning"),
        ("learning.Course", "learning.Session", "learning.UnstaffedSession", "learning.Enrolment"),
        False,
    ),
    (
        "messaging",
        gettext_lazy("Messaging"),
        ("messaging.Notification", "messaging.Announcement", "messaging.EmailTemplate", "messaging.MailLog"),
        False,
    ),
    (
        "connectors",
        gettext_lazy("Connectors"),
        ("connectors.Connector", "connectors.StoppedConnector", "connectors.ConnectorRun"),
        False,
    ),
)
NAMES = {
    "purge.PurgeRequest": gettext_lazy("Requests"),
    "purge.ImsNotice": gettext_lazy("Identity provider notices"),
    "users.Account": gettext_lazy("Account settings"),
    "users.LoginEvent": gettext_lazy("Sign-in log"),
    "users.UserAudit": gettext_lazy("User audit log"),
}


class FormFieldAutocomplete(AutocompleteJsonView):
    def process_request(self, request: HttpRequest) -> Any:
        found = super().process_request(request)
        if not found[2].concrete:
            raise PermissionDenied
        return found


class LmsAdminSite(admin.AdminSite):
    site_header = "LMS Purge"
    site_title = "LMS Purge"
    index_title = gettext_lazy("Home")
    index_template = "admin/home.html"
    site_url = None

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        # People are taken out of use one by one, through the service; other rows have a page that asks.
        self.disable_action("delete_selected")

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """As Django's, but deaf to the apps that have no page here, and to lists that answer any question."""
        models = model_or_iterable if isinstance(model_or_iterable, Iterable) else [model_or_iterable]
        shown = [model for model in models if model._meta.app_label not in NOT_SHOWN]
        if shown and not issubclass(admin_class or admin.ModelAdmin, DeclaredLookups):
            raise ImproperlyConfigured(f"The page of {shown[0]._meta.label} has to extend DeclaredLookups.")
        if shown:
            super().register(shown, admin_class, **options)

    # ------------------------------------------------------------ signing in

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Our page, which may be the first of two steps; whoever is in already goes on to the home page."""
        from users.sign_in.pages import SignIn

        home = reverse("admin:index", current_app=self.name)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(home)
        context = {
            **self.each_context(request),
            "title": _("Sign in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "site_is_paused": site_is_fenced(),
            **(extra_context or {}),
        }
        if REDIRECT_FIELD_NAME not in request.GET and REDIRECT_FIELD_NAME not in request.POST:
            context[REDIRECT_FIELD_NAME] = home
        request.current_app = self.name
        return cast(HttpResponse, SignIn.as_view(extra_context=context)(request))

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        """Django's page, by our service: wrong ones are counted, it is noted, and every other session ends."""
        from users.sign_in.pages import OwnPassword

        context = {**self.each_context(request), **(extra_context or {})}
        success = reverse("admin:password_change_done", current_app=self.name)
        return cast(TemplateResponse, OwnPassword.as_view(success_url=success, extra_context=context)(request))

    def get_urls(self) -> list[Any]:
        from lms_purge.backoffice.first_steps import hide_first_steps
        from users.identity_provider import pages as providers
        from users.proofs import pages as proofs
        from users.second_factor import pages as factors
        from users.second_factor import sign_in_pages as steps
        from users.sign_in import pages
        from users.wall import across_accounts

        signing_in = across_accounts("who signs in is looked for in every account")
        return [
            # Also of who is signed in already, in another tab.
            path("login/", signing_in(self.login), name="login"),
            path("login/second/", signing_in(steps.second_step), name="second_step"),
            path("login/enrol/", signing_in(steps.enrol), name="enrol"),
            path("login/passkey/", signing_in(steps.passkey_sign_in), name="passkey_sign_in"),
            path("login/at/<slug:public_id>/", signing_in(providers.to_provider), name="to_provider"),
            path("login/at/<slug:public_id>/back/", signing_in(providers.provider_back), name="provider_back"),
            path("second-factor/", self.admin_view(factors.own_factors), name="own_factors"),
            path("second-factor/app/", self.admin_view(factors.own_app), name="own_app"),
            path("second-factor/passkey/", self.admin_view(factors.own_passkey), name="own_passkey"),
            path("second-factor/codes/", self.admin_view(factors.recovery_codes), name="recovery_codes"),
            path("agree/", signing_in(proofs.proof_link), name="proof_link"),
            path("forgotten/", signing_in(pages.forgotten), name="forgotten"),
            path("forgotten/new/", signing_in(pages.forgotten_new), name="forgotten_new"),
            path("first-steps/hide/", self.admin_view(hide_first_steps), name="hide_first_steps"),
            path("sessions/", self.admin_view(pages.own_sessions), name="own_sessions"),
            *super().get_urls(),
        ]

    # ------------------------------------------------------------ pages

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        user: Any = request.user
        if context["has_permission"]:
            from messaging.selectors import unread_count
            from users.tenancy import account_id_of_administrator

            own = account_id_of_administrator(user)
            context["own_account"] = user.account if own is not None else None
            context["unread_notifications"] = unread_count(user)
            context["stops"] = stops_for(user)
            context["notifications_url"] = reverse("admin:messaging_notification_changelist")
        return context

    def index(self, request: HttpRequest, extra_context: Any = None) -> TemplateResponse:
        from lms_purge.backoffice.first_steps import first_steps_of
        from lms_purge.backoffice.home import home_of

        own = {"home": home_of(request.user), "first_steps": first_steps_of(request)}
        return super().index(request, {**own, **(extra_context or {})})

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """As Django's, for columns of a form: it stumbles over relations that come from other tables."""
        return cast(HttpResponse, FormFieldAutocomplete.as_view(admin_site=self)(request))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """The navigation, in the order of :data:`NAVIGATION`; Django's own list for the page of one app."""
        if app_label is not None:
            return super().get_app_list(request, app_label)
        by_app: dict[str, Any] = self._build_app_dict(request)
        named = [label for label, *_rest in NAVIGATION]
        others = sorted(by_app.keys() - set(named))
        shown = {label: {model["model"]._meta.label: model for model in app["models"]} for label, app in by_app.items()}
        groups = [
            self._group(by_app, shown, *entry, is_last=entry[0] not in named[number + 1 :])
            for number, entry in enumerate(NAVIGATION)
        ]
        groups += [
            self._group(by_app, shown, label, by_app[label]["name"], (), False, is_last=True) for label in others
        ]
        groups = [group for group in groups if group["models"]]
        _mark_current(groups, request.path)
        return groups

    def _group(
        self,
        by_app: dict[str, Any],
        shown: dict[str, dict[str, Any]],
        label: str,
        name: Any,
        order: tuple[Any, ...],
        is_open: bool,
        *,
        is_last: bool,
    ) -> dict[str, Any]:
        """One group; what it has is taken out of ``shown``."""
        app, left = by_app.get(label, {}), shown.get(label, {})
        entries = []
        for entry in order:
            if isinstance(entry, tuple):
                if app:
                    entries.append(_page(*entry))
            elif entry in left:
                entries.append(left.pop(entry))
        if is_last:
            entries += sorted(left.values(), key=lambda model: str(model["name"]).casefold())
        for entry in entries:
            model = entry["model"]
            if model is not None and model._meta.label in NAMES:
                entry["name"] = NAMES[model._meta.label]
        return {
            "name": name,
            "app_label": label,
            "app_url": app.get("app_url", ""),
            "has_module_perms": True,
            "models": entries,
            "open": is_open,
        }


def _page(url_name: str, name: Any) -> dict[str, Any]:
    """A page that is no list of rows, in the form in which Django's templates take a model."""
    return {
        "model": None,
        "name": name,
        "object_name": url_name,
        "perms": {},
        "admin_url": reverse(f"admin:{url_name}"),
        "add_url": None,
        "view_only": True,
    }


def _mark_current(groups: list[dict[str, Any]], path: str) -> None:
    """The entry whose address is the longest beginning of the page's; its group is open."""
    entries = [(group, entry) for group in groups for entry in group["models"]]
    fitting = [pair for pair in entries if pair[1].get("admin_url") and path.startswith(pair[1]["admin_url"])]
    if fitting:
        group, entry = max(fitting, key=lambda pair: len(pair[1]["admin_url"]))
        group["open"] = entry["current"] = True
