"""The closed sets of words that models, policy and engine share."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _

from purge.sandbox.unopened import Unopened


class Route(models.TextChoices):
    """The six ways a purge can begin (domain: where it began × kind of the account)."""

    UI_ENTERPRISE = "ui_enterprise", _("Users of an enterprise account")
    UI_TRIAL = "ui_trial", _("Users of a trial account")
    OTHER_ENTERPRISE = "other_enterprise", _("Other user, enterprise account")
    OTHER_TRIAL = "other_trial", _("Other user, trial account")
    IMS_ENTERPRISE = "ims_enterprise", _("Identity provider, enterprise accounts")
    IMS_TRIAL = "ims_trial", _("Identity provider, trial accounts")


class Origin(models.TextChoices):
    """Through which door a request came in."""

    ADMIN = "admin", _("Admin")
    COMMAND = "command", _("Command line")
    RULE = "rule", _("Rule")
    IMS = "ims", _("Identity provider")
    ELSEWHERE = "elsewhere", _("Split off: other accounts")
    REPLAY = "replay", _("Asked again after a restore")


class Reach(models.TextChoices):
    """Which accounts a request works in, of those that its route reaches.

    What has to wait because of other accounts is a request of its own, so that the first one completes by its own
    account alone and its account reads the same whether or not anything exists elsewhere.
    """

    EVERYWHERE = "everywhere", _("All accounts of the route")
    OWN = "own", _("The requesting account only")
    OTHERS = "others", _("All accounts of the route but the requesting one")


class Trust(models.TextChoices):
    """Whether an account's purges reach into other accounts because somebody was a user of it, or only by addresses
    that it has proved to be its own."""

    TRUSTED = "trusted", _("Trusted")
    PROVED = "proved", _("Proved")


class Status(models.TextChoices):
    """Where a request stands. ``completed`` is derived, never set by hand (see the CHECK on the table)."""

    HELD = "held", _("Held")
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    VERIFYING = "verifying", _("Verifying")
    #: Nothing is left where an index looks; a pass over every text has the last word.
    ERASED = "erased", _("Erased, final check to come")
    COMPLETED = "completed", _("Completed")
    RESIDUE = "residue", _("Residue found")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    CANCELLED = "cancelled", _("Cancelled")


class State(models.TextChoices):
    """Where a request stands, for everybody who reads about it (:mod:`purge.standing`)."""

    WAITING = "waiting", _("Waiting")
    IN_PROGRESS = "in_progress", _("In progress")
    NEEDS_HELP = "needs_help", _("Needs help")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class Actor(models.TextChoices):
    """Who has to do something before a request goes on. ``worker``: nobody, it goes on by itself."""

    NOBODY = "nobody", _("nobody")
    WORKER = "worker", _("nothing to do")
    OPERATOR = "operator", _("an operator")
    SUPPORT = "support", _("support")


class Reader(models.TextChoices):
    """Who reads about a request: what somebody may know, and who is meant by "you"."""

    INITIATOR = "initiator", _("the initiator")
    ADMINISTRATOR = "administrator", _("another administrator of the account")
    SUPPORT = "support", _("support")
    OPERATOR = "operator", _("an operator of the platform")
    COMMAND_LINE = "command_line", _("the command line")


#: Statuses in which a request still holds its people.
OPEN_STATUSES = (
    Status.HELD,
    Status.QUEUED,
    Status.RUNNING,
    Status.VERIFYING,
    Status.ERASED,
    Status.RESIDUE,
    Status.NEEDS_ATTENTION,
)
#: Statuses in which a worker may claim it.
CLAIMABLE_STATUSES = (Status.QUEUED, Status.RUNNING, Status.VERIFYING)


class Reason(models.TextChoices):
    """Why a person is in the scope of a request."""

    SELECTED = "selected", _("Selected")
    MATCH = "match", _("Match in a trial account")
    CREATOR = "creator", _("Creator of a trial account")
    MEMBER = "member", _("Member of a trial account whose creator goes")
    KEPT = "kept", _("Kept: creator of a trial account")


class Fate(models.TextChoices):
    """What became of one person of a request."""

    WAITING = "waiting", _("Waiting")
    ERASED = "erased", _("Erased")
    GONE = "gone", _("Already gone")
    KEPT = "kept", _("Kept")
    STUCK = "stuck", _("Cannot be deleted")
    RELEASED = "released", _("Released")


class IdentifierKind(models.TextChoices):
    """What a captured identifier or a suppression hash stands for."""

    EMAIL = "email", _("Email address")
    LOGIN = "login", _("Login")
    UNIQUE_ID = "unique_id", _("Unique User ID")
    PUBLIC_ID = "public_id", _("Public id")


class StepState(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    DONE = "done", _("Done")


class NoticeState(models.TextChoices):
    OPEN = "open", _("Open")
    PURGED = "purged", _("Purged")
    DECLINED = "declined", _("Declined")


class Done(models.TextChoices):
    """Why somebody marked as done what a purge had left to do. Fixed words: no text that could name anybody."""

    BY_HAND = "by_hand", _("done in another way")
    NOT_NEEDED = "not_needed", _("not needed any more")
    ELSEWHERE = "elsewhere", _("somebody else takes care of it")


class AskedBy(models.TextChoices):
    """Who has asked for a purge, for the register. Fixed words: no text that could name anybody."""

    PERSON = "person", _("The person")
    HR = "hr", _("HR")
    MANAGER = "manager", _("Manager")
    WORKS_COUNCIL = "works_council", _("Works council")
    AUTHORITY = "authority", _("Authority")
    OURSELVES = "ourselves", _("Ourselves")


class Basis(models.TextChoices):
    """Why people have to be purged, for the register: the grounds of Art. 17(1) GDPR in their order, and others."""

    NO_LONGER_NEEDED = "no_longer_needed", _("No longer needed (Art. 17(1)(a) GDPR)")
    CONSENT_WITHDRAWN = "consent_withdrawn", _("Consent withdrawn (Art. 17(1)(b) GDPR)")
    OBJECTION = "objection", _("Objection (Art. 17(1)(c) GDPR)")
    UNLAWFUL = "unlawful", _("Processed unlawfully (Art. 17(1)(d) GDPR)")
    LEGAL_OBLIGATION = "legal_obligation", _("Legal obligation to erase (Art. 17(1)(e) GDPR)")
    CHILD = "child", _("Collected from a child (Art. 17(1)(f) GDPR)")
    OTHER_LAW = "other_law", _("Another law")
    CONTRACT = "contract", _("Contract")
    OWN_POLICY = "own_policy", _("Own retention policy")


class UnopenedKind(models.TextChoices):
    """Why a stored file could not be read."""

    ENCRYPTED = Unopened.ENCRYPTED.value, _("encrypted")
    DAMAGED = Unopened.DAMAGED.value, _("damaged")
    LIMIT = Unopened.LIMIT.value, _("too large, or took too long")
    PICTURE = Unopened.PICTURE.value, _("picture, scan, sound or film")
    UNKNOWN = Unopened.UNKNOWN.value, _("of a kind that is not read")


class Verdict(models.TextChoices):
    """What a verification found."""

    CLEAN = "clean", _("Clean")
    #: Nothing was found, but stored files could not be opened: nobody can say what stands in them.
    UNOPENED = "unopened", _("Nothing found; files could not be opened")
    RESIDUE = "residue", _("Residue")
    COULD_NOT_LOOK = "could_not_look", _("Could not look")


class Store(models.TextChoices):
    """Where something of a person can stand."""

    ROWS = "rows", _("Database rows")
    TEXTS = "texts", _("Texts in the database")
    STATISTICS = "statistics", _("Database statistics")
    SPACE = "space", _("Disk space of the database")
    FILES = "files", _("Stored files")
    CACHE = "cache", _("Cache, sessions and queue")
    PURGE_LOG = "purge_log", _("Purge log")
    APPLICATIONS = "applications", _("Outside applications")


class Level(models.TextChoices):
    """How far it is established that nobody is left in a store."""

    RECORD_GONE = "record_gone", _("record gone")
    TEXTS_SEARCHED = "texts_searched", _("texts searched")
    STATISTICS_CLEARED = "statistics_cleared", _("database statistics cleared")
    SPACE_OVERWRITTEN = "space_overwritten", _("disk space overwritten")
    OUTSIDE = "outside", _("outside this system")


class Beyond(models.TextChoices):
    """What a purge does not reach, or whoever proves it could not look into; seen when it was completed.

    The texts for people stand in :mod:`purge.thoroughness.telling`, where some more are derived from what is stored
    elsewhere.
    """

    STANDBY = "standby", _("standby")
    SLOT = "slot", _("replication slot")
    ARCHIVE = "archive", _("archive")
    SERVER = "server", _("what the server tells of copies")
    LOG = "log", _("write-ahead log")
    STATEMENTS = "statements", _("log of statements")
    STATISTIC = "statistic", _("statistics that could not be read")
    CACHE = "cache", _("cache outside of the database")
    SESSIONS = "sessions", _("sessions outside of the database")
    APPLICATION = "application", _("outside application")


class JournalTrouble(models.TextChoices):
    """How the purge log and the database disagree."""

    UNKNOWN = "unknown", _("A purge that this database does not know")
    BEHIND = "behind", _("A purge that had come further")
    MISSING = "missing", _("A part of the purge log that is not there")
    DAMAGED = "damaged", _("A part of the purge log that cannot be read")


class Notify(models.TextChoices):
    INITIATOR = "initiator", _("The initiator, on completion")
    ADMINISTRATORS = "administrators", _("The administrators of every enterprise account that has such a user")


class FilesStay(StrEnum):
    """Why a request cannot erase its stored files: what stands in its ``error_class``."""

    #: Kept until a date that nobody can bring forward (object lock, retention).
    LOCKED = "FilesLocked"
    #: Kept until somebody lifts a hold (object lock, legal hold).
    ON_HOLD = "FilesOnHold"
    #: A right is missing.
    REFUSED = "FilesRefused"
