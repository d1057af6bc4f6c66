"""The figures by name, in the order in which they run. README.md says more of each."""

#: Name → what is measured.
NAMES = {
    "light": "2: whole purge of 50 light people, against hand-written SQL",
    "heavy": "1, 13: whole purge of 50 heavy people, against hand-written SQL; the verification's share",
    "django": "3: Django's own ways, against ours",
    "memory": "4: extra peak memory of a worker",
    "confirmation": "9: the confirmation page",
    "growth": "5: cost per row at four times the data",
    "finding": "6: finding the rows that mention an address",
    "rewriting": "7: rewriting texts, and what the address index costs a writer",
}
#: Measured at both sizes, and on PostgreSQL or SQLite alike.
AT_TWO_SIZES = ("growth", "finding", "rewriting")
#: Figures that only PostgreSQL has.
POSTGRES_ONLY: tuple[str, ...] = ()
