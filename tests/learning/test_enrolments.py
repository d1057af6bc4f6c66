import pytest

from learning import services
from learning.models import (
    CourseState,
    Enrolment,
    EnrolmentSource,
    EnrolmentState,
    WaitingListEntry,
)
from tests.factories.learning import CourseFactory, EnrolmentFactory, SessionFactory
from tests.factories.users import UserFactory
from users.models import UserState
from users.services import ServiceError, UserFrozen

pytestmark = pytest.mark.django_db


@pytest.fixture
def course():
    return CourseFactory()


@pytest.fixture
def learner(course):
    return UserFactory(account=course.account)


@pytest.mark.parametrize(
    ("state", "refusal"), [(UserState.PURGING, UserFrozen), (UserState.DELETED, ServiceError), (UserState.ACTIVE, None)]
)
def test_only_active_people_are_enrolled(course, learner, put_in_state, state, refusal):
    admin = UserFactory(account=course.account)
    put_in_state(learner, state)
    if refusal is None:
        row = services.enrolment_create(acting_user=admin, user=learner, course=course)
        assert isinstance(row, Enrolment)
        assert (row.enrolled_by, row.source) == (admin, EnrolmentSource.ADMINISTRATOR)
        return
    with pytest.raises(refusal):
        services.enrolment_create(acting_user=admin, user=learner, course=course)
    assert not Enrolment.objects.exists()


def test_a_person_being_purged_enrols_nobody(course, learner, put_in_state):
    admin = UserFactory(account=course.account)
    put_in_state(admin, UserState.PURGING)
    with pytest.raises(UserFrozen):
        services.enrolment_create(acting_user=admin, user=learner, course=course)


def test_a_person_that_is_gone_is_refused_with_a_sentence(course):
    learner = UserFactory(account=course.account)
    admin = UserFactory(account=course.account)
    type(learner).objects.filter(pk=learner.pk)._raw_delete("default")
    with pytest.raises(ServiceError, match="does not exist any more"):
        services.enrolment_create(acting_user=admin, user=learner, course=course)


def test_who_enrols_himself_is_enrolled_by_nobody(course, learner):
    row = services.enrolment_create(acting_user=learner, user=learner, course=course)
    assert (row.enrolled_by, row.source) == (None, EnrolmentSource.SELF)


def test_nobody_is_enrolled_twice(course, learner):
    services.enrolment_create(acting_user=learner, user=learner, course=course)
    with pytest.raises(ServiceError, match="already"):
        services.enrolment_create(acting_user=learner, user=learner, course=course)


def test_a_course_of_another_account_and_an_unpublished_one_are_refused(course, learner):
    with pytest.raises(ServiceError, match="another account"):
        services.enrolment_create(acting_user=learner, user=learner, course=CourseFactory())
    draft = CourseFactory(account=course.account, state=CourseState.DRAFT)
    with pytest.raises(ServiceError, match="not published"):
        services.enrolment_create(acting_user=learner, user=learner, course=draft)
    services.course_publish(acting_user=learner, course=draft)
    draft.refresh_from_db()
    assert services.enrolment_create(acting_user=learner, user=learner, course=draft).pk


def test_publishing_is_written_down_once(course, learner):
    draft = CourseFactory(account=course.account, state=CourseState.DRAFT)
    services.course_publish(acting_user=learner, course=draft)
    with pytest.raises(ServiceError, match="published already"):
        services.course_publish(acting_user=learner, course=draft)
    assert [audit.modified_by for audit in draft.audits.all()] == [learner]


def test_a_full_session_puts_people_on_its_waiting_list(course):
    session = SessionFactory(course=course, seats=1)
    first, second = UserFactory.create_batch(2, account=course.account)
    assert isinstance(
        services.enrolment_create(acting_user=first, user=first, course=course, session=session), Enrolment
    )
    waiting = services.enrolment_create(acting_user=second, user=second, course=course, session=session)
    assert isinstance(waiting, WaitingListEntry)
    assert not Enrolment.objects.filter(user=second).exists()


def test_completing_an_enrolment(course):
    enrolment = EnrolmentFactory()
    services.enrolment_complete(acting_user=enrolment.user, enrolment=enrolment)
    enrolment.refresh_from_db()
    assert (enrolment.state, enrolment.progress) == (EnrolmentState.COMPLETED, 100)
    assert enrolment.completed_at is not None
