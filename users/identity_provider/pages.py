"""To the provider, and back."""

from __future__ import annotations

import time
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from purge.pages.freshness import CONFIRMED_AT
from users.identity_provider.matching import link_keep, user_meant
from users.identity_provider.protocol import ProviderTrouble, Said, send_there, what_it_says
from users.models import IdentityProvider
from users.second_factor.unfinished import first_step_done, next_to_keep
from users.sign_in.client import client_address
from users.sign_in.forms import too_many_words
from users.sign_in.limits import BY_ADDRESS_PROVIDER, place_of, take


def _row(public_id: str) -> IdentityProvider:
    return get_object_or_404(IdentityProvider.objects.select_related("account"), public_id=public_id, enabled=True)


def _refused(request: HttpRequest) -> HttpResponse:
    """The same words whoever it was: what is at home in another account is nobody's business."""
    messages.error(request, _("Your provider has signed nobody in here. Ask the administrators of your account."))
    return HttpResponseRedirect(reverse("admin:login"))


@never_cache
@require_GET
def to_provider(request: HttpRequest, public_id: str) -> HttpResponse:
    """The link of an account: on to its provider."""
    row = _row(public_id)
    address = client_address(request)
    if address is not None and (wait := take((BY_ADDRESS_PROVIDER, place_of(address))).wait):
        messages.error(request, too_many_words(wait))
        return HttpResponseRedirect(reverse("admin:login"))
    confirms = "confirm" in request.GET and request.user.is_authenticated
    try:
        return send_there(request, row, next_url=next_to_keep(request, request.GET.get("next", "")), confirms=confirms)
    except ProviderTrouble:
        return _refused(request)


@never_cache
@require_GET
def provider_back(request: HttpRequest, public_id: str) -> HttpResponse:
    """Back from the provider: somebody of its account is in, or goes on to the second step."""
    row = _row(public_id)
    try:
        said = what_it_says(request, row)
    except ProviderTrouble:
        return _refused(request)
    user = user_meant(row, said)
    if said.confirms:
        return _confirmed(request, row, said, user)
    if user is None:
        return _refused(request)
    link_keep(row=row, said=said, user=user)
    return first_step_done(request, user, said.next_url)


def _confirmed(request: HttpRequest, row: IdentityProvider, said: Said, user: Any) -> HttpResponse:
    """It is still the one who has signed in here: the other tab goes on."""
    if user is None or user.pk != request.user.pk:
        return _refused(request)
    request.session[CONFIRMED_AT] = time.time()
    context = {**admin.site.each_context(request), "title": _("It is you")}
    return TemplateResponse(request, "users/second_factor/confirmed.html", context)
