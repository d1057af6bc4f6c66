"""The words in which an app declares its personal data.

An app lists, in its ``purge_rules.py``, a :class:`ModelRules` for each of its models: a line per column that says
what a purge does to it, and the path from a row to its account. A rule is a query and a way to make that query
empty; :mod:`purge.rules.registry` compiles the declarations, everything else reads them from there.

Nothing here touches the database, so models, migrations and checks may import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from purge.addresses import Shape
from purge.rules import columns
from purge.rules.decoders import Decoder


class Now:
    """Stands for the time of the statement, in :attr:`Treatment.also`."""


NOW: Final = Now()


class Rule:
    """What is declared of a column. Its class carries what everything else needs to know of it, as options:

    ``label``: what a purge does to such a column, for the data map.
    ``kept``: the column is left as it is, whatever stands in it.
    ``takes_row``: whole rows go.
    ``needs_row_taken``: it says something only where another column's rule takes the row.
    ``shape``: what stands in the column, where it is not the field that says so.

    A class that is right for some columns only says why one is not in :meth:`misfit`.
    """

    label: ClassVar[str | Promise]
    kept: ClassVar[bool] = False
    takes_row: ClassVar[bool] = False
    needs_row_taken: ClassVar[bool] = False

    @property
    def shape(self) -> Shape | None:
        return None

    def get_label(self) -> str:
        """The label in the reader's language; of some declarations another than their class's."""
        return str(self.label)

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        """What keeps it from doing to this column what it says; '' when nothing does. Asks no database."""
        return ""


@dataclass(frozen=True)
class Reasoned(Rule):
    """A rule that has to say why; no treatment looks at the column, but the patrol may.

    ``decoded_by``: how the patrol reads a column that the database cannot read; the reason then says that it is read
    decoded. Neither goes without the other.

    Options: ``unreasoned``, ``why``: what is wrong without a reason, and what it has to say.
    """

    reason: str
    decoded_by: Decoder | None = field(default=None, kw_only=True)

    unreasoned: ClassVar[str]
    why: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class StaysAsItIs(Rule):
    """A column that no treatment looks at.

    ``closed``: for a text that has room for an address, why nobody can type one there: who writes the column, or what
    refuses the address. Whatever anybody can type into such a column would be found by the verification, and no purge
    of that address could ever complete.
    """

    closed: str = ""


@dataclass(frozen=True, kw_only=True)
class Treatment(Rule):
    """What happens to one column.

    ``also``: further columns of the same row set in the same statement (values, or :data:`NOW`).
    ``then``: the :attr:`Consequence.path` of a consequence that the owning app declares, called in the same transaction
    as ``then(pks=[…], column="…", context=Context(…))`` with the primary keys of the rows just changed (for a deleted
    or unassigned row of a link table: see :attr:`Unassign.then_of`); it returns :class:`Fact` objects.
    """

    also: Mapping[str, Any] = field(default_factory=dict)
    then: str | None = None


# ---------------------------------------------------------------- the person, by reference


@dataclass(frozen=True, kw_only=True)
class PersonTreatment(Treatment):
    """A treatment of rows that point at a purged person; `purge.steps.people` has a function for each class.

    ``via``: path from the row to the person's foreign key, where the column itself is not that key (a grandchild that
    does not carry the person's id); empty means the column itself.

    Options: ``progress``: what an administrator reads while it runs, with the rows' noun and the column's name.
    ``needs_null``: the column becomes null. ``points_at_person``: the column, or the end of ``via``, is a foreign key
    to a person. ``may_stay``: not every row that it takes goes; some stay, emptied. ``hands_over``: the rows stay and
    become somebody else's.
    """

    via: str = ""

    progress: ClassVar[str | Promise] = _("Cleared “%(column)s”: %(noun)s")
    needs_null: ClassVar[bool] = False
    points_at_person: ClassVar[bool] = True
    may_stay: ClassVar[bool] = False
    hands_over: ClassVar[bool] = False

    @property
    def is_foreign_key(self) -> bool:
        """Whether the column itself holds people's ids, so that a statement may compare it with them."""
        return not self.via

    def rows_of(self, name: str, people: Iterable[int]) -> Q:
        """The condition that a row is tied to one of the people by the column of this name."""
        return Q(**{f"{self.via or name}__in": list(people)})

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        if self.needs_null and not field.null:
            return "cannot become null, as its treatment needs."
        if self.points_at_person and not (self.via or columns.points_at(field, settings.AUTH_USER_MODEL)):
            return "is no relation to a person; name the path with via=."
        return ""


@dataclass(frozen=True, kw_only=True)
class Delete(PersonTreatment):
    """The row is about the person and goes."""

    label = _("row deleted")
    progress = _("Deleted: %(noun)s")
    takes_row = True


@dataclass(frozen=True, kw_only=True)
class DeleteAbout(PersonTreatment):
    """A generic relation: the row goes when it points at the person. Declared on the object-id column."""

    content_type: str = "content_type"

    label = _("row deleted")
    progress = _("Deleted: %(noun)s")
    takes_row = True
    points_at_person = False

    @property
    def is_foreign_key(self) -> bool:
        return False

    def rows_of(self, name: str, people: Iterable[int]) -> Q:
        person = apps.get_model(settings.AUTH_USER_MODEL)
        kind = Q(pk__in=())
        for model in apps.get_models():
            # A generic relation may name the person as one of the proxies.
            if model._meta.concrete_model is person:
                app_label, model_name = model._meta.app_label, model._meta.model_name
                kind |= Q(**{f"{self.content_type}__app_label": app_label, f"{self.content_type}__model": model_name})
        return kind & Q(**{f"{name}__in": [str(person_id) for person_id in people]})

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        known = columns.points_at(columns.field_of(model, self.content_type), "contenttypes.ContentType")
        return "" if known else "has no content type beside it."


@dataclass(frozen=True, kw_only=True)
class Withdraw(PersonTreatment):
    """What the person wrote for others: the row goes, unless other rows still hang on it; then it stays, emptied.

    ``referenced_by``: the foreign keys ("app.Model.column") that may hold it. ``empty``: the columns set in a row that
    stays (the person's key becomes null).
    """

    referenced_by: tuple[str, ...] = ()
    empty: Mapping[str, Any] = field(default_factory=dict)

    label = _("row deleted, or emptied where others replied")
    progress = _("Removed or emptied: %(noun)s")
    takes_row = True
    needs_null = True
    may_stay = True


@dataclass(frozen=True, kw_only=True)
class Detach(PersonTreatment):
    """The row is about something else: its reference becomes null."""

    label = _("reference removed")
    needs_null = True


@dataclass(frozen=True, kw_only=True)
class HandOver(PersonTreatment):
    """The row stays and passes to the account's heir (null where there is none)."""

    label = _("handed over")
    progress = _("Handed over: %(noun)s")
    needs_null = True
    hands_over = True


@dataclass(frozen=True, kw_only=True)
class Unassign(PersonTreatment):
    """A row of a link table goes: the person leaves a group, a session, a board.

    ``then_of``: the column of the link row whose value the consequence is told (the session, the group).
    """

    then_of: str = ""

    label = _("taken off")
    progress = _("Taken off: %(noun)s")
    takes_row = True


# ---------------------------------------------------------------- the person's addresses, in other rows


@dataclass(frozen=True, kw_only=True)
class AddressTreatment(Treatment):
    """A treatment of rows that mention an address to be taken out, in the accounts that the route cleans;
    `purge.steps.addresses` has a function for each class.

    ``but_own``: columns of the row that hold the identities (addresses, logins) of the person whom the row is. What
    names them by such an identity is theirs: the row of a user who stays keeps it.
    """

    but_own: tuple[str, ...] = ()

    @property
    def names_logins(self) -> bool:
        """Whether people's sign-in names stand in the column, which need not look like addresses."""
        return False


@dataclass(frozen=True, kw_only=True)
class Blank(AddressTreatment):
    """One value, e.g. an address or a filter: emptied (null where the column allows it) when it names the person.

    ``login``: the value may also be, or name, the person's login (adobe_id): compared as a whole word, by its identity
    key. ``expression``: it is no one value but a filter, in which an address or login can stand.
    """

    login: bool = False
    expression: bool = False

    label = _("emptied where it names the person")

    @property
    def names_logins(self) -> bool:
        return self.login

    @property
    def shape(self) -> Shape | None:
        return Shape.ONE if self.login and not self.expression else None

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        return "" if field.null or field.empty_strings_allowed else "cannot be emptied."


@dataclass(frozen=True, kw_only=True)
class TakeOut(AddressTreatment):
    """A list of addresses (text with ``;``, ``,`` or line breaks between them, or a JSON list): only theirs leave."""

    label = _("the person’s address leaves the list")

    @property
    def shape(self) -> Shape | None:
        return Shape.LIST


@dataclass(frozen=True, kw_only=True)
class Redact(AddressTreatment):
    """Free text or JSON: the address is replaced wherever it stands, in any of its encodings; the rest stays.

    ``numbered``: the row's number is written behind a text in which something was replaced, cut to the column's width.
    For columns that are unique: "friends of a@x.org" and "friends of b@x.org" become two different texts.
    """

    numbered: bool = False

    label = _("the address is replaced in the text")

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        if self.numbered or not columns.is_unique(model, field):
            return ""
        return "is unique and two texts may become the same: number them with Redact(numbered=True)."


@dataclass(frozen=True)
class EndRow(Reasoned):
    """Something made for the moment, such as a browser's session: a row that mentions an address ends with the pass
    that meets it. Only the proof reads such a column; no plan has a step for it. ``reason``: why the row may go at any
    time.
    """

    label = _("row deleted as soon as an address is met in it")
    unreasoned = "ends without a reason."
    why = "Say why the row may go at any time."


# ---------------------------------------------------------------- files


@dataclass(frozen=True, kw_only=True)
class EraseFile(Treatment):
    """A stored file. It always goes when its row goes.

    ``mentions``: also when it mentions an address to be taken out, whatever kind of file it is; the row stays with an
    empty file name. ``goes_unopened``: also when it cannot be opened (encrypted, damaged, a picture …), so that nobody
    can say whether it does; else it stays, and is listed. ``listed``: it is somebody's own (a certificate), and stays
    whatever it says: a pass over every text opens it, and lists it where it mentions an address that was taken out or
    could not be opened.
    ``whole_account``: also when its account loses a person, or when another such file of the account mentions an
    address. ``uploaded``: the column with the time of upload, so that ``whole_account`` takes only what was stored
    before the request was accepted. ``at_work``: columns and their values while the app reads the file; such a file is
    left to it, unless it mentions an address, and the app erases it as soon as it is done (``also`` is set at once).
    """

    mentions: bool = False
    goes_unopened: bool = False
    listed: bool = False
    whole_account: bool = False
    uploaded: str = ""
    at_work: Mapping[str, Any] = field(default_factory=dict)

    label = _("file erased")

    @property
    def may_go_alone(self) -> bool:
        """Whether the file may go though its row stays."""
        return self.mentions or self.whole_account

    def get_label(self) -> str:
        if self.whole_account:
            return gettext("file erased, also when its account loses somebody")
        if self.goes_unopened:
            return gettext("file erased, also when it cannot be opened")
        if self.listed:
            return gettext("file erased; other people’s are listed when they mention an address")
        return super().get_label()

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        if self.goes_unopened and not self.mentions:
            return "goes when it cannot be opened, but is not opened: say mentions=True."
        if self.listed and self.may_go_alone:
            return "is listed and stays, or goes without its row: say one of them."
        return "" if isinstance(field, models.FileField) else "is no file column."


# ---------------------------------------------------------------- what stays


@dataclass(frozen=True, kw_only=True)
class WithRow(StaysAsItIs, Treatment):
    """The column says something of the person in the row's :class:`Delete` column, and goes with the row."""

    label = _("goes with its row")
    needs_row_taken = True


@dataclass(frozen=True)
class Keep(StaysAsItIs, Reasoned):
    """The column is left alone, for a reason that somebody who reads the data map understands."""

    label = _("kept")
    kept = True
    unreasoned = "is kept without a reason."
    why = "Say why it cannot name a person."

    def misfit(self, model: type[models.Model], field: models.Field[Any, Any]) -> str:
        if columns.is_person(model) or not columns.points_at(field, settings.AUTH_USER_MODEL):
            return ""
        return "is a relation to a person and is kept: the person could never be deleted."


@dataclass(frozen=True)
class Draft:
    """A line that ``purge_rules --draft`` proposes and nobody has judged yet. The check refuses it: whoever has thought
    about the column takes ``Draft(…)`` away, or writes another rule."""

    rule: Rule


@dataclass(frozen=True)
class ModelRules:
    """The rules of one model.

    ``model``: "app_label.ModelName" (an automatic many-to-many table: "app_label.Model_field").
    ``noun``: what an administrator calls the rows, plural ("enrolments", "quiz scores").
    ``account``: path from a row to its account's id ("user__account", "account", "pk" for the account itself);
    None for rows of no account, which are in the scope of every purge.
    ``staff_is_everybodys``: a row of the platform's own people (:meth:`purge.host.Host.staff_account_ids`) is of no
    account, since what they did may concern every customer.
    ``columns``: field name → treatment. Fields with a fixed set of ``choices`` and foreign keys to rows that no purge
    deletes need no line.
    """

    model: str
    noun: str
    account: str | None
    columns: Mapping[str, Rule | Draft]
    staff_is_everybodys: bool = False


@dataclass(frozen=True)
class ExemptTable:
    """A table of the catalogue that no rule looks at, with the reason why it cannot hold a person. The proof reads it
    all the same.

    ``table``: of another schema (SQLite: another file) "schema.table", or "schema.*" for all of it. A foreign table's
    reason says who erases where its rows are: nobody reads them here.
    ``decoded_by``: column → how the patrol reads it (see :class:`Reasoned`).
    """

    table: str
    reason: str
    decoded_by: Mapping[str, Decoder] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return self.table


@dataclass(frozen=True)
class ExemptColumn:
    """A column of a model's table that the model does not know, with the reason why it cannot hold a person."""

    table: str
    column: str
    reason: str

    @property
    def place(self) -> str:
        return column_place(self.table, self.column)


@dataclass(frozen=True)
class ExemptSideEffect:
    """What the database does by itself when rows of a table change, with the reason why it keeps nothing of a person
    and takes nothing of anybody else.

    ``name``: of a trigger, of a rule (CREATE RULE), or of a foreign key that deletes or changes rows with those of
    ``table`` (ON DELETE CASCADE), with its own table: "enrolments.enrolments_user_id_fkey"; on SQLite, where it has no
    name, its column: "enrolments.user_id".
    """

    table: str
    name: str
    reason: str

    @property
    def place(self) -> str:
        return side_effect_place(self.table, self.name)


@dataclass(frozen=True)
class ExemptLargeObjects:
    """PostgreSQL's large objects, with the reason why they cannot hold a person. The proof reads them all the same."""

    reason: str

    @property
    def place(self) -> str:
        return LARGE_OBJECTS


Exempt = ExemptTable | ExemptColumn | ExemptSideEffect | ExemptLargeObjects

#: What stands for all large objects.
LARGE_OBJECTS: Final = "large objects"


def column_place(table: str, column: str) -> str:
    return f"{table}.{column}"


def side_effect_place(table: str, name: str) -> str:
    return f"{table} ({name})"


@dataclass(frozen=True)
class RefreshedView:
    """A materialized view, whose rows a purge makes anew before it is proved; listed in ``VIEWS`` of a ``purge_rules``,
    a view that reads another behind that.

    ``view``: its name, of another schema "schema.view". Nobody who reads it has to wait where it has a unique index.
    """

    view: str


# ---------------------------------------------------------------- consequences


@dataclass(frozen=True)
class Context:
    """What a consequence may know: the request's database id and its readable reference, nothing personal.

    ``account_id``: the account that asked for the purge; None for the identity provider.
    """

    request_id: int
    reference: str
    account_id: int | None = None

    def reference_for(self, account_id: int) -> str:
        """The request ID, as an account may read it: '' where another one asked. No customer learns about another."""
        return self.reference if account_id == self.account_id else ""


@dataclass(frozen=True)
class Fact:
    """What a consequence changed, for the request page and the notifications; made by :meth:`Consequence.fact`.

    ``kind``: of the consequence; ``model``: the row's label; ``pk``: the row; ``account_id``: whose administrators have
    to act.
    """

    kind: str
    account_id: int
    model: str
    pk: int


@dataclass(frozen=True)
class Foretold:
    """A row that a consequence would change, for whoever decides whether to purge.

    ``row``: an instance of :attr:`Consequence.model`; ``sentence``: what would happen to it, translated;
    ``affects_others``: whether people who stay would notice, so that the page asks twice. ``counts``: whether it is one
    of those that :attr:`Consequence.counted` counts.
    """

    row: Any
    sentence: str
    affects_others: bool = False
    counts: bool = True


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """Something that a purge leaves for people to do, declared once, in ``CONSEQUENCES`` of the owning app's
    ``purge_rules``. The registry hands it to the request page, to notification and mail, and to the confirmation.

    ``kind``: a word for it, the same for good: it is stored with each row that is left to do.
    ``path``: dotted path of the function that :attr:`Treatment.then` names; empty where the engine itself finds it.
    ``label``: what is to be done about one row; the page puts the row's name behind it.
    ``news``: the same for several rows, as a sentence of the notification and its mail.
    ``page``: name of the admin's page that lists the rows; empty: the request's own page does.

    For the confirmation of a purge, all or none:
    ``foretold``: dotted path of a function that says what would happen and changes nothing, called as
    ``foretold(pks={label: [pk, …]}, people=[pk, …], account_id=pk)`` with the rows that would be changed and the people
    who would go, returning a list of :class:`Foretold` of that account.
    ``model``: label of the rows that it returns.
    ``came``, ``went``: said, with ``%(name)s``, of a row that has come or gone since the page was shown, which is then
    shown again; empty: not worth that.
    ``counted``: of how many rows it is, with ``%(n)d`` in it (``ngettext_lazy(…, "n")``); empty: not counted.
    """

    kind: str
    label: str | Promise
    news: str | Promise
    path: str = ""
    page: str = ""
    model: str = ""
    foretold: str = ""
    came: str | Promise = ""
    went: str | Promise = ""
    counted: Any = ""

    def fact(self, *, account_id: int, model: str, pk: int) -> Fact:
        return Fact(kind=self.kind, account_id=account_id, model=model, pk=pk)
