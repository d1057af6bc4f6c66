"""Whom a restored backup brought back: the people of requests that only the purge log knows, found in this database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from purge.host import Person, get_host
from purge.journal.purges import LoggedPurge, read_purges

#: People asked for in one question.
AT_ONCE = 500


def brought_back(references: Iterable[str], read: Mapping[str, int]) -> dict[str, list[int]]:
    """Request ID → numbers of the users here whom it had in its scope, known by their public ids.

    Numbers are given out anew after a restore: a number is nobody. ``read``: the chains, each with how many bytes of it
    this database has read. Raises OSError.
    """
    asked = set(references)
    purges = [purge for purge in read_purges(read, wanted=asked.__contains__, past=read).purges if purge.told]
    present = people_here(purges)
    return {
        purge.reference: sorted(present[each.public_id].id for each in purge.people if each.public_id in present)
        for purge in purges
    }


def people_here(purges: Collection[LoggedPurge]) -> dict[str, Person]:
    """Public id → the user of this database, of everybody whom these purges were about."""
    wanted = sorted({person.public_id for purge in purges for person in purge.people})
    found: dict[str, Person] = {}
    for first in range(0, len(wanted), AT_ONCE):
        found |= {
            person.public_id: person for person in get_host().people_by_public_id(wanted[first : first + AT_ONCE])
        }
    return found
