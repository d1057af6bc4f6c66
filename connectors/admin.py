"""Connectors, outside applications, tokens, webhooks and statements in the admin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, URLField
from django.http import HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from connectors import models, selectors, services
from connectors.kinds import setting_field, settings_model
from keys.fields import encrypted_names
from purge.fields import PairLines
from users.services import ServiceError
from users.tenancy import ReadOnlyAdmin, TenantAdmin, TenantStackedInline
from users.tenancy.active_people import ActivePeopleForm
from users.tenancy.file_admin import DownloadAdmin

#: What is typed without a scheme is meant to be https.
HTTPS: Any = {URLField: {"assume_scheme": "https"}}


class SettingsForm(ActivePeopleForm):
    """Settings for another system. What is secret among them is never shown: left empty, it stays as it is."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        secrets = encrypted_names(self._meta.model)
        if secrets:
            # Names for other systems: a browser must not offer, or keep, what its user signs in with here.
            for field in self.fields.values():
                if isinstance(field.widget, forms.TextInput):
                    field.widget.attrs.setdefault("autocomplete", "off")
        if "values" in secrets & self.fields.keys() and (stored := self.instance.values):
            self.fields["values"].help_text = _("Stored: %(names)s. %(rest)s") % {
                "names": ", ".join(sorted(stored)),
                "rest": self.fields["values"].help_text,
            }


class SettingsInline(TenantStackedInline):
    """The settings of the connector's kind."""

    form = SettingsForm
    formfield_overrides = HTTPS
    min_num = max_num = 1
    extra = 0

    def has_add_permission(self, request, obj=None) -> bool:
        """There is one row. While it is there, no form of another one lies hidden in the page, with a password."""
        has_row = obj is not None and self.model.objects.filter(connector=obj).exists()
        return not has_row and self.has_change_permission(request, obj)


INLINES: dict[type[models.ConnectorSettings], type[SettingsInline]] = {
    model: type(
        f"{model.__name__}Inline",
        (SettingsInline,),
        {"model": model, "autocomplete_fields": ("manager",) if issubclass(model, models.ManagerFiltered) else ()},
    )
    for model in (
        models.FtpSettings,
        models.BoxSettings,
        models.SalesforceSettings,
        models.WorkdaySettings,
        models.AzureAdSettings,
        models.ZoomSettings,
        models.AdobeConnectSettings,
        models.TeamsSettings,
        models.GenericSettings,
    )
}


class ConnectorForm(ActivePeopleForm):
    class Meta:
        field_classes = {"mapping": PairLines}
        help_texts = {"mapping": _("One per line: outside column = field here.")}


class ConnectorAdmin(TenantAdmin):
    """A connector is made, then its settings are filled in, then it is enabled."""

    list_display = ("name", "kind", "state", "disabled_reason", "schedule", "next_run_at")
    list_filter: ClassVar[tuple[str, ...]] = ("kind", "state", "disabled_reason")
    search_fields = ("name",)
    fields = (
        "account",
        "kind",
        "name",
        "contact",
        "schedule",
        "mapping",
        "state",
        "disabled_reason",
        "disabled_reference",
        "disabled_at",
        "next_run_at",
    )
    form = ConnectorForm
    autocomplete_fields = ("contact",)
    readonly_fields = ("state", "disabled_reason", "disabled_reference", "disabled_at", "next_run_at")
    change_form_template = "connectors/connector_change_form.html"

    def get_readonly_fields(self, request, obj=None):
        # Another kind has other settings: a connector of another kind is another connector.
        fields = super().get_readonly_fields(request, obj)
        return fields if obj is None else ("kind", *fields)

    def get_inlines(self, request, obj=None):
        return () if obj is None else (INLINES[settings_model(obj.kind)],)

    def save_model(self, request, obj: models.Connector, form, change: bool) -> None:
        """Writes what the form changed and nothing else: a purge may have stopped the connector meanwhile."""
        if change:
            obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)

    def save_formset(self, request, form, formset, change) -> None:
        formset.save(commit=False)  # the rows that changed, and the words of the admin log
        for each in formset.forms:
            if each.has_changed():
                services.credentials_store(acting_user=request.user, row=each.instance, changed=each.changed_data)

    def save_related(self, request, form, formsets, change) -> None:
        """After the settings are stored: what was filled in again is settled, and the schedule counts from now."""
        super().save_related(request, form, formsets, change)
        connector = models.Connector.objects.get(pk=form.instance.pk)
        services.connector_settings_settle(acting_user=request.user, connector=connector)
        if "schedule" in form.changed_data:
            services.connector_schedule(
                acting_user=request.user, connector=connector, schedule=form.cleaned_data["schedule"]
            )

    def change_view(self, request, object_id, form_url="", extra_context=None) -> HttpResponse:
        connector = self.get_object(request, object_id)
        blanked = []
        if connector is not None:
            for row in selectors.open_settings(connector):
                field = setting_field(connector, row.setting)
                blanked.append({"row": row, "name": field.verbose_name, "may_stay_empty": field.blank})
        may = connector is not None and self.has_change_permission(request, connector)
        enable_here = may and connector.state != models.ConnectorState.ENABLED
        context = {**(extra_context or {}), "blanked": blanked, "enable_here": enable_here}
        return super().change_view(request, object_id, form_url, context)

    def response_change(self, request, obj: models.Connector) -> HttpResponse:
        """*Save and enable*: filled in and enabled in one go, or saved and told what is missing."""
        if "_enable" not in request.POST:
            return super().response_change(request, obj)
        return self.enable_view(request, obj.pk)

    # -- enabling

    def get_urls(self):
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        view = self.admin_site.admin_view
        own = [
            path("<int:connector_id>/enable/", view(self.enable_view), name=f"{name}_enable"),
            path("<int:connector_id>/disable/", view(self.disable_view), name=f"{name}_disable"),
            path("<int:connector_id>/confirm/<int:blanked_id>/", view(self.confirm_view), name=f"{name}_confirm"),
        ]
        return own + super().get_urls()

    def enable_view(self, request, connector_id: int) -> HttpResponse:
        return self._act(
            request,
            connector_id,
            lambda connector: services.connector_enable(acting_user=request.user, connector=connector),
            _("The connector is enabled."),
        )

    def disable_view(self, request, connector_id: int) -> HttpResponse:
        return self._act(
            request,
            connector_id,
            lambda connector: services.connector_disable(acting_user=request.user, connector=connector),
            _("The connector is disabled."),
        )

    def confirm_view(self, request, connector_id: int, blanked_id: int) -> HttpResponse:
        def confirm(connector: models.Connector) -> None:
            blanked = get_object_or_404(models.BlankedSetting, pk=blanked_id, connector=connector)
            services.connector_setting_confirm_empty(acting_user=request.user, blanked=blanked)

        return self._act(request, connector_id, confirm, _("Confirmed."))

    def _act(self, request, connector_id: int, act: Callable[[models.Connector], Any], done: Any) -> HttpResponse:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        connector = get_object_or_404(self.get_queryset(request), pk=connector_id)
        if not self.has_change_permission(request, connector):
            raise PermissionDenied
        try:
            act(connector)
        except ServiceError as error:
            self.message_user(request, str(error), messages.ERROR)
        else:
            self.message_user(request, done, messages.SUCCESS)
        still_here = self.get_queryset(request).filter(pk=connector_id).exists()
        page = f"admin:{self.opts.app_label}_{self.opts.model_name}"
        return redirect(f"{page}_change", connector_id) if still_here else redirect(f"{page}_changelist")


admin.site.register(models.Connector, ConnectorAdmin)


@admin.register(models.StoppedConnector)
class StoppedConnectorAdmin(ConnectorAdmin):
    """Connectors that wait for somebody since a purge: open one, fill in or confirm, enable."""

    list_display = ("name", "kind", "state", "disabled_reference", "disabled_at", "waiting_settings")
    list_filter = ("kind", "state")

    def get_queryset(self, request):
        rows: Any = super().get_queryset(request)
        return rows.stopped_by_purge().prefetch_related("blanked_settings")

    @admin.display(description=_("blanked settings"))
    def waiting_settings(self, connector: models.Connector) -> str:
        names = (
            str(setting_field(connector, row.setting).verbose_name)
            for row in connector.blanked_settings.all()
            if row.settled_at is None
        )
        return ", ".join(names) or "–"

    def has_add_permission(self, request, obj=None) -> bool:
        return False


@admin.register(models.ConnectorRun)
class ConnectorRunAdmin(DownloadAdmin):
    account_path = "connector__account"
    file_field = "error_file"
    of_many_people = True
    list_display = ("created_at", "connector", "state", "started_by", "rows_done", "rows_failed")
    list_filter = ("state", "created_at")
    search_fields = ("connector__name",)
    list_select_related = ("connector", "started_by")


@admin.register(models.ExternalApplication)
class ExternalApplicationAdmin(TenantAdmin):
    """Who outside gets data, whom to ask there, and how many people's data it has."""

    formfield_overrides = HTTPS
    list_display = ("name", "organisation", "contact", "owner", "people", "enabled")
    list_filter = ("enabled",)
    search_fields = ("name", "organisation", "contact_email")
    list_select_related = ("owner",)
    fields = (
        "account",
        "name",
        "organisation",
        "contact_email",
        "owner",
        "redirect_url",
        "description",
        "enabled",
        "client_id",
    )
    form = ActivePeopleForm
    autocomplete_fields = ("owner",)
    readonly_fields = ("client_id",)

    def save_model(self, request, obj: models.ExternalApplication, form, change: bool) -> None:
        self.set_account(request, obj, change)
        services.credentials_store(acting_user=request.user, row=obj, changed=form.changed_data)

    def get_queryset(self, request):
        return super().get_queryset(request).annotate(people=Count("grants"))

    @admin.display(description=_("contact"), ordering="contact_email")
    def contact(self, application: models.ExternalApplication) -> str:
        return application.contact_email or "–"

    @admin.display(description=_("people"), ordering="people")
    def people(self, application) -> str:
        address = reverse("admin:connectors_applicationgrant_changelist")
        return format_html('<a href="{}?application__id__exact={}">{}</a>', address, application.pk, application.people)


@admin.register(models.ApplicationGrant)
class ApplicationGrantAdmin(ReadOnlyAdmin):
    account_path = "user__account"
    list_display = ("user", "application", "granted_at", "last_used_at")
    list_filter = ("application", "granted_at")
    search_fields = ("user__name", "user__email", "application__name")
    list_select_related = ("user", "application")


@admin.register(models.ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    account_path = "user__account"
    list_display = ("name", "user", "application", "created_at", "last_used_at", "expires_at")
    list_filter = ("created_at",)
    search_fields = ("name", "user__name")
    list_select_related = ("user", "application")
    fields = ("name", "user", "application", "created_at", "last_used_at", "expires_at")


@admin.register(models.Webhook)
class WebhookAdmin(TenantAdmin):
    form = SettingsForm
    formfield_overrides = HTTPS
    list_display = ("name", "event", "url", "state", "disabled_reference")
    list_filter = ("event", "state")
    search_fields = ("name", "url")
    fields = ("account", "name", "event", "url", "user_name", "secret", "created_by", "state", "disabled_reference")
    autocomplete_fields = ("created_by",)
    readonly_fields = ("state", "disabled_reference")
    actions = ("enable",)

    def save_model(self, request, obj: models.Webhook, form, change: bool) -> None:
        self.set_account(request, obj, change)
        services.credentials_store(acting_user=request.user, row=obj, changed=form.changed_data)

    @admin.action(description=_("Enable"), permissions=["change"])
    def enable(self, request, queryset) -> None:
        for webhook in queryset:
            try:
                services.webhook_enable(acting_user=request.user, webhook=webhook)
            except ServiceError as error:
                self.message_user(request, f"{webhook.pk}: {error}", messages.ERROR)


@admin.register(models.XapiStatement)
class XapiStatementAdmin(ReadOnlyAdmin):
    list_display = ("stored_at", "user", "actor_mbox", "verb")
    list_filter = ("stored_at",)
    search_fields = ("actor_mbox", "verb")
    list_select_related = ("user",)
