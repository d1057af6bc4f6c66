"""What a purge does to accounts, users and imports."""

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from purge.rules import (
    NOW,
    Blank,
    Consequence,
    Delete,
    Detach,
    EndRow,
    EraseFile,
    Evidence,
    GoesAfter,
    HandOver,
    Keep,
    ModelRules,
    Redact,
    TakeOut,
    Unassign,
    WithRow,
    signed_text,
)
from users.second_factor.allauth_rules import RULES as ALLAUTH_RULES

IDENTITY = Keep(
    _("what a person signs in with: another user's is theirs; the row goes with its owner"),
    closed="an address in it is its owner's own, and expected to stay: the verification leaves these columns out",
)
OPAQUE = Keep(
    _("a random text made by the system, which says nothing outside the row that goes"),
    closed="written by code alone, of random letters and digits",
)
BY_CODE = "written by code alone: fixed words, numbers, names of columns"
#: The row of somebody who stays may be named after the address that is theirs.
OWN = ("email", "adobe_id")

#: By account: whoever has one of the earlier files could bring the person back. One that is being read is read on.
IMPORT_FILE = EraseFile(
    mentions=True,
    goes_unopened=True,
    whole_account=True,
    uploaded="uploaded_at",
    at_work={"state": "running"},
    also={"link_dead_at": NOW},
)

UNIQUE_ID_EMPTIED = Consequence(
    path="users.services.unique_ids_emptied",
    kind="unique_id_emptied",
    label=gettext_lazy("Unique User ID was a purged address and is empty now: give the user another"),
    news=gettext_lazy(
        "Unique User IDs of other users held a purged address and are empty now: give these users others."
    ),
    page="admin:users_internaluser_changelist",
)

CONSEQUENCES = [UNIQUE_ID_EMPTIED]

RULES = [
    ModelRules(
        "users.Account",
        _("account settings"),
        "pk",
        {
            "creator": Detach(also={"creator_missing": True}),
            "name": Redact(),
            "subdomain": Keep(
                _("the customer's address on this platform: small letters, digits, dashes"),
                closed="small letters, digits and dashes only; anything else is refused",
            ),
            "time_zone": Keep(_("the name of a time zone"), closed="chosen from the list of time zones"),
            "support_emails": TakeOut(),
            "sender_name": Redact(),
            "sender_email": Blank(),
            "footer_links": Redact(),
            "peer_admin_email": Blank(),
            "catalog_share_email": Blank(),
            "import_mapping": Redact(),
        },
    ),
    ModelRules(
        "users.User",
        _("users"),
        "account",
        {
            "login_id": OPAQUE,
            "password": Keep(
                _("a salted hash; the row goes with its owner"), closed="written by code alone, as a hash"
            ),
            "name": Redact(but_own=OWN),
            "email": IDENTITY,
            "email_key": IDENTITY,
            "same_mailbox_as": Detach(),
            # An ID that is, or was, somebody else's address. Its account is told, since imports go by it.
            "unique_user_id": Blank(but_own=OWN, also={"unique_id_sort": None}, then=UNIQUE_ID_EMPTIED.path),
            "unique_id_sort": Keep(_("the Unique User ID in small letters; emptied with it"), closed="follows the ID"),
            "adobe_id": IDENTITY,
            "adobe_key": IDENTITY,
            "profile": Redact(),
            "manager": Detach(),
            "locale": Blank(),
            "time_zone": Blank(),
            "bio": Redact(),
            "avatar": EraseFile(),
            "deleted_month": Keep(_("a month, as figures"), closed=BY_CODE),
            "deleted_by": Detach(),
        },
    ),
    ModelRules("users.User_groups", _("permission groups of users"), "user__account", {"user": Unassign()}),
    ModelRules("users.User_user_permissions", _("permissions of users"), "user__account", {"user": Unassign()}),
    ModelRules("users.UserRole", _("roles"), "user__account", {"user": Delete()}),
    ModelRules(
        "users.FormerEmail",
        _("former email addresses"),
        "user__account",
        {"user": Delete(), "email": Blank(also={"email_key": None}), "email_key": Blank(also={"email": None})},
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
        {"name": Redact(numbered=True), "allowed_values": Redact()},
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
            "session_key": Keep(
                _("a digest of a random key, which lets nobody in; the row goes with its owner"),
                closed="written by code alone, hexadecimal digits",
            ),
            "browser": Keep(_("the kind of a browser and of a system"), closed="chosen from a fixed list"),
            "ip_address": WithRow(),
            "session_data": EndRow(
                _(
                    "signed numbers of whoever is signed in, which the patrol reads decoded; "
                    "whoever it was signs in again"
                ),
                decoded_by=signed_text,
            ),
        },
    ),
    ModelRules(
        "users.Tries",
        _("counts of tries to sign in"),
        None,
        {
            "digest": Keep(
                _(
                    "a keyed digest of what was typed to sign in, from which nobody can be read; "
                    "the row goes within a day"
                ),
                closed="written by code alone, hexadecimal digits",
            ),
        },
    ),
    ModelRules(
        "users.KnownBrowser",
        _("browsers known"),
        "user__account",
        {
            "user": Delete(),
            "digest": Keep(_("a digest of a random text; the row goes with its owner"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "users.IdentityProvider",
        _("identity providers"),
        "account",
        {
            "public_id": OPAQUE,
            "name": Redact(),
            "server_url": Redact(),
            "client_id": Redact(),
            "secret": Blank(),
        },
    ),
    ModelRules(
        "users.EnrolmentCode",
        _("codes for a first second factor"),
        "user__account",
        {
            "user": Delete(),
            "digest": Keep(_("a keyed digest of a random code; the row goes within a day"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "users.ProvedAddress",
        _("proved addresses"),
        "account",
        {
            "email": Blank(also={"digest": "", "link_until": None, "valid_until": None}),
            "digest": Keep(_("a keyed digest of a random token"), closed=BY_CODE),
            "asked_by": Detach(),
        },
    ),
    ModelRules(
        "users.ProvedDomain",
        _("proved domains"),
        "account",
        {
            "domain": Keep(_("the domain of an organisation"), closed="letters, digits, dots and hyphens alone"),
            "token": OPAQUE,
            "asked_by": Detach(),
        },
    ),
    ModelRules(
        "users.LoginEvent",
        _("sign-ins"),
        "user__account",
        {"user": Delete(), "ip_address": WithRow(), "user_agent": Redact()},
    ),
    ModelRules(
        "users.UserAudit",
        _("changes of users"),
        "user__account",
        {
            "user": Delete(),
            "actor": Detach(),
            "event": Keep(_("a word of the system's own"), closed=BY_CODE),
            "fields": Keep(_("names of columns, never their values"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "users.PurgeDraft",
        _("purges not yet confirmed"),
        "account",
        {
            "user": Delete(),
            # Without its address it is about nobody, and its page says that it is not valid any more.
            "address": Blank(),
            "people": Keep(_("numbers of users; the row goes within two days"), closed=BY_CODE),
            "facts": Keep(_("numbers, and words of the system's own; the row goes within two days"), closed=BY_CODE),
            "note": Redact(),
        },
    ),
    ModelRules(
        "users.DeletedCount",
        _("counts of deleted users"),
        "account",
        {"month": Keep(_("a month, as figures"), closed=BY_CODE)},
    ),
    ModelRules(
        "users.ImportLog",
        _("import files"),
        "account",
        {
            "started_by": Detach(),
            "file": IMPORT_FILE,
            "error_file": IMPORT_FILE,
            "encoding": Keep(_("the name of an encoding"), closed="chosen from a fixed list"),
            "delimiter": Keep(_("one character")),
            "mapping": Keep(_("the numbers of the file's columns and what they stand for"), closed=BY_CODE),
            "failure": Keep(_("a sentence of the system's own, without a value of the file"), closed=BY_CODE),
        },
    ),
    ModelRules(
        "users.ImportRowError",
        _("bad rows of imports"),
        "log__account",
        {"reason": Keep(_("a sentence of the system's own, without a value of the row"), closed=BY_CODE)},
    ),
    ModelRules(
        "users.ImportNote",
        _("notes of imports"),
        "log__account",
        {"reference": Keep(_("the ID of a purge request of the same account"), closed=BY_CODE)},
    ),
]

RULES += ALLAUTH_RULES

PERIODS = [
    GoesAfter(Evidence.SIGN_INS, "users.LoginEvent", "at"),
    GoesAfter(Evidence.EXPORTS, "users.UserAudit", "at", only={"event": "data taken out"}),
    GoesAfter(
        Evidence.IMPORT_FILES,
        "users.ImportLog",
        "uploaded_at",
        only={"state__in": ("completed", "failed")},
        files=("file", "error_file"),
        row_stays=True,
        account="account",
    ),
]

EXEMPT: list[object] = []
