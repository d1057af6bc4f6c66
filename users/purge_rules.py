"""What a purge does to accounts, users and imports."""

from django.utils.translation import gettext_noop as _

from purge.rules import (
    NOW,
    Blank,
    Delete,
    Detach,
    EraseFile,
    HandOver,
    Keep,
    ModelRules,
    Redact,
    TakeOut,
    Unassign,
    WithRow,
)

IDENTITY = Keep("what a person signs in with or is told apart by: another user's is his; the row goes with its owner")
OPAQUE = Keep("a random text made by the system, which says nothing outside the row that goes")
#: By account: whoever has one of the earlier files could bring the person back. One that is being read is read on.
IMPORT_FILE = EraseFile(
    mentions=True,
    whole_account=True,
    uploaded="uploaded_at",
    at_work={"state": "running"},
    also={"link_dead_at": NOW},
)

RULES = [
    ModelRules(
        "users.Account",
        _("account settings"),
        "pk",
        {
            "creator": Detach(also={"creator_missing": True}),
            "name": Keep("the customer's own name, shown to all its people"),
            "subdomain": Keep("the customer's address on this platform: small letters, digits, dashes"),
            "time_zone": Keep("the name of a time zone"),
            "support_emails": TakeOut(),
            "sender_name": Redact(),
            "sender_email": Blank(),
            "footer_links": Redact(),
            "peer_admin_email": Blank(),
            "catalog_share_email": Blank(),
            "import_mapping": Keep("headings of import files and the columns they stand for"),
        },
    ),
    ModelRules(
        "users.User",
        _("users"),
        "account",
        {
            "login_id": OPAQUE,
            "password": Keep("a salted hash; the row goes with its owner"),
            "name": Keep("a person's own name; the row goes with its owner, and names are never searched as text"),
            "email": IDENTITY,
            "email_key": IDENTITY,
            "unique_user_id": IDENTITY,
            "unique_id_sort": IDENTITY,
            "adobe_id": IDENTITY,
            "adobe_key": IDENTITY,
            "profile": Redact(),
            "manager": Detach(),
            "locale": Keep("the code of a language"),
            "time_zone": Keep("the name of a time zone"),
            "bio": Redact(),
            "avatar": EraseFile(),
            "deleted_month": Keep("a month, as figures"),
            "deleted_by": Detach(),
        },
    ),
    ModelRules("users.User_groups", _("permission groups of users"), "user__account", {"user": Unassign()}),
    ModelRules("users.User_user_permissions", _("permissions of users"), "user__account", {"user": Unassign()}),
    ModelRules("users.UserRole", _("roles"), "user__account", {"user": Delete()}),
    ModelRules(
        "users.FormerEmail",
        _("former e-mail addresses"),
        "user__account",
        {"user": Delete(), "email": Blank(), "email_key": Blank()},
    ),
    ModelRules(
        "users.ExternalProfile",
        _("external registration profiles"),
        "account",
        {"name": Redact(), "manager_email": Blank()},
    ),
    ModelRules(
        "users.SelfRegistrationProfile",
        _("self-registration profiles"),
        "account",
        {"name": Redact(), "manager": Detach()},
    ),
    ModelRules(
        "users.UserGroup",
        _("user groups"),
        "account",
        {
            "name": Redact(),
            "description": Redact(),
            "creator": HandOver(),
            "team_of": Detach(also={"retired": True, "name": "Retired team"}),
        },
    ),
    ModelRules("users.GroupMember", _("group memberships"), "group__account", {"user": Unassign()}),
    ModelRules("users.GroupExclusion", _("group exclusions"), "group__account", {"user": Unassign()}),
    ModelRules(
        "users.ActiveField",
        _("active fields"),
        "account",
        {"name": Keep("the heading of a custom attribute, such as cost centre"), "allowed_values": Redact()},
    ),
    ModelRules(
        "users.ActiveFieldValue",
        _("values of active fields"),
        "user__account",
        {"user": Delete(), "value": Redact()},
    ),
    ModelRules(
        "users.Session",
        _("browser sessions"),
        None,
        {
            "user": Delete(),
            "session_key": OPAQUE,
            "session_data": Keep("signed ids of the session's user; the patrol reads it decoded"),
        },
    ),
    ModelRules(
        "users.LoginEvent",
        _("sign-ins"),
        "user__account",
        {"user": Delete(), "ip_address": WithRow(), "user_agent": WithRow()},
    ),
    ModelRules(
        "users.UserAudit",
        _("changes of users"),
        "user__account",
        {
            "user": Delete(),
            "actor": Detach(),
            "event": Keep("a word of the system's own"),
            "fields": Keep("names of columns, never their values"),
        },
    ),
    ModelRules("users.DeletedCount", _("counts of deleted users"), "account", {"month": Keep("a month, as figures")}),
    ModelRules(
        "users.ImportLog",
        _("import files"),
        "account",
        {
            "started_by": Detach(),
            "file": IMPORT_FILE,
            "error_file": IMPORT_FILE,
            "encoding": Keep("the name of an encoding"),
            "delimiter": Keep("one character"),
            "mapping": Keep("headings of the file and the columns they stand for"),
            "failure": Keep("a sentence of the system's own, without a value of the file"),
        },
    ),
    ModelRules(
        "users.ImportRowError",
        _("bad rows of imports"),
        "log__account",
        {"reason": Keep("a sentence of the system's own, without a value of the row")},
    ),
    ModelRules(
        "users.ImportNote",
        _("notes of imports"),
        "log__account",
        {"reference": Keep("the ID of a purge request of the same account")},
    ),
]

EXEMPT: list[object] = []
