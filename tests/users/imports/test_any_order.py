"""Whatever a file says of whom: its rows come to the same in every order, and wherever a batch ends."""

import random
from itertools import permutations

import pytest
from django.db import transaction

from tests.factories.users import UserFactory
from tests.users.imports.at_hand import bad_rows, imported
from users.imports import loading
from users.models import User

pytestmark = pytest.mark.django_db

ADDRESSES = [f"{letter}@x.org" for letter in "abcd"]
IDS = list("1234")


class TakenBack(Exception):
    """Ends a transaction that is not kept."""


def people(account, dice):
    """Three users, some deleted, some without ID."""
    for number, email, unique_id in zip(range(3), dice.sample(ADDRESSES, 3), dice.sample(IDS, 3), strict=True):
        UserFactory(
            account=account,
            name=f"N{number}",
            email=email,
            unique_user_id=unique_id if dice.random() < 0.8 else None,
            deleted=dice.random() < 0.2,
        )


def rows(dice):
    """Three rows with addresses and IDs of their own, of these people or of others."""
    return [
        f"{dice.choice('RN')}{number},{email},{unique_id if dice.random() < 0.75 else ''},"
        f"{dice.choice(['', '', '', 'ACTIVE', 'DELETED'])}\n"
        for number, email, unique_id in zip(range(3), dice.sample(ADDRESSES, 3), dice.sample(IDS, 3), strict=True)
    ]


def outcome(account, order, *, renumber):
    """Who is what afterwards (new users without their number), and which rows did not go in; nothing is kept."""
    before = set(User.objects.filter(account=account).values_list("pk", flat=True))
    try:
        with transaction.atomic():
            log = imported(account, "Name,Email,UID,State\n" + "".join(order), renumber=renumber)
            now = User.objects.filter(account=account).values_list("pk", "name", "email", "unique_user_id", "state")
            found = sorted(str((pk if pk in before else "new", *rest)) for pk, *rest in now)
            bad = sorted(order[line - 2] for line, _reason in bad_rows(log))
            raise TakenBack
    except TakenBack:
        return found, bad


@pytest.mark.parametrize("seed", range(10))
def test_no_order_and_no_batch_decides(account, monkeypatch, seed):
    dice = random.Random(seed)
    people(account, dice)
    file, renumber = rows(dice), dice.random() < 0.2
    expected = outcome(account, file, renumber=renumber)
    for size, order in zip((1, 1_000, 2, 1, 1_000), list(permutations(file))[1:], strict=True):
        monkeypatch.setattr(loading, "BATCH", size)
        assert outcome(account, order, renumber=renumber) == expected, (size, order)
