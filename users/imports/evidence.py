"""Whether the cells of a column can mean what its heading says.

Asked of the first rows, before anybody is asked to look: a column of "Full-time" is nobody's name, and the "state" of
an address no state of a user. Two cells prove nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from users.imports.parsing import is_date, key_of, longest, says_no_manager
from users.imports.words.cells import KINDS, NO, STATES, YES
from users.imports.words.spelling import bare

#: Of fewer cells nothing can be said.
FEWEST = 3
#: A family has one last name, a small company two people of one first name.
_FEWEST_OF_NAMES = 10


def speaks_against(
    name: str, cells: Sequence[str], *, yes_no: bool = False, login: bool = False, company: str = ""
) -> bool:
    """Whether these cells (cleaned, none of them empty) cannot be a column of this field.

    ``yes_no``: a yes or no answers the heading. ``login``: it may mean what somebody signs in with. ``company``: stands
    for the manager of whoever has none.
    """
    if len(cells) < FEWEST:
        return False
    if name == "state":
        words = STATES.keys() | YES | NO if yes_no else STATES.keys()
        return _share(cells, lambda text: bare(text) in words) < 0.5
    if name == "manager":
        return _share(cells, lambda text: says_no_manager(text, company) or key_of(text) is not None) < 0.5
    if name == "name" and login and _share(cells, lambda text: text.isascii() and " " not in text) > 0.5:
        return True
    return _AGAINST[name](cells)


def _share(cells: Sequence[str], fits: Callable[[str], bool]) -> float:
    return sum(1 for text in cells if fits(text)) / len(cells)


def _different(cells: Sequence[str]) -> float:
    return len({text.casefold() for text in cells}) / len(cells)


def _is_address(text: str) -> bool:
    return key_of(text) is not None


def _has_letters(text: str) -> bool:
    return any(letter.isalpha() for letter in text)


def _is_no_title(text: str) -> bool:
    return _is_address(text) or not _has_letters(text) or bare(text) in YES | NO


def _name(cells: Sequence[str]) -> bool:
    strange = _share(cells, lambda text: not _has_letters(text) or _is_address(text))
    return strange > 0.5 or _different(cells) < 0.5


def _part_of_name(cells: Sequence[str]) -> bool:
    strange = _share(cells, lambda text: not _has_letters(text) or _is_address(text))
    return strange > 0.5 or (len(cells) >= _FEWEST_OF_NAMES and _different(cells) < 0.1)


def _unique_id(cells: Sequence[str]) -> bool:
    return _different(cells) < 0.5 or _share(cells, lambda text: len(text) > longest("unique_user_id")) > 0.5


_AGAINST: dict[str, Callable[[Sequence[str]], bool]] = {
    "name": _name,
    "first_name": _part_of_name,
    "last_name": _part_of_name,
    "email": lambda cells: _share(cells, _is_address) < 0.5,
    "unique_user_id": _unique_id,
    "profile": lambda cells: _share(cells, _is_no_title) > 0.5,
    "deleted_at": lambda cells: _share(cells, is_date) < 0.5,
    "kind": lambda cells: _share(cells, lambda text: bare(text) in KINDS) < 0.8,
    "adobe_id": lambda cells: _different(cells) < 0.5 or _share(cells, lambda text: " " in text) > 0.5,
}
