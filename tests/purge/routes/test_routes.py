"""One test per row of the results table: what each of the six routes does, and what it leaves alone."""

from datetime import timedelta

import pytest
from django.utils import timezone

from learning.models import Comment
from messaging.models import Notification
from purge import services
from purge.choices import Fate, NoticeState, Route, Status
from purge.models import ImsNotice, PurgeRequest
from purge.routes.policy import policies
from tests.factories.learning import CommentFactory
from tests.factories.users import AdministratorFactory, UserFactory, trial_with_creator
from tests.purge import world as w
from users.models import Account, AccountState, User, UserState

OTHER = "outsider@partner.example"


def exists(*people: User) -> list[bool]:
    present = set(User.objects.filter(pk__in=[person.pk for person in people]).values_list("pk", flat=True))
    return [person.pk in present for person in people]


def purge(
    world: w.World, *people: User, acting_user: User | None = None, account: Account | None = None
) -> PurgeRequest:
    account = account or world.acme
    purge_request = services.purge_submit(
        acting_user=acting_user or world.admin, account_id=account.pk, user_ids=[person.pk for person in people]
    )
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


def purge_address(world: w.World, account: Account, acting_user: User, address: str = OTHER) -> PurgeRequest:
    purge_request = services.purge_submit_address(acting_user=acting_user, account_id=account.pk, address=address)
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


def purge_ims(**message: str) -> PurgeRequest:
    purge_request = services.purge_submit_ims(**message)
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


def comment_in(account: Account, text: str) -> Comment:
    comment: Comment = CommentFactory(post__board__account=account, body=text)
    return comment


def body(comment: Comment) -> str:
    return str(Comment.objects.values_list("body", flat=True).get(pk=comment.pk))


@pytest.fixture
def trial(cast: w.World) -> tuple[Account, User, User]:
    """A trial account with an administrator who may purge, and a deleted user with Ann's address."""
    account, _creator = trial_with_creator(email="boss@trial.example")
    admin = AdministratorFactory(account=account, email="admin@trial.example")
    victim = UserFactory(account=account, email=w.ANN, deleted=True)
    return account, admin, victim


# ---------------------------------------------------------------- administrators, enterprise


def test_ui_enterprise_deletes_the_selected_user_from_the_requesting_account(cast):
    purge(cast, cast.ann)
    assert exists(cast.ann) == [False]
    assert exists(cast.bob, cast.witness, cast.globex_ann, *cast.near) == [True] * (3 + len(cast.near))


def test_ui_enterprise_deletes_users_of_all_trials_whose_email_or_adobe_id_matches(cast):
    purge(cast, cast.ann)
    matches = (cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match)
    assert exists(*matches) == [False] * 4
    # Not: near misses, users without adobe_id, those who share only the selected user's adobe_id, other enterprises.
    assert all(exists(*cast.trial_near, *cast.nobody, cast.globex_ann))


def test_ui_enterprise_matches_by_email_not_by_the_selected_users_adobe_id(cast):
    same_login = UserFactory(account=cast.alpha, email="third@x.org", adobe_id="ann-login")
    purge(cast, cast.ann)
    assert exists(same_login) == [True]


def test_ui_enterprise_keeps_a_match_who_created_the_trial_account(cast):
    purge_request = purge(cast, cast.ann)
    cast.gamma_creator.refresh_from_db()
    assert cast.gamma_creator.email == w.ANN
    assert cast.gamma_creator.state == UserState.ACTIVE
    assert purge_request.kept_count == 1
    assert Account.objects.get(pk=cast.gamma.pk).state == AccountState.ACTIVE
    # A match in a trial account that somebody else created is no creator, and goes.
    assert exists(cast.alpha_match) == [False]


def test_ui_enterprise_erases_the_creator_too_when_the_policy_says_so(cast, settings):
    settings.PURGE_ERASE_KEPT_CREATOR = True
    purge_request = purge(cast, cast.ann)
    assert exists(cast.gamma_creator) == [False]
    assert purge_request.kept_count == 0
    account = Account.objects.get(pk=cast.gamma.pk)
    assert account.creator_missing
    assert account.state == AccountState.ACTIVE
    assert exists(cast.nobody[5]) == [True]


def test_ui_enterprise_takes_the_email_out_of_the_requesting_account_and_all_trials(cast):
    cleaned = [comment_in(account, f"ask {w.ANN}!") for account in (cast.acme, cast.alpha, cast.gamma, cast.delta)]
    kept = [comment_in(account, f"ask {w.ANN}!") for account in (cast.globex, cast.initech)]
    purge(cast, cast.ann)
    assert [body(comment) for comment in cleaned] == ["ask [erased]!"] * 4
    assert [body(comment) for comment in kept] == [f"ask {w.ANN}!"] * 2


def test_ui_enterprise_takes_former_emails_out_of_the_requesting_account_only(cast):
    own, trial = comment_in(cast.acme, f"ask {w.FORMER}!"), comment_in(cast.alpha, f"ask {w.FORMER}!")
    purge(cast, cast.ann)
    assert (body(own), body(trial)) == ("ask [erased]!", f"ask {w.FORMER}!")


def test_ui_enterprise_leaves_a_former_email_that_another_user_holds_now(cast):
    heir = UserFactory(account=cast.acme, email=w.FORMER)
    own = comment_in(cast.acme, f"ask {w.FORMER}!")
    purge(cast, cast.ann)
    assert body(own) == f"ask {w.FORMER}!"
    assert exists(heir) == [True]


def test_ui_enterprise_notifies_the_initiator_on_completion(cast):
    purge_request = purge(cast, cast.ann)
    told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
    assert list(told.values_list("recipient_id", flat=True)) == [cast.admin.pk]
    assert purge_request.reference in told.get().text + told.get().title + told.get().reference
    assert "ann@" not in told.get().text.lower()
    assert "Archer" not in told.get().text


# ---------------------------------------------------------------- administrators, trial


def test_ui_trial_deletes_the_selected_user_from_the_requesting_account(cast, trial):
    account, admin, victim = trial
    purge(cast, victim, acting_user=admin, account=account)
    assert exists(victim, admin, cast.ann, cast.globex_ann) == [False, True, True, True]


def test_ui_trial_deletes_users_of_all_trials_whose_email_or_adobe_id_matches(cast, trial):
    account, admin, victim = trial
    purge(cast, victim, acting_user=admin, account=account)
    assert exists(cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match) == [False] * 4
    assert all(exists(*cast.trial_near, *cast.nobody))


def test_ui_trial_keeps_a_match_who_created_the_trial_account(cast, trial):
    account, admin, victim = trial
    purge_request = purge(cast, victim, acting_user=admin, account=account)
    assert exists(cast.gamma_creator) == [True]
    assert purge_request.kept_count == 1


def test_ui_trial_deletes_a_selected_creator_of_the_requesting_account(cast):
    account, creator = trial_with_creator(email="founder@x.org")
    admin = AdministratorFactory(account=account)
    other = UserFactory(account=account)
    User.objects.filter(pk=creator.pk).update(
        state=UserState.DELETED, deleted_at="2026-02-01T00:00Z", deleted_month="2026-02"
    )
    purge(cast, creator, acting_user=admin, account=account)
    account.refresh_from_db()
    assert exists(creator, other, admin) == [False, True, True]
    assert (account.creator_id, account.creator_missing, account.state) == (None, True, AccountState.ACTIVE)


def test_ui_trial_takes_the_email_out_of_all_trials_and_of_no_enterprise(cast, trial):
    account, admin, victim = trial
    cleaned = [comment_in(a, f"ask {w.ANN}!") for a in (account, cast.alpha, cast.gamma, cast.delta)]
    kept = [comment_in(a, f"ask {w.ANN}!") for a in (cast.acme, cast.globex)]
    purge(cast, victim, acting_user=admin, account=account)
    assert [body(comment) for comment in cleaned] == ["ask [erased]!"] * 4
    assert [body(comment) for comment in kept] == [f"ask {w.ANN}!"] * 2


def test_ui_trial_notifies_the_initiator_on_completion(cast, trial):
    account, admin, victim = trial
    purge_request = purge(cast, victim, acting_user=admin, account=account)
    told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
    assert list(told.values_list("recipient_id", flat=True)) == [admin.pk]


# ---------------------------------------------------------------- other users


def test_other_enterprise_takes_the_address_out_of_the_requesting_account_and_all_trials(cast):
    cleaned = [comment_in(a, f"ask {OTHER}!") for a in (cast.acme, cast.alpha, cast.delta)]
    kept = comment_in(cast.globex, f"ask {OTHER}!")
    purge_address(cast, cast.acme, cast.admin)
    assert [body(comment) for comment in cleaned] == ["ask [erased]!"] * 3
    assert body(kept) == f"ask {OTHER}!"


def test_other_enterprise_deletes_no_user_from_any_account(cast):
    there = UserFactory(account=cast.alpha, email=OTHER)
    before = User.objects.count()
    purge_address(cast, cast.acme, cast.admin)
    there.refresh_from_db()
    assert User.objects.count() == before
    assert (there.email, there.state) == (OTHER, UserState.ACTIVE)


def test_other_enterprise_notifies_the_initiator_on_completion(cast):
    purge_request = purge_address(cast, cast.acme, cast.admin)
    told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
    assert list(told.values_list("recipient_id", flat=True)) == [cast.admin.pk]


def test_other_trial_takes_the_address_out_of_all_trials_and_of_no_enterprise(cast, trial):
    account, admin, _victim = trial
    cleaned = [comment_in(a, f"ask {OTHER}!") for a in (account, cast.alpha, cast.delta)]
    kept = comment_in(cast.acme, f"ask {OTHER}!")
    purge_address(cast, account, admin)
    assert [body(comment) for comment in cleaned] == ["ask [erased]!"] * 3
    assert body(kept) == f"ask {OTHER}!"


def test_other_trial_deletes_no_user_from_any_account(cast, trial):
    account, admin, _victim = trial
    there = UserFactory(account=cast.alpha, email=OTHER)
    before = User.objects.count()
    purge_address(cast, account, admin)
    assert (User.objects.count(), exists(there)) == (before, [True])


def test_other_trial_notifies_the_initiator_on_completion(cast, trial):
    account, admin, _victim = trial
    purge_request = purge_address(cast, account, admin)
    told = Notification.objects.filter(request_id=purge_request.pk, kind="completed")
    assert list(told.values_list("recipient_id", flat=True)) == [admin.pk]


# ---------------------------------------------------------------- the identity provider


def test_ims_enterprise_notifies_the_administrators_of_every_enterprise_that_has_such_a_user(cast):
    purge_request = purge_ims(email=w.ANN)
    notices = ImsNotice.objects.filter(request=purge_request)
    assert set(notices.values_list("account_id", "user_id")) == {
        (cast.acme.pk, cast.ann.pk),
        (cast.globex.pk, cast.globex_ann.pk),
    }
    told = Notification.objects.filter(request_id=purge_request.pk, kind="ims_notice")
    assert cast.admin.pk in told.values_list("recipient_id", flat=True)
    assert set(told.values_list("recipient__account_id", flat=True)) == {cast.acme.pk, cast.globex.pk}
    # Nothing is erased in an enterprise account.
    assert exists(cast.ann, cast.globex_ann) == [True, True]
    # The administrators decide: purging the user closes the notice and takes the address out of it.
    purge(cast, cast.ann)
    notice = ImsNotice.objects.get(request=purge_request, account_id=cast.acme.pk)
    assert (notice.state, notice.identifier, notice.user_id) == (NoticeState.PURGED, "", None)
    assert ImsNotice.objects.get(request=purge_request, account_id=cast.globex.pk).state == NoticeState.OPEN


def test_ims_enterprise_checks_no_email_fields_for_whom_to_notify(cast):
    mention = comment_in(cast.initech, f"ask {w.ANN}!")
    purge_request = purge_ims(email=w.ANN)
    assert not ImsNotice.objects.filter(request=purge_request, account_id=cast.initech.pk).exists()
    assert body(mention) == f"ask {w.ANN}!"


def test_ims_trial_deletes_all_users_with_either_identifier_from_all_trials(cast):
    by_login = UserFactory(account=cast.alpha, email="third@x.org", adobe_id="Ann-Login")
    purge_ims(email=w.ANN, adobe_id="ann-login")
    victims = (cast.alpha_match, cast.beta_login_match, cast.beta_deleted_match, cast.delta_match, by_login)
    assert exists(*victims) == [False] * 5
    assert exists(cast.ann, cast.globex_ann, *cast.trial_near) == [True] * (2 + len(cast.trial_near))


def test_ims_trial_deletes_all_users_of_a_trial_that_the_person_created_there_only(cast):
    second, _creator = trial_with_creator(email="else@creator.example")
    member = UserFactory(account=second, email=w.ANN)
    bystander = UserFactory(account=second)
    purge_ims(email=w.ANN)
    cast.gamma.refresh_from_db()
    assert exists(cast.gamma_creator, cast.nobody[5], member) == [False, False, False]
    assert not User.objects.filter(account=cast.gamma).exists()
    assert cast.gamma.state == AccountState.INACTIVE
    # In a trial account that he did not create only he goes, and the account stays as it is.
    assert exists(bystander, cast.nobody[3]) == [True, True]
    assert Account.objects.get(pk=second.pk).state == AccountState.ACTIVE


def test_ims_trial_takes_the_email_out_of_all_trials_and_notifies_nobody(cast):
    cleaned = [comment_in(a, f"ask {w.ANN}!") for a in (cast.alpha, cast.delta)]
    kept = comment_in(cast.acme, f"ask {w.ANN}!")
    purge_request = purge_ims(email=w.ANN)
    assert [body(comment) for comment in cleaned] == ["ask [erased]!"] * 2
    assert body(kept) == f"ask {w.ANN}!"
    assert not Notification.objects.filter(request_id=purge_request.pk, kind="completed").exists()


# ---------------------------------------------------------------- the identity provider, details


def test_the_same_message_twice_is_one_request(cast):
    first = services.purge_submit_ims(email=w.ANN, reference="SET-1")
    assert services.purge_submit_ims(email=w.ANN, reference="SET-1") == first
    assert PurgeRequest.objects.count() == 1
    assert ImsNotice.objects.filter(request=first).count() == 2


def test_a_message_that_matches_nobody_completes_with_nothing_found(cast):
    purge_request = purge_ims(email="nobody@nowhere.example", reference="SET-2")
    assert (purge_request.subjects.count(), purge_request.notices.count(), purge_request.rows_done) == (0, 0, 0)


def test_a_message_without_identifier_is_refused_and_nothing_is_stored(cast):
    with pytest.raises(services.PurgeRefused, match="names nobody"):
        services.purge_submit_ims(email=" ", adobe_id="")
    assert PurgeRequest.objects.count() == 0


def test_with_the_login_alone_the_emails_of_the_matched_users_are_cleaned_too(cast):
    UserFactory(account=cast.alpha, email="third@x.org", adobe_id="solo-login")
    comment = comment_in(cast.beta, "ask third@x.org!")
    purge_ims(adobe_id="solo-login")
    assert body(comment) == "ask [erased]!"


def test_emptying_a_trial_of_more_than_fifty_others_waits_for_an_operator(cast):
    for _n in range(51):
        UserFactory(account=cast.gamma)
    purge_request = services.purge_submit_ims(email=w.ANN)
    assert (purge_request.status, purge_request.held_reason) == (Status.HELD, "members")
    w.run_to_end(purge_request)
    assert exists(cast.gamma_creator) == [True]
    services.purge_release(acting_user=None, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(account=cast.gamma).exists()


def test_a_user_who_was_overlooked_when_the_request_was_accepted_goes_too(cast):
    long_ago = timezone.now() - timedelta(days=1)
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    # Committed in the moment in which the matches were looked for.
    late = UserFactory(account=cast.beta, email="late@x.org", adobe_id=w.ANN, added_at=long_ago)
    assert w.completed(w.run_to_end(purge_request))
    assert exists(late) == [False]
    assert purge_request.subjects.get(person_id=late.pk).fate == Fate.ERASED


def test_the_policy_table_has_the_six_routes(settings):
    table = {route: policy.as_json() for route, policy in policies().items()}
    assert list(table) == list(Route)
    assert table[Route.IMS_TRIAL] == {
        "route": "ims_trial",
        "delete_selected": False,
        "delete_trial_matches": True,
        "delete_matching_creators": True,
        "delete_users_of_created_trials": True,
        "scrub_requesting_account": False,
        "scrub_trial_accounts": True,
        "notify": None,
    }


def test_look_alikes_of_other_spellings_survive_the_purge_of_their_neighbours(cast):
    people = [UserFactory(account=cast.acme, email=email, deleted=True) for email in ("a_b@x.org", "JÜRGEN@x.org")]
    twins = [
        UserFactory(account=account, email=email)
        for account in (cast.acme, cast.alpha)
        for email in ("axb@x.org", "jurgen@x.org")
    ]
    matches = [UserFactory(account=cast.alpha, email=email) for email in ("A_B@x.org", "jürgen@x.org")]
    comment = comment_in(cast.acme, "axb@x.org, a_b@x.org, jürgen@x.org, jurgen@x.org")
    purge(cast, *people)
    assert exists(*people, *matches) == [False] * 4
    assert exists(*twins) == [True] * 4
    assert body(comment) == "axb@x.org, [erased], [erased], jurgen@x.org"
