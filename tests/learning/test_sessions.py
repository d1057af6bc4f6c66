import pytest

from learning import services
from learning.models import Attendance, SessionInstructor, SessionState, WaitingListEntry
from tests.factories.learning import SessionFactory, SessionInstructorFactory, WaitingListEntryFactory
from tests.factories.users import UserFactory
from users.models import UserState
from users.services import ServiceError, UserFrozen

pytestmark = pytest.mark.django_db


def test_assigning_an_instructor_twice_is_one_row():
    session = SessionFactory()
    teacher = UserFactory(account=session.course.account)
    for _time in range(2):
        services.session_instructor_assign(acting_user=teacher, session=session, user=teacher)
    assert SessionInstructor.objects.filter(session=session, user=teacher).count() == 1


def test_a_person_being_purged_teaches_nothing_any_more(put_in_state):
    session = SessionFactory()
    admin, teacher = UserFactory.create_batch(2, account=session.course.account)
    put_in_state(teacher, UserState.PURGING)
    with pytest.raises(UserFrozen, match="at the moment"):
        services.session_instructor_assign(acting_user=admin, session=session, user=teacher)
    assert not SessionInstructor.objects.exists()


def test_an_instructor_of_another_account_is_refused():
    session = SessionFactory()
    admin, stranger = UserFactory(account=session.course.account), UserFactory()
    with pytest.raises(ServiceError, match="another account"):
        services.session_instructor_assign(acting_user=admin, session=session, user=stranger)


def test_the_last_instructor_stays_until_there_is_another():
    link = SessionInstructorFactory()
    with pytest.raises(ServiceError, match="needs an instructor"):
        services.session_instructor_remove(acting_user=link.user, session=link.session, user=link.user)
    SessionInstructorFactory(session=link.session)
    services.session_instructor_remove(acting_user=link.user, session=link.session, user=link.user)
    assert not SessionInstructor.objects.filter(pk=link.pk).exists()


def test_a_cancelled_session_keeps_nobody_waiting():
    entry = WaitingListEntryFactory()
    services.session_cancel(acting_user=entry.user, session=entry.session)
    entry.session.refresh_from_db()
    assert entry.session.state == SessionState.CANCELLED
    assert not WaitingListEntry.objects.exists()


def test_marking_attendance_again_replaces_the_mark():
    session = SessionFactory()
    teacher, learner = UserFactory.create_batch(2, account=session.course.account)
    for present in (True, False):
        services.attendance_mark(acting_user=teacher, user=learner, session=session, present=present)
    row = Attendance.objects.get()
    assert (row.present, row.marked_by) == (False, teacher)
