"""What people write for each other: boards, posts, comments, mentions.

A removed post or comment stays only where others replied: without text and without author.
"""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.wall import OfAccount


class BoardState(models.TextChoices):
    OPEN = "open", _("Open")
    CLOSED = "closed", _("Closed")


class Board(OfAccount):
    """A place for posts about a subject."""

    account = models.ForeignKey("users.Account", models.PROTECT, related_name="boards", verbose_name=_("account"))
    name = models.CharField(_("name"), max_length=200)
    description = models.TextField(_("description"), blank=True, default="")
    state = models.CharField(_("state"), max_length=20, choices=BoardState.choices, default=BoardState.OPEN)
    creator = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="created_boards", verbose_name=_("creator")
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("board")
        verbose_name_plural = _("boards")
        ordering = ("name", "id")

    def __str__(self) -> str:
        return self.name


class BoardModerator(OfAccount):
    """Who may remove other people's posts on a board."""

    board = models.ForeignKey(Board, models.PROTECT, related_name="moderator_links", verbose_name=_("board"))
    user = models.ForeignKey("users.User", models.PROTECT, related_name="moderated_links", verbose_name=_("moderator"))

    class Meta:
        verbose_name = _("board moderator")
        verbose_name_plural = _("board moderators")
        constraints = (models.UniqueConstraint(fields=("board", "user"), name="learning_moderator_once"),)

    def __str__(self) -> str:
        return f"board {self.board_id}, user {self.user_id}"


class BoardMember(OfAccount):
    """Who follows a board."""

    board = models.ForeignKey(Board, models.PROTECT, related_name="member_links", verbose_name=_("board"))
    user = models.ForeignKey("users.User", models.PROTECT, related_name="board_links", verbose_name=_("member"))
    joined_at = models.DateTimeField(_("joined"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("board member")
        verbose_name_plural = _("board members")
        constraints = (models.UniqueConstraint(fields=("board", "user"), name="learning_member_once"),)

    def __str__(self) -> str:
        return f"board {self.board_id}, user {self.user_id}"


class Post(OfAccount):
    """A post on a board."""

    board = models.ForeignKey(Board, models.PROTECT, related_name="posts", verbose_name=_("board"))
    author = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="posts", verbose_name=_("author")
    )
    title = models.CharField(_("title"), max_length=200, blank=True, default="")
    body = models.TextField(_("text"), blank=True, default="")
    removed = models.BooleanField(_("removed"), default=False)
    created_at = models.DateTimeField(_("written"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return f"post {self.pk}"


class Comment(OfAccount):
    """An answer to a post, or to another comment on it."""

    post = models.ForeignKey(Post, models.PROTECT, related_name="comments", verbose_name=_("post"))
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="replies", verbose_name=_("in reply to")
    )
    author = models.ForeignKey(
        "users.User", models.PROTECT, null=True, blank=True, related_name="comments", verbose_name=_("author")
    )
    body = models.TextField(_("text"), blank=True, default="")
    removed = models.BooleanField(_("removed"), default=False)
    created_at = models.DateTimeField(_("written"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ("post", "created_at", "id")

    def __str__(self) -> str:
        return f"comment {self.pk}"


class Mention(OfAccount):
    """Somebody named in a post or in a comment. ``author`` is who named them, so that the row goes with the text."""

    post = models.ForeignKey(
        Post, models.PROTECT, null=True, blank=True, related_name="mentions", verbose_name=_("post")
    )
    comment = models.ForeignKey(
        Comment, models.PROTECT, null=True, blank=True, related_name="mentions", verbose_name=_("comment")
    )
    author = models.ForeignKey(
        "users.User", models.PROTECT, related_name="written_mentions", verbose_name=_("mentioned by")
    )
    user = models.ForeignKey("users.User", models.PROTECT, related_name="mentions", verbose_name=_("mentioned"))

    class Meta:
        verbose_name = _("mention")
        verbose_name_plural = _("mentions")
        constraints = (
            models.CheckConstraint(
                name="learning_mention_in_one_text",
                condition=Q(post__isnull=False, comment__isnull=True) | Q(post__isnull=True, comment__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"mention {self.pk}"
