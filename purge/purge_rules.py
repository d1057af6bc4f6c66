"""What a purge does to its own tables, to Django's and to the queue's."""

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from purge.choices import NoticeState
from purge.rules import (
    NOW,
    Blank,
    Consequence,
    Detach,
    Evidence,
    ExemptTable,
    GoesAfter,
    Keep,
    ModelRules,
    Redact,
    pickled_text,
    signed_text,
)

BY_CODE = "written by code alone: fixed words, numbers, names of tables and columns"
OWN_WORD = Keep(_("a word or number of the engine's own; nobody types it"), closed=BY_CODE)
DIGEST = Keep(_("a keyed hash, from which nobody can read the identifier"), closed="written by code alone, as digits")
DIGESTS = Keep(_("keyed hashes, from which nobody can read the identifiers; no texts"))
RANDOM = "written by code alone, of random letters and digits"
TASK = Keep(_("a task's name and where it came from, set by code"), closed=BY_CODE)
PICKLED = Keep(
    _("a task's arguments and result are ids and fixed words; the patrol reads them decoded"),
    closed=BY_CODE,
    decoded_by=pickled_text,
)
CHAIN = Keep(_("the name of a file of the purge log: installation, machine and moment"), closed=BY_CODE)

#: Found by the engine itself when the people are gone. Whoever is told can act on no row: the request's page says all.
HEADLESS = Consequence(
    kind="account_without_administrator",
    label=gettext_lazy("Account has no active Administrator"),
    news=gettext_lazy("An account has no active Administrator any more: give somebody there the role."),
)

CONSEQUENCES = [HEADLESS]

RULES = [
    ModelRules(
        "purge.PurgeRequest",
        _("purge requests"),
        "account_id",
        {
            "reference": Keep(_("the request ID, a random text"), closed=RANDOM),
            "replays": Keep(_("the ID of the request that is asked for again, a random text"), closed=RANDOM),
            "initiator": Detach(),
            "external_reference": Keep(
                _("the sender's opaque number; one that names the person is refused"),
                closed="letters, digits and - _ . : / alone, and none that names the person of the message",
            ),
            "policy": OWN_WORD,
            "begun_by": OWN_WORD,
            "key_fingerprint": OWN_WORD,
            "held_reason": OWN_WORD,
            "error_class": Keep(_("the class of an error, never its message"), closed=BY_CODE),
            "error_step": Keep(_("the step of the plan or the table in which an error happened"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "purge.Subject", _("people of purge requests"), None, {"earlier_state": OWN_WORD, "stuck_table": OWN_WORD}
    ),
    ModelRules(
        "purge.Identifier",
        _("captured identifiers"),
        None,
        {
            "value": Keep(
                _("needed while the request is open; the row is deleted in the closing transaction"),
                closed="written by code alone, and in no other request's reach: the row goes with its request",
            ),
            "form": OWN_WORD,
            "written": Keep(
                _("needed while the request is open; the row is deleted in the closing transaction"),
                closed="written by code alone, and in no other request's reach: the row goes with its request",
            ),
        },
    ),
    ModelRules(
        "purge.IdentifierSet",
        _("what is searched for"),
        None,
        {
            "everywhere": DIGESTS,
            "there": DIGESTS,
            "names": DIGESTS,
            "kinds": Keep(_("counts of kinds of identifiers"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "purge.SuppressionHash",
        _("suppression hashes"),
        None,
        {"digest": DIGEST, "form": OWN_WORD, "key_fingerprint": OWN_WORD},
    ),
    ModelRules("purge.PurgeStep", _("steps"), None, {"key": OWN_WORD, "words": OWN_WORD}),
    ModelRules("purge.ReachedRows", _("rows that were reached"), "account_id", {"model": OWN_WORD}),
    ModelRules(
        "purge.DoomedFile",
        _("files to erase"),
        None,
        {"name": Keep(_("an opaque storage name; the row is deleted in the closing transaction"), closed=RANDOM)},
    ),
    ModelRules(
        "purge.FileReading",
        _("files that were read"),
        None,
        {
            "model": OWN_WORD,
            "digest": Keep(
                _("a digest of row numbers and opaque storage names"),
                closed="written by code alone, as digits",
            ),
        },
    ),
    ModelRules(
        "purge.UnopenedFile",
        _("files that could not be opened"),
        "account_id",
        {
            "table": Keep(_("the name of a table of the database"), closed=BY_CODE),
            "column": Keep(_("the name of a column of the database"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "purge.PossibleMention",
        _("places that may mention an ID"),
        "account_id",
        {
            "table": Keep(_("the name of a table of the database"), closed=BY_CODE),
            "column": Keep(_("the name of a column of the database"), closed=BY_CODE),
            "row": Keep(_("a primary key, never a value"), closed=BY_CODE),
        },
    ),
    ModelRules("purge.Established", _("how far it was looked"), None, {"store": OWN_WORD, "level": OWN_WORD}),
    ModelRules(
        "purge.NotCovered",
        _("what a purge did not reach"),
        None,
        {
            "kind": OWN_WORD,
            "name": Keep(
                _("a standby, a replication slot, a table or a cache, as database and settings call it"),
                closed=BY_CODE,
            ),
        },
    ),
    ModelRules(
        "purge.Residue",
        _("residue"),
        None,
        {
            "table": Keep(_("the name of a table of the database"), closed=BY_CODE),
            "column": Keep(_("the name of a column of the database"), closed=BY_CODE),
            "row": Keep(_("a primary key, never a value"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "purge.FollowUp",
        _("follow-ups"),
        "account_id",
        {"kind": OWN_WORD, "model": OWN_WORD, "done_by": Detach(), "marked": OWN_WORD},
    ),
    ModelRules(
        "purge.LedgerEntry",
        _("ledger entries"),
        None,
        {
            "event": OWN_WORD,
            "actor": Detach(),
            "facts": Keep(_("counts, ids and names of events only"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "purge.RegisterNote",
        _("notes for the register"),
        "account_id",
        {
            "ticket": Keep(
                _("the number of a ticket; one that names a person of the request is refused"),
                closed="at most 40 characters without @ and blanks, which may not name a person of the request",
            ),
            "reason": Redact(),
            "changed_by": Detach(),
        },
    ),
    ModelRules(
        "purge.ImsNotice",
        _("identity-provider notices"),
        "account_id",
        {
            "user": Detach(also={"state": NoticeState.PURGED, "identifier": "", "closed_at": NOW}),
            "identifier": Blank(also={"state": NoticeState.PURGED, "closed_at": NOW}),
            "closed_by": Detach(),
        },
    ),
    ModelRules("purge.LookUp", _("look-ups"), "account_id", {"actor": Detach(), "digest": DIGEST, "form": OWN_WORD}),
    ModelRules("purge.StaffNamesShown", _("names shown in reports"), "account_id", {"actor": Detach()}),
    ModelRules("purge.EvidencePeriod", _("periods of evidence"), None, {"kind": OWN_WORD}),
    ModelRules("purge.EvidenceCount", _("counts of earlier purges"), "account_id", {}),
    ModelRules("purge.PatrolPass", _("patrol passes"), None, {"armed_by": OWN_WORD}),
    ModelRules("purge.RestoreDrill", _("drills of restored backups"), None, {}),
    ModelRules(
        "purge.WorkerBeat",
        _("signs of life"),
        None,
        {
            "name": Keep(_("the name of a queue"), closed="made of the machine's process numbers by code"),
            "trouble": OWN_WORD,
        },
    ),
    ModelRules("purge.Lease", _("leases"), None, {"name": OWN_WORD}),
    ModelRules("purge.Standstill", _("what keeps purges from going on"), None, {"code": OWN_WORD}),
    ModelRules(
        "purge.Installation",
        _("this installation"),
        None,
        dict.fromkeys(("server_system", "server_timeline", "releases", "people_keyed_by"), OWN_WORD),
    ),
    ModelRules("purge.JournalMark", _("places of requests in the purge log"), None, {"chain": CHAIN}),
    ModelRules("purge.JournalChain", _("files of the purge log"), None, {"name": CHAIN, "digest": OWN_WORD}),
    ModelRules(
        "purge.JournalAlarm",
        _("differences between database and purge log"),
        None,
        {
            "chain": CHAIN,
            "reference": Keep(_("the request ID, a random text"), closed=RANDOM),
            "event": OWN_WORD,
        },
    ),
    # Django's and the queue's
    ModelRules("contenttypes.ContentType", _("content types"), None, {"app_label": OWN_WORD, "model": OWN_WORD}),
    ModelRules(
        "auth.Permission",
        _("permissions"),
        None,
        {"name": Keep(_("the words of a permission, set by code"), closed=BY_CODE), "codename": OWN_WORD},
    ),
    ModelRules("auth.Group", _("permission groups"), None, {"name": Redact(numbered=True)}),
    ModelRules(
        "django_q.Schedule",
        _("schedules"),
        None,
        {
            name: Keep(_("schedules are made by code and carry ids only"), closed=BY_CODE)
            for name in ("name", "func", "hook", "args", "kwargs", "cron", "task", "cluster", "intended_date_kwarg")
        },
    ),
    ModelRules(
        "django_q.Task",
        _("finished tasks"),
        None,
        dict.fromkeys(("id", "name", "func", "hook", "group", "cluster"), TASK)
        | dict.fromkeys(("args", "kwargs", "result"), PICKLED),
    ),
    ModelRules(
        "django_q.OrmQ",
        _("queued tasks"),
        None,
        {
            "key": Keep(_("the name of the queue, from the settings"), closed=BY_CODE),
            "payload": Keep(
                _("a signed task whose arguments are ids; the patrol reads it decoded"),
                closed=BY_CODE,
                decoded_by=signed_text,
            ),
        },
    ),
]

PERIODS = [
    GoesAfter(Evidence.LOOK_UPS, "purge.LookUp", "at"),
    GoesAfter(Evidence.LOOK_UPS, "purge.StaffNamesShown", "at"),
]

EXEMPT = [
    ExemptTable("django_migrations", _("names of migrations that ran, written by Django alone")),
]
