"""One person in every column and every kind of file, in every writing: purged, and the whole database read afterwards.

The plants and what has to be left of each are written by hand in :mod:`tests.purge.expected.plants`.
"""

from datetime import timedelta
from itertools import cycle
from pathlib import Path
from uuid import UUID

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

from purge import services
from purge.choices import Origin, Route, Status
from purge.models import ImsNotice, PurgeRequest
from purge.rules.registry import get_registry
from tests.factories.connectors import ConnectorRunFactory
from tests.factories.messaging import TranscriptDownloadFactory
from tests.factories.users import AccountFactory, AdministratorFactory, ImportLogFactory, UserFactory
from tests.purge import world as w
from tests.purge.addresses import corpus
from tests.purge.expected import plants
from tests.purge.steps.test_opened_files import ENCODINGS
from users.models import Account, User

pytestmark = pytest.mark.django_db

#: Rows of each model, with another plant in each column that has an end. The first has all of them in the others.
ROUNDS = 2
FRAMED = [*plants.SINGLE.values(), *plants.JOINED.values(), *plants.PAIRS.values()]
#: What a login or a Unique User ID looks like where people are named by one, and in filters.
LOGINS = (plants.LOGIN, plants.UNIQUE_ID, f"owner = '{plants.LOGIN}'", f"manager={plants.UNIQUE_ID}; active")
LISTED = ("first@lists.example", *plants.TWINS.values(), "last@lists.example")


def long_text():
    framed = [(f"({n}) {plant.text}", f"({n}) {plant.left}") for n, plant in enumerate(FRAMED)]
    whole = [(plant.text, plant.left) for plant in plants.LINES.values()]
    return tuple("\n\n".join(texts) for texts in zip(*framed, *whole, strict=True))


def document():
    """Every text and every object in one JSON value."""
    before = {"texts": [plant.text for plant in FRAMED], **{name: one for name, (one, _) in plants.DOCUMENTS.items()}}
    after = {"texts": [plant.left for plant in FRAMED], **{name: one for name, (_, one) in plants.DOCUMENTS.items()}}
    return before, after


class Planting:
    """Stores values in one account past all services, and knows what each has to be afterwards."""

    def __init__(self, account, witness, *, rounds=ROUNDS, everything=True):
        """``everything``: columns without an end get all plants once."""
        self.account, self.witness, self.rounds, self.everything = account, witness, rounds, everything
        self.left = {}
        self.columns = set()
        self._single, self._short = cycle(plants.SINGLE.values()), cycle(FRAMED)
        self._logins, self._documents = cycle(LOGINS), cycle(plants.DOCUMENTS.items())

    def everywhere(self):
        for entry, made in w.entries_with_factories():
            for turn in range(self.rounds if entry.addresses and entry.model is not Account else 0):
                if entry.model is User:
                    row = UserFactory(account=self.account)
                else:
                    row = w.make_row(entry, made, self.account, self.witness)
                self.row(row, turn)
        self.row(self.account)

    def row(self, row, turn=0):
        columns = get_registry().entry_of(type(row)).addresses
        self.store(row, {column.field.name: self.pair(column, row, turn) for column in columns})

    def store(self, row, pairs):
        model = type(row)
        model._base_manager.filter(pk=row.pk).update(**{name: before for name, (before, _after) in pairs.items()})
        for name, (_before, after) in pairs.items():
            self.left[model, name, row.pk] = after
            self.columns.add((model._meta.label, name))

    def pair(self, column, row, turn):
        """(what is stored, what has to be there afterwards)."""
        rule, room = type(column.rule).__name__, column.field.max_length
        if isinstance(row, Group):
            # Of no account: former addresses and IDs are nobody's there.
            return f"Friends of {plants.EMAIL}", f"Friends of [erased] ({row.pk})"
        if rule == "TakeOut":
            # The separator of a list is a part of a data URL.
            gone = "; ".join(plant.text for name, plant in plants.SINGLE.items() if name != "data URL")
            return f"{LISTED[0]}; {gone}; {'; '.join(LISTED[1:])}", "; ".join(LISTED)
        if column.is_json:
            return document() if self.everything and not turn else self.small_document()
        nothing = None if column.field.null else ""
        if rule == "Blank" and column.rule.names_logins and turn:
            return next(self._logins), nothing
        if rule == "Blank":
            return self.fitting(self._single, room).text, nothing
        if column.shape.name == "ONE":
            plant = self.fitting(self._single, room)
        elif room or turn or not self.everything:
            plant = self.fitting(self._short, room)
        else:
            return long_text()
        if column.rule.numbered and plant.left != plant.text:
            return plant.text, f"{plant.left} ({row.pk})"
        return plant.text, plant.left

    def small_document(self):
        name, (before, after) = next(self._documents)
        plant = next(self._short)
        return {"text": plant.text, name: before}, {"text": plant.left, name: after}

    def fitting(self, turns, room):
        room = room or 1_000
        if room < 20:
            return plants.Plant(plants.SHORT, "[erased]", plants.SHORT)
        return next(plant for plant in turns if len(plant.text) + 8 <= room)

    def found(self):
        """What stands there now, read as the product reads it."""
        now = {}
        for model, name in {(model, name) for model, name, _pk in self.left}:
            pks = [pk for each, column, pk in self.left if (each, column) == (model, name)]
            stored = dict(model._base_manager.filter(pk__in=pks).values_list("pk", name))
            now.update({(model, name, pk): stored.get(pk, "no row") for pk in pks})
        return now


def bystanders(account, witness):
    """A row of each model in which every column names people who stay, or nobody; (table, key) of each."""
    texts, twins = cycle([*plants.BYSTANDERS, *plants.of_twins()]), cycle(plants.TWINS.values())
    documents = cycle(plants.OTHER_DOCUMENTS)
    rows = set()
    for entry, made in w.entries_with_factories():
        if not entry.addresses or entry.model is Account:
            continue
        row = UserFactory(account=account) if entry.model is User else w.make_row(entry, made, account, witness)
        values = {}
        for column in entry.addresses:
            room, name = column.field.max_length, column.field.name
            if column.is_json:
                values[name] = {"texts": [next(texts) for _n in range(9)], "object": next(documents)}
            elif type(column.rule).__name__ == "TakeOut":
                values[name] = ", ".join(plants.TWINS.values())
            elif room and room < 20:
                values[name] = "en"
            else:
                values[name] = next(twins) if room else "\n\n".join(next(texts) for _n in range(5))
        entry.model._base_manager.filter(pk=row.pk).update(**values)
        rows.add((entry.table, str(row.pk)))
    return rows


def stored_file(row, name, content):
    getattr(row, name).save("file", ContentFile(content))
    return row


def plant_files(account, witness):
    """Files that go, and files that stay: (row, column) each."""
    embedded = [plants.SINGLE[name].text for name in ("Mailman", "SRS0", "deleted in Moodle")]
    named = cycle([plants.IN_ASCII, plants.FORMER, *embedded])

    def download(content):
        return stored_file(TranscriptDownloadFactory(account=account, generated_by=witness, file=""), "file", content)

    going = {f"{name}": (download(write(next(named))), "file") for name, write in corpus.WRITERS.items()}
    staying = {f"{name}": (download(write(f"jo.{plants.IN_ASCII}")), "file") for name, write in corpus.WRITERS.items()}
    for encoding in ENCODINGS["m\u00fcller@b\u00fccher.example"].split():
        going[encoding] = download(f'"Name";{plants.EMAIL};1\r\n'.encode(encoding)), "file"
        staying[encoding] = download(f'"Name";jo.{plants.EMAIL};1\r\n'.encode(encoding)), "file"
    for name, plant in (plants.SINGLE | plants.JOINED | plants.LINES).items():
        if name not in plants.NAMES_ALONE:
            going[f"text: {name}"] = download(plant.text.encode()), "file"
    staying["texts"] = download("\n\n".join((*plants.BYSTANDERS, *plants.of_twins())).encode()), "file"
    run = ConnectorRunFactory(connector__account=account, error_file="")
    going["errors of a connector"] = stored_file(run, "error_file", corpus.gzipped(plants.EMAIL)), "error_file"
    log = ImportLogFactory(account=account, content="Name,E-Mail\nJo,jo@q.example\n")
    going["errors of an import"] = stored_file(log, "error_file", b"line 7: " + plants.FORMER.encode()), "error_file"
    going["import"] = log, "file"
    for name, write in {"scan": corpus.scanned_pdf, "encrypted": corpus.encrypted_archive}.items():
        going[f"unopened: {name}"] = download(write()), "file"
    return going, staying


@pytest.fixture(scope="module")
def purged(django_db_setup, django_db_blocker, tmp_path_factory):
    """One purge for all tests of this file; none of them changes anything."""
    media = tmp_path_factory.mktemp("oracle")
    with (
        django_db_blocker.unblock(),
        override_settings(MEDIA_ROOT=media / "files", PURGE_JOURNAL=media / "journal" / "purge.jsonl"),
        transaction.atomic(),
    ):
        yield Purged(media)
        transaction.set_rollback(True)


class Purged:
    def __init__(self, folder):
        self.folder = folder
        self.acme, self.globex = AccountFactory(name="Acme"), AccountFactory(name="Globex")
        admin = AdministratorFactory(account=self.acme, email="admin@acme.example")
        self.witness = UserFactory(account=self.acme, email="witness@acme.example")
        victims = self.people(self.acme)
        self.twins = [UserFactory(account=self.acme, email=email) for email in plants.TWINS.values()]
        # How a text is treated is no matter of the database: on the second each column has one plant of them.
        self.planting = Planting(self.acme, self.witness, everything=connection.vendor == "sqlite")
        self.planting.everywhere()
        elsewhere = Planting(self.globex, UserFactory(account=self.globex), rounds=1, everything=False)
        self.people(self.globex)
        elsewhere.everywhere()
        self.bystanders = bystanders(self.acme, self.witness)
        self.going, self.staying = plant_files(self.acme, self.witness)
        for row in self.of_no_factory(admin):
            self.planting.row(row)
        self.names_going = {getattr(row, column).name for row, column in self.going.values()}
        self.before = w.dump()
        self.rows_elsewhere = w.rows_of_account(self.globex)
        self.files_before = self.files()
        self.request = services.purge_submit(
            acting_user=admin, account_id=self.acme.pk, user_ids=[person.pk for person in victims]
        )
        w.run_to_end(self.request)
        self.after = w.dump()

    def of_no_factory(self, admin):
        """A row of each model that no factory makes."""
        request = PurgeRequest.objects.create(
            reference="PUR-2222-2222-2",
            route=Route.IMS_ENTERPRISE,
            origin=Origin.IMS,
            status=Status.COMPLETED,
            planned=True,
            due_at=timezone.now() + timedelta(days=30),
            verified_at=timezone.now(),
            completed_at=timezone.now(),
            key_fingerprint="k",
        )
        yield ImsNotice.objects.create(
            request=request, account_id=self.acme.pk, due_at=timezone.now() + timedelta(days=30)
        )
        yield LogEntry.objects.create(user=admin, action_flag=CHANGE, object_repr="x", change_message="x")
        yield Group.objects.create(name="x")

    @staticmethod
    def people(account):
        ann = UserFactory(
            account=account,
            email=plants.EMAIL,
            former=[plants.FORMER],
            adobe_id=plants.LOGIN,
            unique_user_id=plants.UNIQUE_ID,
            **({"public_id": UUID(plants.PUBLIC_ID)} if account.name == "Acme" else {}),
            deleted=True,
        )
        return [ann, *(UserFactory(account=account, email=email, deleted=True) for email in plants.TWINS)]

    def files(self):
        files = Path(self.folder / "files")
        stored = (path for path in files.rglob("*") if path.is_file() and not path.name.startswith("lms-purge-"))
        return {str(path.relative_to(files)): path.read_bytes() for path in stored}


@pytest.fixture(autouse=True)
def files_of_its_own(settings, purged):
    """Instead of a folder for each test: the one of the purge that all of them look at."""
    settings.MEDIA_ROOT = purged.folder / "files"


def test_every_column_that_is_treated_was_planted(purged):
    treated = {(entry.rules.model, column.field.name) for entry in get_registry().ordered for column in entry.addresses}
    assert len(treated) > 100
    # A note belongs to a request and has no factory: it is planted with the table of expectations (planting.py).
    assert treated - purged.planting.columns == {("purge.RegisterNote", "reason")}


def test_of_every_text_only_what_tells_the_person_is_gone(purged):
    assert w.completed(purged.request)
    now = purged.planting.found()
    assert [
        f"{place}: {now[place]!r:.300}, not {left!r:.300}"
        for place, left in purged.planting.left.items()
        if now[place] != left
    ] == []


def test_no_row_of_the_database_tells_who_it_was(purged):
    """But those that were to stay, which stay to the letter."""
    cores = {plant.core.lower() for plant in FRAMED + list(plants.LINES.values()) if plant.core.isprintable()}
    cores = {core for core in cores if not set(core) & set('\\"')}
    assert len(cores) > 50
    survivors = purged.bystanders | {("users_user", str(twin.pk)) for twin in purged.twins}
    survivors |= {(table, key) for table, rows in purged.rows_elsewhere.items() for key in rows}
    left = {
        (table, key): core
        for table, rows in purged.after.items()
        for key, text in rows.items()
        for core in cores
        if core in text.lower() and (table, key) not in survivors
    }
    assert left == {}


def test_survivors_stay_to_the_letter(purged):
    assert w.rows_of_account(purged.globex) == purged.rows_elsewhere
    assert len(purged.rows_elsewhere["users_user"]) > 10
    rows = [*purged.bystanders, *(("users_user", str(twin.pk)) for twin in purged.twins)]
    changed = [place for place in rows if purged.after[place[0]].get(place[1]) != purged.before[place[0]][place[1]]]
    assert changed == []


def test_every_file_that_names_the_person_is_gone_and_no_other(purged):
    files = purged.files()
    for row, _column in (*purged.going.values(), *purged.staying.values()):
        row.refresh_from_db()
    assert [name for name, (row, column) in purged.going.items() if getattr(row, column)] == []
    gone = [name for name, (row, column) in purged.staying.items() if not getattr(row, column)]
    assert gone == []
    assert set(files).isdisjoint(purged.names_going)
    assert {name: purged.files_before[name] for name in files} == files
    # Of the account whose people go, earlier imports go together.
    others = set(purged.files_before) - set(files) - purged.names_going
    assert all(name.startswith(f"accounts/{purged.acme.public_id}/imports/") for name in others)


def test_what_could_not_be_opened_is_listed(purged):
    listed = purged.request.unopened_files.values_list("kind", "erased")
    assert sorted(listed) == [("encrypted", True), ("picture", True)]


def test_the_journal_names_nobody(purged):
    """But by the public id, which a restored backup brings back."""
    lines = "".join(path.read_text() for path in (purged.folder / "journal").rglob("*") if path.is_file())
    assert purged.request.reference in lines
    cores = {plant.core for plant in FRAMED} - {plants.PUBLIC_ID}
    assert not [core for core in cores if core in lines]
