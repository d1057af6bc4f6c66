"""What an import makes of a file."""

import tracemalloc
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.db import IntegrityError
from django.utils import timezone

from purge.worker.queue import queue_length
from tests.factories.users import (
    AccountFactory,
    GroupMemberFactory,
    UserFactory,
    UserRoleFactory,
)
from tests.users.imports.at_hand import bad_rows, counts, imported, started
from users import tasks
from users.imports import loading
from users.imports.services import user_import_run
from users.lifecycle import wishes_refused
from users.models import (
    DeletedCount,
    FormerEmail,
    ImportLog,
    ImportState,
    Role,
    User,
    UserAudit,
    UserRole,
    UserSource,
    UserState,
)
from users.services import ServiceError, user_delete

pytestmark = pytest.mark.django_db

SAMPLE = Path(__file__).parents[2] / "data" / "users-sample.csv"


def user(account, email):
    return User.objects.get(account=account, email_key=email)


def deleted_counts(account):
    return dict(DeletedCount.objects.filter(account=account).values_list("month", "n"))


# ---------------------------------------------------------------- in they go


def test_the_sample_goes_in_with_its_managers(account):
    log = imported(account, SAMPLE.read_bytes())
    assert (log.state, log.total_rows, log.rows_done, counts(log)) == (ImportState.COMPLETED, 5, 5, {"added": 5})
    howard, laura = user(account, "howardwalters@people.example"), user(account, "lauravidal@people.example")
    assert howard.manager is None
    assert laura.manager.email == "elainegoodman@people.example"
    assert laura.manager.manager == howard
    assert (laura.name, laura.profile, laura.source) == ("Laura Vidal", "Designer", UserSource.CSV)
    assert laura.state == UserState.ACTIVE
    assert not laura.has_usable_password()


def test_importing_again_is_harmless(account):
    imported(account, SAMPLE.read_bytes())
    before = list(User.objects.order_by("pk").values())
    log = imported(account, SAMPLE.read_bytes())
    assert counts(log) == {"unchanged": 5}
    assert list(User.objects.order_by("pk").values()) == before
    assert not UserAudit.objects.exists()


def test_columns_are_remembered_for_the_account(account):
    imported(account, "Wer,Post\nAnn,a@x.org\n", mapping={"name": "Wer", "email": "post"})
    assert counts(imported(account, "Post;Wer\nb@x.org;Bob\n")) == {"added": 1}
    assert user(account, "b@x.org").name == "Bob"
    with pytest.raises(ServiceError, match="No column is known as Name, Email"):
        imported(AccountFactory(), "Wer,Post\nAnn,a@x.org\n")


def test_everything_a_row_can_say(account):
    text = (
        "Name,Email,Unique User ID,Profile,Manager,State,Deletion date,Type,Adobe ID,Extra,\n"
        "Ann  Archer ,Ann@X.org,u-7,Chemist,ROOT,ACTIVE,,external,ann@login.example,x,\n"
        "Bob,b@x.org,U-8,Chef,ann@x.org,deleted,2026-01-31,internal,,,\n"
        "Cy,c@x.org,,,Acme,,31.12.2025,,,,\n"
    )
    assert counts(imported(account, text)) == {"added": 3}
    ann, bob, cy = (user(account, key) for key in ("ann@x.org", "b@x.org", "c@x.org"))
    assert (ann.name, ann.email, ann.unique_user_id, ann.unique_id_sort) == ("Ann Archer", "Ann@X.org", "u-7", "u-7")
    assert (ann.kind, ann.adobe_id, ann.adobe_key) == ("external", "ann@login.example", "ann@login.example")
    assert (bob.state, bob.deleted_month, bob.manager) == (UserState.DELETED, "2026-01", ann)
    assert bob.deleted_at == datetime(2026, 1, 31, tzinfo=UTC)
    assert (cy.state, cy.unique_user_id, cy.adobe_id, cy.profile) == (UserState.DELETED, None, None, "")
    assert deleted_counts(account) == {"2026-01": 1, "2025-12": 1}


def test_a_month_of_deletion_is_the_accounts():
    account = AccountFactory(time_zone="America/New_York")
    imported(account, "Name,Email,Date deleted\nAnn,a@x.org,2026-03-01\nBob,b@x.org,2026-03-01T02:00:00Z\n")
    assert deleted_counts(account) == {"2026-03": 1, "2026-02": 1}


def test_names_of_two_columns(account):
    imported(account, "First name,Last name,Email\nAnn,Archer,a@x.org\n")
    assert user(account, "a@x.org").name == "Ann Archer"


def test_an_address_is_compared_by_its_key(account):
    UserFactory(account=account, email="JÜRGEN@x.org", name="Jürgen")
    log = imported(account, "Name,Email\nJ. Müller,jürgen@x.org\nAnn,a@x.org\nAnn,A@X.ORG\n")
    assert counts(log) == {"updated": 1, "added": 1, "failed": 1}


# ---------------------------------------------------------------- bad rows


def test_each_bad_row_is_reported_with_line_and_reason_and_says_nobody(account):
    next_year = timezone.now().year + 1
    text = (
        "Name,Email,UID,State,Deletion date,Type,Profile,Manager\n"
        ",zebra1@x.org,,,,,,\n"
        "Zebra,zebra.x.org,,,,,,\n"
        "Zebra,,,,,,,\n"
        f"{'Zebra' * 50},zebra2@x.org,,,,,,\n"
        f"Zebra 3,zebra3@x.org,{'9' * 101},,,,,\n"
        "Zebra 4,zebra4@x.org,,RETIRED,,,,\n"
        f"Zebra 5,zebra5@x.org,,DELETED,{next_year}-01-01,,,\n"
        "Zebra 6,zebra6@x.org,,DELETED,05/06/2026,,,\n"
        "Zebra 7,zebra7@x.org,,DELETED,1989-01-01,,,\n"
        "Zebra 8,zebra8@x.org,,,,robot,,\n"
        "Good,good@x.org,7,,,,,\n"
        "Zebra,GOOD@x.org,,,,,,\n"
        "Zebra 9,zebra9@x.org,7,,,,,\n"
        "Zebra 10,zebra10@x.org,,,,,,zebra10@x.org\n"
        "Zebra,a@x.org; zebra@x.org,,,,,,\n"
    )
    log = imported(account, text)
    assert counts(log) == {"added": 1, "failed": 14}
    assert [line for line, _reason in bad_rows(log)] == [*range(2, 12), *range(13, 17)]
    reasons = " ".join(reason for _line, reason in bad_rows(log))
    assert "zebra" not in reasons.lower() and "@" not in reasons
    assert "too long, at most 200" in reasons and "the same as on line 12" in reasons and "in the future" in reasons
    assert User.objects.filter(account=account).count() == 1


def test_the_bad_first_of_two_does_not_keep_the_good_second_out(account):
    log = imported(account, "Name,Email\n,a@x.org\nAnn,a@x.org\n")
    assert counts(log) == {"added": 1, "failed": 1}


def test_a_unique_id_of_another_user_is_a_bad_row(account, ann):
    bob = UserFactory(account=account, email="bob@acme.example", unique_user_id="U-2")
    log = imported(account, "Name,Email,UID\nBob,bob@acme.example,U-1\n")
    assert counts(log) == {"failed": 1}
    bob.refresh_from_db()
    assert bob.unique_user_id == "U-2"


def test_another_writer_in_between_costs_his_row_only(account, monkeypatch):
    """A form adds the address after the batch has looked."""
    insert = loading.rows_insert

    def late(model, given, rows):
        rows = list(rows)
        if any(row[given.index("email_key")] == "b@x.org" for row in rows):
            raise IntegrityError
        insert(model, given, rows)

    monkeypatch.setattr(loading, "rows_insert", late)
    log = imported(account, "Name,Email\n" + "".join(f"{letter},{letter}@x.org\n" for letter in "abcde"))
    assert counts(log) == {"added": 4, "failed": 1}
    assert bad_rows(log)[0][0] == 3
    assert log.rows_done == 5


# ---------------------------------------------------------------- people who are there


def test_what_changes_is_updated_and_what_is_not_said_stays(account, ann):
    ann.profile, ann.adobe_id, ann.adobe_key = "Chemist", "ann-login", "ann-login"
    ann.save()
    UserRoleFactory(user=ann, role=Role.AUTHOR)
    log = imported(account, "Name,Email,UID\nAnn Baker,ann@acme.example,\n")
    ann.refresh_from_db()
    assert counts(log) == {"updated": 1}
    assert (ann.name, ann.profile, ann.adobe_id, ann.unique_user_id) == ("Ann Baker", "Chemist", "ann-login", "U-1")
    assert ann.has_role(Role.AUTHOR)
    assert list(UserAudit.objects.values_list("user", "event", "fields")) == [(ann.pk, "changed", "name")]


def test_a_new_address_of_the_same_unique_id_is_a_move(account, ann):
    log = imported(account, "Name,Email,UID\nAnn Archer,ann.baker@acme.example,U-1\n")
    ann.refresh_from_db()
    assert counts(log) == {"updated": 1}
    assert (ann.email, ann.email_key) == ("ann.baker@acme.example", "ann.baker@acme.example")
    assert list(ann.former_emails.values_list("email_key", flat=True)) == ["ann@acme.example"]
    # And back again: the address is no former one any more.
    imported(account, "Name,Email,UID\nAnn Archer,ann@acme.example,U-1\n")
    assert list(FormerEmail.objects.values_list("email_key", flat=True)) == ["ann.baker@acme.example"]


def test_a_user_of_another_account_is_somebody_else(account, stranger):
    log = imported(account, f"Name,Email\nBobby,{stranger.email}\n")
    assert counts(log) == {"added": 1}
    stranger.refresh_from_db()
    assert stranger.name == "Bob Bowman"


def test_deleting_by_import_does_what_deleting_does(account, ann, admin_user):
    GroupMemberFactory(user=ann)
    log = imported(account, "Name,Email,State\nAnn Archer,ann@acme.example,DELETED\n", by=admin_user)
    ann.refresh_from_db()
    assert counts(log) == {"updated": 1}
    assert (ann.state, ann.deleted_by) == (UserState.DELETED, admin_user)
    assert not ann.group_memberships.exists()
    assert deleted_counts(account) == {ann.deleted_month: 1}
    assert UserAudit.objects.get(user=ann).event == "deleted"
    # Again, without a date: the date of the deletion stays.
    assert counts(imported(account, "Name,Email,State\nAnn Archer,ann@acme.example,DELETED\n")) == {"unchanged": 1}


def test_a_deletion_date_can_be_corrected(account):
    imported(account, "Name,Email,Deletion date\nAnn,a@x.org,2026-01-31\n")
    log = imported(account, "Name,Email,Deletion date\nAnn,a@x.org,2025-12-31\n")
    assert counts(log) == {"updated": 1}
    assert deleted_counts(account) == {"2025-12": 1}


def test_nobody_deletes_himself_nor_the_last_administrator(account, admin_user):
    text = "Name,Email,State\nAda,admin@acme.example,DELETED\n"
    other = UserFactory(account=account, roles=[Role.ADMINISTRATOR])
    assert "nobody can delete themselves" in bad_rows(imported(account, text, by=admin_user))[0][1]
    both = f"{text}Other,{other.email},DELETED\n"
    log = imported(account, both)
    assert counts(log) == {"failed": 2}
    assert "last active Administrator" in bad_rows(log)[0][1]
    assert UserRole.objects.filter(role=Role.ADMINISTRATOR, user__state=UserState.ACTIVE).count() == 2


def test_a_deleted_user_comes_back_as_learner_with_his_history(account, ann):
    UserRoleFactory(user=ann, role=Role.AUTHOR)
    user_delete(acting_user=None, user=ann)
    log = imported(account, "Name,Email\nAnn Archer,ann@acme.example\n")
    ann.refresh_from_db()
    assert counts(log) == {"revived": 1}
    assert list(log.notes.values_list("line", "kind")) == [(2, "revived")]
    assert (ann.state, ann.deleted_at, ann.unique_user_id, ann.source) == (UserState.ACTIVE, None, "U-1", "csv")
    assert not ann.has_role(Role.AUTHOR)
    assert deleted_counts(account) == {}


def test_a_deleted_user_with_another_unique_id_stays_deleted(account, ann):
    user_delete(acting_user=None, user=ann)
    log = imported(account, "Name,Email,UID\nAnn Archer,ann@acme.example,U-2\n")
    assert counts(log) == {"failed": 1}
    ann.refresh_from_db()
    assert (ann.state, ann.unique_user_id) == (UserState.DELETED, "U-1")


# ---------------------------------------------------------------- managers


def test_a_manager_may_come_later_and_must_be_active(account):
    user_of_before = UserFactory(account=account, email="old@x.org", deleted=True)
    text = (
        "Name,Email,Manager,State\n"
        "Ann,a@x.org,Z@X.org,\nBob,b@x.org,nobody@x.org,\nCy,c@x.org,old@x.org,\nDi,d@x.org,a@x.org,\nZoe,z@x.org,,\n"
        f"Old,{user_of_before.email},,DELETED\n"
    )
    assert counts(imported(account, text)) == {"added": 5, "updated": 1}
    managers = {each.email: each.manager and each.manager.email for each in User.objects.filter(account=account)}
    assert managers == {
        "a@x.org": "z@x.org",
        "b@x.org": None,
        "c@x.org": None,
        "d@x.org": "a@x.org",
        "z@x.org": None,
        "old@x.org": None,
    }
    log = imported(account, text)
    assert counts(log) == {"unchanged": 6}


def test_nobody_manages_himself_through_others(account):
    imported(account, "Name,Email,Manager\nAnn,a@x.org,\nBob,b@x.org,a@x.org\nCy,c@x.org,b@x.org\n")
    log = imported(account, "Name,Email,Manager\nAnn,a@x.org,c@x.org\n")
    assert user(account, "a@x.org").manager is None
    assert log.state == ImportState.COMPLETED
    [(line, reason)] = bad_rows(log)
    assert line == 2 and "not even through others" in reason


def test_a_circle_within_a_file_loses_one_link(account):
    log = imported(account, "Name,Email,Manager\nAnn,a@x.org,b@x.org\nBob,b@x.org,c@x.org\nCy,c@x.org,a@x.org\n")
    assert len(bad_rows(log)) == 1
    assert User.objects.filter(account=account, manager=None).count() == 1


def test_circles_end_whatever_the_wishes():
    # 3's wish closes a circle; what he has now closes another with 2's wish.
    assert wishes_refused({2: 3, 3: 1}, {1: 3, 2: None, 3: 2}) == ({2, 3}, set())
    assert wishes_refused({1: 2}, {2: None}) == (set(), set())
    assert wishes_refused({n: n + 1 for n in range(50_000)}, {50_000: None}) == (set(), set())


def test_a_row_that_did_not_go_in_gives_no_manager(account, ann):
    log = imported(account, "Name,Email,UID,Manager\nBob,b@x.org,,\n,ann@acme.example,,b@x.org\n")
    ann.refresh_from_db()
    assert counts(log) == {"added": 1, "failed": 1}
    assert ann.manager is None


# ---------------------------------------------------------------- big, killed, twice


def many(number, name="Person"):
    managers = {n: f"p{n // 10}@x.org" if n >= 10 else "ROOT" for n in range(1, number + 1)}
    rows = (f"{name} {n},p{n}@x.org,U-{n},Chemist,{manager}\n" for n, manager in managers.items())
    return "Name,Email,Unique User ID,Profile,Manager\n" + "".join(rows)


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 10)


class Killed(BaseException):
    """As SIGKILL: nothing in between catches it."""


@pytest.fixture
def killed_at(monkeypatch):
    """Kills the import within its n-th batch, after everything is written and before it is committed."""

    def kill(number):
        write, calls = loading.Loader._write, []

        def deadly(loader, work):
            write(loader, work)
            calls.append(1)
            if len(calls) == number:
                raise Killed

        monkeypatch.setattr(loading.Loader, "_write", deadly)

    return kill


@pytest.mark.parametrize("batch", [1, 3])
def test_killed_in_the_middle_and_delivered_again(account, small_batches, killed_at, batch):
    text = many(35) + "Twice,p2@x.org,,,\n"
    log = started(account, text)
    killed_at(batch)
    with pytest.raises(Killed):
        user_import_run(log_id=log.pk)
    log.refresh_from_db()
    assert (log.state, log.rows_done) == (ImportState.RUNNING, (batch - 1) * 10)
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert counts(log) == {"added": 35, "failed": 1}
    assert [line for line, _reason in bad_rows(log)] == [37]
    assert User.objects.filter(account=account).count() == 35
    assert user(account, "p35@x.org").manager.email == "p3@x.org"
    assert user_import_run(log_id=log.pk) == "nothing to do"


def test_two_at_once_do_each_row_once(account, small_batches, monkeypatch):
    log = started(account, many(30))
    batch = loading.Loader._batch
    other = []

    def meddled(loader, *arguments):
        if not other:
            other.append(None)
            other[0] = user_import_run(log_id=log.pk)
        batch(loader, *arguments)

    monkeypatch.setattr(loading.Loader, "_batch", meddled)
    assert user_import_run(log_id=log.pk) == "taken over"
    assert other == ["over"]
    log.refresh_from_db()
    assert (log.state, counts(log)) == (ImportState.COMPLETED, {"added": 30})


def test_a_slice_of_time_goes_back_into_the_queue(account, small_batches):
    log = started(account, many(30))
    assert user_import_run(log_id=log.pk, seconds=-1) == "more"
    log.refresh_from_db()
    assert (log.state, log.rows_done) == (ImportState.RUNNING, 0)


def test_progress_is_seen_while_it_runs(account, small_batches, monkeypatch):
    log, seen = started(account, many(30)), []
    batch = loading.Loader._batch

    def watched(loader, *arguments):
        batch(loader, *arguments)
        now = ImportLog.objects.get(pk=log.pk)
        seen.append((now.rows_done, now.total_rows, now.added))

    monkeypatch.setattr(loading.Loader, "_batch", watched)
    user_import_run(log_id=log.pk)
    assert seen == [(10, 30, 10), (20, 30, 20), (30, 30, 30)]


def test_the_number_of_queries_is_the_batches(account, django_assert_max_num_queries):
    log = started(account, many(1_000))
    with django_assert_max_num_queries(40):
        user_import_run(log_id=log.pk)
    again = started(account, many(1_000, name="Renamed"), sure=True)
    with django_assert_max_num_queries(40):
        user_import_run(log_id=again.pk)
    again.refresh_from_db()
    assert counts(again) == {"updated": 1_000}


def test_memory_is_flat(account, monkeypatch):
    monkeypatch.setattr(loading, "BATCH", 250)
    log = started(account, many(8_000))
    tracemalloc.start()
    try:
        user_import_run(log_id=log.pk)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert User.objects.filter(account=account).count() == 8_000
    # The rows alone, held all at once, are more than this.
    assert peak < 5 * 1024 * 1024, peak


# ---------------------------------------------------------------- taking it in


def test_the_import_is_queued_with_its_number_alone(account, admin_user):
    before = queue_length()
    log = started(account, SAMPLE.read_bytes(), by=admin_user)
    assert queue_length() == before + 1
    assert (log.state, log.started_by, log.total_rows) == (ImportState.RUNNING, admin_user, 5)
    assert log.file.name.startswith(f"accounts/{account.public_id}/imports/")
    assert tasks.run_import(log.pk) == "over"


def test_a_failure_is_noted_by_its_class(account, monkeypatch, caplog):
    log = started(account, SAMPLE.read_bytes())

    def fail(self, stored):
        raise RuntimeError("howardwalters@people.example")

    monkeypatch.setattr(loading.Loader, "rows", fail)
    assert tasks.run_import(log.pk) == "failed"
    log.refresh_from_db()
    assert log.state == ImportState.FAILED
    assert "RuntimeError" in log.failure and "@" not in log.failure + caplog.text


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "unreadable"),
        ("Name,Email\n", "empty"),
        ("Name,Phone\nAnn,1\n", "columns"),
        ("Howard Walters,howard@x.org\nJim,jim@x.org\n", "columns"),
        ("PK\x03\x04", "unreadable"),
        ("Name,Email,N\x01\nAnn,a@x.org,\n", "unreadable"),
    ],
)
def test_what_cannot_be_imported_is_refused_and_not_stored(account, content, code):
    with pytest.raises(ServiceError) as refusal:
        started(account, content)
    assert refusal.value.code == code
    assert not ImportLog.objects.exists()
    assert not default_storage.exists(f"accounts/{account.public_id}")


def test_a_row_with_a_control_character_is_refused_by_its_line_and_the_others_go_in(account):
    rows = "Ann,ann@x.org,ok\nBe\x0bn,ben@x.org,ok\nCy,cy@x.org,n\x1fote\nDi\tDay,di@x.org,ok\n"
    log = imported(account, f"Name,Email,Remark\n{rows}")
    said = "A control character stands on this line. Remove it, and upload this row again."
    assert (counts(log), bad_rows(log)) == ({"added": 2, "failed": 2}, [(3, said), (4, said)])
    assert set(User.objects.filter(account=account).values_list("name", flat=True)) == {"Ann", "Di Day"}


def test_corrections_name_fields_and_headings_that_are_there(account):
    for mapping, code in (({"boss": "Name"}, "field"), ({"profile": "Title"}, "heading"), ({"name": "Email"}, "twice")):
        with pytest.raises(ServiceError) as refusal:
            started(account, "Name,Email\nAnn,a@x.org\n", mapping=mapping)
        assert refusal.value.code == code


def test_nobody_imports_into_another_account_or_the_system_account(account, stranger):
    with pytest.raises(ServiceError, match="your own account"):
        started(account, SAMPLE.read_bytes(), by=stranger)
    with pytest.raises(ServiceError, match="system account"):
        started(AccountFactory(kind="system"), SAMPLE.read_bytes())


def test_utf16_without_its_mark_is_stored_with_one(account):
    log = imported(account, "Name,Email\nJürgen,j@x.org\n".encode("utf-16-le"))
    assert counts(log) == {"added": 1}
    with default_storage.open(log.file.name, "rb") as stored:
        assert stored.read(2) == b"\xff\xfe"


def test_a_file_that_is_gone_ends_the_import(account):
    log = started(account, SAMPLE.read_bytes())
    ImportLog.objects.filter(pk=log.pk).update(file="", link_dead_at=timezone.now())
    assert user_import_run(log_id=log.pk) == "over"
    log.refresh_from_db()
    assert log.state == ImportState.FAILED and "purge" in log.failure
    assert not User.objects.filter(account=account).exists()


# ---------------------------------------------------------------- address and Unique User ID contradict each other


def test_the_row_of_an_earlier_job_deletes_nobody(account):
    ann = UserFactory(account=account, email="ann@acme.example", unique_user_id="E12", roles=["author"])
    text = "Name,Email,Employee ID,State,Deletion date\nAnn,ann@acme.example,E3,DELETED,2025-05-31\n"
    log = imported(account, text)
    assert counts(log) == {"failed": 1}
    [(line, reason)] = bad_rows(log)
    assert line == 2
    assert "Unique User ID" in reason
    ann.refresh_from_db()
    assert (ann.state, ann.unique_user_id) == (UserState.ACTIVE, "E12")
    assert ann.given_roles.count() == 1


def test_of_two_rows_that_contradict_each_other_neither_goes_in(account):
    ann = UserFactory(account=account, email="ann@acme.example", name="Before")
    log = imported(
        account,
        "Name,Email,Employee ID,State\nAnn,ann@acme.example,E3,DELETED\nBob,bob@acme.example,E4,ACTIVE\n"
        "Ann,ANN@acme.example,E12,ACTIVE\n",
    )
    assert counts(log) == {"added": 1, "failed": 2}
    assert [line for line, _reason in bad_rows(log)] == [2, 4]
    assert ["line 4" in bad_rows(log)[0][1], "line 2" in bad_rows(log)[1][1]] == [True, True]
    ann.refresh_from_db()
    assert (ann.state, ann.name, ann.unique_user_id) == (UserState.ACTIVE, "Before", None)


def test_a_recycled_address_hands_nothing_over(account):
    hand = UserFactory(
        account=account, email="desk@acme.example", unique_user_id="E1", name="Old Hand", roles=["administrator"]
    )
    log = imported(account, "Name,Email,Employee ID\nNew Hire,desk@acme.example,E9\n")
    assert counts(log) == {"failed": 1}
    hand.refresh_from_db()
    assert (hand.name, hand.unique_user_id) == ("Old Hand", "E1")
    # The same ID, or none in the row or in the user, is no contradiction.
    log = imported(account, "Name,Email,Employee ID\nOlder Hand,desk@acme.example,E1\n")
    assert counts(log) == {"updated": 1}
    log = imported(account, "Name,Email\nOldest Hand,desk@acme.example\n")
    assert counts(log) == {"updated": 1}
    UserFactory(account=account, email="new@acme.example")
    log = imported(account, "Name,Email,Employee ID\nNew,new@acme.example,E10\n")
    assert counts(log) == {"updated": 1}


@pytest.mark.parametrize("state", ["ACTIVE", "DELETED", ""])
def test_a_deleted_user_with_another_id_is_left_alone(account, state):
    gone = UserFactory(account=account, email="ann@acme.example", unique_user_id="E1", name="Before", deleted=True)
    log = imported(account, f"Name,Email,Employee ID,State\nAnn,ann@acme.example,E2,{state}\n")
    assert counts(log) == {"failed": 1}
    gone.refresh_from_db()
    assert (gone.name, gone.unique_user_id, gone.state) == ("Before", "E1", UserState.DELETED)


def test_an_id_of_one_and_the_address_of_another_is_refused(account):
    UserFactory(account=account, email="ann@acme.example", unique_user_id="E1")
    UserFactory(account=account, email="bob@acme.example")
    log = imported(account, "Name,Email,Employee ID\nWho,bob@acme.example,E1\n")
    assert counts(log) == {"failed": 1}


def test_a_company_may_change_its_ids(account):
    ann = UserFactory(account=account, email="ann@acme.example", unique_user_id="E1", roles=["author"])
    log = imported(account, "Name,Email,Employee ID\nAnn,ann@acme.example,N-1\n", renumber=True)
    assert counts(log) == {"updated": 1}
    ann.refresh_from_db()
    assert (ann.unique_user_id, ann.given_roles.count()) == ("N-1", 1)


def test_the_row_of_an_earlier_job_deletes_nobody_where_the_ids_changed_either(account):
    ann = UserFactory(account=account, email="ann@acme.example", unique_user_id="E12", roles=["author"])
    bob = UserFactory(account=account, email="bob@acme.example", unique_user_id="E13")
    text = (
        "Name,Email,Employee ID,State\nAnn,ann@acme.example,E3,DELETED\nBob,bob@acme.example,E13,DELETED\n"
        "Cid,cid@acme.example,N-7,DELETED\n"
    )
    log = imported(account, text, renumber=True)
    assert counts(log) == {"added": 1, "updated": 1, "failed": 1}
    [(line, reason)] = bad_rows(log)
    assert line == 2 and reason.startswith("Unique User ID: ")
    ann.refresh_from_db()
    bob.refresh_from_db()
    assert (ann.state, ann.unique_user_id, ann.given_roles.count()) == (UserState.ACTIVE, "E12", 1)
    assert bob.state == UserState.DELETED


# ---------------------------------------------------------------- what is copied along with an address


def test_direction_marks_around_an_address_are_not_stored(account):
    log = imported(account, "Name,Email\nAnn,\u202aann@acme.example\u202c\n")
    assert counts(log) == {"added": 1}
    assert User.objects.get(account=account).email == "ann@acme.example"


# ---------------------------------------------------------------- who shares a mailbox


def test_who_shares_a_mailbox_gets_it_back_by_a_file_once_nobody_else_has_it(account):
    keyed = UserFactory(account=account, email="desk@acme.example", name="First")
    sharing = UserFactory(
        account=account, email="DESK@acme.example", name="Second", email_key=None, same_mailbox_as=keyed
    )
    assert counts(imported(account, "Name,Email\nFirst of two,desk@acme.example\n")) == {"updated": 1}
    keyed.refresh_from_db()
    sharing.refresh_from_db()
    assert (keyed.name, sharing.name, sharing.email_key) == ("First of two", "Second", None)
    User.objects.filter(pk=sharing.pk).update(same_mailbox_as=None)
    User.objects.filter(pk=keyed.pk).update(email="other@acme.example", email_key="other@acme.example")
    log = imported(account, "Name,Email\nOnly one,desk@acme.example\n")
    assert counts(log) == {"updated": 1}
    sharing.refresh_from_db()
    assert (sharing.name, sharing.email_key) == ("Only one", "desk@acme.example")
    assert User.objects.filter(account=account).count() == 2
    assert not sharing.former_emails.exists()
