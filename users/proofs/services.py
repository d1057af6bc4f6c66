"""The proofs of an account: asked for by somebody who may purge in it, shown by whoever reads the mailbox, or keeps the
records of the domain."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from purge.addresses import identity_key, is_address, trimmed
from purge.worker.queue import enqueue
from users.models import Account, AccountKind, ProvedAddress, ProvedDomain, Purpose, User, YearsEnd
from users.proofs.public_mailboxes import PUBLIC_MAILBOX_DOMAINS
from users.proofs.records import is_published
from users.services import ServiceError
from users.services.roles import may_purge_now
from users.services.rows import audit
from users.sign_in.confirmed import require_confirmed
from users.sign_in.limits import BY_MAILBOX_PROOF, take

logger = logging.getLogger(__name__)

#: A link is good for a day, and what it has shown for a year, like a domain's record.
LINK_FOR = timedelta(hours=24)
PROVED_FOR = timedelta(days=365)
#: A domain whose record is still there is proved for another year, from so long before the end.
RENEWED_BEFORE = timedelta(days=30)
#: Where the record is not there, that is told when it is first looked for again, so long before the end, and after it.
LAST_WARNING = timedelta(days=7)
#: Links that an account has sent in a day, and what it may have in all.
LINKS_A_DAY, LINKS_A_DAY_TRIAL, MOST_PROOFS = 50, 5, 500
#: The same link is not asked for twice in this time, nor a record looked for.
LINK_AGAIN, LOOK_AGAIN = timedelta(minutes=5), timedelta(seconds=10)
LINK_TASK = "users.tasks.send_proof_link"
#: What waited for the proof goes on.
RELEASE_TASK = "purge.tasks.release_proved"

_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


# ---------------------------------------------------------------- what is proved


def proved_of(account_id: int, keys: Collection[str], purpose: str) -> frozenset[str]:
    """Those of the addresses (identity keys) that this account has proved to be its own, by themselves or by their
    domain, and now."""
    keys = {key for key in keys if "@" in key}
    if not keys:
        return frozenset()
    now = timezone.now()
    domains = {key.rpartition("@")[2] for key in keys}
    rows = ProvedDomain.objects.filter(account_id=account_id, domain__in=domains, valid_until__gt=now)
    proved = set(rows.values_list("domain", flat=True)) - PUBLIC_MAILBOX_DOMAINS
    addresses = ProvedAddress.objects.filter(account_id=account_id, purpose=purpose, valid_until__gt=now)
    own = {identity_key(email) for email in addresses.exclude(email="").values_list("email", flat=True)}
    return frozenset(key for key in keys if key in own or key.rpartition("@")[2] in proved)


def is_confirmed_sender(account: Account) -> bool:
    """Whether mails of the account may go out under its sender's address."""
    key = identity_key(account.sender_email)
    return bool(key) and key in proved_of(account.pk, {key}, Purpose.SENDER)


# ---------------------------------------------------------------- an address


def address_proof_ask(*, acting_user: User | None, account: Account, email: str, purpose: str) -> ProvedAddress:
    """Have a link sent to an address: whoever reads that mailbox agrees by it. An earlier link ends.

    Raises :class:`ServiceError` for who may not purge in the account, and where too many were asked for.
    """
    _check(acting_user, account)
    email = trimmed(email)
    if not is_address(email):
        raise ServiceError(_("This is not an email address. Type one whole address."), code="malformed")
    now = timezone.now()
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        mine = list(ProvedAddress.objects.filter(account=account).order_by("pk"))
        row = next((one for one in mine if one.purpose == purpose and _is_same(one.email, email)), None)
        if row is None and len(mine) >= MOST_PROOFS:
            raise ServiceError(_("An account has at most %(n)d such addresses.") % {"n": MOST_PROOFS}, code="many")
        if row is not None and row.link_until and row.asked_at > now - LINK_AGAIN:
            raise ServiceError(_("A link was sent there a moment ago. Look for the mail first."), code="again")
        most = LINKS_A_DAY_TRIAL if account.kind == AccountKind.TRIAL else LINKS_A_DAY
        if sum(one.asked_at > now - timedelta(days=1) for one in mine) >= most:
            raise ServiceError(
                _("At most %(n)d links are sent in a day. Send the others tomorrow.") % {"n": most}, code="quota"
            )
        if row is None:
            row = ProvedAddress(account=account, purpose=Purpose(purpose), email=email)
        row.asked_by, row.asked_at, row.link_until, row.digest = acting_user, now, now + LINK_FOR, ""
        row.save()
        enqueue(LINK_TASK, row.pk)
        _note(acting_user, account, "proof of an address asked")
    return row


def address_proof_send(*, pk: int) -> tuple[ProvedAddress, str] | None:
    """Make the link that was asked for: the row, and the link, which is stored nowhere. None where it is not wanted any
    more, or the mailbox gets too many of all accounts, which none of them is told."""
    with transaction.atomic():
        rows = ProvedAddress.objects.select_for_update(of=("self",)).select_related("account")
        row = rows.filter(pk=pk, link_until__gt=timezone.now(), digest="").exclude(email="").first()
        if row is None or take((BY_MAILBOX_PROOF, identity_key(row.email))).wait:
            return None
        token = secrets.token_urlsafe(24)
        row.digest = _digest(token)
        row.save(update_fields=["digest"])
    # In the query: paths are logged.
    return row, f"{settings.LMS_BASE_URL.rstrip('/')}{reverse('admin:proof_link')}?{urlencode({'token': token})}"


def proof_of_link(token: str) -> ProvedAddress | None:
    """What a link is about; None where it is worth nothing any more."""
    rows = ProvedAddress.objects.select_related("account", "asked_by").exclude(email="")
    return rows.filter(digest=_digest(token), link_until__gt=timezone.now()).first() if token else None


def what_is_agreed(row: ProvedAddress) -> str:
    """What the account may do for a year, in a sentence for whoever reads the mailbox."""
    said = {"account": " ".join(row.account.name.split())}
    if row.purpose == Purpose.SENDER:
        return _("“%(account)s” wants to send its mails under this address.") % said
    return (
        _(
            "“%(account)s” wants to be able to have everything erased that this site keeps under this address: also in "
            "accounts that others have opened for a trial. What is erased cannot be brought back."
        )
        % said
    )


def address_proof_agree(*, token: str) -> ProvedAddress:
    """Whoever reads the mailbox agrees, once. Raises :class:`ServiceError` where the link is worth nothing any more."""
    now = timezone.now()
    with transaction.atomic():
        row = proof_of_link(token)
        used = row and ProvedAddress.objects.filter(pk=row.pk, digest=_digest(token)).update(
            digest="", link_until=None, proved_at=now, valid_until=now + PROVED_FOR
        )
        if row is None or not used:
            raise ServiceError(_("This link is not valid any more. Ask for another one."), code="over")
        if row.purpose == Purpose.PURGE:
            enqueue(RELEASE_TASK, row.account_id)
        _note(row.asked_by, row.account, "address proved")
    return row


def address_proof_remove(*, acting_user: User | None, row: ProvedAddress) -> None:
    """It is the account's no more, and its link ends."""
    _check(acting_user, row.account)
    with transaction.atomic():
        ProvedAddress.objects.filter(pk=row.pk).delete()
        _note(acting_user, row.account, "proof of an address removed")


# ---------------------------------------------------------------- a domain


def domain_proof_ask(*, acting_user: User | None, account: Account, domain: str) -> ProvedDomain:
    """A domain that the account wants to prove: the row says which record has to stand there.

    Raises :class:`ServiceError` for who may not purge in the account, and for domains under which anybody can have a
    mailbox.
    """
    _check(acting_user, account)
    name = identity_key(f"x@{trimmed(domain).removesuffix('.')}").rpartition("@")[2]
    if "@" in domain or not _DOMAIN.fullmatch(name):
        raise ServiceError(_("This is not a domain. Type one such as company.example."), code="malformed")
    if name in PUBLIC_MAILBOX_DOMAINS:
        raise ServiceError(
            _("Anybody can have a mailbox under this domain, so it is nobody’s own. Prove single addresses."),
            code="public",
        )
    with transaction.atomic():
        Account.objects.select_for_update().get(pk=account.pk)
        mine = ProvedDomain.objects.filter(account=account)
        row = mine.filter(domain=name).first()
        if row is None:
            if mine.count() >= MOST_PROOFS:
                raise ServiceError(_("An account has at most %(n)d such domains.") % {"n": MOST_PROOFS}, code="many")
            row = ProvedDomain.objects.create(account=account, domain=name, asked_by=acting_user)
            _note(acting_user, account, "proof of a domain asked")
    return row


def domain_proof_look(*, acting_user: User | None, row: ProvedDomain) -> bool:
    """Look for the record now; whether it is there. Then the domain is proved for a year from now; otherwise it stays
    what it was. Raises :class:`ServiceError` where no name server answers."""
    _check(acting_user, row.account)
    if row.looked_at is not None and row.looked_at > timezone.now() - LOOK_AGAIN:
        raise ServiceError(_("It was looked for a moment ago. Try again in ten seconds."), code="again")
    found = _look(row)
    if found is None:
        raise ServiceError(_("No name server has answered. Try again later."), code="no_answer")
    if found:
        _note(acting_user, row.account, "domain proved")
    return found


def domain_proof_remove(*, acting_user: User | None, row: ProvedDomain) -> None:
    _check(acting_user, row.account)
    with transaction.atomic():
        ProvedDomain.objects.filter(pk=row.pk).delete()
        _note(acting_user, row.account, "proof of a domain removed")


def domain_proofs_renew() -> int:
    """Look again for the records of domains whose year is nearly over. How many are proved for another year."""
    now = timezone.now()
    due = ProvedDomain.objects.filter(valid_until__gt=now, valid_until__lt=now + RENEWED_BEFORE)
    renewed = 0
    for row in due.order_by("valid_until", "pk")[:500]:
        if _look(row):
            renewed += 1
            logger.info("domain proved: account %s, again", row.account_id)
    return renewed


def domains_about_to_end() -> list[tuple[ProvedDomain, YearsEnd]]:
    """Domains whose record was not there when their year was nearly over, with what has to be told of it now: a month
    before, a week before, and when it has ended. Each is given out once."""
    now = timezone.now()
    near = ProvedDomain.objects.filter(valid_until__gt=now - RENEWED_BEFORE, valid_until__lt=now + RENEWED_BEFORE)
    told = []
    for row in near.exclude(told=YearsEnd.OVER).select_related("account").order_by("valid_until", "pk"):
        stage = _years_end(row, now)
        # Whoever was quicker, or has just found the record, has changed one of the two.
        same = ProvedDomain.objects.filter(pk=row.pk, told__lt=stage, valid_until=row.valid_until)
        if same.update(told=stage):
            told.append((row, stage))
    return told


def _years_end(row: ProvedDomain, now: datetime) -> YearsEnd:
    if row.valid_until is None or row.valid_until > now + RENEWED_BEFORE:
        return YearsEnd.FAR
    if row.valid_until <= now:
        return YearsEnd.OVER
    return YearsEnd.IN_A_WEEK if row.valid_until <= now + LAST_WARNING else YearsEnd.IN_A_MONTH


def proofs_clear() -> int:
    """Remove what is proved no more and what nobody has agreed to, a month after; how many."""
    over = timezone.now() - timedelta(days=30)
    left = ProvedAddress.objects.filter(Q(valid_until__lt=over) | Q(valid_until=None, asked_at__lt=over))
    number, _by_model = left.delete()
    return number


def _look(row: ProvedDomain) -> bool | None:
    found = is_published(row.domain, row.token)
    now = timezone.now()
    news = {"proved_at": now, "valid_until": now + PROVED_FOR, "told": YearsEnd.FAR} if found else {}
    with transaction.atomic():
        ProvedDomain.objects.filter(pk=row.pk).update(looked_at=now, **news)
        if found and (row.valid_until is None or row.valid_until <= now):
            enqueue(RELEASE_TASK, row.account_id)
    row.refresh_from_db()
    return found


# ---------------------------------------------------------------- what they share


def _check(acting_user: User | None, account: Account) -> None:
    """An operator's command acts without a user."""
    if acting_user is None:
        return
    require_confirmed()
    allowed = acting_user.is_superuser or (acting_user.account_id == account.pk and may_purge_now(acting_user))
    if not allowed or account.kind == AccountKind.SYSTEM:
        raise ServiceError(_("Only somebody who may purge in this account can say what is its own."), code="permission")


def _is_same(email: str, other: str) -> bool:
    return identity_key(email) == identity_key(other)


def _digest(token: str) -> str:
    return salted_hmac(__name__, token, algorithm="sha256").hexdigest()


def _note(user: User | None, account: Account, event: str) -> None:
    if user is not None:
        audit(user, user, event)
    logger.info("%s: account %s by user %s", event, account.pk, user.pk if user else "-")
