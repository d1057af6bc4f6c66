"""Whose an identifier is now, as a pass over texts believes it."""

import pytest

from purge.proof import judge as judging
from tests.factories.users import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_an_answer_is_believed_for_a_second_and_then_asked_for_again(monkeypatch, django_assert_num_queries):
    account, clock = AccountFactory(), [100.0]
    monkeypatch.setattr(judging.time, "monotonic", lambda: clock[0])
    judge = judging.Judge([])
    assert judge._holders(account.pk, "ann@x.org") == []
    ann = UserFactory(account=account, email="ann@x.org")
    clock[0] = 100.9
    with django_assert_num_queries(0):
        assert judge._holders(account.pk, "ann@x.org") == []
    clock[0] = 101.1
    assert [holder.person_id for holder in judge._holders(account.pk, "ann@x.org")] == [ann.pk]
    # Of another account it is another question.
    assert judge._holders(AccountFactory().pk, "ann@x.org") == []
