"""The words in which the table says what must have happened to a column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any


class AnyTime:
    """Stands for a time that the purge sets."""

    def __repr__(self) -> str:
        return "any time"


ANY_TIME = AnyTime()


@dataclass(frozen=True)
class Outcome:
    """What must have happened to a column.

    ``kind``: see below. ``also``: columns of the same row that change with it. ``then``: what follows elsewhere: the
    connector stops, the webhook stops, the session needs an instructor, the account is told.
    """

    kind: str
    also: Mapping[str, Any] = field(default_factory=dict)
    then: str = ""

    def with_(self, **also: Any) -> Outcome:
        return replace(self, also=also)


# ---------------------------------------------------------------- columns that point at a person who goes

#: The row is about the person: it is gone.
GOES = Outcome("goes")
#: The row names the person by content type and object id, as text.
GOES_BY_NUMBER = Outcome("goes by number")
#: The row is about something else: the column is null.
EMPTIED = Outcome("emptied")
#: The row is now the heir's.
HEIR = Outcome("heir")
#: The row is gone, unless others answered to it or share it: then it is nobody's, and emptied of what ``also`` says.
WITHDRAWN = Outcome("withdrawn")

# ---------------------------------------------------------------- texts that mention an address that is taken out

#: Only the address is replaced, by "[erased]".
REDACTED = Outcome("redacted")
#: The same, with the row's number behind it, since the text is unique.
NUMBERED = Outcome("numbered")
#: The column is empty (null where it can be).
BLANKED = Outcome("blanked")
#: The same; a value that is the person's login is blanked too.
LOGIN = Outcome("login")
#: The same; a filter in which the login stands as a word.
FILTER = Outcome("filter")
#: Only the address is gone from the list.
LISTED = Outcome("listed")
#: The row was made for the moment: it is gone.
ENDED = Outcome("ended")

# ---------------------------------------------------------------- files, and the rest

#: The file is gone when its row is, and stays otherwise.
FILE = Outcome("file")
#: The same; one that stays and mentions an address is listed, as nothing that was taken out.
FILE_OF_ONES_OWN = Outcome("file of one's own")
#: Also when it mentions an address, or cannot be opened: the row stays, with an empty name.
FILE_THAT_MENTIONS = Outcome("file that mentions")
#: The same, and with it all earlier files of the account; also when the account loses a person. The link is dead.
IMPORT_FILE = Outcome("import file")
#: As it was, byte for byte; nobody can type there.
STAYS = Outcome("stays")
#: Says something of the person, and is gone with the row that is about them.
WITH_ROW = Outcome("with row")

#: Kinds of columns that point at people.
REFERENCES = frozenset({"goes", "emptied", "heir", "withdrawn"})
#: Kinds of columns that mention addresses.
MENTIONS = frozenset({"redacted", "numbered", "blanked", "login", "filter", "listed"})


@dataclass(frozen=True)
class Model:
    """``account``: the path from a row to its account; None: of no account, and so cleaned by every purge.

    ``staff``: rows of the platform's own people are of no account too.
    """

    account: str | None
    columns: Mapping[str, Outcome]
    staff: bool = False


def model(account: str | None, *, staff: bool = False, **columns: Outcome) -> Model:
    return Model(account, columns, staff)
