"""One drill: people are purged, a backup from before is put in, and they are back; the site is closed to them, and one
command purges them again."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone

from purge import services, tasks
from purge.choices import Status
from purge.installation.storage import begin_storage, storage_trouble
from purge.journal import noticing, site_fence
from purge.models import PurgeRequest, WorkerBeat
from purge.upkeep import paused
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import AccountKind, User, UserState

#: No row, text or dump may have it in the end.
DOMAIN = "resurrected.example"
PASSWORD = "correct horse battery"
IN_ONE_REQUEST = 50
LOGIN = "/admin/login/"


@dataclass
class Cast:
    """Numbers of rows: ``people`` are purged, ``witness`` stays."""

    account: int
    admin: int
    operator: int
    witness: int
    people: list[int] = field(default_factory=list)


@dataclass
class Outcome:
    """What was seen, in that order. Of ``people``: how many could sign in before they were purged, and when they were
    back, with the site's fence off and on. In seconds: until the site was paused, and what the purge, asking for it
    again, and all of the second purge took. ``left``: what is left of them in the end."""

    way: str
    people: int
    signed_in_before: int = 0
    back: int = 0
    signed_in_unfenced: int = 0
    signed_in_fenced: int = 0
    paused_after: float = 0.0
    purged_in: float = 0.0
    asked_again_in: float = 0.0
    replayed_in: float = 0.0
    left: list[str] = field(default_factory=list)
    people_a_second: dict[str, float] = field(default_factory=dict)

    def rates(self) -> None:
        """How fast the two purges were, as people a second, and the times rounded."""
        for name in ("paused_after", "purged_in", "asked_again_in", "replayed_in"):
            setattr(self, name, round(getattr(self, name), 2))
        self.people_a_second = {
            "purged": round(self.people / max(self.purged_in, 0.01), 1),
            "purged again": round(self.people / max(self.replayed_in, 0.01), 1),
        }


def prepare(number: int) -> Cast:
    """An account with so many people who can sign in, and texts that mention each of them."""
    WorkerBeat.objects.create(name="here:1", beat_at=timezone.now())
    system = AccountFactory(kind=AccountKind.SYSTEM)
    account = AccountFactory(name="Acme")
    witness = UserFactory(account=account, email="witness@acme.example")
    cast = Cast(
        account.pk,
        AdministratorFactory(account=account, email="admin@acme.example", password=PASSWORD).pk,
        UserFactory(account=system, is_superuser=True, email="operator@lms.example", password=PASSWORD).pk,
        witness.pk,
    )
    for each in range(number):
        person = AdministratorFactory(account=account, email=address_of(each), password=PASSWORD)
        CommentFactory(post__board__account=account, author=witness, body=f"Ask {address_of(each)} about it.")
        cast.people.append(person.pk)
    assert begin_storage() == ""
    return cast


def address_of(number: int) -> str:
    return f"person-{number}@{DOMAIN}"


def run_drill(
    way: str, cast: Cast, put_back: Callable[[], None], dump: Callable[[], bytes], *, patient: bool = False
) -> Outcome:
    """``put_back``: puts in a backup of the database as :func:`prepare` left it. ``dump``: everything that stands in
    the database. ``patient``: the site finds out by itself, as while it runs, instead of being asked to look."""
    seen = Outcome(way, len(cast.people))
    seen.signed_in_before = signed_in(len(cast.people))
    seen.purged_in = purge_all(cast)
    assert not User.objects.filter(pk__in=cast.people).exists()
    assert DOMAIN.encode() not in dump(), "the drill begins with nothing left"
    others = witnesses()

    put_back()
    connections.close_all()
    paused.forget()
    seen.back = User.objects.filter(pk__in=cast.people, state=UserState.ACTIVE).count()
    with override_settings(PURGE_SITE_FENCE=False):
        seen.signed_in_unfenced = signed_in(len(cast.people))
    began = time.monotonic()
    if not patient:
        site_fence.forget()
    while Client().get("/admin/").status_code != 503:
        assert time.monotonic() - began < 10, "the site was not paused"
        time.sleep(0.05)
    seen.paused_after = time.monotonic() - began
    seen.signed_in_fenced = signed_in(len(cast.people))
    request = PurgeRequest.objects.filter(status=Status.QUEUED).first()
    assert request is None or tasks.run_request(request.pk) == "nothing to do"

    adopt_files()
    began = time.monotonic()
    replayed = command("purge_replay", "--yes", "--json")
    seen.asked_again_in = time.monotonic() - began
    assert replayed["left"] == 0
    work()
    seen.replayed_in = time.monotonic() - began

    site_fence.forget()
    assert not noticing.look(thorough=True)
    assert not site_fence.site_is_fenced()
    assert Client().get(LOGIN).status_code == 200
    requests = list(PurgeRequest.objects.exclude(replays=""))
    assert {request.status for request in requests} == {Status.COMPLETED}
    for each in requests[:2]:
        assert command("purge_verify", each.reference, "--json")["verdict"] == "clean"
    seen.left = [f"user {pk}" for pk in User.objects.filter(pk__in=cast.people).values_list("pk", flat=True)]
    if DOMAIN.encode() in dump():
        seen.left.append("the domain stands in the dump")
    assert witnesses() == others
    return seen


def signed_in(number: int) -> int:
    """How many of the people get in with their address and password, each from an address of their own."""
    count = 0
    for each in range(number):
        browser = Client(REMOTE_ADDR=f"10.{each >> 16 & 255}.{each >> 8 & 255}.{each & 255}")
        browser.post(LOGIN, {"username": address_of(each), "password": PASSWORD})
        count += "_auth_user_id" in browser.session
    return count


def purge_all(cast: Cast) -> float:
    """Delete and purge everybody; how long the purges took."""
    User.objects.filter(pk__in=cast.people).update(
        state=UserState.DELETED, deleted_at=timezone.now(), deleted_month=f"{timezone.now():%Y-%m}"
    )
    admin = User.objects.get(pk=cast.admin)
    began = time.monotonic()
    for first in range(0, len(cast.people), IN_ONE_REQUEST):
        some = cast.people[first : first + IN_ONE_REQUEST]
        services.purge_submit(acting_user=admin, account_id=cast.account, user_ids=some)
    work()
    return time.monotonic() - began


def work() -> None:
    """What the worker would do."""
    for request in PurgeRequest.objects.open().order_by("pk"):
        while tasks.run_request(request.pk) == "more":
            pass


def witnesses() -> Sequence[Any]:
    """Whoever was not purged, as they were."""
    stay = User.objects.exclude(email__endswith=f"@{DOMAIN}").order_by("pk")
    return list(stay.values_list("pk", "email", "state", "public_id", "added_at"))


def adopt_files() -> None:
    """A database that is another one to its server has to be told that the files are its own."""
    if storage_trouble(now=True):
        command("purge_storage", "adopt", "--json")
    assert storage_trouble(now=True) == ""


def command(*words: str) -> Any:
    out, said = io.StringIO(), io.StringIO()
    try:
        call_command(*words, stdout=out, stderr=said, no_color=True)
    except CommandError as error:
        raise AssertionError(f"{words}: {error} {said.getvalue()}") from None
    return json.loads(out.getvalue())


def journal_in(folder: Any) -> override_settings:
    """Files and a purge log of their own. The log is not restored with the database."""
    return override_settings(MEDIA_ROOT=folder / "media", PURGE_JOURNAL=folder / "journal" / "purge.jsonl")
