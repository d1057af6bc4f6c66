"""Reads of courses, sessions and boards."""

from __future__ import annotations

from django.db.models import QuerySet

from learning.models import Comment, Post, Session


def sessions_needing_instructor(account_id: int | None = None) -> QuerySet[Session]:
    """Sessions to come that a purge left without instructor, the next one first. None: of all accounts."""
    sessions = Session.objects.need_instructor()
    if account_id is not None:
        sessions = sessions.filter(course__account_id=account_id)
    return sessions.order_by("starts_at", "id")


def thread(post: Post) -> QuerySet[Comment]:
    """A post's comments in the order in which they were written, the removed ones among them."""
    return post.comments.order_by("created_at", "id")
