"""How heavy a page is for somebody who opens the site for the first time: nothing compressed, nothing kept."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from urllib.parse import urljoin

from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

#: Bytes that no page is above.
MOST = 450_000
_REFERRED = re.compile(r"""<(?:link|script|img)\b[^>]*?\s(?:href|src)=["']([^"'?#]+)""")
_OF_STYLES = re.compile(r"""url\(["']?(?!data:)([^"')?#]+)""")
#: Words of Django's scripts, which are a page of their own.
_WORDS = "/admin/jsi18n/"


def weight_of(client: Client, answer) -> int:
    """Bytes: the page, and its scripts, style sheets and pictures, each once, those of style sheets as well."""
    text = answer.content.decode()
    urls = set(_REFERRED.findall(text))
    files = {url for url in urls if url.startswith(settings.STATIC_URL)}
    for url in [each for each in files if each.endswith(".css")]:
        files |= {urljoin(url, each) for each in _OF_STYLES.findall(_content(url).decode())}
    words = len(client.get(_WORDS).content) if _WORDS in urls else 0
    return len(answer.content) + words + sum(len(_content(url)) for url in files)


@cache
def _content(url: str) -> bytes:
    found = finders.find(url.removeprefix(settings.STATIC_URL))
    assert isinstance(found, str), f"a page refers to {url}, which is not there"
    return Path(found).read_bytes()
