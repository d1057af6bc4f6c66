"""A file is judged by what it comes to in the end: not by the order of its rows, nor by where a batch ends."""

from itertools import permutations

import pytest

from tests.factories.users import UserFactory, UserRoleFactory
from tests.users.imports.at_hand import bad_rows, counts, imported, started
from users.imports import loading
from users.imports.services import user_import_run
from users.models import FormerEmail, ImportState, Role, User, UserState
from users.services import user_delete

pytestmark = pytest.mark.django_db

HEAD = "Name,Email,UID,State\n"
FILLER = [f"Filler {n},filler{n}@x.org,F-{n},\n" for n in range(4)]


@pytest.fixture(params=[1_000, 1, 2])
def batch(request, monkeypatch):
    """As many rows in a transaction: all of them, each alone, two."""
    monkeypatch.setattr(loading, "BATCH", request.param)
    return request.param


@pytest.fixture
def al(account):
    return UserFactory(account=account, name="Al", email="a@x.org", unique_user_id="1")


@pytest.fixture
def bo(account):
    return UserFactory(account=account, name="Bo", email="b@x.org", unique_user_id="2")


def of(account):
    """Number → (name, address, ID, state), of everybody but the fillers."""
    rows = User.objects.filter(account=account).exclude(email_key__startswith="filler").order_by("pk")
    return {pk: rest for pk, *rest in rows.values_list("pk", "name", "email_key", "unique_user_id", "state")}


def orders(*rows):
    """The rows in each order, with others in between so that small batches part them."""
    for order in permutations(rows):
        yield HEAD + "".join(part for row, filler in zip(order, FILLER, strict=False) for part in (row, filler))


@pytest.mark.parametrize("order", range(2))
def test_an_address_moves_on_whoever_comes_first(account, al, bo, batch, order):
    text = list(orders("Al,b@x.org,1,\n", "Bo,c@x.org,2,\n"))[order]
    log = imported(account, text)
    assert of(account) == {al.pk: ["Al", "b@x.org", "1", "active"], bo.pk: ["Bo", "c@x.org", "2", "active"]}
    assert (counts(log), bad_rows(log)) == ({"added": 2, "updated": 2}, [])
    former = set(FormerEmail.objects.values_list("user", "email_key"))
    assert former == {(al.pk, "a@x.org"), (bo.pk, "b@x.org")}
    assert counts(imported(account, text)) == {"unchanged": 4}


@pytest.mark.parametrize("order", range(2))
def test_two_change_places(account, al, bo, batch, order):
    text = list(orders("Al,b@x.org,1,\n", "Bo,a@x.org,2,\n"))[order]
    log = imported(account, text)
    assert of(account) == {al.pk: ["Al", "b@x.org", "1", "active"], bo.pk: ["Bo", "a@x.org", "2", "active"]}
    assert (counts(log), log.state, log.rows_done) == ({"added": 2, "updated": 2}, ImportState.COMPLETED, 4)
    assert counts(imported(account, text)) == {"unchanged": 4}


@pytest.mark.parametrize("order", range(6))
def test_three_go_round(account, al, bo, batch, order):
    cy = UserFactory(account=account, name="Cy", email="c@x.org", unique_user_id="3")
    imported(account, list(orders("Al,b@x.org,1,\n", "Bo,c@x.org,2,\n", "Cy,a@x.org,3,\n"))[order])
    addresses = {pk: email for pk, (_name, email, _id, _state) in of(account).items()}
    assert addresses == {al.pk: "b@x.org", bo.pk: "c@x.org", cy.pk: "a@x.org"}


@pytest.mark.parametrize("order", range(2))
def test_somebody_new_gets_the_address_of_a_desk(account, batch, order):
    old = UserFactory(account=account, name="Old Hand", email="desk@x.org", unique_user_id="1")
    UserRoleFactory(user=old, role=Role.ADMINISTRATOR)
    log = imported(account, list(orders("New Hire,desk@x.org,9,\n", "Old Hand,old@x.org,1,\n"))[order])
    new = User.objects.get(account=account, unique_user_id="9")
    assert new.pk != old.pk and not new.given_roles.exists()
    assert of(account)[old.pk] == ["Old Hand", "old@x.org", "1", "active"]
    assert of(account)[new.pk] == ["New Hire", "desk@x.org", "9", "active"]
    assert bad_rows(log) == []


@pytest.mark.parametrize("order", range(2))
def test_two_addresses_of_one_person_are_one_user(account, al, batch, order):
    """The row with the ID decides; the other may be a leftover, or somebody new who has no ID."""
    log = imported(account, list(orders("Al,a@x.org,,\n", "Al,al@x.org,1,\n"))[order])
    assert of(account) == {al.pk: ["Al", "al@x.org", "1", "active"]}
    assert counts(log) == {"added": 2, "updated": 1, "failed": 1}
    assert "Add the user's ID" in bad_rows(log)[0][1]


@pytest.mark.parametrize("order", range(2))
def test_two_rows_that_contradict_each_other_do_nothing(account, batch, order):
    """Across batches, too: the row of an earlier job deletes nobody."""
    al = UserFactory(account=account, name="Al", email="a@x.org", unique_user_id=None)
    log = imported(account, list(orders("Al,a@x.org,3,DELETED\n", "Al,a@x.org,12,ACTIVE\n"))[order])
    assert of(account) == {al.pk: ["Al", "a@x.org", None, "active"]}
    assert counts(log) == {"added": 2, "failed": 2}
    assert [line for line, _reason in bad_rows(log)] == [2, 4]


@pytest.mark.parametrize("order", range(2))
@pytest.mark.parametrize("ids", [("1", "1"), ("", ""), ("1", "")])
def test_of_two_rows_of_which_one_deletes_neither_does(account, al, batch, order, ids):
    rows = [f"Al,a@x.org,{ids[0]},DELETED\n", f"Al,a@x.org,{ids[1]},ACTIVE\n"]
    log = imported(account, list(orders(*rows))[order])
    assert of(account) == {al.pk: ["Al", "a@x.org", "1", "active"]}
    assert counts(log) == {"added": 2, "failed": 2}
    assert "says the opposite" in bad_rows(log)[0][1]


def test_who_stays_where_they_are_gives_no_address_away(account, al, bo, batch):
    log = imported(account, HEAD + "Al,b@x.org,1,\n" + FILLER[0] + "Bo,b@x.org,2,\n")
    assert [each[1:] for each in of(account).values()] == [["a@x.org", "1", "active"], ["b@x.org", "2", "active"]]
    # Two Unique User IDs for one address: neither goes in.
    assert counts(log) == {"added": 1, "failed": 2}


def test_a_mover_whose_row_is_refused_moves_nobody(account, admin_user, batch):
    """Ada is the last Administrator and cannot be deleted, so she stays where she is, and so does her address."""
    admin_user.unique_user_id = "1"
    admin_user.save()
    bo = UserFactory(account=account, name="Bo", email="b@x.org", unique_user_id="2")
    text = HEAD + "Bo,admin@acme.example,2,\n" + FILLER[0] + "Ada,b@x.org,1,DELETED\n"
    log = imported(account, text)
    assert of(account)[bo.pk][1] == "b@x.org" and of(account)[admin_user.pk][1] == "admin@acme.example"
    assert counts(log) == {"added": 1, "failed": 2}
    reasons = dict(bad_rows(log))
    assert "last active Administrator" in reasons[4] and "another user has it" in reasons[2]


def test_an_address_of_a_deleted_user_says_where_to_look(account, admin_user, al, bo):
    user_delete(acting_user=admin_user, user=bo)
    log = imported(account, HEAD + "Al,b@x.org,1,\n")
    assert "User Cleanup" in bad_rows(log)[0][1]
    assert of(account)[al.pk][1] == "a@x.org"


@pytest.mark.parametrize("order", range(2))
def test_ids_change_places_where_the_company_has_changed_them(account, al, bo, batch, order):
    text = list(orders("Al,a@x.org,2,\n", "Bo,b@x.org,1,\n"))[order]
    assert counts(imported(account, text)) == {"added": 2, "failed": 2}
    log = imported(account, text, renumber=True)
    assert of(account) == {al.pk: ["Al", "a@x.org", "2", "active"], bo.pk: ["Bo", "b@x.org", "1", "active"]}
    assert counts(log) == {"unchanged": 2, "updated": 2}


@pytest.mark.parametrize("order", range(2))
def test_of_all_administrators_the_order_chooses_nobody_to_stay(account, batch, order):
    """Neither goes; where one of them stays by the file, the other does go."""
    for name, email in (("Al", "a@x.org"), ("Bo", "b@x.org")):
        UserFactory(account=account, name=name, email=email, roles=["administrator"])
    text = list(orders("Al,a@x.org,,DELETED\n", "Bo,b@x.org,,DELETED\n"))[order]
    log = imported(account, text)
    assert counts(log) == {"added": 2, "failed": 2}
    assert {reason for _line, reason in bad_rows(log)} == {
        "State (ACTIVE or DELETED): this is the last active Administrator. Give somebody else the role first."
    }
    assert [state for *_rest, state in of(account).values()] == ["active", "active"]
    log = imported(account, text.replace("b@x.org,,DELETED", "b@x.org,,ACTIVE"))
    assert bad_rows(log) == []
    assert [(name, state) for name, *_rest, state in of(account).values()] == [("Al", "deleted"), ("Bo", "active")]


class Killed(BaseException):
    """As SIGKILL: nothing in between catches it."""


def test_killed_before_the_last_step_it_goes_on_with_it(account, al, bo, monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 1)
    settle = loading.Loader._settle
    log = started(account, HEAD + "Al,b@x.org,1,\nBo,a@x.org,2,\n")

    def deadly(loader, *arguments):
        raise Killed

    monkeypatch.setattr(loading.Loader, "_settle", deadly)
    with pytest.raises(Killed):
        user_import_run(log_id=log.pk)
    monkeypatch.setattr(loading.Loader, "_settle", settle)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert counts(log) == {"updated": 2}
    assert {pk: each[1] for pk, each in of(account).items()} == {al.pk: "b@x.org", bo.pk: "a@x.org"}
    assert "put_off" not in log.mapping


# ---------------------------------------------------------------- coming back by file


def test_who_comes_back_by_file_has_no_old_password_key_or_session(account, admin_user):
    from tests.factories.connectors import ApiTokenFactory

    gone = UserFactory(account=account, email="g@x.org", name="Gia")
    gone.set_password("correct horse battery")
    gone.save()
    stays = UserFactory(account=account, email="s@x.org")
    stays.set_password("correct horse battery")
    stays.save()
    keys = [ApiTokenFactory(user=gone), ApiTokenFactory(user=stays)]
    user_delete(acting_user=admin_user, user=gone)
    log = imported(account, "Name,Email\nGia,g@x.org\nSam,s@x.org\n")
    assert counts(log) == {"revived": 1, "updated": 1}
    gone.refresh_from_db()
    stays.refresh_from_db()
    assert gone.state == UserState.ACTIVE and not gone.has_usable_password()
    assert stays.check_password("correct horse battery")
    assert list(type(keys[0]).objects.all()) == [keys[1]]


def test_an_old_leaving_date_keeps_nobody_deleted(account, admin_user):
    gone = UserFactory(account=account, email="g@x.org", deleted=True)
    log = imported(
        account, "Name,Email,State,Termination date\nGia,g@x.org,ACTIVE,2024-05-31\nHo,h@x.org,,2024-05-31\n"
    )
    assert counts(log) == {"revived": 1, "added": 1}
    assert User.objects.get(pk=gone.pk).state == UserState.ACTIVE
    assert User.objects.get(email_key="h@x.org").state == UserState.DELETED


@pytest.mark.parametrize(
    ("cell", "unique_user_id"),
    [('"=""00123"""', "00123"), ("'-7", "-7"), ("'=A1", "=A1"), ("'t Hooft", "'t Hooft"), ("=7", "=7"), ("'7", "'7")],
)
def test_a_cell_written_for_a_spreadsheet_says_what_it_means(account, cell, unique_user_id):
    user = UserFactory(account=account, email="a@x.org", unique_user_id=unique_user_id)
    log = imported(account, f"Name,Email,UID\n{user.name},a@x.org,{cell}\n")
    assert counts(log) == {"unchanged": 1}


@pytest.mark.parametrize("cell", ["1.00E+11", "1,23457E+11", "-4E+15"])
def test_an_id_that_a_spreadsheet_has_rounded_is_nobodys(account, cell):
    """Two people would have the same, or one of them would come in with it."""
    user = UserFactory(account=account, name="Al", email="a@x.org", unique_user_id="100000000042")
    rows = f"Al,a@x.org,{cell}\nBo,b@x.org,{cell}\nCy,c@x.org,100000000043\nDi,d@x.org,1E7\n".replace(cell, f'"{cell}"')
    log = imported(account, f"Name,Email,UID\n{rows}")
    assert counts(log) == {"added": 2, "failed": 2}
    assert [(line, "a spreadsheet has rounded it" in why) for line, why in bad_rows(log)] == [(2, True), (3, True)]
    ids = User.objects.filter(account=account).order_by("pk").values_list("unique_user_id", flat=True)
    assert list(ids) == ["100000000042", "100000000043", "1E7"]
    assert User.objects.get(pk=user.pk).unique_user_id == "100000000042"


def test_who_came_back_is_named_on_the_page(client, account, admin_user):
    client.force_login(admin_user)
    for email in ("g@x.org", "o@x.org"):
        UserFactory(account=account, email=email, deleted=True)
    log = imported(account, "First name,Last name,Email\nNew,Here,n@x.org\nGia,Gone,g@x.org\n")
    page = client.get(f"/admin/users/importlog/{log.pk}/change/").content.decode()
    assert "Brought back" in page and "Line 3: Gia Gone, g@x.org" in page
    assert "n@x.org" not in page and "Line 2" not in page
