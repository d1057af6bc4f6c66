"""Whatever a purge takes out of a text is found by the index, or, where it stands in another code, by the pass.

The texts are written by the libraries that write such texts in the field. (The functions against each other, on texts
of any kind: ``tests/purge/addresses/test_address_sql.py``.)
"""

import base64
import csv
import hashlib
import html
import io
import json
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr
from urllib.parse import quote, urlencode

import icalendar
import jwt
import pytest
import vobject
from django.core.mail.message import sanitize_address
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from purge.addresses import redact, sought_keys
from purge.addresses.decoders import finding
from purge.addresses.index import create_functions, may_contain
from purge.addresses.sql import json_function, may_mention, text_function
from purge.proof.decoding.rows import coded_addresses, worth_reading
from purge.records import redact_objects


def _calendar(address):
    event = icalendar.Event()
    attendee = icalendar.vCalAddress(f"mailto:{address}")
    attendee.params["CN"] = "Somebody with a name of some length"
    attendee.params["ROLE"] = "REQ-PARTICIPANT"
    event.add("attendee", attendee)
    return event.to_ical().decode()


def _card(address):
    card = vobject.vCard()
    card.add("fn").value = "Somebody with a name"
    card.add("email").value = address
    card.add("note").value = f"{'n' * 60} {address}"
    return card.serialize()


def _message(charset, cte):
    def write(address):
        message = EmailMessage(policy=SMTP)
        message["Subject"] = "Grüße"
        message["To"] = "jo@q.example"
        message.set_content(f"Grüße, {address}!\n", charset=charset, cte=cte)
        return message.as_bytes().decode("latin-1")

    return write


def _to(address):
    message = EmailMessage(policy=SMTP)
    message["To"] = Address("Müller, Jo", addr_spec=address)
    return message.as_bytes().decode()


def _rows(delimiter):
    def write(address):
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows([("Name", "Email"), ("Müller, Jo", address)])
        return text.getvalue()

    return write


#: Each writes an address into a text.
WRITERS = {
    "icalendar": _calendar,
    "vobject": _card,
    "email base64": _message("utf-8", "base64"),
    "email quoted-printable": _message("utf-8", "quoted-printable"),
    "email header": _to,
    "email name": lambda address: formataddr(("Müller", address)),
    "Django's header": lambda address: sanitize_address(("Müller", address), "utf-8"),
    "csv ;": _rows(";"),
    "csv tab": _rows("\t"),
    "JSON": lambda address: json.dumps({"note": f"to {address}"}),
    "JSON twice": lambda address: json.dumps(json.dumps([address])),
    "URL": lambda address: f"https://h.example/?{urlencode({'email': address, 'n': 1})}",
    "URL twice": lambda address: f"https://h.example/?next={quote(quote(address))}",
    "HTML": lambda address: f"<a href='mailto:{html.escape(address)}'>{html.escape(address)}</a>",
    "token": lambda address: f"Bearer {jwt.encode({'email': address}, 'k' * 32)}",
    "Basic": lambda address: f"Authorization: Basic {base64.b64encode(f'{address}:pw'.encode()).decode()}",
    "data URL": lambda address: f"data:text/plain;base64,{base64.b64encode(f'for {address}'.encode()).decode()}",
    "UTF-16": lambda address: base64.b64encode(f"for {address} now".encode("utf-16-le")).decode(),
    "SHA-1": lambda address: f"sha1 {hashlib.sha1(f'mailto:{address}'.encode()).hexdigest()}",
    "MD5": lambda address: f"https://gravatar.example/{hashlib.md5(address.encode()).hexdigest()}?s=80",
    "SHA-256": lambda address: f"{hashlib.sha256(address.encode()).hexdigest()}",
}
ADDRESSES = st.builds(
    "{}@{}".format,
    st.from_regex(r"[a-zäöüéñ][a-z0-9äöü.+_-]{0,18}[a-z0-9]", fullmatch=True).filter(lambda text: ".." not in text),
    st.from_regex(r"[a-z][a-z0-9-]{0,20}[a-z0-9]\.(example|org)", fullmatch=True),
)
ON_ONE_CONNECTION = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def functions(db):
    create_functions(connection)


@pytest.fixture
def undecoded(monkeypatch):
    """How the treatments would change a value by what needs no decoding."""

    def change(treat, value, keys):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(finding, "ENCODED", ())
            patch.setattr(finding, "OBFUSCATED", ())
            return treat(value, keys)

    return change


def _redacted_document(value, keys):
    return redact_objects(value, keys, spared=(), homes=())


def asked(value):
    """What the database says of a text or a document: (what its function finds, whether its index holds the row,
    whether the pass reads it)."""
    is_json = not isinstance(value, str)
    stored = json.dumps(value) if is_json else value.replace("\0", "")
    function, kind = (json_function(), "jsonb") if is_json else (text_function(), "text")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(v), {may_mention('(v::text)', is_json=is_json).replace('%', '%%')}, "
            f"{worth_reading('v::text', is_json=is_json).replace('%', '%%')} FROM (SELECT %s::{kind} AS v) r",
            [stored],
        )
        found, is_held, is_read = cursor.fetchone()
    return set(found), is_held, is_read


@ON_ONE_CONNECTION
@given(ADDRESSES, st.booleans())
def test_what_is_taken_out_is_found_by_the_index_or_by_the_pass(functions, undecoded, address, in_json):
    keys = sought_keys(address)
    treat = _redacted_document if in_json else redact
    by_index, by_pass, missed = set(), set(), set()
    for name, write in WRITERS.items():
        try:
            text = write(address)
        except ValueError:
            missed.add(name)  # it writes no letter beyond ASCII
            continue
        value = {"outer": [text, "jo@q.example"]} if in_json else text
        if treat(value, keys) == value:
            missed.add(name)
            continue
        is_plain = undecoded(treat, value, keys) != value
        (by_index if is_plain else by_pass).add(name)
        if connection.vendor == "postgresql":
            found, is_held, is_read = asked(value)
            assert is_read, name
            assert not is_plain or (is_held and found & keys), name
        elif is_plain:
            assert may_contain(json.dumps(value) if in_json else value), name
        assert is_plain or coded_addresses(value) & keys, name
    # Else nothing was shown: there are texts of both kinds, and nearly all are treated.
    assert {"csv ;", "JSON", "SHA-1"} <= by_index
    assert {"token", "data URL", "email base64"} <= by_pass
    assert missed <= ({"UTF-16", "Basic"} if address.isascii() else {"UTF-16", "Basic", "email header", "email name"})
