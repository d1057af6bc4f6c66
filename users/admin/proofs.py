"""What an account has proved to be its own. Account settings lead here."""

from __future__ import annotations

from django import forms as django_forms
from django.contrib import admin, messages
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from users.models import ProvedAddress, ProvedDomain
from users.permissions import PURGE_PERMISSION
from users.proofs.records import record_name, record_value
from users.proofs.services import (
    address_proof_ask,
    address_proof_remove,
    domain_proof_ask,
    domain_proof_look,
    domain_proof_remove,
)
from users.services import ServiceError
from users.tenancy import ServiceForm, TenantAdmin, sees_all_accounts
from users.tenancy.messages import numbered


class AddressForm(ServiceForm):
    email = django_forms.CharField(label=_("Address"), max_length=320, widget=django_forms.EmailInput)

    class Meta:
        model = ProvedAddress
        fields = ("account", "purpose", "email")

    def perform(self):
        said = self.cleaned_data
        return address_proof_ask(
            acting_user=self.acting_user,
            account=self.instance.account,
            email=said["email"],
            purpose=said["purpose"],
        )


class DomainForm(ServiceForm):
    class Meta:
        model = ProvedDomain
        fields = ("account", "domain")

    def _get_validation_exclusions(self):
        # Asked for again, it is the row that is there.
        return super()._get_validation_exclusions() | {"domain"}

    def validate_constraints(self):
        """The service finds the row that is there."""

    def perform(self):
        return domain_proof_ask(
            acting_user=self.acting_user, account=self.instance.account, domain=self.cleaned_data["domain"]
        )


class ProofAdmin(TenantAdmin):
    """Shown to whoever may purge: what is proved says whom a purge reaches."""

    account_path = "account"
    may_delete = True
    list_select_related = ("account",)
    actions: tuple[str, ...] = ("remove",)

    def get_actions(self, request):
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)  # it deletes without the service
        return actions

    def has_module_permission(self, request):
        """Not in the navigation: most accounts have none. Account settings lead here."""
        return False

    def has_view_permission(self, request, obj=None):
        return _may(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request):
        return _may(request) and super().has_add_permission(request)

    def has_change_permission(self, request, obj=None):
        """What is proved does not change: it is asked for, or removed."""
        return False

    def has_delete_permission(self, request, obj=None):
        return _may(request) and super().has_delete_permission(request, obj)

    def has_remove_permission(self, request):
        return self.has_delete_permission(request)

    @admin.display(description=_("state"))
    def state(self, row):
        if row.valid_until is None:
            return gettext("Asked")
        return gettext("Proved") if row.valid_until > timezone.now() else gettext("Over")

    @admin.action(description=_("Remove"), permissions=["remove"])
    def remove(self, request, queryset):
        def take_away(row):
            self.delete_model(request, row)
            return True

        number = self.each(request, queryset, take_away)
        if number:
            words = ngettext("%(n)d was removed.", "%(n)d were removed.", number)
            self.message_user(request, words % {"n": number}, messages.SUCCESS)

    def each(self, request, queryset, do):
        """Do it for each row; how many it was done for. The first refusal is shown, and ends it."""
        number = 0
        for row in queryset.select_related("account").order_by("pk"):
            try:
                number += bool(do(row))
            except ServiceError as refusal:
                # By number: a domain can be a person's, and what is said waits in a cookie or in a session.
                named = numbered(self.opts.verbose_name, row.pk)
                self.message_user(request, format_html("{}: {}", named, str(refusal)), messages.ERROR)
                break
        return number


@admin.register(ProvedAddress)
class ProvedAddressAdmin(ProofAdmin):
    form = AddressForm
    list_display = ("email", "purpose", "state", "asked_at", "valid_until")
    fields = ("account", "purpose", "email")

    def get_fields(self, request, obj=None):
        return (*self.fields, "asked_at", "link_until", "proved_at", "valid_until") if obj else self.fields

    def delete_model(self, request, obj):
        address_proof_remove(acting_user=request.user, row=obj)


@admin.register(ProvedDomain)
class ProvedDomainAdmin(ProofAdmin):
    form = DomainForm
    list_display = ("domain", "state", "record", "looked_at", "valid_until")
    actions = ("look", "remove")
    fields = ("account", "domain")
    readonly_fields = ("record",)

    def get_fields(self, request, obj=None):
        return (*self.fields, "record", "looked_at", "proved_at", "valid_until") if obj else self.fields

    @admin.display(description=_("TXT record to publish"))
    def record(self, row):
        return format_html("<code>{} TXT “{}”</code>", record_name(row.domain), record_value(row.token))

    @admin.action(description=_("Look for the record now"), permissions=["remove"])
    def look(self, request, queryset):
        number = self.each(request, queryset, lambda row: domain_proof_look(acting_user=request.user, row=row))
        if number:
            words = ngettext("%(n)d domain is proved.", "%(n)d domains are proved.", number)
            self.message_user(request, words % {"n": number}, messages.SUCCESS)
        else:
            words = gettext("No such record is there. A new one can take an hour to be seen.")
            self.message_user(request, words, messages.WARNING)

    def delete_model(self, request, obj):
        domain_proof_remove(acting_user=request.user, row=obj)


def _may(request):
    return sees_all_accounts(request.user) or request.user.has_perm(PURGE_PERMISSION)
