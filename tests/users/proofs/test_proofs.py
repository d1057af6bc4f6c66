"""What an account has proved to be its own: a link proves one address, a record one domain; nobody else's word does."""

import io
import re
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django.utils.formats import date_format
from django_q.models import OrmQ

from messaging.models import MailLog, Notification
from messaging.tasks import send_notification
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users import tasks
from users.models import AccountKind, ProvedAddress, ProvedDomain, Role, UserAudit
from users.proofs import services
from users.services import ServiceError

pytestmark = pytest.mark.django_db
ADDRESSES = "/admin/users/provedaddress/"
DOMAINS = "/admin/users/proveddomain/"
ANN = "ann@mail.example"


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def chief(acme):
    return AdministratorFactory(account=acme, email="chief@acme.example")


@pytest.fixture
def here(client, chief):
    client.force_login(chief)
    session = client.session
    session["password_confirmed_at"] = timezone.now().timestamp()
    session.save()
    return client


def send_queued():
    """What the worker does with the links that were asked for. Returns the links in the mails."""
    mail.outbox.clear()
    for row in OrmQ.objects.order_by("pk"):
        if row.func() == "users.tasks.send_proof_link":
            tasks.send_proof_link(*row.args())
    OrmQ.objects.all().delete()
    return [re.search(r"http://\S+", letter.body)[0] for letter in mail.outbox]


def ask(client, email=ANN, purpose="purge"):
    return client.post(f"{ADDRESSES}add/", {"email": email, "purpose": purpose}, follow=True)


def proved(account, *keys, purpose="purge"):
    return services.proved_of(account.pk, set(keys), purpose)


def text_of(response):
    return re.sub(r"\s+", " ", response.content.decode())


# ---------------------------------------------------------------- an address


def test_a_link_proves_one_address_once_and_says_no_address(here, acme, chief):
    assert "Domains" in text_of(here.get(f"/admin/users/account/{acme.pk}/change/"))
    assert ask(here, "  Ann@Mail.example ").status_code == 200
    assert proved(acme, ANN) == set()
    (link,) = send_queued()
    assert mail.outbox[0].to == ["Ann@Mail.example"]
    assert "“Acme”" in mail.outbox[0].body
    assert "accounts that others have opened for a trial" in mail.outbox[0].body
    assert "@" not in link
    assert "ann" not in link.lower().partition("token=")[0]
    row = ProvedAddress.objects.get()
    token = link.partition("token=")[2]
    # Whoever reads the table has no link.
    assert token not in str(ProvedAddress.objects.values().get())
    assert re.fullmatch("[0-9a-f]{64}", row.digest)
    assert token not in str(list(MailLog.objects.values()))
    path = link.removeprefix("http://localhost:8000")
    # Opening it is not agreeing: programs that look at mail open links.
    anybody = Client()
    assert "“Acme” wants" in text_of(anybody.get(path))
    assert ANN not in text_of(anybody.get(path)).lower()
    assert proved(acme, ANN) == set()
    assert "You have agreed" in text_of(anybody.post("/admin/agree/", {"token": token}))
    assert proved(acme, ANN, "other@mail.example") == {ANN}
    # Neither for another account nor for another purpose.
    assert proved(AccountFactory(), ANN) == set()
    assert proved(acme, ANN, purpose="sender") == set()
    # Once.
    assert "not valid any more" in text_of(anybody.get(path))
    ProvedAddress.objects.update(valid_until=None)
    assert "not valid any more" in text_of(anybody.post("/admin/agree/", {"token": token}))
    assert proved(acme, ANN) == set()
    events = list(UserAudit.objects.filter(user=chief).order_by("pk").values_list("event", flat=True))
    assert events == ["proof of an address asked", "address proved"]


def test_a_link_ends_after_a_day_and_what_it_proved_after_a_year(here, acme, monkeypatch):
    ask(here)
    (link,) = send_queued()
    token = link.partition("token=")[2]
    begin = timezone.now()
    monkeypatch.setattr("django.utils.timezone.now", lambda: begin + timedelta(hours=24, minutes=1))
    assert "not valid any more" in text_of(Client().post("/admin/agree/", {"token": token}))
    monkeypatch.setattr("django.utils.timezone.now", lambda: begin + timedelta(hours=23))
    assert "You have agreed" in text_of(Client().post("/admin/agree/", {"token": token}))
    monkeypatch.setattr("django.utils.timezone.now", lambda: begin + timedelta(days=365))
    assert proved(acme, ANN) == {ANN}
    monkeypatch.setattr("django.utils.timezone.now", lambda: begin + timedelta(days=366, hours=1))
    assert proved(acme, ANN) == set()
    assert ProvedAddress.objects.count() == 1
    monkeypatch.setattr("django.utils.timezone.now", lambda: begin + timedelta(days=400))
    tasks.renew_proofs()
    assert not ProvedAddress.objects.exists()


def test_a_second_link_ends_the_first_and_is_not_sent_at_once(here, acme):
    ask(here)
    (first,) = send_queued()
    assert "A link was sent there a moment ago" in text_of(ask(here))
    ProvedAddress.objects.update(asked_at=timezone.now() - timedelta(minutes=6))
    ask(here, ANN.upper())
    (second,) = send_queued()
    assert ProvedAddress.objects.count() == 1
    assert "not valid" in text_of(Client().get(first.removeprefix("http://localhost:8000")))
    assert "I agree" in text_of(Client().get(second.removeprefix("http://localhost:8000")))
    # A task that is delivered twice makes no second link.
    assert tasks.send_proof_link(ProvedAddress.objects.get().pk) is False
    # Removed, it is worth nothing.
    here.post(ADDRESSES, {"action": "remove", "_selected_action": [ProvedAddress.objects.get().pk]})
    assert "not valid" in text_of(Client().get(second.removeprefix("http://localhost:8000")))


def test_links_are_few_a_day_and_a_mailbox_is_not_flooded_by_many_accounts():
    trial = AccountFactory(kind=AccountKind.TRIAL)
    for number in range(5):
        services.address_proof_ask(acting_user=None, account=trial, email=f"x{number}@mail.example", purpose="purge")
    with pytest.raises(ServiceError, match="At most 5 links"):
        services.address_proof_ask(acting_user=None, account=trial, email="x6@mail.example", purpose="purge")
    for _number in range(7):
        account = AccountFactory(kind=AccountKind.TRIAL)
        # Nobody who asks learns that others have asked.
        services.address_proof_ask(acting_user=None, account=account, email=ANN, purpose="purge")
    send_queued()
    assert sum(letter.to == [ANN] for letter in mail.outbox) == 5


def test_who_may_ask(client, acme, chief, here):
    other = AdministratorFactory(account=AccountFactory())
    row = services.address_proof_ask(acting_user=None, account=acme, email=ANN, purpose="purge")
    domain = services.domain_proof_ask(acting_user=None, account=acme, domain="acme.example")
    for act in (
        lambda: services.address_proof_ask(acting_user=other, account=acme, email="a@b.example", purpose="purge"),
        lambda: services.address_proof_remove(acting_user=other, row=row),
        lambda: services.domain_proof_ask(acting_user=other, account=acme, domain="b.example"),
        lambda: services.domain_proof_look(acting_user=other, row=domain),
        lambda: services.domain_proof_remove(acting_user=other, row=domain),
    ):
        with pytest.raises(ServiceError, match="Only somebody who may purge"):
            act()
    stranger = Client()
    stranger.force_login(other)
    assert ANN not in text_of(stranger.get(ADDRESSES))
    assert stranger.get(f"{DOMAINS}{domain.pk}/change/").status_code == 404
    # An Administrator without the permission to purge sees nothing of it.
    type(acme).objects.filter(pk=acme.pk).update(purge_with_role=False)
    powerless = Client()
    powerless.force_login(UserFactory(account=acme, roles=[Role.ADMINISTRATOR]))
    assert [powerless.get(page).status_code for page in (ADDRESSES, DOMAINS, f"{DOMAINS}add/")] == [403] * 3
    assert (ProvedAddress.objects.count(), ProvedDomain.objects.count()) == (1, 1)


def test_a_stale_session_is_asked_who_it_is_first(client, acme):
    chief = AdministratorFactory(account=acme, password="correct horse battery")
    client.force_login(chief)
    session = client.session
    session["password_confirmed_at"] = timezone.now().timestamp() - 3600
    session.save()
    assert "Confirm that it is you" in text_of(ask(client))
    assert not ProvedAddress.objects.exists()


def test_a_purge_of_the_address_takes_the_proof_with_it(acme, chief):
    from purge import services as purges
    from tests.purge.world import completed, run_to_end

    services.address_proof_ask(acting_user=None, account=acme, email=ANN, purpose="purge")
    (link,) = send_queued()
    services.address_proof_agree(token=link.partition("token=")[2])
    kept = ProvedAddress.objects.create(
        account=acme, email="bob@mail.example", asked_at=timezone.now(), valid_until=timezone.now() + timedelta(1)
    )
    ann = UserFactory(account=acme, email=ANN, deleted=True)
    assert completed(run_to_end(purges.purge_submit(acting_user=chief, account_id=acme.pk, user_ids=[ann.pk])))
    assert proved(acme, ANN, "bob@mail.example") == {"bob@mail.example"}
    assert list(ProvedAddress.objects.exclude(pk=kept.pk).values_list("email", "valid_until")) == [("", None)]


# ---------------------------------------------------------------- a domain


def record_of(client):
    page = text_of(client.get(f"{DOMAINS}{ProvedDomain.objects.get().pk}/change/"))
    return re.search(r"<code>(\S+) TXT “(purge-proof=[0-9a-f]{32})”</code>", page).groups()


def look(client):
    ProvedDomain.objects.update(looked_at=None)
    data = {"action": "look", "_selected_action": [ProvedDomain.objects.earliest("pk").pk]}
    return text_of(client.post(DOMAINS, data, follow=True))


def test_a_domain_is_proved_by_its_record_and_by_nothing_else(here, acme, chief, name_server):
    here.post(f"{DOMAINS}add/", {"domain": " Bücher.example. "})
    assert ProvedDomain.objects.get().domain == "xn--bcher-kva.example"
    name, value = record_of(here)
    assert name == "_purge-proof.xn--bcher-kva.example"
    mine = "ann@xn--bcher-kva.example"
    for records in (
        {},
        {name: ['"v=spf1 -all"']},
        {name: [f'"{value}x"', f'"x{value}"', f'"{value[:-1]}"', '"purge-proof="']},
        # Beside it, but not there.
        {"xn--bcher-kva.example": [f'"{value}"']},
    ):
        name_server.records = records
        assert "No such record is there" in look(here)
        assert proved(acme, mine) == set()
    name_server.records = {name: ['"something else"', f'"{value[:20]}" "{value[20:]}"']}
    assert "1 domain is proved" in look(here)
    assert proved(acme, mine, "x@sub.xn--bcher-kva.example", "x@other.example") == {mine}
    assert proved(acme, mine, purpose="sender") == {mine}
    # The record of one account is no other's.
    other = AccountFactory()
    theirs = services.domain_proof_ask(acting_user=None, account=other, domain="bücher.example")
    assert services.domain_proof_look(acting_user=None, row=theirs) is False
    assert proved(other, mine) == set()
    # A name server that is silent takes nothing away, and proves nothing.
    name_server.silent = True
    assert "No name server has answered" in look(here)
    assert proved(acme, mine) == {mine}
    events = list(UserAudit.objects.filter(user=chief).order_by("pk").values_list("event", flat=True))
    assert events == ["proof of a domain asked", "domain proved"]
    here.post(DOMAINS, {"action": "remove", "_selected_action": [ProvedDomain.objects.get(account=acme).pk]})
    assert proved(acme, mine) == set()


def test_a_domain_is_looked_at_again_each_year(acme, name_server, monkeypatch):
    row = services.domain_proof_ask(acting_user=None, account=acme, domain="acme.example")
    name, value = "_purge-proof.acme.example", f'"purge-proof={row.token}"'
    name_server.records = {name: [value]}
    begin = timezone.now()
    assert services.domain_proof_look(acting_user=None, row=row) is True
    at = lambda **later: monkeypatch.setattr("django.utils.timezone.now", lambda: begin + timedelta(**later))  # noqa: E731
    asked = len(name_server.asked)
    at(days=300)
    assert tasks.renew_proofs() == 0
    assert len(name_server.asked) == asked
    at(days=340)
    assert tasks.renew_proofs() == 1
    at(days=700)
    assert proved(acme, "ann@acme.example") == {"ann@acme.example"}
    # The record is gone: it ends with its year, and not before.
    name_server.records = {}
    assert tasks.renew_proofs() == 0
    assert proved(acme, "ann@acme.example") == {"ann@acme.example"}
    at(days=706)
    assert proved(acme, "ann@acme.example") == set()


def test_the_end_of_a_domains_year_is_told_a_month_and_a_week_before_and_then(acme, chief, name_server, monkeypatch):
    other = AdministratorFactory(account=acme)
    support = UserFactory(email="support@platform.example", is_support=True)
    UserFactory(email="ops@platform.example", is_superuser=True)
    UserFactory(account=acme)
    AdministratorFactory()
    row = services.domain_proof_ask(acting_user=None, account=acme, domain="acme.example")
    name, value = "_purge-proof.acme.example", f'"purge-proof={row.token}"'
    name_server.records = {name: [value]}
    begin = timezone.now()
    assert services.domain_proof_look(acting_user=None, row=row) is True
    row.refresh_from_db()
    end = row.valid_until

    def told(**before):
        """Who is told of what on this day: (user, title)."""
        monkeypatch.setattr("django.utils.timezone.now", lambda: end - timedelta(**before))
        Notification.objects.all().delete()
        OrmQ.objects.all().delete()
        tasks.renew_proofs()
        return sorted(Notification.objects.values_list("recipient_id", "title"))

    def to_all(title):
        return sorted((user.pk, title) for user in (chief, other, support))

    def day(moment):
        return date_format(timezone.localtime(moment, ZoneInfo(acme.time_zone)), "DATE_FORMAT")

    until = f"{day(end)} ({acme.time_zone})"
    # While the record stands, it is renewed, and nobody is told.
    assert told(days=29) == []
    row.refresh_from_db()
    end = row.valid_until
    until = f"{day(end)} ({acme.time_zone})"
    name_server.records = {}
    assert told(days=31) == []
    assert told(days=30) == []
    assert told(days=29, hours=23) == to_all(f"The proof of acme.example ends on {until}")
    news = Notification.objects.get(recipient=chief)
    assert news.account == acme
    assert news.link == DOMAINS
    assert f"The TXT record: {name}, with “purge-proof={row.token}”." in news.text
    assert f"Publish it again before {until}" in news.text
    assert Notification.objects.get(recipient=support).link == ""
    # It is mailed to each of them.
    mail.outbox.clear()
    for task in OrmQ.objects.order_by("pk"):
        if task.func() == "messaging.tasks.send_notification":
            send_notification(*task.args())
    assert sorted(letter.to[0] for letter in mail.outbox) == sorted([chief.email, other.email, support.email])
    # Once each.
    assert told(days=29) == told(days=8) == []
    assert told(days=7) == to_all(f"The proof of acme.example ends on {until}")
    assert told(days=6) == told(hours=1) == []
    assert told(hours=-1) == to_all("acme.example is no longer proved")
    assert "Purges do not reach other accounts by it any more" in Notification.objects.get(recipient=chief).text
    assert told(days=-1) == told(days=-29) == told(days=-300) == []
    # Proved again, it is a new year.
    name_server.records = {name: [value]}
    ProvedDomain.objects.update(looked_at=None)
    row.refresh_from_db()
    assert services.domain_proof_look(acting_user=None, row=row) is True
    row.refresh_from_db()
    end = row.valid_until
    assert end - begin > timedelta(days=2 * 365 + 300)
    name_server.records = {}
    assert [title for _user, title in told(days=20)] == [
        f"The proof of acme.example ends on {day(end)} ({acme.time_zone})"
    ] * 3


def test_where_there_is_no_support_whoever_runs_the_site_is_told(acme, name_server, monkeypatch):
    operator = UserFactory(email="ops@platform.example", is_superuser=True)
    end = timezone.now() + timedelta(days=3)
    ProvedDomain.objects.create(account=acme, domain="acme.example", valid_until=end)
    # One that ended long ago says nothing when it is first looked at.
    ProvedDomain.objects.create(account=acme, domain="old.example", valid_until=timezone.now() - timedelta(days=90))
    tasks.renew_proofs()
    assert list(Notification.objects.values_list("recipient_id", flat=True)) == [operator.pk]


def test_domains_of_public_mailboxes_and_what_is_none_are_refused(acme, here):
    for domain in ("gmail.com", "GMX.de.", "outlook.com", "yahoo.co.uk", "proton.me", "t-online.de", "qq.com"):
        with pytest.raises(ServiceError, match="nobody’s own"):
            services.domain_proof_ask(acting_user=None, account=acme, domain=domain)
    for domain in ("example", "a b.example", "ann@acme.example", "192.0.2.1", "x_y.example", "", "*.acme.example"):
        with pytest.raises(ServiceError, match="not a domain"):
            services.domain_proof_ask(acting_user=None, account=acme, domain=domain)
    assert "nobody’s own" in text_of(here.post(f"{DOMAINS}add/", {"domain": "gmail.com"}))
    assert not ProvedDomain.objects.exists()
    services.domain_proof_ask(acting_user=None, account=acme, domain="notgmail.com")


def test_the_operators_command(acme, name_server, monkeypatch):
    def run(*args, typed=""):
        out = io.StringIO()
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        call_command("account_proofs", "acme", *args, stdout=out, stderr=io.StringIO())
        return out.getvalue().splitlines()

    (line,) = run("--domain", "acme.example")
    kind, domain, until, record = line.split("\t")
    assert (kind, domain, until) == ("domain", "acme.example", "not proved")
    name, _txt, value = record.split(" ")
    with pytest.raises(CommandError, match="No such record"):
        run("--domain", "acme.example", "--look")
    name_server.records = {name: [value]}
    ProvedDomain.objects.update(looked_at=None)
    (line,) = run("--domain", "acme.example", "--look")
    assert "proved until 20" in line
    run("--address", typed=f"{ANN}\n")
    lines = run()
    assert [each.split("\t")[0] for each in lines] == ["domain", "address"]
    assert ANN not in "".join(lines)
    run("--remove-address", lines[1].split("\t")[1])
    run("--domain", "acme.example", "--remove")
    assert run() == []
    with pytest.raises(CommandError, match="no such account"):
        call_command("account_proofs", "nobody")
