"""The rules of coming and going, one line a case: what is said on the left, what must come of it on the right."""

from datetime import UTC, datetime

import pytest

from users.lifecycle import (
    Holder,
    Refusal,
    adding_refusal,
    brought_back,
    changes,
    deleted,
    deletion_refusal,
    is_move,
    manager_refusal,
    restored,
    restoring_refusal,
    who_is_meant,
    wishes_refused,
)

# Who has an identifier: active, deleted, frozen for a purge (before: active or deleted), reserved by a waiting request.
ANN = Holder(1, "active", deleted=False, unique_user_id="E1")
BOB = Holder(2, "active", deleted=False, unique_user_id="E2")
NO_ID = Holder(3, "active", deleted=False)
GONE = Holder(4, "deleted", deleted=True, unique_user_id="E4")
GONE_NO_ID = Holder(5, "deleted", deleted=True)
WAITS = Holder(6, "deleted", deleted=True, unique_user_id="E6", reserved=True)
FROZEN = Holder(7, "purging", deleted=True, unique_user_id="E7")
FROZEN_ACTIVE = Holder(8, "purging", deleted=False, unique_user_id="E8")


@pytest.mark.parametrize(
    ("case", "by_address", "by_id", "said_id", "renumbered", "meant"),
    [
        ("nobody has either", None, None, "E9", False, None),
        ("nobody has the address, and no ID is said", None, None, None, False, None),
        ("the address is hers, no ID is said", ANN, None, None, False, ANN),
        ("address and ID are hers", ANN, ANN, "E1", False, ANN),
        ("a new address, her ID: she has moved", None, ANN, "E1", False, ANN),
        ("the address of somebody without ID gives them one", NO_ID, None, "E9", False, NO_ID),
        ("her address, an ID that nobody has: an earlier job", ANN, None, "E9", False, Refusal.OTHER_ID),
        ("the same where all IDs have changed", ANN, None, "E9", True, ANN),
        ("her address, his ID", ANN, BOB, "E2", False, Refusal.ADDRESS_ELSEWHERE),
        ("her address, his ID, where all IDs have changed", ANN, BOB, "E2", True, Refusal.ADDRESS_ELSEWHERE),
        ("somebody without ID, his ID", NO_ID, BOB, "E2", False, Refusal.ADDRESS_ELSEWHERE),
        ("a new address, her ID, where all IDs have changed: it was hers", None, ANN, "E1", True, Refusal.ID_TAKEN),
        ("a deleted user comes back by address", GONE, None, None, False, GONE),
        ("and by address and ID", GONE, GONE, "E4", False, GONE),
        ("and by ID with a new address", None, GONE, "E4", False, GONE),
        ("and takes an ID when there was none", GONE_NO_ID, None, "E9", False, GONE_NO_ID),
        ("not with another ID", GONE, None, "E9", False, Refusal.OTHER_ID_OF_DELETED),
        ("not even where all IDs have changed", GONE, None, "E9", True, Refusal.OTHER_ID_OF_DELETED),
        ("a deleted user's address, her ID", GONE, ANN, "E1", False, Refusal.ADDRESS_OF_DELETED),
        ("her address, a deleted user's ID", ANN, GONE, "E4", False, Refusal.ADDRESS_ELSEWHERE),
    ],
)
def test_who_is_meant(case, by_address, by_id, said_id, renumbered, meant):
    assert who_is_meant(by_address, by_id, said_id, renumbered=renumbered) == meant


@pytest.mark.parametrize(
    ("case", "who", "renumbered", "meant"),
    [
        ("the row of an earlier job deletes nobody", ANN, False, Refusal.OTHER_ID),
        ("not even where all IDs have changed", ANN, True, Refusal.OTHER_ID),
        ("who is deleted already gets the new ID there", GONE, True, GONE),
        ("and not elsewhere", GONE, False, Refusal.OTHER_ID_OF_DELETED),
    ],
)
def test_who_is_meant_by_a_row_that_deletes(case, who, renumbered, meant):
    assert who_is_meant(who, None, "E9", deletes=True, renumbered=renumbered) == meant
    assert who_is_meant(who, None, who.unique_user_id, deletes=True, renumbered=renumbered) == who


@pytest.mark.parametrize(
    ("who", "how", "refusal"),
    [
        (GONE, {}, None),
        (GONE_NO_ID, {}, None),
        (ANN, {}, Refusal.TAKEN),
        (ANN, {"by_address": False}, Refusal.ID_TAKEN),
        (GONE, {"by_address": False}, None),
        (GONE, {"by_themselves": True}, Refusal.NOT_BY_ONESELF),
        (GONE, {"roles": True}, Refusal.AS_LEARNER),
        (WAITS, {}, Refusal.RESERVED),
        (WAITS, {"by_themselves": True}, Refusal.RESERVED),
        (FROZEN, {}, Refusal.FROZEN),
        # That another customer purges somebody is not said: who was in use is in use.
        (FROZEN_ACTIVE, {}, Refusal.TAKEN),
    ],
)
def test_adding_somebody_who_is_there(who, how, refusal):
    assert adding_refusal(who, **{"by_address": True, **how}) == refusal


@pytest.mark.parametrize(
    ("state", "by_oneself", "last", "refusal"),
    [
        ("active", False, False, None),
        ("active", True, False, Refusal.ONESELF),
        ("active", False, True, Refusal.LAST_ADMINISTRATOR),
        ("active", True, True, Refusal.ONESELF),
        ("deleted", False, False, Refusal.DELETED),
        ("purging", False, False, Refusal.FROZEN),
    ],
)
def test_deleting(state, by_oneself, last, refusal):
    assert deletion_refusal(state=state, by_oneself=by_oneself, last_administrator=last) == refusal


@pytest.mark.parametrize(
    ("who", "refusal"),
    [
        (GONE, None),
        (GONE_NO_ID, None),
        (ANN, Refusal.NOT_DELETED),
        (FROZEN_ACTIVE, Refusal.NOT_DELETED),
        (WAITS, Refusal.RESERVED),
        (FROZEN, Refusal.FROZEN),
    ],
)
def test_restoring(who, refusal):
    assert restoring_refusal(who) == refusal


def test_what_a_deletion_and_a_return_make_of_a_row():
    moment = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    assert deleted(moment=moment, month="2026-02", by=7) == {
        "state": "deleted",
        "deleted_at": moment,
        "deleted_month": "2026-02",
        "deleted_by_id": 7,
    }
    learner = {
        "state": "active",
        "deleted_at": None,
        "deleted_month": None,
        "deleted_by_id": None,
        "is_superuser": False,
        "is_support": False,
    }
    assert restored() == learner
    assert brought_back(source="csv", password="!x") == {**learner, "source": "csv", "password": "!x"}


@pytest.mark.parametrize(
    ("said", "changed"),
    [
        ({"name": "Ann", "profile": "Chemist"}, {}),
        ({"name": "Ann B.", "profile": None}, {"name": "Ann B."}),
        ({"name": "Ann", "profile": ""}, {"profile": ""}),
    ],
)
def test_what_is_not_said_stays_and_what_is_the_same_is_no_change(said, changed):
    assert changes({"name": "Ann", "profile": "Chemist"}, said) == changed


@pytest.mark.parametrize(
    ("email_key", "shown", "new", "moves"),
    [
        ("a@x.org", "a@x.org", "a@x.org", False),
        ("a@x.org", "a@x.org", "b@x.org", True),
        # Without a key of its own the row shares a mailbox, which its address says.
        (None, "a@x.org", "a@x.org", False),
        (None, "a@x.org", "b@x.org", True),
    ],
)
def test_moving(email_key, shown, new, moves):
    assert is_move(email_key=email_key, shown_key=shown, new_key=new) == moves


@pytest.mark.parametrize(
    ("ours", "state", "refusal"),
    [
        (True, "active", None),
        (True, "deleted", Refusal.MANAGER_ELSEWHERE),
        (True, "purging", Refusal.MANAGER_ELSEWHERE),
        (False, "active", Refusal.MANAGER_ELSEWHERE),
    ],
)
def test_who_can_be_made_a_manager(ours, state, refusal):
    assert manager_refusal(of_the_account=ours, state=state) == refusal


@pytest.mark.parametrize(
    ("case", "wishes", "edges", "gone", "refused", "give_way"),
    [
        ("a manager", {1: 2}, {2: None}, (), set(), set()),
        ("nobody", {1: None}, {}, (), set(), set()),
        ("oneself", {1: 1}, {}, (), {1}, set()),
        ("one's own report", {1: 2}, {2: 1}, (), {1}, set()),
        ("through others", {1: 3}, {2: 1, 3: 2}, (), {1}, set()),
        ("two change places", {1: 2, 2: None}, {2: 1}, (), set(), set()),
        ("a circle of wishes loses one", {1: 2, 2: 3, 3: 1}, {}, (), {3}, set()),
        # 3's wish closes a circle; what 3 has now closes another with 2's wish.
        ("what is left closes another", {2: 3, 3: 1}, {1: 3, 2: None, 3: 2}, (), {2, 3}, set()),
        ("through somebody deleted", {1: 2}, {2: 3, 3: 1}, (3,), set(), {3}),
        ("deleted, and in no circle", {1: 2}, {2: 3, 3: None}, (3,), set(), set()),
        ("deleted, and the wish is theirs", {3: 1}, {1: 3}, (3,), set(), {3}),
    ],
)
def test_managers(case, wishes, edges, gone, refused, give_way):
    assert wishes_refused(wishes, edges, gone) == (refused, give_way)


def test_a_long_line_of_managers_takes_no_time():
    assert wishes_refused({n: n + 1 for n in range(50_000)}, {50_000: None}) == (set(), set())
