"""Scopes what an administrator of an account can see, choose and post in the admin.

Every admin class of a table that belongs to accounts extends :class:`TenantAdmin` (inlines:
:class:`TenantTabularInline`, :class:`TenantStackedInline`) and names the path from its rows to their account. Tables
of no account extend :class:`AccountlessAdmin`. What cannot be traced to an account is shown to superusers alone.
"""

from users.tenancy.admin import (
    AccountlessAdmin,
    ReadOnlyAdmin,
    TenantAdmin,
    TenantInline,
    TenantStackedInline,
    TenantTabularInline,
)
from users.tenancy.forms import ServiceForm, TenantForm
from users.tenancy.log import QuietLog, row_number
from users.tenancy.scope import (
    account_id_at,
    account_id_of_administrator,
    account_path_of,
    declared_path,
    scoped,
    sees_all_accounts,
)

__all__ = [
    "AccountlessAdmin",
    "QuietLog",
    "ReadOnlyAdmin",
    "ServiceForm",
    "TenantAdmin",
    "TenantForm",
    "TenantInline",
    "TenantStackedInline",
    "TenantTabularInline",
    "account_id_at",
    "account_id_of_administrator",
    "account_path_of",
    "declared_path",
    "row_number",
    "scoped",
    "sees_all_accounts",
]
