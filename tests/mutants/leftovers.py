"""What a purge left behind, planted between sweep and verification: each place is one that the proof must find.

And what looks like it and is nobody's business: another customer's, somebody else's by now, a kept creator's own.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ, Task

from learning.models import Enrolment
from messaging.models import TranscriptDownload
from purge.addresses.tokens import is_token
from purge.choices import IdentifierKind, Reason
from purge.hashing import keyed_hash
from purge.models import DoomedFile, PurgeRequest
from purge.proof import judge, probe, texts
from purge.proof.opening.looking import Looker, Seen
from purge.proof.report import CouldNotLook
from purge.rules.registry import get_registry
from tests.factories.connectors import FtpSettingsFactory, WorkdaySettingsFactory
from tests.factories.learning import CommentFactory, EnrolmentFactory
from tests.factories.messaging import SavedReportFactory, TranscriptDownloadFactory
from tests.factories.users import AccountFactory, ExternalProfileFactory, UserFactory
from tests.mutants.mutant import Mutant
from tests.purge import world as w
from tests.purge.expected import planting
from tests.purge.expected.routes import ROUTES
from users.models import Account, AccountKind, Session, User

ASK = "Ask ann@x.org, please."
ENCODED = base64.b64encode(b"\x80\x04 asked ann@x.org .").decode()
#: As the signing writes what is shorter so.
COMPRESSED = "." + base64.urlsafe_b64encode(zlib.compress(b'{"asked":"ann@x.org"}' * 9)).decode().rstrip("=") + ":1:s"


@dataclass(frozen=True)
class Place:
    """Where something is left. ``row`` None: named by a text. ``by``: who must find it: the probe, the patrol."""

    table: str
    column: str
    row: str | None
    by: frozenset[str]


PROBE, PATROL, UNOPENED = frozenset({"probe"}), frozenset({"patrol"}), frozenset({"list of unopened files"})
BOTH = PROBE | PATROL


def noticed(world: SimpleNamespace, applied: Callable[[], AbstractContextManager[object]]) -> str:
    """The first place that is not found, or is and should not be, with the mutant applied to the proof alone."""
    purge_request = swept(world)
    with unchecked_keys(), mock.patch.object(PurgeRequest, "excluded_account_id", None):
        places = [Place(*place) for place in plant(world, purge_request)]
        with applied():
            return _missed(purge_request, places) or _looked_though_it_could_not(purge_request)


def swept(world: SimpleNamespace) -> PurgeRequest:
    """A request that has erased everything and verified nothing."""
    purge_request = ROUTES["ui_enterprise"].begin(world)
    with mock.patch("purge.run.engine._verify", return_value=False), mock.patch("purge.run.sweep.WHOLE_SECONDS", 60.0):
        w.run_to_end(purge_request)
    assert (purge_request.steps_left, purge_request.people_left) == (0, 0)
    return purge_request


@contextmanager
def unchecked_keys() -> Iterator[None]:
    """As rows come about that point at nobody: a restored table, a statement past the database's checks."""
    connection.disable_constraint_checking()
    try:
        yield
    finally:
        connection.enable_constraint_checking()


def _missed(purge_request: PurgeRequest, places: list[Place]) -> str:
    patrol = texts.patrol_one(purge_request)
    found = {
        "probe": {(hit.table, hit.column, hit.row) for hit in probe.verify(purge_request).hits},
        "patrol": {(hit.table, hit.column, hit.row) for hit in patrol.hits},
        "list of unopened files": {(file.table, file.column, file.row) for file in patrol.unopened},
    }
    known = set()
    for place in places:
        for by in found:
            mine = {hit for hit in found[by] if hit[:2] == (place.table, place.column) and place.row in (None, hit[2])}
            known |= mine
            if by in place.by and not mine:
                return f"the {by} misses {place.table}.{place.column}"
    if more := set().union(*found.values()) - known:
        return "found what is to stay: {}.{} of {}".format(*min(more))
    return ""


def _looked_though_it_could_not(purge_request: PurgeRequest) -> str:
    for what, spoiled in (("another hash key", _another_key), ("another storage", _another_storage)):
        with spoiled(purge_request) as spoilt:
            for look in (probe.verify, texts.patrol_one):
                try:
                    look(spoilt)
                except CouldNotLook:
                    continue
                return f"{look.__name__} says something in spite of {what}"
    return ""


@contextmanager
def _another_key(purge_request: PurgeRequest) -> Iterator[PurgeRequest]:
    mine, purge_request.key_fingerprint = purge_request.key_fingerprint, "another"
    yield purge_request
    purge_request.key_fingerprint = mine


@contextmanager
def _another_storage(purge_request: PurgeRequest) -> Iterator[PurgeRequest]:
    (marker,) = Path(settings.MEDIA_ROOT).glob("lms-purge-*")
    content = marker.read_bytes()
    marker.unlink()
    yield purge_request
    marker.write_bytes(content)


# ---------------------------------------------------------------- what is planted


def plant(world: SimpleNamespace, purge_request: PurgeRequest) -> Iterator[tuple[str, str, str | None, frozenset[str]]]:
    yield from _references(world, purge_request)
    yield from _mentions(world)
    yield from _logins(world, purge_request)
    yield from _files(world, purge_request)
    yield from _encoded()
    _innocent(world, purge_request)


def _references(world: SimpleNamespace, purge_request: PurgeRequest) -> Iterator[tuple[Any, ...]]:
    gone = world.ann.pk
    enrolment = EnrolmentFactory(user=world.witness)
    Enrolment.objects.filter(pk=enrolment.pk).update(user_id=gone)
    yield "learning_enrolment", "user_id", str(enrolment.pk), PROBE
    User.objects.filter(pk=world.bystanders["acme"].pk).update(manager_id=gone)
    yield "users_user", "manager_id", str(world.bystanders["acme"].pk), PROBE
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE loose (id integer PRIMARY KEY, owner_user_id integer, note text)")
        cursor.execute("INSERT INTO loose VALUES (1, %s, '')", [gone])
        cursor.execute("INSERT INTO loose VALUES (2, 0, 'Ask ann@x.org, please.')")
    yield "loose", "owner_user_id", "1", PROBE
    yield "loose", "note", "2", PATROL
    entry = LogEntry.objects.create(
        user=world.bystanders["acme"],
        content_type=ContentType.objects.get(app_label="users", model="deleteduser"),
        object_id=str(gone),
        object_repr="changed",
        action_flag=1,
    )
    yield "django_admin_log", "object_id", str(entry.pk), PROBE
    Account.objects.filter(pk=world.zeta.pk).update(public_id=world.ann.public_id)
    yield "users_account", "public_id", str(world.zeta.pk), PROBE
    # Somebody whom the route keeps, and who is not there.
    purge_request.subjects.filter(role=Reason.KEPT, person_id=world.gamma_creator.pk).update(person_id=999_999)
    yield "users_user", "id", "999999", PROBE


def _mentions(world: SimpleNamespace) -> Iterator[tuple[Any, ...]]:
    profile = ExternalProfileFactory(account=world.acme, manager_email="Ann@X.org")
    yield "users_externalprofile", "manager_email", str(profile.pk), BOTH
    for account, address in ((world.acme, w.ANN), (world.alpha, w.ANN), (world.acme, w.FORMER)):
        author = UserFactory(account=account)
        comment = CommentFactory(post__board__account=account, author=author, body=f"Ask {address}, please.")
        yield "learning_comment", "body", str(comment.pk), PATROL
    sha1 = hashlib.sha1(b"mailto:ann@x.org", usedforsecurity=False).hexdigest()
    coded = base64.b64encode(b"Please ask ann@x.org about it.").decode()
    for text in (f"mbox_sha1sum: {sha1}", f"Content-Transfer-Encoding: base64\n\n{coded}"):
        comment = CommentFactory(post__board__account=world.acme, author=world.witness, body=text)
        yield "learning_comment", "body", str(comment.pk), PATROL
    report = SavedReportFactory(account=world.acme, filters={"of": ["x", "ann@x.org"]})
    yield "messaging_savedreport", "filters", str(report.pk), PATROL
    yield "auth_group", "name", str(Group.objects.create(name="friends of ann@x.org").pk), PATROL
    entry = LogEntry.objects.create(user=world.staff, object_id="0", object_repr=ASK, action_flag=1)
    yield "django_admin_log", "object_repr", str(entry.pk), PATROL


def _logins(world: SimpleNamespace, purge_request: PurgeRequest) -> Iterator[tuple[Any, ...]]:
    ftp = FtpSettingsFactory(connector__account=world.acme, user_name="ann-login")
    yield "connectors_ftpsettings", "user_name", str(ftp.pk), BOTH
    workday = WorkdaySettingsFactory(connector__account=world.alpha, manager_filter="owner = ann-login; team = 4")
    yield "connectors_workdaysettings", "manager_filter", str(workday.pk), BOTH
    # A login that is too short to be looked for as an ID.
    known = purge_request.hashes.filter(kind=IdentifierKind.LOGIN, taken_out=True).first()
    assert known is not None
    known.pk, known.digest = None, keyed_hash(IdentifierKind.LOGIN, "ann")
    known.save(force_insert=True)
    workday = WorkdaySettingsFactory(connector__account=world.acme, manager_filter="owner = ann; team = 4")
    yield "connectors_workdaysettings", "manager_filter", str(workday.pk), PATROL


def _files(world: SimpleNamespace, purge_request: PurgeRequest) -> Iterator[tuple[Any, ...]]:
    default_storage.save(f"people/{world.ann.public_id}/avatar/left", ContentFile(b"a face"))
    yield "files", "people", None, PROBE
    (Path(settings.MEDIA_ROOT) / "people" / str(world.delta_match.public_id)).mkdir(parents=True)
    yield "files", "folder", None, PROBE
    doomed = DoomedFile.objects.create(request=purge_request, name="people/x/y")
    yield "files", "erase", str(doomed.pk), PROBE
    read = TranscriptDownload.objects.filter(account=world.acme).exclude(file="").order_by("pk").first()
    assert read is not None
    planting.store(read, "file", planting.MENTIONING)
    yield "messaging_transcriptdownload", "file", str(read.pk), BOTH
    long = b"Name,E-Mail\n" + b"Jo,joann@x.org\n" * 20_000
    for content in (
        planting.MENTIONING,
        planting.MENTIONING.decode().encode("utf-16"),
        planting.MENTIONING.decode().encode("utf-16-le"),
        long + planting.MENTIONING,
    ):
        row = TranscriptDownloadFactory(account=world.acme, generated_by=world.witness)
        planting.store(row, "file", content)
        yield "messaging_transcriptdownload", "file", str(row.pk), BOTH
    cut_off = TranscriptDownloadFactory(account=world.acme, generated_by=world.witness)
    planting.store(cut_off, "file", planting.CUT_OFF)
    yield "messaging_transcriptdownload", "file", str(cut_off.pk), UNOPENED


def _encoded() -> Iterator[tuple[Any, ...]]:
    # Before the passing rows are ended: the session that was planted with the world, as it would be if it were longer.
    assert Session.objects.filter(session_data=planting.SESSION).update(session_data=COMPRESSED) == 1
    yield "users_session", "session_data", None, PATROL
    OrmQ.objects.create(key="lms", payload=COMPRESSED, lock=timezone.now())
    yield "django_q_ormq", "payload", None, PATROL
    now = timezone.now()
    for column in ("args", "kwargs", "result"):
        Task.objects.create(id=column, name=column, func="f", started=now, stopped=now)
        with connection.cursor() as cursor:
            cursor.execute(f"UPDATE django_q_task SET {column} = %s WHERE id = %s", [ENCODED, column])
        yield "django_q_task", column, None, PATROL
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO lms_cache VALUES ('key', %s, %s)", [ENCODED, now])
    yield "lms_cache", "value", None, PATROL


def _innocent(world: SimpleNamespace, purge_request: PurgeRequest) -> None:
    """What must not be found. The world has more of it: other customers' rows, a kept creator's own."""
    later = timezone.now() + timedelta(days=1)
    # Whoever came after the purge was accepted has the address, or the login, rightly.
    UserFactory(account=world.epsilon, email="Ann@X.org", added_at=later)
    CommentFactory(post__board__account=world.epsilon, author=world.bystanders["epsilon"], body=ASK)
    UserFactory(account=world.zeta, adobe_id="ann-login", added_at=later)
    FtpSettingsFactory(connector__account=world.zeta, user_name="ann-login")
    became, apart = (AccountFactory(kind=AccountKind.TRIAL) for _n in range(2))
    Account.objects.filter(pk=became.pk).update(kind_changed_at=later)
    # A trial account that another request of the same submission cleans.
    PurgeRequest.excluded_account_id = apart.pk
    for account in (became, apart):
        CommentFactory(post__board__account=account, author=UserFactory(account=account), body=ASK)


# ---------------------------------------------------------------- conditions of the proof


def none(*_words: Any, **_named: Any) -> Any:
    return iter(())


def as_before(method: Callable[..., Any], change: Callable[..., Any]) -> Callable[..., Any]:
    """A method that is asked differently, or answers differently."""
    return lambda *words: change(method, *words)


_concerns, _who, _from_the_child = judge.Judge.concerns, texts.Wanted.who, Looker._from_the_child


def _but_for(is_out: Callable[..., bool]) -> Callable[..., Any]:
    return lambda self, sought, account_id, *key: (
        not is_out(self, sought, account_id) and _concerns(self, sought, account_id, *key)
    )


def _asked(self: Any, sought: Any, account_id: Any) -> bool:
    return bool(account_id == sought.purge_request.account_id and sought.account_id is None)


def _trial(self: Any, sought: Any, account_id: Any) -> bool:
    return account_id in self.trials and sought.account_id is None


def _of_none(self: Any, sought: Any, account_id: Any) -> bool:
    return account_id is None


def _of_one(self: Any, sought: Any, account_id: Any) -> bool:
    return sought.account_id is not None


def _everybodys(self: Any, sought: Any, account_id: Any, *_key: str) -> bool:
    return True


def _wherever(self: Any, sought: Any, account_id: Any, *key: str) -> bool:
    return bool(_concerns(self, replace(sought, account_id=None), account_id, *key))


def _not_apart(self: Any, sought: Any, account_id: Any, *key: str) -> bool:
    with mock.patch.object(PurgeRequest, "excluded_account_id", None):
        return bool(_concerns(self, sought, account_id, *key))


def _no_tokens(self: texts.Wanted, key: str) -> list[Any]:
    return [] if is_token(key) else _who(self, key)


def _unread(_self: Looker, _stored: object) -> Seen:
    return Seen()


def _not_told(self: Looker, stored: object) -> Seen:
    return replace(_from_the_child(self, stored), unopened=frozenset())


class _Same(str):
    """A digest that is any other's."""

    __hash__ = str.__hash__

    def __eq__(self, _other: object) -> bool:
        return True


JUDGE = "purge.proof.judge.Judge"
CONDITIONS: dict[str, tuple[str, Any]] = {
    "rows that point at the people": ("purge.proof.probe._references", none),
    "rows that name them by content type": ("purge.proof.probe._generic_references", none),
    "which of the places are occupied": ("purge.proof.probe._occupied", lambda *_words, **_named: []),
    "their opaque ids": ("purge.proof.probe._public_ids", none),
    "addresses in email columns and indexed texts": ("purge.proof.probe._known_addresses", none),
    "logins, at once": ("purge.proof.probe._known_logins", none),
    "files under their prefix": ("purge.proof.probe._files", none),
    "which files are under it": ("purge.proof.probe.files_under", none),
    "files that were not read": ("purge.proof.probe._unread_files", none),
    "files that changed since they were read": ("purge.proof.files._digest", lambda *_words: _Same()),
    "people who are kept": ("purge.proof.probe._missing_survivors", none),
    "which texts are patrolled": ("purge.proof.texts.patrolled_columns", lambda _catalog: []),
    "which columns hold logins, on patrol": ("purge.proof.texts.login_columns", lambda _catalog: []),
    "which columns hold logins, at once": ("purge.proof.probe.login_columns", lambda _catalog: []),
    "files, on patrol": ("purge.proof.texts.mentions_in_files", none),
    "addresses by their hashes": ("purge.proof.texts.wanted_by", lambda _requests: texts.Wanted()),
    "digests of addresses": ("purge.proof.texts.Wanted.who", _no_tokens),
    "texts in another code": ("purge.proof.texts.coded_addresses", lambda _value: set()),
    "texts as they stand": ("purge.proof.texts.addresses_in", lambda _column, _value: set()),
    "logins by their hashes": ("purge.proof.texts.login_hashes", lambda _requests: {}),
    "plain files": ("purge.proof.opening.looking.texts_of", none),
    "files that a child reads": ("purge.proof.opening.looking.Looker._from_the_child", _unread),
    "files that could not be opened": ("purge.proof.opening.looking.Looker._from_the_child", _not_told),
    "the hash key, at once": ("purge.proof.probe.check_key", lambda _requests: None),
    "the hash key, on patrol": ("purge.proof.texts.check_key", lambda _requests: None),
    "the storage, at once": ("purge.proof.probe.check_storage", lambda: None),
    "the storage, on patrol": ("purge.proof.texts.check_storage", lambda: None),
    "whom a hit concerns": (f"{JUDGE}.concerns", _but_for(_everybodys)),
    "the account that asked": (f"{JUDGE}.concerns", _but_for(_asked)),
    "trial accounts": (f"{JUDGE}.concerns", _but_for(_trial)),
    "rows of no account": (f"{JUDGE}.concerns", _but_for(_of_none)),
    "what is looked for in one account": (f"{JUDGE}.concerns", _but_for(_of_one)),
    "in one account and nowhere else": (f"{JUDGE}.concerns", _wherever),
    "other customers": (f"{JUDGE}.concerns", _everybodys),
    "a trial account of another request": (f"{JUDGE}.concerns", _not_apart),
    "what became a trial account since": (f"{JUDGE}._was_trial", lambda *_words: True),
    "whose row it is": (f"{JUDGE}.account_of", lambda *_words: None),
    "rows of the platform's own people": (
        f"{JUDGE}.account_of",
        as_before(
            judge.Judge.account_of,
            lambda method, self, table, pk: method(SimpleNamespace(staff=frozenset()), table, pk),
        ),
    ),
    "a user's own row": (f"{JUDGE}.is_own", lambda *_words: False),
    "whose address it is now": (f"{JUDGE}._owner_as_written", lambda *_words: None),
    "whose login it is now": (f"{JUDGE}._owner", lambda *_words: None),
    "hits in texts": (f"{JUDGE}.hits", none),
    "hits in files": (f"{JUDGE}.file_hits", none),
}


#: Columns that the database cannot read.
ENCODED_COLUMNS = (
    ("users_session", "session_data"),
    ("django_q_ormq", "payload"),
    ("django_q_task", "args"),
    ("django_q_task", "kwargs"),
    ("django_q_task", "result"),
    ("lms_cache", "value"),
)


def proof_mutants() -> Iterator[Mutant]:
    for name, (path, instead) in CONDITIONS.items():
        yield Mutant("proof", name, partial(mock.patch, path, instead))
    for place in ENCODED_COLUMNS:
        yield Mutant("proof", "decoder of {}.{}".format(*place), partial(without_decoder, place))


@contextmanager
def without_decoder(place: tuple[str, str]) -> Iterator[None]:
    decoders = get_registry().decoders
    decoder = decoders.pop(place)
    try:
        yield
    finally:
        decoders[place] = decoder
