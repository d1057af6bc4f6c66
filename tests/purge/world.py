"""The fixture world: three enterprise and four trial accounts, a small named cast, and rows in every ruled column.

Rows that point at a person, and texts that mention an address, are made from the rules themselves: a rule that is added
tomorrow is in the world at once.
"""

from __future__ import annotations

import importlib
import inspect
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import factory
from django.core.files.base import ContentFile
from django.db import IntegrityError, connection, models, transaction

from learning.models import Comment
from purge import tasks
from purge.choices import Status
from purge.models import PurgeRequest
from purge.rules import DeleteAbout
from purge.rules.registry import ColumnRule, ModelEntry, get_registry
from tests.factories.users import (
    AccountFactory,
    AdministratorFactory,
    ImportLogFactory,
    UserFactory,
    trial_with_creator,
)
from users.models import Account, AccountState, User

ANN = "ann@x.org"
FORMER = "ann.former@x.org"

#: Ways in which people and systems write one address into a text. Each must be found, and only it replaced.
WRITINGS = (
    "Write to {address} today.",
    "<a href='mailto:{address}'>mail</a>",
    "&quot;{upper}&quot;, thanks",
    "https://lms.example/?email={percent}&x=1",
    "html {entity} here",
    "line\\n{address}",
    "json \\u0061{json_rest}",
    "cc: {address}; bob@elsewhere.example, joann@x.org",
    "quoted-printable {quoted}",
    "zero{zero} width: {zero_width}",
)


def encodings(address: str) -> list[str]:
    local, _at, domain = address.partition("@")
    return [
        writing.format(
            address=address,
            upper=address.upper(),
            percent=f"{local}%40{domain}",
            entity=f"{local}&#64;{domain}",
            json_rest=f"{local[1:]}\\u0040{domain}" if local[0] == "a" else f" {local}\\u0040{domain}",
            quoted=f"{local}=40{domain}",
            zero="",
            zero_width=f"{local}\u200b@{domain}",
        )
        for writing in WRITINGS
    ]


#: Addresses that look like the purged one and are not: they must stay, letter for letter.
NEAR_MISSES = ("joann@x.org", "ann+x@x.org", "ann@x.org.au", "jo.ann@x.org", "ann@x.organic")


def factories() -> dict[type[models.Model], type[factory.django.DjangoModelFactory]]:
    found: dict[type[models.Model], type[factory.django.DjangoModelFactory]] = {}
    for name in ("users", "allauth_tables", "learning", "messaging", "connectors"):
        module = importlib.import_module(f"tests.factories.{name}")
        for _name, made in inspect.getmembers(module, inspect.isclass):
            if issubclass(made, factory.django.DjangoModelFactory) and not made._meta.abstract:
                found.setdefault(made._meta.model, made)
    return found


def entries_with_factories() -> list[tuple[ModelEntry, type[factory.django.DjangoModelFactory]]]:
    known = factories()
    return [(entry, known[entry.model]) for entry in get_registry().ordered if entry.model in known]


def in_account(entry: ModelEntry, account: Account, owner: User) -> dict[str, Any]:
    """Arguments that make a factory put a row of this model into an account."""
    path = entry.rules.account or ""
    if path == "account":
        return {"account": account}
    first, _dots, rest = path.partition("__")
    if rest == "account" and entry.model._meta.get_field(first).remote_field.model is User:
        return {first: owner}
    return {path: account} if rest else {}


def mention_everywhere(account: Account, owner: User, address: str, *, every_writing: bool = False) -> int:
    """A row in every column from which addresses are taken out; how many columns. The kinds of writing take turns, from
    account to account others; ``every_writing``: all of them in each column that has the room."""
    number = 0
    for entry, made in entries_with_factories():
        if entry.model is Account:
            continue
        for column in entry.addresses:
            has_room = every_writing and column.field.max_length is None
            writings = encodings(address)
            text = "\n".join(writings) if has_room else writings[(number + account.pk) % len(WRITINGS)]
            row = owner if entry.model is User else make_row(entry, made, account, owner)
            store(row, column, text, address)
            number += 1
    store_in_account(account, address)
    return number


def make_row(entry: ModelEntry, made: Any, account: Account, owner: User) -> Any:
    """A new row of the model in the account; one that is there where only one may be (a template per event)."""
    try:
        with transaction.atomic():
            return made(**in_account(entry, account, owner))
    except IntegrityError:
        return entry.model._base_manager.filter(**{str(entry.rules.account): account}).latest("pk")


def store_in_account(account: Account, address: str) -> None:
    entry = get_registry().entry_of(Account)
    assert entry is not None
    for column in entry.addresses:
        store(account, column, f"Support <{address}>", address)


def store(row: Any, column: ColumnRule, text: str, address: str) -> None:
    """Put a text (or the bare address where the column is too short or a list) into one column, past all services."""
    value: Any = text
    limit = column.field.max_length
    if type(column.rule).__name__ == "TakeOut":
        value = f"first@lists.example; {address}; last@lists.example"
    elif type(column.rule).__name__ == "Blank":
        value = address
    if column.is_json:
        value = {"note": text, "list": [address, "other@lists.example"], address: True}
        if type(column.rule).__name__ == "TakeOut":
            value = [address, "other@lists.example"]
    elif limit and len(value) > limit:
        value = address
    type(row)._base_manager.filter(pk=row.pk).update(**{column.field.name: value})


def point_everywhere(person: User, witness: User) -> int:
    """A row pointing at the person in every column that can, in his account; how many rows."""
    number = 0
    for entry, made in entries_with_factories():
        if entry.model in (User, Account):
            continue
        for column in entry.references:
            if isinstance(column.rule, DeleteAbout) or column.field.remote_field is None:
                continue
            if column.rule.via:
                arguments = {column.rule.via: person}
            else:
                arguments = {**in_account(entry, person.account, witness), column.field.name: person}
            row = made(**arguments)
            for file in entry.files:
                getattr(row, file.field.name).save("file.bin", ContentFile(b"bytes of the person"))
            number += 1
    return number


@dataclass
class World:
    """Three enterprises, four trials, and who is in them. Everybody not named as a victim must survive."""

    acme: Account
    globex: Account
    initech: Account
    alpha: Account
    beta: Account
    gamma: Account
    delta: Account
    admin: User
    admin2: User
    ann: User
    bob: User
    witness: User
    alpha_match: User
    beta_login_match: User
    beta_deleted_match: User
    gamma_creator: User
    delta_match: User
    globex_ann: User
    near: list[User] = field(default_factory=list)
    trial_near: list[User] = field(default_factory=list)
    nobody: list[User] = field(default_factory=list)


def build_world() -> World:
    """The people and accounts, without records."""
    acme, globex, initech = AccountFactory(name="Acme"), AccountFactory(name="Globex"), AccountFactory(name="Initech")
    admin = AdministratorFactory(account=acme, email="admin@acme.example", password="correct horse battery")
    admin2 = AdministratorFactory(account=acme, email="second@acme.example")
    AdministratorFactory(account=globex, email="admin@globex.example")
    alpha, _alpha_creator = trial_with_creator(email="creator@alpha.example")
    beta, _beta_creator = trial_with_creator(email="creator@beta.example")
    gamma, gamma_creator = trial_with_creator(email=ANN, name="Ann Archer")
    delta, _delta_creator = trial_with_creator(email="creator@delta.example")
    delta.state, delta.expires_on = AccountState.INACTIVE, datetime(2020, 1, 1, tzinfo=UTC).date()
    delta.save()
    deleted_at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    ann = UserFactory(
        account=acme,
        email=ANN,
        name="Ann Archer",
        unique_user_id="U-1001",
        adobe_id="ann-login",
        former=[FORMER],
        deleted_at=deleted_at,
        deleted_by=admin,
    )
    return World(
        acme=acme,
        globex=globex,
        initech=initech,
        alpha=alpha,
        beta=beta,
        gamma=gamma,
        delta=delta,
        admin=admin,
        admin2=admin2,
        ann=ann,
        bob=UserFactory(account=acme, email="BÖB@x.org", unique_user_id="U-1002", deleted_at=deleted_at),
        witness=UserFactory(account=acme, email="witness@acme.example", name="Ann Archer"),
        alpha_match=UserFactory(account=alpha, email="Ann@X.org", name="A. Archer"),
        beta_login_match=UserFactory(account=beta, email="else@x.org", adobe_id="ANN@x.org"),
        beta_deleted_match=UserFactory(account=beta, email=ANN, deleted_at=deleted_at),
        gamma_creator=gamma_creator,
        delta_match=UserFactory(account=delta, email=ANN),
        globex_ann=UserFactory(account=globex, email=ANN, name="Ann Archer", adobe_id="ann-login"),
        near=[UserFactory(account=acme, email=email) for email in NEAR_MISSES],
        trial_near=[UserFactory(account=beta, email=email) for email in NEAR_MISSES],
        nobody=[UserFactory(account=account) for account in (acme, globex, initech, alpha, beta, gamma, delta)],
    )


def furnish(world: World, *, every_writing: bool = False) -> None:
    """Records of everybody who matters, texts that mention the address, import files, in all accounts."""
    point_everywhere(world.ann, world.witness)
    point_everywhere(world.alpha_match, world.nobody[3])
    point_everywhere(world.globex_ann, world.nobody[1])
    point_everywhere(world.gamma_creator, world.nobody[5])
    for account, owner in (
        (world.acme, world.witness),
        (world.globex, world.nobody[1]),
        (world.alpha, world.nobody[3]),
        (world.gamma, world.nobody[5]),
        (world.delta, world.nobody[6]),
    ):
        mention_everywhere(account, owner, ANN, every_writing=every_writing)
    for near in NEAR_MISSES:
        mention_in_comment(world, near)
    for account in (world.acme, world.globex, world.alpha, world.gamma):
        ImportLogFactory(account=account, content=f"Name,E-Mail\nAnn,{ANN}\n")
    ImportLogFactory(account=world.delta, content="Name,E-Mail\nSomebody,somebody@else.example\n")


def mention_in_comment(world: World, text: str) -> Comment:
    from tests.factories.learning import CommentFactory

    comment: Comment = CommentFactory(
        post__board__account=world.acme, author=world.witness, body=f"Please ask {text} instead."
    )
    return comment


# ---------------------------------------------------------------- running


def run_to_end(purge_request: PurgeRequest, slices: int = 30) -> PurgeRequest:
    """Do what the worker would do until the request rests."""
    for _n in range(slices):
        if tasks.run_request(purge_request.pk) != "more":
            break
    purge_request.refresh_from_db()
    return purge_request


def completed(purge_request: PurgeRequest) -> bool:
    purge_request.refresh_from_db()
    if purge_request.status != Status.COMPLETED:
        where = [str(residue) for residue in purge_request.residues.all()]
        stuck = list(purge_request.subjects.exclude(stuck_table="").values_list("person_id", "stuck_table"))
        ledger = list(purge_request.ledger.values_list("event", "facts"))
        raise AssertionError(
            f"{purge_request.status}: {purge_request.error_class} at {purge_request.error_step}; "
            f"residue {where}; stuck {stuck}; {ledger}"
        )
    return True


# ---------------------------------------------------------------- dumps


def dump() -> dict[str, dict[str, str]]:
    """The whole database as text: table → primary key → the row as JSON."""
    from purge.database import dialect_of

    catalog = dialect_of(connection).read_catalog()
    tables: dict[str, dict[str, str]] = {}
    with connection.cursor() as cursor:
        for table, columns in catalog.tables.items():
            names = [column.name for column in columns]
            quoted = ", ".join(connection.ops.quote_name(name) for name in names)
            cursor.execute(f"SELECT {quoted} FROM {connection.ops.quote_name(table)}")
            key = names.index(catalog.primary_keys.get(table, names[0]))
            tables[table] = {
                str(row[key]): json.dumps(
                    dict(zip(names, row, strict=True)), default=str, ensure_ascii=False, sort_keys=True
                )
                for row in cursor.fetchall()
            }
    return tables


def rows_of_account(account: Account) -> dict[str, dict[str, str]]:
    """The dump, of the rows that belong to one account."""
    everything = dump()
    mine: dict[str, dict[str, str]] = {}
    for entry in get_registry().ordered:
        if entry.rules.account is None:
            continue
        keys = entry.model._base_manager.filter(**{entry.rules.account: account.pk}).values_list("pk", flat=True)
        mine[entry.table] = {str(key): everything[entry.table][str(key)] for key in keys}
    return mine
