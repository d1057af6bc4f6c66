"""The words of what a purge has to tell: exact, plain, with request ID and counts, without a purged person's name. And
of a domain by which an account's purges reach others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from messaging.models import NotificationKind
from purge.rules import Consequence
from purge.rules.registry import get_registry
from users.models import ProvedDomain, YearsEnd
from users.proofs.records import record_name, record_value
from users.services import zone_of


@dataclass(frozen=True)
class News:
    """What one notification says. ``text`` is plain text of a few lines."""

    title: str
    text: str


def news(kind: str, *, reference: str, facts: Mapping[str, Any]) -> News:
    """The words for one kind. ``facts`` are counts and words of the engine; what is unknown is left out.

    An empty ``reference`` means that the request belongs to another account: then nothing is said about it.
    """
    match NotificationKind(kind):
        case NotificationKind.COMPLETED:
            return _completed(reference, facts)
        case NotificationKind.RESIDUE:
            return News(
                _("Purge %(reference)s: personal data found") % {"reference": reference},
                _lines(_request(reference), _says(facts), _count(facts, "residue", _residue_text)),
            )
        case NotificationKind.NEEDS_ATTENTION:
            return News(
                _("Purge %(reference)s needs help") % {"reference": reference},
                _lines(_request(reference), _says(facts)),
            )
        case NotificationKind.HELD:
            return News(
                _("Purge %(reference)s waits for the platform's check") % {"reference": reference},
                _lines(_request(reference), _says(facts)),
            )
        case NotificationKind.HALF_TIME | NotificationKind.OVERDUE if not reference:
            return _notice_waits(overdue=kind == NotificationKind.OVERDUE, facts=facts)
        case NotificationKind.HALF_TIME:
            days = int(facts.get("days_left") or 0)
            return News(
                ngettext("Purge %(reference)s: %(n)d day left", "Purge %(reference)s: %(n)d days left", days)
                % {"reference": reference, "n": days},
                _lines(
                    _("The purge %(reference)s is not completed, and half of its time is over.")
                    % {"reference": reference},
                    _says(facts),
                ),
            )
        case NotificationKind.OVERDUE:
            return News(
                _("Purge %(reference)s is overdue") % {"reference": reference},
                _lines(
                    _("The purge %(reference)s should be completed by now, and is not.") % {"reference": reference},
                    _says(facts),
                    _("Give support the request ID.") if facts.get("customer", True) else "",
                ),
            )
        case NotificationKind.IMS_NOTICE:
            return News(
                _("The identity provider has erased somebody who is a user of this account"),
                _lines(
                    _("Notice %(reference)s.") % {"reference": reference} if reference else "",
                    _due(facts),
                    _("Nothing has been erased here. Open the notice to see the user, then purge, or decline."),
                ),
            )
        case NotificationKind.FOLLOW_UPS:
            return _follow_ups(reference, facts)
        case NotificationKind.PAUSED:
            return News(
                _("Purging is paused: somebody has to act"),
                _lines(_("Nothing is purged, or nothing completes, until this is mended."), _says(facts)),
            )
        case other:
            raise ValueError(f"{other} is no news of a purge")


def domain_news(row: ProvedDomain, stage: YearsEnd) -> News:
    """What is told of a proved domain whose record is not there any more when its year ends."""
    words = {"domain": row.domain, "account": row.account.name, "until": _day(row)}
    record = _("The TXT record: %(name)s, with “%(value)s”.") % {
        "name": record_name(row.domain),
        "value": record_value(row.token),
    }
    if stage == YearsEnd.OVER:
        return News(
            _("%(domain)s is no longer proved") % words,
            _lines(
                _("Account: %(account)s. The proof of %(domain)s ended on %(until)s.") % words,
                _("Purges do not reach other accounts by it any more, and mails do not go out under its addresses."),
                _("To prove it again, publish the record and have it looked for.") + " " + record,
            ),
        )
    return News(
        _("The proof of %(domain)s ends on %(until)s") % words,
        _lines(
            _("Account: %(account)s. The record that proves %(domain)s was looked for and is not there.") % words,
            _("Publish it again before %(until)s: it is looked for every day.") % words + " " + record,
            _("Otherwise purges do not reach other accounts by it any more, nor do mails go out under its addresses."),
        ),
    )


def _day(row: ProvedDomain) -> str:
    with timezone.override(zone_of(row.account)):
        day = date_format(timezone.localtime(row.valid_until), "DATE_FORMAT")
    return f"{day} ({row.account.time_zone})"


def _completed(reference: str, facts: Mapping[str, Any]) -> News:
    return News(
        _("Purge %(reference)s is completed") % {"reference": reference},
        _lines(
            _("The purge %(reference)s is completed and verified.") % {"reference": reference},
            _count(facts, "people", _people_text),
            _count(facts, "other_rows", _match_text),
            _count(facts, "rows", _row_text),
            _count(facts, "kept", _kept_text),
            _count(facts, "follow_ups", _follow_up_text),
        ),
    )


def _notice_waits(*, overdue: bool, facts: Mapping[str, Any]) -> News:
    """A request of no account: what waits is the identity provider's notice, for this account's decision."""
    return News(
        _("A notice of the identity provider is overdue")
        if overdue
        else _("A notice of the identity provider waits: half the time is over"),
        _lines(
            _("The identity provider has erased somebody who is a user of this account. Nobody has decided yet."),
            _due(facts),
            _("Open the notice to see the user, then purge, or decline."),
        ),
    )


def consequences_of(facts: Mapping[str, Any]) -> list[Consequence]:
    """What the apps have declared about the kinds of work that a purge left, in the order of the notification."""
    kinds = set(facts.get("kinds") or ())
    return [consequence for kind, consequence in get_registry().consequences.items() if kind in kinds]


def _follow_ups(reference: str, facts: Mapping[str, Any]) -> News:
    return News(
        _("Follow-up needed after a purge"),
        _lines(
            _request(reference),
            _count(facts, "count", _follow_up_text),
            *(str(consequence.news) for consequence in consequences_of(facts)),
        ),
    )


def _lines(*lines: str) -> str:
    return "\n".join(line for line in lines if line)


def _count(facts: Mapping[str, Any], key: str, text: Any) -> str:
    number = facts.get(key)
    return text(number) if isinstance(number, int) and number > 0 else ""


def _people_text(number: int) -> str:
    return ngettext("%(n)d person was purged.", "%(n)d people were purged.", number) % {"n": number}


def _match_text(number: int) -> str:
    return ngettext(
        "%(n)d further user was purged with them.", "%(n)d further users were purged with them.", number
    ) % {"n": number}


def _row_text(number: int) -> str:
    return ngettext("%(n)s row was erased or changed.", "%(n)s rows were erased or changed.", number) % {
        "n": number_format(number, force_grouping=True)
    }


def _kept_text(number: int) -> str:
    return ngettext(
        "%(n)d row was kept: creator of a trial account. An administrator of that account, or a message of the "
        "identity provider, can have it erased.",
        "%(n)d rows were kept: creators of trial accounts. An administrator of each account, or a message of the "
        "identity provider, can have them erased.",
        number,
    ) % {"n": number}


def _residue_text(number: int) -> str:
    return ngettext("Found in %(n)d place.", "Found in %(n)d places.", number) % {"n": number}


def _follow_up_text(number: int) -> str:
    return ngettext("%(n)d thing is left to do.", "%(n)d things are left to do.", number) % {"n": number}


def _request(reference: str) -> str:
    return _("Request %(reference)s.") % {"reference": reference} if reference else ""


def _says(facts: Mapping[str, Any]) -> str:
    """Where the request stands: the sentence that its page shows to this reader."""
    return str(facts.get("says") or "")


def _due(facts: Mapping[str, Any]) -> str:
    due = facts.get("due")
    return _("Due: %(due)s.") % {"due": due} if due else ""
