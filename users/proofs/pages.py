"""The page of a link: whoever reads the mailbox agrees, or not. They need no account here."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect

from users.proofs.services import address_proof_agree, proof_of_link, what_is_agreed
from users.services import ServiceError


@never_cache
@csrf_protect
def proof_link(request: HttpRequest) -> HttpResponse:
    """Opening it changes nothing: mail programs open links by themselves. The button does."""
    said = request.POST if request.method == "POST" else request.GET
    token = said.get("token", "").replace("\x00", "")[:100]
    row, agreed = proof_of_link(token), False
    if row is not None and request.method == "POST":
        try:
            row, agreed = address_proof_agree(token=token), True
        except ServiceError:
            row = None
    context = {
        "site_header": admin.site.site_header,
        "site_title": admin.site.site_title,
        "title": _("Do you agree?"),
        "token": token,
        "says": what_is_agreed(row) if row is not None else "",
        "agreed": agreed,
    }
    return TemplateResponse(request, "users/proof_link.html", context)
