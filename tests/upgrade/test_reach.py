"""Accounts reach as far as before, mails go out as before, and what would be refused today can be saved again."""


def test_accounts_are_trusted_senders_unconfirmed_and_names_on_one_line(old_database):
    account = old_database.account(name="Acme\nGmbH", sender_email="academy@acme.example", sender_name="Academy")
    plain = old_database.account(name="Globex")
    broken = old_database.user(account, "ann@x.org", key="ann@x.org", name="Ann\r\nSmith")
    old_database.user(account, "bob@x.org", key="bob@x.org", name="Bob  Smith")
    old_database.model("messaging.EmailTemplate").objects.create(
        account=account, event="welcome", subject="Hello\nthere", body="x"
    )

    old_database.upgrade()

    from django.conf import settings

    from messaging.models import EmailTemplate
    from purge.models import PurgeRequest
    from users.models import Account, ProvedAddress, ProvedDomain, User
    from users.proofs.services import is_confirmed_sender
    from users.services import account_update, user_update

    assert (settings.PURGE_REACH_ENTERPRISE, settings.PURGE_REACH_TRIAL) == ("trusted", "trusted")
    assert list(User.objects.order_by("pk").values_list("name", flat=True)) == ["Ann Smith", "Bob  Smith"]
    assert dict(Account.objects.values_list("pk", "name")) == {account.pk: "Acme GmbH", plain.pk: "Globex"}
    assert EmailTemplate.objects.get().subject == "Hello there"
    assert list(Account.objects.values_list("provider_demanded", flat=True)) == [False, False]
    assert (ProvedAddress.objects.count(), ProvedDomain.objects.count(), PurgeRequest.objects.count()) == (0, 0, 0)
    acme = Account.objects.get(pk=account.pk)
    assert not is_confirmed_sender(acme)
    account_update(acting_user=None, account=acme, time_zone="Europe/Berlin")
    user_update(acting_user=None, user=User.objects.get(pk=broken.pk), profile="Nurse")
