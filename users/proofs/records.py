"""The record by which a domain is proved, asked of the domain name system."""

from __future__ import annotations

from typing import Any

import dns.exception
import dns.nameserver
import dns.rdatatype
import dns.resolver
from django.conf import settings

#: A name of its own, so that no other record of the domain has to change.
LABEL = "_purge-proof"
#: For the whole question, so that no name server can keep a worker waiting.
SECONDS = 4.0


def record_name(domain: str) -> str:
    return f"{LABEL}.{domain}"


def record_value(token: str) -> str:
    return f"purge-proof={token}"


def is_published(domain: str, token: str) -> bool | None:
    """Whether one of the domain's TXT records there says just that. None: nobody answered, so it may be there."""
    try:
        answer = _resolver().resolve(
            f"{record_name(domain)}.", dns.rdatatype.TXT, lifetime=SECONDS, search=False, raise_on_no_answer=False
        )
    except dns.resolver.NXDOMAIN:
        return False
    except dns.exception.DNSException:
        return None
    wanted = record_value(token).encode()
    return any(b"".join(record.strings) == wanted for record in answer.rrset or ())


def _resolver() -> dns.resolver.Resolver:
    """The machine's own, or the name servers that the settings name. Nothing is remembered."""
    servers: list[Any] = [
        dns.nameserver.Do53Nameserver(str(address), port) for address, port in settings.LMS_NAME_SERVERS
    ]
    resolver = dns.resolver.Resolver(configure=not servers)
    if servers:
        resolver.nameservers = servers
    return resolver
