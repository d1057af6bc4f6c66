"""People: users, their roles, groups, profiles, sessions, and what is logged about them."""

from __future__ import annotations

import uuid
from datetime import datetime
from importlib import import_module
from typing import Any, ClassVar, NoReturn

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.expressions import AfterFirstWord, ByCodePoint, LastWord
from users.models.accounts import Account, AccountKind, AccountState
from users.models.one_line import on_one_line
from users.wall import OfAccount, WalledQuerySet


class UserKind(models.TextChoices):
    INTERNAL = "internal", _("Internal")
    EXTERNAL = "external", _("External")


class UserState(models.TextChoices):
    ACTIVE = "active", _("Active")
    DELETED = "deleted", _("Deleted")
    PURGING = "purging", _("Being purged")


def earlier_state(state: str, deleted_at: datetime | None) -> str:
    """What somebody is, and of somebody who is frozen what they were before: a freeze leaves the deletion's date."""
    if state != UserState.PURGING:
        return state
    return str(UserState.ACTIVE if deleted_at is None else UserState.DELETED)


class UserSource(models.TextChoices):
    SINGLE = "single", _("Added one by one")
    CSV = "csv", _("CSV import")
    SELF_REGISTRATION = "self_registration", _("Self-registration")
    CONNECTOR = "connector", _("Connector")
    API = "api", _("API")


class Role(models.TextChoices):
    """Roles that are given. Learner is everybody's; Manager is derived: somebody's manager is this user."""

    ADMINISTRATOR = "administrator", _("Administrator")
    AUTHOR = "author", _("Author")
    INSTRUCTOR = "instructor", _("Instructor")
    INTEGRATION_ADMINISTRATOR = "integration_administrator", _("Integration Administrator")
    #: Reads everything of the account and changes nothing.
    DATA_PROTECTION_OFFICER = "data_protection_officer", _("Data Protection Officer")


#: Roles by which somebody gets into the admin.
ROLES_WITH_ACCESS = (Role.ADMINISTRATOR, Role.DATA_PROTECTION_OFFICER)


class PeopleAreNotDeleted(TypeError):
    """People are taken out of use with user_delete and erased by a purge; a plain delete would leave traces."""

    def __init__(self) -> None:
        super().__init__("People are not deleted this way: use users.services.user_delete, then purge them.")


class UserQuerySet(WalledQuerySet["User"]):
    def delete(self) -> NoReturn:
        raise PeopleAreNotDeleted

    def active(self) -> UserQuerySet:
        return self.filter(state=UserState.ACTIVE)

    def deleted(self) -> UserQuerySet:
        return self.filter(state=UserState.DELETED)


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    """People are made by :func:`users.services.user_create`; the manager only reads."""

    def get_by_natural_key(self, login_id: str | None) -> User:
        user: User = self.get(login_id=login_id)
        return user


def _opaque_login() -> str:
    return uuid.uuid4().hex


def avatar_path(user: User, _file_name: str) -> str:
    """Opaque, under the person's own prefix, so that stray files are found by it."""
    return f"people/{user.public_id}/avatar/{uuid.uuid4().hex}"


class User(OfAccount, AbstractBaseUser, PermissionsMixin):
    """A person in one account. A purged person has no row.

    ``email_key`` and ``adobe_key`` say whose the row is (:func:`purge.addresses.identity_key`). ``email_key`` is NULL
    where an older row of the account has the same mailbox, ``same_mailbox_as``: such a row signs in by its login, is
    matched by nobody, and is not purged, until it is given an address of its own or that row is gone.
    ``unique_id_sort`` is the case-folded Unique User ID, sorted by code point on both databases. ``deleted_month`` is
    the month of the deletion in the account's time zone, "YYYY-MM". Absent identifiers are NULL, never ''.
    """

    USERNAME_FIELD = "login_id"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    login_id = models.CharField(max_length=32, unique=True, default=_opaque_login, editable=False)
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    account = models.ForeignKey(Account, models.PROTECT, related_name="users", verbose_name=_("account"))
    kind = models.CharField(_("kind"), max_length=10, choices=UserKind.choices, default=UserKind.INTERNAL)
    state = models.CharField(_("state"), max_length=10, choices=UserState.choices, default=UserState.ACTIVE)

    name = models.CharField(_("name"), max_length=200, validators=[on_one_line])
    email = models.EmailField(_("email"), max_length=320)
    email_key = models.CharField(max_length=320, null=True, editable=False, db_index=True)
    same_mailbox_as = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("same mailbox as")
    )
    unique_user_id = models.CharField(_("Unique User ID"), max_length=100, null=True, blank=True)
    # Collated "C" on PostgreSQL by a migration: the order of User Cleanup is by code point, and the indexes serve it.
    unique_id_sort = models.CharField(max_length=200, null=True, editable=False)
    adobe_id = models.CharField(_("login at the identity provider"), max_length=320, null=True, blank=True)
    adobe_key = models.CharField(max_length=320, null=True, editable=False, db_index=True)

    profile = models.CharField(_("profile"), max_length=200, blank=True, default="")
    manager = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="reports", verbose_name=_("manager")
    )
    external_profile = models.ForeignKey(
        "users.ExternalProfile", models.PROTECT, null=True, blank=True, related_name="users"
    )
    registered = models.BooleanField(_("registered"), default=False)
    source = models.CharField(_("source"), max_length=20, choices=UserSource.choices, default=UserSource.SINGLE)
    added_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)
    locale = models.CharField(_("language"), max_length=12, blank=True, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True, default="")
    bio = models.TextField(_("about"), blank=True, default="")
    avatar = models.FileField(_("picture"), upload_to=avatar_path, max_length=200, blank=True, default="")
    is_support = models.BooleanField(_("support"), default=False)

    #: How often everything that was selected or shown for a purge was ended: by signing out, another password, a lost
    #: permission. The plans of a page name it.
    plans_ended = models.PositiveIntegerField(default=0, db_default=0, editable=False)

    deleted_at = models.DateTimeField(_("date deleted"), null=True, editable=False)
    deleted_month = models.CharField(max_length=7, null=True, editable=False)
    deleted_by = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("deleted by")
    )

    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = (("delete_people", _("Can delete and restore users")),)
        constraints = (
            models.UniqueConstraint(fields=("account", "email_key"), name="users_user_email_in_account"),
            models.UniqueConstraint(
                fields=("account", "unique_user_id"),
                condition=Q(unique_user_id__isnull=False),
                name="users_user_unique_id_in_account",
            ),
            models.CheckConstraint(
                name="users_user_absent_is_null",
                condition=(Q(unique_user_id__isnull=True) | ~Q(unique_user_id=""))
                & (Q(adobe_id__isnull=True) | ~Q(adobe_id=""))
                & (Q(adobe_key__isnull=True) | ~Q(adobe_key="")),
            ),
            models.CheckConstraint(
                name="users_user_key_is_null_or_said", condition=Q(email_key__isnull=True) | ~Q(email_key="")
            ),
            models.CheckConstraint(
                name="users_user_shares_no_key",
                condition=Q(same_mailbox_as__isnull=True) | Q(email_key__isnull=True),
            ),
            models.CheckConstraint(
                name="users_user_deleted_has_date",
                condition=~Q(state=UserState.DELETED) | Q(deleted_at__isnull=False, deleted_month__isnull=False),
            ),
            models.CheckConstraint(
                name="users_user_active_has_no_date",
                condition=~Q(state=UserState.ACTIVE) | Q(deleted_at__isnull=True, deleted_month__isnull=True),
            ),
        )
        indexes = (
            models.Index(
                "account",
                models.F("deleted_at").desc(),
                models.F("id").desc(),
                name="users_deleted_by_date",
                condition=Q(deleted_at__isnull=False),
            ),
            models.Index(
                fields=("account", "deleted_month", "unique_id_sort", "id"),
                name="users_deleted_month_uid",
                condition=Q(deleted_at__isnull=False),
            ),
            models.Index(
                fields=("account", "unique_id_sort", "id"),
                name="users_deleted_uid",
                condition=Q(deleted_at__isnull=False),
            ),
            models.Index(
                "account",
                "deleted_month",
                models.F("deleted_at").desc(),
                models.F("id").desc(),
                name="users_deleted_month_date",
                condition=Q(deleted_at__isnull=False),
            ),
            models.Index(fields=("account", "name", "id"), name="users_by_name"),
            # What search by a beginning goes by; an address has its index as a key.
            models.Index(fields=("account", "unique_id_sort"), name="users_by_uid"),
            models.Index("account", ByCodePoint(Lower("name")), name="users_by_folded_name"),
            models.Index("account", ByCodePoint(AfterFirstWord(Lower("name"))), name="users_by_later_names"),
            models.Index("account", ByCodePoint(LastWord(Lower("name"))), name="users_by_last_name"),
        )

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        """What the admin calls them; their login id is opaque."""
        return self.name

    def get_short_name(self) -> str:
        return self.name

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise PeopleAreNotDeleted

    @property
    def signs_in_here(self) -> bool:
        """Whether a password or passkey of this site's signs them in; where the account says so, its provider alone."""
        return not self.account.provider_demanded

    def has_usable_password(self) -> bool:
        return self.signs_in_here and super().has_usable_password()

    def knows_password(self, raw: str) -> bool:
        """Whether it is their password, also where it opens nothing."""
        return super().check_password(raw)

    def check_password(self, raw_password: str | None) -> bool:
        return super().check_password(raw_password) and self.signs_in_here

    def _get_session_auth_hash(self, secret: Any = None) -> str:
        """Sessions from before the account's people had to go to their provider end."""
        found: str = super()._get_session_auth_hash(secret)  # type: ignore[misc]
        return found if self.signs_in_here else f"{found}.provider"

    @property
    def is_active(self) -> bool:  # type: ignore[override]
        """Whether they can sign in: in use, and the account lets them in (an expired trial only its creator)."""
        if self.state != UserState.ACTIVE:
            return False
        account = self.account
        if account.state == AccountState.ACTIVE and not (
            account.expires_on and account.expires_on < timezone.localdate()
        ):
            return True
        return account.kind == AccountKind.TRIAL and account.creator_id == self.pk

    @property
    def is_staff(self) -> bool:
        """Whether the admin lets them in: who runs an account or only reads it, support staff, superusers."""
        if not self.is_active:
            return False
        return self.is_superuser or self.is_support or any(self.has_role(role) for role in ROLES_WITH_ACCESS)

    def has_role(self, role: str) -> bool:
        return role in {given.role for given in self.given_roles.all()}

    @property
    def earlier_state(self) -> str:
        """See :func:`earlier_state`."""
        return earlier_state(self.state, self.deleted_at)


class InternalUser(User):
    class Meta:
        proxy = True
        verbose_name = _("internal user")
        verbose_name_plural = _("Internal Users")


class ExternalUser(User):
    class Meta:
        proxy = True
        verbose_name = _("external user")
        verbose_name_plural = _("External Users")


class DeletedUser(User):
    class Meta:
        proxy = True
        verbose_name = _("deleted user")
        verbose_name_plural = _("User Cleanup")


class UserRole(OfAccount):
    """A role given to a user."""

    user = models.ForeignKey(User, models.PROTECT, related_name="given_roles", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    given_at = models.DateTimeField(_("since"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        constraints = (models.UniqueConstraint(fields=("user", "role"), name="users_role_once"),)

    def __str__(self) -> str:
        return self.get_role_display()


class FormerEmail(OfAccount):
    """An address that a user had before. Both columns are NULL where a purge has taken the address out."""

    user = models.ForeignKey(User, models.PROTECT, related_name="former_emails", verbose_name=_("user"))
    email = models.EmailField(_("email"), max_length=320, null=True)
    email_key = models.CharField(max_length=320, null=True, editable=False, db_index=True)
    ended_at = models.DateTimeField(_("until"), default=timezone.now)

    class Meta:
        verbose_name = _("former email")
        verbose_name_plural = _("former emails")
        constraints = (
            models.UniqueConstraint(fields=("user", "email_key"), name="users_former_email_once"),
            models.CheckConstraint(
                name="users_former_email_absent_is_null",
                condition=(Q(email__isnull=True) | ~Q(email="")) & (Q(email_key__isnull=True) | ~Q(email_key="")),
            ),
        )

    def __str__(self) -> str:
        return f"former email {self.pk}"


class ExternalProfile(OfAccount):
    """The way by which customers and partners register. The manager's email is free text: often no user's."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="external_profiles", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    manager_email = models.EmailField(_("manager's email"), max_length=320, blank=True, default="")
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("external registration profile")
        verbose_name_plural = _("external registration profiles")

    def __str__(self) -> str:
        return self.name


class SelfRegistrationProfile(OfAccount):
    """A link by which employees register themselves; they get this manager."""

    account = models.ForeignKey(
        Account, models.PROTECT, related_name="self_registration_profiles", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=200)
    manager = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("manager")
    )
    enabled = models.BooleanField(_("enabled"), default=True)

    class Meta:
        verbose_name = _("self-registration profile")
        verbose_name_plural = _("self-registration profiles")

    def __str__(self) -> str:
        return self.name


class UserGroup(OfAccount):
    """A group of users. ``team_of``: the automatic group of a manager's team; retired when they go."""

    account = models.ForeignKey(Account, models.PROTECT, related_name="groups", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    creator = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="created_groups", verbose_name=_("created by")
    )
    team_of = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="team_groups", verbose_name=_("team of")
    )
    retired = models.BooleanField(_("retired"), default=False)

    class Meta:
        verbose_name = _("user group")
        verbose_name_plural = _("user groups")

    def __str__(self) -> str:
        return self.name


class GroupMember(OfAccount):
    group = models.ForeignKey(UserGroup, models.PROTECT, related_name="members", verbose_name=_("group"))
    user = models.ForeignKey(User, models.PROTECT, related_name="group_memberships", verbose_name=_("user"))

    class Meta:
        verbose_name = _("group member")
        verbose_name_plural = _("group members")
        constraints = (models.UniqueConstraint(fields=("group", "user"), name="users_group_member_once"),)

    def __str__(self) -> str:
        return f"membership {self.pk}"


class GroupExclusion(OfAccount):
    """Somebody who stays out of a group although its conditions fit."""

    group = models.ForeignKey(UserGroup, models.PROTECT, related_name="exclusions", verbose_name=_("group"))
    user = models.ForeignKey(User, models.PROTECT, related_name="group_exclusions", verbose_name=_("user"))

    class Meta:
        verbose_name = _("excluded user")
        verbose_name_plural = _("excluded users")
        constraints = (models.UniqueConstraint(fields=("group", "user"), name="users_group_exclusion_once"),)

    def __str__(self) -> str:
        return f"exclusion {self.pk}"


class ActiveField(OfAccount):
    """A custom attribute that an account keeps about its users."""

    class Kind(models.TextChoices):
        TEXT = "text", _("Free text")
        CHOICE = "choice", _("Fixed values")

    account = models.ForeignKey(Account, models.PROTECT, related_name="active_fields", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices, default=Kind.TEXT)
    allowed_values = models.TextField(_("allowed values"), blank=True, default="")

    class Meta:
        verbose_name = _("active field")
        verbose_name_plural = _("active fields")
        constraints = (models.UniqueConstraint(fields=("account", "name"), name="users_active_field_name"),)

    def __str__(self) -> str:
        return self.name


class ActiveFieldValue(OfAccount):
    user = models.ForeignKey(User, models.PROTECT, related_name="active_values", verbose_name=_("user"))
    field = models.ForeignKey(ActiveField, models.PROTECT, related_name="values", verbose_name=_("field"))
    value = models.TextField(_("value"), blank=True, default="")

    class Meta:
        verbose_name = _("value of an active field")
        verbose_name_plural = _("values of active fields")
        constraints = (models.UniqueConstraint(fields=("user", "field"), name="users_active_value_once"),)

    def __str__(self) -> str:
        return f"value {self.pk}"


class Session(AbstractBaseSession):
    """A browser session that knows whose it is: Django's own is opaque, and could not be ended with the person.

    ``session_key``: a digest of the key that the cookie carries (:mod:`users.sessions`). ``began_at``, ``seen_at``:
    when somebody signed in, and was last seen in it, to the minute. ``browser``: what it seems to be, in our words.
    """

    session_key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(User, models.PROTECT, null=True, related_name="sessions")
    began_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    browser = models.CharField(max_length=40, blank=True, default="", db_default="")
    ip_address = models.GenericIPAddressField(null=True)

    objects = BaseSessionManager()  # type: ignore[misc]

    @classmethod
    def get_session_store_class(cls) -> type[Any]:
        store: type[Any] = import_module(settings.SESSION_ENGINE).SessionStore
        return store


class LoginEvent(OfAccount):
    """A sign-in, or a refused one of a known person."""

    user = models.ForeignKey(User, models.PROTECT, related_name="login_events", verbose_name=_("user"))
    at = models.DateTimeField(_("at"), default=timezone.now)
    ip_address = models.GenericIPAddressField(_("IP address"), null=True)
    user_agent = models.CharField(_("browser"), max_length=300, blank=True, default="")
    success = models.BooleanField(_("signed in"), default=True)

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")

    def __str__(self) -> str:
        return f"sign-in {self.pk}"


class UserAudit(OfAccount):
    """What was changed about a user, by whom: names of fields, never values."""

    user = models.ForeignKey(User, models.PROTECT, related_name="audits", verbose_name=_("user"))
    actor = models.ForeignKey(User, models.PROTECT, null=True, related_name="+", verbose_name=_("changed by"))
    at = models.DateTimeField(_("at"), default=timezone.now)
    event = models.CharField(_("event"), max_length=40)
    fields = models.CharField(_("fields"), max_length=300, blank=True, default="")

    class Meta:
        verbose_name = _("change of a user")
        verbose_name_plural = _("changes of users")

    def __str__(self) -> str:
        return f"change {self.pk}"


class DeletedCount(OfAccount):
    """How many deleted users an account has per month: the summary behind User Cleanup's month picker.

    Changed in the same transaction as the rows it counts.
    """

    account = models.ForeignKey(Account, models.PROTECT, related_name="deleted_counts")
    month = models.CharField(max_length=7)
    n = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("account", "month"), name="users_deleted_count_once"),)

    def __str__(self) -> str:
        return f"{self.month}: {self.n}"
