"""The figures by name, in the order in which they run. README.md says more of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from bench.figures import Figure


class Entry(NamedTuple):
    """``label``: what is measured. ``path``: the dotted name of its function, which needs Django set up; "" where two
    revisions are measured side by side, in processes of their own."""

    label: str
    path: str = ""


FIGURES = {
    "plain": Entry("the plain flow, beside another revision's (--against REV)"),
    "engine": Entry("whole purges, verification and a pass over every text, beside another revision's (--against REV)"),
    "batches": Entry("16: many light people in batches, beside another revision's fifty at a time (--against REV)"),
    "light": Entry("2: whole purge of 50 light people, against hand-written SQL", "bench.figures.light"),
    "heavy": Entry(
        "1, 13: whole purge of 50 heavy people, against hand-written SQL; the verification's share",
        "bench.figures.heavy",
    ),
    "patrol": Entry("13: a patrol pass over every text, against one extraction pass in SQL", "bench.figures.patrol"),
    "django": Entry("3: Django's own ways, against ours", "bench.figures.django"),
    "many": Entry(
        "17: many light people in batches, against SQL for a thousand at a time", "bench.batches.against_sql"
    ),
    "idle": Entry("18: one light person by an idle worker, against the same without queue", "bench.batches.idle"),
    "batch-memory": Entry("19: extra peak memory, a big batch / fifty people", "bench.batches.memory"),
    "memory": Entry("4: extra peak memory of a worker", "bench.figures.memory"),
    "confirmation": Entry("9: the confirmation page", "bench.figures.confirmation"),
    "others": Entry("10: what other people's traffic notices of a heavy purge", "bench.concurrency.others"),
    "together": Entry("11: four requests at once", "bench.concurrency.together"),
    "disturbed": Entry("12: five kills; an old snapshot", "bench.concurrency.disturbed"),
    "import": Entry("14: import of a CSV file, against COPY and merge; its memory", "bench.screens.importing"),
    "growth": Entry("5: cost per row at four times the data", "bench.figures.growth"),
    "finding": Entry("6: finding the rows that mention an address", "bench.figures.finding"),
    "rewriting": Entry("7: rewriting texts, and what the address index costs a writer", "bench.figures.rewriting"),
    "list": Entry("8: User Cleanup over a million deleted users and over a thousand", "bench.screens.cleanup_list"),
    "backlog": Entry("15: a backlog, with one worker and with two", "bench.concurrency.backlog"),
}
#: Measured without the data set, with two revisions' own processes and databases.
SIDE_BY_SIDE = ("plain", "engine", "batches")
#: Measured at both sizes: their results are ratios.
AT_TWO_SIZES = ("growth", "finding", "rewriting")
#: Measured at the second size only: they need many people, or leave many behind.
AT_THE_END = ("list", "backlog")
#: Figures with other processes that write: on SQLite one writer waits for another, whatever they do.
POSTGRES_ONLY = ("others", "together", "disturbed", "import", "backlog", "many", "idle")


def figure(name: str) -> Figure:
    """The function that measures it."""
    return cast("Figure", import_string(FIGURES[name].path))
