"""What people, programs and attackers type: the inputs that once broke a page, and whatever else can be made up."""

from __future__ import annotations

import json
from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

#: Each of these goes into every page's address and into every kind of form field.
KNOWN: tuple[str, ...] = (
    "",
    " ",
    # What a number's or a row's box was given.
    "text",
    "-1",
    "0",
    "1.5",
    "1e999",
    "NaN",
    "-Infinity",
    "٣",
    "²",
    "1_000",
    "0x1f",
    "2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "12345678901234567890",
    "9" * 30,
    "9" * 6_000,
    "1" + "0" * 400,
    # Characters that a database, a page or a header cannot take.
    "\x00",
    "a\x00b",
    "\ud800",
    "a\udfffb",
    "\ufffd\ufffe\uffff",
    "line\r\nbreak: yes",
    "\u2028\u202e\u200f",
    "İıſßẞ",
    "é" * 300,
    "😀" * 200,
    "x" * 5_000,
    " " * 300,
    "%00%ff%zz%",
    "%ED%A0%80",
    "'\";--<script>{{ 1 }}{% x %}",
    "../../../../etc/passwd",
    "\\\\?\\C:\\nul",
    # Days and times at and behind the edge.
    "0000-00-00",
    "0001-01-01",
    "9999-12-31",
    "10000-01-01",
    "2026-02-30",
    "9999-12-31T23:59:59-12:00",
    "0001-01-01T00:00:00+14:00",
    "2026-13",
    "0000-01",
    "9999-12",
    "99:99:99",
    "24:00",
    "5. May",
    # Addresses, URLs, names.
    "@",
    "a@",
    "a" * 64 + "@" + "b" * 250 + ".example",
    "a@xn--a.example",
    "a@" + "ü" * 60 + ".example",
    '"a b"@[127.0.0.1]',
    "a@b.example\nBcc: c@d.example",
    "http://[::1",
    "https://[::1]:99999/",
    "https://" + "a" * 300 + ".example/",
    "javascript:alert(1)",
    "//elsewhere.example",
    # JSON.
    "[" * 3_000 + "]" * 3_000,
    '{"a": NaN}',
    '{"a": Infinity}',
    '{"a": 1e999}',
    '{"a": ' + "9" * 6_000 + "}",
    '{"a": "\\ud800"}',
    '{"a": "\\u0000"}',
    '{"\\u0000": 1}',
    '{"a": 1, "a": 2}',
    "null",
    "[]",
    '""',
    "{",
    # What ids, signatures and states look like.
    "1:1abcde:xyz",
    "e30:1abcde:xyz",
    "PUR-7Q4M-2KX9-H",
    "00000000-0000-0000-0000-000000000000",
    "__all__",
    "id__in",
    "-pk.0.-1",
    "pk=1&pk=2",
)

_digits = st.integers(min_value=-(10**40), max_value=10**40).map(str)
_dates = st.from_regex(
    r"\A\d{1,5}-\d{1,2}-\d{1,2}([T ]\d{1,2}:\d{1,2}(:\d{1,2})?(Z|[+-]\d{2}:\d{2})?)?\Z", fullmatch=True
)
_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
).map(json.dumps)
_texts = st.text(st.characters(codec=None), max_size=60)
_long = st.builds(lambda text, times: text * times, st.text(min_size=1, max_size=3), st.integers(1, 3_000))
_addresses = st.builds("{}@{}.{}".format, *[st.text(max_size=12)] * 3)

#: One thing typed. Shrinks to the shortest text that still does it.
typed: st.SearchStrategy[str] = st.one_of(_texts, _digits, _dates, _json, _addresses, _long, st.sampled_from(KNOWN))


T = TypeVar("T")


def gathered(strategy: st.SearchStrategy[T], number: int, count: int) -> list[T]:
    """So many different examples that Hypothesis makes from this seed: the same ones each time."""
    found: dict[T, None] = {}

    @seed(number)
    @settings(
        max_examples=2 * count, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=HealthCheck
    )
    @given(strategy)
    def gather(example: T) -> None:
        found.setdefault(example)

    gather()
    return list(found)[:count]


def made_up(number: int, count: int) -> list[str]:
    """So many things typed."""
    return gathered(typed, number, count)


#: A body and the content type that it claims.
bodies: st.SearchStrategy[tuple[bytes, str]] = st.tuples(
    st.binary(max_size=200) | st.builds(lambda text: text.encode("utf-8", "surrogatepass"), _json | _texts),
    st.sampled_from(
        (
            "application/x-www-form-urlencoded",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-www-form-urlencoded; charset=rot13",
            "application/x-www-form-urlencoded; charset=no-such-charset",
            "application/json",
            "multipart/form-data; boundary=b",
            "multipart/form-data; boundary=",
            "multipart/form-data",
            "application/x-www-form-urlencoded; charset*=utf-8''%00",
            "application/x-www-form-urlencoded; charset*=nonsense''x",
            "text/plain; charset=\x00",
            "",
        )
    ),
)
