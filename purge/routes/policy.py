"""The six routes, in one table: what each of them reaches.

Read a line as a sentence: a purge that began *there* deletes the selected users, or not; their matches in all trial
accounts, or not; and so on. Everything that differs between the routes stands here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from django.conf import settings

from purge.choices import Notify, Reach, Route
from purge.models import PurgeRequest


@dataclass(frozen=True)
class Policy:
    """One row of the route table.

    ``delete_selected``: the rows of the users the administrator picked. ``delete_trial_matches``: users of any trial
    account whose email or adobe_id is a selected user's email (IMS: either identifier in either column).
    ``delete_matching_creators``: also when such a match created that trial account. ``delete_users_of_created_trials``:
    then everybody else in that account too, and the account becomes inactive. ``scrub_requesting_account``,
    ``scrub_trial_accounts``: where the addresses are taken out of all other fields. ``notify``: who is told.
    On trial routes the requesting account is one of the trial accounts, so it is cleaned as one of them.
    """

    route: Route
    delete_selected: bool
    delete_trial_matches: bool
    delete_matching_creators: bool
    delete_users_of_created_trials: bool
    scrub_requesting_account: bool
    scrub_trial_accounts: bool
    notify: Notify | None

    def as_json(self) -> dict[str, Any]:
        """The row as `manage.py purge_routes --json` prints it."""
        return {name: (value.value if hasattr(value, "value") else value) for name, value in asdict(self).items()}


#                     selected trial   matching users of requesting trial
#                     users    matches creators creators' account   accounts  told
#                                               trials   cleaned    cleaned
_TABLE = (
    (Route.UI_ENTERPRISE, True, True, False, False, True, True, Notify.INITIATOR),
    (Route.UI_TRIAL, True, True, False, False, True, True, Notify.INITIATOR),
    (Route.OTHER_ENTERPRISE, False, False, False, False, True, True, Notify.INITIATOR),
    (Route.OTHER_TRIAL, False, False, False, False, True, True, Notify.INITIATOR),
    (Route.IMS_ENTERPRISE, False, False, False, False, False, False, Notify.ADMINISTRATORS),
    (Route.IMS_TRIAL, False, True, True, True, False, True, None),
)


def policies() -> Mapping[Route, Policy]:
    """The route table under the present settings.

    ``PURGE_ERASE_KEPT_CREATOR`` decides one cell: whether the administrators' own routes erase a match who created that
    trial account (off: they are kept, and the request ends as "1 row kept").
    """
    table = {row[0]: Policy(*row) for row in _TABLE}
    if settings.PURGE_ERASE_KEPT_CREATOR:
        for route in (Route.UI_ENTERPRISE, Route.UI_TRIAL):
            row = asdict(table[route]) | {"delete_matching_creators": True}
            table[route] = Policy(**row)
    return table


def policy_of(route: str) -> Policy:
    return policies()[Route(route)]


def policy_for(purge_request: PurgeRequest) -> Policy:
    """The line that a request was accepted under, within its reach: a table that changes meanwhile changes no request.

    What the line of an earlier release does not say is as it stands in today's table.
    """
    today = within(policy_of(purge_request.route), purge_request.reach)
    names = {each.name for each in fields(Policy)} - {"route"}
    accepted = {name: value for name, value in purge_request.policy.items() if name in names}
    if accepted.get("notify") is not None:
        accepted["notify"] = Notify(accepted["notify"])
    return replace(today, **accepted)


def within(policy: Policy, reach: str) -> Policy:
    """A line without what the other part of a divided submission does.

    Which people: :func:`purge.routes.targets.in_reach`.
    """
    match Reach(reach):
        case Reach.OWN:
            return replace(policy, scrub_trial_accounts=False)
        case Reach.OTHERS:
            return replace(policy, delete_selected=False, scrub_requesting_account=False, notify=None)
        case _everywhere:
            return policy
