# ruff: noqa: RUF001 - letters that look alike are what this is about
"""Whose address is it: two addresses have one key only where they are one mailbox."""

import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from purge.addresses import (
    IDENTITY_KEY_VERSION,
    address_key,
    identity_key,
    is_address,
    keys_of_other_tables,
    search_keys,
)
from purge.addresses.identity import simple_lower

ONE_MAILBOX = [
    ("ann@x.org", "ann@x.org"),
    ("  Ann.B@X.ORG \n", "ann.b@x.org"),
    ("ann@x.org.", "ann@x.org"),
    ("JÜRGEN@x.org", "jürgen@x.org"),
    ("ju\u0308rgen@x.org", "jürgen@x.org"),
    ("ann@bücher.example", "ann@xn--bcher-kva.example"),
    ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
    ("ann@XN--BCHER-KVA.Example", "ann@xn--bcher-kva.example"),
    ("ann@bu\u0308cher.example.", "ann@xn--bcher-kva.example"),
    ("ann@straße.example", "ann@xn--strae-oqa.example"),
    ("ann@ｘ．org", "ann@x.org"),
    ("ann＠x。org", "ann@x.org"),
    ("ann﹫x｡org", "ann@x.org"),
    ("ann@x\u00ad.org", "ann@x.org"),
    ("\u202aann@x.org\u202c", "ann@x.org"),
    ("\ufeffann@x.org\u00a0", "ann@x.org"),
    ("ΝΝΑΣ@ξ.example", "ννασ@xn--zxa.example"),
    ("H\u0331@x.org", "\u1e96@x.org"),
    ("\u212aim@x.org", "kim@x.org"),
]

TWO_MAILBOXES = [
    ("weiß@firma.example", "weiss@firma.example"),
    ("WEIẞ@firma.example", "weiss@firma.example"),
    ("ann@straße.example", "ann@strasse.example"),
    ("ννας@ξ.example", "ννασ@ξ.example"),
    ("ann@ὀδυσσεύς.example", "ann@ὀδυσσεύσ.example"),
    ("x²@firma.example", "x2@firma.example"),
    ("ﬁona@firma.example", "fiona@firma.example"),
    ("toſca@firma.example", "tosca@firma.example"),
    ("an\u200dn@firma.example", "ann@firma.example"),
    ("ａｎｎ@firma.example", "ann@firma.example"),
    ("İnan@firma.example", "inan@firma.example"),
    ("ınan@firma.example", "inan@firma.example"),
    ("ann+x@firma.example", "ann@firma.example"),
    ("a.nn@firma.example", "ann@firma.example"),
    ("r&d@firma.example", "d@firma.example"),
    ("ann@x.org", "ann@x.org.au"),
    ("ann@xn--strae-oqa.example", "ann@strasse.example"),
]

REFUSED_BY_IDNA = [
    ("ann@my_host.example", "ann@~my_host.example"),
    ("ann@MY_HOST.example.", "ann@~my_host.example"),
    ("ann@ab--cd.example", "ann@~ab--cd.example"),
    ("ann@xn--zzzzzz9.example", "ann@~xn--zzzzzz9.example"),
    ("ann@-x.example", "ann@~-x.example"),
    ("ann@☕.example", "ann@~☕.example"),
    ("ann@a..b", "ann@~a..b"),
    ("ann@" + "a" * 64 + ".example", "ann@~" + "a" * 64 + ".example"),
]

LOGINS = [
    ("Ann-Login ", "ann-login"),
    ("WEISS", "weiss"),
    ("weiß", "weiß"),
    ("ΑΣ", "ασ"),
    ("İ", "İ"),
    ("A@", "a@"),
    ("@B", "@b"),
    ("CORP\\Ann@b", "corp\\ann@b"),
    ("i:0#.f|membership|Ann.B@Corp.Example", "i:0#.f|membership|ann.b@corp.example"),
    ("", ""),
    (" ", ""),
]


@pytest.mark.parametrize(("written", "key"), [*ONE_MAILBOX, *REFUSED_BY_IDNA, *LOGINS])
def test_the_key_of_an_address(written, key):
    assert identity_key(written) == key


@pytest.mark.parametrize(("one", "other"), TWO_MAILBOXES)
def test_two_mailboxes_have_two_keys(one, other):
    assert identity_key(one) != identity_key(other)


def test_no_domain_that_is_one_begins_with_the_mark():
    # The mark is in no address that forms take, and IDNA 2008 refuses it.
    assert not is_address("ann@~x.org")
    assert identity_key("ann@~x.org") == "ann@~~x.org"


def test_the_versions_of_the_tables_are_part_of_the_version_of_the_key():
    """Who brings a new ``idna`` decides here: have mappings changed, the keys of rows have to be made anew and the
    version before has to be asked for, too (purge.hashing)."""
    assert f"identity-1/18.0.0/{unicodedata.unidata_version}" == IDENTITY_KEY_VERSION
    assert len(IDENTITY_KEY_VERSION) <= 32


def _simple_mappings():
    lines = (Path(__file__).parents[2] / "data" / "simple_lower_case.txt").read_text(encoding="ascii").splitlines()
    for line in lines:
        if not line.startswith("#"):
            first, last, step, more = line.split()
            for code in range(int(first, 16), int(last, 16) + 1, int(step)):
                yield code, code + int(more)


def test_lower_case_is_the_simple_mapping_of_each_code_point():
    """Against the table of Unicode 15.0. Only İ differs, whose small letter would be somebody else's i."""
    mapping = dict(_simple_mappings())
    assert len(mapping) == 1433
    assert mapping[0x130] == 0x69
    del mapping[0x130]
    for code in range(sys.maxunicode + 1):
        # One letter at a time, and as NFC has it: the Kelvin sign is a K.
        letter = unicodedata.normalize("NFC", chr(code))
        expected = unicodedata.normalize("NFC", "".join(chr(mapping.get(ord(each), ord(each))) for each in letter))
        if 0xA7CB <= code <= 0xA7DC or 0x10D50 <= code <= 0x10D65 or 0x16EA0 <= code <= 0x16EB8:
            continue  # letters that are younger than the table
        assert simple_lower(letter) == expected, hex(code)


@pytest.mark.parametrize("text", ["ΑΣ", "ΑΣ ", "Σ", "ΑΣΑ", "aΣ"])
def test_a_sigma_is_the_same_wherever_it_stands(text):
    assert "ς" not in simple_lower(text)
    assert "σ" in simple_lower(text)


def test_what_to_look_for_in_texts():
    assert search_keys(identity_key("Ann@x.org")) == {"ann@x.org"}
    bookseller = {"ann@bücher.example", "ann@xn--bcher-kva.example"}
    assert search_keys(identity_key("ann@bücher.example")) == bookseller
    assert search_keys(identity_key("ann@xn--bcher-kva.example")) == bookseller
    assert search_keys(identity_key("ann@my_host.example")) == {"ann@my_host.example"}
    assert search_keys(identity_key("weiß@x.org")) == {"weiss@x.org"}
    assert search_keys(identity_key("ann@straße.example")) == {"ann@strasse.example", "ann@xn--strae-oqa.example"}
    assert search_keys(identity_key("ann@bücher.küche.example")) == {
        "ann@bücher.küche.example",
        "ann@xn--bcher-kva.küche.example",
        "ann@bücher.xn--kche-0ra.example",
        "ann@xn--bcher-kva.xn--kche-0ra.example",
    }
    assert search_keys(identity_key("Ann-Login")) == {"ann-login"}


# Labels of internationalised domains and what people type into them, besides anything.
_ADDRESSES = st.one_of(
    st.from_regex(r"\A[a-zA-ZäöüßÄÖÜẞςΣσİıſﬁ²0-9._+&'-]{1,12}@([a-zäöüßßÄÖÜςΣé0-9-]{1,8}\.){1,3}[a-zé]{2,4}\Z"),
    st.builds("{}@{}".format, st.text(max_size=12), st.text(max_size=20)),
    st.text(max_size=40),
)


@given(_ADDRESSES)
@example("ann@bücher.example")
@example("İ@x.org")
def test_whatever_is_an_address_is_looked_for_as_it_was_written(text):
    if is_address(text):
        assert address_key(text) in search_keys(identity_key(text))


@given(_ADDRESSES)
@example("\ud800@\ud800")
@example("a@xn--")
@example("a@" + "." * 300)
@example("a@\u0327")
def test_any_text_has_a_key_and_a_key_is_its_own(text):
    key = identity_key(text)
    if "@~" not in key:
        assert identity_key(key) == key


@given(_ADDRESSES)
def test_blanks_around_an_address_and_the_form_of_its_characters_make_no_other_mailbox(text):
    key = identity_key(text)
    assert identity_key(unicodedata.normalize("NFC", text)) == key
    assert identity_key(f"\u202a {text}\u202c\n") == key


@pytest.mark.parametrize(
    ("key", "others"),
    [
        # Taken now, refused once: in letters, as A-labels, each label either way.
        ("ann@xn--bcher-kva.example", {"ann@~bücher.example", "ann@~xn--bcher-kva.example"}),
        (
            "ann@xn--bcher-kva.xn--kche-0ra.example",
            {
                "ann@~bücher.küche.example",
                "ann@~bücher.xn--kche-0ra.example",
                "ann@~xn--bcher-kva.küche.example",
                "ann@~xn--bcher-kva.xn--kche-0ra.example",
            },
        ),
        # Refused now, taken once.
        ("ann@~☕.example", {"ann@xn--53h.example"}),
        ("ann@~xn--zzzzzz9.example", {"ann@xn--zzzzzz9.example"}),
        ("ann@~ab--cd.example", {"ann@ab--cd.example"}),
        # All tables make the same of these.
        ("ann@x.org", set()),
        ("jürgen@x.org", set()),
        ("~ann@x.org", set()),
        ("ann-login", set()),
        ("xn--bcher-kva", set()),
        ("", set()),
    ],
)
def test_the_keys_that_other_tables_make_of_a_domain(key, others):
    assert keys_of_other_tables(key) == others


@example("a@\ud800.example")
@example("a@x..☕")
@given(st.text(alphabet=st.characters(), max_size=40))
def test_every_key_is_asked_for_under_other_tables(text):
    """Nothing raises, and nobody else's key is asked for."""
    for part in (text, f"a@{text}", f"a@{text}☕", f"a@xn--{text}"):
        key = identity_key(part)
        assert key not in keys_of_other_tables(key)
