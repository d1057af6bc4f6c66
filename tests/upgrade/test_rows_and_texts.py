"""A purge that the first release had begun, with texts that it kept and rows beyond its plan, is ended by this one."""

from datetime import timedelta

from django.utils import timezone

from purge.hashing import fingerprint, keyed_hash
from tests.purge import world as w

NOW = timezone.now()
ADDRESS = "ann@x.org"


def test_a_purge_that_was_under_way_ends_and_takes_the_texts_that_were_kept(old_database):
    old = old_database
    account, trial = old.account(name="Acme"), old.account(name=f"Trial of {ADDRESS}", kind="trial")
    victim = old.user(account, ADDRESS, key=ADDRESS, state="purging", deleted_at=NOW, deleted_month="2026-11")
    colleague = old.user(
        account, "box@x.org", key="box@x.org", name=f"Box of {ADDRESS}", unique_user_id=ADDRESS, unique_id_sort=ADDRESS
    )
    other = old.user(account, "c@x.org", key="c@x.org", name="Carl", unique_user_id="U-7", unique_id_sort="u-7")
    sign_in = old.model("users.LoginEvent")
    theirs = sign_in.objects.create(user=colleague, user_agent=f"Browser (+mailto:{ADDRESS})")
    for _n in range(3):
        sign_in.objects.create(user=victim)
    purge_request = old.model("purge.PurgeRequest").objects.create(
        reference="PUR-1",
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        status="running",
        planned=True,
        steps_left=1,
        people_left=1,
        accepted_at=NOW - timedelta(hours=1),
        due_at=NOW + timedelta(days=30),
        key_fingerprint=fingerprint(),
        selected_count=1,
    )
    old.model("purge.Subject").objects.create(
        request=purge_request, person_id=victim.pk, account_id=account.pk, role="selected", earlier_state="deleted"
    )
    old.model("purge.Identifier").objects.create(request=purge_request, kind="email", value=ADDRESS)
    old.model("purge.SuppressionHash").objects.create(
        request=purge_request, kind="email", digest=keyed_hash("email", ADDRESS), key_fingerprint=fingerprint()
    )
    # It had done more than it planned, as the first release did with rows that were written late.
    old.model("purge.PurgeStep").objects.create(
        request=purge_request, position=0, key="users.LoginEvent.user", words="Deleted: sign-ins", planned=2, done=5
    )

    old.upgrade()

    from purge.installation.storage import begin_storage
    from purge.models import PurgeRequest
    from users.models import Account, LoginEvent, User

    # The web starts first, and marks the file storage as this database's.
    assert begin_storage() == ""
    assert w.completed(w.run_to_end(PurgeRequest.objects.get(pk=purge_request.pk)))
    assert not User.objects.filter(pk=victim.pk).exists()
    box = User.objects.get(pk=colleague.pk)
    assert (box.name, box.unique_user_id, box.unique_id_sort, box.email) == (
        "Box of [erased]",
        None,
        None,
        "box@x.org",
    )
    assert (User.objects.get(pk=other.pk).name, User.objects.get(pk=other.pk).unique_user_id) == ("Carl", "U-7")
    assert LoginEvent.objects.get().pk == theirs.pk
    assert LoginEvent.objects.get().user_agent == "Browser (+mailto:[erased])"
    assert Account.objects.get(pk=trial.pk).name == "Trial of [erased]"
    step = PurgeRequest.objects.get(pk=purge_request.pk).steps.get(key="users.LoginEvent.user")
    assert (step.planned, step.late, step.done) == (2, 6, 8)
