"""A machine so slow that no chunk gets beyond one step in its time: a purge ends all the same, and leaves nothing."""

from __future__ import annotations

import pytest

from purge import services
from purge.choices import Status
from purge.run import claims, engine, sweep
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, LoginEventFactory, UserFactory
from users.models import LoginEvent, User


@pytest.mark.django_db
@pytest.mark.parametrize("rows_a_chunk", [3, 10_000])
def test_the_last_pass_is_not_cut_short(monkeypatch, rows_a_chunk):
    for seconds in ("CHUNK_SECONDS", "WHOLE_SECONDS"):
        monkeypatch.setattr(sweep, seconds, 0.0)
    for rows in ("CHUNK_ROWS", "WHOLE_ROWS"):
        monkeypatch.setattr(sweep, rows, rows_a_chunk)
    account = AccountFactory()
    admin = AdministratorFactory(account=account)
    ann = UserFactory(account=account, deleted=True)
    LoginEventFactory.create_batch(10, user=ann)
    comment = CommentFactory(post__board__account=account, author=admin, body=f"Ask {ann.email}, please.")
    purge_request = services.purge_submit(acting_user=admin, account_id=account.pk, user_ids=[ann.pk])
    chunks = []
    real = sweep.Sweep._in_transaction
    monkeypatch.setattr(sweep.Sweep, "_in_transaction", lambda walk, *a, **k: chunks.append(1) or real(walk, *a, **k))
    claim = claims.claim_request(purge_request.pk)
    assert claim is not None
    assert engine.work(claim, seconds=600) is False
    purge_request.refresh_from_db()
    assert purge_request.status == Status.COMPLETED
    assert not User.objects.filter(pk=ann.pk).exists()
    assert not LoginEvent.objects.filter(user_id=ann.pk).exists()
    comment.refresh_from_db()
    assert ann.email not in comment.body
    # Once through all steps, a step a chunk at the least, and the pass that deletes: not one pass after another.
    assert len(chunks) < 2 * purge_request.steps.count() + 10
