"""Whose sign-in it is, of what a provider says: somebody of the provider's own account, or nobody.

First by the link that an earlier sign-in has made, else by an address that the provider has looked at: the email or
the login at the identity provider, of exactly one user in use who has no link yet. Whoever runs the platform is nobody
whom an account's provider could name, whatever address is theirs.
"""

from __future__ import annotations

from allauth.socialaccount.models import SocialAccount
from django.db.models import Q
from django.utils.crypto import salted_hmac

from purge.addresses import identity_key
from users.identity_provider.protocol import Said
from users.models import AccountKind, IdentityProvider, User, UserState


def user_meant(row: IdentityProvider, said: Said) -> User | None:
    """None for everybody else: of another account, deleted, being purged, without access here, of the platform."""
    link = SocialAccount.objects.filter(provider=row.public_id, uid=uid_of(row, said)).first()
    people = User.objects.select_related("account").filter(account_id=row.account_id, state=UserState.ACTIVE)
    key = identity_key(said.email)
    if link is not None:
        user = people.filter(pk=link.user_id).first()
    elif key:
        found = list(people.filter(Q(email_key=key) | Q(adobe_key=key))[:2])
        user = found[0] if len(found) == 1 and not _is_linked(row, found[0]) else None
    else:
        user = None
    if user is None or not user.is_staff:
        return None
    runs_the_platform = user.is_superuser or user.is_support
    return None if runs_the_platform and row.account.kind != AccountKind.SYSTEM else user


def _is_linked(row: IdentityProvider, user: User) -> bool:
    """Whether the provider has named somebody else as them before: an address may have been given to another person."""
    return bool(SocialAccount.objects.filter(provider=row.public_id, user=user).exists())


def link_keep(*, row: IdentityProvider, said: Said, user: User) -> None:
    """The next time they are known by what the provider calls them, whatever becomes of their address."""
    SocialAccount.objects.get_or_create(
        provider=row.public_id, uid=uid_of(row, said), defaults={"user": user, "extra_data": {}}
    )


def uid_of(row: IdentityProvider, said: Said) -> str:
    """A keyed digest: what a provider calls somebody may be their address."""
    return salted_hmac(__name__, f"{row.public_id} {said.subject}", algorithm="sha256").hexdigest()
