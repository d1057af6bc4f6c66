"""Mails about signing in, and what asks whoever reads a mailbox to agree: from the platform, since they speak of more
than one account, or warn of one."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from messaging.models import MailKind
from messaging.services import mail_as_platform, mail_to_address
from purge.addresses import identity_key
from users.invitations.tokens import DAYS
from users.models import AccountKind, ProvedAddress, Role, User, UserState, in_language_of
from users.proofs.services import what_is_agreed
from users.services import zone_of
from users.sign_in.forgotten import Link
from users.sign_in.limits import BY_MAILBOX_CHANGED, BY_TRIAL_CHANGED, take

logger = logging.getLogger(__name__)


def forgotten_mail(*, links: Sequence[Link]) -> bool:
    """One mail to the mailbox that these users share, with the link of each. Whether it went.

    What is kept of it are no links: whoever reads the mails of an account could sign in with them.
    """
    ids = [link.user_id for link in links]
    people = {user.pk: user for user in User.objects.filter(pk__in=ids, state=UserState.ACTIVE)}
    there = [link for link in links if link.user_id in people]
    # One mailbox: who shares it no more has changed the address since the mail was asked for.
    same = [link for link in there if people[link.user_id].email_key == people[there[0].user_id].email_key]
    if not same:
        return False
    with in_language_of(people[same[0].user_id]):
        parts = [
            _("Somebody, probably you, has asked for a new password. These links are good for an hour, each once."),
            *(f"{link.account}:\n{link.url}" for link in same),
            _("If it was not you, do nothing: your password stays as it is."),
        ]
        return mail_as_platform(
            [people[link.user_id] for link in same], _("Your password"), "\n\n".join(parts), kind=MailKind.SIGN_IN
        )


def invitation_mail(*, user_id: int, url: str) -> bool:
    """Send somebody the link by which they set their first password. Whether it went."""
    user = User.objects.select_related("account").filter(pk=user_id, state=UserState.ACTIVE).first()
    if user is None:
        return False
    with in_language_of(user):
        given = list(user.given_roles.order_by("role").values_list("role", flat=True))
        roles = ", ".join(str(Role(role).label) for role in given) or _("Learner")
        parts = [
            _("You have been added to %(account)s as: %(roles)s.") % {"account": user.account, "roles": roles},
            ngettext(
                "Set your password by this link. It is good for %(n)d day, and once:",
                "Set your password by this link. It is good for %(n)d days, and once:",
                DAYS,
            )
            % {"n": DAYS},
            url,
            _("You sign in with this email address. If you expected no invitation, do nothing."),
        ]
        return mail_as_platform([user], _("You are invited"), "\n\n".join(parts), kind=MailKind.SIGN_IN)


def new_browser_mail(*, user_id: int, at: datetime, browser: str) -> bool:
    """Tell somebody of a sign-in with a browser that was never used before. Whether it went."""
    user = User.objects.select_related("account").filter(pk=user_id, state=UserState.ACTIVE).first()
    if user is None:
        return False
    with in_language_of(user):
        with timezone.override(zone_of(user.account)):
            moment = date_format(timezone.localtime(at), "DATETIME_FORMAT")
        parts = [
            _("You have signed in to %(account)s with a browser that you had not used before.")
            % {"account": user.account},
            _("When: %(moment)s (%(zone)s)") % {"moment": moment, "zone": user.account.time_zone},
            _("With: %(browser)s") % {"browser": browser or _("an unknown browser")},
            _(
                "If it was not you, change your password, end that session under “Sessions” and tell whoever runs the "
                "site:"
            ),
            settings.LMS_BASE_URL.rstrip("/") + "/admin/sessions/",
        ]
        return mail_as_platform([user], _("A new sign-in"), "\n\n".join(parts), kind=MailKind.SIGN_IN)


def changed_sign_in_mail(*, user_id: int, at_address: str = "") -> bool:
    """Tell somebody that their email or login was changed. ``at_address``: the email that they had before. Whether it
    went.

    No mailbox gets many of all accounts together, and a trial sends few in a day: an address that was typed there need
    not be that person's. The change stands in the history all the same.
    """
    user = User.objects.select_related("account").filter(pk=user_id, state=UserState.ACTIVE).first()
    if user is None:
        return False
    counts = [(BY_MAILBOX_CHANGED, identity_key(at_address or user.email))]
    if user.account.kind == AccountKind.TRIAL:
        counts.append((BY_TRIAL_CHANGED, str(user.account_id)))
    if take(*counts).wait:
        logger.warning("mail_failed recipient=%s error=Quota", user.pk)
        return False
    with in_language_of(user):
        parts = [
            _("The email or login by which you sign in to %(account)s was changed.") % {"account": user.account},
            _("If you know nothing of it, tell the administrators of %(account)s.") % {"account": user.account},
        ]
        return mail_as_platform(
            [user], _("Your sign-in was changed"), "\n\n".join(parts), kind=MailKind.SIGN_IN, at_address=at_address
        )


def second_factor_mail(*, user_id: int) -> bool:
    """Tell somebody that a second factor of theirs was set up, used up or removed. Whether it went."""
    user = User.objects.select_related("account").filter(pk=user_id, state=UserState.ACTIVE).first()
    if user is None:
        return False
    with in_language_of(user):
        parts = [
            _("A second factor by which you sign in to %(account)s was set up, removed, or a recovery code was used.")
            % {"account": user.account},
            _("If it was not you, change your password and tell whoever runs the site:"),
            settings.LMS_BASE_URL.rstrip("/") + "/admin/second-factor/",
        ]
        return mail_as_platform([user], _("Your second factor has changed"), "\n\n".join(parts), kind=MailKind.SIGN_IN)


def proof_mail(*, row: ProvedAddress, link: str) -> bool:
    """Ask whoever reads a mailbox whether an account may do as if it were its own. Whether it went."""
    account = " ".join(row.account.name.split())
    parts = [
        _("Somebody of the account “%(account)s” says that this address is theirs, or their organisation’s.")
        % {"account": account},
        what_is_agreed(row),
        _("Only if you want that, open this link and agree. It is good once, for a day:"),
        link,
        _("If you do not know them, do nothing: nothing happens then."),
    ]
    return mail_to_address(
        row.account,
        row.email,
        _("Do you agree? A question about your address"),
        "\n\n".join(parts),
        kind=MailKind.PROOF,
    )
