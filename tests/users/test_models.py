from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from tests.factories.users import UserFactory
from users.models import Account, InternalUser, PeopleAreNotDeleted, User, UserRole, UserState

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)


@pytest.mark.parametrize("model", [User, InternalUser])
def test_people_are_not_deleted_one_by_one_or_together(ann, model):
    with pytest.raises(PeopleAreNotDeleted, match="user_delete"):
        model.objects.get(pk=ann.pk).delete()
    with pytest.raises(PeopleAreNotDeleted, match="purge"):
        model.objects.filter(pk=ann.pk).delete()
    assert User.objects.filter(pk=ann.pk).exists()


def test_only_a_raw_delete_takes_the_row(ann):
    rows = User.objects.filter(pk=ann.pk)
    rows._raw_delete(rows.db)
    assert not User.objects.filter(pk=ann.pk).exists()


@pytest.mark.parametrize("column", ["unique_user_id", "adobe_id", "adobe_key", "email_key"])
def test_an_absent_identifier_is_null_and_never_empty(ann, column):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ann.pk).update(**{column: ""})
    if column != "email_key":
        User.objects.filter(pk=ann.pk).update(**{column: None})


@pytest.mark.parametrize(
    ("state", "date"), [(UserState.DELETED, None), (UserState.ACTIVE, NOW)], ids=["deleted", "active"]
)
def test_a_date_of_deletion_stands_exactly_with_the_deleted(ann, state, date):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=ann.pk).update(state=state, deleted_at=date, deleted_month=date and "2026-01")
    User.objects.filter(pk=ann.pk).update(state=UserState.DELETED, deleted_at=NOW, deleted_month="2026-01")


def test_an_address_is_unique_in_its_account_over_all_states(ann, stranger):
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(account=ann.account, email="ANN@acme.example", deleted=True)
    assert UserFactory(account=stranger.account, email="ann@acme.example").pk


def test_many_people_have_no_unique_user_id_but_one_belongs_to_one(ann):
    UserFactory.create_batch(2, account=ann.account, unique_user_id=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        UserFactory(account=ann.account, unique_user_id="U-1")


def test_the_database_protects_what_points_at_a_person(ann):
    for model in (User, UserRole, Account):
        for field in model._meta.fields:
            if field.related_model is User:
                assert field.remote_field.on_delete.__name__ == "PROTECT", field
                assert field.db_index, field


def test_stored_files_have_opaque_names_under_their_owner(ann):
    field = User._meta.get_field("avatar")
    name = field.generate_filename(ann, "ann-archer.png")
    assert name.startswith(f"people/{ann.public_id}/")
    assert "archer" not in name
