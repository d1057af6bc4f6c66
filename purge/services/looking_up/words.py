"""The answer in sentences, to be read out over the phone, and printed."""

from __future__ import annotations

from collections import Counter

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from purge.choices import State
from purge.host import PersonState, get_host
from purge.services.looking_up.asking import FoundPerson, FoundRequest, Whereabouts
from purge.standing import moment_text

#: Requests that are read out; the others are counted.
MOST_READ_OUT = 5


def sentences_of(found: Whereabouts) -> list[str]:
    """Whole sentences, in the order in which somebody would say them, in the time zone of the account."""
    accounts = {found.account_id} if found.account_id is not None else {each.account_id for each in found.requests}
    facts = get_host().accounts({pk for pk in accounts if pk is not None})
    names = {pk: account.name for pk, account in facts.items()}
    if found.account_id is None:
        said = [*_counted(found.people), *_purges(found, names)]
    else:
        zone = facts[found.account_id].time_zone if found.account_id in facts else "UTC"
        account = names.get(found.account_id, "")
        said = [*_named(found, account, zone), *_purges(found, {}), _mentioned(found, account)]
    return [*said, *([_("If it is a request ID: %(mistake)s") % {"mistake": found.mistake}] if found.mistake else [])]


def _named(found: Whereabouts, account: str, zone: str) -> list[str]:
    """Who it is, for the people of their own account."""
    if not found.people:
        return [_("No user of %(account)s has this address or ID.") % {"account": account}]
    said = []
    for person in found.people:
        facts = {
            "name": person.name,
            "account": account,
            "until": moment_text(person.until, zone),
            "deleted": moment_text(person.deleted_at, zone),
            "request": person.request,
        }
        said.append(_person_text(person) % facts)
    return said


def _person_text(person: FoundPerson) -> str:
    match (person.until is not None, bool(person.request), person.state == PersonState.DELETED):
        case (False, True, _deleted):
            return _("%(name)s, a user of %(account)s, is in purge request %(request)s.")
        case (False, False, True):
            return _(
                "%(name)s is a deleted user of %(account)s, deleted on %(deleted)s and not purged: they can be "
                "restored or purged in User Cleanup."
            )
        case (False, False, False):
            return _("%(name)s is an active user of %(account)s.")
        case (True, True, _deleted):
            return _("%(name)s, a user of %(account)s in purge request %(request)s, had this address until %(until)s.")
        case (True, False, True):
            return _(
                "%(name)s, a user of %(account)s who was deleted on %(deleted)s, had this address until %(until)s."
            )
        case _had:
            return _("%(name)s, an active user of %(account)s, had this address until %(until)s.")


def _counted(people: list[FoundPerson]) -> list[str]:
    """How many, for those who see all accounts and nobody's name."""
    if not people:
        return [_("No user of any account has this address or ID.")]
    now = [person for person in people if person.until is None]
    said = []
    if now:
        states = Counter(person.state for person in now)
        accounts = len({person.account_id for person in now})
        text = ngettext(
            "In %(n)d account a user has this address or ID: %(active)d active, %(deleted)d deleted.",
            "In %(n)d accounts users have this address or ID: %(active)d active, %(deleted)d deleted.",
            accounts,
        )
        said.append(
            text % {"n": accounts, "active": states[PersonState.ACTIVE], "deleted": states[PersonState.DELETED]}
        )
    if former := len(people) - len(now):
        text = ngettext("%(n)d user had this address before.", "%(n)d users had this address before.", former)
        said.append(text % {"n": former})
    return said


def _purges(found: Whereabouts, names: dict[int, str]) -> list[str]:
    """``names``: of the accounts, for those who see all of them."""
    if not found.requests:
        return [_("No purge found for this address or ID.")]
    said = [_purge_text(each, names.get(each.account_id or 0, "")) for each in found.requests[:MOST_READ_OUT]]
    if more := len(found.requests) - MOST_READ_OUT if len(found.requests) > MOST_READ_OUT else 0:
        text = ngettext("%(n)d more request is listed below.", "%(n)d more requests are listed below.", more)
        said.append(text % {"n": more})
    return said


def _purge_text(each: FoundRequest, account: str) -> str:
    facts = {
        "request": each.reference,
        "account": account,
        "accepted": moment_text(each.accepted_at, each.standing.zone),
        "completed": moment_text(each.completed_at, each.standing.zone),
        "state": each.standing.label,
        "sentence": each.standing.sentence,
    }
    if each.standing.state == State.COMPLETED and account:
        text = _("Purged from %(account)s on %(completed)s, by request %(request)s.")
    elif each.standing.state == State.COMPLETED:
        text = _("Purged on %(completed)s, by request %(request)s.")
    elif account:
        text = _("Purge request %(request)s of %(account)s, accepted on %(accepted)s: %(state)s. %(sentence)s")
    else:
        text = _("Purge request %(request)s, accepted on %(accepted)s: %(state)s. %(sentence)s")
    return text % facts


def _mentioned(found: Whereabouts, account: str) -> str:
    if not found.mentions:
        return _("No other record of %(account)s mentions it.") % {"account": account}
    places = ", ".join(
        _("%(noun)s: more than %(n)s") % {"noun": each.noun, "n": number_format(each.n - 1, force_grouping=True)}
        if each.more
        else _("%(noun)s: %(n)s") % {"noun": each.noun, "n": number_format(each.n, force_grouping=True)}
        for each in found.mentions
    )
    return _("Other records of %(account)s mention it (%(places)s).") % {"account": account, "places": places}
