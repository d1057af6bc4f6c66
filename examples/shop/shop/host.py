"""What the engine asks of the shop. It has one kind of account, so whatever concerns trials has nothing to say."""

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from purge.addresses import identity_key
from purge.host import (
    AccountFacts,
    Application,
    Holder,
    HolderKind,
    Page,
    Person,
    PersonLine,
    PersonState,
    Power,
    TenantKind,
    WayIn,
)
from purge.pages.freshness import CONFIRMED_AT
from purge.routes.scope import searched
from shop.models import Branch, Customer


class ShopHost:
    """Implements :class:`purge.host.Host`."""

    # ------------------------------------------------------------ branches

    def accounts(self, ids: Collection[int]) -> dict[int, AccountFacts]:
        return {
            branch.pk: AccountFacts(
                branch.pk, TenantKind.ENTERPRISE, branch.name, None, True, "UTC", str(branch.public_id)
            )
            for branch in Branch.objects.filter(pk__in=ids)
        }

    def account_label(self) -> str:
        return "shop.Branch"

    def trial_account_ids(self, *, as_of: datetime | None = None) -> QuerySet[Any, int]:
        return Branch.objects.none().values_list("pk", flat=True)

    def staff_account_ids(self) -> QuerySet[Any, int]:
        return Branch.objects.none().values_list("pk", flat=True)

    def became_trial(self) -> dict[int, datetime]:
        return {}

    def close_account(self, account_id: int) -> None:
        """No route of the shop reaches one that would have to be closed."""

    # ------------------------------------------------------------ who may do what

    def account_of(self, user: Any) -> int | None:
        return user.branch_id

    def is_support(self, user: Any) -> bool:
        return False

    def may_purge(self, user_id: int, account_id: int) -> bool:
        return user_id in self.administrators(account_id)

    def may_be_notified(self, user_id: int, account_id: int) -> bool:
        return user_id in self.administrators(account_id)

    def may_tick_off(self, user_id: int, account_id: int) -> bool:
        return user_id in self.administrators(account_id)

    def who_may_purge(self, account_id: int) -> list[Power]:
        staff = self.administrators(account_id)
        return [Power(pk, name, None, "") for pk, name in sorted(self.names(staff).items())]

    def administrators(self, account_id: int) -> list[int]:
        staff = Customer.objects.filter(branch_id=account_id, is_staff=True, state=PersonState.ACTIVE)
        return list(staff.order_by("added_at", "pk").values_list("pk", flat=True))

    def heir(self, account_id: int, *, initiator_id: int | None, requesting_account_id: int | None) -> int | None:
        return next(iter(self.administrators(account_id)), None)

    # ------------------------------------------------------------ what is whose, beyond one branch

    def proved(self, account_id: int, keys: Collection[str]) -> frozenset[str]:
        """No branch reaches into another."""
        return frozenset()

    def same_person(self, user_id: int) -> set[int]:
        return {user_id}

    # ------------------------------------------------------------ who it is

    def confirm_identity(self, request: HttpRequest, password: str) -> str:
        if not request.user.check_password(password):
            return "This is not your password."
        request.session[CONFIRMED_AT] = time.time()
        return ""

    def require_confirmed(self) -> None:
        """The forms of its pages ask; it has no page of its own for services that are called without them."""

    def note_export(self, user: Any, what: str) -> None:
        """The shop keeps no record of what its staff save; its log has the request."""

    def plans_of(self, user: Any) -> str:
        """A plan ends with the password that it was shown under."""
        return str(user.get_session_auth_hash())

    # ------------------------------------------------------------ outside

    def outside_applications(self, person_ids: Collection[int]) -> dict[int, int]:
        """The shop gives no data to others."""
        return {}

    def applications(self, numbers: Collection[int]) -> dict[int, Application]:
        return {}

    # ------------------------------------------------------------ customers

    def file_prefix(self, public_id: str) -> str:
        return f"customers/{public_id}"

    def identity_columns(self) -> set[tuple[str, str]]:
        return {("shop_customer", "email"), ("shop_customer", "email_key")}

    def own_keys(self, person_id: int) -> frozenset[str]:
        emails = Customer.objects.filter(pk=person_id).values_list("email", flat=True)
        return searched(identity_key(email) for email in emails)

    def people(self, ids: Collection[int]) -> list[Person]:
        return [_person(row) for row in Customer.objects.filter(pk__in=ids).order_by("pk")]

    def people_by_public_id(self, public_ids: Collection[str]) -> list[Person]:
        return [_person(row) for row in Customer.objects.filter(public_id__in=public_ids).order_by("pk")]

    def lock_people(self, ids: Collection[int]) -> list[Person]:
        return [_person(row) for row in Customer.objects.filter(pk__in=ids).order_by("pk").select_for_update()]

    def names(self, ids: Collection[int]) -> dict[int, str]:
        return dict(Customer.objects.filter(pk__in=ids).values_list("pk", "name"))

    def person_lines(self, ids: Collection[int]) -> list[PersonLine]:
        rows = Customer.objects.filter(pk__in=ids).order_by("name", "pk")
        return [PersonLine(row.pk, row.name, row.email, "", row.deleted_at) for row in rows]

    def page_of(self, page: Page, pk: int | None = None) -> str:
        """The shop has no pages of its own."""
        return ""

    def way_to_purge(self, person: Person) -> WayIn:
        """Nor a form: the shop purges by command."""
        return WayIn("")

    def members(self, account_id: int) -> list[int]:
        return list(Customer.objects.filter(branch_id=account_id).order_by("pk").values_list("pk", flat=True))

    def users_in_account(self, account_id: int, keys: Iterable[str]) -> set[str]:
        rows = Customer.objects.filter(branch_id=account_id, email_key__in=set(keys))
        return set(rows.values_list("email_key", flat=True))

    def holders(self, account_id: int | None, keys: Collection[str]) -> dict[str, list[Holder]]:
        rows = Customer.objects.filter(email_key__in=keys)
        if account_id is not None:
            rows = rows.filter(branch_id=account_id)
        return {
            row.email_key: [
                Holder(
                    row.pk,
                    row.branch_id,
                    HolderKind.CURRENT,
                    row.added_at,
                    None,
                    PersonState(row.state),
                    _earlier_state(row),
                )
            ]
            for row in rows
        }

    def id_holders(self, ids: Mapping[int, Collection[str]]) -> dict[tuple[int, str], list[Holder]]:
        """Customers have no number of their own."""
        return {}

    def id_holders_anywhere(self, key: str) -> list[Holder]:
        return []

    def identities_in(self, account_id: int) -> Iterable[str]:
        rows = Customer.objects.filter(branch_id=account_id, email_key__isnull=False)
        return rows.values_list("email_key", flat=True)

    def home_pages(self, account_id: int) -> frozenset[str]:
        return frozenset({"shop.example"})

    def trial_matches(self, *, emails: Iterable[str], adobe_ids: Iterable[str] = ()) -> list[Person]:
        return []

    def enterprise_matches(self, *, emails: Iterable[str], adobe_ids: Iterable[str]) -> list[Person]:
        return [_person(row) for row in Customer.objects.filter(email_key__in=list(emails)).order_by("pk")]

    def created_accounts(self, person_ids: Collection[int]) -> dict[int, list[int]]:
        return {}

    def freeze(self, people: Sequence[Person], *, accepted_at: datetime) -> None:
        Customer.objects.filter(pk__in=[person.id for person in people]).update(state=PersonState.PURGING)

    def unfreeze(self, ids: Collection[int]) -> None:
        Customer.objects.filter(pk__in=ids, state=PersonState.PURGING).update(state=PersonState.DELETED)

    def revive_links(self, accounts: Mapping[int, datetime | None]) -> None:
        """The shop hands out no links to files."""

    def people_gone(self, people: Sequence[Person]) -> None:
        """The shop keeps no counts of its customers."""

    # ------------------------------------------------------------ finding, for commands

    def account_by_subdomain(self, subdomain: str) -> AccountFacts | None:
        branch = Branch.objects.filter(name=subdomain).first()
        return self.accounts([branch.pk])[branch.pk] if branch else None

    def actor_by_email(self, email: str, account_id: int) -> Customer | None:
        return Customer.objects.filter(
            email_key=identity_key(email), branch_id=account_id, state=PersonState.ACTIVE
        ).first()

    def ids_by_unique_id(self, account_id: int, unique_ids: Collection[str]) -> dict[str, int]:
        return {}

    def oldest_deleted(self, account_id: int, *, month: str, kind: str, limit: int) -> list[int]:
        gone = Customer.objects.filter(branch_id=account_id, state=PersonState.DELETED).order_by("deleted_at", "pk")
        return list(gone.values_list("pk", flat=True)[:limit])

    # ------------------------------------------------------------ telling

    def support_staff(self) -> list[int]:
        return []

    def operators(self) -> list[int]:
        return []

    def notify(self, *, kind: str, reference: str, recipients: Collection[int], **facts: Any) -> int:
        """A real shop would write a mail here."""
        return len(recipients)


def _earlier_state(row: Customer) -> PersonState:
    return PersonState.DELETED if row.deleted_at else PersonState.ACTIVE


def _person(row: Customer) -> Person:
    return Person(
        id=row.pk,
        account_id=row.branch_id,
        state=PersonState(row.state),
        earlier_state=_earlier_state(row),
        public_id=str(row.public_id),
        email_key=row.email_key,
        former_keys=(),
        adobe_key=None,
        unique_user_id=None,
        added_at=row.added_at,
    )
