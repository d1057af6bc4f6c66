"""How often a password may be tried: by name, by address, by both. Slower and slower, never locked for good.

Each count is a bucket that leaks: so many tries at once, and from then on one every so many seconds. A try that is
refused here costs nothing and adds nothing, so that whoever waits is let through, however often others try meanwhile.
A try is counted before its password is looked at (two at once are two) and given back when it was right; nothing is
forgiven besides, or an attacker could have the count of a name forgiven by signing in to an account of their own.
"""

from __future__ import annotations

import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_hex

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from users.models import Tries

#: Nobody has to know of a count longer: the slowest bucket is empty after a day.
FORGOTTEN = timedelta(days=1)
#: That there were too many is noted once in this time.
TOLD_AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class Limit:
    """``most`` tries at once, then one every ``seconds``."""

    kind: str
    most: int
    seconds: float


#: Five in five minutes for a name; ten a minute from an address, whatever the names.
BY_NAME = Limit("name", 5, 60)
BY_ADDRESS = Limit("address", 10, 6)
BY_BOTH = Limit("name and address", 5, 60)
#: Wrong answers to "confirm that it is you", by user.
BY_USER = Limit("user", 5, 60)
#: Codes of an app and recovery codes, by user, and by user and address.
BY_SECOND_FACTOR = Limit("second factor", 5, 60)
#: Asking for, and answering with, a passkey of somebody whom nobody has named.
BY_ADDRESS_PASSKEY = Limit("address passkey", 20, 3)
#: Being sent to an identity provider, for which this site asks it something: a whole office may come at nine.
BY_ADDRESS_PROVIDER = Limit("address provider", 60, 1)
#: Mails for a forgotten password: three at once to a name, then one every twenty minutes.
BY_NAME_FORGOTTEN = Limit("name forgotten", 3, 1200)
BY_ADDRESS_FORGOTTEN = Limit("address forgotten", 10, 60)
#: Mails that ask whoever reads a mailbox to agree to something, of all accounts: five, then one in four hours.
BY_MAILBOX_PROOF = Limit("mailbox proof", 5, 14_400)
#: Notices that an email or login was changed, to a mailbox: five, then one in four hours. Those of one trial account,
#: which anybody can open and fill with strangers' addresses: in any day at most fifty.
BY_MAILBOX_CHANGED = Limit("mailbox changed", 5, 14_400)
BY_TRIAL_CHANGED = Limit("trial changed", 25, 3_456)

Count = tuple[Limit, str]


@dataclass(frozen=True)
class Taken:
    """``wait``: seconds until a try is possible, 0 where this one is. ``new``: kinds of limits that refuse, and of
    which nothing was noted for an hour."""

    wait: int = 0
    new: frozenset[str] = frozenset()


def place_of(address: str) -> str:
    """An address as it is counted: of version 6 the network of a household, which has more than anybody can count."""
    if ipaddress.ip_address(address).version == 4:
        return address
    return str(ipaddress.ip_network(f"{address}/64", strict=False))


def digest_of(count: Count) -> str:
    """A keyed digest, so that neither a name nor an address is in the table."""
    limit, of = count
    return salted_hmac(f"{__name__}.{limit.kind}", of, algorithm="sha256").hexdigest()


def take(*counts: Count) -> Taken:
    """Count one try, if all of these limits allow one; otherwise count nothing."""
    now = timezone.now()
    limits = {digest_of(count): count[0] for count in counts}
    with transaction.atomic():
        # In one order everywhere, so that two tries never wait for each other.
        Tries.objects.bulk_create((Tries(digest=each, at=now) for each in sorted(limits)), ignore_conflicts=True)
        rows = list(Tries.objects.select_for_update().filter(pk__in=limits).order_by("pk"))
        over = []
        for row in rows:
            limit = limits[row.pk]
            row.level = max(0.0, row.level - max(0.0, (now - row.at).total_seconds()) / limit.seconds)
            row.at = max(now, row.at)
            if row.level + 1 > limit.most:
                over.append(row)
        if not over:
            for row in rows:
                row.level += 1
            Tries.objects.bulk_update(rows, ["level", "at"])
            return Taken()
        new = [row for row in over if row.told_at is None or now - row.told_at > TOLD_AGAIN]
        for row in new:
            row.told_at = now
        Tries.objects.bulk_update(new, ["told_at"])
        wait = max((row.level + 1 - limits[row.pk].most) * limits[row.pk].seconds for row in over)
        return Taken(max(1, math.ceil(wait)), frozenset(limits[row.pk].kind for row in new))


def give_back(*counts: Count) -> None:
    """Uncount one try: its password was right."""
    with transaction.atomic():
        rows = list(Tries.objects.select_for_update().filter(pk__in=map(digest_of, counts)).order_by("pk"))
        for row in rows:
            row.level = max(0.0, row.level - 1)
        Tries.objects.bulk_update(rows, ["level"])


def write_for_nobody() -> None:
    """A row that says nothing, where one is written of somebody who is known: a try for nobody's address costs as much.
    It goes with the counts, within a day."""
    Tries.objects.create(digest=token_hex(32), at=timezone.now())


def tries_clear() -> int:
    """Remove counts that say nothing any more; how many there were."""
    number, _by_model = Tries.objects.filter(at__lt=timezone.now() - FORGOTTEN).delete()
    return number
