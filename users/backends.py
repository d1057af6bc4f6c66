"""Signing in with an email address and a password, and what roles allow."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from purge.journal.site_fence import lets_in
from users.models import AccountKind, Role, User
from users.permissions import PURGE_PERMISSION
from users.sign_in.attempts import password_fits, whom_is_meant

#: Apps whose ordinary permissions an account's Administrator has, in their account.
ACCOUNT_APPS = frozenset({"users", "learning", "messaging", "connectors"})
#: What they may see of purges. The permission to purge comes with the role where the account says so.
ADMINISTRATOR_PERMISSIONS = frozenset(
    {"purge.view_purgerequest", "purge.view_imsnotice", "purge.view_followup", "users.delete_people"}
)
#: What a data protection officer may see of purges; of the apps' own rows, all; and nothing may be changed.
OFFICER_PERMISSIONS = frozenset({"purge.view_purgerequest", "purge.view_imsnotice", "purge.view_followup"})
SUPPORT_PERMISSIONS = frozenset({"purge.follow_requests", "purge.view_purgerequest"})


class AccountBackend(ModelBackend):
    """Email and password, and the account where the address is at home in several."""

    def authenticate(  # type: ignore[override]
        self,
        request: HttpRequest | None,
        email: str | None = None,
        password: str | None = None,
        account: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, or None: the one who is meant (:func:`users.sign_in.attempts.whom_is_meant`), never another one of
        the same address whom the password happens to fit."""
        email = email or kwargs.get("username") or kwargs.get(User.USERNAME_FIELD)
        if not email or password is None:
            return None
        user = whom_is_meant(email, account=account.strip().lower() if account else None)
        fits = password_fits(user, password) and user is not None and user.signs_in_here
        return user if fits and self.user_can_authenticate(user) and lets_in(user) else None

    def get_user(self, user_id: int) -> User | None:
        # Every page asks for the roles some ten times.
        user = User.objects.select_related("account").prefetch_related("given_roles").filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def user_can_authenticate(self, user: Any) -> bool:
        return bool(user is not None and user.is_active)

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not user_obj.is_active:
            return False
        # What the roles give is known without a query; what was given one by one is asked for where that is not enough.
        return user_obj.is_superuser or perm in self._of_roles(user_obj) or perm in self.get_all_permissions(user_obj)

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        if not user_obj.is_active or user_obj.is_anonymous or obj is not None:
            return set()
        if not hasattr(user_obj, "_permissions_of_roles"):
            user_obj._permissions_of_roles = super().get_all_permissions(user_obj) | self._of_roles(user_obj)
        permissions: set[str] = user_obj._permissions_of_roles
        return permissions

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        if user_obj.is_active and user_obj.is_superuser:
            return True
        return any(perm.startswith(f"{app_label}.") for perm in self.get_all_permissions(user_obj))

    def _of_roles(self, user: Any) -> set[str]:
        """Remembered, as Django remembers the others, for as long as the row is in hand."""
        if not hasattr(user, "_permissions_by_roles"):
            user._permissions_by_roles = set() if user.is_anonymous else self._told_by_roles(user)
        allowed: set[str] = user._permissions_by_roles
        return allowed

    def _told_by_roles(self, user: User) -> set[str]:
        allowed: set[str] = set()
        if user.has_role(Role.ADMINISTRATOR):
            allowed |= ADMINISTRATOR_PERMISSIONS
            if user.account.purge_with_role and user.account.kind != AccountKind.SYSTEM:
                allowed.add(PURGE_PERMISSION)
            allowed |= {
                f"{app}.{action}_{model}"
                for app, model in _models_of(ACCOUNT_APPS)
                for action in ("view", "add", "change", "delete")
            }
        if user.has_role(Role.DATA_PROTECTION_OFFICER):
            allowed |= OFFICER_PERMISSIONS
            allowed |= {f"{app}.view_{model}" for app, model in _models_of(ACCOUNT_APPS)}
        if user.is_support:
            allowed |= SUPPORT_PERMISSIONS
        return allowed


def _models_of(app_labels: frozenset[str]) -> list[tuple[str, str]]:
    from django.apps import apps

    return [
        (model._meta.app_label, str(model._meta.model_name))
        for model in apps.get_models()
        if model._meta.app_label in app_labels
    ]
