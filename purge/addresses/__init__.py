"""Addresses in texts: one exact definition, for finding and for taking out. Needs neither database nor Django."""

from purge.addresses.matching import Mention, address_key, cannot_mention, emails_in, is_address, mentions
from purge.addresses.rewriting import ERASED, emails_in_json, list_without, redact, redact_json

__all__ = [
    "ERASED",
    "Mention",
    "address_key",
    "cannot_mention",
    "emails_in",
    "emails_in_json",
    "is_address",
    "list_without",
    "mentions",
    "redact",
    "redact_json",
]
