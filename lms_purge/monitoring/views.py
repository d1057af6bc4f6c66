"""``/healthz`` and ``/metrics``. Numbers, times and fixed words only, and more than yes or no to few."""

from __future__ import annotations

from django.db import Error
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client.exposition import choose_encoder

from lms_purge.monitoring.figures import registry
from lms_purge.monitoring.readers import may_read_figures
from purge.upkeep import health

#: ``/healthz?strict``: unwell also while somebody has to act.
STRICT = "strict"


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the database answers, migrations have run, a worker is alive, all see the same files, and nothing else
    keeps purges from being done; else 503. What keeps the disk space of finished ones is told, and changes nothing.

    Everybody reads whether it is well; :func:`may_read_figures` says who reads why not, and may ask strictly.
    """
    strict, knows = STRICT in request.GET, may_read_figures(request)
    if strict and not knows:
        return _not_for_everybody()
    try:
        report = health.health()
    except Error:
        report = {"ok": False, "database": False}
    well = report["ok"] and not (strict and health.needs_somebody(report))
    return JsonResponse(report if knows else {"ok": report["ok"]}, status=200 if well else 503)


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures, in the form that the reader asks for."""
    if not may_read_figures(request):
        return _not_for_everybody()
    write, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(write(registry()), content_type=content_type)


def _not_for_everybody() -> HttpResponse:
    said = _("Figures are for this machine, for whoever has the token, and for operators.")
    return HttpResponse(
        f"{said}\n", status=401, headers={"WWW-Authenticate": "Bearer"}, content_type="text/plain; charset=utf-8"
    )
