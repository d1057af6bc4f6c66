"""Internal and external users, groups, profiles, active fields, imports, and the settings of an account."""

from users.admin.accounts import (
    AccountAdmin,
    ActiveFieldAdmin,
    ExternalProfileAdmin,
    SelfRegistrationProfileAdmin,
    UserGroupAdmin,
)
from users.admin.events import LoginEventAdmin, UserAuditAdmin
from users.admin.imports import ImportLogAdmin
from users.admin.people import AnyUserAdmin, ExternalUserAdmin, InternalUserAdmin, PeopleAdmin, Question

__all__ = [
    "AccountAdmin",
    "ActiveFieldAdmin",
    "AnyUserAdmin",
    "ExternalProfileAdmin",
    "ExternalUserAdmin",
    "ImportLogAdmin",
    "InternalUserAdmin",
    "LoginEventAdmin",
    "PeopleAdmin",
    "Question",
    "SelfRegistrationProfileAdmin",
    "UserAuditAdmin",
    "UserGroupAdmin",
]
