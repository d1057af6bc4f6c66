"""The second wall: what works for one account refuses a query that does not say whose rows it wants.

The first wall is :mod:`users.tenancy`, which scopes what people see. Where that is forgotten, the rows of every account
would be read; here the same forgetting raises :class:`UnscopedQuery`. Models are behind the wall by extending
:class:`OfAccount`, models of other packages by :func:`put_behind`. Work is done :class:`within_account`, which web
requests of people of an account are by themselves; what has to see every account says why: :class:`across_accounts`.
"""

from users.wall.managers import OfAccount, WalledQuerySet, put_behind
from users.wall.place import UnscopedQuery, across_accounts, vouch_for, within_account

__all__ = [
    "OfAccount",
    "UnscopedQuery",
    "WalledQuerySet",
    "across_accounts",
    "put_behind",
    "vouch_for",
    "within_account",
]
