"""Addresses: which of them a text mentions, for finding and for taking out, and whose they are.

Two keys. The *search key* (:func:`address_key`) finds an address in a text, in any writing; the *identity key*
(:func:`identity_key`) tells people apart. Needs neither database nor Django.
"""

from purge.addresses.identity import (
    IDENTITY_KEY_VERSION,
    identity_beginnings,
    identity_key,
    routed,
    trimmed,
)
from purge.addresses.logins import login_words, names_id, names_login
from purge.addresses.matching import (
    Mention,
    address_key,
    cannot_mention,
    emails_in,
    is_address,
    mentions,
    written_in,
)
from purge.addresses.rewriting import (
    ERASED,
    MARKERS,
    changed_json,
    emails_in_json,
    holds_marker,
    list_without,
    redact,
    redact_json,
)
from purge.addresses.shapes import Shape, emails_in_value, names, others_in_value
from purge.addresses.spellings import keys_of_other_tables, search_keys, sought_keys

__all__ = [
    "ERASED",
    "IDENTITY_KEY_VERSION",
    "MARKERS",
    "Mention",
    "Shape",
    "address_key",
    "cannot_mention",
    "changed_json",
    "emails_in",
    "emails_in_json",
    "emails_in_value",
    "holds_marker",
    "identity_beginnings",
    "identity_key",
    "is_address",
    "keys_of_other_tables",
    "list_without",
    "login_words",
    "mentions",
    "names",
    "names_id",
    "names_login",
    "others_in_value",
    "redact",
    "redact_json",
    "routed",
    "search_keys",
    "sought_keys",
    "trimmed",
    "written_in",
]
