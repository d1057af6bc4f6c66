import html
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from learning import services
from learning.models import CourseState, Enrolment, Post, SessionInstructor
from purge.rules import Context
from tests.factories.learning import (
    CommentFactory,
    CourseFactory,
    PostFactory,
    SessionFactory,
    SessionInstructorFactory,
    SubmissionFactory,
)
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import UserState

pytestmark = pytest.mark.django_db


def page(model, name, *args):
    return reverse(f"admin:learning_{model}_{name}", args=args)


@pytest.fixture
def account():
    return AccountFactory()


@pytest.fixture
def administrator(account, client):
    user = AdministratorFactory(account=account)
    client.force_login(user)
    return user


@pytest.fixture
def unstaffed(account):
    """A session that a purge left without instructor."""
    session = SessionFactory(course__account=account)
    services.sessions_without_instructor(
        pks=[session.pk],
        column="user",
        context=Context(request_id=7, reference="PUR-7Q4M-2KX9-H", account_id=account.pk),
    )
    return session


def session_form(session, **instructors):
    return {
        "course": session.course_id,
        "title": session.title,
        "starts_at_0": "2030-01-01",
        "starts_at_1": "10:00",
        "ends_at_0": "2030-01-01",
        "ends_at_1": "12:00",
        "venue": "Room 1",
        "seats": "10",
        "organiser_email": "",
        "notes": "",
        "instructor_links-TOTAL_FORMS": "1",
        "instructor_links-INITIAL_FORMS": "0",
        "instructor_links-MIN_NUM_FORMS": "0",
        "instructor_links-MAX_NUM_FORMS": "1000",
        "instructor_links-0-id": "",
        "instructor_links-0-session": session.pk,
        **instructors,
    }


def test_a_session_is_listed_until_somebody_teaches_it(unstaffed, administrator, client):
    SessionInstructorFactory(session__course__account=unstaffed.course.account, session__title="Staffed one")
    text = client.get(page("unstaffedsession", "changelist")).content.decode()
    assert unstaffed.title in text
    assert "PUR-7Q4M-2KX9-H" in text
    assert "Staffed one" not in text
    form = session_form(unstaffed, **{"instructor_links-0-user": administrator.pk})
    answer = client.post(page("unstaffedsession", "change", unstaffed.pk), form)
    assert answer.status_code == 302, answer.context["errors"]
    assert SessionInstructor.objects.get(session=unstaffed).user == administrator
    assert answer.url == page("unstaffedsession", "changelist")
    assert not client.get(answer.url).context["cl"].result_list


def test_the_history_says_in_plain_words_who_came_and_went(unstaffed, administrator, client):
    form = session_form(unstaffed, **{"instructor_links-0-user": administrator.pk, "venue": "Room 2"})
    assert client.post(page("session", "change", unstaffed.pk), form).status_code == 302
    link = SessionInstructor.objects.get()
    history = client.get(page("session", "history", unstaffed.pk)).content.decode()
    assert f"Added session instructor {link.pk}.</td>" in history
    assert "venue" in re.search(r"Changed: [^<]*\.", history)[0]
    assert not re.search("None|sessioninstructor|starts_at", history)
    administrator.locale = "de"
    administrator.save()
    assert (
        f"Hinzugefügt: Kursleitung eines Termins {link.pk}."
        in client.get(page("session", "history", unstaffed.pk)).content.decode()
    )


def test_a_stranger_is_not_made_instructor(unstaffed, administrator, client):
    form = session_form(unstaffed, **{"instructor_links-0-user": UserFactory().pk})
    assert client.post(page("session", "change", unstaffed.pk), form).status_code == 200
    assert not SessionInstructor.objects.exists()


def test_the_last_instructor_is_not_taken_off_and_the_page_says_why(account, administrator, client):
    link = SessionInstructorFactory(session__course__account=account)
    form = session_form(
        link.session,
        **{
            "instructor_links-INITIAL_FORMS": "1",
            "instructor_links-0-id": link.pk,
            "instructor_links-0-user": link.user_id,
            "instructor_links-0-DELETE": "on",
        },
    )
    answer = client.post(page("session", "change", link.session_id), form)
    assert "needs an instructor" in answer.content.decode()
    assert SessionInstructor.objects.filter(pk=link.pk).exists()


def test_an_enrolment_is_made_by_the_service(account, administrator, client, put_in_state):
    course = CourseFactory(account=account)
    learner = UserFactory(account=account)
    form = {"user": learner.pk, "course": course.pk, "session": "", "comment": "", "due_at_0": "", "due_at_1": ""}
    assert client.post(page("enrolment", "add"), form).status_code == 302
    assert Enrolment.objects.get().enrolled_by == administrator
    again = client.post(page("enrolment", "add"), form)
    assert "already" in again.content.decode()
    frozen = UserFactory(account=account)
    put_in_state(frozen, UserState.PURGING)
    client.post(page("enrolment", "add"), {**form, "user": frozen.pk})
    assert Enrolment.objects.count() == 1


def test_courses_are_published_and_retired_from_the_list(account, administrator, client):
    course = CourseFactory(account=account, state=CourseState.DRAFT)
    for action, state in [("publish", CourseState.PUBLISHED), ("retire", CourseState.RETIRED)]:
        client.post(page("course", "changelist"), {"action": action, "_selected_action": [course.pk]})
        course.refresh_from_db()
        assert course.state == state
    assert list(course.audits.order_by("pk").values_list("modified_by", flat=True)) == [administrator.pk] * 2


def test_a_course_without_author_says_so(account, administrator, client):
    CourseFactory(account=account, author=None)
    assert "Former author" in client.get(page("course", "changelist")).content.decode()


def test_an_administrator_removes_posts_and_comments(account, administrator, client):
    comment = CommentFactory(post__board__account=account)
    lonely = PostFactory(board__account=account)
    for model, row in [("post", comment.post), ("post", lonely), ("comment", comment)]:
        client.post(page(model, "changelist"), {"action": "remove", "_selected_action": [row.pk]})
    assert list(Post.objects.values_list("pk", "removed")) == [(comment.post_id, True)]
    assert not type(comment).objects.exists()


def test_a_submission_is_handed_out_within_the_account_alone(account, administrator, client):
    mine, other = SubmissionFactory(user__account=account), SubmissionFactory()
    answer = client.get(page("submission", "file", mine.pk))
    assert b"".join(answer.streaming_content) == b"my homework"
    assert client.get(page("submission", "file", other.pk)).status_code == 404
    text = client.get(page("submission", "change", mine.pk)).content.decode()
    assert page("submission", "file", mine.pk) in text
    assert mine.file.name not in text


def test_sessions_are_found_by_the_days_to_come(account, administrator, client):
    now = timezone.now()
    sessions = {
        days: SessionFactory(course__account=account, starts_at=now + timedelta(days=days), ends_at=None)
        for days in (-2, 2, 20)
    }
    text = client.get(page("session", "changelist")).content.decode()
    assert "Past 7 days" not in text

    def listed(label):
        query = html.unescape(re.search(rf'<a href="(\?[^"]*)">\s*{label}<', text).group(1))
        rows = client.get(page("session", "changelist") + query).context["cl"].result_list
        return {days for days, session in sessions.items() if session in rows}

    assert (listed("Next 7 days"), listed("To come"), listed("Any date")) == ({2}, {2, 20}, {-2, 2, 20})


def test_beside_a_time_stands_in_which_zone_it_is(account, administrator, client):
    account.time_zone = "Europe/Berlin"
    account.save()
    assert "Time (Europe/Berlin):" in client.get(page("session", "add")).content.decode()
