"""What a purge does to the admin's log and the cache, which belong to the site and to no single app."""

from django.utils.translation import gettext_noop as _

from purge.rules import Delete, DeleteAbout, ExemptTable, ModelRules, Redact, pickled_text

RULES = [
    ModelRules(
        model="admin.LogEntry",
        noun=_("entries of the admin log"),
        account="user__account",
        columns={
            "user": Delete(),
            "object_id": DeleteAbout(),
            "object_repr": Redact(),
            "change_message": Redact(),
        },
        staff_is_everybodys=True,
    ),
]

EXEMPT = [
    ExemptTable(
        "lms_cache",
        _("counts and the queue's state, keyed by code; the patrol reads its values decoded"),
        decoded_by={"value": pickled_text},
    ),
]
