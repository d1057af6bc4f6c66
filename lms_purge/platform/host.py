"""The platform behind the purge's port (:mod:`purge.host`)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from connectors.selectors import application_facts, applications_of
from lms_purge.platform.holders import holders, id_holders, id_holders_anywhere
from messaging.services import notification_create
from purge.addresses import emails_in, identity_key
from purge.database.chunks import streamed
from purge.host import (
    AccountFacts,
    Application,
    Holder,
    Page,
    Person,
    PersonLine,
    PersonState,
    Power,
    TenantKind,
    WayIn,
)
from purge.routes.scope import searched
from users.filters import CleanupFilter
from users.models import (
    Account,
    AccountKind,
    AccountState,
    FormerEmail,
    ImportLog,
    Purpose,
    Role,
    User,
    UserKind,
    UserState,
    earlier_state,
)
from users.permissions import PURGE_PERMISSION
from users.proofs.services import proved_of
from users.selectors import deleted_and_free, powers_to_purge
from users.services import deleted_count_change, export_begin, sessions_end
from users.sign_in.confirmed import require_confirmed
from users.sign_in.step_up import confirm
from users.wall import across_accounts

#: Whose addresses tell where an account is at home.
MOST_ADMINISTRATORS = 20


@across_accounts("the purge's port: its routes reach people and fields of every trial account")
class LmsHost:
    """Implements :class:`purge.host.Host`."""

    # ------------------------------------------------------------ accounts

    def accounts(self, ids: Collection[int]) -> dict[int, AccountFacts]:
        return {
            account.pk: AccountFacts(
                id=account.pk,
                kind=TenantKind(account.kind),
                name=account.name,
                creator_id=account.creator_id,
                active=account.state == AccountState.ACTIVE,
                time_zone=account.time_zone,
                public_id=str(account.public_id),
                slug=account.subdomain,
            )
            for account in Account.objects.filter(pk__in=list(ids))
        }

    def trial_account_ids(self, *, as_of: datetime | None = None) -> QuerySet[Any, int]:
        trials = Account.objects.filter(kind=AccountKind.TRIAL)
        if as_of is not None:
            trials = trials.filter(Q(kind_changed_at=None) | Q(kind_changed_at__lte=as_of))
        return trials.values_list("pk", flat=True)

    def became_trial(self) -> dict[int, datetime]:
        changed = Account.objects.filter(kind=AccountKind.TRIAL, kind_changed_at__isnull=False)
        return {pk: moment for pk, moment in changed.values_list("pk", "kind_changed_at") if moment is not None}

    def staff_account_ids(self) -> QuerySet[Any, int]:
        return Account.objects.filter(kind=AccountKind.SYSTEM).values_list("pk", flat=True)

    def account_of(self, user: Any) -> int | None:
        if not user.is_authenticated or user.is_superuser or user.is_support:
            return None
        return int(user.account_id)

    def is_support(self, user: Any) -> bool:
        return bool(user.is_authenticated and user.is_active and (user.is_superuser or user.is_support))

    def may_purge(self, user_id: int, account_id: int) -> bool:
        user = User.objects.select_related("account").prefetch_related("given_roles").filter(pk=user_id).first()
        if user is None or not user.is_active:
            return False
        if user.is_superuser:
            return True
        return bool(
            user.account_id == account_id and user.has_role(Role.ADMINISTRATOR) and user.has_perm(PURGE_PERMISSION)
        )

    def may_be_notified(self, user_id: int, account_id: int) -> bool:
        user = User.objects.select_related("account").filter(pk=user_id).first()
        if user is None or not user.is_active:
            return False
        if user.is_superuser or user.is_support:
            return True
        return bool(user.account_id == account_id and user.has_role(Role.ADMINISTRATOR))

    def may_tick_off(self, user_id: int, account_id: int) -> bool:
        return user_id in self.administrators(account_id)

    def who_may_purge(self, account_id: int) -> list[Power]:
        return [
            Power(line.user.pk, line.user.name, line.since, line.by.name if line.by else "", line.recorded_from)
            for line in powers_to_purge(account_id)
        ]

    def administrators(self, account_id: int) -> list[int]:
        found = User.objects.filter(account_id=account_id, state=UserState.ACTIVE, given_roles__role=Role.ADMINISTRATOR)
        return list(found.order_by("given_roles__given_at", "pk").values_list("pk", flat=True))

    def account_label(self) -> str:
        return Account._meta.label

    def heir(self, account_id: int, *, initiator_id: int | None, requesting_account_id: int | None) -> int | None:
        administrators = self.administrators(account_id)
        if account_id == requesting_account_id and initiator_id in administrators:
            initiator = User.objects.get(pk=initiator_id)
            if not (initiator.is_superuser or initiator.is_support):
                return initiator_id
        creator = Account.objects.filter(pk=account_id, creator__state=UserState.ACTIVE).values_list(
            "creator_id", flat=True
        )
        return creator.first() or (administrators[0] if administrators else None)

    def close_account(self, account_id: int) -> None:
        Account.objects.filter(pk=account_id, kind=AccountKind.TRIAL).update(state=AccountState.INACTIVE)

    # ------------------------------------------------------------ who it is

    def confirm_identity(self, request: HttpRequest, password: str) -> str:
        return confirm(request, password)

    def require_confirmed(self) -> None:
        require_confirmed()

    def note_export(self, user: Any, what: str) -> None:
        # Whether it is asked first who it is, the page has decided.
        export_begin(acting_user=user, what=what, of_many=False)

    def plans_of(self, user: Any) -> str:
        return f"{user.account_id}.{user.plans_ended}"

    # ------------------------------------------------------------ what is whose, beyond one account

    def proved(self, account_id: int, keys: Collection[str]) -> frozenset[str]:
        return proved_of(account_id, keys, Purpose.PURGE)

    def same_person(self, user_id: int) -> set[int]:
        keys = User.objects.filter(pk=user_id, email_key__isnull=False).values("email_key")
        return {user_id, *User.objects.filter(email_key__in=keys).values_list("pk", flat=True)}

    # ------------------------------------------------------------ outside

    def outside_applications(self, person_ids: Collection[int]) -> dict[int, int]:
        return applications_of(person_ids)

    def applications(self, numbers: Collection[int]) -> dict[int, Application]:
        return application_facts(numbers)

    # ------------------------------------------------------------ people

    def file_prefix(self, public_id: str) -> str:
        return f"people/{public_id}"

    def identity_columns(self) -> set[tuple[str, str]]:
        table = User._meta.db_table
        return {(table, column) for column in ("email", "email_key", "adobe_id", "adobe_key", "login_id")}

    def own_keys(self, person_id: int) -> frozenset[str]:
        rows = User.objects.filter(pk=person_id).values_list("email", "adobe_id")
        return searched(identity_key(value) for row in rows for value in row if value)

    def people(self, ids: Collection[int]) -> list[Person]:
        return _people(User.objects.filter(pk__in=list(ids)))

    def people_by_public_id(self, public_ids: Collection[str]) -> list[Person]:
        return _people(User.objects.filter(public_id__in=list(public_ids)))

    def names(self, ids: Collection[int]) -> dict[int, str]:
        return dict(User.objects.filter(pk__in=list(ids)).values_list("pk", "name"))

    def lock_people(self, ids: Collection[int]) -> list[Person]:
        if not ids:
            return []
        return _people(User.objects.filter(pk__in=list(ids)).select_for_update(of=("self",)))

    def users_in_account(self, account_id: int, keys: Iterable[str]) -> set[str]:
        keys = set(keys)
        if not keys:
            return set()
        rows = User.objects.filter(account_id=account_id).filter(Q(email_key__in=keys) | Q(adobe_key__in=keys))
        found = {key for row in rows.values_list("email_key", "adobe_key") for key in row if key in keys}
        # Those who share a mailbox have no key, and the address all the same. They are few.
        sharing = User.objects.filter(account_id=account_id, email_key=None).values_list("email", flat=True)
        return found | ({identity_key(email) for email in sharing} & keys)

    def holders(self, account_id: int | None, keys: Collection[str]) -> dict[str, list[Holder]]:
        return holders(account_id, keys)

    def id_holders(self, ids: Mapping[int, Collection[str]]) -> dict[tuple[int, str], list[Holder]]:
        return id_holders(ids)

    def id_holders_anywhere(self, key: str) -> list[Holder]:
        return id_holders_anywhere(key)

    def identities_in(self, account_id: int) -> Iterable[str]:
        rows = User.objects.filter(account_id=account_id).values_list("email_key", "adobe_key")
        return (key for row in streamed(rows) for key in row if key and "@" in key)

    def home_pages(self, account_id: int) -> frozenset[str]:
        account = Account.objects.filter(pk=account_id).values_list("subdomain", "sender_email", "support_emails")
        written = [text for row in account for text in row[1:]]
        active = User.objects.filter(pk__in=self.administrators(account_id)[:MOST_ADMINISTRATORS])
        written += active.values_list("email", flat=True)
        addresses = {key for text in written for key in emails_in(text) if "@" in key}
        ours = [urlsplit(settings.LMS_BASE_URL).hostname or "", *settings.ALLOWED_HOSTS]
        names = {name.lstrip(".").lower() for name in (*ours, *(row[0] for row in account)) if name.strip("*.")}
        return frozenset(names | {identity_key(key).rpartition("@")[2] for key in addresses})

    def trial_matches(self, *, emails: Iterable[str], adobe_ids: Iterable[str] = ()) -> list[Person]:
        return _people(_matching([*emails, *adobe_ids]).filter(account__kind=AccountKind.TRIAL))

    def enterprise_matches(self, *, emails: Iterable[str], adobe_ids: Iterable[str]) -> list[Person]:
        return _people(_matching([*emails, *adobe_ids]).filter(account__kind=AccountKind.ENTERPRISE))

    def created_accounts(self, person_ids: Collection[int]) -> dict[int, list[int]]:
        created: dict[int, list[int]] = defaultdict(list)
        accounts = Account.objects.filter(creator_id__in=list(person_ids)).order_by("pk")
        for person_id, account_id in accounts.values_list("creator_id", "pk"):
            created[person_id].append(account_id)
        return dict(created)

    def members(self, account_id: int) -> list[int]:
        return list(User.objects.filter(account_id=account_id).order_by("pk").values_list("pk", flat=True))

    def freeze(self, people: Sequence[Person], *, accepted_at: datetime) -> None:
        if not people:
            return
        ids = [person.id for person in people]
        User.objects.filter(pk__in=ids).update(state=UserState.PURGING)
        sessions_end(user_ids=ids)
        # Keys to the API open nothing while their owner is frozen, and go with the owner's row.
        # Whoever downloads an old file now would bring back the very people who are going.
        ImportLog.objects.filter(
            account_id__in={person.account_id for person in people},
            uploaded_at__lte=accepted_at,
            link_dead_at=None,
        ).update(link_dead_at=timezone.now())

    def unfreeze(self, ids: Collection[int]) -> None:
        frozen = User.objects.filter(pk__in=list(ids), state=UserState.PURGING)
        frozen.filter(deleted_at=None).update(state=UserState.ACTIVE)
        frozen.update(state=UserState.DELETED)

    def revive_links(self, accounts: Mapping[int, datetime | None]) -> None:
        # A purge that has erased a file has emptied its column; a dead link with a file was killed by a freeze alone.
        dead = ImportLog.objects.exclude(link_dead_at=None).exclude(file="")
        for account_id, held_until in accounts.items():
            mine = dead.filter(account_id=account_id)
            if held_until is not None:
                mine = mine.filter(uploaded_at__gt=held_until)
            mine.update(link_dead_at=None)

    def people_gone(self, people: Sequence[Person]) -> None:
        for account_id, month, number in _deleted_counts([person.id for person in people]):
            deleted_count_change(account_id=account_id, month=month, by=-number)

    def person_lines(self, ids: Collection[int]) -> list[PersonLine]:
        rows = User.objects.filter(pk__in=list(ids)).order_by("name", "pk")
        return [
            PersonLine(pk, name, email, unique_user_id or "", deleted_at)
            for pk, name, email, unique_user_id, deleted_at in rows.values_list(
                "pk", "name", "email", "unique_user_id", "deleted_at"
            )
        ]

    def page_of(self, page: Page, pk: int | None = None) -> str:
        match page:
            case Page.PERSON:
                kind = User.objects.filter(pk=pk).values_list("kind", flat=True).first() or UserKind.INTERNAL
                name = f"admin:users_{kind}user_change"
            case Page.DELETED_PEOPLE:
                name = "admin:users_deleteduser_changelist"
            case Page.RECIPIENTS:
                name = "admin:cleanup_recipients"
        return reverse(name, args=[] if pk is None else [pk])

    def way_to_purge(self, person: Person) -> WayIn:
        if person.state == PersonState.DELETED:
            return WayIn(reverse("admin:cleanup_purge"), {"_selected_action": str(person.id)})
        kind = User.objects.filter(pk=person.id).values_list("kind", flat=True).first() or UserKind.INTERNAL
        return WayIn(reverse(f"admin:users_{kind}user_leave", args=[person.id]) + "?then=purge")

    # ------------------------------------------------------------ finding, for commands

    def account_by_subdomain(self, subdomain: str) -> AccountFacts | None:
        pk = Account.objects.filter(subdomain=subdomain.strip().lower()).values_list("pk", flat=True).first()
        return self.accounts([pk])[pk] if pk is not None else None

    def actor_by_email(self, email: str, account_id: int) -> User | None:
        found = User.objects.filter(email_key=identity_key(email), state=UserState.ACTIVE).select_related("account")
        may_act = found.filter(Q(account_id=account_id) | Q(is_superuser=True)).order_by("is_superuser")
        actor: User | None = may_act.first()
        return actor

    def ids_by_unique_id(self, account_id: int, unique_ids: Collection[str]) -> dict[str, int]:
        rows = User.objects.filter(account_id=account_id, unique_user_id__in=list(unique_ids))
        return {str(unique_id): pk for unique_id, pk in rows.values_list("unique_user_id", "pk")}

    def oldest_deleted(self, account_id: int, *, month: str, kind: str, limit: int) -> list[int]:
        rows = deleted_and_free(User.objects.filter(account_id=account_id, deleted_at__isnull=False))
        chosen = CleanupFilter({"month": month, "kind": kind}, queryset=rows)
        if not chosen.is_valid():
            raise ValueError("; ".join(message for messages in chosen.errors.values() for message in messages))
        return list(chosen.qs.order_by("deleted_at", "pk").values_list("pk", flat=True)[:limit])

    # ------------------------------------------------------------ telling

    def support_staff(self) -> list[int]:
        people = User.objects.filter(state=UserState.ACTIVE, is_support=True, is_superuser=False)
        return list(people.order_by("pk").values_list("pk", flat=True))

    def operators(self) -> list[int]:
        people = User.objects.filter(state=UserState.ACTIVE, is_superuser=True)
        return list(people.order_by("pk").values_list("pk", flat=True))

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
        mailbox = [None] if operators_mailbox and settings.OPERATORS_EMAIL else []
        return sum(
            notification_create(
                account_id=account_id,
                recipient_id=recipient_id,
                kind=kind,
                reference=reference,
                request_id=request_id,
                facts=facts,
                occurrence=occurrence,
            )
            for recipient_id in (*recipients, *mailbox)
        )


def _matching(keys: Sequence[str]) -> Any:
    """Two look-ups by index; one OR over both columns would read the table. Whose address cannot be told apart from
    another's in the account (who has no key) is nobody's match."""
    keys = [key for key in keys if key]
    by_email = User.objects.filter(email_key__in=keys).values("pk")
    by_login = User.objects.filter(adobe_key__in=keys, email_key__isnull=False).values("pk")
    return User.objects.filter(pk__in=by_email.union(by_login))


def _deleted_counts(ids: Sequence[int]) -> list[tuple[int, str, int]]:
    """(account, month, how many) of those of the people who count as deleted."""
    counted = User.objects.filter(pk__in=ids, deleted_month__isnull=False).order_by()
    return list(counted.values_list("account_id", "deleted_month").annotate(n=Count("pk")))


def _people(rows: Any) -> list[Person]:
    found = list(
        rows.order_by("pk").values_list(
            "pk",
            "account_id",
            "state",
            "deleted_at",
            "public_id",
            "email_key",
            "adobe_key",
            "unique_user_id",
            "added_at",
            "email",
            "adobe_id",
        )
    )
    former: dict[int, list[str]] = defaultdict(list)
    written: dict[int, list[str]] = defaultdict(list)
    if found:
        addresses = FormerEmail.objects.filter(user_id__in=[row[0] for row in found])
        for user_id, key, address in addresses.values_list("user_id", "email_key", "email"):
            if key:
                former[user_id].append(key)
                written[user_id].append(address or "")
    return [
        Person(
            id=pk,
            account_id=account_id,
            state=PersonState(state),
            earlier_state=PersonState(earlier_state(state, deleted_at)),
            public_id=str(public_id),
            email_key=email_key,
            former_keys=tuple(former[pk]),
            adobe_key=adobe_key,
            unique_user_id=unique_user_id,
            added_at=added_at,
            writings=tuple(writing for writing in (*own, *written[pk]) if writing),
        )
        for pk, account_id, state, deleted_at, public_id, email_key, adobe_key, unique_user_id, added_at, *own in found
    ]
