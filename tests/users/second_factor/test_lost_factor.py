"""A lost second factor is taken away by an Administrator of the account: asked about first, noted, told by mail; never
from somebody who may do more."""

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.test import Client
from django_q.models import OrmQ

from tests.factories.allauth_tables import AuthenticatorFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users import tasks
from users.models import Role, Session, User, UserAudit

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
PEOPLE = "/admin/users/internaluser/"


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", purge_with_role=False)


def administrator(account, **fields):
    """Who administers, and may not purge."""
    return UserFactory(account=account, roles=[Role.ADMINISTRATOR], password=PASSWORD, **fields)


def take_away(client, *people):
    data = {"action": "lost_factors", "_selected_action": [person.pk for person in people], "apply": "1"}
    return client.post(PEOPLE, data, follow=True).content.decode()


def signed_in(user):
    client = Client()
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    return client


def left(user):
    return Authenticator.objects.filter(user=user).count()


def test_it_is_taken_from_a_colleague_who_is_told_and_signed_out(acme):
    chief, ann = administrator(acme, name="Chief"), administrator(acme, name="Ann")
    for kind in ("totp", "recovery_codes"):
        AuthenticatorFactory(user=ann, type=kind)
    theirs = Client()
    theirs.force_login(ann)
    here = signed_in(chief)
    # It asks once, and names them.
    question = here.post(PEOPLE, {"action": "lost_factors", "_selected_action": [ann.pk]}).content.decode()
    assert "Ann" in question
    assert "Make sure that it is really they" in question
    assert left(ann) == 2
    assert "Second factor taken away from 1 user." in take_away(here, ann)
    assert left(ann) == 0
    assert not Session.objects.filter(user=ann).exists()
    (noted,) = UserAudit.objects.filter(user=ann, event="second factors removed")
    assert noted.actor == chief
    mail.outbox.clear()
    for row in OrmQ.objects.all():
        if row.func() == "users.tasks.tell_of_second_factor":
            tasks.tell_of_second_factor(*row.args())
    assert [letter.to for letter in mail.outbox] == [[ann.email]]
    assert signed_in(ann).get("/admin/").status_code == 200
    assert "has no second factor" in take_away(here, ann)


def test_never_from_somebody_who_may_do_more_nor_of_another_account(acme):
    chief = administrator(acme)
    purger = AdministratorFactory(account=acme)  # who may purge
    stranger = AdministratorFactory(account=AccountFactory())
    for user in (chief, purger, stranger):
        AuthenticatorFactory(user=user)
    here = Client()
    here.force_login(chief)
    session = here.session
    session["password_confirmed_at"] = 4_000_000_000
    session.save()
    assert "may do more than you" in take_away(here, purger)
    assert "Your own are under" in take_away(here, chief)
    take_away(here, stranger)
    from users.second_factor.enrolment import factors_take_away
    from users.services import ServiceError

    root = AdministratorFactory(account=acme, is_superuser=True)
    helper = UserFactory(account=acme, is_support=True)
    learner = UserFactory(account=acme)
    for user in (root, helper):
        AuthenticatorFactory(user=user)
    for acting_user, user in ((chief, root), (chief, helper), (purger, root), (learner, chief), (chief, stranger)):
        with pytest.raises(ServiceError, match="may do more"):
            factors_take_away(acting_user=acting_user, user=user)
    assert Authenticator.objects.count() == 5
    # Who may purge takes it from who may not, and from another who may.
    factors_take_away(acting_user=User.objects.get(pk=purger.pk), user=chief)
    other = AdministratorFactory(account=acme)
    AuthenticatorFactory(user=other)
    factors_take_away(acting_user=User.objects.get(pk=purger.pk), user=other)
    assert (left(chief), left(other)) == (0, 0)


def test_a_stale_session_is_asked_who_it_is_first(acme):
    chief, ann = administrator(acme), administrator(acme)
    AuthenticatorFactory(user=ann)
    here = signed_in(chief)
    session = here.session
    session["password_confirmed_at"] = 0
    session.save()
    assert "Confirm that it is you" in take_away(here, ann)
    assert left(ann) == 1
