"""From an identity to what texts are searched for."""

from __future__ import annotations

from itertools import product
from typing import Final

import idna

from purge.addresses.identity import A_LABEL, REFUSED
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
