from __future__ import annotations

from functools import cache
from typing import Any

from django.apps import AppConfig, apps
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

#: Models of other packages whose rows belong to people of accounts.
NOT_OURS = (
    "account.EmailAddress",
    "account.EmailConfirmation",
    "admin.LogEntry",
    "mfa.Authenticator",
    "purge.EvidenceCount",
    "purge.FollowUp",
    "purge.ImsNotice",
    "purge.LookUp",
    "purge.PossibleMention",
    "purge.PurgeRequest",
    "purge.ReachedRows",
    "purge.RegisterNote",
    "purge.StaffNamesShown",
    "purge.UnopenedFile",
    "socialaccount.SocialAccount",
    "socialaccount.SocialToken",
    "users.User_groups",
    "users.User_user_permissions",
)


class UsersConfig(AppConfig):
    name = "users"
    verbose_name = _("Users")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from keys.rotation import also_rotate
        from users.identity import checks  # noqa: F401 - registers its check
        from users.second_factor.factors import factors_reseal
        from users.sign_in import signals  # noqa: F401 - connects its receivers
        from users.wall import put_behind

        also_rotate("second factors", factors_reseal)
        for label in NOT_OURS:
            put_behind(apps.get_model(label))


@cache
def declared(hook: str) -> tuple[Any, ...]:
    """What the apps above this one offer or want to be asked: dotted names in an attribute of their configuration.

    There are ``actions_on_people``, actions of the admin for the lists of people, which may ask by
    :meth:`users.admin.people.PeopleAdmin.ask`; ``when_people_come_back`` (:func:`users.services.leaving.as_learners`);
    ``when_a_password_is_forgotten``, ``when_somebody_is_invited``, ``when_a_browser_is_new``,
    ``when_a_sign_in_changes``, ``when_a_second_factor_changes``, ``when_an_address_is_to_be_proved`` and
    ``when_a_domains_year_ends``, which write to people (:mod:`users.tasks`).
    """
    names = [name for app in apps.get_app_configs() for name in getattr(app, hook, ())]
    return tuple(import_string(name) for name in names)
