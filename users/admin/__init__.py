"""Internal and external users, groups, profiles, active fields, imports, and the settings of an account."""

from users.admin.accounts import (
    AccountAdmin,
    ActiveFieldAdmin,
    ExternalProfileAdmin,
    SelfRegistrationProfileAdmin,
    UserGroupAdmin,
)
from users.admin.events import LoginEventAdmin, UserAuditAdmin
from users.admin.identity_providers import IdentityProviderAdmin
from users.admin.imports import ImportLogAdmin
from users.admin.people import AnyUserAdmin, BulkAction, ExternalUserAdmin, InternalUserAdmin, PeopleAdmin
from users.admin.proofs import ProvedAddressAdmin, ProvedDomainAdmin

__all__ = [
    "AccountAdmin",
    "ActiveFieldAdmin",
    "AnyUserAdmin",
    "BulkAction",
    "ExternalProfileAdmin",
    "ExternalUserAdmin",
    "IdentityProviderAdmin",
    "ImportLogAdmin",
    "InternalUserAdmin",
    "LoginEventAdmin",
    "PeopleAdmin",
    "ProvedAddressAdmin",
    "ProvedDomainAdmin",
    "SelfRegistrationProfileAdmin",
    "UserAuditAdmin",
    "UserGroupAdmin",
]
