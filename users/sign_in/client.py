"""From which address somebody comes, also when a proxy is in front."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest

#: The word for a proxy that reaches the site through a socket of the machine, and so has no address.
SOCKET = "socket"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks_of(words: Iterable[str]) -> list[Network | str]:
    """The trusted proxies as settings name them. Raises ValueError for what is neither a network nor "socket"."""
    return [SOCKET if word == SOCKET else ipaddress.ip_network(word) for word in words]


def client_address(request: HttpRequest | None) -> str | None:
    """The address of whoever asks; None where none is known.

    A proxy's word is taken only from a proxy that is trusted (``settings.LMS_TRUSTED_PROXIES``): from the right, each
    of them names who came to it, and the first that is no proxy of ours is who asks. What stands further left anybody
    could have written.
    """
    if request is None:
        return None
    trusted = networks_of(settings.LMS_TRUSTED_PROXIES)
    address = _plain(request.META.get("REMOTE_ADDR") or "")
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    while hops and _is_trusted(address, trusted):
        nearer = _plain(hops.pop())
        if nearer is None:
            break
        address = nearer
    return str(address) if address is not None else None


def _plain(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address, without a port and without the mantle of IPv6 around one of version 4."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address | None, trusted: Iterable[Network | str]
) -> bool:
    if address is None:
        return SOCKET in trusted
    return any(not isinstance(each, str) and address in each for each in trusted)
