"""Request IDs of other customers that earlier releases wrote down leave the rows; an account's own stay."""

from datetime import timedelta

from django.utils import timezone

NOW = timezone.now()


def test_an_account_keeps_the_ids_of_its_own_purges(old_database):
    acme, trial = old_database.account(), old_database.account(kind="trial")
    old_database.model("purge.PurgeRequest").objects.create(
        reference="PUR-7Q4M-2KX9-H",
        route="other_enterprise",
        origin="admin",
        account_id=acme.pk,
        key_fingerprint="k",
        due_at=NOW + timedelta(days=30),
    )
    for account in (acme, trial):
        connector = old_database.model("connectors.Connector").objects.create(
            account=account, kind="ftp", name="Feed", state="disabled", disabled_reference="PUR-7Q4M-2KX9-H"
        )
        old_database.model("connectors.BlankedSetting").objects.create(
            connector=connector, setting="contact_email", reference="PUR-7Q4M-2KX9-H"
        )
        course = old_database.model("learning.Course").objects.create(account=account, title="C", code="C")
        old_database.model("learning.Session").objects.create(
            course=course, title="S", needs_instructor_since=NOW, needs_instructor_reference="PUR-7Q4M-2KX9-H"
        )
    old_database.upgrade()
    from connectors.models import BlankedSetting, Connector
    from learning.models import Session

    expected = {acme.pk: "PUR-7Q4M-2KX9-H", trial.pk: ""}
    assert dict(Connector.objects.values_list("account_id", "disabled_reference")) == expected
    assert dict(BlankedSetting.objects.values_list("connector__account_id", "reference")) == expected
    assert dict(Session.objects.values_list("course__account_id", "needs_instructor_reference")) == expected
