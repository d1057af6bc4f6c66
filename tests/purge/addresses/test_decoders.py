"""Addresses in another code, and in everyday writings: taken out of texts, everything else as it was.

The texts are written by the libraries that write such texts in the field.
"""

import base64
import json
import urllib.request
from email import message_from_string
from email.header import Header
from email.message import EmailMessage
from email.policy import default
from email.utils import formataddr

import icalendar
import jwt
import pytest
import vobject
from django.core.mail.message import sanitize_address
from hypothesis import example, given, settings
from hypothesis import strategies as st

from purge.addresses import emails_in, list_without, matching, mentions, names, redact, redact_json
from purge.addresses.decoders import finding
from purge.addresses.shapes import Shape
from tests.purge.addresses import corpus

ANN = "ann.b@x-y.example"
NOTE = "n" * 60


def in_base64(text: str, encoding: str = "utf-8") -> str:
    return base64.b64encode(text.encode(encoding)).decode()


def basic(name: str) -> str:
    """As :mod:`urllib` sends a name and a password."""
    passwords = urllib.request.HTTPPasswordMgrWithPriorAuth()
    passwords.add_password(None, "https://h.example/", name, "pw", is_authenticated=True)
    request = urllib.request.Request("https://h.example/", method="GET")
    urllib.request.HTTPBasicAuthHandler(passwords).http_request(request)
    return request.unredirected_hdrs["Authorization"]


TOKEN = jwt.encode({"sub": "1", "email": ANN}, "k" * 32)
PATH_SAFE = base64.urlsafe_b64encode(f"??>>{ANN}".encode()).decode()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        # RFC 5545 and 6350: the line ends within the address.
        (f"ATTENDEE;CN={NOTE}:mailto:ann.b@x-\r\n y.example\r\nEND", f"ATTENDEE;CN={NOTE}:mailto:[erased]\r\nEND"),
        ("NOTE:write to ann\n\t.b@x-y.example today", "NOTE:write to [erased] today"),
        # RFC 2047.
        (f"To: {Header(f'Müller {ANN}', 'utf-8').encode()}", "To: [erased]"),
        (f"{formataddr(('Grüße', 'jo@q.example'))}", f"{formataddr(('Grüße', 'jo@q.example'))}"),
        # Tokens and credentials.
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer [erased]"),
        (f'{{"id_token": "{TOKEN}"}}', '{"id_token": "[erased]"}'),
        (f"Authorization: {basic(ANN)}, again", "Authorization: Basic [erased], again"),
        # Base64 of both alphabets, of UTF-16, twice, behind a path, over lines.
        (f"cursor={in_base64(f'after {ANN}')};", "cursor=[erased];"),
        (f"-EncodedCommand {in_base64(f'Get-User {ANN}', 'utf-16-le')}", "-EncodedCommand [erased]"),
        (f"see {in_base64(in_base64(f'hello {ANN}'))}.", "see [erased]."),
        (f"https://h.example/u/{PATH_SAFE}?x=1", "https://h.example/u/[erased]?x=1"),
        (f"body:\n{base64.encodebytes(f'{NOTE} {ANN} {NOTE}'.encode()).decode()}\nend", "body:\n[erased]\n\nend"),
        (f'<a href="data:text/csv;base64,{in_base64(f"a,{ANN},b")}">', '<a href="[erased]">'),
        # HTML.
        ("ask ann.b@<wbr>x-y.example now", "ask [erased] now"),
        ("ask <b>ann</b>.b@<mark class='hit'>x-y</mark>.example now", "ask <b>[erased] now"),
        ("ann.b@x&hyphen;y&period;example, ann.b@x&dash;y.example", "[erased], [erased]"),
        (r"ann.b\u{40}x-y.example", "[erased]"),
        # Joined to a word.
        (f"message d'{ANN} de qu'{ANN}", "message d'[erased] de qu'[erased]"),
        (f"la mail dell'{ANN}", "la mail dell'[erased]"),
        (f"no such object: b'{ANN}', [u'{ANN}'], N'{ANN}'", "no such object: b'[erased]', [u'[erased]'], N'[erased]'"),
        (f"report_{ANN}_2026.csv and {ANN}_old", "report_[erased]_2026.csv and [erased]_old"),
        (f"Write to {ANN}.Thanks", "Write to [erased].Thanks"),
        (f"photo of {ANN}.png", "photo of [erased].png"),
        (f"die {ANN}-Adresse", "die [erased]-Adresse"),
        (f"{ANN}\u0443 \u043f\u043e\u0447\u0442\u0430{ANN}", "[erased]\u0443 \u043f\u043e\u0447\u0442\u0430[erased]"),
        (f"\u05dc{ANN}", "\u05dc[erased]"),
        ("ann.b@x-y\u3002example ann.b@x-y\uff61example", "[erased] [erased]"),
        (f"-{ANN}\n_{ANN}_", "-[erased]\n_[erased]_"),
        ('"ann.b"@x-y.example', "[erased]"),
    ],
)
def test_the_address_goes_and_the_rest_stays(text, left):
    assert redact(text, {ANN}) == left
    assert redact(text, {"jo@z.example"}) is text


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"To: {sanitize_address(('Jürgen', 'jürgen@bücher.example'), 'utf-8')}", "To: {} <[erased]>"),
        ("jürgen@bücher.example".encode().decode("cp1252"), "[erased]"),
        ("?email=j%FCrgen@b%FCcher.example&x=1", "?email=[erased]&x=1"),
    ],
    ids=["Django's own header", "UTF-8 read as Windows-1252", "Latin-1 in a URL"],
)
def test_an_address_beyond_ascii(text, left):
    name = Header("Jürgen", "utf-8").encode()
    keys = {"jürgen@bücher.example", "jürgen@xn--bcher-kva.example"}
    assert redact(text, keys) == left.format(name)


@pytest.mark.parametrize(
    "text",
    [
        f"jo{ANN}",
        f"{ANN}.au",
        f"{ANN}-old.example",
        f"o'{ANN}",
        f"jo_{ANN}",
        f"<td>jo</td><td>{ANN}.au</td>",
        "ann&period;b@x-y.example.au",
        "ATTENDEE:mailto:joann.b@x-\r\n y.example",
        "Write to ann.\n b@x-y.example",
        "Cc: bo@q.example, ann.\r\n\tb@x-y.example",
        in_base64(f"hello jo{ANN}"),
        in_base64(f"hello {ANN}.au"),
        jwt.encode({"email": f"r&{ANN}"}, "k" * 32),
        Header(f"Müller jo{ANN}", "utf-8").encode(),
        f"{ANN}\u00fc",
        f"id=AB{ANN}",
        f"id=E9{ANN}",
        f"x\u00b2{ANN}",
    ],
)
def test_the_neighbour_stays(text):
    assert redact(text, {ANN}) is text


def test_what_stands_within_a_users_own_address_is_spared():
    """An elision, or somebody's name: who has that address says."""
    text = "d'angelo@x.example and dell'angelo@x.example"
    assert redact(text, {"angelo@x.example"}) == "d'[erased] and dell'[erased]"
    assert redact(text, {"angelo@x.example"}, spared={"d'angelo@x.example"}) == "d'angelo@x.example and dell'[erased]"


def test_json_lists_and_single_values():
    stored = {"secret": TOKEN, "claims": [in_base64(f"x {ANN} y"), "jo@q.example"]}
    assert redact_json(stored, {ANN}) == {"secret": "[erased]", "claims": ["[erased]", "jo@q.example"]}
    assert names(TOKEN, Shape.ONE, {ANN}) and not names(TOKEN, Shape.ONE, {"jo@q.example"})
    assert list_without(f"jo@q.example; =?utf-8?q?{ANN.replace('@', '=40')}?=", {ANN}) == "jo@q.example"


# ---------------------------------------------------------------- as the libraries read it afterwards

LOCALS = st.from_regex(r"[a-z][a-z0-9.+]{0,20}[a-z0-9]", fullmatch=True).filter(lambda text: ".." not in text)
DOMAINS = st.from_regex(r"[a-z][a-z0-9-]{0,30}[a-z0-9]\.example", fullmatch=True)
ADDRESSES = st.builds("{}@{}".format, LOCALS, DOMAINS)
WRITTEN_ROUNDS = settings(max_examples=60, deadline=None)


@WRITTEN_ROUNDS
@example("ann.b@x-y.example", 34)
@given(ADDRESSES, st.integers(0, 70))
def test_a_calendar_without_an_attendee_is_a_calendar(address, width):
    event = icalendar.Event()
    for written, name in ((address, "M" * width), ("jo@q.example", "Jo")):
        attendee = icalendar.vCalAddress(f"mailto:{written}")
        attendee.params["CN"] = name or "x"
        event.add("attendee", attendee)
    left = redact(event.to_ical().decode(), {address})
    read = icalendar.Event.from_ical(left)
    assert [str(each) for each in read["attendee"]] == ["mailto:[erased]", "mailto:jo@q.example"]
    assert [each.params["CN"] for each in read["attendee"]] == ["M" * width or "x", "Jo"]


@WRITTEN_ROUNDS
@given(ADDRESSES, st.integers(0, 80))
def test_a_card_without_an_address_is_a_card(address, width):
    card = vobject.vCard()
    card.add("fn").value = "Ann"
    card.add("note").value = f"{'n' * width} {address} and jo@q.example"
    read = vobject.readOne(redact(card.serialize(), {address}))
    assert read.note.value == f"{'n' * width} [erased] and jo@q.example"
    assert read.fn.value == "Ann"


@WRITTEN_ROUNDS
@given(ADDRESSES, st.sampled_from(["base64", "quoted-printable"]), st.text("aü ", min_size=1, max_size=200))
def test_a_message_without_an_address_is_a_message(address, encoding, rest):
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = "Grüße", "jo@q.example", address
    message.set_content("nothing")
    message.add_alternative(f"{rest}\n{address}\n{rest}", subtype="html", cte=encoding)
    left = redact(message.as_string(), {address})
    read = message_from_string(left, policy=default)
    assert address not in left and read["From"] == "jo@q.example" and read["Subject"] == "Grüße"
    parts = [part.get_content() for part in read.iter_parts()]
    assert parts[0] == "nothing\n" and address not in parts[1]
    if encoding == "quoted-printable":
        assert parts[1].rstrip("\n") == f"{rest}\n[erased]\n{rest}".rstrip("\n")


@WRITTEN_ROUNDS
@given(ADDRESSES)
def test_a_token_that_names_somebody_goes_and_another_stays(address):
    gone, stays = (jwt.encode({"email": each}, "k" * 32) for each in (address, "jo@q.example"))
    text = json.dumps({"a": gone, "b": stays})
    assert json.loads(redact(text, {address})) == {"a": "[erased]", "b": stays}
    assert jwt.decode(stays, "k" * 32, algorithms=["HS256"]) == {"email": "jo@q.example"}


PIECES = st.sampled_from(
    [
        *(ANN, "jo@q.example", "word", "d", "N", "Thanks", ".png", "Adresse", "\u0443", "\u00e4", "mailto:", "x="),
        *(" ", "\n", "\r\n ", "'", '"', "_", "-", ".", ",", "<b>", "</b>", "<", ">", "&", ";", "%", "%E9", "@", "\\"),
        *("&period;", "=", "=?utf-8?q?", "?=", "u{40}", "\u3002"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=9).map("".join))
def test_what_is_called_plain_says_nothing_in_any_reading(text):
    """The quick look at a text must not pass over what a decoder would find."""
    if finding.is_plain(text):
        with pytest.MonkeyPatch.context() as slow:
            slow.setattr(finding, "is_plain", lambda _text: False)
            assert finding.decoded_emails_in(text) <= emails_in(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=12).map("".join), st.booleans())
def test_reading_the_changed_words_alone_finds_what_reading_everything_finds(text, spares):
    keys, spared = {ANN, "jo@q.example"}, {f"d'{ANN}", f"x={ANN}"} if spares else set()
    found = finding.decoded_mentions(text, keys, spared)
    with pytest.MonkeyPatch.context() as whole:
        whole.setattr(finding, "_changed", lambda reading: [(reading.text, 0)])
        everywhere = finding.decoded_mentions(text, keys, spared)
    # What is plain is found there as well, and is not looked for among the readings.
    plain = {(mention.start, mention.end) for mention in mentions(text, keys, spared)}
    assert [each for each in everywhere if (each.start, each.end) not in plain and each not in found] == []


def test_the_time_grows_with_the_text_and_not_faster():
    """Also where many people who stay are written beside those who go."""
    asked = []
    with pytest.MonkeyPatch.context() as counting:
        known = matching.identity_key
        counting.setattr(matching, "identity_key", lambda text: asked.append(text) or known(text))
        for number in (100, 400):
            text = f"M\u00fcller r&{ANN}, jo@q.example, {ANN}\n" * number
            assert redact(text, {ANN}, spared={f"r&{ANN}"}).count("[erased]") == number
            asked.append("")
    first = asked.index("")
    assert len(asked) - first < 6 * first


def test_texts_without_code_are_plain():
    """Else every text would be read in a dozen ways."""
    for text in (
        f"Thank you for the session! Please write to {ANN}, or call. It doesn't matter.",
        f'{{"email": "{ANN}", "state": "done"}}',
        f"Ann <{ANN}>; Jo <jo@q.example>",
        f"2026-11-29 12:00:01 user={ANN} status=200\n2026-11-29 12:00:02 user=jo@q.example status=200",
        "a course of twelve lessons " * 40,
    ):
        assert finding.is_plain(text), text


def test_no_text_takes_long():
    """Bounded in depth, number and size, whatever is written."""
    nested = ANN
    for _n in range(5):
        nested = in_base64(f"{nested} ")
    assert redact(nested, {ANN}) is nested  # deeper than anybody writes
    for text in ("A" * 400_000, "\u044fa" * 200_000, "x@y.z_" * 60_000, "<b" * 200_000, "=?" * 200_000, "d'" * 200_000):
        assert redact(text, {ANN}) is text


def test_the_corpus_is_in_other_codes():
    """Else these tests would show nothing: as it stands the definition finds no address there."""
    written = (corpus.message_in_base64, corpus.message_header, corpus.calendar, corpus.card)
    assert [ANN.encode() in write(ANN) for write in written] == [False] * 4
