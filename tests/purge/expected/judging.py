"""What the database must look like after a route, worked out from the table and the routes, and what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib.contenttypes.models import ContentType

from tests.purge.expected import planting
from tests.purge.expected.outcomes import ANY_TIME, MENTIONS, REFERENCES, Outcome
from tests.purge.expected.routes import Expected
from tests.purge.expected.table import COMPARED

Row = dict[str, Any]
Rows = dict[str, dict[Any, Row]]

#: What may hang on a row that is withdrawn: (model, column) by the model.
HANGING = {
    "learning.Post": (("learning.Comment", "post_id"), ("learning.Mention", "post_id")),
    "learning.Comment": (("learning.Comment", "parent_id"), ("learning.Mention", "comment_id")),
    "messaging.SavedReport": (("messaging.SavedReportShare", "report_id"),),
}
#: Of what is new, the columns that are looked at; rows of other models are not to appear at all.
NEW = {
    "connectors.BlankedSetting": ("connector_id", "setting", "reference"),
    "messaging.Notification": ("recipient_id", "kind"),
    "purge.FollowUp": ("kind", "account_id", "model", "row"),
    "purge.ImsNotice": ("account_id", "state"),
    "purge.PossibleMention": ("table", "column", "row"),
}
#: The engine's own records of the purge that is judged.
RECORDS = ("purge.PurgeRequest", "purge.LedgerEntry")


@dataclass
class Snapshot:
    """All rows that are compared, the account of each, and the stored files."""

    rows: Rows
    accounts: dict[str, dict[Any, Any]]
    files: set[str]


def look() -> Snapshot:
    rows: Rows = {}
    for label in COMPARED:
        every = apps.get_model(label)._base_manager.order_by().values()
        key = apps.get_model(label)._meta.pk.attname
        rows[label] = {row[key]: row for row in every}
    return Snapshot(rows, {}, stored())


def look_with_accounts() -> Snapshot:
    """A snapshot from which expectations are worked out."""
    found = look()
    for label, expected in COMPARED.items():
        manager = apps.get_model(label)._base_manager
        found.accounts[label] = dict(manager.values_list("pk", expected.account)) if expected.account else {}
    return found


def stored() -> set[str]:
    root = Path(settings.MEDIA_ROOT)
    # The installation's own marker names nobody.
    return {
        str(file.relative_to(root))
        for file in root.rglob("*")
        if file.is_file() and not file.name.startswith("lms-purge-")
    }


@dataclass
class Must:
    """What the database must look like. ``new``: by model, the columns of :data:`NEW` of each row that is added."""

    rows: Rows
    files: set[str]
    new: dict[str, set[tuple[Any, ...]]] = field(default_factory=dict)


def expected(before: Snapshot, world: SimpleNamespace, route: Expected, reference: str) -> Must:
    return _Working(before, world, route, reference).worked_out()


def differences(must: Must, after: Snapshot) -> Iterator[str]:
    """Every row, column and file that is not as it must be, in words."""
    for label, rows in must.rows.items():
        there = after.rows[label]
        for pk, row in rows.items():
            if pk not in there:
                yield f"{label} {pk} is gone"
                continue
            for column, value in row.items():
                found = there[pk][column]
                if found != value and not (value is ANY_TIME and found is not None):
                    yield f"{label}.{column} of {pk} is {found!r}, and must be {value!r}"
        new = {pk: row for pk, row in there.items() if pk not in rows}
        if label in RECORDS:
            continue
        looked_at = NEW.get(label)
        described = [tuple(row[name] for name in looked_at) if looked_at else (pk,) for pk, row in new.items()]
        described.sort(key=repr)
        wanted = sorted(must.new.get(label, ()), key=repr)
        if described != wanted:
            missing = [each for each in wanted if each not in described]
            more = [each for each in described if each not in wanted]
            yield f"{label}: there must be new {missing}, and there are {more or 'twice the same'}"
    if lost := must.files - after.files:
        yield f"files are gone: {sorted(lost)[:5]}"
    if left := after.files - must.files:
        yield f"files are left: {sorted(left)[:5]}"


class _Working:
    def __init__(self, before: Snapshot, world: SimpleNamespace, route: Expected, reference: str) -> None:
        self.before, self.world, self.route, self.reference = before, world, route, reference
        self.rows: Rows = {label: {pk: dict(row) for pk, row in rows.items()} for label, rows in before.rows.items()}
        self.files = set(before.files)
        self.new: dict[str, set[tuple[Any, ...]]] = {label: set() for label in NEW}
        self.removed: dict[str, set[Any]] = {label: set() for label in before.rows}
        self.cleaned = {getattr(world, name).pk for name in route.cleaned}
        self.asked = getattr(world, route.asked).pk if route.asked else None
        self.going = {getattr(world, name).pk for name in route.goes}
        users = before.rows["users.User"]
        if route.emptied:
            emptied = getattr(world, route.emptied).pk
            self.going |= {pk for pk, row in users.items() if row["account_id"] == emptied}
        self.losing = {users[pk]["account_id"] for pk in self.going}
        self.heirs = {getattr(world, place).pk: getattr(world, name).pk for place, name in route.heirs.items()}

    def worked_out(self) -> Must:
        self._remove()
        for label, expected in COMPARED.items():
            for column, outcome in expected.columns.items():
                name = apps.get_model(label)._meta.get_field(column).attname
                for pk in list(self.rows[label]):
                    if outcome.kind in REFERENCES - {"goes"}:
                        self._reference(label, pk, name, outcome)
                    elif outcome.kind in MENTIONS:
                        self._mention(label, pk, column, outcome)
                    elif outcome.kind == "file that mentions":
                        self._file(label, pk, column)
                    elif outcome.kind == "file of one's own":
                        self._file_that_stays(label, pk, column)
        self._imports()
        self._addresses_of_one_account()
        self._accounts()
        self._told()
        return Must(self.rows, self.files, self.new)

    # ------------------------------------------------------------ rows that go

    def _remove(self) -> None:
        self.removed["users.User"] = set(self.going)
        for label, expected in COMPARED.items():
            for column, outcome in expected.columns.items():
                name = apps.get_model(label)._meta.get_field(column).attname
                for pk, row in self.before.rows[label].items():
                    if (
                        (outcome.kind == "goes" and row[name] in self.going)
                        or (outcome.kind == "goes by number" and self._is_about(row))
                        or (outcome.kind == "ended" and row[name] == planting.SESSION)
                    ):
                        self.removed[label].add(pk)
        self._withdraw()
        # Whatever hung on somebody's record went with it; it carries the person's id itself, so nothing is left over.
        for label, pks in self.removed.items():
            for pk in pks:
                row = self.rows[label].pop(pk)
                for column, outcome in COMPARED[label].columns.items():
                    if outcome.kind in ("file", "file of one's own", "file that mentions"):
                        self.files.discard(row[column])
                if outcome_of(label, "user").then == "session needs one":
                    self._session_lost(row["session_id"])
        for public_id in (self.before.rows["users.User"][pk]["public_id"] for pk in self.going):
            self.files = {name for name in self.files if not name.startswith(f"people/{public_id}/")}

    def _is_about(self, row: Row) -> bool:
        kinds = ContentType.objects.filter(
            app_label="users", model__in=("user", "internaluser", "externaluser", "deleteduser")
        )
        if not hasattr(self, "people_kinds"):
            self.people_kinds = set(kinds.values_list("pk", flat=True))
        return row["content_type_id"] in self.people_kinds and row["object_id"] in {str(pk) for pk in self.going}

    def _withdraw(self) -> None:
        """The person's own posts, comments, reports: gone when nothing hangs on them that stays."""
        while True:
            fallen = 0
            for label, hanging in HANGING.items():
                column = "owner_id" if label == "messaging.SavedReport" else "author_id"
                held = {
                    row[name]
                    for other, name in hanging
                    for pk, row in self.before.rows[other].items()
                    if pk not in self.removed[other]
                }
                for pk, row in self.before.rows[label].items():
                    if row[column] in self.going and pk not in held and pk not in self.removed[label]:
                        self.removed[label].add(pk)
                        fallen += 1
            if not fallen:
                return

    def _session_lost(self, session_id: int) -> None:
        links = self.before.rows["learning.SessionInstructor"]
        left = [
            pk
            for pk, row in links.items()
            if row["session_id"] == session_id and pk not in self.removed["learning.SessionInstructor"]
        ]
        session = self.rows["learning.Session"].get(session_id)
        if not left and session is not None:
            account_id = self.before.accounts["learning.Session"][session_id]
            session["needs_instructor_since"] = ANY_TIME
            session["needs_instructor_reference"] = self._reference_for(account_id)
            self._fact("session_without_instructor", account_id, "learning.Session", session_id)

    # ------------------------------------------------------------ rows that stay

    def _account(self, label: str, pk: Any) -> Any:
        return self.before.accounts[label].get(pk)

    def _is_cleaned(self, label: str, pk: Any) -> bool:
        if COMPARED[label].account is None:
            return True
        account_id = self._account(label, pk)
        return account_id in self.cleaned or (COMPARED[label].staff and account_id == self.world.system.pk)

    def _reference(self, label: str, pk: Any, name: str, outcome: Outcome) -> None:
        row = self.rows[label][pk]
        if self.before.rows[label][pk][name] not in self.going:
            return
        row[name] = self.heirs.get(self._account(label, pk)) if outcome.kind == "heir" else None
        row.update(outcome.also)
        self._then(label, pk, name.removesuffix("_id"), outcome)

    def _mention(self, label: str, pk: Any, column: str, outcome: Outcome) -> None:
        old = self.before.rows[label][pk]
        if not self._is_cleaned(label, pk) or self._is_own(label, old, column):
            return
        field = apps.get_model(label)._meta.get_field(column)
        for before, after in planting.samples(field, outcome):
            signs_in = before in (planting.LOGIN[0], planting.FILTER[0])
            known = old[column] == before or (column == "email_key" and old[column] == str(before).lower())
            if not known or (signs_in and not self.route.login):
                continue
            row = self.rows[label][pk]
            row[column] = after.format(pk=pk) if outcome.kind == "numbered" else after
            row.update(outcome.also)
            self._then(label, pk, column, outcome)

    def _is_own(self, label: str, row: Row, column: str) -> bool:
        """Whether a user who stays is called by the address that is theirs."""
        return (
            label == "users.User" and column in ("name", "unique_user_id") and str(row["email"]).lower() == "ann@x.org"
        )

    def _then(self, label: str, pk: Any, column: str, outcome: Outcome) -> None:
        account_id = self._account(label, pk)
        if outcome.then == "connector stops":
            connector = self.rows["connectors.Connector"][pk]
            reference = self._reference_for(account_id)
            self.new["connectors.BlankedSetting"].add((pk, column, reference))
            if connector["state"] == "enabled":
                connector.update(
                    state="disabled",
                    disabled_reason="purge",
                    disabled_reference=reference,
                    disabled_at=ANY_TIME,
                    resume_schedule=connector["schedule"],
                    schedule="off",
                    next_run_at=None,
                )
                self._fact("connector_disabled", account_id, "connectors.Connector", pk)
        elif outcome.then == "webhook stops":
            self.rows[label][pk].update(state="disabled", disabled_reference=self._reference_for(account_id))
            self._fact("webhook_disabled", account_id, "connectors.Webhook", pk)
        elif outcome.then == "account is told":
            self._fact("unique_id_emptied", account_id, "users.InternalUser", pk)

    def _reference_for(self, account_id: int) -> str:
        """No customer reads another's request ID."""
        return self.reference if account_id == self.asked else ""

    def _fact(self, *fact: Any) -> None:
        self.new["purge.FollowUp"].add(fact)

    # ------------------------------------------------------------ files

    def _mentions(self, name: str) -> bool:
        return bool(name) and (self.content[name] == planting.MENTIONING)

    def _is_to_go(self, name: str) -> bool:
        """It mentions the address, or nobody can tell."""
        return self._mentions(name) or (bool(name) and self.content[name] == planting.CUT_OFF)

    @property
    def content(self) -> Mapping[str, bytes]:
        return self.world.content

    def _file(self, label: str, pk: Any, column: str) -> None:
        name = self.before.rows[label][pk][column]
        if self._is_cleaned(label, pk) and self._is_to_go(name):
            self.rows[label][pk][column] = ""
            self.files.discard(name)

    def _file_that_stays(self, label: str, pk: Any, column: str) -> None:
        """Somebody else's own: listed, for whoever has to look at it."""
        if self._is_cleaned(label, pk) and self._mentions(self.before.rows[label][pk][column]):
            table = apps.get_model(label)._meta.db_table
            self.new["purge.PossibleMention"].add((table, column, str(pk)))

    def _imports(self) -> None:
        logs = self.before.rows["users.ImportLog"]
        mentioned = {
            row["account_id"]
            for row in logs.values()
            if row["account_id"] in self.cleaned and (self._mentions(row["file"]) or self._mentions(row["error_file"]))
        }
        for pk, old in logs.items():
            row, account_id = self.rows["users.ImportLog"][pk], old["account_id"]
            earlier = old["uploaded_at"] <= self.world.accepted_at
            whole = earlier and account_id in self.losing | mentioned
            for column in ("file", "error_file"):
                name = old[column]
                goes = self._is_to_go(name) and account_id in self.cleaned
                if name and (goes or (whole and old["state"] != "running")):
                    row[column] = ""
                    self.files.discard(name)
                    row["link_dead_at"] = ANY_TIME
            if whole:
                row["link_dead_at"] = ANY_TIME

    # ------------------------------------------------------------ the rest

    def _addresses_of_one_account(self) -> None:
        for address, names in self.route.elsewhere.items():
            accounts = {getattr(self.world, name).pk for name in names}
            self._take_out(address, accounts)
        self._take_out("ann@x.org", self.cleaned)

    def _take_out(self, address: str, accounts: set[int]) -> None:
        for pk, row in self.rows["learning.Comment"].items():
            if row["body"] == f"Ask {address}, please." and self._account("learning.Comment", pk) in accounts:
                row["body"] = "Ask [erased], please."

    def _accounts(self) -> None:
        if self.route.emptied:
            self.rows["users.Account"][getattr(self.world, self.route.emptied).pk]["state"] = "inactive"
        users = self.before.rows["users.User"]
        counts = self.rows["users.DeletedCount"]
        for number, row in list(counts.items()):
            row["n"] -= sum(
                1
                for pk in self.going
                if users[pk]["deleted_month"] == row["month"] and users[pk]["account_id"] == row["account_id"]
            )
            if not row["n"]:
                del counts[number]

    def _told(self) -> None:
        self.new["messaging.Notification"] = {(getattr(self.world, who).pk, kind) for who, kind in self.route.told}
        self.new["purge.ImsNotice"] = {(getattr(self.world, name).pk, "open") for name in self.route.notices}


def outcome_of(label: str, column: str) -> Outcome:
    return COMPARED[label].columns.get(column, Outcome(""))


def contents() -> dict[str, bytes]:
    root = Path(settings.MEDIA_ROOT)
    return {name: (root / name).read_bytes() for name in stored()}
