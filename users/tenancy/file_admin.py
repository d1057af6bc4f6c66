"""Stored files of the admin's rows: handed out under the row's own tenancy, never by their storage name."""

from __future__ import annotations

from typing import Any, cast

from django.contrib import admin
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from users.models import User
from users.services import stored_file_export
from users.tenancy.admin import ReadOnlyAdmin


class DownloadAdmin(ReadOnlyAdmin):
    """Rows that are looked at and have one stored file, which is offered as a download.

    ``file_field``: its column. A file that a purge has erased is answered with 410.
    """

    file_field = "file"
    #: Whether a file holds many people: such a download asks again who it is, as every export of people does.
    of_many_people = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ["download" if name == self.file_field else name for name in super().get_fields(request, obj)]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*super().get_readonly_fields(request, obj), "download"]

    @admin.display(description=_("file"))
    def download(self, row: Any) -> str:
        if not getattr(row, self.file_field):
            return str(_("none"))
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{self._file_page}", args=[row.pk]), _("Download"))

    @property
    def _file_page(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_file"

    def get_urls(self) -> Any:
        view = self.admin_site.admin_view(self.file_view)
        return [path("<int:row_id>/file/", view, name=self._file_page), *super().get_urls()]

    def file_view(self, request: HttpRequest, row_id: int) -> Any:
        row = get_object_or_404(self.get_queryset(request), pk=row_id)
        if not self.has_view_permission(request, row):
            return HttpResponse(status=403)
        acting_user = cast(User, request.user)
        stored = stored_file_export(
            acting_user=acting_user, row=row, field=self.file_field, of_many=self.of_many_people
        )
        if stored is None:
            return HttpResponse(_("This file is no longer available."), status=410, content_type="text/plain")
        return FileResponse(
            stored,
            as_attachment=True,
            filename=f"{self.opts.model_name}-{row.pk}.{stored.name.rpartition('.')[2]}",
            headers={"X-Content-Type-Options": "nosniff"},
        )
