"""Reads of courses, sessions and boards."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from learning.models import Comment, Post, Session, SessionInstructor
from purge.rules import Foretold


def sessions_needing_instructor(account_id: int | None = None) -> QuerySet[Session]:
    """Sessions to come that a purge left without instructor, the next one first. None: of all accounts."""
    sessions = Session.objects.need_instructor()
    if account_id is not None:
        sessions = sessions.filter(course__account_id=account_id)
    return sessions.order_by("starts_at", "id")


def sessions_taught(people: Collection[int], *, account_ids: Collection[int]) -> QuerySet[SessionInstructor]:
    """The links between these people and the sessions to come that they teach in these accounts."""
    to_come = Session.objects.still_to_come().values("pk")
    links = SessionInstructor.objects.filter(user_id__in=people, session_id__in=to_come)
    return links.filter(session__course__account__in=account_ids)


def sessions_losing_instructor(
    *, pks: Mapping[str, Sequence[int]], people: Collection[int], account_id: int
) -> list[Foretold]:
    """Sessions to come whose instructors all go with these people, or are deleted already."""
    stay = SessionInstructor.objects.in_use().exclude(user_id__in=people).values("session_id")
    lose = sessions_taught(people, account_ids=[account_id]).exclude(session_id__in=stay).values("session_id")
    sessions = Session.objects.filter(pk__in=lose, course__account_id=account_id)
    sessions = sessions.select_related("course").order_by("starts_at", "pk")
    text = _("Session “%(title)s” of %(course)s is left without instructor.")
    return [Foretold(each, text % {"title": each.title, "course": each.course}) for each in sessions]


def thread(post: Post) -> QuerySet[Comment]:
    """A post's comments in the order in which they were written, the removed ones among them."""
    return post.comments.order_by("created_at", "id")
