"""The admin classes to extend: who may see, choose and post what."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin
from django.contrib.admin.utils import get_fields_from_path
from django.core import checks
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.http import Http404, HttpRequest
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from keys.fields import encrypted_names
from users.models import Account, User
from users.tenancy.choices import PersonSelect, TypedSelect, is_row_number
from users.tenancy.forms import MOST_ROWS, BoundedRows, NamedDateTime, NamedInputs, ServiceForm, TenantForm
from users.tenancy.log import QuietLog
from users.tenancy.scope import (
    account_id_at,
    account_id_of_administrator,
    account_path_of,
    declared_path,
    scoped,
    sees_all_accounts,
)
from users.wall import across_accounts


class TenantRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a related row whose choices are those of the reader's account."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        rows = scoped(
            field.related_model._default_manager.all(),
            account_path_of(field.related_model, model_admin.admin_site),
            request.user,
        )
        ordering = self.field_admin_ordering(field, request, model_admin)
        rows = rows.order_by(*ordering) if ordering else rows
        return [(row.pk, str(row)) for row in rows[:500]]


class TenantScoped(BaseModelAdmin):
    """Limits what foreign keys and many-to-many fields offer, and accept, to the account of who posts."""

    #: Relations to tables that belong to no account and are harmless to offer.
    open_relations: tuple[str, ...] = ()
    formfield_overrides = {models.DateTimeField: {"form_class": forms.SplitDateTimeField, "widget": NamedDateTime}}

    def _limited(self, db_field: Any, request: HttpRequest, kwargs: dict[str, Any]) -> models.QuerySet[Any]:
        model = db_field.remote_field.model
        rows = kwargs.get("queryset")
        if rows is None:
            rows = self.get_field_queryset(kwargs.get("using"), db_field, request)
        if rows is None:
            rows = model._default_manager.all()
        if db_field.name in self.open_relations:
            return cast("models.QuerySet[Any]", rows)
        return scoped(rows, account_path_of(model, self.admin_site), request.user)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self._limited(db_field, request, kwargs)
        if "widget" not in kwargs:
            kwargs.update(self._typed(db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def _typed(self, db_field: Any, request: HttpRequest) -> dict[str, Any]:
        """A search box that works without script too, for people and for what their pages say can be typed."""
        model = db_field.remote_field.model
        if issubclass(model, User):
            return {"widget": PersonSelect(db_field, self.admin_site)}
        page = self.admin_site._registry.get(model)
        if db_field.name in self.get_autocomplete_fields(request) and isinstance(page, TenantAdmin):
            return {
                "widget": TypedSelect(db_field, self.admin_site, columns=page.typed_columns, typed=page.typed_label)
            }
        return {}

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self._limited(db_field, request, kwargs)
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Without secrets for who may only look: read as text, such a column would show what no form shows."""
        fieldsets = super().get_fieldsets(request, obj)
        secrets = encrypted_names(self.model)
        if not secrets or self.has_change_permission(request, obj):
            return fieldsets
        return [
            (name, {**options, "fields": [each for each in options["fields"] if each not in secrets]})
            for name, options in fieldsets
        ]

    def _scope_checks(self, owner: Any, path: str) -> list[checks.CheckMessage]:
        problems: list[checks.CheckMessage] = []
        if not _leads_to_account(self.model, path):
            problems.append(
                checks.Error(
                    f"The path of {owner.__name__} to an account, {path!r}, does not lead to one by foreign keys.",
                    hint='Name the keys from a row to its account, such as "user__account".',
                    obj=owner,
                    id="users.E001",
                )
            )
        if self.raw_id_fields:
            problems.append(
                checks.Error(
                    f"{owner.__name__} has raw_id_fields, which name a row of any account by its number.",
                    hint="Use autocomplete_fields.",
                    obj=owner,
                    id="users.E002",
                )
            )
        return problems


def _leads_to_account(model: type[models.Model], path: str) -> bool:
    if path == "pk":
        return issubclass(model, Account)
    try:
        keys = get_fields_from_path(model, path)
    except FieldDoesNotExist:
        return False
    return all(key.many_to_one and key.concrete for key in keys) and keys[-1].related_model is Account


#: Of a search, characters and words that are looked for.
MOST_SEARCHED, MOST_WORDS = 200, 10


class PagedAdmin(QuietLog, admin.ModelAdmin):
    """A list that is read in pages of fifty, and never counts a whole table or shows all of it."""

    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> Any:
        """Of what is typed, the first words: each one is a condition on every column that is searched. That a rest
        was left out, the list says."""
        words = search_term[:MOST_SEARCHED].split()
        if len(search_term) > MOST_SEARCHED or len(words) > MOST_WORDS:
            request.search_cut = _(  # type: ignore[attr-defined]
                "Only the first %(words)d words and %(letters)d letters of a search are looked for. "
                "The rest was left out."
            ) % {"words": MOST_WORDS, "letters": MOST_SEARCHED}
        return super().get_search_results(request, queryset, " ".join(words[:MOST_WORDS]))


class TenantAdmin(TenantScoped, PagedAdmin):
    """An admin page whose rows belong to accounts.

    An administrator sees, chooses and posts rows of their own account only; everything else is 404 or an invalid
    choice. Superusers see all, support staff nothing. A row that they add is of their account. ``save_model`` may call
    a service: its refusal (a ``ValidationError``) becomes an error of the form, and nothing is saved.
    """

    #: By which columns a row is chosen in a form of a browser without script, and the words beside the text field.
    typed_columns: ClassVar[tuple[str, ...]] = ("pk",)
    typed_label: ClassVar[Any] = gettext_lazy("or type its number, the one in its page's address")
    #: From a row to its account, by foreign keys: "account", "user__account", …; "pk" for accounts themselves.
    #: Empty: as the purge's rules of the model say.
    account_path: str = ""
    #: Whether rows may be deleted one by one: only for harmless configuration, never for people or their records.
    may_delete: bool = False

    @cached_property
    def path_to_account(self) -> str:
        return self.account_path or declared_path(self.model) or ""

    # ------------------------------------------------------------ what is seen

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        rows = scoped(super().get_queryset(request), self.path_to_account, request.user)
        if sees_all_accounts(request.user) and self.path_to_account != "pk":
            rows = rows.select_related(self.path_to_account)
        return rows

    def get_ordering(self, request: HttpRequest) -> Any:
        """Never none: what is read in pages needs an order."""
        return super().get_ordering(request) or self.opts.ordering or ("pk",)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row. 404 for another account's as for one that does not exist."""
        row = super().get_object(request, object_id, from_field)
        if row is None:
            raise Http404
        return row

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return [self._limited_filter(each) for each in super().get_list_filter(request)]

    def _limited_filter(self, each: Any) -> Any:
        if not isinstance(each, str) or not get_fields_from_path(self.model, each)[-1].is_relation:
            return each
        return (each, TenantRelatedFilter)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        columns = list(super().get_list_display(request))
        if sees_all_accounts(request.user) and self.path_to_account != "pk" and "account" not in columns:
            columns.append("account_of_row")
        return columns

    @admin.display(description=gettext_lazy("account"))
    def account_of_row(self, row: models.Model) -> str:
        value: Any = row
        for step in self.path_to_account.split("__"):
            value = getattr(value, step, None)
        return str(value or "–")

    # ------------------------------------------------------------ what is posted

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        bases = (form,) if issubclass(form, TenantForm) else (TenantForm, form)
        return type(form.__name__, bases, {"tenant_admin": self, "tenant_request": request})

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> Any:
        exclude = list(super().get_exclude(request, obj) or ())
        return [*exclude, "account"] if self._sets_account(request) else exclude or None

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        if not self._sets_account(request):
            return fieldsets
        return [
            (name, {**options, "fields": [each for each in options["fields"] if each != "account"]})
            for name, options in fieldsets
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A row does not move to another account."""
        fields = list(super().get_readonly_fields(request, obj))
        moves = self.path_to_account == "account" and obj is not None and not self._sets_account(request)
        return [*fields, "account"] if moves and "account" not in fields else fields

    def _sets_account(self, request: HttpRequest) -> bool:
        return self.path_to_account == "account" and not sees_all_accounts(request.user)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.set_account(request, obj, change)
        if isinstance(form, ServiceForm):
            # The service has made or changed the row; what hangs from it (inlines, the log) finds it in ``obj``.
            obj.__dict__.update(form.perform().__dict__)
        else:
            super().save_model(request, obj, form, change)

    def set_account(self, request: HttpRequest, obj: Any, change: bool) -> None:
        """For those who override ``save_model``: a new row is of the account of who adds it."""
        account_id = account_id_of_administrator(request.user)
        if not change and self.path_to_account == "account" and account_id is not None:
            obj.account_id = account_id

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        """Rows of inlines are of the account of the row they hang from."""
        account_id = account_id_at(form.instance, self.path_to_account)
        for each in formset.forms:
            if declared_path(formset.model) == "account" and each.instance.pk is None:
                each.instance.account_id = account_id
        super().save_formset(request, form, formset, change)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        titles = {"title": capfirst(self.opts.verbose_name_plural), "subtitle": None}
        return super().changelist_view(request, {**titles, **(extra_context or {})})

    def response_action(self, request: HttpRequest, queryset: Any, *args: Any) -> Any:
        """An action is for rows that were ticked, and so seen; there is no "all pages". Of a selection in which
        something is no row's number, nothing is done: whoever sends it has ticked something else."""
        posted = request.POST.copy()
        posted["select_across"] = "0"
        if not all(map(is_row_number, posted.getlist(ACTION_CHECKBOX_NAME))):
            posted.setlist(ACTION_CHECKBOX_NAME, [])
        request.POST = posted  # type: ignore[assignment]
        return super().response_action(request, queryset, *args)

    def changeform_view(
        self, request: HttpRequest, object_id: Any = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except ValidationError as refusal:
            # A service refused in save_model, and the transaction is rolled back: show the form again with its words.
            request.refusal = refusal  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        """Of a row that somebody sees, what anybody did to it, an operator too."""
        with across_accounts("an entry of the admin log is of the account of who acted"):
            answer = super().history_view(request, object_id, extra_context)
            page = (getattr(answer, "context_data", None) or {}).get("action_list")
            if page is not None:
                page.object_list = list(page.object_list)
            return answer

    # ------------------------------------------------------------ what is allowed

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may_delete and super().has_delete_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self._is_for(request) and super().has_module_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_for(request) and super().has_view_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self._is_for(request) and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._is_for(request) and super().has_change_permission(request, obj)

    def _is_for(self, request: HttpRequest) -> bool:
        return sees_all_accounts(request.user) or account_id_of_administrator(request.user) is not None

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        return [*super().check(**kwargs), *self._scope_checks(type(self), self.path_to_account)]


class ReadOnlyAdmin(TenantAdmin):
    """Rows that come into being by what people and the platform do: they are read, and there is no form."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TenantInline(TenantScoped):
    """Rows inside the form of a row of an account: they are that row's, and name rows of its account only."""

    show_change_link = False
    extra = 0
    can_delete = False


class TenantTabularInline(TenantInline, admin.TabularInline):
    formset = NamedInputs
    max_num = MOST_ROWS


class TenantStackedInline(TenantInline, admin.StackedInline):
    formset = BoundedRows
    max_num = MOST_ROWS


class AccountlessAdmin(PagedAdmin):
    """A page of a table that belongs to no account: superusers read it, nobody writes it."""

    path_to_account: ClassVar[None] = None
    actions = None

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        return scoped(super().get_queryset(request), None, request.user)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return sees_all_accounts(request.user)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return sees_all_accounts(request.user)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
