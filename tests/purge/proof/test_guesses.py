"""Which columns are looked at for their name alone: a list by hand, so that a guess that slips is seen."""

import pytest
from django.db import connection

from purge.database import dialect_of
from purge.database.catalog import Column
from purge.proof.columns import login_columns
from purge.proof.guesses import ADDRESSES, LOGINS, PERSON_NUMBERS, PUBLIC_IDS
from purge.proof.report import StoredFile, file_hit


@pytest.mark.django_db
def test_logins_are_looked_for_in_settings_of_other_systems_and_not_where_people_sign_in_here():
    assert {f"{column.table}.{column.name}" for column in login_columns(dialect_of(connection).read_catalog())} == {
        "connectors_adobeconnectsettings.admin_login",
        "connectors_azureadsettings.manager_filter",
        "connectors_ftpsettings.user_name",
        "connectors_salesforcesettings.filter_value",
        "connectors_salesforcesettings.login",
        "connectors_webhook.user_name",
        "connectors_workdaysettings.isu_user_name",
        "connectors_workdaysettings.manager_filter",
    }


@pytest.mark.django_db
def test_opaque_ids_are_looked_for_by_their_name():
    assert {
        f"{column.table}.{column.name}" for column in PUBLIC_IDS.columns(dialect_of(connection).read_catalog())
    } == {
        "purge_lease.owner",
        "users_account.public_id",
        "users_importlog.public_id",
        "users_user.public_id",
    }


@pytest.mark.parametrize(
    ("guess", "kind", "name", "fits"),
    [
        (PERSON_NUMBERS, "integer", "user_id", True),
        (PERSON_NUMBERS, "integer", "reviewing_person_id", True),
        (PERSON_NUMBERS, "integer", "account_id", False),
        (PERSON_NUMBERS, "text", "user_id", False),
        (PUBLIC_IDS, "uuid", "owner_uuid", True),
        (PUBLIC_IDS, "uuid", "statement_id", False),
        (ADDRESSES, "text", "organiser_email", True),
        (ADDRESSES, "json", "email_list", True),
        (ADDRESSES, "integer", "mail_attempts", False),
        (ADDRESSES, "text", "notes", False),
        (LOGINS, "text", "server_login", True),
        (LOGINS, "text", "logins", False),
        (LOGINS, "text", "manager_filter", True),
        (LOGINS, "text", "filter_field", False),
    ],
)
def test_a_guess_goes_by_type_and_name(guess, kind, name, fits):
    assert guess.fits(Column("some_table", name, kind)) is fits


def test_the_engines_own_records_of_a_purge_are_no_place():
    assert not PERSON_NUMBERS.fits(Column("purge_subject", "person_id", "integer"))
    assert not ADDRESSES.fits(Column("purge_identifier", "mail", "text"))


def test_every_guess_says_why():
    for guess in (PERSON_NUMBERS, PUBLIC_IDS, ADDRESSES, LOGINS):
        assert len(guess.reason) > 40


def test_a_stored_file_is_found_under_the_words_of_earlier_requests():
    found = [file_hit(what, 3) for what in (StoredFile.OF_A_PERSON, StoredFile.FOLDER, StoredFile.DOOMED)]
    assert [(hit.table, hit.column, hit.row, hit.ruled) for hit in found] == [
        ("files", "people", "3", True),
        ("files", "folder", "3", True),
        ("files", "erase", "3", True),
    ]
