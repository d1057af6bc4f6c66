"""What happens on courses, sessions and boards.

Every service locks the people that it writes about and refuses those who are deleted or being purged: whoever comes
while a purge's last transaction runs waits for it, and is told that the person is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from learning.models import (
    Attendance,
    Board,
    BoardModerator,
    BoardState,
    Comment,
    ContentAudit,
    ContentAuditAction,
    Course,
    CourseState,
    Enrolment,
    EnrolmentSource,
    EnrolmentState,
    Mention,
    Post,
    Session,
    SessionInstructor,
    SessionState,
    WaitingListEntry,
)
from learning.purge_rules import NEEDS_INSTRUCTOR
from purge.models import FollowUp
from purge.rules import Context, Fact
from users.models import Role, User, UserState
from users.services import ServiceError, refuse_frozen

# ---------------------------------------------------------------- consequences of a purge


def sessions_without_instructor(*, pks: Sequence[int], column: str, context: Context) -> list[Fact]:
    """Instructors were taken off these sessions: those to come that nobody who is here teaches need one.

    Returns a fact per session that needs one from now on. Sessions that are over or cancelled need nobody.
    """
    left_alone = (
        Session.objects.still_to_come()
        .filter(pk__in=pks, needs_instructor_since=None)
        .exclude(pk__in=SessionInstructor.objects.in_use().values("session_id"))
        .order_by("pk")
    )
    accounts = dict(left_alone.select_for_update(of=("self",)).values_list("pk", "course__account_id"))
    for account_id in set(accounts.values()):
        Session.objects.filter(pk__in=[pk for pk, whose in accounts.items() if whose == account_id]).update(
            needs_instructor_since=timezone.now(), needs_instructor_reference=context.reference_for(account_id)
        )
    return [
        NEEDS_INSTRUCTOR.fact(account_id=account_id, model="learning.Session", pk=pk)
        for pk, account_id in accounts.items()
    ]


# ---------------------------------------------------------------- sessions


def session_instructor_assign(*, acting_user: User, session: Session, user: User) -> SessionInstructor:
    """The user teaches the session; it does not need an instructor any more. Again: no second row."""
    with transaction.atomic():
        _lock_active(acting_user, user)
        row = Session.objects.select_for_update(of=("self",)).select_related("course").get(pk=session.pk)
        _same_account(row.course.account_id, user)
        link, _created = SessionInstructor.objects.get_or_create(session=row, user=user)
        row.needs_instructor_since = None
        row.needs_instructor_reference = ""
        row.save(update_fields=("needs_instructor_since", "needs_instructor_reference"))
        _tick_off(row, acting_user)
    return link


def _tick_off(session: Session, acting_user: User) -> None:
    """What a purge left to do about this session is done."""
    FollowUp.objects.filter(
        account_id=session.course.account_id, model="learning.Session", row=session.pk, done_at=None
    ).update(done_by=acting_user, done_at=timezone.now())


def session_instructor_remove(*, acting_user: User, session: Session, user: User) -> None:
    """The user does not teach the session any more. Refused for its last instructor while it is still to come."""
    with transaction.atomic():
        row = Session.objects.select_for_update().get(pk=session.pk)
        others = SessionInstructor.objects.in_use().filter(session=row).exclude(user=user)
        if not others.exists() and Session.objects.still_to_come().filter(pk=row.pk).exists():
            raise ServiceError(_("A session to come needs an instructor: assign another one first, or cancel it."))
        SessionInstructor.objects.filter(session=row, user=user).delete()


def session_cancel(*, acting_user: User, session: Session) -> None:
    """The session does not take place. Who waited for a seat waits no longer."""
    with transaction.atomic():
        Session.objects.filter(pk=session.pk).update(
            state=SessionState.CANCELLED, needs_instructor_since=None, needs_instructor_reference=""
        )
        WaitingListEntry.objects.filter(session=session).delete()
        _tick_off(session, acting_user)


# ---------------------------------------------------------------- courses and enrolments


def course_publish(*, acting_user: User, course: Course) -> None:
    """Learners can enrol from now on; written down in the content audit."""
    with transaction.atomic():
        _lock_active(acting_user)
        changed = (
            Course.objects.filter(pk=course.pk)
            .exclude(state=CourseState.PUBLISHED)
            .update(state=CourseState.PUBLISHED, published_at=timezone.now())
        )
        if not changed:
            raise ServiceError(_("This course is published already."))
        ContentAudit.objects.create(course=course, action=ContentAuditAction.PUBLISHED, modified_by=acting_user)


def course_retire(*, acting_user: User, course: Course) -> None:
    """Nobody enrols any more; who is enrolled may finish. Written down in the content audit."""
    with transaction.atomic():
        _lock_active(acting_user)
        if not Course.objects.filter(pk=course.pk, state=CourseState.PUBLISHED).update(state=CourseState.RETIRED):
            raise ServiceError(_("Only a published course can be retired."))
        ContentAudit.objects.create(course=course, action=ContentAuditAction.RETIRED, modified_by=acting_user)


def enrolment_create(
    *,
    acting_user: User,
    user: User,
    course: Course,
    session: Session | None = None,
    comment: str = "",
    due_at: datetime | None = None,
    or_wait: bool = True,
) -> Enrolment | WaitingListEntry:
    """Enrol a learner; where the session is full they are put on its waiting list instead (``or_wait``), or refused.

    Refused for people who are deleted or being purged, for unpublished courses, for courses of another account, and
    for somebody who is enrolled already.
    """
    with transaction.atomic():
        _lock_active(acting_user, user)
        _same_account(course.account_id, user)
        if course.state != CourseState.PUBLISHED:
            raise ServiceError(_("This course is not published: nobody can be enrolled in it."))
        if Enrolment.objects.filter(user=user, course=course).exists():
            raise ServiceError(_("This learner is enrolled in the course already."))
        if session is not None and not _seat_free(session, course):
            if not or_wait:
                raise ServiceError(_("This session is full. Choose another one."), code="full")
            entry, _created = WaitingListEntry.objects.get_or_create(user=user, session=session)
            return entry
        return Enrolment.objects.create(
            user=user,
            course=course,
            session=session,
            source=_enrolment_source(acting_user, user),
            enrolled_by=None if acting_user.pk == user.pk else acting_user,
            comment=comment,
            due_at=due_at,
        )


def _seat_free(session: Session, course: Course) -> bool:
    """Under the session's lock, so that the last seat is given once. Who is deleted sits on none."""
    row = Session.objects.select_for_update().get(pk=session.pk)
    if row.course_id != course.pk:
        raise ServiceError(_("This session belongs to another course."))
    if row.state != SessionState.SCHEDULED:
        raise ServiceError(_("This session is cancelled."))
    seated = Enrolment.objects.filter(session=row, user__deleted_at__isnull=True)
    return seated.exclude(state=EnrolmentState.WITHDRAWN).count() < row.seats


def _enrolment_source(acting_user: User, user: User) -> EnrolmentSource:
    if acting_user.pk == user.pk:
        return EnrolmentSource.SELF
    return EnrolmentSource.MANAGER if user.manager_id == acting_user.pk else EnrolmentSource.ADMINISTRATOR


def enrolment_complete(*, acting_user: User, enrolment: Enrolment) -> None:
    """The learner has finished the course."""
    with transaction.atomic():
        _lock_active(acting_user, enrolment.user)
        Enrolment.objects.filter(pk=enrolment.pk).exclude(state=EnrolmentState.COMPLETED).update(
            state=EnrolmentState.COMPLETED, progress=100, completed_at=timezone.now()
        )


def attendance_mark(*, acting_user: User, user: User, session: Session, present: bool, remark: str = "") -> Attendance:
    """Write down whether somebody was there; marking again replaces the earlier mark."""
    with transaction.atomic():
        _lock_active(acting_user, user)
        _same_account(session.course.account_id, user)
        row, _created = Attendance.objects.update_or_create(
            user=user,
            session=session,
            defaults={
                "present": present,
                "remark": remark,
                "marked_by": acting_user,
                "marked_at": timezone.now(),
            },
        )
    return row


# ---------------------------------------------------------------- boards


def post_create(*, acting_user: User, board: Board, title: str, body: str, mentioned: Iterable[User] = ()) -> Post:
    """Write on a board of one's own account. Refused on a closed board and without text."""
    with transaction.atomic():
        people = [*mentioned]
        _lock_active(acting_user, *people)
        _may_write(acting_user, board, body)
        post = Post.objects.create(board=board, author=acting_user, title=title, body=body)
        _mention(people, author=acting_user, account_id=board.account_id, post=post)
    return post


def comment_create(
    *,
    acting_user: User,
    post: Post,
    body: str,
    parent: Comment | None = None,
    mentioned: Iterable[User] = (),
) -> Comment:
    """Answer a post, or a comment on it. Refused where the text that is answered was removed."""
    with transaction.atomic():
        people = [*mentioned]
        _lock_active(acting_user, *people)
        # Locked before the answer is stored: a purge that is about to delete the text sees the answer, or we see none.
        row = Post.objects.select_for_update(of=("self",)).select_related("board").filter(pk=post.pk).first()
        if row is None or row.removed:
            raise ServiceError(_("This post has been removed."))
        _may_write(acting_user, row.board, body)
        if parent is not None:
            above = Comment.objects.select_for_update().filter(pk=parent.pk, post=row).first()
            if above is None or above.removed:
                raise ServiceError(_("This comment has been removed."))
        comment = Comment.objects.create(post=row, parent=parent, author=acting_user, body=body)
        _mention(people, author=acting_user, account_id=row.board.account_id, comment=comment)
    return comment


def post_remove(*, acting_user: User, post: Post) -> None:
    """Take a post away: its author or a moderator of the board. Where others replied an empty one stays."""
    with transaction.atomic():
        row = Post.objects.select_for_update(of=("self",)).select_related("board").get(pk=post.pk)
        _may_remove(acting_user, row.author_id, row.board)
        Mention.objects.filter(post=row).delete()
        if row.comments.exists():
            Post.objects.filter(pk=row.pk).update(author=None, title="", body="", removed=True)
        else:
            row.delete()


def comment_remove(*, acting_user: User, comment: Comment) -> None:
    """Take a comment away: its author or a moderator of the board. Where others replied an empty one stays."""
    with transaction.atomic():
        row = Comment.objects.select_for_update(of=("self",)).select_related("post__board").get(pk=comment.pk)
        _may_remove(acting_user, row.author_id, row.post.board)
        Mention.objects.filter(comment=row).delete()
        if row.replies.exists():
            Comment.objects.filter(pk=row.pk).update(author=None, body="", removed=True)
        else:
            row.delete()


def _may_write(user: User, board: Board, body: str) -> None:
    _same_account(board.account_id, user)
    if board.state != BoardState.OPEN:
        raise ServiceError(_("This board is closed."))
    if not body.strip():
        raise ServiceError(_("Please write something."))


def _may_remove(user: User, author_id: int | None, board: Board) -> None:
    if user.account_id != board.account_id or not (author_id == user.pk or _moderates(user, board)):
        raise ServiceError(_("Only its author and the moderators of the board can remove this."))


def _moderates(user: User, board: Board) -> bool:
    """The board's creator, its moderators, and the account's administrators."""
    if board.creator_id == user.pk or user.has_role(Role.ADMINISTRATOR):
        return True
    return BoardModerator.objects.filter(board=board, user=user).exists()


def _mention(
    people: Sequence[User],
    *,
    author: User,
    account_id: int,
    post: Post | None = None,
    comment: Comment | None = None,
) -> None:
    for person in people:
        _same_account(account_id, person)
    Mention.objects.bulk_create([Mention(post=post, comment=comment, author=author, user=person) for person in people])


# ---------------------------------------------------------------- people


def _same_account(account_id: int, user: User) -> None:
    if user.account_id != account_id:
        raise ServiceError(_("User %(id)s belongs to another account.") % {"id": user.pk})


def _lock_active(*people: User) -> None:
    """Lock these people in id order until the transaction ends; refuse those who cannot be written about.

    The object in hand may be older than a purge, so the state is asked of the database.
    """
    ids = sorted({person.pk for person in people})
    rows = User.objects.filter(pk__in=ids).order_by("pk").select_for_update(no_key=True)
    found = {row.pk: row for row in rows}
    for pk in ids:
        if pk not in found:
            raise ServiceError(_("User %(id)s does not exist any more.") % {"id": pk}, code="gone")
        refuse_frozen(found[pk])
        if found[pk].state != UserState.ACTIVE:
            raise ServiceError(_("User %(id)s is deleted: restore the user first.") % {"id": pk}, code="deleted")
