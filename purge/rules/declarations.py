"""The words in which an app declares its personal data.

An app lists, in its ``purge_rules.py``, a :class:`ModelRules` for each of its models: a line per column that says
what a purge does to it, and the path from a row to its account. A rule is a query and a way to make that query
empty; :mod:`purge.rules.registry` compiles the declarations, everything else reads them from there.

Nothing here touches the database, so models, migrations and checks may import it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.utils.functional import Promise

from purge.rules.decoders import Decoder


class Now:
    """Stands for the time of the statement, in :attr:`Treatment.also`."""


NOW: Final = Now()


@dataclass(frozen=True, kw_only=True)
class Treatment:
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
    """A treatment of rows that point at a purged person.

    ``via``: path from the row to the person's foreign key, where the column itself is not that key (a grandchild that
    does not carry the person's id); empty means the column itself.
    """

    via: str = ""


@dataclass(frozen=True, kw_only=True)
class Delete(PersonTreatment):
    """The row is about the person and goes."""


@dataclass(frozen=True, kw_only=True)
class DeleteAbout(PersonTreatment):
    """A generic relation: the row goes when it points at the person. Declared on the object-id column."""

    content_type: str = "content_type"


@dataclass(frozen=True, kw_only=True)
class Withdraw(PersonTreatment):
    """What the person wrote for others: the row goes, unless other rows still hang on it; then it stays, emptied.

    ``referenced_by``: the foreign keys ("app.Model.column") that may hold it. ``empty``: the columns set in a row that
    stays (the person's key becomes null).
    """

    referenced_by: tuple[str, ...] = ()
    empty: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Detach(PersonTreatment):
    """The row is about something else: its reference becomes null."""


@dataclass(frozen=True, kw_only=True)
class HandOver(PersonTreatment):
    """The row stays and passes to the account's heir (null where there is none)."""


@dataclass(frozen=True, kw_only=True)
class Unassign(PersonTreatment):
    """A row of a link table goes: the person leaves a group, a session, a board.

    ``then_of``: the column of the link row whose value the consequence is told (the session, the group).
    """

    then_of: str = ""


# ---------------------------------------------------------------- the person's addresses, in other rows


@dataclass(frozen=True, kw_only=True)
class AddressTreatment(Treatment):
    """A treatment of rows that mention an address to be taken out, in the accounts that the route cleans.

    ``but_own``: columns of the row that hold the identities (addresses, logins) of the person whom the row is. What
    names them by such an identity is theirs: the row of a user who stays keeps it.
    """

    but_own: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Blank(AddressTreatment):
    """One value, e.g. an address or a filter: emptied (null where the column allows it) when it names the person.

    ``login``: the value may also be, or name, the person's login (adobe_id): compared as a whole word, by its identity
    key. ``expression``: it is no one value but a filter, in which an address or login can stand.
    """

    login: bool = False
    expression: bool = False


@dataclass(frozen=True, kw_only=True)
class TakeOut(AddressTreatment):
    """A list of addresses (text with ``;``, ``,`` or line breaks between them, or a JSON list): only theirs leave."""


@dataclass(frozen=True, kw_only=True)
class Redact(AddressTreatment):
    """Free text or JSON: the address is replaced wherever it stands, in any of its writings; the rest stays.

    ``numbered``: the row's number is written behind a text in which something was replaced, cut to the column's width.
    For columns that are unique: "friends of a@x.org" and "friends of b@x.org" become two different texts.
    """

    numbered: bool = False


@dataclass(frozen=True)
class EndRow:
    """Something made for the moment, such as a browser's session: a row that mentions an address ends with the pass
    that meets it. Only the proof reads such a column; no plan has a step for it. ``reason``: why the row may go at any
    time. ``decoded_by``: see :class:`Keep`.
    """

    reason: str
    decoded_by: Decoder | None = None


# ---------------------------------------------------------------- files


@dataclass(frozen=True, kw_only=True)
class EraseFile(Treatment):
    """A stored file. It always goes when its row goes.

    ``mentions``: also when its text mentions an address to be taken out; the row stays with an empty file name.
    ``whole_account``: also when its account loses a person, or when another such file of the account mentions an
    address. ``uploaded``: the column with the time of upload, so that ``whole_account`` takes only what was stored
    before the request was accepted. ``at_work``: columns and their values while the app reads the file; such a file is
    left to it, unless it mentions an address, and the app erases it as soon as it is done (``also`` is set at once).
    """

    mentions: bool = False
    whole_account: bool = False
    uploaded: str = ""
    at_work: Mapping[str, Any] = field(default_factory=dict)


# ---------------------------------------------------------------- what stays


@dataclass(frozen=True, kw_only=True)
class WithRow(Treatment):
    """The column says something of the person in the row's :class:`Delete` column, and goes with the row.

    ``closed``: for a text, why nobody can type there (see :class:`Keep`).
    """

    closed: str = ""


@dataclass(frozen=True)
class Keep:
    """The column is left alone, for a reason that somebody who reads the data map understands.

    ``closed``: for a text that has room for an address, why nobody can type one there: who writes the column, or what
    refuses the address. Whatever anybody can type into a column that is kept would be found by the verification, and no
    purge of that address could ever complete.
    ``decoded_by``: how the patrol reads a column that the database cannot read; the reason then says that it is read
    decoded. Neither goes without the other.
    """

    reason: str
    closed: str = ""
    decoded_by: Decoder | None = None


@dataclass(frozen=True)
class Draft:
    """A line that ``purge_rules --draft`` proposes and nobody has judged yet. The check refuses it: whoever has thought
    about the column takes ``Draft(…)`` away, or writes another rule."""

    rule: Treatment | Keep


Rule = Treatment | Keep | EndRow


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
    """A table of the catalogue that no rule looks at, with the reason why it cannot hold a person.

    ``decoded_by``: column → how the patrol reads it (see :class:`Keep`).
    """

    table: str
    reason: str
    decoded_by: Mapping[str, Decoder] = field(default_factory=dict)


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
    ``affects_others``: whether people who stay would notice, so that the page asks twice.
    """

    row: Any
    sentence: str
    affects_others: bool = False


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

    def fact(self, *, account_id: int, model: str, pk: int) -> Fact:
        return Fact(kind=self.kind, account_id=account_id, model=model, pk=pk)
