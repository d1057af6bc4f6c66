"""Which releases have worked on this database: whoever is not the newest leaves alone what a newer one has begun.

While workers are replaced one by one, two releases work side by side. An older one knows fewer rules: it would leave
rows behind, and would not look for them. `migrate` makes its release the newest, and so does whoever is the first of a
release to accept or to claim something.
"""

from __future__ import annotations

from django.db import transaction

from purge.installation.identity import installation
from purge.models import Installation
from purge.rules.release import this_release

#: So many are remembered.
MOST = 20

_noted: set[str] = set()


def may_work_on(begun_by: str) -> bool:
    """Whether this release may take a request that this one has accepted or planned; "": one without such a mark."""
    if begun_by in ("", this_release()):
        return True
    note_release()
    return _known()[-1:] == [this_release()]


def note_release() -> None:
    """Remember this release, as the newest if it was never seen here."""
    if this_release() not in _noted:
        if this_release() not in _known():
            make_newest()
        _noted.add(this_release())


def make_newest() -> None:
    """This release counts as the newest from now on, whichever was before: also where an earlier one is put back."""
    here = installation()
    with transaction.atomic():
        row = Installation.objects.select_for_update().get(pk=here.pk)
        others = [each for each in row.releases.split() if each != this_release()]
        row.releases = " ".join([*others, this_release()][-MOST:])
        row.save(update_fields=["releases"])


def _known() -> list[str]:
    """Oldest first."""
    return installation().releases.split()
