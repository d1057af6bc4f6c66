"""What each of the six routes must reach in the world of :mod:`tests.purge.expected.planting`. By hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from purge import services
from tests.purge import world as w

TRIALS = frozenset({"alpha", "beta", "gamma", "delta", "epsilon", "zeta"})
#: Users of trial accounts who have Ann's address as email or login, but for the one who created her trial account.
MATCHES = frozenset({"alpha_match", "beta_login_match", "beta_deleted_match", "delta_match"})


def follow_ups(*people: str) -> frozenset[tuple[str, str]]:
    """Administrators of accounts in which something stopped, or a session needs an instructor."""
    return frozenset((name, "follow_ups") for name in people)


#: Those of trial accounts with connectors and sessions that mention Ann; the one who created gamma is Ann.
OF_TRIALS = follow_ups("alpha_creator", "gamma_creator", "epsilon_creator", "epsilon_admin")


@dataclass(frozen=True)
class Expected:
    """``goes``: people, by their names in the world. ``emptied``: an account everybody of which goes as well.

    ``cleaned``: accounts from which Ann's address is taken out. ``login``: whether her login is, there too.
    ``elsewhere``: further addresses, and where they are taken out. ``asked``: the requesting account; ``heirs``: who
    inherits, by account. ``told``: (who, kind) of the new notifications. ``notices``: accounts with a new notice.
    """

    begin: Callable[[Any], Any]
    goes: frozenset[str] = frozenset()
    emptied: str = ""
    cleaned: frozenset[str] = frozenset()
    login: bool = False
    elsewhere: Mapping[str, frozenset[str]] = field(default_factory=dict)
    asked: str = ""
    heirs: Mapping[str, str] = field(default_factory=dict)
    told: frozenset[tuple[str, str]] = frozenset()
    notices: frozenset[str] = frozenset()


def _by_administrator(account: str, administrator: str, person: str) -> Callable[[Any], Any]:
    def begin(world: Any) -> Any:
        return services.purge_submit(
            acting_user=getattr(world, administrator),
            account_id=getattr(world, account).pk,
            user_ids=[getattr(world, person).pk],
        )

    return begin


def _of_other_user(account: str, administrator: str) -> Callable[[Any], Any]:
    def begin(world: Any) -> Any:
        return services.purge_submit_address(
            acting_user=getattr(world, administrator), account_id=getattr(world, account).pk, address=w.ANN
        )

    return begin


def _by_identity_provider(_world: Any) -> Any:
    return services.purge_submit_ims(email=w.ANN, adobe_id="ann-login", reference="SET-1")


ROUTES: dict[str, Expected] = {
    "ui_enterprise": Expected(
        begin=_by_administrator("acme", "admin", "ann"),
        goes=MATCHES | {"ann"},
        cleaned=TRIALS | {"acme"},
        login=True,
        elsewhere={w.FORMER: frozenset({"acme"}), "else@x.org": frozenset({"beta"})},
        asked="acme",
        heirs={"acme": "admin", "alpha": "alpha_creator", "beta": "beta_creator", "delta": "delta_creator"},
        told=frozenset({("admin", "completed")}) | OF_TRIALS | follow_ups("admin", "admin2"),
    ),
    "ui_trial": Expected(
        begin=_by_administrator("beta", "beta_admin", "beta_deleted_match"),
        goes=MATCHES,
        cleaned=TRIALS,
        elsewhere={"else@x.org": frozenset({"beta"})},
        asked="beta",
        heirs={"alpha": "alpha_creator", "beta": "beta_admin", "delta": "delta_creator"},
        told=frozenset({("beta_admin", "completed")}) | OF_TRIALS,
    ),
    "other_enterprise": Expected(
        begin=_of_other_user("initech", "initech_admin"),
        cleaned=TRIALS | {"initech"},
        asked="initech",
        told=frozenset({("initech_admin", "completed")}) | OF_TRIALS | follow_ups("initech_admin"),
    ),
    "other_trial": Expected(
        begin=_of_other_user("epsilon", "epsilon_admin"),
        cleaned=TRIALS,
        asked="epsilon",
        told=frozenset({("epsilon_admin", "completed")}) | OF_TRIALS,
    ),
    # Two routes of one message: notices to the enterprise accounts, and a purge over the trial accounts.
    "ims_enterprise and ims_trial": Expected(
        begin=_by_identity_provider,
        goes=MATCHES | {"gamma_creator", "beta_signs_in_so"},
        emptied="gamma",
        cleaned=TRIALS,
        login=True,
        elsewhere={"else@x.org": frozenset({"beta"}), "signs.in.so@x.org": frozenset({"beta"})},
        heirs={"alpha": "alpha_creator", "beta": "beta_creator", "delta": "delta_creator"},
        told=frozenset({("admin", "ims_notice"), ("admin2", "ims_notice"), ("globex_admin", "ims_notice")})
        # Nobody of gamma is left whom to tell what stopped there.
        | follow_ups("alpha_creator", "epsilon_creator", "epsilon_admin", "staff"),
        notices=frozenset({"acme", "globex"}),
    ),
}
