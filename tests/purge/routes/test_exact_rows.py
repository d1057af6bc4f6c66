"""Rows are matched, revived and known again by the exact key: never somebody whose address only looks alike."""

import pytest
from django.contrib.auth import authenticate

from purge import services
from purge.choices import Status
from purge.hashing import keyed_hash
from purge.models import Identifier, LookUp, SuppressionHash
from purge.services import PurgeRefused
from tests.factories.users import AdministratorFactory, UserFactory, trial_with_creator
from tests.purge import world as w
from tests.users.imports.at_hand import bad_rows, counts, imported
from users.models import User, UserState

#: One is purged, the other is somebody else.
ALIKE = [
    ("weiss@firma.example", "weiß@firma.example"),
    ("weiß@firma.example", "weiss@firma.example"),
    ("ννας@ξ.example", "ννασ@ξ.example"),  # noqa: RUF001
    ("x2@firma.example", "x²@firma.example"),
    ("ann@strasse.example", "ann@straße.example"),
    ("an\u200dn@firma.example", "ann@firma.example"),
]
#: One mailbox in two spellings of its domain.
SPELLINGS = [
    ("jürgen@bücher.example", "jürgen@xn--bcher-kva.example"),
    ("jürgen@xn--bcher-kva.example", "JÜRGEN@Bücher.example"),
]


def purged(world, *people, account=None, by=None):
    purge_request = services.purge_submit(
        acting_user=by or world.admin, account_id=(account or world.acme).pk, user_ids=[person.pk for person in people]
    )
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


@pytest.mark.parametrize(("goes", "stays"), ALIKE)
def test_a_purge_leaves_the_row_of_somebody_whose_address_looks_alike(cast, goes, stays):
    person = UserFactory(account=cast.acme, email=goes, deleted=True)
    trial, _creator = trial_with_creator(email="boss@trial.example")
    neighbour = UserFactory(account=trial, email=stays)
    same = UserFactory(account=trial, email=goes)
    by_login = UserFactory(account=trial, email="other@firma.example", adobe_id=goes)
    purged(cast, person)
    assert not User.objects.filter(pk__in=[person.pk, same.pk, by_login.pk]).exists()
    neighbour.refresh_from_db()
    assert (neighbour.email, neighbour.state) == (stays, UserState.ACTIVE)


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_a_purge_takes_the_rows_of_one_mailbox_in_each_spelling_of_its_domain(cast, one, other):
    person = UserFactory(account=cast.acme, email=one, deleted=True)
    trial, _creator = trial_with_creator(email="boss@trial.example")
    match = UserFactory(account=trial, email=other)
    purged(cast, person)
    assert not User.objects.filter(pk__in=[person.pk, match.pk]).exists()


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_the_identity_provider_means_each_spelling(cast, one, other):
    trial, _creator = trial_with_creator(email="boss@trial.example")
    match = UserFactory(account=trial, email=one)
    theirs = UserFactory(account=cast.acme, email=one)
    purge_request = services.purge_submit_ims(email=other)
    assert w.completed(w.run_to_end(purge_request))
    assert not User.objects.filter(pk=match.pk).exists()
    assert purge_request.notices.get().user_id == theirs.pk


@pytest.mark.parametrize(("there", "new"), ALIKE)
def test_an_import_adds_somebody_whose_address_looks_alike(cast, there, new):
    deleted = UserFactory(account=cast.acme, email=there, name="There", deleted=True)
    log = imported(cast.acme, f"Name,Email\nNew,{new}\n")
    assert counts(log) == {"added": 1}
    deleted.refresh_from_db()
    assert (deleted.name, deleted.state) == ("There", UserState.DELETED)
    assert User.objects.get(account=cast.acme, name="New").email == new


@pytest.mark.parametrize(("one", "other"), SPELLINGS)
def test_an_import_finds_one_mailbox_in_each_spelling(cast, one, other):
    user = UserFactory(account=cast.acme, email=one, name="Old name")
    log = imported(cast.acme, f"Name,Email\nNew name,{other}\n")
    assert counts(log) == {"updated": 1}
    user.refresh_from_db()
    assert user.name == "New name"
    log = imported(cast.acme, f"Name,Email\nA,{one}\nB,{other}\n")
    assert [line for line, _reason in bad_rows(log)] == [3]


@pytest.mark.parametrize(("purged_one", "newcomer"), ALIKE)
def test_only_who_was_purged_is_noted_as_purged_before(cast, purged_one, newcomer):
    purged(cast, UserFactory(account=cast.acme, email=purged_one, deleted=True))
    log = imported(cast.acme, f"Name,Email\nNew,{newcomer}\nBack,{purged_one}\n")
    assert counts(log) == {"added": 2, "previously_purged": 1}
    assert log.notes.get().line == 3


def test_who_was_purged_is_known_in_each_spelling(cast):
    purge_request = purged(cast, UserFactory(account=cast.acme, email="jürgen@bücher.example", deleted=True))
    log = imported(cast.acme, "Name,Email\nBack,jürgen@xn--bcher-kva.example\n")
    assert counts(log) == {"added": 1, "previously_purged": 1}
    for typed in ("jürgen@bücher.example", " Jürgen@XN--BCHER-KVA.example"):
        found = services.look_up(acting_user=cast.admin, text=typed).requests
        assert [each.reference for each in found] == [purge_request.reference]
    assert services.look_up(acting_user=cast.admin, text="juergen@bücher.example").requests == []


@pytest.mark.parametrize(
    ("stored", "newcomer", "somebody_else"),
    [
        ("ann@~bücher.example", "ann@bücher.example", "ann@bucher.example"),
        ("ann@~bücher.example", "Ann@xn--bcher-kva.example", "anna@xn--bcher-kva.example"),
        ("ann@~xn--bcher-kva.example", "ann@BÜCHER.example", "ann@xn--bcher-kvb.example"),
    ],
)
def test_who_was_purged_under_earlier_tables_is_known(cast, stored, newcomer, somebody_else):
    """The tables of the package ``idna`` refused the domain when its digest was made, and take it now."""
    purge_request = purged(cast, UserFactory(account=cast.acme, email="old@x.org", deleted=True))
    hashes = SuppressionHash.objects.filter(request=purge_request, kind="email")
    hashes.exclude(form__startswith="identity-1/").delete()
    hashes.update(digest=keyed_hash("email", stored), form="identity-1/13.0.0/14.0.0")
    log = imported(cast.acme, f"Name,Email\nElse,{somebody_else}\nBack,{newcomer}\n")
    assert counts(log) == {"added": 2, "previously_purged": 1}
    assert log.notes.get().line == 3
    found = [services.look_up(acting_user=cast.admin, text=typed).requests for typed in (newcomer, somebody_else)]
    assert [[each.reference for each in requests] for requests in found] == [[purge_request.reference], []]


def test_every_digest_says_of_which_normal_form_it_is(cast):
    purged(cast, UserFactory(account=cast.acme, email="weiß@firma.example", unique_user_id="W-1", deleted=True))
    services.look_up(acting_user=cast.admin, text="weiß@firma.example")
    forms = {(row.kind, row.form.split("/")[0]) for row in SuppressionHash.objects.all()}
    assert forms == {
        ("email", "identity-1"),
        ("email", "search-1"),
        ("unique_id", "identity-1"),
        ("public_id", "identity-1"),
    }
    assert {row.form.split("/")[0] for row in LookUp.objects.all()} == {"identity-1"}


def test_an_open_request_holds_identity_keys(cast):
    person = UserFactory(account=cast.acme, email="Jürgen@Bücher.example", deleted=True)
    services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk])
    held = Identifier.objects.filter(kind="email").values_list("value", flat=True)
    assert list(held) == ["jürgen@xn--bcher-kva.example"]


# ---------------------------------------------------------------- signing in, and rows without a key


def share_a_mailbox(account, **younger):
    older = UserFactory(account=account, email="j@bücher.example", password="right-1")
    fields = {"email": "j@xn--bcher-kva.example", "email_key": None, "same_mailbox_as": older, **younger}
    return older, UserFactory(account=account, password="right-2", **fields)


def test_who_looks_alike_signs_in_as_themselves(cast):
    sharp = UserFactory(account=cast.acme, email="weiß@firma.example", password="right")
    double = UserFactory(account=cast.acme, email="weiss@firma.example", password="right")
    assert authenticate(email="weiß@firma.example", password="right") == sharp
    assert authenticate(email="WEISS@firma.example", password="right") == double


def test_who_shares_a_mailbox_signs_in_by_login_alone(cast):
    older, younger = share_a_mailbox(cast.acme, adobe_id="j-login")
    assert authenticate(email="j@xn--bcher-kva.example", password="right-1") == older
    assert authenticate(email="j@xn--bcher-kva.example", password="right-2") is None
    assert authenticate(email="J-Login", password="right-2") == younger
    assert authenticate(email=younger.login_id, password="right-2") == younger
    # Whoever has an address signs in by that, not by what another system calls them.
    UserFactory(account=cast.acme, email="k@x.org", adobe_id="k-login", password="right-3")
    assert authenticate(email="k-login", password="right-3") is None


def test_who_shares_a_mailbox_cannot_be_selected_and_is_no_match(cast):
    older, younger = share_a_mailbox(cast.acme, deleted=True)
    with pytest.raises(PurgeRefused) as refusal:
        services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[younger.pk])
    assert refusal.value.code == "same_mailbox"
    assert str(younger.pk) in str(refusal.value)
    trial, _creator = trial_with_creator(email="boss@trial.example")
    first, second = share_a_mailbox(trial, adobe_id="j@bücher.example")
    User.objects.filter(pk=older.pk).update(state="deleted", deleted_at=younger.deleted_at, deleted_month="2026-01")
    purge_request = purged(cast, older)
    assert not User.objects.filter(pk__in=[older.pk, first.pk]).exists()
    second.refresh_from_db()
    younger.refresh_from_db()
    assert (second.state, second.same_mailbox_as_id) == (UserState.ACTIVE, None)
    assert younger.same_mailbox_as_id is None
    assert purge_request.status == Status.COMPLETED


def test_an_address_of_its_own_makes_such_a_row_like_any_other(cast):
    from users.services import ServiceError, user_update

    older, younger = share_a_mailbox(cast.acme)
    # The form posts the address that it showed: nothing changes, and the name can be mended.
    user_update(acting_user=cast.admin, user=younger, email="j@xn--bcher-kva.example", name="Mended")
    assert (younger.name, younger.email_key, younger.same_mailbox_as_id) == ("Mended", None, older.pk)
    with pytest.raises(ServiceError):
        user_update(acting_user=cast.admin, user=younger, email=AdministratorFactory(account=cast.acme).email)
    user_update(acting_user=cast.admin, user=younger, email="j2@bücher.example")
    assert (younger.email_key, younger.same_mailbox_as_id) == ("j2@xn--bcher-kva.example", None)
    assert younger.former_emails.get().email == "j@xn--bcher-kva.example"
