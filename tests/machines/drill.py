"""What is done to the site on several machines, and what is seen of the purges meanwhile."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

from django.core.files.base import ContentFile
from django.db import Error, connection

from messaging.models import Notification, NotificationKind
from purge import services
from purge.choices import Status
from purge.installation.storage import begin_storage
from purge.journal import noticing
from purge.journal.homes import SAME, compare_homes
from purge.models import JournalAlarm, LedgerEntry, PurgeRequest
from purge.services.refusals import PurgeRefused
from tests.factories.learning import CommentFactory, EnrolmentFactory
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from tests.machines.__main__ import MEASURED, PURGED, Site, until
from tests.machines.store import Store
from tools.postgres import Server
from users.models import User
from users.wall import across_accounts

DOMAIN = "gone.example"


def drilled(site: Site, primary: Any, standby: Any, store: Store, *, measured: bool) -> dict[str, Any]:
    with across_accounts("a drill"):
        people = People(store)
        assert begin_storage() == ""
        seen: dict[str, Any] = {"purges": PURGED, "throughput": throughput(site, people) if measured else {}}
        seen["events"] = killed_in_turn(site, primary, standby, store, people)
        seen |= what_is_left(people, store)
        return seen


class People:
    """An account whose people are purged one by one."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.account = AccountFactory(name="Acme")
        self.admin = AdministratorFactory(account=self.account, email="admin@acme.example")
        self.witness = UserFactory(account=self.account, email="witness@acme.example")
        self._give_picture(self.witness)
        self.made = 0
        self.references: dict[str, tuple[int, str, str]] = {}

    def make(self, number: int) -> list[User]:
        people = []
        for _each in range(number):
            self.made += 1
            email = f"person-{self.made}@{DOMAIN}"
            person = UserFactory(account=self.account, email=email, deleted=True)
            self._give_picture(person)
            EnrolmentFactory.create_batch(5, user=person)
            CommentFactory(post__board__account=self.account, author=self.witness, body=f"Ask {email} about it.")
            people.append(person)
        return people

    def _give_picture(self, person: User) -> None:
        """With an older version in the bucket."""
        person.avatar.save("picture.png", ContentFile(b"a picture"), save=False)
        User.objects.filter(pk=person.pk).update(avatar=person.avatar.name)
        self.store.write_over(person.avatar.name)

    def purge(self, person: User) -> None:
        """Ask for it, again until the database has it: whoever clicks does so too."""
        given = PurgeRequest.across_accounts.filter(subjects__person_id=person.pk)

        def accepted() -> bool:
            try:
                if not given.exists():
                    services.purge_submit(acting_user=self.admin, account_id=self.account.pk, user_ids=[person.pk])
            except PurgeRefused:
                return False  # the object store is a home of the log, and has the files' marker
            except Error:
                connection.close()
                return False
            return True

        until(accepted, "a submission")
        until(lambda: self._remember(given, person), "a look")

    def _remember(self, given: Any, person: User) -> bool:
        try:
            self.references[given.get().reference] = (person.pk, person.email, str(person.public_id))
        except Error:
            connection.close()
            return False
        return True

    def are_all_done(self) -> bool:
        try:
            return not PurgeRequest.across_accounts.exclude(status=Status.COMPLETED).exists()
        except Error:
            connection.close()
            return False


def throughput(site: Site, people: People) -> dict[str, Any]:
    """How many purges a second 1, 2 and 4 workers do, as ratios to one."""
    rates: dict[int, float] = {}
    for number in (1, 2, 4):
        selected = people.make(MEASURED)
        for worker in site.workers[:number]:
            worker.start()
        # They are awake when they have done one each.
        for person in people.make(2 * number):
            people.purge(person)
        until(people.are_all_done, "the first purges")
        began = time.monotonic()
        for person in selected:
            people.purge(person)
        until(people.are_all_done, "the measured purges")
        print(f"{number} workers: done", flush=True)
        rates[number] = MEASURED / (time.monotonic() - began)
        for worker in site.workers[:number]:
            worker.kill()
    return {f"{number} workers": round(rate / rates[1], 2) for number, rate in rates.items()}


def killed_in_turn(site: Site, primary: Any, standby: Any, store: Store, people: People) -> dict[str, float]:
    """Event → after how many seconds all purges that were asked for around it were completed."""
    selected = people.make(PURGED)
    first, second = site.workers[:2]
    for process in (first, second, *(web for web, _url in site.webs)):
        process.start()
    for number in (0, 1):
        until(lambda each=number: site.answers(each), "a web")

    def cut_off() -> None:
        pooler = site.poolers["127.0.0.22"]
        pooler.kill()
        time.sleep(6)  # longer than a claim lasts: the other one takes the work over
        pooler.start()

    def web_killed() -> None:
        site.webs[0][0].kill()
        assert site.answers(1)
        site.webs[0][0].start()
        until(lambda: site.answers(0), "the web that was killed")

    def pooler_of_web_killed() -> None:
        pooler = site.poolers["127.0.0.12"]
        pooler.kill()
        assert site.answers(0)
        pooler.start()
        until(lambda: site.answers(1), "the web behind it")

    def store_is_silent() -> None:
        store.send(signal.SIGSTOP)
        time.sleep(8)  # longer than anybody waits for an answer
        store.send(signal.SIGCONT)

    def failed_over() -> None:
        Server.stop(primary, "immediate")  # its folder stays until the end
        standby.is_promoted()
        site.failed_over(standby.port)
        connection.close()
        for number in (0, 1):
            until(lambda each=number: site.answers(each), "a web after the failover")

    events: list[tuple[str, Callable[[], None]]] = [
        ("worker killed", lambda: (first.kill(), first.start())),
        ("worker cut off from the database", cut_off),
        ("web killed", web_killed),
        ("pooler of a web killed", pooler_of_web_killed),
        ("object store silent", store_is_silent),
        ("database killed, standby promoted", failed_over),
        ("nothing", lambda: None),
    ]
    each = PURGED // len(events)
    seen = {}
    for name, happens in events:
        now, selected = selected[:each], selected[each:]
        began = time.monotonic()
        for person in now[: each // 2]:
            people.purge(person)
        happens()
        for person in now[each // 2 :]:
            people.purge(person)
        until(people.are_all_done, name)
        seen[name] = round(time.monotonic() - began, 1)
        print(f"{name}: {seen[name]} s", flush=True)
    for worker in (first, second):
        worker.kill()
    return seen


def what_is_left(people: People, store: Store) -> dict[str, Any]:
    """Asked of the database that is left and of the store, by themselves."""
    noticing.reconcile()  # what a home lacked while it was silent
    requests = {each.reference: each for each in PurgeRequest.across_accounts.all()}
    falsely = []
    with connection.cursor() as cursor:
        for reference, (pk, email, public_id) in people.references.items():
            cursor.execute(
                "SELECT (SELECT count(*) FROM users_user WHERE id = %s)"
                " + (SELECT count(*) FROM learning_enrolment WHERE user_id = %s)"
                " + (SELECT count(*) FROM learning_comment WHERE position(%s in body) > 0)",
                [pk, pk, email],
            )
            ((left,),) = cursor.fetchall()
            if (
                (left or store.lies_there(public_id))
                and reference in requests
                and requests[reference].status == Status.COMPLETED
            ):
                falsely.append(reference)
    homes = compare_homes()
    told = Notification.objects.filter(kind=NotificationKind.COMPLETED)
    twice = [
        reference
        for reference, each in requests.items()
        if LedgerEntry.objects.filter(request=each, event="completed").count() != 1
        or told.filter(reference=reference, recipient=people.admin).count() != 1
    ]
    return {
        "requests": len(requests),
        "lost": sorted(set(people.references) - set(requests)),
        "done_twice": twice,
        "falsely_completed": falsely,
        "others_lost": 1
        - User.objects.filter(pk=people.witness.pk).count() * bool(store.lies_there(str(people.witness.public_id))),
        "files_of_the_log": len(homes),
        "log_unlike": sum(each.state != SAME for each in homes),
        "alarms": JournalAlarm.objects.count(),
    }
