"""What stands beside a deleted user in the list: why to look twice before purging them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from connectors.models import Connector, ConnectorSettings
from learning.selectors import sessions_taught
from purge.addresses import emails_in, identity_key, search_keys
from purge.models import PurgeRequest
from purge.rules import AddressTreatment, PersonTreatment
from purge.rules.registry import get_registry
from purge.selectors import open_request_of
from users.models import UserRole, UserState
from users.selectors import mailbox_text


@dataclass
class Hints:
    """Of one row. ``purge_request``: ID and link of the open request of this account that holds the user.

    What another account's request holds has none: it can be selected like any other. ``mailbox``: whose they share.
    """

    roles: list[str] = field(default_factory=list)
    teaches: int = 0
    connectors: list[str] = field(default_factory=list)
    purge_request: tuple[str, str] | None = None
    mailbox: str = ""

    @property
    def can_be_selected(self) -> bool:
        return self.purge_request is None and not self.mailbox

    @property
    def labels(self) -> list[str]:
        labels = []
        if self.roles:
            labels.append(_("Roles: %(roles)s") % {"roles": ", ".join(self.roles)})
        if self.teaches:
            text = ngettext("Teaches %(n)d session to come", "Teaches %(n)d sessions to come", self.teaches)
            labels.append(text % {"n": self.teaches})
        if self.connectors:
            labels.append(_("Named in: %(connectors)s") % {"connectors": ", ".join(self.connectors)})
        return labels


def hints_of(people: Sequence[Any]) -> dict[int, Hints]:
    """Person id → hints. The number of queries does not depend on how many people there are."""
    ids = [person.pk for person in people]
    hints = {person.pk: Hints(mailbox=mailbox_text(person)) for person in people}
    if not ids:
        return hints
    for row in UserRole.objects.filter(user_id__in=ids).order_by("pk"):
        hints[row.user_id].roles.append(row.get_role_display())
    taught = sessions_taught(ids, account_ids={person.account_id for person in people})
    for user_id in taught.values_list("user_id", flat=True):
        hints[user_id].teaches += 1
    for user_id, names in connectors_naming(people).items():
        hints[user_id].connectors = sorted(names)
    for user_id, purge_request in _requests_of(people).items():
        hints[user_id].purge_request = purge_request
    return hints


def _requests_of(people: Iterable[Any]) -> dict[int, tuple[str, str]]:
    by_account: dict[int, list[int]] = defaultdict(list)
    for person in people:
        if person.state != UserState.ACTIVE:
            by_account[person.account_id].append(person.pk)
    references: dict[int, str] = {}
    for account_id, ids in by_account.items():
        references |= open_request_of(ids, account_id=account_id)
    if not references:
        return {}
    requests = PurgeRequest.objects.filter(account_id__in=by_account, reference__in=set(references.values()))
    pks = dict(requests.values_list("reference", "pk"))
    return {
        person_id: (reference, reverse("admin:purge_purgerequest_change", args=[pks[reference]]))
        for person_id, reference in references.items()
        if reference in pks
    }


# ---------------------------------------------------------------- connectors


def connectors_naming(people: Sequence[Any]) -> dict[int, set[str]]:
    """Person id → names of the connectors of their account whose settings refer to them (by user, address or login).

    Which settings can do that is the purge's own list, so that the hint and the purge cannot disagree.
    """
    found: dict[int, set[str]] = defaultdict(set)
    by_account: dict[int, list[Any]] = defaultdict(list)
    for person in people:
        by_account[person.account_id].append(person)
    # All settings of a connector in its own row: a query for each kind costs a page more than the rest of it.
    references: list[str] = []
    texts: list[str] = []
    ids = {person.pk for person in people}
    for entry in get_registry().entries.values():
        if issubclass(entry.model, ConnectorSettings):
            path = entry.model._meta.get_field("connector").related_query_name()
            references += [f"{path}__{column.field.attname}" for column in entry.of(PersonTreatment)]
            texts += [f"{path}__{column.field.attname}" for column in entry.of(AddressTreatment)]
    rows = Connector.objects.filter(account__in=list(by_account))
    for account_id, name, contact_id, *values in rows.values_list(
        "account_id", "name", "contact_id", *references, *texts
    ):
        named = _named(by_account[account_id], values[: len(references)], values[len(references) :])
        for person_id in {*named, *ids.intersection([contact_id])}:
            found[person_id].add(name)
    return dict(found)


def _named(people: Iterable[Any], references: Sequence[Any], texts: Sequence[Any]) -> list[int]:
    """Those of the people to whom one connector refers."""
    written = [str(text) for text in texts if text]
    addresses = set().union(*(emails_in(text) for text in written)) if written else set()
    whole = {identity_key(text) for text in written}
    return [
        person.pk
        for person in people
        if person.pk in references
        or person.adobe_key in whole
        or any(not addresses.isdisjoint(search_keys(key)) for key in (person.email_key, person.adobe_key) if key)
    ]
