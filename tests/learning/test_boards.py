import pytest

from learning import selectors, services
from learning.models import BoardState, Comment, Mention, Post
from tests.factories.learning import (
    BoardFactory,
    BoardModeratorFactory,
    CommentFactory,
    MentionFactory,
    PostFactory,
)
from tests.factories.users import UserFactory
from users.models import UserState
from users.services import ServiceError, UserFrozen

pytestmark = pytest.mark.django_db


@pytest.fixture
def board():
    return BoardFactory()


@pytest.fixture
def writer(board):
    return UserFactory(account=board.account)


def test_a_post_with_a_mention(board, writer):
    friend = UserFactory(account=board.account)
    post = services.post_create(
        acting_user=writer, board=board, title="Hello", body="Look at this.", mentioned=[friend]
    )
    assert post.author == writer
    assert [(mention.author, mention.user) for mention in post.mentions.all()] == [(writer, friend)]


def test_a_person_being_purged_neither_writes_nor_is_mentioned(board, writer, put_in_state):
    frozen = UserFactory(account=board.account)
    post = PostFactory(board=board)
    put_in_state(frozen, UserState.PURGING)
    with pytest.raises(UserFrozen):
        services.post_create(acting_user=frozen, board=board, title="", body="Hello")
    with pytest.raises(UserFrozen):
        services.comment_create(acting_user=frozen, post=post, body="Hello")
    with pytest.raises(UserFrozen):
        services.comment_create(acting_user=writer, post=post, body="Hello", mentioned=[frozen])
    assert Post.objects.count() == 1
    assert not Comment.objects.exists()
    assert services.comment_create(acting_user=writer, post=post, body="Hello").author == writer


def test_only_people_of_the_account_write_on_its_boards(board):
    with pytest.raises(ServiceError, match="another account"):
        services.post_create(acting_user=UserFactory(), board=board, title="", body="Hello")


def test_neither_empty_posts_nor_posts_on_closed_boards(board, writer):
    with pytest.raises(ServiceError, match="write something"):
        services.post_create(acting_user=writer, board=board, title="", body="  ")
    closed = BoardFactory(account=board.account, state=BoardState.CLOSED)
    with pytest.raises(ServiceError, match="closed"):
        services.post_create(acting_user=writer, board=closed, title="", body="Hello")


def test_a_removed_post_that_others_answered_stays_empty(board):
    post = PostFactory(board=board)
    reply = CommentFactory(post=post)
    services.post_remove(acting_user=post.author, post=post)
    post.refresh_from_db()
    assert (post.author, post.title, post.body, post.removed) == (None, "", "", True)
    assert list(selectors.thread(post)) == [reply]


def test_a_removed_post_that_nobody_answered_goes_with_its_mentions(board):
    mention = MentionFactory(post=PostFactory(board=board))
    services.post_remove(acting_user=mention.author, post=mention.post)
    assert not Post.objects.exists()
    assert not Mention.objects.exists()


def test_a_removed_comment_stays_only_under_replies(board):
    post = PostFactory(board=board)
    comment = CommentFactory(post=post)
    reply = CommentFactory(post=post, parent=comment)
    services.comment_remove(acting_user=comment.author, comment=comment)
    comment.refresh_from_db()
    assert (comment.author, comment.body, comment.removed) == (None, "", True)
    services.comment_remove(acting_user=reply.author, comment=reply)
    assert not Comment.objects.filter(pk=reply.pk).exists()


def test_nobody_answers_what_was_removed(board, writer):
    post = PostFactory(board=board)
    comment = CommentFactory(post=post, removed=True, author=None, body="")
    with pytest.raises(ServiceError, match="comment has been removed"):
        services.comment_create(acting_user=writer, post=post, parent=comment, body="But")
    Post.objects.filter(pk=post.pk).update(removed=True, author=None)
    with pytest.raises(ServiceError, match="post has been removed"):
        services.comment_create(acting_user=writer, post=post, body="But")


def test_moderators_remove_and_others_do_not(board, writer):
    post = PostFactory(board=board)
    with pytest.raises(ServiceError, match="moderators"):
        services.post_remove(acting_user=writer, post=post)
    BoardModeratorFactory(board=board, user=writer)
    services.post_remove(acting_user=writer, post=post)
    assert not Post.objects.exists()
