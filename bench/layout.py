"""What a person's rows are: how many in which table, heavy and light, and what stands in them.

A row's id is computed from the person's position, so that every table is written as one stream and children know
their parents. Light people have some 30 rows, heavy ones some 6,000.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

WORDS = (
    "The course was finished in time and the result was discussed with the team before the next session began",
    "Please repeat the second module, the questions about safety were not answered as the guideline asks for",
    "Good work, all exercises were handed in, the third one could be shorter and needs a better example",
    "Reminder: the deadline of this learning plan ends on Friday, open the player and complete what is left",
)


@dataclass(frozen=True)
class Catalogue:
    """What an account offers: first ids and numbers, rows of one account are consecutive."""

    account: int
    courses: int
    course: int
    module: int
    session: int
    group: int
    skill: int
    badge: int
    board: int
    post: int
    field: int
    colleague: int
    modules_each: int = 5
    sessions: int = 10
    groups: int = 5
    skills: int = 10
    boards: int = 2
    posts: int = 20


@dataclass(frozen=True)
class Person:
    """``position``: within the batch that is written together; ids of rows follow from it."""

    position: int
    id: int
    address: str
    at: Catalogue
    deleted: bool = False
    #: Somebody of the same account, whose address this person's texts mention.
    colleague_address: str = ""


@dataclass
class Batch:
    """People written together. ``first``: the first id that each table's rows get."""

    people: Sequence[Person]
    counts: dict[str, int]
    first: dict[str, int] = field(default_factory=dict)

    def row(self, model: str, person: Person, number: int) -> int:
        """The id of a person's row."""
        return self.first[model] + person.position * self.counts[model] + number

    def number(self, model: str) -> int:
        return len(self.people) * self.counts[model]

    def lines(self, kind: Kind) -> Iterator[str]:
        """The rows of a table as COPY text, row by row over all people: one person's rows do not lie together."""
        make, first, count = kind.make, self.first[kind.model], self.counts[kind.model]
        for number in range(count):
            for person in self.people:
                yield f"{first + person.position * count + number}\t{make(self, person, number)}"


@dataclass(frozen=True)
class Kind:
    """A table that holds rows of people. ``make``: the named columns of one row, as COPY text."""

    model: str
    columns: tuple[str, ...]
    heavy: int
    light: int
    make: Callable[[Batch, Person, int], str]


def text(person: Person, number: int) -> str:
    """A remark; one in sixteen mentions a colleague's address."""
    words = WORDS[(person.id + number) & 3]
    return f"{words}, ask {person.colleague_address}" if (person.id + number) & 15 == 0 else words


ENROLMENT, GRADE, ATTEMPT, ANSWER = (
    "learning.Enrolment",
    "learning.ModuleGrade",
    "learning.QuizAttempt",
    "learning.QuizAnswer",
)
REVIEW, ITEM, COMMENT, POST = "learning.ChecklistReview", "learning.ChecklistItem", "learning.Comment", "learning.Post"


def _each(batch: Batch, child: str, parent: str) -> int:
    """How many children a parent gets."""
    return -(-batch.counts[child] // batch.counts[parent])


def _course(person: Person, number: int) -> int:
    return number % person.at.courses


def _module(person: Person, course: int, number: int) -> int:
    return person.at.module + course * person.at.modules_each + number % person.at.modules_each


def _grade(b: Batch, p: Person, n: int) -> str:
    enrolment, module = divmod(n, _each(b, GRADE, ENROLMENT))
    return f"{p.id}\t{b.row(ENROLMENT, p, enrolment)}\t{_module(p, _course(p, enrolment), module)}\t{text(p, n)}"


def _attempt(b: Batch, p: Person, n: int) -> str:
    enrolment = n % b.counts[ENROLMENT]
    return f"{p.id}\t{b.row(ENROLMENT, p, enrolment)}\t{_module(p, _course(p, enrolment), 0)}"


def _answer(b: Batch, p: Person, n: int) -> str:
    attempt, question = divmod(n, _each(b, ANSWER, ATTEMPT))
    return f"{p.id}\t{b.row(ATTEMPT, p, attempt)}\t{question}\t{text(p, n)}"


def _of_enrolment(b: Batch, p: Person, n: int) -> str:
    enrolment = n % b.counts[ENROLMENT]
    module = _module(p, _course(p, enrolment), n)
    return f"{p.id}\t{b.row(ENROLMENT, p, enrolment)}\t{module}\t{text(p, n)}"


def _item(b: Batch, p: Person, n: int) -> str:
    review, position = divmod(n, _each(b, ITEM, REVIEW))
    return f"{p.id}\t{b.row(REVIEW, p, review)}\t{position}\t{text(p, n)[:100]}"


def _mail(b: Batch, p: Person, n: int) -> str:
    return f"{p.at.account}\t{p.id}\t{p.address}\t{text(p, n)}\twelcome"


def _statement(b: Batch, p: Person, n: int) -> str:
    # A fixed UUID for each row: the table's number, then the person's, then the row's.
    row = b.row("connectors.XapiStatement", p, n)
    return (
        f'{p.at.account}\t{p.id}\t00000001-0000-4000-8000-{row:012x}\tmailto:{p.address}\t{{"actor": '
        f'{{"mbox": "mailto:{p.address}"}}, "object": {{"id": "course-{_course(p, n)}"}}}}'
    )


def _mention(b: Batch, p: Person, n: int) -> str:
    return f"{b.row(COMMENT, p, n % b.counts[COMMENT])}\t{p.id}\t{p.at.colleague}"


#: In the order in which they are written: parents first (SQLite).
KINDS = (
    Kind(
        ENROLMENT,
        ("user_id", "course_id", "comment"),
        300,
        2,
        lambda b, p, n: f"{p.id}\t{p.at.course + _course(p, n)}\t{text(p, n)}",
    ),
    Kind(GRADE, ("user_id", "enrolment_id", "module_id", "remark"), 1300, 6, _grade),
    Kind(ATTEMPT, ("user_id", "enrolment_id", "module_id"), 200, 1, _attempt),
    Kind(ANSWER, ("user_id", "attempt_id", "question", "text"), 1400, 4, _answer),
    Kind(REVIEW, ("user_id", "enrolment_id", "module_id", "remarks"), 20, 0, _of_enrolment),
    Kind(ITEM, ("user_id", "review_id", "position", "text"), 200, 0, _item),
    Kind("learning.Submission", ("user_id", "enrolment_id", "module_id", "text"), 20, 0, _of_enrolment),
    Kind(
        "learning.Feedback",
        ("user_id", "course_id", "learner_text"),
        60,
        0,
        lambda b, p, n: f"{p.id}\t{p.at.course + _course(p, n)}\t{text(p, n)}",
    ),
    Kind(
        "learning.Attendance",
        ("user_id", "session_id", "remark"),
        90,
        0,
        lambda b, p, n: f"{p.id}\t{p.at.session + n % p.at.sessions}\t{text(p, n)}",
    ),
    Kind("learning.PointEntry", ("user_id", "points"), 700, 3, lambda b, p, n: f"{p.id}\t{n}"),
    Kind(
        "learning.AssignedSkill",
        ("user_id", "skill_id"),
        60,
        1,
        lambda b, p, n: f"{p.id}\t{p.at.skill + (p.id + n) % p.at.skills}",
    ),
    Kind(
        "learning.AwardedBadge",
        ("user_id", "badge_id", "evidence"),
        30,
        0,
        lambda b, p, n: f"{p.id}\t{p.at.badge}\t{text(p, n)}",
    ),
    Kind(
        "learning.Certificate",
        ("user_id", "course_id", "number"),
        20,
        0,
        lambda b, p, n: f"{p.id}\t{p.at.course + _course(p, n)}\tC-{p.id}-{n}",
    ),
    Kind("users.LoginEvent", ("user_id", "ip_address"), 600, 4, lambda b, p, n: f"{p.id}\t192.0.2.{n % 250}"),
    Kind("users.UserAudit", ("user_id", "event"), 100, 1, lambda b, p, n: f"{p.id}\tchanged"),
    Kind(
        "users.GroupMember",
        ("user_id", "group_id"),
        20,
        1,
        lambda b, p, n: f"{p.id}\t{p.at.group + (p.id + n) % p.at.groups}",
    ),
    Kind("messaging.MailLog", ("account_id", "recipient_id", "recipient_email", "body", "kind"), 400, 2, _mail),
    Kind(
        "messaging.Notification",
        ("recipient_id", "account_id", "kind", "text"),
        250,
        1,
        lambda b, p, n: f"{p.id}\t{p.at.account}\tcompleted\t{text(p, n)}",
    ),
    Kind(
        "connectors.XapiStatement",
        ("account_id", "user_id", "statement_id", "actor_mbox", "statement"),
        250,
        1,
        _statement,
    ),
    Kind(
        "learning.BoardMember",
        ("user_id", "board_id"),
        5,
        1,
        lambda b, p, n: f"{p.id}\t{p.at.board + (p.id + n) % p.at.boards}",
    ),
    Kind(
        POST,
        ("author_id", "board_id", "title", "body"),
        10,
        0,
        lambda b, p, n: f"{p.id}\t{p.at.board}\tA question\t{text(p, n)}",
    ),
    Kind(
        COMMENT,
        ("author_id", "post_id", "body"),
        40,
        1,
        lambda b, p, n: f"{p.id}\t{p.at.post + (p.id + n) % p.at.posts}\t{text(p, n)}",
    ),
    # They named a colleague: the comment stays for a while, the mention goes.
    Kind("learning.Mention", ("comment_id", "author_id", "user_id"), 10, 0, _mention),
)


def counts(*, heavy: bool, scale: float = 1.0) -> dict[str, int]:
    """Rows a person has in each table. ``scale`` below 1 makes heavy people lighter, for a quick look."""
    if not heavy:
        return {kind.model: kind.light for kind in KINDS}
    return {kind.model: max(1, round(kind.heavy * min(scale, 1.0))) for kind in KINDS}
