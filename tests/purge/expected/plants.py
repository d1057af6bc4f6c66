"""One person as systems write them: every identifier in every writing, and what has to be left of each text.

Written out by hand, but for what a library writes (base64, tokens, encoded words). Digests are those that ``printf '%s'
… | sha1sum``, ``md5sum`` and ``sha256sum`` print.
"""

from __future__ import annotations

import base64
from email.header import Header
from typing import Any, NamedTuple

import jwt

#: Ann, as she is stored.
EMAIL = "Ann.Archer@b\u00fccher.example"
FORMER = "ann.before@x-y.example"
LOGIN = "ann-login"
UNIQUE_ID = "E-1001"
PUBLIC_ID = "3f2c1e9a-7b64-4d5e-8a90-1c2d3e4f5a6b"
#: The same mailbox as the name system has it.
IN_ASCII = "ann.archer@xn--bcher-kva.example"
#: Short enough for every column.
SHORT = "d@x.example"

#: Who goes with Ann → somebody else who stays and looks like them.
TWINS = {
    SHORT: "r&d@x.example",
    "weiss@x-y.example": "wei\u00df@x-y.example",
    "\u03bd\u03bd\u03b1\u03c2@\u03be.example": "\u03bd\u03bd\u03b1\u03c3@\u03be.example",
    "\ufb01ona@x-y.example": "fiona@x-y.example",
    "x\u00b2@x-y.example": "x2@x-y.example",
    "zo\u200de@x-y.example": "zoe@x-y.example",
    "\u0130rem@x-y.example": "irem@x-y.example",
    "eva@stra\u00dfe.example": "eva@strasse.example",
    "bea@b\u00fccher.example": "bea@bucher.example",
}


class Plant(NamedTuple):
    """A text, what has to be left of it, and the part that tells who it is about."""

    text: str
    left: str
    core: str


def in_base64(text: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


def token_of(address: str) -> str:
    return jwt.encode({"sub": "1", "email": address}, "k" * 32)


def _whole(core: str) -> Plant:
    return Plant(core, "[erased]", core)


def _within(before: str, core: str, after: str) -> Plant:
    return Plant(f"{before}{core}{after}", f"{before}[erased]{after}", core)


#: What is whole by itself, and can stand in a column for one address too.
SINGLE = {
    "as stored": _whole(EMAIL),
    "in small letters": _whole("ann.archer@b\u00fccher.example"),
    "A-label in capitals": _whole("ANN.ARCHER@XN--BCHER-KVA.EXAMPLE"),
    "A-label": _whole(IN_ASCII),
    "decomposed": _whole("ann.archer@bu\u0308cher.example"),
    "full-width at-sign": _whole("ann.archer\uff20b\u00fccher.example"),
    "zero width": _whole("ann.\u200barcher@b\u00fccher.example"),
    "former": _whole("Ann.Before@x-y.example"),
    "percent": _whole("ann.archer%40b%C3%BCcher.example"),
    "numeric entity": _whole("ann.archer&#64;b&#252;cher.example"),
    "hexadecimal entity": _whole("ann.before&#x40;x-y.example"),
    "named entity": _whole("ann.archer&commat;b&uuml;cher.example"),
    "escape of JSON": _whole("ann.archer\\u0040b\\u00fccher.example"),
    "quoted-printable": _whole("ann.archer=40b=C3=BCcher.example"),
    "xAPI digest as stored": _whole("606f563bcb2eeead945a35b18add05f7bee0a4b5"),
    "xAPI digest in small letters": _whole("26b8586e124f627d284ea61270c09c3c0b23283d"),
    "xAPI digest of the A-label": _whole("adc50c83154a26842c9a01e5dddbdc6018e881ec"),
    "xAPI digest of the former address": _whole("441C38D68A9FF2D70CEB3368FDBCC845331725C5"),
    "Gravatar as stored": _whole("fdaadc26c19672312ec548bc0f668a1f"),
    "Gravatar": _whole("f02ebd63373ae586ae13607a3d116d23"),
    "Gravatar of the A-label": _whole("cfceaa10b03f208d534ea692858ce794"),
    "Gravatar in SHA-256": _whole("af003f7d2c6c244f2074287b37a8590916347068bab4142595aa20e635921a7b"),
    "SHA-256 of the A-label": _whole("24fe8db7640cf21429f6ce4c8d74c72d26a031e475bb7389a4b6d89fbf5a61b7"),
    "SHA-256 of the former address": _whole("ec081a6261dd76323773fd9235b05a908d278bf5d7d6818ce659f021a14f3b16"),
    "public id": _whole(PUBLIC_ID),
    "public id in capitals, without hyphens": _whole("3F2C1E9A7B644D5E8A901C2D3E4F5A6B"),
    "Mailman": _within("list-bounces+", "ann.before=x-y.example", "@lists.example"),
    "SendGrid": _within("bounces+123-9f2e-", "ann.archer=xn--bcher-kva.example", "@em.example"),
    "ezmlm": _within("list-return-77-", "ann.before=x-y.example", "@lists.example"),
    "SRS0": _within("SRS0=Hx7Q=TT=", "x-y.example=ann.before", "@relay.example"),
    "SRS1": _within("SRS1=H=r1.example==Hx=TT=", "xn--bcher-kva.example=ann.archer", "@r2.example"),
    "guest of Entra": _within("", "ann.archer_xn--bcher-kva.example", "#EXT#@contoso.onmicrosoft.com"),
    "guest of Entra in a URL": _within("", "ann.before_x-y.example", "%23EXT%23%40contoso.onmicrosoft.com"),
    "Salesforce before 2020": _within("", "ann.before=x-y.example", "@example.com"),
    "Salesforce's sandbox": _within("", "ann.before@x-y.example", ".uat"),
    "Salesforce's sandbox, address": _within("", IN_ASCII, ".invalid"),
    "deleted in Moodle": _within("", "ann.before@x-y.example", ".1732838400"),
    "token": _whole(token_of(EMAIL)),
    "base64": _whole(in_base64(f"for {EMAIL}")),
    "base64 of the former address": _whole(in_base64("ann.before@x-y.example")),
    "base64 twice": _whole(in_base64(in_base64(f"hello {IN_ASCII} there"))),
    "UTF-16 in base64": _whole(in_base64(f"Get-User {IN_ASCII}", "utf-16-le")),
    "data URL": _whole(f"data:text/csv;base64,{in_base64(f'a,{EMAIL},b')}"),
    "encoded word": _whole(Header(f"M\u00fcller {EMAIL}", "utf-8").encode()),
    "Basic credentials": _within("Basic ", in_base64("ann.before@x-y.example:pw"), ""),
}

#: What stands in texts alone.
JOINED = {
    "elision": _within("message d'", "ann.before@x-y.example", " hier"),
    "Italian elision": _within("la mail dell'", IN_ASCII, ""),
    "Python's bytes": _within("no such object: b'", "ann.before@x-y.example", "'"),
    "end of a sentence": _within("Write to ", "ann.before@x-y.example", ".Thanks"),
    "picture": _within("photo of ", "ann.before@x-y.example", ".png"),
    "German compound": _within("die ", "ann.before@x-y.example", "-Adresse"),
    "name of a file": _within("report_", "ann.before@x-y.example", "_2026.csv"),
    "emphasis": _within("_", "ann.before@x-y.example", "_"),
    "Cyrillic ending": _within("", "ann.before@x-y.example", "\u0443"),
    "Cyrillic before": _within("\u043f\u043e\u0447\u0442\u0430", "ann.before@x-y.example", ""),
    "quoted": _whole('"ann.before"@x-y.example'),
    "ideographic full stop": _whole("ann.before@x-y\u3002example"),
    "wbr": _within("ask ", "ann.before@<wbr>x-y.example", " now"),
    "mark": _within("ask ", "ann.before@<mark>x-y</mark>.example", " now"),
    "named hyphen": _whole("ann.before@x&hyphen;y&period;example"),
    "escape of ECMAScript": _whole("ann.before\\u{40}x-y.example"),
    "mojibake": _whole("ann.archer@b\u00c3\u00bccher.example"),
    "Latin-1 in a URL": _within("?email=", "ann.archer@b%FCcher.example", "&x=1"),
    "soft line break": _whole("ann.archer=40b=C3=\r\n=BCcher.example"),
    "avatar": _within("See /people/", PUBLIC_ID, "/avatar.png"),
}
_LONG = f"Dear all, {EMAIL} has asked. " + "The rest of the letter. " * 4
_LINES = base64.encodebytes(_LONG.encode()).decode()

#: What takes several lines, and where the name goes too.
LINES = {
    "calendar": Plant(
        "BEGIN:VEVENT\r\nORGANIZER;CN=Bo Baker:mailto:bo@q.example\r\n"
        "ATTENDEE;CN=Ann Archer;ROLE=REQ-PARTICIPANT:mailto:ann.archer@xn--bcher-k\r\n va.example\r\nEND:VEVENT",
        "BEGIN:VEVENT\r\nORGANIZER;CN=Bo Baker:mailto:bo@q.example\r\n"
        "ATTENDEE;CN=[erased];ROLE=REQ-PARTICIPANT:mailto:[erased]\r\nEND:VEVENT",
        "CN=Ann Archer",
    ),
    "card": Plant(
        "BEGIN:VCARD\nVERSION:3.0\nFN:Ann Archer\nTEL:+49 170 1234567\nEMAIL:Ann.Archer@b\u00fccher.example\nEND:VCARD",
        "BEGIN:VCARD\nVERSION:3.0\nFN:[erased]\nTEL:[erased]\nEMAIL:[erased]\nEND:VCARD",
        "+49 170 1234567",
    ),
    "header": Plant(
        "From: Ann Archer <ann.before@x-y.example>\nTo: Bo Baker <bo@q.example>",
        "From: <[erased]>\nTo: Bo Baker <bo@q.example>",
        "From: Ann Archer",
    ),
    "part of a message": Plant(
        f"Content-Transfer-Encoding: base64\n\n{_LINES}\n--end",
        "Content-Transfer-Encoding: base64\n\n[erased]\n\n--end",
        _LINES[:60],
    ),
    "list of Outlook": Plant(
        'To \'"Archer, Ann" <ann.before@x-y.example>; "Baker, Bo" <bo@q.example>\'',
        "To '<[erased]>; \"Baker, Bo\" <bo@q.example>'",
        "Archer, Ann",
    ),
}

ANN = {"objectType": "Agent", "name": "Ann Archer"}
BO = {"mbox": "mailto:bo@q.example", "name": "Bo Baker"}
ERASED = {"account": {"homePage": "https://erased.invalid/", "name": "[erased]"}}
NOBODY = {"objectType": "Agent", **ERASED}
HOME = "https://acme.example"

#: Where JSON says whom it is about → what has to be left.
DOCUMENTS: dict[str, tuple[Any, Any]] = {
    "mbox": ({"actor": {**ANN, "mbox": f"mailto:{EMAIL}"}, "n": 1}, {"actor": NOBODY, "n": 1}),
    "digest": ({"actor": {**ANN, "mbox_sha1sum": "606f563bcb2eeead945a35b18add05f7bee0a4b5"}}, {"actor": NOBODY}),
    "account by ID": ({"actor": {**ANN, "account": {"homePage": HOME, "name": UNIQUE_ID}}}, {"actor": NOBODY}),
    "account by login": ({"actor": {**ANN, "account": {"homePage": HOME, "name": LOGIN}}}, {"actor": NOBODY}),
    "account by public id": (
        {"actor": {**ANN, "account": {"homePage": "https://far.example", "name": PUBLIC_ID}}},
        {"actor": NOBODY},
    ),
    "member of a group": (
        {"actor": {"objectType": "Group", "member": [{**ANN, "mbox": f"mailto:{FORMER}"}, BO]}},
        {"actor": {"objectType": "Group", "member": [NOBODY, BO]}},
    ),
    "authority and instructor": (
        {"authority": {"mbox": f"mailto:{IN_ASCII}"}, "context": {"instructor": {**ANN, "mbox": f"mailto:{EMAIL}"}}},
        {"authority": ERASED, "context": {"instructor": NOBODY}},
    ),
    "employee number": (
        {"employeeNumber": UNIQUE_ID, "displayName": "Ann Archer", "room": "7"},
        {"employeeNumber": "[erased]", "displayName": "[erased]", "room": "7"},
    ),
    "external id": (
        {"user": {"external_id": "e-1001", "surname": "Archer"}},
        {"user": {"external_id": "[erased]", "surname": "[erased]"}},
    ),
    "extension": (
        {"extensions": {"https://acme.example/x/employeeNumber": UNIQUE_ID, "https://acme.example/x/room": "7"}},
        {"extensions": {"https://acme.example/x/employeeNumber": "[erased]", "https://acme.example/x/room": "7"}},
    ),
    "SCIM": (
        {"userName": "ANN-LOGIN", "name": {"givenName": "Ann"}, "phoneNumbers": [{"value": "1"}], "active": True},
        {"userName": "[erased]", "name": {}, "phoneNumbers": [], "active": True},
    ),
    "emails of SCIM": (
        {"emails": [{"value": EMAIL, "type": "work"}], "nickName": "Annie", "groups": 3},
        {"emails": [{"value": "[erased]", "type": "work"}], "nickName": "[erased]", "groups": 3},
    ),
    "claims": (
        {"email": EMAIL, "given_name": "Ann", "picture": "https://p.example/1.png", "exp": 7},
        {"email": "[erased]", "given_name": "[erased]", "picture": "[erased]", "exp": 7},
    ),
    "badge": (
        {"recipient": {"type": "email", "hashed": True, "identity": f"sha256${SINGLE['Gravatar in SHA-256'].core}"}},
        {"recipient": {"type": "email", "hashed": True, "identity": "[erased]"}},
    ),
    "name of a property": ({EMAIL: {"score": 7}}, {"[erased]": {"score": 7}}),
}

#: Of nobody who goes: not a letter of these changes.
BYSTANDERS = (
    "jo.ann.archer@b\u00fccher.example",
    f"{IN_ASCII}.au",
    "ann.archer@xn--bcher-kvb.example",
    "ann+before@x-y.example",
    f"{UNIQUE_ID}0",
    "room E-1001 on floor 3",
    "606f563bcb2eeead945a35b18add05f7bee0a4b50",
    "606f563bcb2eeead945a35b18add05f7bee0a4b6",
    "list-bounces+jo.ann.before=x-y.example@lists.example",
    "jo.ann.before_x-y.example#EXT#@contoso.onmicrosoft.com",
    in_base64(f"for jo.{EMAIL}"),
    token_of(f"jo.{EMAIL}"),
    Header(f"M\u00fcller jo.{EMAIL}", "utf-8").encode(),
)
OTHER_DOCUMENTS = (
    {"actor": {"name": "Ann Archer", "mbox": "mailto:jo.ann.archer@b\u00fccher.example"}},
    {"actor": {"name": "Jo", "account": {"homePage": HOME, "name": f"{UNIQUE_ID}0"}}},
    {"actor": {"name": "Jo", "account": {"homePage": "https://elsewhere.example", "name": UNIQUE_ID}}},
    {"score": 7, "employeeNumber": 7, "room": UNIQUE_ID, "name": "Ann Archer"},
)


def of_twins() -> list[str]:
    """Texts that name the people who stay, in several writings."""
    found: list[str] = []
    for twin in TWINS.values():
        found += (f"Ask {twin} now", f"<a href='mailto:{twin}'>{twin}</a>", in_base64(f"Ask {twin}"), token_of(twin))
    return found


#: Both of a pair in one text.
PAIRS = {
    f"{gone} and {stays}": Plant(f"Ask {gone} or {stays}.", f"Ask [erased] or {stays}.", f"{gone} or")
    for gone, stays in TWINS.items()
}
#: Plants that name somebody without an address: in text files only the address itself is looked for.
NAMES_ALONE: tuple[str, ...] = ()
