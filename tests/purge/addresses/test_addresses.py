"""The one definition of which addresses a text mentions."""

import copy
import json
import quopri
import string
from itertools import pairwise
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from purge.addresses import (
    ERASED,
    Shape,
    address_key,
    cannot_mention,
    emails_in,
    emails_in_json,
    emails_in_value,
    is_address,
    list_without,
    mentions,
    redact,
    redact_json,
)

ANN = "ann@x.org"
JUERGEN = "jürgen@x.org"

MENTIONED = [
    (ANN, ANN),
    ("ANN@X.ORG", ANN),
    ("write to ann@x.org today", ANN),
    ("ann@x.org.", ANN),
    ("ann@x.org, bob@x.org", ANN),
    ("ann@x.org... and so on", ANN),
    ("…ann@x.org…", ANN),
    ("<ann@x.org>", ANN),
    ("(ann@x.org)", ANN),
    ("'ann@x.org'", ANN),
    ("name='ann@x.org'", ANN),
    ('"ann@x.org"', ANN),
    ("“ann@x.org”", ANN),
    ("**ann@x.org**", ANN),
    ("mailto:ann@x.org?subject=hi", ANN),
    ("/users?email=ann@x.org&page=2", ANN),
    ("/users/ann@x.org/edit", ANN),
    ("#ann@x.org", ANN),
    ("a|ann@x.org|b", ANN),
    ("bold*ann@x.org*bold", ANN),
    ("code`ann@x.org`code", ANN),
    ("**ann@x.org", ANN),
    ("x.org/people/ann@x.org", ANN),
    ("https://x.org/a&b/ann@x.org", ANN),
    ("https://x.org/?a&ann@x.org", ANN),
    ("mail=ann@x.org", ANN),
    ("to=bob@y.org&cc=ann@x.org", ANN),
    ("a=1&b=ann@x.org", ANN),
    ("a=1&ann@x.org", ANN),
    ("{ann@x.org}", ANN),
    ("bob@x.org;ann@x.org", ANN),
    ("first\nann@x.org\nlast", ANN),
    ("📧ann@x.org", ANN),
    ("联系ann@x.org请", ANN),
    ("ann@x.orgまで", ANN),
    # percent
    ("ann%40x.org", ANN),
    ("ann%40x%2Eorg", ANN),
    ("%61nn%40x.org", ANN),
    ("to%20ann@x.org", ANN),
    ("?email=ann%40x.org", ANN),
    ("?email=1234%40x.org", "1234@x.org"),
    ("?e=4dave%40x.org", "4dave@x.org"),
    ("ann%2540x.org", ANN),
    ("j%C3%BCrgen%40x.org", JUERGEN),
    ("j%c3%bcrgen@x.org", JUERGEN),
    ("%FF ann%40x.org", ANN),
    ("%00ann%40x.org", ANN),
    # HTML
    ("ann&#64;x.org", ANN),
    ("ann&#064;x.org", ANN),
    ("ann&#0000064;x.org", ANN),
    ("ann&#64x.org", ANN),
    ("ann&#x40;x.org", ANN),
    ("ann&#X0040;x.org", ANN),
    ("ann&commat;x&period;org", ANN),
    ("ann&amp;#64;x.org", ANN),
    ("ann&plus;x@x.org", "ann+x@x.org"),
    ("a&lowbar;b@x.org", "a_b@x.org"),
    ("a&amp;b@x.org", "a&b@x.org"),
    ("J&Uuml;RGEN&commat;x.org", JUERGEN),
    ("&lt;ann&#64;x.org&gt;", ANN),
    ("&nbsp;ann@x.org&nbsp;", ANN),
    ("a&shy;nn@x.org", ANN),
    ("&#0;ann@x.org", ANN),
    ("&#x110000;ann@x.org", ANN),
    # quoted-printable
    ("ann=40x.org", ANN),
    ("ann=40x=2Eorg", ANN),
    ("j=C3=BCrgen=40x.org", JUERGEN),
    ("ann@x=\r\n.org", ANN),
    ("a=\nnn@x.org", ANN),
    ("line=0Aann@x.org", ANN),
    ("=?utf-8?Q?ann=40x.org?=", ANN),
    ('=3D"mailto:ann%40x.org"', ANN),
    # JSON and JavaScript
    (r"ann\u0040x.org", ANN),
    (r"ann\x40x.org", ANN),
    (r"ann\\u0040x.org", ANN),
    (r"line\nann@x.org", ANN),
    (r"line\r\nann@x.org", ANN),
    (r"line\n'ann@x.org'", ANN),
    (r"\tann%40x.org", ANN),
    (r"\"ann@x.org\"", ANN),
    (r"https:\/\/x.org\/ann@x.org", ANN),
    (r"j\u00fcrgen@x.org", JUERGEN),
    (r"J\u00DCRGEN\u0040x.org", JUERGEN),
    (r"\ud83d\ude00ann\u0040x.org", ANN),
    (r"\ud800 ann@x.org", ANN),
    (r"C:\nora@x.org", "nora@x.org"),
    # other forms of the same characters
    ("ann\uff20x\uff0eorg", ANN),
    ("\uff41\uff4e\uff4e\ufe6bx.org", ANN),
    ("a\u200bnn@x\u00ad.org", ANN),
    ("\ufeffann@x.org", ANN),
    ("ju\u0308rgen@x.org", JUERGEN),
    ("JÜRGEN@x.org", JUERGEN),
    ("STRASSE@x.org", "strasse@x.org"),
    ("straße@x.org", "strasse@x.org"),
    ("\ud800ann@x.org\udfff", ANN),
    # characters that an address may hold, encoded or not
    ("o'neil@x.org", "o'neil@x.org"),
    ("a%41b@x.org", "a%41b@x.org"),
    ("a%2541b%40x.org", "a%41b@x.org"),
    ("a=3D41b@x.org", "a=41b@x.org"),
    ("a/b=c@x.org", "a/b=c@x.org"),
    ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
    ("ann@bücher.example", "ann@bücher.example"),
    ("root@localhost", "root@localhost"),
]

ANOTHER = [
    "joann@x.org",
    "jo.ann@x.org",
    "jo-ann@x.org",
    "jo_ann@x.org",
    "jo+ann@x.org",
    "joann%40x.org",
    "jo%2Eann%40x.org",
    "jo&#46;ann&#64;x.org",
    r"jo\u002eann\u0040x.org",
    "jo=2Eann=40x.org",
    "jo\u200bann@x.org",
    "o'ann@x.org",
    "üann@x.org",
    "u\u0308ann@x.org",
    "ann+x@x.org",
    "ann@x.org.au",
    "ann@x.org%2Eau",
    "ann@x.org&period;au",
    "ann@x.org&amp;period;au",
    "ann@x.org%C3%BC",
    r"ann@x.org\u002eau",
    "jo&period;ann@x.org",
    "jo&amp;#46;ann@x.org",
    "jo&shy;ann@x.org",
    "o&#39;ann@x.org",
    "o&#x27;ann&#64;x.org",
    "&uuml;ann@x.org",
    "ann@x.community",
    "ann@x.organic",
    "ann@x.org-x.org",
    "ann@x.orgü",
    "ann@y.x.org",
    "ann@xx.org",
    "ann @x.org",
    "ann@ x.org",
    "ann at x.org",
    "ann@",
    "@x.org",
    # of a longer address, a part
    "r&ann@x.org",
    "a/ann@x.org",
    "team#ann@x.org",
    "a!ann@x.org",
    "a$ann@x.org",
    "a%ann@x.org",
    "a*ann@x.org",
    "a?ann@x.org",
    "a^ann@x.org",
    "a`ann@x.org",
    "a{ann@x.org",
    "a|ann@x.org",
    "a}ann@x.org",
    "a~ann@x.org",
    "Ask r&ann@x.org, please.",
    "Ask r&amp;ann@x.org, please.",
    "ask r%26ann%40x.org",
    "ann%4x.org",
    "ann&#6;x.org",
    "ann%E2%82x.org",
    "",
]


@pytest.mark.parametrize(("text", "key"), MENTIONED)
def test_an_address_is_found_and_taken_out(text: str, key: str) -> None:
    assert key in emails_in(text)
    assert [mention.key for mention in mentions(text, {key})] == [key]
    rest = redact(text, {key})
    assert ERASED in rest
    assert key not in emails_in(rest)


@pytest.mark.parametrize("text", ANOTHER)
def test_another_address_is_left_alone(text: str) -> None:
    assert ANN not in emails_in(text)
    assert mentions(text, {ANN}) == []
    assert redact(text, {ANN}) is text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dear ann@x.org, dear joann@x.org.", "Dear [erased], dear joann@x.org."),
        ("?email=ann%40x.org&back=%2Fhome", "?email=[erased]&back=%2Fhome"),
        ("a&nbsp;<b>ann&#64;x.org</b> &uuml;", "a&nbsp;<b>[erased]</b> &uuml;"),
        (r"one\nann@x.org\ntwo", r"one\n[erased]\ntwo"),
        ("soft a=\r\nnn=40x.org=\r\n end", "soft [erased]=\r\n end"),
        ("ﬁne ①: ann\uff20x\uff0eorg ﬁne", "ﬁne ①: [erased] ﬁne"),
        ("e\u0301 ann@x.org e\u0301", "e\u0301 [erased] e\u0301"),
        ("😀%F0%9F%98%80 ann%2540x.org", "😀%F0%9F%98%80 [erased]"),
        ("ann@x.organn@x.org", "ann@x.organn@x.org"),
        ("ann@x.org@ann@x.org", "[erased]@[erased]"),
    ],
)
def test_everything_around_stays_as_it_is(text: str, expected: str) -> None:
    assert redact(text, {ANN}) == expected


def test_the_longest_of_the_given_keys_wins() -> None:
    assert redact("to email=ann@x.org", {ANN, "email=ann@x.org"}) == "to [erased]"
    assert redact("to email=ann@x.org", {ANN}) == "to email=[erased]"


def test_overlapping_addresses_are_both_taken_out() -> None:
    assert emails_in(redact("a@b.cd@e.fg", {"a@b.cd", "b.cd@e.fg"})) == set()


def test_spans_are_those_of_the_original() -> None:
    text = "é ann%2540x.org, bob@x.org and Jürgen&commat;x.org!"
    found = mentions(text)
    assert [text[mention.start : mention.end] for mention in found] == [
        "ann%2540x.org",
        "bob@x.org",
        "Jürgen&commat;x.org",
    ]
    assert [mention.key for mention in found] == [ANN, "bob@x.org", JUERGEN]


def test_a_replacement_that_holds_an_address_is_refused() -> None:
    with pytest.raises(ValueError, match="replacement"):
        redact(ANN, {ANN}, "gone@x.org")


@pytest.mark.parametrize(
    "text", [" Ann@X.org ", JUERGEN, "o'neil@x.org", "ann+x@x.co.uk", "a_b@x-y.org", "a@bücher.example", "用户@例え.jp"]
)
def test_plausible_addresses(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@x.org",
        "ann@x",
        "ann@@x.org",
        "ann@x..org",
        "ann@-x.org",
        "ann@x.org-",
        ".ann@x.org",
        "ann.@x.org",
        "ann@x.123",
        "ann bob@x.org",
        "ann@x.org, bob@x.org",
        "Ann <ann@x.org>",
        "ann@x.org.",
        "a" * 65 + "@x.org",
        "a" * 60 + "@" + ("b" * 60 + ".") * 4 + "org",
        "ann\u0000@x.org",
    ],
)
def test_what_is_no_plausible_address(text: str) -> None:
    assert not is_address(text)


def test_json_is_walked_as_values_and_names() -> None:
    value = {"note": "line\nann@x.org", "deep": [{"ann@x.org": 1}, None, 2.5, True], "other": ["joann@x.org"]}
    before = copy.deepcopy(value)
    assert emails_in_json(value) == {ANN, "joann@x.org"}
    assert redact_json(value, {ANN}) == {
        "note": "line\n[erased]",
        "deep": [{ERASED: 1}, None, 2.5, True],
        "other": ["joann@x.org"],
    }
    assert value == before


def test_json_without_a_mention_is_the_same_object() -> None:
    value = {"a": ["joann@x.org"]}
    assert redact_json(value, {ANN}) is value


def test_json_properties_that_become_equal_keep_their_values_and_order() -> None:
    value = {"z": 0, "ann@x.org": 1, "ANN@x.org": 2, ERASED: 3}
    assert redact_json(value, {ANN}) == {"z": 0, "[erased] 2": 1, "[erased] 3": 2, ERASED: 3}
    assert list(redact_json(value, {ANN})) == ["z", "[erased] 2", "[erased] 3", ERASED]


def test_json_of_any_depth() -> None:
    value: object = "ann@x.org"
    for _level in range(20_000):
        value = [value]
    clean = redact_json(value, {ANN})
    assert emails_in_json(clean) == set()
    # Python cannot free what is this deep without unwinding it.
    for tree in (value, clean):
        while isinstance(tree, list) and tree:
            tree = tree.pop()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@x.org", ""),
        ("ann@x.org, bob@x.org", "bob@x.org"),
        ("bob@x.org, ann@x.org", "bob@x.org"),
        ("bob@x.org;ann@x.org;carl@x.org", "bob@x.org;carl@x.org"),
        (" bob@x.org ;\r\nann@x.org\r\n carl@x.org", " bob@x.org ;\r\ncarl@x.org"),
        ("Bob <bob@x.org>; Ann <ann@x.org>", "Bob <bob@x.org>"),
        ("bob@x.org\nann&#64;x.org;carl@x.org", "bob@x.org\ncarl@x.org"),
        ("ann@x.org bob@x.org", "bob@x.org"),
        ("ann@x.org;joann@x.org;", "joann@x.org;"),
        ("ann%40x.org,ANN@X.ORG", ""),
    ],
)
def test_a_list_loses_only_their_entries(text: str, expected: str) -> None:
    assert list_without(text, {ANN}) == expected


def test_a_list_without_them_is_the_same_object() -> None:
    text = "bob@x.org ,; joann@x.org\n"
    assert list_without(text, {ANN}) is text


# ---------------------------------------------------------------- for any text

AWKWARD = (
    "@ %40 %2540 &#64; &#x40 &commat; &amp; =40 \\u0040 \\x40 \\n \\\\ \uff20 \ufe6b \u200b \u0301 ü %C3%BC =C3=BC"
    " &uuml; ß İ 联系 . - + ' = ann x.org @x.org ann@x.org bob@y.example &#0; &#x110000; %FF \\ud800 \ud800"
    " &#39; %2E &period;"
)
PIECES = st.one_of(st.text(max_size=6), st.sampled_from([*AWKWARD.split(" "), "=\r\n", " "]))
TEXTS = st.lists(PIECES, max_size=14).map("".join)


@given(TEXTS)
@example("\ud800@\udfff")
@example("=" * 400 + "@" + "a." * 400)
def test_no_text_raises(text: str) -> None:
    found = mentions(text)
    assert {mention.key for mention in found} <= emails_in(text)
    assert all(left.end <= right.start for left, right in pairwise(found))
    assert all(0 <= mention.start < mention.end <= len(text) for mention in found)
    is_address(text)
    assert address_key(address_key(text)) == address_key(text)


@given(TEXTS, st.data())
def test_what_is_redacted_is_no_longer_mentioned(text: str, data: st.DataObject) -> None:
    every = sorted(emails_in(text))
    keys = set(data.draw(st.lists(st.sampled_from(every), unique=True))) if every else set()
    assert emails_in(redact(text, keys)).isdisjoint(keys)
    assert emails_in_value(list_without(text, keys), Shape.LIST).isdisjoint(keys)
    value = {"text": [text], text: text}
    assert emails_in_json(redact_json(value, keys)).isdisjoint(keys)


@pytest.mark.parametrize(
    ("text", "excluded"),
    [
        ("Ask ann@x.org.", False),
        ("Ask ANN@X.ORG", False),
        ("ask jo.ann@x.org", False),  # its end is; what it really is is asked of the rest only
        ("ask bob@x.org or ann@x.org", False),
        ("ask bob@x.org", True),
        ("ask ann@x.org.example", True),
        ("ask ann@x.or", True),
        ("ask ann at x.org", True),
        ("", True),
        ("50 %", False),
        ("ask bob%40x.org", False),
        ("für ann@x.org", False),
    ],
)
def test_what_is_excluded_at_a_glance(text: str, excluded: bool) -> None:
    assert cannot_mention(text, {ANN}) is excluded


@given(TEXTS | st.from_regex(r"\A[a-c.+ @=-]{0,30}\Z"), st.data())
def test_no_text_that_mentions_somebody_is_excluded(text: str, data: st.DataObject) -> None:
    every = sorted(emails_in(text))
    keys = data.draw(st.frozensets(st.sampled_from([*every, "ann@x.org", "b@c"])))
    if not keys.isdisjoint(every):
        assert not cannot_mention(text, keys)


LOCAL_PARTS = st.text(alphabet=string.ascii_letters + string.digits + "üÉßж_", min_size=1, max_size=12)
ADDRESSES = st.builds("{}@{}.example".format, LOCAL_PARTS, st.text(alphabet=string.ascii_lowercase, min_size=1))
WRITINGS = st.sampled_from(
    [
        str,
        str.upper,
        lambda text: quote(text, safe=""),
        lambda text: quote(quote(text, safe=""), safe=""),
        lambda text: "".join(f"&#{ord(letter)};" for letter in text),
        lambda text: "".join(f"&amp;#x{ord(letter):x};" for letter in text),
        lambda text: "".join(f"={byte:02X}" for byte in text.encode()),
        lambda text: quopri.encodestring(text.encode()).decode(),
        lambda text: json.dumps(text)[1:-1],
        lambda text: json.dumps(json.dumps(text))[3:-3],
        lambda text: "".join(f"\\u{ord(letter):04x}" for letter in text),
        lambda text: "\u200b".join(text),
        lambda text: text.replace("@", "\uff20"),
    ]
)
SEPARATORS = st.sampled_from([" ", "\n", "<", ">", '"', "(", ")", ",", ";", ": ", "“", "\t", "[", "]"])


@given(ADDRESSES, WRITINGS, SEPARATORS, SEPARATORS, st.sampled_from(["", "bob@y.example ", "näher: ", "100 % = "]))
def test_an_address_in_any_writing_between_separators_is_found(address, writing, before, after, lead) -> None:
    key = address_key(address)
    text = f"{lead}{before}{writing(address)}{after} joann@x.org"
    assert key in emails_in(text)
    rest = redact(text, {key})
    assert rest == f"{lead}{before}{ERASED}{after} joann@x.org"


@given(st.lists(ADDRESSES, min_size=2, max_size=6, unique_by=address_key), SEPARATORS)
def test_every_other_mention_is_left(addresses: list[str], separator: str) -> None:
    text = separator.join(addresses)
    gone, *others = map(address_key, addresses)
    assert emails_in(redact(text, {gone})) == set(others)


POISON = (
    "@ a@ a@a. %40 %2540 & &#64; = =40 a= \\u0040 a . ' - é \uff41\uff20 a联 \u0301\u0316 \U0001d165\U0001d16d"
    " \\n &a %C3 a&#39;"
)


@pytest.mark.parametrize("poison", POISON.split(" "))
def test_poison_costs_no_more_than_its_length(poison: str) -> None:
    """A quadratic step would take a day."""
    text = poison * (100_000 // len(poison)) + " ann@x.org"
    assert redact(text, {ANN}).endswith(ERASED)
