"""What came out: a summary for people, and every mutant for machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.mutants.mutant import Verdict

#: Mutants that change nothing that anybody could see, each with the reason. At most :data:`MOST` of all.
NO_CHANGE: dict[str, str] = dict.fromkeys(
    (
        "messaging.SavedReportShare.report: no line",
        "learning.ModuleGrade.enrolment: no line",
        "learning.QuizAttempt.enrolment: no line",
        "learning.QuizAnswer.attempt: no line",
        "learning.Submission.enrolment: no line",
        "learning.ChecklistReview.enrolment: no line",
        "learning.ChecklistItem.review: no line",
        "learning.Comment.post: no line",
        "learning.Comment.parent: no line",
        "learning.Mention.post: no line",
        "learning.Mention.comment: no line",
    ),
    "a reference to something else than a person needs no line; it is there for who reads the data map",
) | dict.fromkeys(
    (
        "decoder of django_q_task.args",
        "decoder of django_q_task.kwargs",
        "decoder of django_q_task.result",
        "decoder of lms_cache.value",
    ),
    "the proof reads runs of base64 in every column by itself; what is compressed only a decoder reads",
)
MOST = 0.02


@dataclass(frozen=True)
class Report:
    verdicts: Sequence[Verdict]
    seconds: float

    @property
    def survivors(self) -> list[Verdict]:
        return [verdict for verdict in self.verdicts if not verdict.noticed]

    @property
    def holes(self) -> list[Verdict]:
        """Survivors that nobody has explained."""
        return [verdict for verdict in self.survivors if verdict.mutant.name not in NO_CHANGE]

    @property
    def outdated(self) -> list[str]:
        """What is listed as no change and is noticed."""
        return [v.mutant.name for v in self.verdicts if v.noticed and v.mutant.name in NO_CHANGE]

    @property
    def passed(self) -> bool:
        explained = len(self.survivors) - len(self.holes)
        few = explained <= max(1, MOST * len(self.verdicts))
        return bool(self.verdicts) and not self.holes and not self.outdated and few

    def closing(self) -> str:
        lines = [f"{len(self.verdicts)} mutants, {len(self.verdicts) - len(self.survivors)} noticed."]
        lines += [f"SURVIVED, a hole in the tests: {verdict.mutant.name}" for verdict in self.holes]
        lines += [f"Listed as no change, and noticed: {name}" for name in self.outdated]
        return "\n".join(lines)

    def markdown(self) -> str:
        """The committed table."""
        rows = []
        for group in dict.fromkeys(verdict.mutant.group for verdict in self.verdicts):
            of_group = [verdict for verdict in self.verdicts if verdict.mutant.group == group]
            left = sum(not verdict.noticed for verdict in of_group)
            rows.append(f"| {group} | {len(of_group)} | {len(of_group) - left} | {left} |")
        left = len(self.survivors)
        total = f"| all | {len(self.verdicts)} | {len(self.verdicts) - left} | {left} |"
        lines = [
            "# Mutants",
            "",
            f"`./test --mutants`, on SQLite, in {self.seconds / 60:.0f} minutes. Every one: `results.json`.",
            "",
            "| group | mutants | noticed | no change |",
            "| --- | ---: | ---: | ---: |",
            *rows,
            total,
            "",
            "## No change",
            "",
            "The whole database is the same with and without them, column by column (`dumps.py`).",
            "",
            *(f"- `{v.mutant.name}`: {NO_CHANGE.get(v.mutant.name, 'NOT EXPLAINED')}" for v in self.survivors),
        ]
        return "\n".join(lines) + "\n"

    def as_json(self) -> list[dict[str, Any]]:
        return [
            {"group": v.mutant.group, "name": v.mutant.name, "by": v.by, "noticed": _words(v.noticed)}
            for v in self.verdicts
        ]


def _words(noticed: str) -> str:
    """Cut, and without what differs from run to run."""
    return noticed.split(" is ")[0][:120]
