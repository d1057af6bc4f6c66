"""Everything that changes accounts, users, roles and groups. One mutation, one function.

A refusal is a :class:`ServiceError`, whose message says what to do; then nothing has changed.
"""

from users.services.accounts import account_create, account_update, operator_create, trial_account_create
from users.services.groups import (
    group_create,
    group_exclude,
    group_exclusion_end,
    group_member_add,
    group_member_remove,
    group_update,
)
from users.services.identifiers import adobe_key_of, email_key_of, unique_id_sort_key
from users.services.leaving import as_learners, user_delete, user_restore
from users.services.months import (
    deleted_count_change,
    deleted_counts_rebuild,
    deleted_months_rebuild,
    month_of,
    zone_of,
)
from users.services.people import (
    active_value_set,
    profile_change,
    unique_ids_emptied,
    user_create,
    user_make_active,
    user_update,
)
from users.services.refusals import DeletedUserHasIt, ServiceError, UserFrozen, refuse_frozen
from users.services.roles import is_last_administrator, purge_permission_set, role_assign, role_remove
from users.services.rows import export_begin, stored_file_export
from users.services.sessions import (
    login_record,
    other_sessions_end,
    password_change,
    password_renew,
    password_set,
    plans_end,
    session_end,
    sessions_clear,
    sessions_end,
)

__all__ = [
    "DeletedUserHasIt",
    "ServiceError",
    "UserFrozen",
    "account_create",
    "account_update",
    "active_value_set",
    "adobe_key_of",
    "as_learners",
    "deleted_count_change",
    "deleted_counts_rebuild",
    "deleted_months_rebuild",
    "email_key_of",
    "export_begin",
    "group_create",
    "group_exclude",
    "group_exclusion_end",
    "group_member_add",
    "group_member_remove",
    "group_update",
    "is_last_administrator",
    "login_record",
    "month_of",
    "operator_create",
    "other_sessions_end",
    "password_change",
    "password_renew",
    "password_set",
    "plans_end",
    "profile_change",
    "purge_permission_set",
    "refuse_frozen",
    "role_assign",
    "role_remove",
    "session_end",
    "sessions_clear",
    "sessions_end",
    "stored_file_export",
    "trial_account_create",
    "unique_id_sort_key",
    "unique_ids_emptied",
    "user_create",
    "user_delete",
    "user_make_active",
    "user_restore",
    "user_update",
    "zone_of",
]
