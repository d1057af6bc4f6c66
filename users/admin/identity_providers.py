"""The identity providers of an account."""

from __future__ import annotations

from django import forms as django_forms
from django.conf import settings
from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from users.identity_provider.services import provider_create, provider_delete, provider_update
from users.models import IdentityProvider
from users.permissions import PURGE_PERMISSION
from users.tenancy import ServiceForm, TenantAdmin, sees_all_accounts


class ProviderForm(ServiceForm):
    """Its secret is typed, and never shown."""

    secret = django_forms.CharField(
        label=_("client secret"),
        required=False,
        strip=False,
        widget=django_forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("Stored encrypted, and not shown again. Leave blank to keep the one that is there."),
    )

    class Meta:
        model = IdentityProvider
        fields = ("account", "name", "server_url", "client_id", "secret", "enabled")

    def perform(self):
        said = {name: self.cleaned_data[name] for name in self.changed_data if name in self.cleaned_data}
        said.pop("account", None)
        if not said.get("secret"):
            said.pop("secret", None)
        if self.instance.pk is None:
            return provider_create(acting_user=self.acting_user, account=self.instance.account, **said)
        return provider_update(acting_user=self.acting_user, row=self.instance, **said)


@admin.register(IdentityProvider)
class IdentityProviderAdmin(TenantAdmin):
    """Shown to whoever may purge: choosing one is choosing who signs in."""

    account_path = "account"
    form = ProviderForm
    list_display = ("name", "server_url", "enabled")
    ordering = ("name", "pk")
    readonly_fields = ("link", "back")
    actions = None
    may_delete = True

    def get_fields(self, request, obj=None):
        fields = ("account", "name", "server_url", "client_id", "secret", "enabled")
        return (*fields, "link", "back") if obj else fields

    @admin.display(description=_("link for signing in"))
    def link(self, row):
        return _address("admin:to_provider", row)

    @admin.display(description=_("redirect URI, for the provider"))
    def back(self, row):
        return _address("admin:provider_back", row)

    def delete_model(self, request, obj):
        provider_delete(acting_user=request.user, row=obj)

    def has_module_permission(self, request):
        """Not in the navigation: most accounts have none. Account settings lead here."""
        return False

    def has_view_permission(self, request, obj=None):
        return _may(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request):
        return _may(request) and super().has_add_permission(request)

    def has_change_permission(self, request, obj=None):
        return _may(request) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request, obj=None):
        return _may(request) and super().has_delete_permission(request, obj)


def _may(request):
    return sees_all_accounts(request.user) or request.user.has_perm(PURGE_PERMISSION)


def _address(name, row):
    return format_html("<code>{}{}</code>", settings.LMS_BASE_URL.rstrip("/"), reverse(name, args=[row.public_id]))
