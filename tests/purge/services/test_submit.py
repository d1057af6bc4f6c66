"""Submitting: every refusal next to the success it refuses, and nothing half-done."""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, models
from django.test.utils import isolate_apps
from django.utils import timezone

from purge import services
from purge.choices import Status
from purge.models import LookUp, PurgeRequest, Subject
from purge.references import MistypedReference, new_reference, parse_reference
from purge.rules.coverage import all_gaps, model_gaps
from purge.selectors import request_by_reference
from purge.services import NotAllowed, PurgeRefused, SelectionChanged
from tests.factories.users import AccountFactory, AdministratorFactory, LoginEventFactory, UserFactory
from tests.purge import world as w
from users import services as users
from users.models import AccountKind, User, UserState


def submit(world: w.World, *people: User, **extra):
    return services.purge_submit(
        acting_user=extra.pop("acting_user", world.admin),
        account_id=extra.pop("account", world.acme).pk,
        user_ids=extra.pop("ids", [person.pk for person in people]),
        **extra,
    )


def nothing_happened(world: w.World) -> bool:
    world.ann.refresh_from_db()
    return PurgeRequest.objects.count() == 0 and world.ann.state == UserState.DELETED


# ---------------------------------------------------------------- how many


def test_fifty_people_are_accepted_and_fifty_one_are_not(cast):
    many = [UserFactory(account=cast.acme, deleted=True) for _n in range(51)]
    with pytest.raises(PurgeRefused, match="at most 50") as refusal:
        submit(cast, *many)
    assert refusal.value.code == "too_many"
    assert nothing_happened(cast)
    assert submit(cast, *many[:50]).selected_count == 50


def test_an_empty_selection_is_refused(cast):
    with pytest.raises(PurgeRefused, match="at least one"):
        submit(cast)
    assert nothing_happened(cast)


def test_the_same_person_twice_counts_once(cast):
    purge_request = submit(cast, cast.ann, cast.ann)
    assert purge_request.selected_count == 1


# ---------------------------------------------------------------- whom


@pytest.mark.parametrize("who", ["other_account", "unknown", "active"])
def test_whoever_is_not_a_deleted_user_of_the_account_is_refused_by_number(cast, who):
    ids = {
        "other_account": UserFactory(account=cast.globex, deleted=True).pk,
        "unknown": 987_654_321,
        "active": cast.witness.pk,
    }
    with pytest.raises(PurgeRefused, match=str(ids[who])) as refusal:
        submit(cast, ids=[cast.ann.pk, ids[who]])
    assert refusal.value.people == (ids[who],)
    assert nothing_happened(cast)
    assert submit(cast, cast.ann).status == Status.QUEUED


def test_other_accounts_users_and_unknown_ids_are_refused_in_the_same_words(cast):
    stranger = UserFactory(account=cast.globex, deleted=True)
    with pytest.raises(PurgeRefused) as known:
        submit(cast, ids=[stranger.pk])
    with pytest.raises(PurgeRefused) as unknown:
        submit(cast, ids=[987_654_321])
    assert str(known.value).replace(str(stranger.pk), "") == str(unknown.value).replace("987654321", "")


def test_a_user_already_selected_in_an_open_request_is_refused_with_its_id(cast):
    first = submit(cast, cast.ann)
    with pytest.raises(PurgeRefused, match=first.reference) as refusal:
        submit(cast, cast.ann, cast.bob, acting_user=cast.admin2)
    assert refusal.value.reference == first.reference
    assert Subject.objects.filter(person_id=cast.bob.pk).count() == 0
    assert submit(cast, cast.bob).status == Status.QUEUED


def test_a_user_restored_between_preview_and_confirm_is_named_and_the_rest_asked_again(cast):
    users.user_restore(acting_user=cast.admin2, user=cast.ann)
    with pytest.raises(SelectionChanged) as changed:
        submit(cast, cast.ann, cast.bob, confirmed=True)
    assert (changed.value.people, changed.value.rest) == ((cast.ann.pk,), (cast.bob.pk,))
    assert PurgeRequest.objects.count() == 0
    assert submit(cast, ids=changed.value.rest, confirmed=True).selected_count == 1


def test_a_frozen_user_cannot_be_restored_and_the_message_names_the_request(cast):
    purge_request = submit(cast, cast.ann)
    with pytest.raises(users.UserFrozen, match=purge_request.reference):
        users.user_restore(acting_user=cast.admin2, user=cast.ann)


# ---------------------------------------------------------------- who may


def test_who_may_purge(cast):
    without = AdministratorFactory(account=cast.acme, may_purge=False)
    foreign = AdministratorFactory(account=cast.globex)
    system = AccountFactory(kind=AccountKind.SYSTEM)
    support = UserFactory(account=system, is_support=True)
    deleted = AdministratorFactory(account=cast.acme, deleted=True)
    for somebody in (without, foreign, support, deleted, None, cast.witness):
        with pytest.raises(NotAllowed):
            submit(cast, cast.ann, acting_user=somebody)
    assert nothing_happened(cast)
    superuser = UserFactory(account=system, is_superuser=True)
    assert submit(cast, cast.ann, acting_user=superuser).initiator == superuser


def test_nothing_is_purged_in_the_system_account(cast):
    system = AccountFactory(kind=AccountKind.SYSTEM)
    superuser = UserFactory(account=system, is_superuser=True)
    victim = UserFactory(account=system, deleted=True)
    with pytest.raises(NotAllowed):
        submit(cast, victim, acting_user=superuser, account=system)
    assert PurgeRequest.objects.count() == 0


# ---------------------------------------------------------------- once


def test_the_same_form_sent_twice_is_one_request(cast):
    token = uuid.uuid4()
    first = submit(cast, cast.ann, token=token)
    assert submit(cast, cast.ann, token=token) == first
    assert PurgeRequest.objects.count() == 1
    with pytest.raises(PurgeRefused):
        submit(cast, cast.ann, token=uuid.uuid4())


def test_another_users_form_token_gives_nothing_away(cast):
    token = uuid.uuid4()
    submit(cast, cast.ann, token=token)
    with pytest.raises(PurgeRefused):
        submit(cast, cast.ann, token=token, acting_user=cast.admin2)


# ---------------------------------------------------------------- other users


def test_an_address_of_a_user_of_the_account_is_refused_with_what_to_do(cast):
    with pytest.raises(PurgeRefused, match="deleted user of this account"):
        services.purge_submit_address(acting_user=cast.admin, account_id=cast.acme.pk, address=" ANN@x.org ")
    assert nothing_happened(cast)
    elsewhere = services.purge_submit_address(
        acting_user=cast.admin, account_id=cast.acme.pk, address="creator@alpha.example"
    )
    assert elsewhere.status == Status.QUEUED


def test_the_address_of_a_user_who_shares_a_mailbox_is_a_users_address(cast):
    """Who had the key is gone; the one who shared it has the address, and no key before an operator gives it back."""
    sharing = UserFactory(account=cast.acme, email="DESK@x.org", email_key=None)
    with pytest.raises(PurgeRefused) as refusal:
        services.purge_submit_address(acting_user=cast.admin, account_id=cast.acme.pk, address="desk@x.org")
    assert refusal.value.code == "is_user"
    User.objects.filter(pk=sharing.pk).update(account=cast.globex)
    purge_request = services.purge_submit_address(acting_user=cast.admin, account_id=cast.acme.pk, address="desk@x.org")
    assert w.completed(w.run_to_end(purge_request))
    sharing.refresh_from_db()
    assert sharing.email == "DESK@x.org"


@pytest.mark.parametrize("address", ["", "ann", "ann@", "@x.org", "a b@x.org", "ann@x.org, bob@x.org", "<ann@x.org>"])
def test_a_malformed_address_is_refused(cast, address):
    with pytest.raises(PurgeRefused) as refusal:
        services.purge_submit_address(acting_user=cast.admin, account_id=cast.acme.pk, address=address)
    assert refusal.value.code == "malformed"
    assert PurgeRequest.objects.count() == 0


# ---------------------------------------------------------------- coverage


@isolate_apps("learning", attr_name="apps")
def test_a_model_without_rules_is_a_gap_and_a_submission_is_refused(cast, monkeypatch):
    class Reward(models.Model):
        winner = models.ForeignKey(User, models.PROTECT)
        email = models.EmailField()
        remark = models.TextField()
        grade = models.IntegerField()

        class Meta:
            app_label = "learning"

        def __str__(self) -> str:
            return "reward"

    from django.apps import apps

    known = apps.get_models

    def with_reward(*args, **kwargs):
        return [*known(*args, **kwargs), Reward]

    monkeypatch.setattr(apps, "get_models", with_reward)
    gaps = model_gaps()
    assert {gap.where for gap in gaps} == {
        "learning.Reward.winner",
        "learning.Reward.email",
        "learning.Reward.remark",
    }
    assert {gap.id for gap in gaps} == {"purge.E001"}
    assert all("learning/purge_rules.py" in gap.hint for gap in gaps)
    with pytest.raises(PurgeRefused, match="Purging is paused") as refused:
        submit(cast, cast.ann)
    assert "learning.Reward.winner" in refused.value.details
    assert nothing_happened(cast)
    monkeypatch.undo()
    apps.clear_cache()  # else every model remembers the relation of one that is no more
    assert submit(cast, cast.ann).status == Status.QUEUED


def test_a_table_that_nobody_accounts_for_is_a_gap(cast, django_assert_num_queries):
    assert all_gaps() == []
    with django_assert_num_queries(1):  # asked by a preview and a submission alike, on the way to a request ID
        assert all_gaps() == []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE forgotten_people (id integer PRIMARY KEY, who text)")
    try:
        assert [(gap.id, gap.where) for gap in all_gaps()] == [("purge.E004", "forgotten_people")]
        with pytest.raises(PurgeRefused, match="Purging is paused") as refused:
            submit(cast, cast.ann)
        assert "forgotten_people" in refused.value.details
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE forgotten_people")


# ---------------------------------------------------------------- the guard


def test_a_request_that_reaches_too_many_users_of_other_accounts_waits_for_release(cast, settings):
    settings.PURGE_RATE_GUARD = 3
    purge_request = submit(cast, cast.ann)
    part = PurgeRequest.objects.get(part_of=purge_request)
    assert (purge_request.status, purge_request.held_reason, purge_request.other_account_count) == (
        Status.QUEUED,
        "",
        0,
    )
    assert (part.status, part.held_reason, part.other_account_count) == (Status.HELD, "rate", 4)
    w.run_to_end(part)
    assert User.objects.filter(pk=cast.alpha_match.pk).exists()
    with pytest.raises(NotAllowed):
        services.purge_release(acting_user=cast.admin, purge_request=part)
    services.purge_release(acting_user=None, purge_request=part)
    assert w.completed(w.run_to_end(part))
    assert not User.objects.filter(pk=cast.alpha_match.pk).exists()
    with pytest.raises(PurgeRefused):
        services.purge_release(acting_user=None, purge_request=part)


def test_the_guard_adds_up_over_a_day_and_forgets_after_it(cast, settings):
    settings.PURGE_RATE_GUARD = 4
    first = submit(cast, cast.ann)
    assert not PurgeRequest.objects.filter(part_of=first).exists()
    UserFactory(account=cast.alpha, email="BÖB@x.org")
    second = submit(cast, cast.bob)
    assert PurgeRequest.objects.get(part_of=second).status == Status.HELD
    # What waits counts too: whoever releases it has not released what comes after.
    third = UserFactory(account=cast.acme, email="third@x.org", deleted=True)
    UserFactory(account=cast.alpha, email="third@x.org")
    assert PurgeRequest.objects.filter(part_of=submit(cast, third)).exists()
    PurgeRequest.objects.update(accepted_at=timezone.now() - timedelta(days=2))
    late = UserFactory(account=cast.acme, email="late@x.org", deleted=True)
    UserFactory(account=cast.alpha, email="late@x.org")
    assert not PurgeRequest.objects.filter(part_of=submit(cast, late)).exists()


# ---------------------------------------------------------------- preview


def test_a_preview_shows_the_own_account_only_and_changes_nothing(furnished):
    before = w.dump()
    preview = services.purge_preview(
        acting_user=furnished.admin, account_id=furnished.acme.pk, user_ids=[furnished.ann.pk]
    )
    assert w.dump() == before
    by_key = {line.key: line.n for line in preview.impact.lines}
    assert by_key["learning.Enrolment.user"] == furnished.ann.enrolments.count()
    assert preview.impact.consequences["connectors.services.connectors_stop"]
    purge_request = submit(furnished, furnished.ann)
    w.run_to_end(purge_request)
    # The page's numbers are the run's, as far as this account is concerned: the whole plan is never smaller.
    planned = dict(purge_request.steps.values_list("key", "planned"))
    assert all(planned[key] >= number for key, number in by_key.items())


def test_a_brief_preview_names_what_stops_and_what_is_handed_over_and_counts_nothing_else(furnished):
    asked = {"acting_user": furnished.admin, "account_id": furnished.acme.pk, "user_ids": [furnished.ann.pk]}
    full, brief = services.purge_preview(**asked), services.purge_preview(**asked, in_full=False)
    assert brief.people == full.people
    assert brief.impact.consequences == full.impact.consequences
    assert set(brief.impact.consequences) == {
        "connectors.services.connectors_stop",
        "connectors.services.webhooks_stop",
        "learning.services.sessions_without_instructor",
        "users.services.unique_ids_emptied",
    }
    keys = {line.key for line in brief.impact.lines}
    assert "learning.Course.author" in keys
    assert "learning.Enrolment.user" not in keys


def test_a_preview_refuses_what_a_submission_refuses(cast):
    with pytest.raises(PurgeRefused, match="Only deleted users"):
        services.purge_preview(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.witness.pk])


def test_the_number_of_queries_of_a_preview_does_not_depend_on_the_rows(furnished, django_assert_max_num_queries):
    from django.test.utils import CaptureQueriesContext

    def queries(*people: User) -> int:
        with CaptureQueriesContext(connection) as captured:
            services.purge_preview(
                acting_user=furnished.admin,
                account_id=furnished.acme.pk,
                user_ids=[person.pk for person in people],
            )
        return len(captured)

    queries(furnished.ann, furnished.bob)
    before = queries(furnished.ann, furnished.bob)
    LoginEventFactory.create_batch(20, user=furnished.ann)
    for _n in range(20):
        w.mention_in_comment(furnished, w.ANN)
    assert queries(furnished.ann, furnished.bob) == before
    # And for somebody of whom nothing is there, the statements that ask for all tables at once are enough; but for the
    # nine tables with encrypted columns, which no statement can look into: each is asked for its rows, and read.
    light = [UserFactory(account=furnished.acme, deleted=True) for _n in range(2)]
    assert queries(*light) < 36 + 2 * 9 or connection.vendor == "sqlite"


# ---------------------------------------------------------------- looking up


def test_was_this_person_purged(cast):
    purge_request = submit(cast, cast.ann)
    assert w.completed(w.run_to_end(purge_request))
    for text in (" Ann@X.org", "u-1001", w.FORMER):
        found = services.look_up(acting_user=cast.admin, text=text)
        assert [answer.reference for answer in found.requests] == [purge_request.reference]
    assert services.look_up(acting_user=cast.admin, text="joann@x.org").requests == []
    assert LookUp.objects.count() == 4
    assert "@" not in str(list(LookUp.objects.values()))
    globex_admin = User.objects.get(email="admin@globex.example")
    assert services.look_up(acting_user=globex_admin, text=w.ANN).requests == []
    support = UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_support=True)
    assert len(services.look_up(acting_user=support, text=w.ANN).requests) == 1
    with pytest.raises(NotAllowed):
        services.look_up(acting_user=cast.witness, text=w.ANN)


# ---------------------------------------------------------------- request IDs


def test_a_request_id_is_read_in_any_form_and_a_mistyped_one_told_from_an_unknown_one(cast):
    purge_request = submit(cast, cast.ann)
    letters = purge_request.reference.replace("-", "")
    for text in (
        purge_request.reference,
        purge_request.reference.lower(),
        letters,
        letters[3:],
        f" {purge_request.reference} ",
    ):
        assert request_by_reference(text) == purge_request
    assert request_by_reference(new_reference()) is None
    wrong = purge_request.reference[:-1] + ("A" if purge_request.reference[-1] != "A" else "B")
    with pytest.raises(MistypedReference):
        request_by_reference(wrong)


def test_every_single_wrong_character_and_every_swap_of_neighbours_is_noticed():
    for _n in range(20):
        reference = new_reference()
        body = reference.removeprefix("PUR-").replace("-", "")
        for position in range(9):
            for letter in "23456789ABCDEFGHJKMNPQRSTUVWXYZ":
                if letter != body[position]:
                    with pytest.raises(MistypedReference):
                        parse_reference(body[:position] + letter + body[position + 1 :])
        for position in range(7):
            swapped = body[:position] + body[position + 1] + body[position] + body[position + 2 :]
            if swapped != body:
                with pytest.raises(MistypedReference):
                    parse_reference(swapped)


@pytest.mark.parametrize("text", ["", "PUR", "PUR-7Q4M-2KX9", "hello world", "PUR-0000-1111-L", "PUR-7Q4M-2KX9-HH"])
def test_what_is_no_request_id_says_how_one_looks(text):
    with pytest.raises(MistypedReference, match="request ID"):
        parse_reference(text)


# ---------------------------------------------------------------- trying again


def test_there_is_nothing_to_try_again_while_it_runs_or_when_it_is_completed(cast):
    purge_request = submit(cast, cast.ann)
    with pytest.raises(PurgeRefused, match="nothing to try again"):
        services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    assert w.completed(w.run_to_end(purge_request))
    with pytest.raises(PurgeRefused, match="nothing to try again"):
        services.purge_retry(acting_user=cast.admin, purge_request=purge_request)
    with pytest.raises(NotAllowed):
        services.purge_retry(acting_user=User.objects.get(email="admin@globex.example"), purge_request=purge_request)
