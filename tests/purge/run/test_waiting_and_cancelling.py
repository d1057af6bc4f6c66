"""A request that waits takes nothing; one that is called off gives back everything."""

import io

import pytest
from django.core.management import call_command

from connectors import selectors as connectors
from connectors.services import token_create
from purge import services
from purge.choices import NoticeState, Origin, Reason, Route, Status
from purge.models import PurgeRequest
from purge.routes.policy import policy_of
from purge.routes.targets import resolve_targets
from purge.services import PurgeRefused, SelectionChanged
from purge.services.accepting import Identities, accept_request
from tests.factories.users import ImportLogFactory, UserFactory
from tests.purge import world as w
from users import services as users
from users.imports.services import ImportGone, import_file_erase, import_file_open
from users.models import ImportLog, ImportState, User, UserState


def submit(world, *people, **extra):
    return services.purge_submit(
        acting_user=world.admin, account_id=world.acme.pk, user_ids=[person.pk for person in people], **extra
    )


def state(person):
    return User.objects.get(pk=person.pk).state


def opens(log):
    try:
        import_file_open(acting_user=None, log=log).close()
    except ImportGone:
        return False
    return True


@pytest.fixture
def imports(cast):
    """An import with a file in the requesting account, and one in a trial with a match; neither mentions Ann."""
    return [
        ImportLogFactory(account=account, content="Name,E-Mail\nSomebody,else@y.org\n")
        for account in (cast.acme, cast.alpha)
    ]


# ---------------------------------------------------------------- calling off


def test_calling_off_gives_back_states_links_and_keys(cast, imports):
    _token, key = token_create(acting_user=cast.alpha_match, name="Script")
    purge_request = submit(cast, cast.ann)
    assert [state(person) for person in (cast.ann, cast.alpha_match, cast.beta_deleted_match)] == ["purging"] * 3
    assert [opens(log) for log in imports] == [False, False]
    assert connectors.token_owner(key) is None

    services.purge_cancel(acting_user=cast.admin, purge_request=purge_request)
    assert [state(person) for person in (cast.ann, cast.alpha_match, cast.beta_deleted_match)] == [
        UserState.DELETED,
        UserState.ACTIVE,
        UserState.DELETED,
    ]
    assert [opens(log) for log in imports] == [True, True]
    assert connectors.token_owner(key) == cast.alpha_match
    assert not purge_request.identifiers.exists()
    assert submit(cast, cast.ann).status == Status.QUEUED


def test_a_purge_that_is_not_called_off_takes_links_and_keys_for_good(cast, imports):
    _token, key = token_create(acting_user=cast.alpha_match, name="Script")
    assert w.completed(w.run_to_end(submit(cast, cast.ann)))
    assert [opens(log) for log in imports] == [False, False]
    assert connectors.token_owner(key) is None
    for log in imports:
        log.refresh_from_db()
        assert not log.file


def test_a_freeze_lasts_until_the_last_request_that_holds_somebody(cast, imports):
    twin = UserFactory(account=cast.globex, email=w.ANN.upper() + "x", deleted=True)
    UserFactory(account=cast.alpha, email=twin.email)
    first = submit(cast, cast.ann)
    globex_admin = User.objects.get(email="admin@globex.example")
    ann_there = users.user_delete(acting_user=globex_admin, user=cast.globex_ann)
    second = services.purge_submit(acting_user=globex_admin, account_id=cast.globex.pk, user_ids=[ann_there.pk])
    services.purge_cancel(acting_user=cast.admin, purge_request=first)
    assert (state(cast.alpha_match), opens(imports[0]), opens(imports[1])) == ("purging", True, False)
    services.purge_cancel(acting_user=globex_admin, purge_request=second)
    assert (state(cast.alpha_match), opens(imports[1])) == (UserState.ACTIVE, True)


def test_calling_off_revives_no_link_whose_file_a_purge_has_erased(cast, imports):
    assert w.completed(w.run_to_end(submit(cast, cast.ann)))
    later = submit(cast, cast.bob)
    services.purge_cancel(acting_user=cast.admin, purge_request=later)
    assert [opens(log) for log in imports] == [False, False]
    imports[0].refresh_from_db()
    assert imports[0].link_dead_at is not None


def test_the_file_of_an_import_that_ends_meanwhile_is_there_until_the_purge_cannot_be_called_off(cast, imports):
    """An import at work is read to its end, and then its file goes; not while the purge may still be called off."""
    log = imports[0]
    ImportLog.objects.filter(pk=log.pk).update(state=ImportState.RUNNING)
    purge_request = submit(cast, cast.ann)
    ImportLog.objects.filter(pk=log.pk).update(state=ImportState.COMPLETED)
    assert import_file_erase(log_id=log.pk) is False
    services.purge_cancel(acting_user=cast.admin, purge_request=purge_request)
    assert opens(log)
    again = submit(cast, cast.ann)
    PurgeRequest.objects.filter(pk=again.pk).update(planned=True)
    assert import_file_erase(log_id=log.pk) is True


# ---------------------------------------------------------------- the identity provider's messages


@pytest.fixture
def crowded(cast):
    """The trial of which Ann is the creator has more than fifty other users."""
    return [UserFactory(account=cast.gamma) for _n in range(51)]


def test_an_identity_providers_request_that_waits_takes_nothing(cast, crowded):
    _token, key = token_create(acting_user=crowded[0], name="Script")
    log = ImportLogFactory(account=cast.gamma, content="Name,E-Mail\nSomebody,else@y.org\n")
    purge_request = services.purge_submit_ims(email=w.ANN)
    assert purge_request.status == Status.HELD
    assert {state(person) for person in (*crowded, cast.gamma_creator, cast.alpha_match)} == {UserState.ACTIVE}
    assert connectors.token_owner(key) == crowded[0]
    assert opens(log)
    services.purge_release(acting_user=None, purge_request=purge_request)
    assert {state(person) for person in (*crowded, cast.gamma_creator, cast.alpha_match)} == {UserState.PURGING}
    assert connectors.token_owner(key) is None
    assert not opens(log)


def test_a_cancelled_message_is_taken_in_again_under_its_reference(cast):
    first = services.purge_submit_ims(email=w.ANN, reference="SET-9")
    assert services.purge_submit_ims(email=w.ANN, reference="SET-9") == first
    services.purge_cancel(acting_user=None, purge_request=first)
    out = io.StringIO()
    call_command("purge_ims", "--email", w.ANN, "--reference", "SET-9", stdout=out)
    second = PurgeRequest.objects.exclude(pk=first.pk).get()
    assert second.reference in out.getvalue()
    assert first.reference not in out.getvalue()
    assert (second.status, second.external_reference) == (Status.QUEUED, "SET-9")
    assert services.purge_submit_ims(email=w.ANN, reference="SET-9") == second
    assert set(first.notices.values_list("state", flat=True)) == {NoticeState.DECLINED}
    assert set(second.notices.values_list("state", flat=True)) == {NoticeState.OPEN}
    assert w.completed(w.run_to_end(second))
    assert not User.objects.filter(pk=cast.gamma_creator.pk).exists()


# ---------------------------------------------------------------- reserved while it waits


@pytest.fixture
def waiting(cast):
    """A request for Ann that waits for somebody before it begins for her."""
    people = services.submission.get_host().people([cast.ann.pk])
    policy = policy_of(Route.UI_ENTERPRISE)
    return accept_request(
        route=Route.UI_ENTERPRISE,
        policy=policy,
        origin=Origin.ADMIN,
        account_id=cast.acme.pk,
        acting_user=cast.admin,
        targets=resolve_targets(policy, selected=people, emails=[w.ANN]),
        identities=Identities(emails=frozenset({w.ANN})),
        held="members",
    )


def test_whoever_was_selected_is_reserved_and_stays_what_they_were(cast, waiting):
    assert state(cast.ann) == UserState.DELETED
    ann = User.objects.get(pk=cast.ann.pk)
    with pytest.raises(users.UserFrozen, match=waiting.reference):
        users.user_restore(acting_user=cast.admin, user=ann)
    with pytest.raises(users.UserFrozen, match=waiting.reference):
        users.user_update(acting_user=cast.admin, user=ann, email="other@x.org")
    with pytest.raises(users.UserFrozen):
        users.user_create(acting_user=cast.admin, account=cast.acme, name="Ann", email=w.ANN)
    with pytest.raises(PurgeRefused, match=waiting.reference):
        submit(cast, cast.ann)
    assert state(cast.ann) == UserState.DELETED
    services.purge_cancel(acting_user=cast.admin, purge_request=waiting)
    assert users.user_restore(acting_user=cast.admin, user=ann).state == UserState.ACTIVE


def test_a_match_is_not_reserved(cast, waiting):
    assert waiting.subjects.filter(person_id=cast.beta_deleted_match.pk, role=Reason.MATCH).exists()
    restored = users.user_restore(acting_user=None, user=cast.beta_deleted_match)
    assert restored.state == UserState.ACTIVE


def test_whoever_was_selected_and_is_not_deleted_when_it_begins_is_let_go(cast, waiting):
    # No service does this; a database that was mended by hand might.
    User.objects.filter(pk=cast.ann.pk).update(state=UserState.ACTIVE, deleted_at=None, deleted_month=None)
    services.purge_release(acting_user=None, purge_request=waiting)
    assert state(cast.ann) == UserState.ACTIVE
    assert w.completed(w.run_to_end(waiting))
    assert state(cast.ann) == UserState.ACTIVE
    assert not User.objects.filter(pk=cast.alpha_match.pk).exists()


# ---------------------------------------------------------------- leave out instead of refuse


def test_whoever_is_in_another_request_is_named_and_the_rest_asked_again(cast):
    third = UserFactory(account=cast.acme, deleted=True)
    first = submit(cast, cast.ann)
    with pytest.raises(SelectionChanged, match=first.reference) as changed:
        submit(cast, cast.ann, cast.bob, third, confirmed=True)
    assert (changed.value.people, changed.value.rest) == ((cast.ann.pk,), (cast.bob.pk, third.pk))
    assert PurgeRequest.objects.count() == 1
    assert (
        services.purge_submit(
            acting_user=cast.admin, account_id=cast.acme.pk, user_ids=changed.value.rest, confirmed=True
        ).selected_count
        == 2
    )


def test_restored_and_taken_people_are_named_together(cast):
    third = UserFactory(account=cast.acme, deleted=True)
    first = submit(cast, cast.ann)
    users.user_restore(acting_user=cast.admin, user=cast.bob)
    with pytest.raises(SelectionChanged) as changed:
        submit(cast, cast.ann, cast.bob, third, confirmed=True)
    assert set(changed.value.people) == {cast.ann.pk, cast.bob.pk}
    assert changed.value.rest == (third.pk,)
    assert first.reference in str(changed.value)
    assert f"user {cast.bob.pk}" in str(changed.value)


def test_where_nobody_is_left_the_refusal_names_the_request(cast):
    first = submit(cast, cast.ann)
    with pytest.raises(PurgeRefused, match=first.reference) as refused:
        submit(cast, cast.ann, confirmed=True)
    assert refused.value.code == "in_request"
