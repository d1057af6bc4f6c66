"""What a purge takes out is asked first: whose is it now, in this account? The living keep what is theirs."""

from types import SimpleNamespace

import pytest
from django.utils import timezone

from connectors.models import Connector, ConnectorState
from learning.models import Comment, Session
from purge import services, tasks
from purge.choices import Status
from purge.models import SuppressionHash
from purge.proof import probe, texts
from tests.factories.connectors import (
    AdobeConnectSettingsFactory,
    FtpSettingsFactory,
    SalesforceSettingsFactory,
    WebhookFactory,
    WorkdaySettingsFactory,
    ZoomSettingsFactory,
)
from tests.factories.learning import CommentFactory, SessionFactory
from tests.factories.users import AccountFactory, AdministratorFactory, FormerEmailFactory, UserFactory
from tests.purge import world as w
from users import services as users
from users.models import AccountKind, FormerEmail, User


@pytest.fixture
def acme(db):
    return AccountFactory(name="Acme", subdomain="acme")


@pytest.fixture
def admin(acme):
    return AdministratorFactory(account=acme, email="admin@acme.example", name="Adam Admin")


def trial(**fields):
    return AccountFactory(kind=AccountKind.TRIAL, **fields)


def places(account, address):
    """Everything an account may hold that names somebody by an address."""
    ftp = FtpSettingsFactory(connector__account=account, contact_email=address, user_name="svc")
    zoom = ZoomSettingsFactory(connector__account=account, super_admin_email=address)
    session = SessionFactory(course__account=account, organiser_email=address, notes=f"Ask {address} for the key.")
    comment = CommentFactory(post__board__account=account, body=f"Thanks to {address}!")
    account.support_emails, account.sender_email = f"help@desk.example; {address}", address
    account.save()
    return SimpleNamespace(account=account, ftp=ftp, zoom=zoom, session=session, comment=comment, address=address)


def told(there):
    """What stands in these places now."""
    for row in (there.account, there.ftp, there.zoom):
        row.refresh_from_db()
    session = Session.objects.get(pk=there.session.pk)
    return (
        there.account.support_emails,
        there.account.sender_email,
        there.ftp.contact_email,
        there.zoom.super_admin_email,
        session.organiser_email,
        session.notes,
        Comment.objects.get(pk=there.comment.pk).body,
        Connector.objects.get(pk=there.ftp.connector_id).state,
        Connector.objects.get(pk=there.zoom.connector_id).state,
    )


def untouched(there):
    address = there.address
    return told(there) == (
        f"help@desk.example; {address}",
        address,
        address,
        address,
        address,
        f"Ask {address} for the key.",
        f"Thanks to {address}!",
        ConnectorState.ENABLED,
        ConnectorState.ENABLED,
    )


def emptied(there):
    return told(there) == (
        "help@desk.example",
        "",
        "",
        "",
        "",
        "Ask [erased] for the key.",
        "Thanks to [erased]!",
        ConnectorState.DISABLED,
        ConnectorState.DISABLED,
    )


def submit(admin, *people):
    return services.purge_submit(
        acting_user=admin, account_id=admin.account_id, user_ids=[person.pk for person in people]
    )


def purge(admin, *people):
    purge_request = submit(admin, *people)
    assert w.completed(w.run_to_end(purge_request))
    return purge_request


# ---------------------------------------------------------------- shared with somebody who stays


@pytest.mark.both_databases
def test_a_login_that_is_a_colleagues_address_stays_that_colleagues(acme, admin):
    colleague = UserFactory(account=acme, email="ann@acme.example", adobe_id="ann@acme.example")
    second = UserFactory(account=acme, email="ann-admin@acme.example", adobe_id="ann@acme.example", deleted=True)
    hers, gone = (
        places(acme, "ann@acme.example"),
        CommentFactory(post__board__account=acme, body="ann-admin@acme.example did it"),
    )
    purge_request = purge(admin, second)
    assert untouched(hers)
    assert Comment.objects.get(pk=gone.pk).body == "[erased] did it"
    assert User.objects.filter(pk=colleague.pk).exists()
    # Nor is the colleague known as purged.
    assert users.user_update(acting_user=admin, user=colleague, name="Ann A.").name == "Ann A."
    assert services.look_up(acting_user=admin, text="ann@acme.example").requests == []
    identities = SuppressionHash.objects.filter(request=purge_request, kind="email").exclude(form="search-1")
    assert identities.values("digest").distinct().count() == 1


def test_a_login_that_nobody_else_has_is_taken_out(acme, admin):
    second = UserFactory(account=acme, email="ann-admin@acme.example", adobe_id="ann@acme.example", deleted=True)
    there = places(acme, "ann@acme.example")
    purge(admin, second)
    assert emptied(there)


def test_a_plain_login_that_two_desks_share_stays(acme, admin):
    UserFactory(account=acme, adobe_id="svc-learning")
    one = UserFactory(account=acme, adobe_id="SVC-Learning", deleted=True)
    workday = WorkdaySettingsFactory(connector__account=acme, isu_user_name="svc-learning", manager_filter="")
    purge(admin, one)
    workday.refresh_from_db()
    assert workday.isu_user_name == "svc-learning"
    assert Connector.objects.get(pk=workday.connector_id).state == ConnectorState.ENABLED


def test_a_login_that_is_the_address_of_another_customers_user_stays_there(acme, admin):
    beta, gamma = trial(), trial()
    UserFactory(account=beta, email="ann@home.example")
    victim = UserFactory(account=acme, email="ann@acme.example", adobe_id="ann@home.example", deleted=True)
    hers, nobodys = places(beta, "ann@home.example"), places(gamma, "ann@home.example")
    purge(admin, victim)
    assert untouched(hers)
    assert emptied(nobodys)


def test_a_former_address_belongs_to_whoever_had_it_last(acme, admin):
    victim = UserFactory(account=acme, email="v@acme.example", deleted=True)
    other = UserFactory(account=acme, email="o@acme.example")
    now = timezone.now()
    for address, mine, theirs in (("desk@acme.example", 900, 100), ("shop@acme.example", 100, 900)):
        FormerEmailFactory(user=victim, email=address, ended_at=now - timezone.timedelta(days=mine))
        FormerEmailFactory(user=other, email=address, ended_at=now - timezone.timedelta(days=theirs))
    desk, shop = (
        CommentFactory(post__board__account=acme, body=f"ask {name}@acme.example") for name in ("desk", "shop")
    )
    purge(admin, victim)
    assert Comment.objects.get(pk=desk.pk).body == "ask desk@acme.example"
    assert Comment.objects.get(pk=shop.pk).body == "ask [erased]"
    assert FormerEmail.objects.filter(user=other, email="desk@acme.example").exists()


# ---------------------------------------------------------------- while it is open


@pytest.mark.both_databases
def test_who_gets_a_former_address_while_the_purge_is_open_keeps_what_is_theirs(acme, admin):
    old = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    users.user_update(acting_user=admin, user=old, email="ann_old@acme.example")
    purge_request = submit(admin, old)
    users.user_create(acting_user=admin, account=acme, email="ann@acme.example", name="Ann New", kind="external")
    hers = places(acme, "ann@acme.example")
    gone = CommentFactory(post__board__account=acme, body="ask ann_old@acme.example")
    assert w.completed(w.run_to_end(purge_request))
    assert untouched(hers)
    assert Comment.objects.get(pk=gone.pk).body == "ask [erased]"


@pytest.mark.parametrize("how", ["added", "older row"])
def test_who_gets_an_other_users_address_while_the_purge_is_open_keeps_what_is_theirs(acme, admin, how):
    older = UserFactory(account=acme, email="older@acme.example")
    purge_request = services.purge_submit_address(acting_user=admin, account_id=acme.pk, address="guest@out.example")
    if how == "added":
        users.user_create(acting_user=admin, account=acme, email="guest@out.example", name="Guest")
    else:
        users.user_update(acting_user=admin, user=older, email="guest@out.example")
    theirs, elsewhere = places(acme, "guest@out.example"), places(trial(), "guest@out.example")
    assert w.completed(w.run_to_end(purge_request))
    assert untouched(theirs)
    assert emptied(elsewhere)


# ---------------------------------------------------------------- who was there before hides nothing


def test_the_verification_sees_what_names_the_address_in_the_account_of_a_kept_creator(acme, admin):
    beta = trial()
    creator = UserFactory(account=beta, email="ann@x.example", roles=["administrator"])
    beta.creator = creator
    beta.save()
    victim = UserFactory(account=acme, email="ann@x.example", deleted=True)
    there = places(beta, "ann@x.example")
    purge_request = purge(admin, victim)
    assert emptied(there)
    creator.refresh_from_db()
    assert creator.email == "ann@x.example"
    # Written again, past the sweep: the creator who was kept does not hide it from a look.
    Comment.objects.filter(pk=there.comment.pk).update(body="again ann@x.example")
    hits = [hit for hit in texts.patrol([purge_request]) if hit.owner is None]
    assert [(hit.table, hit.row) for hit in hits] == [("learning_comment", str(there.comment.pk))]


def test_a_text_that_is_written_between_sweep_and_verification_is_found_beside_a_kept_creator(acme, admin, monkeypatch):
    beta = trial()
    beta.creator = UserFactory(account=beta, email="ann@x.example", roles=["administrator"])
    beta.save()
    victim = UserFactory(account=acme, email="ann@x.example", deleted=True)
    comment = CommentFactory(post__board__account=beta, body="nothing yet")
    real, written = probe.verify, []

    def written_before(purge_request):
        if not written:
            written.append(Comment.objects.filter(pk=comment.pk).update(body="ask ann@x.example"))
        return real(purge_request)

    monkeypatch.setattr(probe, "verify", written_before)
    purge(admin, victim)
    assert written
    assert Comment.objects.get(pk=comment.pk).body == "ask [erased]"


def test_a_colleague_who_signs_in_with_the_address_since_long_hides_nothing(acme, admin):
    colleague = UserFactory(account=acme, email="bob@acme.example", adobe_id="ann@acme.example")
    victim = UserFactory(account=acme, email="ann@acme.example", deleted=True)
    there = places(acme, "ann@acme.example")
    purge(admin, victim)
    assert emptied(there)
    colleague.refresh_from_db()
    assert colleague.adobe_id == "ann@acme.example"


# ---------------------------------------------------------------- logins


def test_logins_of_everybody_who_goes_are_taken_out_of_settings_in_every_cleaned_account(acme, admin):
    beta, gamma = trial(), trial()
    globex = AccountFactory()
    victim = UserFactory(account=acme, email="ann@x.example", adobe_id="CORP\\ann", deleted=True)
    UserFactory(account=beta, email="ann@x.example", adobe_id="beta-ann")
    named, spared = [], []
    for account in (acme, beta, gamma):
        named += [
            FtpSettingsFactory(connector__account=account, user_name="corp\\ANN", contact_email=""),
            WorkdaySettingsFactory(
                connector__account=account, isu_user_name="", manager_filter="owner=CORP\\ann; team=sales"
            ),
            AdobeConnectSettingsFactory(connector__account=account, admin_login="beta-ann", admin_email=""),
        ]
        spared += [
            FtpSettingsFactory(connector__account=account, user_name="CORP\\annika", contact_email=""),
            SalesforceSettingsFactory(connector__account=account, login="", filter_value="owner=BIGCORP\\ann"),
        ]
    spared.append(FtpSettingsFactory(connector__account=globex, user_name="CORP\\ann", contact_email=""))
    before = [type(row).objects.filter(pk=row.pk).values().get() for row in spared]
    purge(admin, victim)
    states = dict(Connector.objects.values_list("pk", "state"))
    assert {states[row.connector_id] for row in named} == {ConnectorState.DISABLED}
    for row in named:
        row.refresh_from_db()
        text = str({name: value for name, value in vars(row).items() if not name.startswith("_")})
        assert "ann" not in text.lower()
    assert {states[row.connector_id] for row in spared} == {ConnectorState.ENABLED}
    assert [type(row).objects.filter(pk=row.pk).values().get() for row in spared] == before


def test_an_identity_providers_login_is_taken_out_of_settings(acme):
    beta = trial()
    UserFactory(account=beta, email="b@x.example", adobe_id="solo-login")
    ftp = FtpSettingsFactory(connector__account=beta, user_name="solo-login", contact_email="")
    survivor = FtpSettingsFactory(connector__account=acme, user_name="solo-login", contact_email="")
    assert w.completed(w.run_to_end(services.purge_submit_ims(adobe_id="solo-login")))
    ftp.refresh_from_db()
    survivor.refresh_from_db()
    assert (ftp.user_name, survivor.user_name) == ("", "solo-login")


def test_the_verification_looks_for_logins(acme, admin, monkeypatch):
    victim = UserFactory(account=acme, email="ann@x.example", adobe_id="CORP\\ann", deleted=True)
    hook = WebhookFactory(account=acme, user_name="somebody")
    purge_request = submit(admin, victim)
    real, written = probe.verify, []

    def written_before(row):
        if not written:
            written.append(type(hook).objects.filter(pk=hook.pk).update(user_name="corp\\ann"))
        return real(row)

    monkeypatch.setattr(probe, "verify", written_before)
    assert w.completed(w.run_to_end(purge_request))
    hook.refresh_from_db()
    assert hook.user_name == ""
    assert purge_request.ledger.filter(event="verified", facts__hits=1).exists()


# ---------------------------------------------------------------- everybody who is erased


def test_addresses_of_everybody_who_is_erased_are_taken_out_in_their_own_account(acme, admin):
    beta, gamma = trial(), trial()
    victim = UserFactory(account=acme, email="ann@x.example", deleted=True)
    UserFactory(account=beta, email="ann.beta@x.example", adobe_id="ann@x.example", former=["ann.old@x.example"])
    stays = UserFactory(account=beta, email="stays@x.example", former=["stayed@x.example"])
    texts = {
        place: CommentFactory(
            post__board__account=place,
            body="ann.beta@x.example, ann.old@x.example, ann@x.example, stays@x.example, stayed@x.example",
        )
        for place in (acme, beta, gamma)
    }
    purge(admin, victim)
    kept = "ann.beta@x.example, ann.old@x.example, [erased], stays@x.example, stayed@x.example"
    assert {place: Comment.objects.get(pk=text.pk).body for place, text in texts.items()} == {
        acme: kept,
        beta: "[erased], [erased], [erased], stays@x.example, stayed@x.example",
        gamma: kept,
    }
    assert User.objects.filter(pk=stays.pk).exists()


def test_addresses_of_an_emptied_accounts_members_are_taken_out_there(db):
    beta, gamma = trial(), trial()
    beta.creator = UserFactory(account=beta, email="boss@x.example", roles=["administrator"])
    beta.save()
    UserFactory(account=beta, email="member@x.example", former=["once@x.example"], adobe_id="member-login")
    UserFactory(account=gamma, email="else@x.example", adobe_id="boss-id")
    words = "boss@x.example, member@x.example, once@x.example, else@x.example"
    there, other = (CommentFactory(post__board__account=place, author=None, body=words) for place in (beta, gamma))
    purge_request = services.purge_submit_ims(email="boss@x.example", adobe_id="boss-id")
    assert w.completed(w.run_to_end(purge_request))
    assert Comment.objects.get(pk=there.pk).body == "[erased], [erased], [erased], else@x.example"
    # The match by login is erased here: so is the address that the match had, in this account.
    assert Comment.objects.get(pk=other.pk).body == "[erased], member@x.example, once@x.example, [erased]"


def test_an_address_that_a_match_shares_with_somebody_who_stays_is_theirs(acme, admin):
    beta = trial()
    victim = UserFactory(account=acme, email="ann@x.example", deleted=True)
    UserFactory(account=beta, email="shared@x.example", adobe_id="ann@x.example")
    UserFactory(account=beta, email="stays@x.example", adobe_id="shared@x.example")
    there = places(beta, "shared@x.example")
    purge(admin, victim)
    assert untouched(there)


def test_the_preview_counts_what_the_run_does(acme, admin):
    UserFactory(account=acme, email="ann@acme.example")
    second = UserFactory(account=acme, email="ann-admin@acme.example", adobe_id="ann@acme.example", deleted=True)
    places(acme, "ann@acme.example")
    CommentFactory(post__board__account=acme, body="ann-admin@acme.example")
    preview = services.purge_preview(acting_user=admin, account_id=acme.pk, user_ids=[second.pk])
    assert [(line.key, line.n) for line in preview.impact.lines] == [("learning.Comment#addresses", 1)]
    purge_request = submit(admin, second)
    assert purge_request.status == Status.QUEUED
    tasks.run_request(purge_request.pk)
    assert dict(purge_request.steps.filter(done__gt=0).values_list("key", "done")) == {"learning.Comment#addresses": 1}
