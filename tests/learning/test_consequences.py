"""What happens to sessions when a purge takes instructors off them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from learning import selectors, services
from learning.models import SessionInstructor, SessionState
from purge.rules import Context
from tests.factories.learning import SessionFactory, SessionInstructorFactory
from tests.factories.users import UserFactory

pytestmark = pytest.mark.django_db

CONTEXT = Context(request_id=7, reference="PUR-7Q4M-2KX9-H")


def take_off(*links):
    """As the purge does it: the link rows go straight from the table, then the consequence is told the sessions."""
    pks = sorted({link.session_id for link in links})
    SessionInstructor.objects.filter(pk__in=[link.pk for link in links])._raw_delete("default")
    context = replace(CONTEXT, account_id=links[0].session.course.account_id)
    return services.sessions_without_instructor(pks=pks, column="user", context=context)


def test_a_session_without_instructor_is_listed_and_reported():
    link = SessionInstructorFactory()
    facts = take_off(link)
    session = link.session
    session.refresh_from_db()
    assert [(fact.kind, fact.pk, fact.account_id) for fact in facts] == [
        ("session_without_instructor", session.pk, session.course.account_id)
    ]
    assert session.needs_instructor_since is not None
    assert session.needs_instructor_reference == "PUR-7Q4M-2KX9-H"
    assert list(selectors.sessions_needing_instructor(session.course.account_id)) == [session]


def test_a_session_that_another_one_still_teaches_is_left_alone():
    link = SessionInstructorFactory()
    SessionInstructorFactory(session=link.session)
    assert take_off(link) == []
    link.session.refresh_from_db()
    assert link.session.needs_instructor_since is None


@pytest.mark.parametrize("ended", ["over", "cancelled"])
def test_a_session_that_nobody_has_to_teach_any_more_is_left_alone(ended):
    yesterday = timezone.now() - timedelta(days=1)
    session = (
        SessionFactory(starts_at=yesterday - timedelta(hours=1), ends_at=yesterday)
        if ended == "over"
        else SessionFactory(state=SessionState.CANCELLED)
    )
    assert take_off(SessionInstructorFactory(session=session)) == []
    assert not selectors.sessions_needing_instructor().exists()


def test_a_session_without_dates_counts_as_to_come():
    link = SessionInstructorFactory(session=SessionFactory(starts_at=None, ends_at=None))
    assert len(take_off(link)) == 1


def test_a_session_is_reported_once():
    link = SessionInstructorFactory()
    take_off(link)
    assert services.sessions_without_instructor(pks=[link.session_id], column="user", context=CONTEXT) == []


def test_sessions_of_another_account_are_not_in_the_list():
    take_off(SessionInstructorFactory())
    other = SessionFactory()
    assert not selectors.sessions_needing_instructor(other.course.account_id).exists()
    assert selectors.sessions_needing_instructor().count() == 1


def test_a_new_instructor_ends_the_need():
    link = SessionInstructorFactory()
    take_off(link)
    teacher = UserFactory(account=link.session.course.account)
    services.session_instructor_assign(acting_user=teacher, session=link.session, user=teacher)
    link.session.refresh_from_db()
    assert link.session.needs_instructor_since is None
    assert link.session.needs_instructor_reference == ""
    assert not selectors.sessions_needing_instructor().exists()


def test_a_new_instructor_ticks_off_what_the_purge_left_to_do(follow_up):
    link = SessionInstructorFactory()
    [fact] = take_off(link)
    row = follow_up(fact)
    teacher = UserFactory(account=link.session.course.account)
    services.session_instructor_assign(acting_user=teacher, session=link.session, user=teacher)
    row.refresh_from_db()
    assert row.done_by == teacher
    assert row.done_at is not None
