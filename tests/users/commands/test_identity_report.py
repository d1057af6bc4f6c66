"""Users who have one mailbox with another, for operators."""

import json

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.utils import timezone

from purge import services as purges
from purge.journal.copies import begin_copy
from purge.models import Installation
from purge.services import PurgeRefused
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.purge import world as w
from users import services
from users.identity.checks import check_keys
from users.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(capsys):
    def call(*arguments):
        code = 0
        try:
            call_command("identity_report", *arguments)
        except CommandError as error:
            code = error.returncode
        return code, capsys.readouterr().out

    return call


@pytest.fixture
def pair():
    account = AccountFactory(subdomain="acme")
    older = UserFactory(account=account, email="j@bücher.example", adobe_id="j-login")
    fields = {"email": "j@xn--bcher-kva.example", "email_key": None, "same_mailbox_as": older}
    return older, UserFactory(account=account, deleted=True, **fields)


def keys():
    return dict(User.objects.values_list("pk", "email_key"))


def test_where_everybody_has_a_mailbox_of_their_own_there_is_nothing_to_do(report):
    UserFactory(email="weiß@firma.example", adobe_id="WEISS")
    assert report() == (0, "Every user has a mailbox of their own.\n")
    assert report("--rekey") == (0, "Every user has a mailbox of their own.\n")


def test_who_shares_one_is_named_by_number(report, pair):
    older, younger = pair
    line = f"acme: user {younger.pk} (deleted, signs in as {younger.login_id}): same mailbox as user {older.pk}\n"
    assert report() == (1, line)
    code, out = report("--json")
    assert code == 1
    assert json.loads(out) == {
        "sharing": [
            {
                "account": "acme",
                "user": younger.pk,
                "same_mailbox_as": older.pk,
                "state": "deleted",
                "signs_in_as": younger.login_id,
            }
        ],
        "outdated": 0,
    }
    # As long as somebody has it, nobody else is given it.
    assert report("--rekey") == (1, line)
    assert keys() == {older.pk: "j@xn--bcher-kva.example", younger.pk: None}


def test_a_mailbox_that_nobody_else_has_any_more_is_given_back(report, pair):
    older, younger = pair
    User.objects.filter(pk=older.pk).update(email="k@x.org", email_key="k@x.org")
    code, out = report()
    assert code == 1
    assert f"user {younger.pk} (deleted, signs in as {younger.login_id}) can have their mailbox back" in out
    assert keys()[younger.pk] is None
    assert report("--rekey")[0] == 0
    assert keys() == {older.pk: "k@x.org", younger.pk: "j@xn--bcher-kva.example"}
    assert User.objects.get(pk=younger.pk).same_mailbox_as is None


def test_keys_of_earlier_tables_are_counted_and_made_anew(report, pair):
    older, younger = pair
    User.objects.filter(pk=older.pk).update(email_key="j@~bücher.example", adobe_key="J-LOGIN")
    code, out = report("--json")
    assert (code, json.loads(out)["outdated"]) == (1, 1)
    assert report("--rekey")[0] == 1
    assert keys() == {older.pk: "j@xn--bcher-kva.example", younger.pk: None}
    assert User.objects.get(pk=older.pk).adobe_key == "j-login"
    assert User.objects.get(pk=younger.pk).same_mailbox_as_id == older.pk


def test_of_one_human_with_two_rows_both_go_one_after_the_other(pair, report):
    """What the help tells an operator to do, since nothing merges two rows."""
    older, younger = pair
    admin = AdministratorFactory(account=older.account)
    User.objects.filter(pk=older.pk).update(state="deleted", deleted_at=timezone.now(), deleted_month="2026-01")

    def purge(user):
        return purges.purge_submit(acting_user=admin, account_id=user.account_id, user_ids=[user.pk])

    with pytest.raises(PurgeRefused, match="An operator has to give each user an address of their own first"):
        purge(younger)
    assert w.completed(w.run_to_end(purge(older)))
    assert User.objects.get(pk=younger.pk).email_key is None
    assert report("--rekey")[0] == 0
    assert w.completed(w.run_to_end(purge(younger)))
    assert not User.objects.filter(pk__in=[older.pk, younger.pk]).exists()


def test_of_one_human_with_two_rows_one_stays_in_use(pair):
    older, younger = pair
    admin = AdministratorFactory(account=older.account)
    services.user_update(acting_user=None, user=younger, email="second.row@company.example")
    request = purges.purge_submit(acting_user=admin, account_id=younger.account_id, user_ids=[younger.pk])
    assert w.completed(w.run_to_end(request))
    assert list(User.objects.filter(pk__in=[older.pk, younger.pk])) == [older]
    assert User.objects.get(pk=older.pk).email == "j@bücher.example"


def told():
    found = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    return [message.hint for message in found if message.id == "users.W001"]


@pytest.mark.parametrize("made_by", ["identity-1/17.0.0/13.0.0", ""])
def test_a_check_says_that_keys_are_of_earlier_tables_until_they_are_made_anew(report, made_by):
    UserFactory(email="ann@x.org")
    assert told() == []
    Installation.objects.update(people_keyed_by=made_by)
    assert told() == ["Run manage.py identity_report --rekey."]
    # To look changes nothing.
    assert report() == (0, "Every user has a mailbox of their own.\n")
    assert told() == ["Run manage.py identity_report --rekey."]
    assert report("--rekey")[0] == 0
    assert told() == []


def test_the_check_asks_one_query_and_reads_nobody(django_assert_num_queries):
    with django_assert_num_queries(1) as asked:
        assert check_keys(None, databases=["default"]) == []
    assert "users_user" not in asked[0]["sql"]
    with django_assert_num_queries(0):
        assert check_keys(None, databases=None) == []


def test_a_copy_has_the_keys_of_its_original():
    Installation.objects.update(people_keyed_by="identity-1/17.0.0/13.0.0")
    begin_copy()
    assert Installation.objects.exclude(copy_of=None).get().people_keyed_by == "identity-1/17.0.0/13.0.0"
