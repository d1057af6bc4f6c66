"""Deleting and restoring people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.apps import apps
from django.db import transaction
from django.utils import timezone

from users import lifecycle
from users.apps import declared
from users.models import Account, GroupMember, User, UserRole
from users.services.months import deleted_count_change, month_of
from users.services.refusals import deletion_refused, holder_of, refuse_frozen, restoring_refused
from users.services.roles import is_last_administrator
from users.services.rows import audit
from users.services.sessions import plans_end, sessions_end


def user_delete(*, acting_user: User | None, user: User, moment: datetime | None = None) -> User:
    """Take a person out of use, restorably: no signing in, in no list and no group; learning records stay.

    Nobody deletes oneself, and the last active Administrator of an account stays.
    """
    with transaction.atomic():
        # The account is locked first, so that two administrators cannot delete each other at once.
        account = Account.objects.select_for_update().get(pk=user.account_id)
        current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        refuse_frozen(current)
        refusal = lifecycle.deletion_refusal(
            state=current.state,
            by_oneself=acting_user is not None and acting_user.pk == current.pk,
            last_administrator=is_last_administrator(current),
        )
        if refusal is not None:
            raise deletion_refused(refusal, current.pk)
        moment = moment or timezone.now()
        month = month_of(moment, account)
        columns = lifecycle.deleted(moment=moment, month=month, by=acting_user.pk if acting_user else None)
        for name, value in columns.items():
            setattr(current, name, value)
        current.save(update_fields=list(columns))
        deleted_count_change(account_id=account.pk, month=month, by=1)
        sessions_end(user_ids=[current.pk])
        GroupMember.objects.filter(user=current).delete()
        audit(current, acting_user, "deleted")
    user.refresh_from_db()
    return user


def user_restore(*, acting_user: User | None, user: User) -> User:
    """Bring a deleted person back, as Learner: roles, permissions and keys to the API are not given back.

    The password stays, and so do second factors: it is the same person, and an administrator's decision. By an identity
    provider they are found again by their address.
    """
    with transaction.atomic():
        current = User.objects.select_for_update(of=("self",)).get(pk=user.pk)
        refusal = lifecycle.restoring_refusal(holder_of(current))
        if refusal is not None:
            raise restoring_refused(refusal, current)
        deleted_count_change(account_id=current.account_id, month=str(current.deleted_month), by=-1)
        columns = lifecycle.restored()
        for name, value in columns.items():
            setattr(current, name, value)
        current.save(update_fields=list(columns))
        as_learners([current.pk], same_person=True)
        audit(current, acting_user, "restored")
    user.refresh_from_db()
    return user


def as_learners(pks: Sequence[int], *, same_person: bool = False) -> None:
    """Take from people who come back what they were allowed before: roles, permissions, sessions, and what other apps
    gave them (``when_people_come_back`` of their configuration: functions that are called with ``user_ids``).

    ``same_person``: an administrator says so, and second factors stay. Otherwise whoever has the address now may be
    another one, whom nothing lets in that was set up before.
    """
    gone = ("socialaccount.SocialAccount", "users.EnrolmentCode", *(() if same_person else ("mfa.Authenticator",)))
    for label in gone:
        apps.get_model(label)._default_manager.filter(user_id__in=pks).delete()
    UserRole.objects.filter(user_id__in=pks).delete()
    User.user_permissions.through.objects.filter(user_id__in=pks).delete()
    User.groups.through.objects.filter(user_id__in=pks).delete()
    sessions_end(user_ids=pks)
    plans_end(user_ids=pks)
    for function in declared("when_people_come_back"):
        function(user_ids=pks)
