"""Deleted people teach nobody and sit on no seat, although their rows stay until a purge."""

import pytest

from learning import selectors, services
from learning.models import Enrolment, SessionInstructor, WaitingListEntry
from lms_purge.cleanup.confirmation import effects_of
from purge.services import purge_preview
from tests.factories.learning import EnrolmentFactory, SessionFactory, SessionInstructorFactory
from tests.factories.users import AdministratorFactory, UserFactory
from tests.learning.test_consequences import take_off
from users.services import ServiceError, user_delete, user_restore

pytestmark = pytest.mark.django_db


@pytest.fixture
def session():
    return SessionFactory(seats=2)


@pytest.fixture
def admin(session):
    return AdministratorFactory(account=session.course.account)


@pytest.fixture
def teachers(session):
    people = UserFactory.create_batch(2, account=session.course.account)
    return [SessionInstructorFactory(session=session, user=person).user for person in people]


def link_of(session, user):
    return SessionInstructor.objects.get(session=session, user=user)


def test_a_session_that_only_a_deleted_person_teaches_needs_an_instructor(session, admin, teachers):
    first, second = teachers
    user_delete(acting_user=admin, user=first)
    [fact] = take_off(link_of(session, second))
    assert (fact.kind, fact.pk) == ("session_without_instructor", session.pk)
    assert list(selectors.sessions_needing_instructor(session.course.account_id)) == [session]
    # Who comes back teaches it again.
    user_restore(acting_user=admin, user=first)
    assert not selectors.sessions_needing_instructor(session.course.account_id).exists()


def test_one_who_is_here_is_enough(session, admin, teachers):
    first, second = teachers
    user_delete(acting_user=admin, user=second)
    assert take_off(link_of(session, second)) == []
    assert not selectors.sessions_needing_instructor().exists()
    assert list(session.instructor_links.values_list("user", flat=True)) == [first.pk]


def test_the_last_one_who_is_here_is_not_taken_off_by_hand(session, admin, teachers):
    first, second = teachers
    user_delete(acting_user=admin, user=first)
    with pytest.raises(ServiceError, match="needs an instructor"):
        services.session_instructor_remove(acting_user=admin, session=session, user=second)
    services.session_instructor_remove(acting_user=admin, session=session, user=first)
    assert list(session.instructor_links.values_list("user", flat=True)) == [second.pk]


def test_the_confirmation_names_the_session(session, admin, teachers):
    first, second = teachers
    user_delete(acting_user=admin, user=second)

    def shown():
        account_id = session.course.account_id
        preview = purge_preview(acting_user=admin, account_id=account_id, user_ids=[second.pk])
        return [each.row for rows in effects_of(preview, admin).foretold.values() for each in rows]

    assert shown() == []
    user_delete(acting_user=admin, user=first)
    assert shown() == [session]


def test_a_deleted_learner_leaves_the_seat(session, admin):
    course = session.course
    sitting = [EnrolmentFactory(session=session, course=course, user__account=course.account) for _seat in range(2)]
    one, other = UserFactory.create_batch(2, account=course.account)
    enrol = {"acting_user": admin, "course": course, "session": session}
    assert isinstance(services.enrolment_create(user=one, **enrol), WaitingListEntry)
    user_delete(acting_user=admin, user=sitting[0].user)
    assert isinstance(services.enrolment_create(user=other, **enrol), Enrolment)
    assert isinstance(services.enrolment_create(user=UserFactory(account=course.account), **enrol), WaitingListEntry)
