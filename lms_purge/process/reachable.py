"""Who can reach the site: passwords and people's data cross no network in the clear. Standard library only."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable


def is_loopback(host: str) -> bool:
    """Whether a name, or an address to listen at, is this machine's own and nobody else's."""
    name = host.strip().strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refusal_to_serve(*, https: bool, hosts: Iterable[str]) -> str:
    """Why a site that is reached under these names does not start without HTTPS; empty where it may."""
    others = [host for host in hosts if not is_loopback(host)]
    if https or not others:
        return ""
    return (
        f"ALLOWED_HOSTS names {others[0]!r}, so others than this machine reach the site: set LMS_HTTPS=1 "
        "(behind a proxy that does TLS, LMS_BEHIND_PROXY=1 too)."
    )


def name_server(text: str) -> tuple[str, int]:
    """Address and port: ``192.0.2.53``, ``192.0.2.53:5353``, ``[2001:db8::1]:53``. Raises ValueError."""
    host, port = text.strip(), "53"
    if host.startswith("["):
        host, _bracket, rest = host[1:].partition("]")
        port = rest.removeprefix(":") or port
    elif host.count(":") == 1:
        host, _colon, port = host.partition(":")
    return str(ipaddress.ip_address(host)), int(port)
