"""Lines of the purge log that this database knows nothing of: what a restored backup meets there."""

from purge.installation.identity import installation
from purge.journal import chains, site_fence

UNKNOWN = "PUR-7Q4M-2KX9-H"


def purge_written(*people, reference: str = UNKNOWN) -> str:
    """A purge of these people that was accepted and completed after the backup. Its request ID."""
    owner = installation().pk
    going = [[person.pk, str(person.public_id), person.account_id, person.added_at.isoformat()] for person in people]
    line = {"event": "accepted", "request": reference, "n": 1, "people": going}
    place = chains.append(owner, line, to_disk=True)
    for number, event in enumerate(("committed", "completed"), start=1):
        line = {"event": event, "request": reference, "n": number, "confirms": [place.chain, place.seq]}
        chains.append(owner, line, to_disk=True)
    site_fence.forget()
    return reference
