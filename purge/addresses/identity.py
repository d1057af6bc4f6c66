"""Whose address is it? The exact key of a mailbox, for rows: matches, unique constraints, imports, signing in.

Two addresses have the same key only where they are one mailbox. A row is erased for good by it, so nothing is folded
and nothing is dropped: ``weiß@x.org`` and ``weiss@x.org`` are two people, and so are ``x²@x.org`` and ``x2@x.org``.
For finding an address in texts there is the wider :func:`purge.addresses.address_key`; :func:`search_keys` goes from
here to there.

- *Domain*: what the name system is asked for. UTS 46 mapping, then the A-labels of IDNA 2008; no final dot. So
  ``bücher.example`` and ``xn--bcher-kva.example`` are one, ``straße.example`` and ``strasse.example`` are two. A domain
  that ``idna`` refuses (``my_host.example``, ``ab--cd.example``) keeps NFC and simple lower case, behind
  :data:`REFUSED`, which begins no A-label.
- *Local part*: NFC, and the simple lower-case mapping of each code point (``UnicodeData``, field 13), never
  ``str.lower()``, which looks at the letters around a sigma. ``İ`` stays: its mapping is the letter ``i``, another
  person's.
- *A login without an at-sign* is treated like a local part: exact but for upper and lower case.

The tables are those of the package ``idna`` and of Python. Their versions are a part of :data:`IDENTITY_KEY_VERSION`,
which is stored beside every digest that is made of a key.

Nothing here raises, for any string.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

import idna
from idna import idnadata

from purge.addresses.encodings import AT_SIGNS

#: Which rules made a key, and with which tables: of the package ``idna``, and of Python.
IDENTITY_KEY_VERSION: Final = f"identity-1/{idnadata.__version__}/{unicodedata.unidata_version}"
#: Stands before a domain that is none by IDNA 2008. No label that is one begins with it.
REFUSED: Final = "~"

# Nothing to map, nothing to refuse: letters, digits and hyphens, but for labels with two hyphens in third place.
_PLAIN_LABEL = r"(?!-|..--)[a-z0-9-]{1,63}(?<!-)"
_PLAIN_DOMAIN: Final = re.compile(rf"(?=.{{1,253}}\Z){_PLAIN_LABEL}(?:\.{_PLAIN_LABEL})*")
_LAST_AT_SIGN: Final = re.compile(f"[{AT_SIGNS}](?=[^{AT_SIGNS}]*\\Z)")
#: Copied from mail programs and directories along with an address: marks of direction, and the mark of byte order.
AROUND: Final = " \t\r\n\v\f\u00a0\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
_TRIMMED: Final = re.compile(f"\\A[{AROUND}]+|[{AROUND}]+\\Z")
#: The simple mapping of this one letter belongs to another: see the module's docstring.
DOTTED_CAPITAL_I: Final = "\u0130"
#: What every A-label begins with.
A_LABEL: Final = "xn--"


def trimmed(text: str) -> str:
    """A typed or copied identifier without the blanks and direction marks around it."""
    return _TRIMMED.sub("", text).strip()


def simple_lower(text: str) -> str:
    """NFC, with the simple lower-case mapping of every code point."""
    if text.isascii():
        return text.lower()
    letters = (letter if letter == DOTTED_CAPITAL_I else letter.lower() for letter in nfc(text))
    # There are small letters with a mark in one that have no capital such: "H\u0331" is "h\u0331" first, then "\u1e96".
    return nfc("".join(letters))


def nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def identity_key(text: str) -> str:
    """The key of the mailbox that an address names, or of a login. Trimmed; '' for nothing."""
    text = trimmed(text)
    found = _LAST_AT_SIGN.search(text)
    if found is None or found.start() == 0 or found.end() == len(text):
        return simple_lower(text)
    return f"{simple_lower(text[: found.start()])}@{domain_key(text[found.end() :])}"


def domain_key(domain: str) -> str:
    """A domain as the A-labels of IDNA 2008; one that is none as it stands, in small letters, behind ``REFUSED``."""
    plain = domain.lower() if domain.isascii() else domain
    if _PLAIN_DOMAIN.fullmatch(plain):
        return plain
    encoded = a_labels(domain)
    return f"{REFUSED}{simple_lower(domain).removesuffix('.')}" if encoded is None else encoded


def a_labels(domain: str) -> str | None:
    """A domain as mail servers are given it: A-labels of IDNA 2008, no final dot. None where it is none."""
    try:
        mapped = idna.uts46_remap(domain, std3_rules=False)
        encoded = idna.encode(mapped, strict=True).decode("ascii")
    except UnicodeError:
        # The reason quotes the domain: it goes no further than here.
        return None
    return encoded.removesuffix(".").lower()


def routed(address: str) -> str:
    """The address as mail has to be sent to it: to that very domain, in A-labels of IDNA 2008.

    Python's own codec knows IDNA 2003 and would send what is for ``straße.example`` to ``strasse.example``, which can
    be somebody else's. A domain that is none by IDNA 2008 stays as it is, where it is in ASCII; beyond that there is
    nowhere to send to, and '' is returned.
    """
    text = trimmed(address)
    found = _LAST_AT_SIGN.search(text)
    if found is None or text.isascii():
        return text
    domain = text[found.end() :]
    encoded = a_labels(domain) or (domain if domain.isascii() else "")
    return f"{text[: found.start()]}@{encoded}" if encoded else ""


def identity_beginnings(text: str) -> list[str]:
    """What the keys of addresses and logins begin with that begin as somebody has typed. A few may begin otherwise:
    of an A-label that is not there to its end, only the ASCII letters are known."""
    text = trimmed(text)
    found = _LAST_AT_SIGN.search(text)
    if found is None or found.start() == 0 or found.end() == len(text):
        return [simple_lower(text)]
    local, domain = simple_lower(text[: found.start()]), text[found.end() :]
    before, dot, last = domain.rpartition(".")
    whole = (a_labels(before) or simple_lower(before)) + dot if before else dot
    last = simple_lower(last)
    letters = "".join(letter for letter in last if letter.isascii())
    endings = [f"{whole}{A_LABEL}{letters}", f"{REFUSED}{simple_lower(domain)}"]
    return [f"{local}@{ending}" for ending in ([f"{whole}{last}", *endings] if last.isascii() else endings)]
