"""Factories of accounts, users and imports. Passwords are unusable unless one is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory
from django.core.files.base import ContentFile
from django.utils import timezone

from purge.addresses import identity_key
from users import models
from users.services import deleted_count_change, month_of, unique_id_sort_key


class AccountFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.Account

    name = factory.Sequence(lambda n: f"Company {n}")
    subdomain = factory.Sequence(lambda n: f"company-{n}")
    kind = models.AccountKind.ENTERPRISE


class UserFactory(factory.django.DjangoModelFactory):
    """A user; keys are derived from ``email``, ``adobe_id`` and ``unique_user_id``.

    ``deleted=True`` makes a deleted one (``deleted_at`` may be given); ``password="…"`` one who can sign in;
    ``roles=(…)`` gives roles; ``former=("old@…",)`` former emails; ``may_purge=True`` the purge permission.
    """

    class Meta:
        model = models.User
        skip_postgeneration_save = True

    class Params:
        deleted = factory.Trait(
            state=models.UserState.DELETED,
            deleted_at=factory.LazyFunction(timezone.now),
        )

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.Sequence(lambda n: f"person{n}@people.example")
    email_key = factory.LazyAttribute(lambda user: identity_key(user.email))
    unique_user_id = None
    unique_id_sort = factory.LazyAttribute(lambda user: unique_id_sort_key(user.unique_user_id))
    adobe_id = None
    adobe_key = factory.LazyAttribute(lambda user: identity_key(user.adobe_id) if user.adobe_id else None)

    @classmethod
    def _create(cls, model_class: Any, *args: Any, **kwargs: Any) -> models.User:
        deleted_at = kwargs.get("deleted_at")
        if deleted_at is not None:
            kwargs.setdefault("state", models.UserState.DELETED)
            kwargs["deleted_month"] = month_of(deleted_at, kwargs["account"])
            deleted_count_change(account_id=kwargs["account"].pk, month=kwargs["deleted_month"], by=1)
        password = kwargs.pop("password", None)
        user: models.User = model_class(**kwargs)
        user.set_password(password)
        user.save()
        return user

    @factory.post_generation
    def roles(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        for role in extracted or ():
            models.UserRole.objects.create(user=self, role=role)

    @factory.post_generation
    def former(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        for email in extracted or ():
            models.FormerEmail.objects.create(user=self, email=email, email_key=identity_key(email))

    @factory.post_generation
    def may_purge(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if extracted:
            from django.contrib.auth.models import Permission

            self.user_permissions.add(Permission.objects.get(codename="purge_people"))


class AdministratorFactory(UserFactory):
    """An Administrator who may purge."""

    roles = factory.PostGeneration(
        lambda user, create, extracted, **kwargs: models.UserRole.objects.create(
            user=user, role=models.Role.ADMINISTRATOR
        )
    )
    may_purge = factory.PostGeneration(lambda user, create, extracted, **kwargs: grant_purge(user, extracted))


def grant_purge(user: models.User, wanted: bool | None = True) -> None:
    """Give the purge permission. ``wanted`` False: their account gives it separately, and they have not got it."""
    from django.contrib.auth.models import Permission

    if wanted is False:
        user.account.purge_with_role = False
        models.Account.objects.filter(pk=user.account_id).update(purge_with_role=False)
    else:
        user.user_permissions.add(Permission.objects.get(codename="purge_people"))


def trial_with_creator(**creator: Any) -> tuple[models.Account, models.User]:
    """A trial account and the person who signed up for it, its Administrator."""
    account = AccountFactory(kind=models.AccountKind.TRIAL)
    user = UserFactory(account=account, roles=[models.Role.ADMINISTRATOR], **creator)
    account.creator = user
    account.save(update_fields=["creator"])
    return account, user


class UserRoleFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.UserRole

    user = factory.SubFactory(UserFactory)
    role = models.Role.AUTHOR


class FormerEmailFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.FormerEmail

    user = factory.SubFactory(UserFactory)
    email = factory.Sequence(lambda n: f"former{n}@people.example")
    email_key = factory.LazyAttribute(lambda row: identity_key(row.email))


class ExternalProfileFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ExternalProfile

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Partners {n}")


class SelfRegistrationProfileFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.SelfRegistrationProfile

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Employees {n}")


class UserGroupFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.UserGroup

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Group {n}")


class GroupMemberFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.GroupMember

    user = factory.SubFactory(UserFactory)
    group = factory.SubFactory(UserGroupFactory, account=factory.SelfAttribute("..user.account"))


class GroupExclusionFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.GroupExclusion

    user = factory.SubFactory(UserFactory)
    group = factory.SubFactory(UserGroupFactory, account=factory.SelfAttribute("..user.account"))


class ActiveFieldFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ActiveField

    account = factory.SubFactory(AccountFactory)
    name = factory.Sequence(lambda n: f"Field {n}")


class ActiveFieldValueFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ActiveFieldValue

    user = factory.SubFactory(UserFactory)
    field = factory.SubFactory(ActiveFieldFactory, account=factory.SelfAttribute("..user.account"))
    value = "value"


class LoginEventFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.LoginEvent

    user = factory.SubFactory(UserFactory)
    ip_address = "192.0.2.10"


class KnownBrowserFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.KnownBrowser

    user = factory.SubFactory(UserFactory)
    digest = factory.Sequence("{:064x}".format)


class EnrolmentCodeFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.EnrolmentCode

    user = factory.SubFactory(UserFactory)
    digest = factory.Sequence("{:064x}".format)
    expires_at = factory.LazyFunction(lambda: timezone.now() + timedelta(hours=1))


class IdentityProviderFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.IdentityProvider

    account = factory.SubFactory(AccountFactory)
    name = "Staff"
    server_url = "https://id.example"
    client_id = "lms"
    secret = "hush"


class ProvedAddressFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ProvedAddress

    account = factory.SubFactory(AccountFactory)
    email = factory.Sequence(lambda n: f"proved{n}@mail.example")
    digest = factory.Sequence(lambda n: f"{n:064x}")
    asked_at = factory.LazyFunction(timezone.now)
    link_until = factory.LazyFunction(lambda: timezone.now() + timedelta(days=1))
    valid_until = factory.LazyFunction(lambda: timezone.now() + timedelta(days=365))


class ProvedDomainFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.ProvedDomain

    account = factory.SubFactory(AccountFactory)
    domain = factory.Sequence(lambda n: f"proved{n}.example")


class UserAuditFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = models.UserAudit

    user = factory.SubFactory(UserFactory)
    event = "changed"


class PurgeDraftFactory(factory.django.DjangoModelFactory):
    """A purge that somebody has begun to confirm."""

    class Meta:
        model = models.PurgeDraft

    kind = models.DraftKind.CONFIRMATION
    user = factory.SubFactory(UserFactory)
    account = factory.SelfAttribute("user.account")


class ImportLogFactory(factory.django.DjangoModelFactory):
    """A finished import; ``content="…"`` stores a file."""

    class Meta:
        model = models.ImportLog
        skip_postgeneration_save = True

    account = factory.SubFactory(AccountFactory)
    state = models.ImportState.COMPLETED

    @factory.post_generation
    def content(self, create: bool, extracted: Any, **kwargs: Any) -> None:
        if extracted is not None:
            data = extracted if isinstance(extracted, bytes) else extracted.encode()
            self.file.save("import.csv", ContentFile(data))
