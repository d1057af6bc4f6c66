"""Addresses that systems have put into another one, each in its known pattern, and nothing that only looks like one.

=============================================  ====================================================================
``list-bounces+ann=x.org@lists.example``       variable return paths: Mailman, ezmlm, SendGrid
``SRS0=Hx7=TT=x.org=ann@relay.example``        senders rewritten by a relay
``ann_x.org#EXT#@contoso.onmicrosoft.com``     Entra's guests
``ann=x.org@example.com``                      Salesforce's sandboxes, before 2020
``ann@x.org.uat``, ``ann@x.org.invalid``       Salesforce's sandboxes, logins and addresses
``ann@x.org.1732838400``                       users deleted from Moodle
=============================================  ====================================================================

What stands behind the address in the last two is no top-level domain: a label with a digit, or one of
:data:`NO_TOP_LEVEL`. ``ann@x.org.au`` is somebody else. The patterns are kept to what Python's ``re`` and PostgreSQL's
regular expressions understand alike, and to ASCII.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

#: Names that sandboxes are given and no top-level domain has.
NO_TOP_LEVEL: Final = (
    "devbox|devpro|fullcopy|fullsandbox|hotfix|invalid|partial|partialcopy|preprod|qabox|sandbox|sbx|sit|stage|staging|"
    "uat|uatfull"
)
_L: Final = "[a-z0-9][a-z0-9._'+-]*"
_D: Final = r"[a-z0-9][a-z0-9-]*(?:\.[a-z0-9-]+)*\.[a-z]{2,}"
_BEFORE: Final = "(?<![a-z0-9._+=-])(?<![a-z0-9]')"
#: Patterns of a text in small letters; whether the domain's group comes before the local part's.
PATTERNS: Final = (
    (rf"\+({_L})=({_D})@", False),
    (rf"\+[0-9]+-[0-9a-f]{{4,}}-({_L})=({_D})@", False),
    (rf"-return-[0-9]+-({_L})=({_D})@", False),
    (rf"{_BEFORE}({_L})=({_D})@example\.com(?![a-z0-9.-])", False),
    (rf"srs0[=+-][^=@\s]+=[^=@\s]+=({_D})=({_L})@", True),
    (rf"srs1[=+-][^=@\s]+=[^=@\s]+==[^=@\s]+=[^=@\s]+=({_D})=({_L})@", True),
    (rf"{_BEFORE}([a-z0-9][a-z0-9._'+-]*)_({_D})(?:#ext#|%23ext%23)(?:@|%40)", False),
    (rf"{_BEFORE}({_L})@({_D})\.(?:{NO_TOP_LEVEL}|[a-z0-9-]*[0-9][a-z0-9-]*)(?![a-z0-9-]|\.[a-z0-9])", False),
)
_ENDING: Final = rf"\.(?:{NO_TOP_LEVEL}|[a-z0-9-]*[0-9][a-z0-9-]*)(?![a-z0-9-]|\.[a-z0-9])"
#: A part of each of them; a text without it holds none.
TELLTALE: Final = rf"=[a-z0-9.-]+@|srs[01][=+-]|ext(?:#|%23)|{_ENDING}"

_ANY: Final = ("surrogatepass",)
# One after the other: each begins with what ``re`` skips to.
_RETURN_PATH: Final = re.compile(r"=[a-z0-9.-]+@")
_NO_ENDING: Final = re.compile(rf"@[a-z0-9.-]+{_ENDING}")
_PATTERNS: Final = [(re.compile(pattern), domain_first) for pattern, domain_first in PATTERNS]


def may_embed(lowered: str) -> bool:
    """Whether a text in small letters may hold one of the patterns."""
    return (
        ("=" in lowered and bool(_RETURN_PATH.search(lowered)))
        or "srs0" in lowered
        or "srs1" in lowered
        or "ext#" in lowered
        or "ext%23" in lowered
        or bool(_NO_ENDING.search(lowered))
    )


def embedded_in(text: str) -> Iterator[tuple[int, int, str]]:
    """Spans and search keys of the addresses that are embedded in others."""
    # Letters beyond ASCII may change their number in small letters; such an address is in none of the patterns.
    lowered = text.lower() if text.isascii() else text.encode("utf-8", *_ANY).lower().decode("utf-8", *_ANY)
    if ("@" not in lowered and "%40" not in lowered) or not may_embed(lowered):
        return
    for pattern, domain_first in _PATTERNS:
        for match in pattern.finditer(lowered):
            local, domain = (match[2], match[1]) if domain_first else (match[1], match[2])
            yield match.start(1), match.end(2), f"{local}@{domain}"
