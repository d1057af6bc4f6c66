"""Whether a text about a request names one of its people.

Before they are purged they are there to be compared with; afterwards keyed hashes are: of their identifiers, by which
*was this person purged?* is answered, and of the words of their names.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from purge.addresses import emails_in, identity_key
from purge.choices import IdentifierKind
from purge.hashing import HASH_BYTES, HashKeyMissing, asked_digests, fingerprint, form_of, hasher
from purge.host import Person, get_host
from purge.models import IdentifierSet, PurgeRequest, SuppressionHash
from purge.routes.names import NAME, SHORTEST_WORD, squeezed, words_of_name, words_of_text

#: Shorter identifiers, and numbers, have to be a word of their own.
SHORTEST_PART = 6
_MARKS = ".,;:!?()[]{}<>\"'“”„’\u2018«»"
_KINDS = (IdentifierKind.EMAIL, IdentifierKind.LOGIN, IdentifierKind.UNIQUE_ID, IdentifierKind.PUBLIC_ID)


class CannotTell(Exception):
    """Nobody can say any more whether the text names one of the people: what it would be compared with is not there."""


def names_people(text: str, people: Iterable[Person]) -> bool:
    """Whether a text has any email address, or a name, login or ID of one of these people, who are still there."""
    if emails_in(text):
        return True
    people = list(people)
    words, letters = set(words_of_text(text)), squeezed(text)
    names = get_host().names([person.id for person in people])
    if any(words & words_of_name(name) for name in names.values()):
        return True
    words |= {squeezed(part) for part in _written(text)}
    for whole, parts in (_identifiers(person) for person in people):
        if any(len(each) >= SHORTEST_PART and not each.isdigit() and each in letters for each in whole):
            return True
        if words & (whole | parts):
            return True
    return False


def names_purged(text: str, purge_request: PurgeRequest) -> bool:
    """The same for the people of a request in its own account, whether they are still there or not.

    Raises :class:`CannotTell` where they are not and what is left of them was hashed with another key, or by a release
    that kept no hashes of names.
    """
    if emails_in(text):
        return True
    account_id = purge_request.account_id or 0
    subjects = set(purge_request.subjects.filter(account_id=account_id).values_list("person_id", flat=True))
    there = get_host().people(subjects)
    gone = subjects - {person.id for person in there}
    return names_people(text, there) or (bool(gone) and _names_gone(text, purge_request, gone))


def _names_gone(text: str, purge_request: PurgeRequest, gone: Collection[int]) -> bool:
    try:
        readable = purge_request.key_fingerprint == fingerprint()
    except HashKeyMissing:
        readable = False
    sets = IdentifierSet.objects.filter(request=purge_request, person_id__in=gone)
    names = [bytes(stored).hex() for stored in sets.values_list("names", flat=True)]
    if not readable or len(names) < len(gone) or not all(names):
        raise CannotTell
    width, hash_of = 2 * HASH_BYTES, hasher(NAME)
    known = {digits[start : start + width] for digits in names for start in range(0, len(digits), width)}
    words = set(words_of_text(text))
    if any(hash_of(word) in known for word in words):
        return True
    keys = [identity_key(part) for part in {*_written(text), *words}]
    asked = {(str(kind), *each) for kind in _KINDS for each in asked_digests(str(kind), keys)}
    hashes = SuppressionHash.objects.filter(request=purge_request, digest__in={digest for *_rest, digest in asked})
    found = hashes.values_list("kind", "form", "digest")
    return any((kind, form_of(form), digest) in asked for kind, form, digest in found)


def _identifiers(person: Person) -> tuple[set[str], set[str]]:
    """What identifies somebody, and what stands before the @ of their addresses; letters and digits of it."""
    keys = (person.email_key, *person.former_keys, person.adobe_key, *person.writings)
    known = [key for key in (*keys, person.unique_user_id, person.public_id) if key]
    parts = {squeezed(each.rpartition("@")[0]) for each in known}
    return {squeezed(each) for each in known} - {""}, {each for each in parts if len(each) >= SHORTEST_WORD}


def _written(text: str) -> list[str]:
    """What stands between blanks, without the marks around it."""
    return [part for each in text.split() if (part := each.strip(_MARKS))]
