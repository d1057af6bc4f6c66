"""Tables in texts, as spreadsheets and exports write them: a row that is about an address is its person's.

Which cell tells whom a row is about, and which are the person's, the line of headings says; a row without headings may
be about anybody (``Bo Baker;ann@x.org`` may be Bo, whose manager Ann is), and stays but for the address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from typing import Final, NamedTuple

from purge.addresses.tokens import is_named, plain_name

_SEPARATORS: Final = (";", "\t", ",", "|")
#: No line of headings is longer, nor a cell.
_LONGEST: Final = 4_000
_LINE: Final = re.compile(r"[^\r\n]+")
_BARE: Final = re.compile(r"\s*(?:mailto:)?(.*?)\s*\Z", re.IGNORECASE | re.DOTALL)
#: Headings (small letters and digits, without accents) of cells that tell by an address whom their row is about.
# fmt: off
_TELLING: Final = frozenset((
    "adressemail", "adresseemail", "correo", "correoelectronico", "courriel", "email", "emailaddress", "emailadres",
    "emailadresse", "emailid", "enderecodeemail", "indirizzoemail", "login", "loginname", "mail", "mailadresse",
    "posta", "preferredusername", "primaryemail", "upn", "useremail", "username", "userprincipalname", "workemail",
))
#: Headings of cells that are the person's.
_OF_A_PERSON: Final = frozenset((
    "achternaam", "apellido", "apellidos", "cognome", "displayname", "familyname", "firstname", "fullname", "givenname",
    "handy", "lastname", "mobile", "mobilephone", "nachname", "naam", "name", "nom", "nombre", "nome", "personalnummer",
    "matricule", "matricola", "mitarbeiternummer", "phone", "phonenumber", "prenom", "sobrenome", "surname", "telefon",
    "telefono", "telefone", "telefoon", "telephone", "username", "voornaam", "vorname", "vollstandigername",
))
# fmt: on
_JAPANESE: Final = frozenset(("名前", "氏名", "姓", "名", "社員番号"))
_JAPANESE_ADDRESSES: Final = frozenset(("メール", "メールアドレス", "電子メール"))


class Span(NamedTuple):
    """From where to where in a text."""

    start: int
    end: int


def cells_beside(text: str, found: Collection[Span]) -> Iterator[Span]:
    """What stands in a row of a table beside one of the addresses found and is its person's: without quotation marks,
    nothing that is empty."""
    place = 0
    while (line := _LINE.search(text, place)) is not None:
        place = line.end()
        for separator in _SEPARATORS if _may_be_headings(line.group()) else ():
            headings, after = _row(text, line.start(), separator)
            if not _has_headings(text, headings):
                continue
            while after < len(text):
                row, behind = _row(text, after, separator)
                if len(row) != len(headings):
                    break
                yield from _of_a_person(text, headings, row, found)
                place = after = behind
            break


def _may_be_headings(line: str) -> bool:
    return len(line) <= _LONGEST and "@" not in line


def _has_headings(text: str, cells: list[Span]) -> bool:
    names = [_heading(text[cell.start : cell.end]) for cell in cells]
    return len(names) > 1 and any(map(_tells, names)) and any(not _tells(name) and _is_theirs(name) for name in names)


def _of_a_person(text: str, headings: list[Span], row: list[Span], found: Collection[Span]) -> Iterator[Span]:
    theirs: list[Span] = []
    told = False
    for heading, cell in zip(headings, row, strict=True):
        name = _heading(text[heading.start : heading.end])
        bare = _bare(text, cell)
        if _tells(name) and bare in found:
            told = True
        elif _tells(name) and "@" in text[bare.start : bare.end]:
            return  # it may be about whoever has that one
        elif _is_theirs(name) and bare.start < bare.end:
            theirs.append(bare)
    if told:
        yield from theirs


def _row(text: str, start: int, separator: str) -> tuple[list[Span], int]:
    """The cells of a row, and where the next one begins."""
    cells: list[Span] = []
    while True:
        cell = _cell(separator).match(text, start)
        if cell is None:
            return [], len(text)
        quoted = cell.start(1) >= 0
        cells.append(Span(*cell.span(1 if quoted else 2)))
        start = cell.end()
        if cell.group(3) != separator:
            return cells, start


@cache
def _cell(separator: str) -> re.Pattern[str]:
    sign = re.escape(separator)
    quoted = rf'"((?:[^"]|""){{0,{_LONGEST}}})"[ ]*'
    unquoted = rf'([^"{sign}\r\n][^{sign}\r\n]{{0,{_LONGEST}}}|)'
    return re.compile(rf"[ ]*(?:{quoted}|{unquoted})({sign}|\r\n|\r|\n|\Z)")


def _bare(text: str, cell: Span) -> Span:
    bare = _BARE.match(text[cell.start : cell.end])
    assert bare is not None
    return Span(cell.start + bare.start(1), cell.start + bare.end(1))


def _heading(written: str) -> str:
    """The heading in small letters and digits, without accents; one in another script as it is."""
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", written) if not unicodedata.combining(sign))
    return plain_name(letters) or unicodedata.normalize("NFKC", written).strip()


def _tells(name: str) -> bool:
    return name in _TELLING or name in _JAPANESE_ADDRESSES


def _is_theirs(name: str) -> bool:
    return name in _OF_A_PERSON or name in _JAPANESE or is_named(name)
