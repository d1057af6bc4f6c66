"""The demand to confirm who it is belongs to the services: whichever page calls one, an old session is refused and
nothing has happened; a fresh one goes on; a command is not asked."""

import ast
import io
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.conf import settings as site
from django.utils import timezone
from django_q.models import OrmQ

from connectors.models import ApiToken
from connectors.services import credentials_store, token_create
from lms_purge.cleanup.csv_exports import csv_export
from purge import services as purge
from purge.choices import Status
from purge.models import PurgeRequest
from purge.services import PurgeRefused
from tests.factories.allauth_tables import AuthenticatorFactory
from tests.factories.connectors import (
    ConnectorFactory,
    ConnectorRunFactory,
    ExternalApplicationFactory,
    FtpSettingsFactory,
    WebhookFactory,
)
from tests.factories.learning import CertificateFactory
from tests.factories.users import AccountFactory, AdministratorFactory, ImportLogFactory, UserFactory
from tests.users.second_factor.test_codes import code_at
from users import services as users
from users.identity_provider.services import provider_create, provider_delete, provider_update
from users.imports.services import import_bad_rows, import_file_export, user_import_confirm, user_import_start
from users.invitations.services import user_invite
from users.models import EnrolmentCode, IdentityProvider, ImportLog, ProvedAddress, ProvedDomain, Role, User, UserAudit
from users.proofs.services import (
    address_proof_ask,
    address_proof_remove,
    domain_proof_ask,
    domain_proof_look,
    domain_proof_remove,
)
from users.second_factor.enrolment import (
    enrolment_code_give,
    enrolment_code_make,
    factors_reset,
    factors_take_away,
)
from users.second_factor.factors import FACTORS, app_add, factor_remove, recovery_codes_of, recovery_codes_renew
from users.second_factor.passkeys import passkey_add
from users.services import ServiceError
from users.sign_in.confirmed import NotConfirmed, in_request

pytestmark = pytest.mark.django_db
NEW = "another long pass phrase"
SECRET = "JBSWY3DPEHPK3PXP"
CSV = "Name,Email\nLee,lee@acme.example\n"
MAPPING = {"heading_line": 1, "columns": {"name": 0, "email": 1}}


def session(minutes):
    """A request of a session that confirmed who it is so long ago."""
    return in_request(SimpleNamespace(session={"password_confirmed_at": time.time() - minutes * 60}))


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def noted(world):
    return UserAudit.objects.filter(user=world.chief, event="data taken out").exists()


def provider(world):
    fields = {"name": "Acme", "server_url": "https://id.example", "client_id": "lms", "secret": "s"}
    return IdentityProvider.objects.create(account=world.acme, **fields)


def log(world):
    return ImportLogFactory(account=world.acme, content=CSV, encoding="utf-8", delimiter=",", mapping=MAPPING)


def accepted(world, status):
    row = purge.purge_submit(acting_user=world.chief, account_id=world.acme.pk, user_ids=[world.leaver.pk])
    PurgeRequest.objects.filter(pk=row.pk).update(status=status)
    return row


def typed(row, **values):
    for name, value in values.items():
        setattr(row, name, value)
    return row


# An act: made ready, it gives what is done and how one sees that it has happened.


def password_of_another(w):
    return (
        lambda: users.password_set(acting_user=w.chief, user=w.ann, password=NEW),
        lambda: fresh(w.ann).check_password(NEW),
    )


def role_given(w):
    return (
        lambda: users.role_assign(acting_user=w.chief, user=w.ann, role=Role.ADMINISTRATOR),
        lambda: fresh(w.ann).has_role(Role.ADMINISTRATOR),
    )


def role_taken(w):
    return (
        lambda: users.role_remove(acting_user=w.chief, user=w.other, role=Role.ADMINISTRATOR),
        lambda: not fresh(w.other).has_role(Role.ADMINISTRATOR),
    )


def purging_allowed(w):
    return (
        lambda: users.purge_permission_set(acting_user=w.chief, user=w.other, allowed=True),
        lambda: fresh(w.other).has_perm("purge.purge_people"),
    )


def user_with_password(w):
    new = {"account": w.acme, "email": "new@acme.example", "name": "New"}
    return (
        lambda: users.user_create(acting_user=w.chief, password=NEW, **new),
        lambda: User.objects.filter(email="new@acme.example").exists(),
    )


def user_with_role(w):
    new = {"account": w.acme, "email": "new@acme.example", "name": "New"}
    return (
        lambda: users.user_create(acting_user=w.chief, roles=[Role.ADMINISTRATOR], **new),
        lambda: User.objects.filter(email="new@acme.example").exists(),
    )


def email_of_an_administrator(w):
    return (
        lambda: users.user_update(acting_user=w.chief, user=w.other, email="mine@evil.example"),
        lambda: fresh(w.other).email == "mine@evil.example",
    )


def login_of_an_administrator(w):
    return (
        lambda: users.user_update(acting_user=w.chief, user=w.other, adobe_id="mine@evil.example"),
        lambda: fresh(w.other).adobe_id == "mine@evil.example",
    )


def ones_own_email(w):
    return (
        lambda: users.user_update(acting_user=w.chief, user=w.chief, email="mine@evil.example"),
        lambda: fresh(w.chief).email == "mine@evil.example",
    )


def who_may_purge(w):
    return (
        lambda: users.account_update(acting_user=w.chief, account=w.acme, purge_with_role=True),
        lambda: fresh(w.acme).purge_with_role,
    )


def second_factor_demanded(w):
    AuthenticatorFactory(user=w.chief)
    return (
        lambda: users.account_update(acting_user=w.chief, account=w.acme, second_factor_demanded=True),
        lambda: fresh(w.acme).second_factor_demanded,
    )


def provider_no_more_demanded(w):
    type(w.acme).objects.update(provider_demanded=True)
    return (
        lambda: users.account_update(acting_user=w.chief, account=w.acme, provider_demanded=False),
        lambda: not fresh(w.acme).provider_demanded,
    )


def creator_of_an_account(w):
    return (
        lambda: users.account_update(acting_user=w.chief, account=w.acme, creator=w.ann),
        lambda: fresh(w.acme).creator_id == w.ann.pk,
    )


def import_of_people(w):
    return (
        lambda: user_import_start(acting_user=w.chief, account=w.acme, file=io.BytesIO(CSV.encode())),
        lambda: ImportLog.objects.filter(account=w.acme).exists(),
    )


def import_confirmed(w):
    row = log(w)
    ImportLog.objects.filter(pk=row.pk).update(state="uploaded")
    return (
        lambda: user_import_confirm(acting_user=w.chief, log=row, columns={"name": 0, "email": 1}),
        lambda: fresh(row).state == "running",
    )


def provider_chosen(w):
    fields = {"name": "Acme", "server_url": "https://id.example", "client_id": "lms", "secret": "s"}
    return (
        lambda: provider_create(acting_user=w.chief, account=w.acme, **fields),
        lambda: IdentityProvider.objects.exists(),
    )


def provider_changed(w):
    row = provider(w)
    return (
        lambda: provider_update(acting_user=w.chief, row=row, server_url="https://evil.example"),
        lambda: fresh(row).server_url == "https://evil.example",
    )


def provider_removed(w):
    row = provider(w)
    return (
        lambda: provider_delete(acting_user=w.chief, row=row),
        lambda: not IdentityProvider.objects.exists(),
    )


def proof_of_an_address(w):
    return (
        lambda: address_proof_ask(acting_user=w.chief, account=w.acme, email="x@mail.example", purpose="purge"),
        lambda: ProvedAddress.objects.exists(),
    )


def proof_of_an_address_removed(w):
    row = ProvedAddress.objects.create(account=w.acme, email="x@mail.example", asked_at=timezone.now())
    return (
        lambda: address_proof_remove(acting_user=w.chief, row=row),
        lambda: not ProvedAddress.objects.exists(),
    )


def proof_of_a_domain(w):
    return (
        lambda: domain_proof_ask(acting_user=w.chief, account=w.acme, domain="acme.example"),
        lambda: ProvedDomain.objects.exists(),
    )


def proof_of_a_domain_looked_for(w):
    row = ProvedDomain.objects.create(account=w.acme, domain="acme.example")
    w.monkeypatch.setattr("users.proofs.services.is_published", lambda domain, token: True)
    return (
        lambda: domain_proof_look(acting_user=w.chief, row=row),
        lambda: fresh(row).valid_until is not None,
    )


def proof_of_a_domain_removed(w):
    row = ProvedDomain.objects.create(account=w.acme, domain="acme.example")
    return (
        lambda: domain_proof_remove(acting_user=w.chief, row=row),
        lambda: not ProvedDomain.objects.exists(),
    )


def code_for_a_second_factor(w):
    return (
        lambda: enrolment_code_make(acting_user=w.chief, user=w.other),
        lambda: EnrolmentCode.objects.exists(),
    )


def code_for_a_colleague(w):
    users.purge_permission_set(acting_user=w.chief, user=w.other, allowed=True)
    type(w.acme).objects.update(second_factor_demanded=True)
    return (
        lambda: enrolment_code_give(acting_user=w.chief, user=w.other),
        lambda: EnrolmentCode.objects.exists(),
    )


def factors_of_another(w):
    AuthenticatorFactory(user=w.other)
    return lambda: factors_reset(acting_user=w.chief, user=w.other), lambda: not FACTORS.exists()


def lost_factors_of_a_colleague(w):
    AuthenticatorFactory(user=w.other)
    return lambda: factors_take_away(acting_user=w.chief, user=w.other), lambda: not FACTORS.exists()


def an_app(w):
    code = code_at(SECRET, time.time())
    return lambda: app_add(user=w.chief, secret=SECRET, code=code), lambda: FACTORS.filter(type="totp").exists()


def a_factor_removed(w):
    row = AuthenticatorFactory(user=w.chief)
    return lambda: factor_remove(user=w.chief, pk=row.pk), lambda: not FACTORS.exists()


def recovery_codes_read(w):
    app_add(user=w.chief, secret=SECRET, code=code_at(SECRET, time.time()))
    seen = []
    return lambda: seen.extend(recovery_codes_of(user=w.chief)), lambda: len(seen) == 10


def recovery_codes_made_anew(w):
    app_add(user=w.chief, secret=SECRET, code=code_at(SECRET, time.time()))
    before = recovery_codes_of(user=w.chief)
    return lambda: recovery_codes_renew(user=w.chief), lambda: recovery_codes_of(user=w.chief) != before


def a_key_to_the_api(w):
    return lambda: token_create(acting_user=w.chief, name="Script"), lambda: ApiToken.objects.exists()


def connector_settings(w):
    row = FtpSettingsFactory(connector__account=w.acme)
    change = typed(fresh(row), secret="new secret", host="evil.example")
    return (
        lambda: credentials_store(acting_user=w.chief, row=change, changed=["secret", "host"]),
        lambda: (fresh(row).secret, fresh(row).host) == ("new secret", "evil.example"),
    )


def webhook_url(w):
    row = WebhookFactory(account=w.acme, url="https://ours.example/", created_by=None)
    change = typed(fresh(row), url="https://evil.example/")
    return (
        lambda: credentials_store(acting_user=w.chief, row=change, changed=["url"]),
        lambda: fresh(row).url == "https://evil.example/",
    )


def application_redirect(w):
    row = ExternalApplicationFactory(account=w.acme, owner=None)
    change = typed(fresh(row), redirect_url="https://evil.example/")
    return (
        lambda: credentials_store(acting_user=w.chief, row=change, changed=["redirect_url"]),
        lambda: fresh(row).redirect_url == "https://evil.example/",
    )


def purge_of_people(w):
    return (
        lambda: purge.purge_submit(acting_user=w.chief, account_id=w.acme.pk, user_ids=[w.leaver.pk]),
        lambda: PurgeRequest.objects.exists(),
    )


def purge_of_an_address(w):
    return (
        lambda: purge.purge_submit_address(acting_user=w.chief, account_id=w.acme.pk, address="x@mail.example"),
        lambda: PurgeRequest.objects.exists(),
    )


def purge_of_a_batch(w):
    return (
        lambda: purge.purge_submit_batch(acting_user=w.operator, account_id=w.acme.pk, user_ids=[w.leaver.pk]),
        lambda: PurgeRequest.objects.exists(),
    )


def message_of_the_identity_provider(w):
    return (
        lambda: purge.purge_submit_ims(acting_user=w.operator, email="x@mail.example", reference="ims-1"),
        lambda: PurgeRequest.objects.exists(),
    )


def an_administrator_invited(w):
    invited = AdministratorFactory(account=w.acme, email="invited@acme.example")
    invited.set_unusable_password()
    invited.save()
    return (
        lambda: user_invite(acting_user=w.chief, user=invited),
        lambda: OrmQ.objects.exists(),
    )


def request_released(w):
    row = accepted(w, Status.HELD)
    return (
        lambda: purge.purge_release(acting_user=w.operator, purge_request=row),
        lambda: fresh(row).status == Status.QUEUED,
    )


def request_tried_again(w):
    row = accepted(w, Status.NEEDS_ATTENTION)
    return (
        lambda: purge.purge_retry(acting_user=w.chief, purge_request=row),
        lambda: fresh(row).status == Status.QUEUED,
    )


def list_exported(w):
    return (
        lambda: csv_export(
            "people.csv", ["Name"], [["Lee"]], acting_user=w.chief, account_id=w.chief.account_id, what="deleted users"
        ),
        lambda: noted(w),
    )


def file_of_many_exported(w):
    row = ConnectorRunFactory(connector=ConnectorFactory(account=w.acme))
    return (
        lambda: users.stored_file_export(acting_user=w.chief, row=row, field="error_file", of_many=True).close(),
        lambda: noted(w),
    )


def import_exported(w):
    row = log(w)
    return lambda: import_file_export(acting_user=w.chief, log=row).close(), lambda: noted(w)


def bad_rows_exported(w):
    row = log(w)
    return lambda: list(import_bad_rows(acting_user=w.chief, log=row)), lambda: noted(w)


ACTS = [
    password_of_another,
    role_given,
    role_taken,
    purging_allowed,
    user_with_password,
    user_with_role,
    email_of_an_administrator,
    login_of_an_administrator,
    ones_own_email,
    who_may_purge,
    second_factor_demanded,
    provider_no_more_demanded,
    creator_of_an_account,
    import_of_people,
    import_confirmed,
    provider_chosen,
    provider_changed,
    provider_removed,
    proof_of_an_address,
    proof_of_an_address_removed,
    proof_of_a_domain,
    proof_of_a_domain_looked_for,
    proof_of_a_domain_removed,
    code_for_a_second_factor,
    code_for_a_colleague,
    factors_of_another,
    lost_factors_of_a_colleague,
    an_app,
    a_factor_removed,
    recovery_codes_read,
    recovery_codes_made_anew,
    a_key_to_the_api,
    connector_settings,
    webhook_url,
    application_redirect,
    purge_of_people,
    purge_of_an_address,
    purge_of_a_batch,
    message_of_the_identity_provider,
    an_administrator_invited,
    request_released,
    request_tried_again,
    list_exported,
    file_of_many_exported,
    import_exported,
    bad_rows_exported,
]


@pytest.fixture
def world(db, monkeypatch):
    """An account that gives the permission to purge one by one, and an operator."""
    acme = AccountFactory(name="Acme", subdomain="acme", purge_with_role=False)
    chief = AdministratorFactory(account=acme, email="chief@acme.example")
    other = UserFactory(account=acme, email="other@acme.example", roles=[Role.ADMINISTRATOR])
    ann = UserFactory(account=acme, email="ann@acme.example")
    leaver = UserFactory(account=acme, email="leaver@acme.example", deleted=True)
    operator = UserFactory(email="ops@platform.example", is_superuser=True)
    return SimpleNamespace(
        acme=acme, chief=chief, other=other, ann=ann, leaver=leaver, operator=operator, monkeypatch=monkeypatch
    )


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_a_service_refuses_an_old_session_whatever_page_calls_it(world, act):
    do, happened = act(world)
    assert not happened()
    with session(minutes=16), pytest.raises(NotConfirmed):
        do()
    assert not happened()
    with session(minutes=14):
        do()
    assert happened()


def test_what_needs_more_than_this_to_succeed_is_refused_as_well(world):
    """A passkey needs a browser, a residue a purge that was proved clean; a fresh session comes to their own words."""
    row = accepted(world, Status.NEEDS_ATTENTION)
    passkey = lambda: passkey_add(user=world.chief, request=SimpleNamespace(META={}), answer="{}")  # noqa: E731
    take_out = lambda: purge.purge_take_out(acting_user=world.operator, purge_request=row)  # noqa: E731
    for do, own in ((passkey, ServiceError), (take_out, PurgeRefused)):
        with session(minutes=16), pytest.raises(NotConfirmed):
            do()
        with session(minutes=14), pytest.raises(own):
            do()


def test_what_gives_no_power_is_not_asked(world):
    ftp = FtpSettingsFactory(connector__account=world.acme)
    webhook = WebhookFactory(account=world.acme, name="Old", created_by=None)
    certificate = CertificateFactory(user=world.ann)
    with session(minutes=60):
        users.user_update(acting_user=world.chief, user=world.ann, email="ann.archer@acme.example")
        credentials_store(acting_user=world.chief, row=typed(fresh(webhook), name="New"), changed=["name"])
        credentials_store(acting_user=world.chief, row=typed(fresh(ftp), secret="changed"), changed=[])
        stored = users.stored_file_export(acting_user=world.chief, row=certificate, field="file", of_many=False)
        stored.close()
    assert fresh(world.ann).email == "ann.archer@acme.example"
    assert fresh(webhook).name == "New"
    # What is not said to have changed is not written.
    assert fresh(ftp).secret == "Rk2-wtT9-0pQm"
    assert noted(world)


def test_a_file_that_is_gone_was_not_taken_out(world):
    row = ConnectorRunFactory(connector=ConnectorFactory(account=world.acme))
    row.error_file.storage.delete(row.error_file.name)
    with session(minutes=1):
        assert users.stored_file_export(acting_user=world.chief, row=row, field="error_file", of_many=True) is None
    assert not noted(world)


def test_every_service_that_asks_has_its_act_here():
    """Whoever makes another act that gives power adds it above."""
    asking = set()
    for app in ("users", "connectors", "learning", "messaging", "lms_purge", "purge"):
        for path in (Path(site.BASE_DIR) / app).rglob("*.py"):
            for function in ast.walk(ast.parse(path.read_text())):
                if isinstance(function, ast.FunctionDef) and _asks(function):
                    asking.add(f"{app}.{function.name}")
    # A page that shows a secret, or saves a list with people's names, asks before it does.
    pages = {"users.own_app", "users.own_passkey", "purge._exported"}
    shared = {"users._check", "users._check_provider", "users.check_identity_change", "users.export_begin"}
    port = {"purge.require_confirmed", "lms_purge.require_confirmed"}
    assert asking - pages - shared - port == {
        "users.password_set",
        "users.role_assign",
        "users.role_remove",
        "users.purge_permission_set",
        "users.user_create",
        "users.user_invite",
        "users.account_update",
        "users.user_import_start",
        "users.user_import_confirm",
        "users.enrolment_code_make",
        "users.enrolment_code_give",
        "users.factors_reset",
        "users.factors_take_away",
        "users.app_add",
        "users.passkey_add",
        "users.factor_remove",
        "users.recovery_codes_of",
        "users.recovery_codes_renew",
        "connectors.token_create",
        "connectors.credentials_store",
        "purge.purge_submit",
        "purge.purge_submit_batch",
        "purge.purge_submit_ims",
        "purge.purge_submit_address",
        "purge.purge_release",
        "purge.purge_retry",
        "purge.purge_take_out",
    }


def _asks(function):
    calls = (each.func for each in ast.walk(function) if isinstance(each, ast.Call))
    return any(getattr(each, "id", getattr(each, "attr", "")) == "require_confirmed" for each in calls)
