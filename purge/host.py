"""The port through which the engine meets the platform around it.

``settings.PURGE_HOST`` names the implementation. The engine knows people and accounts only as the facts below and as
rows of the models that the rules declare.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, Protocol, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.module_loading import import_string


class TenantKind(StrEnum):
    """What kind of account a tenant is. SYSTEM: of the platform's own people, which no route reaches."""

    ENTERPRISE = "enterprise"
    TRIAL = "trial"
    SYSTEM = "system"


class PersonState(StrEnum):
    """Where a person stands. PURGING: frozen by a request."""

    ACTIVE = "active"
    DELETED = "deleted"
    PURGING = "purging"


class HolderKind(StrEnum):
    """CURRENT: it is their email address or login, whatever their state. FORMER: an address that they had."""

    CURRENT = "current"
    FORMER = "former"


class Page(StrEnum):
    """Pages of the platform to which the purge's own lead. Each but DELETED_PEOPLE is about one row."""

    #: A user's own page. Row: the person.
    PERSON = "person"
    #: The list from which deleted people are purged.
    DELETED_PEOPLE = "deleted people"
    #: Whom outside to tell about the people of an open request. Row: the request.
    RECIPIENTS = "recipients"


@dataclass(frozen=True)
class WayIn:
    """Where the purge of one person begins. ``posted``: fields of the form that is sent there; without any, a link."""

    address: str
    posted: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AccountFacts:
    """One tenant. ``public_id`` is never given out anew. ``slug``: what names of files call it, ASCII; or empty."""

    id: int
    kind: TenantKind
    name: str
    creator_id: int | None
    active: bool
    time_zone: str
    public_id: str = ""
    slug: str = ""


@dataclass(frozen=True)
class Person:
    """One user row, as far as routes and engine need it. Keys say whose it is (:func:`purge.addresses.identity_key`).

    ``email_key`` is None where another row of the account has the same mailbox: such a row is no match, and cannot be
    selected.

    ``earlier_state``: the state, but of somebody whom a request has frozen what they were before. ``label``: how the
    row is named in messages without personal data ("user 12"). ``added_at``: since when the row is there. ``writings``:
    the addresses and the login as they are stored, of which others have made digests.
    """

    id: int
    account_id: int
    state: PersonState
    earlier_state: PersonState
    public_id: str
    email_key: str | None
    former_keys: tuple[str, ...]
    adobe_key: str | None
    unique_user_id: str | None
    added_at: datetime
    writings: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return f"user {self.id}"


@dataclass(frozen=True)
class PersonLine:
    """A person as a page lists them."""

    id: int
    name: str
    email: str
    unique_user_id: str
    deleted_at: datetime | None


@dataclass(frozen=True)
class Power:
    """Somebody who may purge, for one page. ``since``: when it was given; None: it was not written down, and happened
    before ``recorded_from``. ``by``: the name of who gave it, or ''."""

    person_id: int
    name: str
    since: datetime | None
    by: str
    recorded_from: datetime | None = None


@dataclass(frozen=True)
class Application:
    """An outside application as a page lists it. ``contact``: whom to ask there to erase somebody, or ''."""

    name: str
    organisation: str
    contact: str


@dataclass(frozen=True)
class Holder:
    """Somebody who has an identifier, or had it.

    ``since``: when they got it; None: nobody knows. ``until``: when they gave it up; None: they have it. ``state`` and
    ``earlier_state``: see :class:`Person`; somebody who is PURGING is frozen by the requests in which they are a
    subject.
    """

    person_id: int
    account_id: int
    kind: HolderKind
    since: datetime | None
    until: datetime | None
    state: PersonState
    earlier_state: PersonState

    @property
    def is_current(self) -> bool:
        return self.kind == HolderKind.CURRENT


class Host(Protocol):
    """What the platform answers and does. Ids are primary keys; nothing returned is a lazy query set unless said."""

    # -- accounts
    def accounts(self, ids: Collection[int]) -> dict[int, AccountFacts]: ...
    def trial_account_ids(self, *, as_of: datetime | None = None) -> QuerySet[Any, int]:
        """The ids of all trial accounts, expired and inactive ones included, as an unevaluated query.

        ``as_of``: without those that were of another kind at that time.
        """
        ...

    def became_trial(self) -> dict[int, datetime]:
        """Those of the trial accounts that were of another kind before, and when they changed."""
        ...

    def staff_account_ids(self) -> QuerySet[Any, int]:
        """The ids of the accounts of the platform's own people, which no route reaches, as an unevaluated query."""
        ...

    def account_of(self, user: Any) -> int | None:
        """The account somebody signed in acts in; None for support staff and superusers, who see all."""
        ...

    def is_support(self, user: Any) -> bool: ...
    def may_purge(self, user_id: int, account_id: int) -> bool:
        """Whether this user holds the purge permission in this account, now, and is active."""
        ...

    def may_tick_off(self, user_id: int, account_id: int) -> bool:
        """Whether this user does what a purge leaves to do in this account: who runs it, not who only reads."""
        ...

    def who_may_purge(self, account_id: int) -> list[Power]:
        """Whoever may purge in this account now, the longest-standing first; operators of the platform left out."""
        ...

    def administrators(self, account_id: int) -> list[int]:
        """Active administrators, longest-standing first."""
        ...

    def account_label(self) -> str:
        """ "app_label.Model" of the rows that are accounts, for what is left to do about one."""
        ...

    def may_be_notified(self, user_id: int, account_id: int) -> bool:
        """Whether this user is still there to be told of their request: an active administrator of the account, or an
        active superuser or support person."""
        ...

    def file_prefix(self, public_id: str) -> str:
        """The folder (no slash at its end) under which those files of a person are stored that are theirs alone."""
        ...

    def identity_columns(self) -> set[tuple[str, str]]:
        """(table, column) of the columns by which people sign in and are told apart (email, adobe_id and their keys).

        Never "other fields": blanking one would take somebody's sign-in, so a match there is an expected survivor.
        """
        ...

    def own_keys(self, person_id: int) -> frozenset[str]:
        """The search keys of what this person signs in with: what names them so in their own row is theirs."""
        ...

    def heir(self, account_id: int, *, initiator_id: int | None, requesting_account_id: int | None) -> int | None:
        """Who takes over what a purged person leaves in this account (never somebody in state purging)."""
        ...

    def close_account(self, account_id: int) -> None:
        """The trial account of a purged creator becomes inactive."""
        ...

    # -- what is whose, beyond one account
    def proved(self, account_id: int, keys: Collection[str]) -> frozenset[str]:
        """Those of the addresses (keys) that this account has proved to be its own, now."""
        ...

    def same_person(self, user_id: int) -> set[int]:
        """Ids of all users, of any account, with this user's mailbox: whoever acts in several accounts is one person.
        The user's own among them."""
        ...

    # -- outside
    def outside_applications(self, person_ids: Collection[int]) -> dict[int, int]:
        """Number → account id of the outside applications that have got data of these people through the platform."""
        ...

    def applications(self, numbers: Collection[int]) -> dict[int, Application]:
        """What those of these outside applications are called that the platform still knows, for one page."""
        ...

    # -- people
    def people(self, ids: Collection[int]) -> list[Person]:
        """The people of these ids that exist, in id order."""
        ...

    def people_by_public_id(self, public_ids: Collection[str]) -> list[Person]:
        """The people of these public ids that exist, in id order."""
        ...

    def names(self, ids: Collection[int]) -> dict[int, str]:
        """Person id → what they are called, of those who exist; to see whether a text names one of them, and to make
        keyed hashes of for the same purpose."""
        ...

    def lock_people(self, ids: Collection[int]) -> list[Person]:
        """The same, locked for update in id order until the transaction ends."""
        ...

    def users_in_account(self, account_id: int, keys: Iterable[str]) -> set[str]:
        """Those of the keys that are the email or adobe_id of a user (any state) of this account."""
        ...

    def holders(self, account_id: int | None, keys: Collection[str]) -> dict[str, list[Holder]]:
        """Who has, or had, these identifiers (keys of user rows) in an account; None: in any account.

        Keys that nobody ever had are left out. By person, current before former.
        """
        ...

    def id_holders(self, ids: Mapping[int, Collection[str]]) -> dict[tuple[int, str], list[Holder]]:
        """Who has these Unique User IDs now: ``ids`` and the answer by account, as :func:`purge.addresses.identity_key`
        makes them. Those that nobody has are left out."""
        ...

    def id_holders_anywhere(self, key: str) -> list[Holder]:
        """The same for one Unique User ID in any account."""
        ...

    def identities_in(self, account_id: int) -> Iterable[str]:
        """The keys of all addresses that are a user's of this account now; to see whose a digest is."""
        ...

    def home_pages(self, account_id: int) -> frozenset[str]:
        """Names of hosts, in small letters: of the platform itself, and those under which an account is known. A name
        without a dot is the first label of one. Who is named by an ID or login on such a home page (an ``account`` of
        xAPI's) is named by one of this account."""
        ...

    def trial_matches(self, *, emails: Iterable[str], adobe_ids: Iterable[str] = ()) -> list[Person]:
        """Users of any trial account whose email or adobe_id is one of ``emails`` or ``adobe_ids`` (keys)."""
        ...

    def enterprise_matches(self, *, emails: Iterable[str], adobe_ids: Iterable[str]) -> list[Person]: ...
    def created_accounts(self, person_ids: Collection[int]) -> dict[int, list[int]]:
        """Person id → ids of the accounts that they created and still are the creator of."""
        ...

    def members(self, account_id: int) -> list[int]:
        """Ids of all users of an account, any state."""
        ...

    def freeze(self, people: Sequence[Person], *, accepted_at: datetime) -> None:
        """State purging, sessions gone, their keys open nothing, the earlier import links of their accounts dead.

        Nothing is destroyed: :meth:`unfreeze` and :meth:`revive_links` give back everything but the sessions.
        """
        ...

    def unfreeze(self, ids: Collection[int]) -> None:
        """Give people whom no open request holds any more their earlier state back."""
        ...

    def revive_links(self, accounts: Mapping[int, datetime | None]) -> None:
        """Import links that a freeze has killed work again where the file is still there.

        ``accounts``: id → when the latest other request was accepted that still holds the account's links (those of
        files stored until then stay dead); None where there is none.
        """
        ...

    def people_gone(self, people: Sequence[Person]) -> None:
        """Called in the last transaction, just before the rows are deleted: counters the platform keeps about them."""
        ...

    def person_lines(self, ids: Collection[int]) -> list[PersonLine]:
        """What a page calls these people, in the order of their names. Never stored, logged, or put in an address."""
        ...

    # -- who it is
    def confirm_identity(self, request: HttpRequest, password: str) -> str:
        """Look at a password that was typed to confirm that it is still the one who signed in. "" when it is right, and
        the session says so from now on (:mod:`purge.pages.freshness`); otherwise what is wrong, in words."""
        ...

    def require_confirmed(self) -> None:
        """Called before anything is destroyed, released or tried again: where a session does it that has not confirmed
        lately who it is, raise the platform's own exception, which it answers with its page. Outside a request nothing
        is asked."""
        ...

    def note_export(self, user: Any, what: str) -> None:
        """Somebody takes a file out: write down who and when. ``what``: in words of ours, without a name or a value."""
        ...

    def plans_of(self, user: Any) -> str:
        """What the plans that a page has shown to somebody belong to, beside the user; another text when all that were
        shown before are worth nothing any more (signed out, another password, a lost permission)."""
        ...

    def page_of(self, page: Page, pk: int | None = None) -> str:
        """The address of a page, about the row with this number where it is about one; '' where there is none."""
        ...

    def way_to_purge(self, person: Person) -> WayIn:
        """Where an administrator begins to purge this person; whoever is not deleted is, there. Both are asked."""
        ...

    # -- finding, for commands
    def account_by_subdomain(self, subdomain: str) -> AccountFacts | None: ...
    def actor_by_email(self, email: str, account_id: int) -> Any | None:
        """The user of this address who may act in the account: of the account itself, or a superuser."""
        ...

    def ids_by_unique_id(self, account_id: int, unique_ids: Collection[str]) -> dict[str, int]:
        """Unique User ID → row id, of those that the account has."""
        ...

    def oldest_deleted(self, account_id: int, *, month: str, kind: str, limit: int) -> list[int]:
        """Deleted users of a month that are in no open request, oldest deletion first.

        Raises ValueError with what is wrong with the month or kind.
        """
        ...

    # -- telling
    def support_staff(self) -> list[int]:
        """Ids of the active people who follow the requests of every account and operate none."""
        ...

    def operators(self) -> list[int]:
        """Ids of the active people who operate the platform."""
        ...

    def notify(
        self,
        *,
        kind: str,
        reference: str,
        request_id: int,
        account_id: int | None,
        recipients: Collection[int],
        facts: dict[str, Any],
        occurrence: int = 1,
        operators_mailbox: bool = False,
    ) -> int:
        """One notification row per request, recipient, kind and occurrence (again: no second row), mail by task.
        Returns new rows.

        ``facts`` are counts and ids, never a name or an address. ``occurrence``: how often the request has come into
        this state. ``operators_mailbox``: also to the address that the operators share, if they have set one.
        """
        ...


@cache
def get_host() -> Host:
    """The host named by ``settings.PURGE_HOST``. Raises ImportError when there is none."""
    return cast(Host, import_string(settings.PURGE_HOST)())
