"""For how long evidence is kept: of what kinds there is, the standard periods, and what an app declares to go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import models
from django.utils.translation import gettext_lazy as _


class Evidence(models.TextChoices):
    """Kinds of evidence that have a period of their own."""

    REQUESTS = "requests", _("Purge requests that are over, their history and keyed hashes")
    SIGN_INS = "sign_ins", _("Sign-in log")
    MAILS = "mails", _("Sent mails")
    LOOK_UPS = "look_ups", _("Who looked somebody up, and who had names shown in a report")
    EXPORTS = "exports", _("Exports: files that were made, and who took data out")
    IMPORT_FILES = "import_files", _("Files of user imports")


#: Days; of requests so many whole years as these are, counted from the end of the year in which they ended.
STANDARD: Final[Mapping[Evidence, int]] = {
    Evidence.REQUESTS: 3 * 365,
    Evidence.SIGN_INS: 180,
    Evidence.MAILS: 365,
    Evidence.LOOK_UPS: 365,
    Evidence.EXPORTS: 365,
    Evidence.IMPORT_FILES: 365,
}
#: A shorter period would take what people still work with.
SHORTEST: Final[Mapping[Evidence, int]] = {kind: 365 if kind == Evidence.REQUESTS else 30 for kind in Evidence}
LONGEST_DAYS: Final = 100 * 365


@dataclass(frozen=True)
class GoesAfter:
    """Rows of a model that go when the period of their kind is over. Nothing may point at them.

    ``moment``: the column that says since when. ``only``: which rows, as a filter. ``files``: columns whose stored
    files go before. ``row_stays``: the files go alone, and the columns are emptied. ``account``: the path to the row's
    account; rows of an account that is in an open purge request stay, since that may need them.
    """

    kind: Evidence
    model: str
    moment: str
    only: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    row_stays: bool = False
    account: str = ""
