"""Whose account a row belongs to: the admin's log, and accounts that change their kind."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from learning.models import Course
from purge import services
from purge.choices import Status
from purge.run import sweep
from purge.steps import plan
from tests.factories.learning import CommentFactory
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import Account, AccountKind, User
from users.services import ServiceError, account_update


def logged(actor: User, text: str) -> LogEntry:
    content_type = ContentType.objects.get_for_model(Course)
    return LogEntry.objects.create(
        user=actor, content_type=content_type, object_id="1", object_repr=text, action_flag=CHANGE, change_message=text
    )


def texts_of(entry: LogEntry) -> tuple[str, str]:
    entry.refresh_from_db()
    return entry.object_repr, entry.change_message


def purged(world: w.World):
    purge_request = services.purge_submit(acting_user=world.admin, account_id=world.acme.pk, user_ids=[world.ann.pk])
    return w.run_to_end(purge_request)


@pytest.mark.both_databases
def test_the_admin_log_belongs_to_the_account_of_whoever_acted(cast):
    globex_admin = User.objects.get(email="admin@globex.example")
    platform = AccountFactory(kind=AccountKind.SYSTEM)
    superuser = UserFactory(account=platform, email="root@platform.example", is_superuser=True)
    support = UserFactory(account=platform, email="help@platform.example", is_support=True)
    text = f"Course of {w.ANN} and {w.FORMER}"
    theirs, own = logged(globex_admin, text), logged(cast.admin2, text)
    trials = logged(cast.delta.creator, text)
    staff = [logged(superuser, text), logged(support, text)]
    assert w.completed(purged(cast))
    assert texts_of(theirs) == (f"Course of {w.ANN} and {w.FORMER}",) * 2
    # Of all accounts a former address is taken out in the requesting one alone.
    assert texts_of(own) == ("Course of [erased] and [erased]",) * 2
    assert texts_of(trials) == (f"Course of [erased] and {w.FORMER}",) * 2
    # What the platform's own people write is of no account, and nobody has the former address now.
    assert [texts_of(entry) for entry in staff] == [("Course of [erased] and [erased]",) * 2] * 2


def test_nothing_of_another_enterprises_log_is_called_residue_by_the_patrol(cast):
    from purge.upkeep.patrol import look_at

    purge_request = purged(cast)
    assert w.completed(purge_request)
    globex_admin = User.objects.get(email="admin@globex.example")
    theirs = logged(globex_admin, f"about {w.ANN}")
    assert look_at(purge_request) == ()
    own = logged(cast.admin2, f"about {w.ANN}")
    assert {(hit.table, hit.row) for hit in look_at(purge_request)} == {("django_admin_log", str(own.pk))}
    assert texts_of(theirs) == (f"about {w.ANN}",) * 2


# ---------------------------------------------------------------- an account that becomes another kind


@pytest.mark.parametrize(
    ("subdomain", "kind"), [("initech", AccountKind.TRIAL), ("beta", AccountKind.ENTERPRISE), ("acme", "trial")]
)
def test_no_account_changes_its_kind_while_an_open_purge_reaches_all_trials(cast, subdomain, kind):
    account = {"initech": cast.initech, "beta": cast.beta, "acme": cast.acme}[subdomain]
    before = account.kind
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    with pytest.raises(ServiceError) as refused:
        account_update(acting_user=None, account=account, kind=kind)
    assert refused.value.code == "in_request"
    assert "all trial accounts" in str(refused.value)
    assert Account.objects.get(pk=account.pk).kind == before
    # Other settings can change meanwhile, and the kind when it is over.
    account_update(acting_user=None, account=account, kind=before, sender_name="Somebody")
    assert w.completed(w.run_to_end(purge_request))
    account_update(acting_user=None, account=account, kind=kind)
    assert Account.objects.get(pk=account.pk).kind == kind


def test_a_kind_can_change_while_a_purge_is_open_that_reaches_neither_kind(cast):
    from purge.models import PurgeRequest
    from purge.routes.policy import policy_of

    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    PurgeRequest.objects.filter(pk=purge_request.pk).update(
        route="ims_enterprise", policy=policy_of("ims_enterprise").as_json()
    )
    account_update(acting_user=None, account=cast.initech, kind=AccountKind.TRIAL)
    assert Account.objects.get(pk=cast.initech.pk).kind == AccountKind.TRIAL


@pytest.mark.both_databases
def test_an_account_that_became_a_trial_after_acceptance_is_left_alone(cast, monkeypatch):
    """However it came to be one: its people are no late matches, and its texts stay."""
    initech_ann = UserFactory(account=cast.initech, email=w.ANN, name="Ann of Initech")
    comment = CommentFactory(post__board__account=cast.initech, author=initech_ann, body=f"Ask {w.ANN}")
    real, changed = plan.run_step, []

    def then_initech_becomes_a_trial(step, run, **kwargs):
        if not changed:
            changed.append(True)
            from django.utils import timezone

            Account.objects.filter(pk=cast.initech.pk).update(kind=AccountKind.TRIAL, kind_changed_at=timezone.now())
        return real(step, run, **kwargs)

    monkeypatch.setattr(sweep, "run_step", then_initech_becomes_a_trial)
    purge_request = purged(cast)
    assert purge_request.status == Status.COMPLETED
    assert User.objects.get(pk=initech_ann.pk).name == "Ann of Initech"
    comment.refresh_from_db()
    assert comment.body == f"Ask {w.ANN}"
    # One that was a trial before is cleaned all the same.
    assert not User.objects.filter(pk=cast.delta_match.pk).exists()
