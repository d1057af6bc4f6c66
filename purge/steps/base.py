"""A step: what is found and made empty together. A kind of step is a class, in a file of its own."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from django.utils.translation import gettext as _

from purge.routes.scope import Scope
from purge.rules.registry import ModelEntry
from purge.steps.statement import Question
from purge.steps.work import Outcome, StepRun, TextScan

#: Rows named one by one on a page (what stops, what somebody has to mend).
MOST_NAMED = 200


class Measured(NamedTuple):
    """What one step would change: rows, how many of them are of the account that asked, and some rows whose change has
    a consequence, by its dotted path."""

    rows: int
    own: int
    consequences: dict[str, list[int]]


NOTHING = Measured(0, 0, {})


@dataclass(frozen=True)
class Counting:
    """What the steps of a plan share while they are counted.

    ``answers``, ``own_answers``: to what they ask together, by their keys: of everybody, and of the people of the
    account that asked. ``cap``: no step counts on after so many rows. ``named``: also say which rows have
    consequences. ``scan``: remembers what is found in the texts.
    """

    scope: Scope
    answers: Mapping[str, int]
    own_answers: Mapping[str, int]
    cap: int | None = None
    named: bool = True
    scan: TextScan | None = None


@dataclass(frozen=True)
class Step(ABC):
    """One step of a plan: some rows of one model.

    ``by_key``: its rows are found by a key, so that a statement takes as many as fit the time, and never more than
    planned. Else rows are read, and only what stands in them says whether they are treated.
    ``hands_over``: the rows stay and become somebody else's.
    ``erases_files``: it is stored files that go.
    """

    entry: ModelEntry

    by_key: ClassVar[bool] = False
    erases_files: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def needed(cls, scope: Scope) -> bool:
        """Whether a scope has anything that steps of this kind take away."""

    @classmethod
    @abstractmethod
    def of(cls, entry: ModelEntry) -> Iterator[Self]:
        """The steps of this kind that the rules of a model give, in order."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Says for good which step it is: plans are stored by it, and go on under the next release."""

    @property
    @abstractmethod
    def label(self) -> str:
        """What an administrator reads while it runs, in the reader's language."""

    @property
    def noun(self) -> str:
        """What administrators call the rows, in the reader's language."""
        return _(self.entry.rules.noun)

    @property
    def hands_over(self) -> bool:
        return False

    @property
    def has_consequences(self) -> bool:
        """Whether somebody may have to be told by name what it changes: what stops working, or has to be mended."""
        return False

    # ------------------------------------------------------------ what it has to do

    def work_question(self, scope: Scope) -> Question | None:
        """What tells whether there is anything to do, asked together with the others'. None: nothing is asked."""
        return None

    def count_question(self, scope: Scope, cap: int | None) -> Question | None:
        """What :meth:`count` is given the answer to."""
        return self.work_question(scope)

    @abstractmethod
    def has_work(self, answers: Mapping[str, int]) -> bool:
        """Whether there may be something to do, by the answers to what was asked."""

    @abstractmethod
    def count(self, counting: Counting) -> Measured:
        """How many rows it would change. Changes nothing."""

    def left(self, scope: Scope, *, most: int) -> int:
        """How many rows are left now, at most ``most``: 0 where only reading would tell."""
        return 0

    @property
    def reads_all(self) -> bool:
        """Whether only reading every row says that nothing is to be done, which a plan does not ask for."""
        return False

    @property
    def follows_its_plan(self) -> bool:
        """Whether a sweep that comes right after the plan relies on what was counted, and does not ask once more: what
        is written in between is the verification's to find."""
        return False

    def stays_done(self, *, last_pass: bool) -> bool:
        """Whether a step that was done is not asked again: what was written meanwhile is the verification's to find.

        Reading every text once more would keep every other writer of SQLite waiting.
        """
        return last_pass and self.reads_all

    # ------------------------------------------------------------ doing it

    @abstractmethod
    def run(self, run: StepRun, *, limit: int, cursor: int = 0) -> Outcome:
        """Do at most ``limit`` rows, those after ``cursor``, in the caller's transaction."""
