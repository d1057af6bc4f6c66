"""Taking addresses out of texts, JSON values and lists, leaving everything else exactly as it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any, Final

from purge.addresses.decoders.finding import all_mentions
from purge.addresses.embedded import embedded_in
from purge.addresses.identity import identity_key
from purge.addresses.matching import Mention, address_key, emails_in, is_address, mentions
from purge.addresses.tokens import ids_in

ERASED: Final = "[erased]"
# Longest first. What stands for an address is never longer than it was: columns have an end.
MARKERS: Final = (ERASED, "[gone]", "[…]")
_LINE: Final = re.compile(r"[^\r\n]+")
_MARK: Final = re.compile(r'(?<!\\)"')
_BETWEEN: Final = re.compile(r"[^\S\r\n]*[;,\r\n]\s*")


def redact(text: str, keys: Collection[str], replacement: str | None = None, *, spared: Collection[str] = ()) -> str:
    """The text with every mention of the keys replaced; the same object when there is none.

    What mentions one in another code (a token, a part of a message in base64) is replaced as a whole.

    ``spared``, here and below: identity keys of other people, whose addresses stay whatever they look like.

    Without a ``replacement`` each becomes the longest of the :data:`MARKERS` that is not longer than it, so the text
    never grows. Raises ``ValueError`` when the replacement itself could mention an address.
    """
    if "@" in (replacement or ""):
        raise ValueError("The replacement must not hold an address.")
    # Mentions can overlap ("a@b.cd@e.fg"): what is left of the second may mention a key again. Each round takes an
    # at-sign away, in whatever writing, and brings none, so this ends; nearly always after the first.
    while found := all_mentions(text, keys, spared):
        pieces: list[str] = []
        done = 0
        for mention in found:
            marker = marker_for(mention.end - mention.start) if replacement is None else replacement
            pieces += text[done : mention.start], marker
            done = mention.end
        text = "".join((*pieces, text[done:]))
    return text


def marker_for(length: int) -> str:
    """What is written in the place of an address that took so many characters."""
    return next((marker for marker in MARKERS if len(marker) <= length), "…" * min(length, 1))


def holds_marker(text: str) -> bool:
    """Whether something was taken out of this text."""
    return any(marker in text for marker in MARKERS)


def strings_in_json(value: Any) -> Iterator[str]:
    """All strings of a JSON value, names of properties included."""
    todo = [value]
    while todo:
        match todo.pop():
            case str() as text:
                yield text
            case dict() as properties:
                todo += properties.keys()
                todo += properties.values()
            case list() as items:
                todo += items


def emails_in_json(value: Any) -> set[str]:
    """The keys of all addresses mentioned in the strings of a JSON value, names of properties included, and of the IDs
    that its properties tell."""
    return ids_in(value).union(*map(emails_in, strings_in_json(value)))


def redact_json(
    value: Any, keys: Collection[str], replacement: str | None = None, *, spared: Collection[str] = ()
) -> Any:
    """A copy of the JSON value with every mention of the keys replaced; the same object when there is none.

    Names of properties that become equal are numbered, so that no value is lost.
    """
    return changed_json(value, partial(redact, keys=keys, replacement=replacement, spared=spared))


def changed_json(value: Any, change: Callable[[str], str]) -> Any:
    """A copy of the JSON value with each of its strings, names of properties included, as ``change`` makes it; the
    same object when it changes none. Names that become equal are numbered."""
    new = {text: changed for text in set(strings_in_json(value)) if (changed := change(text)) != text}
    if not new:
        return value
    top = [value]
    todo: list[Any] = [top]
    while todo:
        container = todo.pop()
        if isinstance(container, dict):
            _rename_properties(container, new)
        for place, item in container.items() if isinstance(container, dict) else enumerate(container):
            if isinstance(item, str):
                container[place] = new.get(item, item)
            elif isinstance(item, dict | list):
                container[place] = item.copy()
                todo.append(container[place])
    return top[0]


def _rename_properties(properties: dict[str, Any], renamed: Mapping[str, str]) -> None:
    if renamed.keys().isdisjoint(properties):
        return
    before = dict(properties)
    taken = before.keys() - renamed.keys()
    properties.clear()
    for name, item in before.items():
        new = renamed.get(name, name)
        if new != name:
            number = 1
            while new in taken:
                number += 1
                new = f"{renamed[name]} {number}"
            taken.add(new)
        properties[new] = item


def names_one(text: str, keys: Collection[str], *, spared: Collection[str] = ()) -> bool:
    """Whether what holds one address or login names one of the keys. Where it is an address, it is that one alone."""
    if is_address(text):
        if identity_key(text) in spared:
            return False
        embedded = {key for _start, _end, key in embedded_in(text) if identity_key(key) not in spared}
        return address_key(text) in keys or not embedded.isdisjoint(keys)
    return bool(all_mentions(text, keys, spared))


def list_without(text: str, keys: Collection[str], *, spared: Collection[str] = ()) -> str:
    """A list (``;``, ``,`` or line breaks between its entries) without the entries that mention the keys.

    The other entries stay as they are; the same object when there is none to take out. An entry that is an address is
    compared whole; one that mentions another address too only loses the mention.
    """
    if not all_mentions(text, keys, spared):
        return text
    kept: list[tuple[str, str]] = []
    for entry, separator in entries_of(text, keys):
        rest = _entry_without(entry, keys, spared)
        if rest is not None:
            kept.append((rest, separator))
    if kept and kept[-1][1]:
        # The last entry went: the one before it now ends the list.
        kept[-1] = (kept[-1][0], "")
    left = "".join(entry + separator for entry, separator in kept)
    if left == text:
        return text
    # Mentions can overlap the separators, but not those of an entry that is an address of its own.
    whole = any(is_address(entry) and mentions(entry, keys, spared) for entry, _separator in kept)
    return left if whole else redact(left, keys, "", spared=spared)


def entries_of(text: str, keys: Collection[str] = ()) -> list[tuple[str, str]]:
    """The entries of a list, each with the separator after it; none is cut in quotation marks."""
    return _entries(text, _cuts(text, [*mentions(text, keys), *mentions(text)]))


def _cuts(text: str, addresses: list[Mention]) -> list[tuple[int, int]]:
    """The spans of the separators that are no part of an address (``ann&#64;x.org``)."""
    inside = bytearray(len(text))
    for address in addresses:
        inside[address.start : address.end] = b"\1" * (address.end - address.start)
    quoted = _quoted(text)
    cuts = [
        match.span()
        for match in _BETWEEN.finditer(text)
        if 1 not in inside[match.start() : match.end()]
        and not any(start < match.start() < end for start, end in quoted)
    ]
    if any(";" in text[start:end] for start, end in cuts):
        # "Archer, Ann <ann@x.org>; Baker, Bob <bob@q.org>": there a comma behind no address is a part of a name.
        cuts = [cut for cut in cuts if text[slice(*cut)].strip() != "," or _follows_address(cut[0], cuts, inside)]
    return cuts


def _quoted(text: str) -> list[tuple[int, int]]:
    """What stands in quotation marks, on lines on which each mark has its other."""
    found: list[tuple[int, int]] = []
    for line in _LINE.finditer(text):
        marks = [match.start() for match in _MARK.finditer(text, line.start(), line.end())]
        if len(marks) % 2 == 0:
            found += zip(marks[::2], marks[1::2], strict=True)
    return found


def _follows_address(place: int, cuts: list[tuple[int, int]], inside: bytearray) -> bool:
    """Whether an address stands between the separator before a place and it."""
    begins = max((end for _start, end in cuts if end <= place), default=0)
    return 1 in inside[begins:place]


def _entries(text: str, cuts: list[tuple[int, int]]) -> list[tuple[str, str]]:
    """The entries of a list, each with the separator after it."""
    entries: list[tuple[str, str]] = []
    done = 0
    for start, end in cuts:
        entries.append((text[done:start], text[start:end]))
        done = end
    return [*entries, (text[done:], "")]


def _entry_without(entry: str, keys: Collection[str], spared: Collection[str]) -> str | None:
    if is_address(entry):
        return None if names_one(entry, keys, spared=spared) else entry
    found = all_mentions(entry, keys, spared)
    if not found:
        return entry
    # What holds it (a guest's name, a return path) is no other address.
    others = [each for each in mentions(entry) if all(each.end <= it.start or it.end <= each.start for it in found)]
    rest = redact(entry, keys, "", spared=spared)
    return rest.strip() if others and mentions(rest) else None
