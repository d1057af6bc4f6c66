"""The figures by name, in the order in which they run. README.md says more of each."""

#: Name → what is measured.
NAMES = {
    "plain": "the plain flow, beside another revision's (--against REV)",
    "engine": "whole purges of 50 light and of 50 heavy people, beside another revision's (--against REV)",
    "light": "2: whole purge of 50 light people, against hand-written SQL",
    "heavy": "1, 13: whole purge of 50 heavy people, against hand-written SQL; the verification's share",
    "patrol": "13: a patrol pass over every text, against one extraction pass in SQL",
    "django": "3: Django's own ways, against ours",
    "memory": "4: extra peak memory of a worker",
    "confirmation": "9: the confirmation page",
    "others": "10: what other people's traffic notices of a heavy purge",
    "together": "11: four requests at once",
    "disturbed": "12: five kills; an old snapshot",
    "import": "14: import of a CSV file, against COPY and merge; its memory",
    "growth": "5: cost per row at four times the data",
    "finding": "6: finding the rows that mention an address",
    "rewriting": "7: rewriting texts, and what the address index costs a writer",
    "list": "8: User Cleanup over a million deleted users and over a thousand",
    "backlog": "15: a backlog, with one worker and with two",
}
#: Measured without the data set, with two revisions' own processes and databases.
SIDE_BY_SIDE = ("plain", "engine")
#: Measured at both sizes: their results are ratios.
AT_TWO_SIZES = ("growth", "finding", "rewriting")
#: Measured at the second size only: they need many people, or leave many behind.
AT_THE_END = ("list", "backlog")
#: Figures with other processes that write: on SQLite one writer waits for another, whatever they do.
POSTGRES_ONLY = ("others", "together", "disturbed", "import", "backlog")
