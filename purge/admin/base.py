"""What the engine's admin pages share: they are looked at, never edited."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.template.response import TemplateResponse

from purge import services
from purge.host import get_host
from purge.models import PurgeRequest
from purge.pages.declared_lookups import DeclaredLookups
from purge.standing import zone_of


def account_names(requests: list[PurgeRequest]) -> dict[int, str]:
    """Primary key of the request → name of its account; of what was split off, of the account that asked."""
    ids = {
        purge_request.pk: purge_request.account_id or purge_request.excluded_account_id for purge_request in requests
    }
    accounts = get_host().accounts({pk for pk in ids.values() if pk is not None})
    return {pk: accounts[account_id].name for pk, account_id in ids.items() if account_id in accounts}


class ReadOnlyAdmin(DeclaredLookups):
    """Rows that only services change."""

    actions = None
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    show_facets = admin.ShowFacets.NEVER

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """A page of our own in the admin's frame."""
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "zone": zone_of(request.user)}
        return TemplateResponse(request, template, {**frame, **context})

    def refused(self, request: HttpRequest, refusal: services.PurgeRefused) -> None:
        """403 for what is not allowed (revealing nothing), a message for everything else."""
        if isinstance(refusal, services.NotAllowed):
            raise PermissionDenied from None
        self.message_user(request, str(refusal), messages.ERROR)
