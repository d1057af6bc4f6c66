"""Pages that break, each by another kind of input, beside one that does not: the fuzz has to find them all."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from datetime import date, timedelta

from django import forms
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from lms_purge import urls
from lms_purge.urls import handler400, handler403, handler404, handler500


class Tomorrow(forms.DateField):
    def clean(self, value: object) -> object:
        day = super().clean(value)
        return day + timedelta(days=1) if isinstance(day, date) else day  # 9999-12-31 has no tomorrow


class DayForm(forms.Form):
    day = Tomorrow()


def number_beyond_64_bits(request: HttpRequest) -> HttpResponse:
    text = request.GET.get("page", "")
    return HttpResponse(struct.pack("q", int(text)) if text.isascii() and text.isdecimal() and len(text) < 30 else b"")


def break_of_a_line(request: HttpRequest) -> HttpResponse:
    answer = HttpResponse()
    answer["X-Note"] = request.POST.get("name", "")
    return answer


def half_way(request: HttpRequest) -> StreamingHttpResponse:
    def lines() -> Iterator[str]:
        yield "one"
        yield request.GET.get("q", "").encode("cp1252").decode("cp1252")

    return StreamingHttpResponse(lines())


def argument(request: HttpRequest, word: str) -> HttpResponse:
    return HttpResponse(word[0 : int(word)] if word.isdigit() else "")  # "²" is a digit, and no number


def day(request: HttpRequest) -> HttpResponse:
    form = DayForm(request.POST or None)
    form.is_valid()
    page = engines["django"].from_string('<form method="post" action="/planted/day/">{{ form }}</form>')
    return HttpResponse(page.render({"form": form}, request))


def sound(request: HttpRequest) -> HttpResponse:
    return HttpResponse(request.GET.get("q", "") + request.POST.get("name", ""))


urlpatterns = [
    path("", include(urls)),
    path("planted/number/", number_beyond_64_bits),
    path("planted/header/", csrf_exempt(break_of_a_line)),
    path("planted/stream/", half_way),
    path("planted/<str:word>/argument/", argument),
    path("planted/sound/", csrf_exempt(sound)),
    path("planted/day/", csrf_exempt(day)),
]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
