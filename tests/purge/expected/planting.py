"""The world that the table is compared with: for every line a row that it concerns, and survivors beside it.

Each column is planted in a row of its own, in the account that asks and in a trial account, so that nothing else can
bring about what its line says. In other accounts one row of a model holds all its columns.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import fields as fields_of
from datetime import timedelta
from functools import cache
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import models
from django.utils import timezone
from factory import SubFactory

from messaging.models import TemplateEvent
from purge.choices import NoticeState, Origin, Route, Status
from purge.models import FollowUp, ImsNotice, LedgerEntry, LookUp, PurgeRequest, RegisterNote, StaffNamesShown
from tests.factories.learning import (
    BoardMemberFactory,
    CommentFactory,
    MentionFactory,
    PostFactory,
    SessionInstructorFactory,
)
from tests.factories.messaging import SavedReportFactory, SavedReportShareFactory
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    FormerEmailFactory,
    ImportLogFactory,
    UserFactory,
    UserGroupFactory,
    trial_with_creator,
)
from tests.purge import world as w
from tests.purge.expected.outcomes import MENTIONS, REFERENCES, Outcome
from tests.purge.expected.table import COMPARED
from users.models import Account, AccountKind, ImportState, Session, Tries, User
from users.models.sign_in import KnownBrowser

#: Whose rows are planted: who goes by some route or other, and two who never do.
REFERENCED = ("ann", "alpha_match", "gamma_creator", "globex_ann", "witness")
#: Where every column has a row of its own, and where all columns of a model share one.
EACH_COLUMN = ("acme", "alpha")
ALL_COLUMNS = ("globex", "initech", "gamma", "epsilon")

TEXT = ("Write to ann@x.org, not to joann@x.org.", "Write to [erased], not to joann@x.org.")
URL = ("https://outside.example/?who=ann%40x.org&n=1", "https://outside.example/?who=[erased]&n=1")
NUMBERED = ("C ann@x.org", "C [erased] ({pk})")
ADDRESS = ("Ann@X.org", "")
VALUE = ("mail = 'ann@x.org'", "")
SHORT = ("ann@x.org", "")
LOGIN = ("ann-login", "")
FILTER = ("owner = ann-login; team = 4", "")
#: As one address it would be another one.
CONDITION = ("mail=ann@x.org", "")
LIST = ("first@lists.example; ann@x.org; last@lists.example", "first@lists.example; last@lists.example")
JSON = (
    {"note": "Write to ann@x.org.", "list": ["ann@x.org", "joann@x.org"], "n": 1},
    {"note": "Write to [erased].", "list": ["[erased]", "joann@x.org"], "n": 1},
)
#: What looks like Ann's address or login and is somebody else's.
NEAR = "Write to joann@x.org, ann+x@x.org or ann@x.org.au; ann-login-2."

#: A browser's session in which somebody typed the address: base64, as the signing writes it.
SESSION = base64.urlsafe_b64encode(b'{"asked":"ann@x.org"}').decode().rstrip("=") + ":1:s"

MENTIONING, CLEAN = b"Name,E-Mail\nAnn,ann@x.org\n", b"Name,E-Mail\nJo,joann@x.org\n"
#: An archive that was cut off: nobody can say that it names nobody.
CUT_OFF = b"PK\x03\x04\x14\x00\x00\x00\x08\x00"


def build() -> SimpleNamespace:
    """The people, the accounts and all their rows."""
    cast = w.build_world()
    world = SimpleNamespace(**{field.name: getattr(cast, field.name) for field in fields_of(cast)})
    for name in ("alpha", "beta", "delta"):
        setattr(world, f"{name}_creator", getattr(world, name).creator)
    world.gamma_member = world.nobody[5]
    world.epsilon, world.epsilon_creator = trial_with_creator(email="creator@epsilon.example")
    world.zeta, world.zeta_creator = trial_with_creator(email="creator@zeta.example")
    world.system = AccountFactory(kind=AccountKind.SYSTEM, name="Platform")
    world.staff = UserFactory(account=world.system, email="staff@platform.example", is_support=True)
    world.globex_admin = User.objects.get(email="admin@globex.example")
    for name in ("initech", "beta", "epsilon"):
        administrator = AdministratorFactory(account=getattr(world, name), email=f"admin@{name}.example")
        setattr(world, f"{name}_admin", administrator)
    world.beta_signs_in_so = UserFactory(account=world.beta, email="signs.in.so@x.org", adobe_id="Ann-Login")
    world.bystanders = {
        name: UserFactory(account=getattr(world, name), email=f"bystander@{name}.example")
        for name in ("acme", "globex", "initech", "alpha", "gamma", "epsilon")
    }
    world.acme.creator = world.ann
    world.acme.save(update_fields=["creator"])
    _plant_references(world)
    _plant_mentions(world)
    for plant in (
        _accounts,
        _people,
        _what_others_hang_on,
        _sessions_with_two_instructors,
        _files,
        _imports,
        _elsewhere,
        _browser_sessions,
        _admin_log,
        _requests,
    ):
        plant(world)
    return world


# ---------------------------------------------------------------- by the table


#: Rows of these are made below, one by one.
BY_HAND = {
    "users.Account",
    "users.FormerEmail",
    "users.User_groups",
    "users.User_user_permissions",
    "users.Session",
    "users.KnownBrowser",
    "users.Tries",
    "users.DeletedCount",
    "users.ImportRowError",
    "users.ImportNote",
    "admin.LogEntry",
    "auth.Group",
    "auth.Group_permissions",
    "auth.Permission",
    "contenttypes.ContentType",
    *(label for label in COMPARED if label.startswith("purge.")),
}


def lines(kinds: Iterable[str]) -> Iterable[tuple[str, type[models.Model], str, Outcome]]:
    for label, expected in COMPARED.items():
        for column, outcome in expected.columns.items():
            if outcome.kind in kinds and label not in BY_HAND:
                yield label, apps.get_model(label), column, outcome


def make(world: SimpleNamespace, label: str, place: str, **columns: Any) -> Any:
    """A row of a model in an account, of a bystander where it is somebody's."""
    model, path = apps.get_model(label), str(COMPARED[label].account)
    first = path.split("__")[0]
    where = {path: getattr(world, place)}
    if model._meta.get_field(first).related_model is User:
        where = {first: world.bystanders[place]}
    if label == "messaging.EmailTemplate":
        taken = set(model._base_manager.filter(account=where["account"]).values_list("event", flat=True))
        where["event"] = next(event for event in TemplateEvent.values if event not in taken)
    made = UserFactory if model is User else factories()[model]
    # One bystander for all, also of the rows that are made along with it: no account grows by what is planted.
    people = dict.fromkeys(people_of(made), world.bystanders[place])
    return made(**{**people, **where, **columns})


factories = cache(w.factories)


@cache
def people_of(made: Any) -> tuple[str, ...]:
    """The paths under which a factory, or one that it calls, makes a person."""
    found: list[str] = []
    for name, declaration in made._meta.declarations.items():
        if isinstance(declaration, SubFactory):
            inner = declaration.get_factory()
            found += [name] if inner is UserFactory else [f"{name}__{path}" for path in people_of(inner)]
    return tuple(found)


def place_of(world: SimpleNamespace, person: User) -> str:
    return next(name for name in world.bystanders if getattr(world, name).pk == person.account_id)


def _plant_references(world: SimpleNamespace) -> None:
    for label, model, column, _outcome in lines(REFERENCES):
        if column == "same_mailbox_as":
            continue
        for name in REFERENCED:
            person = getattr(world, name)
            row = make(world, label, place_of(world, person), **{column: person})
            for file, outcome in COMPARED[label].columns.items():
                if outcome.kind in ("file", "file of one's own"):
                    store_elsewhere(row, file)
                elif outcome.kind in ("file that mentions", "import file"):
                    store(row, file, CLEAN)
            assert model._base_manager.filter(pk=row.pk, **{column: person}).exists()


def store(row: Any, column: str, content: bytes) -> None:
    getattr(row, column).save("file.csv", ContentFile(content), save=False)
    type(row)._base_manager.filter(pk=row.pk).update(**{column: getattr(row, column).name})


def store_elsewhere(row: Any, column: str) -> None:
    """Not under the owner's prefix, which is emptied as a whole: that the row names it is all that is known of it."""
    name = default_storage.save("elsewhere/file.bin", ContentFile(b"bytes of somebody"))
    type(row)._base_manager.filter(pk=row.pk).update(**{column: name})


def samples(field: models.Field[Any, Any], outcome: Outcome) -> list[tuple[Any, Any]]:
    """What is planted in a column, and what must become of it where the address (or login) is taken out."""
    empty = None if field.null else ""
    short = field.max_length is not None and field.max_length < 40
    match outcome.kind:
        case "redacted" if isinstance(field, models.JSONField):
            return [JSON]
        case "redacted" if isinstance(field, models.URLField):
            return [URL]
        case "redacted":
            return [TEXT]
        case "numbered":
            return [NUMBERED]
        case "listed":
            return [LIST]
        case "blanked" | "login" | "filter":
            is_address = isinstance(field, models.EmailField)
            values = [SHORT[0] if short or isinstance(field, models.URLField) else ADDRESS[0]]
            if not (is_address or short):
                values.append(VALUE[0])
            values += {"login": [LOGIN[0]], "filter": [LOGIN[0], FILTER[0], CONDITION[0]]}.get(outcome.kind, [])
            return [(value, empty) for value in values]
    raise ValueError(outcome.kind)


def _plant_mentions(world: SimpleNamespace) -> None:
    shared: dict[tuple[str, str], Any] = {}
    for label, model, column, outcome in lines(MENTIONS):
        field = model._meta.get_field(column)
        for place in EACH_COLUMN:
            for before, _after in samples(field, outcome):
                row = make(world, label, place)
                put(row, column, before)
        for place in ALL_COLUMNS:
            row = shared[label, place] = shared.get((label, place)) or make(world, label, place)
            put(row, column, samples(field, outcome)[0][0])
        near = shared[label, "near"] = shared.get((label, "near")) or make(world, label, "acme")
        text = {"note": NEAR} if isinstance(field, models.JSONField) else NEAR[: field.max_length]
        put(near, column, "joann@x.org"[: field.max_length] if isinstance(field, models.EmailField) else text)


def put(row: Any, column: str, value: Any) -> None:
    """Past all services, with the columns that follow it."""
    also: dict[str, Any] = {}
    if isinstance(row, User) and column == "unique_user_id":
        also = {"unique_id_sort": value.lower()}
    type(row)._base_manager.filter(pk=row.pk).update(**{column: value}, **also)


# ---------------------------------------------------------------- one by one


def _accounts(world: SimpleNamespace) -> None:
    columns = COMPARED["users.Account"].columns
    for name in (*EACH_COLUMN, *ALL_COLUMNS):
        account = getattr(world, name)
        for column, outcome in columns.items():
            if outcome.kind in MENTIONS:
                put(account, column, samples(Account._meta.get_field(column), outcome)[0][0])


def _people(world: SimpleNamespace) -> None:
    for name in REFERENCED:
        person = getattr(world, name)
        group, _created = Group.objects.get_or_create(name="staff of the shop")
        person.groups.add(group)
        person.user_permissions.add(*_permissions()[:1])
        store_elsewhere(person, "avatar")
        twin = UserFactory(account=person.account, email=f"twin.of.{name}@x.org")
        User.objects.filter(pk=twin.pk).update(email_key=None, same_mailbox_as=person.pk)
    for name in REFERENCED:
        FormerEmailFactory(user=getattr(world, name))
    for bystander in world.bystanders.values():
        FormerEmailFactory(user=bystander, email="Ann@X.org")
        FormerEmailFactory(user=bystander, email="ann+x@x.org")
        # Address and key say the same. Where they do not, none of the two is left.
        mistaken = UserFactory(account=bystander.account)
        FormerEmailFactory(user=mistaken, email="Ann@X.org", email_key="a.key@x.org")
        FormerEmailFactory(user=mistaken, email="a.spelling@x.org", email_key="ann@x.org")
    # Rows of people who stay, and are called by their own address.
    for person, column in (
        (world.gamma_creator, "name"),
        (world.alpha_match, "name"),
        (world.beta_login_match, "name"),
        (world.beta_login_match, "unique_user_id"),
    ):
        put(person, column, "ann@x.org")
    put(world.gamma_creator, "unique_user_id", "ann@x.org")
    put(world.gamma_creator, "bio", TEXT[0])
    Group.objects.create(name=NUMBERED[0])
    Group.objects.create(name="C joann@x.org")
    UserGroupFactory(account=world.acme, name="Team of somebody else", team_of=world.witness)


def _permissions() -> Any:
    return apps.get_model("auth.Permission")._base_manager.order_by("pk")


def _what_others_hang_on(world: SimpleNamespace) -> None:
    for name in REFERENCED:
        person = getattr(world, name)
        place = place_of(world, person)
        account, other = person.account, world.bystanders[place]
        answered, mentioning = (PostFactory(board__account=account, author=person) for _n in range(2))
        comments = [CommentFactory(post=answered, author=other, body="An answer.") for _n in range(3)]
        MentionFactory(post=mentioning, author=other, user=other)
        replied, pointed, alone = (CommentFactory(post=answered, author=person) for _n in range(3))
        CommentFactory(post=answered, author=other, parent=replied)
        MentionFactory(post=None, comment=pointed, author=other, user=other)
        # Two of the person's own, one hanging on the other: both go.
        CommentFactory(post=comments[0].post, author=person, parent=alone)
        shared = SavedReportFactory(account=account, owner=person)
        SavedReportShareFactory(report=shared, user=other)
        BoardMemberFactory(board=answered.board, user=other)


def _sessions_with_two_instructors(world: SimpleNamespace) -> None:
    for name in REFERENCED:
        person = getattr(world, name)
        link = SessionInstructorFactory(session__course__account=person.account, user=person)
        SessionInstructorFactory(session=link.session, user=world.bystanders[place_of(world, person)])


def _files(world: SimpleNamespace) -> None:
    for place in (*EACH_COLUMN, *ALL_COLUMNS):
        for content in (MENTIONING, CLEAN, CUT_OFF):
            store(make(world, "messaging.TranscriptDownload", place), "file", content)
            store(make(world, "connectors.ConnectorRun", place), "error_file", content)
        for label, _model, column, _outcome in lines({"file of one's own"}):
            for content in (MENTIONING, CLEAN):
                store(make(world, label, place), column, content)


def _imports(world: SimpleNamespace) -> None:
    later = timezone.now() + timedelta(days=1)

    def log(place: str, file: bytes = b"", errors: bytes = b"", **columns: Any) -> None:
        row = ImportLogFactory(account=getattr(world, place), **columns)
        for column, content in (("file", file), ("error_file", errors)):
            if content:
                store(row, column, content)

    # Accounts that lose somebody by one route or other.
    for place in ("acme", "alpha", "globex", "beta"):
        log(place, CLEAN, CLEAN)
        log(place, MENTIONING)
        log(place, CLEAN, MENTIONING)
        log(place, CLEAN, CLEAN, state=ImportState.RUNNING)
        log(place, MENTIONING, state=ImportState.RUNNING)
        log(place, CLEAN, CLEAN, uploaded_at=later)
        log(place, MENTIONING, uploaded_at=later)
        log(place, CLEAN, MENTIONING, uploaded_at=later)
        log(place, CUT_OFF, CLEAN, uploaded_at=later)
        log(place, CLEAN, CUT_OFF, uploaded_at=later)
    # Accounts that lose nobody, of which a file mentions the address; and one of which none does.
    for place in ("gamma", "initech"):
        log(place, MENTIONING)
        log(place, CLEAN, CLEAN)
        log(place, CLEAN, CLEAN, uploaded_at=later)
    log("epsilon", b"", MENTIONING)
    log("epsilon", CLEAN, CLEAN)
    log("epsilon", CUT_OFF)
    log("epsilon", CLEAN, CLEAN, state=ImportState.RUNNING)
    log("zeta", CLEAN, CLEAN)


#: Addresses that are taken out of one account only, by the route.
ELSEWHERE = (w.FORMER, "else@x.org", "signs.in.so@x.org")


def _elsewhere(world: SimpleNamespace) -> None:
    for place in ("acme", "globex", "alpha", "beta", "zeta"):
        for address in (w.ANN, *ELSEWHERE):
            post = PostFactory(board__account=getattr(world, place))
            CommentFactory(post=post, author=post.author, body=f"Ask {address}, please.")


def _browser_sessions(world: SimpleNamespace) -> None:
    later = timezone.now() + timedelta(days=1)
    for name in REFERENCED:
        Session.objects.create(session_key=f"key-{name}", session_data="e30:1:s", expire_date=later)
        Session.objects.filter(session_key=f"key-{name}").update(user=getattr(world, name))
        KnownBrowser.objects.create(user=getattr(world, name), digest="0" * 64)
    Session.objects.create(session_key="key-typed", session_data=SESSION, expire_date=later)
    Tries.objects.create(digest="0" * 64, at=timezone.now())


def _admin_log(world: SimpleNamespace) -> None:
    of_user = ContentType.objects.get_for_model(User)
    of_deleted = ContentType.objects.get(app_label="users", model="deleteduser")
    of_account = ContentType.objects.get_for_model(Account)

    def entry(user: User, kind: ContentType, number: int, text: str = "changed", message: str = "[]") -> None:
        LogEntry.objects.create(
            user=user,
            content_type=kind,
            object_id=str(number),
            object_repr=text,
            action_flag=CHANGE,
            change_message=message,
        )

    for name in REFERENCED:
        person = getattr(world, name)
        other = world.bystanders[place_of(world, person)]
        entry(person, of_account, person.account_id)
        for kind in (of_user, of_deleted, of_account):
            entry(other, kind, person.pk)
    for user in (world.staff, *world.bystanders.values()):
        entry(user, of_account, 0, text=TEXT[0])
        entry(user, of_account, 0, message=TEXT[0])
        entry(user, of_account, 0, text=NEAR, message=NEAR)


def _requests(world: SimpleNamespace) -> None:
    now = timezone.now()

    def request(number: int, account: Account, **columns: Any) -> PurgeRequest:
        return PurgeRequest.objects.create(
            reference=f"PUR-{number:04}-OLD-X",
            route=Route.UI_ENTERPRISE,
            origin=Origin.ADMIN,
            account_id=account.pk,
            key_fingerprint="0",
            status=Status.COMPLETED,
            completed_at=now,
            verified_at=now,
            planned=True,
            due_at=now + timedelta(days=30),
            **columns,
        )

    def notice(of: PurgeRequest, **columns: Any) -> None:
        state = {"state": NoticeState.OPEN, "due_at": now + timedelta(days=30)}
        ImsNotice.objects.create(request=of, **{**state, **columns})

    for number, name in enumerate(REFERENCED):
        person = getattr(world, name)
        old = request(number, person.account, initiator=person)
        LedgerEntry.objects.create(request=old, event="accepted", actor=person)
        LookUp.objects.create(actor=person, digest=f"{number:032}")
        StaffNamesShown.objects.create(
            actor=person, account_id=person.account_id, first_day=now.date(), last_day=now.date(), people=1
        )
        FollowUp.objects.create(
            request=old,
            kind="session_without_instructor",
            account_id=person.account_id,
            model="learning.Session",
            row=0,
            done_by=person,
            done_at=now,
        )
        RegisterNote.objects.create(request=old, account_id=person.account_id, changed_by=person)
        notice(old, account_id=person.account_id, user=person, identifier="somebody@else.example")
        closed = request(100 + number, person.account)
        notice(closed, account_id=person.account_id, closed_by=person, closed_at=now, state=NoticeState.DECLINED)
    for number, place in enumerate((*EACH_COLUMN, *ALL_COLUMNS)):
        account = getattr(world, place)
        for more, identifier in enumerate(("Ann@X.org", "joann@x.org")):
            old = request(200 + 10 * number + more, account)
            notice(old, account_id=account.pk, identifier=identifier)
            reason = "Write to joann@x.org." if more else TEXT[0]
            RegisterNote.objects.create(request=old, account_id=account.pk, ticket="ann-login-2", reason=reason)
