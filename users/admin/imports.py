"""Import Logs: upload a file, say what its columns mean, watch it go in, take out what did not."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from users.imports.forecast import Forecast, is_asked_about, words_of
from users.imports.mapping import FIELDS, missing_in
from users.imports.services import (
    ImportGone,
    ImportHead,
    import_bad_rows,
    import_file_export,
    import_forecast,
    import_head,
    import_people_at,
    user_import_confirm,
    user_import_discard,
    user_import_start,
)
from users.models import Account, AccountKind, ImportLog, ImportState, User
from users.services import ServiceError
from users.tenancy import TenantAdmin, sees_all_accounts

#: Bad rows that are shown on one page of an import; the download has them all.
BAD_ROWS = 100
REFRESH_SECONDS = 2
#: How long the page with the columns looks at what would change.
LOOK_SECONDS = 1.0

TONES = {
    ImportState.UPLOADED: "warning",
    ImportState.RUNNING: "info",
    ImportState.ASKING: "warning",
    ImportState.COMPLETED: "success",
    ImportState.FAILED: "error",
}
#: The list's marks, in the words of the style sheet.
STATUS = {
    ImportState.UPLOADED: "held",
    ImportState.RUNNING: "running",
    ImportState.ASKING: "held",
    ImportState.COMPLETED: "completed",
    ImportState.FAILED: "needs_attention",
}


class UploadForm(forms.Form):
    """The file; superusers also say for which account."""

    account = forms.ModelChoiceField(
        label=gettext_lazy("Account"), queryset=Account.objects.exclude(kind=AccountKind.SYSTEM).order_by("name")
    )
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy("Any column order; comma, semicolon or tab; UTF-8 or Windows encoding."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not sees_all_accounts(user):
            del self.fields["account"]


class ColumnsForm(forms.Form):
    """Which column means what. Fields are those of a user; choices are the headings."""

    def __init__(self, head: ImportHead, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("– no column –")), *((str(number), self._label(head, number)) for number in _numbers(head))]
        for name, label in FIELDS.items():
            self.fields[name] = forms.ChoiceField(label=label, choices=choices, required=False)

    @staticmethod
    def _label(head: ImportHead, number: int) -> str:
        return head.headings[number] or _("Column %(number)d") % {"number": number + 1}

    @property
    def columns(self) -> dict[str, int]:
        return {name: int(number) for name, number in self.cleaned_data.items() if number}


def _numbers(head: ImportHead) -> list[int]:
    """Columns with a heading, or with something in the first rows."""
    return [n for n, text in enumerate(head.headings) if text or any(row[n].strip() for row in head.rows)]


@admin.register(ImportLog)
class ImportLogAdmin(TenantAdmin):
    account_path = "account"
    list_display = (
        "uploaded",
        "started_by",
        "source",
        "state_label",
        "rows",
        "added",
        "updated",
        "revived",
        "previously_purged",
        "failed",
        "download",
    )
    list_display_links = ("uploaded",)
    list_select_related = ("started_by",)
    ordering = ("-uploaded_at", "-pk")
    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # ------------------------------------------------------------ the list

    @admin.display(description=gettext_lazy("uploaded"), ordering="uploaded_at")
    def uploaded(self, log: ImportLog) -> Any:
        return log.uploaded_at

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def state_label(self, log: ImportLog) -> str:
        return format_html(
            '<span class="status status-{}">{}</span>', STATUS[ImportState(log.state)], ImportState(log.state).label
        )

    @admin.display(description=gettext_lazy("rows"))
    def rows(self, log: ImportLog) -> str:
        if log.state == ImportState.RUNNING:
            return _("%(done)s of %(total)s") % {
                "done": number_format(log.rows_done, force_grouping=True),
                "total": number_format(log.total_rows, force_grouping=True),
            }
        return number_format(log.total_rows, force_grouping=True)

    @admin.display(description=gettext_lazy("file"))
    def download(self, log: ImportLog) -> str:
        if log.link_dead_at is not None or not log.file:
            return _("removed by a purge") if log.link_dead_at is not None else "–"
        return format_html('<a href="{}">{}</a>', reverse("admin:users_importlog_file", args=[log.pk]), _("Download"))

    # ------------------------------------------------------------ pages

    def get_urls(self) -> Any:
        pages = (("columns", self.columns_view), ("file", self.file_view), ("bad-rows", self.bad_rows_view))
        return [
            *(
                path(
                    f"<int:log_id>/{name}/",
                    self.admin_site.admin_view(view),
                    name=f"users_importlog_{name.replace('-', '_')}",
                )
                for name, view in pages
            ),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        user = cast(User, request.user)
        form = UploadForm(user, request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                log = user_import_start(
                    acting_user=user,
                    account=form.cleaned_data.get("account") or user.account,
                    file=form.cleaned_data["file"],
                    confirm=True,
                )
            except ServiceError as refusal:
                form.add_error("file", str(refusal))
            else:
                self.log_addition(request, log, [{"added": {}}])
                messages.info(request, _("The file is stored. Nothing is imported before you start it."))
                return redirect("admin:users_importlog_columns", log.pk)
        context = {"title": _("Import users"), "form": form, "fields": list(FIELDS.values())}
        return self._page(request, "users/import_upload.html", context)

    def columns_view(self, request: HttpRequest, log_id: int) -> HttpResponse:
        """Correct what the headings were taken for, then start."""
        log = self._log_of(request, log_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        if log.state not in (ImportState.UPLOADED, ImportState.ASKING):
            return redirect("admin:users_importlog_change", log.pk)
        user = cast(User, request.user)
        try:
            head = import_head(acting_user=user, log=log)
        except ImportGone as gone:
            return self._gone(request, gone)
        columns = {name: str(number) for name, number in log.mapping.get("columns", {}).items()}
        form = ColumnsForm(head, request.POST or None, initial=columns)
        chosen: dict[str, int] | None = None
        skip_purged = bool(log.mapping.get("skip_purged"))
        if request.method == "POST" and form.is_valid():
            chosen, skip_purged = form.columns, "skip_purged" in request.POST
            if "look" not in request.POST:
                try:
                    user_import_confirm(acting_user=user, log=log, columns=chosen, skip_purged=skip_purged)
                except ServiceError as refusal:
                    form.add_error(None, str(refusal))
                else:
                    return redirect("admin:users_importlog_change", log.pk)
        context = {
            "title": _("Match columns"),
            "log": log,
            "form": form,
            "head": head,
            "missing": missing_in(log.mapping.get("columns", {})),
            "export": log.mapping.get("export", ""),
            "against": _against(head, log),
            "outlook": self._outlook(user, log, chosen, skip_purged),
        }
        return self._page(request, "users/import_columns.html", context)

    def _outlook(
        self, user: User, log: ImportLog, columns: dict[str, int] | None, skip_purged: bool
    ) -> dict[str, Any] | None:
        """What would change, for the page; nothing where the columns are not enough, which the page says itself."""
        try:
            seen = import_forecast(
                acting_user=user, log=log, columns=columns, skip_purged=skip_purged, seconds=LOOK_SECONDS
            )
        except ServiceError:
            return None
        return {
            "facts": _foreseen(seen),
            "columns": [
                (FIELDS[name], number_format(seen.columns[name], force_grouping=True))
                for name in FIELDS
                if seen.columns[name]
            ],
            "bad": seen.bad,
            "more_bad": seen.counts["failed"] - len(seen.bad),
            "part": "" if seen.is_whole else number_format(seen.rows, force_grouping=True),
            "asks": words_of(seen.numbers()) if seen.is_drastic and is_asked_about(log) else "",
            "purged": seen.counts["previously_purged"] or skip_purged,
            "skip_purged": skip_purged,
        }

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One import: how far it is, what came of it, which rows did not go in. While it runs the page comes anew
        every two seconds, by a header, so that it does without scripts."""
        log: ImportLog = self.get_object(request, object_id)
        if not self.has_view_permission(request, log):
            raise PermissionDenied
        if request.method == "POST" and self.has_add_permission(request) and log.state == ImportState.ASKING:
            return self._answered(request, log)
        bad_rows = Paginator(log.row_errors.all(), BAD_ROWS).get_page(request.GET.get("page"))
        context = {
            "title": _("Import of %(when)s") % {"when": _moment(log)},
            "log": log,
            "state": ImportState(log.state).label,
            "tone": TONES[ImportState(log.state)],
            "facts": _facts(log),
            "running": log.state == ImportState.RUNNING,
            "waiting": log.state == ImportState.UPLOADED,
            "asks": words_of(log.mapping["foreseen"]) if log.state == ImportState.ASKING else "",
            "left_out": log.notes.filter(kind="left_out").order_by("line")[:BAD_ROWS],
            "bad_rows": bad_rows,
            "brought_back": self._brought_back(request, log),
            "purged_before": log.notes.filter(kind="previously_purged").order_by("line")[:BAD_ROWS],
            "has_file": bool(log.file) and log.link_dead_at is None,
        }
        response = self._page(request, "users/import.html", context)
        if log.state == ImportState.RUNNING:
            response.headers["Refresh"] = str(REFRESH_SECONDS)
        return response

    def _answered(self, request: HttpRequest, log: ImportLog) -> HttpResponse:
        """The answer to what an import asks that would change much of the account."""
        user = cast(User, request.user)
        try:
            if "discard" in request.POST:
                user_import_discard(acting_user=user, log=log)
                messages.success(request, _("The import was discarded. Nothing of it went in."))
                return redirect("admin:users_importlog_changelist")
            user_import_confirm(acting_user=user, log=log, sure=True)
        except ImportGone as gone:
            return self._gone(request, gone)
        except ServiceError as refusal:
            messages.error(request, str(refusal))
        return redirect("admin:users_importlog_change", log.pk)

    def _brought_back(self, request: HttpRequest, log: ImportLog) -> list[tuple[int, str]]:
        """Line and person of those who had been deleted; without a name where the file is gone since a purge."""
        notes = log.notes.filter(kind="revived").order_by("line")
        lines = list(notes.values_list("line", flat=True)[:BAD_ROWS]) if log.state != ImportState.RUNNING else []
        try:
            people = import_people_at(acting_user=cast(User, request.user), log=log, lines=set(lines))
        except ImportGone:
            people = {}
        return [(line, people.get(line, "")) for line in lines]

    # ------------------------------------------------------------ downloads

    def file_view(self, request: HttpRequest, log_id: int) -> HttpResponseBase:
        log = self._log_of(request, log_id)
        try:
            stored = import_file_export(acting_user=cast(User, request.user), log=log)
        except ImportGone as gone:
            return self._gone(request, gone)
        return FileResponse(
            stored, as_attachment=True, filename=f"import-{log.pk}.csv", headers={"X-Content-Type-Options": "nosniff"}
        )

    def bad_rows_view(self, request: HttpRequest, log_id: int) -> HttpResponseBase:
        log = self._log_of(request, log_id)
        try:
            lines = import_bad_rows(acting_user=cast(User, request.user), log=log)
        except ImportGone as gone:
            return self._gone(request, gone)
        return StreamingHttpResponse(
            lines,
            content_type="text/csv; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="import-{log.pk}-not-imported.csv"',
                "X-Content-Type-Options": "nosniff",
            },
        )

    def _log_of(self, request: HttpRequest, log_id: int) -> ImportLog:
        log: ImportLog = self.get_object(request, str(log_id))
        if not self.has_view_permission(request, log):
            raise PermissionDenied
        return log

    def _gone(self, request: HttpRequest, gone: ImportGone) -> HttpResponse:
        context = {"title": _("No longer available"), "reason": str(gone)}
        return self._page(request, "users/import_gone.html", context, status=gone.status)

    def _page(
        self, request: HttpRequest, template: str, context: dict[str, Any], status: int = 200
    ) -> TemplateResponse:
        shown = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        return TemplateResponse(request, template, shown, status=status)


def _moment(log: ImportLog) -> str:
    return date_format(timezone.localtime(log.uploaded_at), "DATETIME_FORMAT")


def _against(head: ImportHead, log: ImportLog) -> list[tuple[str, str]]:
    """Headings and the fields that they say, of columns whose cells say something else."""
    return [
        (head.headings[int(number)], FIELDS[name])
        for number, name in log.mapping.get("against", {}).items()
        if int(number) < len(head.headings)
    ]


def _foreseen(seen: Forecast) -> list[tuple[str, str]]:
    """Label and number of what would change, only what says something."""
    counts = seen.counts
    counted = (
        (_("Added"), counts["added"], True),
        (_("Changed"), counts["updated"] - counts["deleted"], True),
        (_("Brought back (had been deleted)"), counts["revived"], False),
        (_("Deleted"), counts["deleted"], False),
        (_("Added, but purged before"), counts["previously_purged"], False),
        (_("Left out"), counts["left_out"], False),
        (_("Unchanged"), counts["unchanged"], False),
        (ngettext("Bad row", "Bad rows", counts["failed"]), counts["failed"], False),
    )
    return [
        (label, number_format(number, force_grouping=True)) for label, number, always in counted if always or number
    ]


def _facts(log: ImportLog) -> list[tuple[str, str]]:
    """Label and number, only what says something; what went in first."""
    counted = (
        (_("Added"), log.added, True),
        (_("Updated"), log.updated, True),
        (_("Unchanged"), log.unchanged, True),
        (_("Brought back (had been deleted)"), log.revived, False),
        (_("Added, but purged before"), log.previously_purged, False),
        (_("Left out"), log.notes.filter(kind="left_out").count(), False),
        (ngettext("Bad row", "Bad rows", log.failed), log.failed, True),
    )
    return [
        (label, number_format(number, force_grouping=True)) for label, number, always in counted if always or number
    ]
