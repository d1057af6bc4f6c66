"""From an identity to what texts are searched for."""

from __future__ import annotations

from contextlib import suppress
from itertools import product
from typing import Final

import idna

from purge.addresses.identity import A_LABEL, REFUSED, nfc
from purge.addresses.matching import address_key
from purge.addresses.tokens import digests_of, is_token

#: A domain with more internationalised labels is looked for in its two pure spellings only.
_MOST_MIXED_LABELS: Final = 3


def search_keys(key: str) -> frozenset[str]:
    """What to look for in texts to find an identity: the search keys of all spellings of its domain.

    ``key``: of :func:`identity_key`, not an address as it was typed.
    """
    local, at, domain = key.rpartition("@")
    if not at:
        return frozenset({address_key(key)})
    spellings = _spellings(domain.removeprefix(REFUSED))
    return frozenset(address_key(f"{local}@{spelling}") for spelling in spellings)


def sought_keys(key: str) -> frozenset[str]:
    """All that is looked for to find an identity: its search keys, and the digests of its address.

    ``key``: an identity key, or what stands for one already (:mod:`purge.addresses.tokens`).
    """
    if is_token(key):
        return frozenset({key})
    local, at, domain = key.rpartition("@")
    if not at:
        return search_keys(key)
    spellings = _spellings(domain.removeprefix(REFUSED))
    return search_keys(key).union(*(digests_of(f"{local}@{spelling}") for spelling in spellings))


def keys_of_other_tables(key: str) -> frozenset[str]:
    """The keys that the same mailbox had, or will have, where other tables of ``idna`` take or refuse its domain.

    ``key``: of :func:`identity_key`. Mostly none: letters, digits and hyphens are judged alike by all tables.

    *Known*: a domain that was refused and is taken now, typed in its letters or as A-labels, each label either way; and
    one that was taken and is refused now. *Not known*, since from a key nobody gets back to what was typed: a refused
    domain that was typed otherwise than it is mapped now (full-width letters); a capital, before the @ or in a refused
    domain, that was typed before the tables of Python had a small letter for it; marks that those tables did not put
    into today's order. In Unicode 14, the oldest tables that this product ran with, these are letters and marks of
    scripts that came later. Such a purge is not remembered when that spelling comes again.
    """
    local, at, domain = key.rpartition("@")
    if not at or (domain.isascii() and A_LABEL not in domain and not domain.startswith(REFUSED)):
        return frozenset()
    if domain.startswith(REFUSED):
        typed = domain.removeprefix(REFUSED)
        others = {typed} if typed.isascii() else {_encoded(typed)}
    else:
        others = {f"{REFUSED}{nfc(spelling)}" for spelling in _spellings(domain)}
    return frozenset(f"{local}@{each}" for each in others)


def _encoded(domain: str) -> str:
    """A domain in A-labels, by the mapping but without the judgement of today's tables."""
    # Where today's tables do not even map it, it is taken as it stands.
    with suppress(UnicodeError):
        domain = idna.uts46_remap(domain, std3_rules=False)
    labels = domain.split(".")
    return ".".join(label if label.isascii() else f"{A_LABEL}{label.encode('punycode').decode()}" for label in labels)


def _spellings(domain: str) -> list[str]:
    """The domain with each internationalised label both ways: ``xn--bcher-kva.example`` and ``bücher.example``."""
    if A_LABEL not in domain:
        return [domain]
    labels = [_both(label) for label in domain.split(".")]
    if sum(len(each) > 1 for each in labels) > _MOST_MIXED_LABELS:
        return [domain, ".".join(each[-1] for each in labels)]
    return [".".join(chosen) for chosen in product(*labels)]


def _both(label: str) -> tuple[str, ...]:
    if not label.startswith(A_LABEL):
        return (label,)
    try:
        return label, idna.ulabel(label)
    except UnicodeError:
        return (label,)
