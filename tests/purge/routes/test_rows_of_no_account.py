"""Rows of no account (what the platform's own people did, permission groups) mention earlier addresses, too."""

import hashlib

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType

from purge import services
from purge.choices import Status, Verdict
from purge.models import PurgeRequest
from tests.factories.users import AccountFactory, UserFactory
from tests.purge import world as w
from users.models import AccountKind, User

VICTIM, FORMER, SHARED, LATER = "zzv@x.org", "zzf@x.org", "zzs@x.org", "zzl@x.org"


@pytest.fixture
def staff(cast):
    return UserFactory(account=AccountFactory(kind=AccountKind.SYSTEM), is_superuser=True, email="zzstaff@lms.example")


def entry(staff, text: str) -> LogEntry:
    return LogEntry.objects.create(
        user=staff,
        content_type=ContentType.objects.get_for_model(User),
        object_id="0",
        object_repr=text[:200],
        action_flag=CHANGE,
        change_message=f"changed {text}",
    )


def purge(cast, *people) -> PurgeRequest:
    return services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[each.pk for each in people])


def test_an_earlier_address_leaves_the_rows_of_no_account(cast, staff):
    victim = UserFactory(account=cast.acme, email=VICTIM, former=[FORMER], deleted=True)
    UserFactory(account=cast.acme, email="zzf2@x.org")
    digest = hashlib.md5(FORMER.encode()).hexdigest()
    log = entry(staff, f"{FORMER} and zzf2@x.org")
    digested = entry(staff, f"gravatar {digest}")
    group = Group.objects.create(name=f"Friends of {FORMER}")
    assert w.completed(w.run_to_end(purge(cast, victim)))
    log.refresh_from_db()
    digested.refresh_from_db()
    group.refresh_from_db()
    assert (log.object_repr, log.change_message) == (
        "[erased] and zzf2@x.org",
        "changed [erased] and zzf2@x.org",
    )
    assert digest not in digested.change_message
    assert FORMER not in group.name
    assert group.name.startswith("Friends of [erased]")


def test_one_that_somebody_of_any_account_has_now_is_theirs(cast, staff):
    victim = UserFactory(account=cast.acme, email=VICTIM, former=[SHARED], deleted=True)
    UserFactory(account=cast.globex, email=SHARED)
    log = entry(staff, f"{SHARED} once was {VICTIM}")
    assert w.completed(w.run_to_end(purge(cast, victim)))
    log.refresh_from_db()
    assert log.change_message == f"changed {SHARED} once was [erased]"


def test_what_looks_like_it_and_is_somebody_elses_stays(cast, staff):
    """In texts one letter stands for two: the search finds both, and asks whose each is."""
    victim = UserFactory(account=cast.acme, email=VICTIM, former=["zzweiß@x.org"], deleted=True)
    UserFactory(account=cast.globex, email="zzweiss@x.org")
    log, other = entry(staff, "zzweiß@x.org"), entry(staff, "zzweiss@x.org")
    assert w.completed(w.run_to_end(purge(cast, victim)))
    log.refresh_from_db()
    other.refresh_from_db()
    assert log.change_message == "changed [erased]"
    assert other.change_message == "changed zzweiss@x.org"


def test_the_proof_finds_by_itself_what_the_steps_have_left(cast, staff, monkeypatch):
    """The verification of an open request, which knows the address, and the patrol, which knows its hash alone."""
    from purge.run.treating import was_proved
    from purge.steps import addresses
    from purge.upkeep.patrol import patrol_all

    victim = UserFactory(account=cast.acme, email=VICTIM, former=[FORMER], deleted=True)
    log = entry(staff, FORMER)
    request = purge(cast, victim)
    with monkeypatch.context() as patched:
        patched.setattr(addresses, "treat_rows", lambda *args: 0)
        patched.setattr("purge.run.treating.treat_rows", lambda *args: 0)
        w.run_to_end(request)
        assert request.status == Status.RESIDUE
    places = set(request.residues.values_list("table", "row"))
    assert places == {("django_admin_log", str(log.pk))}
    log.delete()
    assert patrol_all().verdict == Verdict.CLEAN
    assert w.completed(request)
    PurgeRequest.objects.filter(pk=request.pk).update(patrolled_at=None)
    later = entry(staff, FORMER)
    assert was_proved(request)
    assert patrol_all().verdict == Verdict.RESIDUE
    assert set(request.residues.filter(gone_at=None).values_list("row", flat=True)) == {str(later.pk)}
    # Somebody has it now: it is theirs, and nothing is left.
    UserFactory(account=cast.globex, email=FORMER)
    assert patrol_all().verdict == Verdict.CLEAN
