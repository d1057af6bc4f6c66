"""Settings of accounts, groups, registration profiles and active fields."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import admin
from django.db.models import Count
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import mark_safe
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from purge.rules.registry import get_registry
from purge.selectors import lost_to_others
from users.admin import forms
from users.models import Account, ActiveField, ExternalProfile, SelfRegistrationProfile, UserGroup
from users.permissions import PURGE_PERMISSION
from users.proofs.services import is_confirmed_sender
from users.services import zone_of
from users.tenancy import TenantAdmin, account_id_of_administrator, sees_all_accounts

#: Said above the fields of mails.
SENDER = _(
    "Mails go out under the platform’s own address, with the sender name; answers go to the sender address. Once "
    "that address is confirmed, they go out under it."
)


#: For so long an account reads what it has lost to purges that others asked for.
LOST_FOR = timedelta(days=365)


def _linked(request):
    """Two fields that lead to pages of their own, which are for those who may purge; to others they are words."""
    if request.user.has_perm(PURGE_PERMISSION):
        return "identity_providers", "proofs"
    return "provider_names", "proof_words"


def _lost(account):
    return lost_to_others(account.pk, since=timezone.now() - LOST_FOR)


@admin.register(Account)
class AccountAdmin(TenantAdmin):
    """An administrator has one account: the list leads straight to its settings."""

    account_path = "pk"
    form = forms.AccountForm
    list_display = ("name", "subdomain", "kind", "state", "expires_on", "creator_missing")
    list_filter = ("kind", "state")
    search_fields = ("name", "subdomain")
    autocomplete_fields = ("creator",)
    actions = None
    #: What only the operators of the platform change.
    operators_fields = ("subdomain", "kind", "state", "expires_on", "creator")
    #: What only somebody who may purge changes.
    powers_fields = ("purge_with_role", "second_factor_demanded", "provider_demanded")

    def get_fieldsets(self, request, obj=None):
        # A new account has nobody who could be its creator.
        mine = self.operators_fields if obj else self.operators_fields[:-1]
        providers, proofs = _linked(request)
        return (
            (None, {"fields": ("name", "time_zone", *mine)}),
            *(() if obj else ((_("First administrator"), {"fields": forms.ADMINISTRATOR}),)),
            (
                _("Mail"),
                {"fields": ("support_emails", "sender_name", "sender_email", "footer_links"), "description": SENDER},
            ),
            (
                _("Other accounts"),
                {"fields": ("peer_admin_email", "catalog_share_email", *(("lost",) if obj and _lost(obj) else ()))},
            ),
            (_("Purging"), {"fields": ("purge_with_role", "second_factor_demanded", *((proofs,) if obj else ()))}),
            *(((_("Sign-in"), {"fields": (providers, "provider_demanded")}),) if obj else ()),
        )

    def get_readonly_fields(self, request, obj=None):
        shown = (*_linked(request), "lost")
        if sees_all_accounts(request.user):
            return shown
        may_purge = request.user.has_perm(PURGE_PERMISSION)
        return (*self.operators_fields, *shown) if may_purge else (*self.operators_fields, *self.powers_fields, *shown)

    @admin.display(description=_("identity providers"))
    def identity_providers(self, account):
        """Where the account's people sign in by OpenID Connect."""
        names = self.provider_names(account)
        return format_html('<a href="{}">{}</a>', reverse("admin:users_identityprovider_changelist"), names)

    @admin.display(description=_("identity providers"))
    def provider_names(self, account):
        return ", ".join(account.identity_providers.values_list("name", flat=True)) or gettext("None")

    @admin.display(description=_("proved to be its own"))
    def proofs(self, account):
        """By what it reaches into other accounts where the site asks for proofs, and may be its sender."""
        return format_html(
            '<a href="{}">{}</a> · <a href="{}">{}</a> · {}',
            reverse("admin:users_proveddomain_changelist"),
            gettext("Domains"),
            reverse("admin:users_provedaddress_changelist"),
            gettext("Addresses"),
            self.proof_words(account),
        )

    @admin.display(description=_("proved to be its own"))
    def proof_words(self, account):
        return gettext("sender confirmed") if is_confirmed_sender(account) else gettext("sender not confirmed")

    @admin.display(description=_("erased here because it was asked for elsewhere"))
    def lost(self, account):
        """How many of what, and when; by whom is nobody's business here."""
        entries, zone = get_registry().entries, zone_of(account)
        lines = []
        for each in _lost(account):
            kinds = [ngettext("%(n)d user", "%(n)d users", each.people) % {"n": each.people}] if each.people else []
            kinds += [
                f"{gettext(entries[model].rules.noun)}: {number}"
                for model, number in each.rows.items()
                if model in entries
            ]
            lines.append((f"{date_format(timezone.localtime(each.at, zone), 'DATE_FORMAT')}: {', '.join(kinds)}",))
        return format_html_join(mark_safe("<br>"), "{}", lines)

    def has_add_permission(self, request):
        return sees_all_accounts(request.user)

    def changelist_view(self, request, extra_context=None):
        account_id = account_id_of_administrator(request.user)
        if account_id is not None:
            return HttpResponseRedirect(reverse("admin:users_account_change", args=[account_id]))
        return super().changelist_view(request, extra_context)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        return super().change_view(request, object_id, form_url, {"title": gettext("Account settings")})


@admin.register(UserGroup)
class UserGroupAdmin(TenantAdmin):
    account_path = "account"
    form = forms.GroupForm
    list_display = ("name", "members", "team_of", "retired")
    list_filter = ("retired",)
    search_fields = ("name",)
    list_select_related = ("team_of",)
    ordering = ("name", "pk")
    readonly_fields = ("team_of", "creator", "members", "excluded")
    actions = None

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(member_count=Count("members"))

    def get_fields(self, request, obj=None):
        if obj is None:
            return ("account", "name", "description")
        return ("account", "name", "description", "retired", "team_of", "creator", "members", "excluded")

    @admin.display(description=_("members"), ordering="member_count")
    def members(self, group):
        link = f"{reverse('admin:users_internaluser_changelist')}?group={group.pk}"
        return format_html('<a href="{}">{}</a>', link, group.member_count)

    @admin.display(description=_("excluded users"))
    def excluded(self, group):
        return ", ".join(group.exclusions.order_by("user__name").values_list("user__name", flat=True)[:100]) or "–"


@admin.register(ExternalProfile)
class ExternalProfileAdmin(TenantAdmin):
    account_path = "account"
    list_display = ("name", "manager_email", "enabled")
    list_filter = ("enabled",)
    search_fields = ("name",)
    ordering = ("name", "pk")
    fields = ("account", "name", "manager_email", "enabled")


@admin.register(SelfRegistrationProfile)
class SelfRegistrationProfileAdmin(TenantAdmin):
    account_path = "account"
    list_display = ("name", "manager", "enabled")
    list_filter = ("enabled",)
    list_select_related = ("manager",)
    search_fields = ("name",)
    ordering = ("name", "pk")
    autocomplete_fields = ("manager",)
    fields = ("account", "name", "manager", "enabled")


@admin.register(ActiveField)
class ActiveFieldAdmin(TenantAdmin):
    account_path = "account"
    list_display = ("name", "kind")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("name", "pk")
    fields = ("account", "name", "kind", "allowed_values")
