"""Names that stand beside an address in a text where it is certain whose they are: in a header, a calendar, a card, a
table with headings (:mod:`purge.records.tables`), a JSON object (:mod:`purge.records.documents`).

``"Ann Archer" <ann@x.org>`` is the name of that address, and so is what an attendee is called, and all that a
card says of whom it is about. A name that somebody has typed into a sentence is not looked for.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from purge.addresses.decoders.finding import decoded_mentions
from purge.addresses.matching import mentions
from purge.addresses.rewriting import marker_for
from purge.records.documents import Cut, cuts_in_objects, header_values
from purge.records.tables import Span, cells_beside
from purge.records.whose import Gone

_LONGEST_NAME: Final = 300
#: What stands before "<ann@x.org>": a name in quotation marks, or in encoded words.
_NAMED: Final = re.compile(
    r"(?:(?<!\\)\"(?:[^\"\\\r\n]|\\.)*\"|=\?[\w-]+\?[BbQq]\?[^?\s]*\?=(?:\s+=\?[\w-]+\?[BbQq]\?[^?\s]*\?=)*)[ \t]*\Z"
)
_OPENING: Final = re.compile(r"<(?:mailto:)?\Z", re.IGNORECASE)
#: Headers of messages, and trailers of commits.
_HEADER: Final = re.compile(
    r"(?:(?:resent-)?(?:from|to|cc|bcc|reply-to|sender)|mail-followup-to|disposition-notification-to|return-receipt-to"
    r"|errors-to|x-original-(?:from|sender|to)|author|committer"
    r"|(?:acked|co-authored|reported|reviewed|signed-off|suggested|tested)-by)[ \t]*:",
    re.IGNORECASE,
)
#: Behind an address in a header: ``ann@x.org (Ann Archer)``.
_REMARK: Final = re.compile(r"[ \t]*\([^()\r\n]{1,300}\)")
#: A name without quotation marks, in a header: from the last separator on.
_UNQUOTED: Final = re.compile(r"[^\s,;:<>@\"][^,;:<>@\"]*\Z")
_PROPERTY: Final = re.compile(r"^(?:ATTENDEE|ORGANIZER|CONTACT)(?:[^\r\n]|\r?\n[ \t])*", re.IGNORECASE | re.MULTILINE)
_COMMON_NAME: Final = re.compile(r"(?<=;)(CN=)(\"[^\"\r\n]*(?:\r?\n[ \t][^\"\r\n]*)*\"|[^;:\",]*)", re.IGNORECASE)
#: Of somebody else: who stands for the attendee, or whom the attendee stands for.
_OF_OTHERS: Final = re.compile(
    r";(?:SENT-BY|DELEGATED-FROM|DELEGATED-TO|MEMBER|DIR)=(?:\"[^\"]*\"(?:,\"[^\"]*\")*|[^;:\"]*)", re.IGNORECASE
)
_CARD: Final = re.compile(r"^BEGIN:VCARD\b.*?^END:VCARD\b", re.IGNORECASE | re.MULTILINE | re.DOTALL)
_LINE_OF_CARD: Final = re.compile(r"^(?:[\w-]+\.)?([\w-]+)((?:;[^:\r\n]*)?):((?:[^\r\n]|\r?\n[ \t])*)", re.MULTILINE)
_SORTED_AS: Final = re.compile(r"(?<=;SORT-AS=)(?:\"[^\"\r\n]*\"|[^;:\"\r\n]*)", re.IGNORECASE)
# fmt: off
_OF_A_PERSON: Final = frozenset((
    "ADR", "ANNIVERSARY", "BDAY", "FN", "GENDER", "GEO", "IMPP", "LABEL", "N", "NICKNAME", "PHOTO", "SORT-STRING",
    "SOUND", "TEL", "URL", "X-PHONETIC-FIRST-NAME", "X-PHONETIC-LAST-NAME", "X-SKYPE", "X-SOCIALPROFILE",
))
# fmt: on


def without_names(text: str, keys: Collection[str], *, spared: Collection[str] = ()) -> str:
    """The text without what is said beside the addresses of the keys; these stay, for whoever takes them out."""
    if not any(sign in text for sign in "<:\n\r"):
        return text
    found = [*mentions(text, keys, spared), *decoded_mentions(text, keys, spared)]
    if not found:
        return text
    headers = header_values(text) if "{" in text else []
    cuts = [cut for mention in found for cut in _beside(text, mention.start, mention.end, headers)]
    for each, name in ((_PROPERTY, _named_in_property), (_CARD, _named_in_card)):
        for part in each.finditer(text):
            if any(part.start() <= mention.start < part.end() for mention in found):
                cuts += name(part, [(mention.start, mention.end) for mention in found])
    if "\n" in text or "\r" in text:
        cells = cells_beside(text, {Span(mention.start, mention.end) for mention in found})
        cuts += (Cut(*cell, marker_for(cell.end - cell.start)) for cell in cells)
    if "{" in text:
        cuts += cuts_in_objects(text, Gone(keys, spared, homes=(), written=()))
    return _without(text, cuts)


def _without(text: str, cuts: Collection[Cut]) -> str:
    """Where one stands within another, the other is what counts."""
    pieces: list[str] = []
    done = 0
    for cut in sorted(set(cuts), key=lambda each: (each.start, -each.end, each.new)):
        if cut.start >= done:
            pieces += text[done : cut.start], cut.new
            done = cut.end
    return "".join((*pieces, text[done:]))


def _beside(text: str, start: int, end: int, headers: Collection[Span]) -> Iterator[Cut]:
    """The name before an address in angle brackets, or in brackets behind one in a header."""
    in_header = _in_header(text, start) or any(each.start < start and end < each.end for each in headers)
    if in_header and (remark := _REMARK.match(text, end)):
        yield Cut(end, remark.end(), "")
    floor = max(0, start - _LONGEST_NAME)
    before = text[floor:start]
    bracket = _OPENING.search(before)
    if bracket is None or text[end : end + 1] != ">":
        return
    before = before[: bracket.start()]
    name = _NAMED.search(before) or (_UNQUOTED.search(before) if in_header else None)
    if name is not None and "@" not in name.group():
        yield Cut(floor + name.start(), floor + bracket.start(), "")


def _in_header(text: str, place: int) -> bool:
    """Whether a place is in the header of a message, on whichever of its lines."""
    begins = place
    while True:
        begins = max(text.rfind(sign, 0, begins) for sign in "\r\n") + 1
        if begins == 0 or text[begins : begins + 1] not in " \t":
            return bool(_HEADER.match(text[begins : begins + 60]))
        begins -= 1


def _named_in_property(part: re.Match[str], found: list[tuple[int, int]]) -> Iterator[Cut]:
    """What the attendee is called, unless the address is only that of somebody who stands for them."""
    others = [(part.start() + each.start(), part.start() + each.end()) for each in _OF_OTHERS.finditer(part.group())]
    if not any(
        part.start() <= start and end <= part.end() and not any(a <= start and end <= b for a, b in others)
        for start, end in found
    ):
        return
    for name in _COMMON_NAME.finditer(part.group()):
        inner = name.group(2).strip('"')
        if inner:
            start = part.start() + name.start(2)
            marks = '"' if name.group(2).startswith('"') else ""
            yield Cut(start, part.start() + name.end(2), f"{marks}{marker_for(len(inner))}{marks}")


def _named_in_card(part: re.Match[str], found: list[tuple[int, int]]) -> Iterator[Cut]:
    """All of a card whose own address it is; one that only names somebody (a note, an agent) is another's."""
    lines = list(_LINE_OF_CARD.finditer(part.group()))
    if not any(line.group(1).upper() == "EMAIL" and _holds(part, line, found) for line in lines):
        return
    for line in lines:
        for name in _SORTED_AS.finditer(line.group(2)):
            start = part.start() + line.start(2)
            yield Cut(start + name.start(), start + name.end(), marker_for(name.end() - name.start()))
        if line.group(1).upper() in _OF_A_PERSON and line.group(3):
            start = part.start() + line.start(3)
            yield Cut(start, part.start() + line.end(3), marker_for(len(line.group(3))))


def _holds(part: re.Match[str], line: re.Match[str], found: list[tuple[int, int]]) -> bool:
    start, end = part.start() + line.start(3), part.start() + line.end(3)
    return any(start <= each_start and each_end <= end for each_start, each_end in found)
