"""Every model of learning, messaging and connectors, one by one: the person goes, the address goes, others stay.

A column that a developer adds is planted here by itself: the rules say what it holds.
"""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import models
from django.utils import timezone

from purge.choices import Origin, Route
from purge.models import PurgeRequest
from purge.routes.scope import Scope
from purge.rules import AddressTreatment, Delete, HandOver, PersonTreatment, TakeOut, Unassign, Withdraw
from purge.rules.registry import get_registry
from purge.steps.plan import plan_steps, run_step
from purge.steps.work import StepRun
from tests.factories.platform import APPS, RULES, row_of
from tests.factories.users import AccountFactory, UserFactory

pytestmark = pytest.mark.django_db

ADDRESS = "ann.purged@acme.example"
NEIGHBOUR = "joann.purged@acme.example"


def named(rules):
    return rules.model


def columns(rules, kind):
    model = apps.get_model(rules.model)
    return [model._meta.get_field(name) for name, rule in rules.columns.items() if isinstance(rule, kind)]


def planted(field, address):
    """The address as this column may hold it."""
    if isinstance(field, models.JSONField):
        return {"who": [f"mailto:{address}"], address: 1}
    if isinstance(field, models.URLField):
        return f"https://outside.example/?user={address.replace('@', '%40')}"
    if isinstance(field, models.EmailField):
        return address.upper()
    return f"before\n{address} after" if isinstance(field, models.TextField) else address


def purge(account, *, people=(), addresses=()):
    """All steps of the rules, as one request of this account would run them."""
    purge_request = PurgeRequest.objects.create(
        reference="PUR-7Q4M-2KX9-H",
        route=Route.UI_ENTERPRISE,
        origin=Origin.ADMIN,
        key_fingerprint="0",
        account_id=account.pk,
        due_at=timezone.now() + timedelta(days=30),
    )
    scope = Scope(
        people=tuple(sorted(people)),
        addresses=frozenset(addresses),
        requesting_account_id=account.pk,
        losing_accounts=frozenset({account.pk} if people else ()),
        request_id=purge_request.pk,
        reference=purge_request.reference,
    )
    for step in plan_steps(scope):
        if step.entry.model._meta.app_label in APPS:
            cursor = 0
            while True:
                outcome = run_step(step, StepRun(scope), limit=50, cursor=cursor)
                cursor = outcome.cursor
                if outcome.exhausted:
                    break


@pytest.fixture
def account():
    return AccountFactory()


@pytest.fixture
def person(account):
    return UserFactory(account=account)


@pytest.fixture
def bystander(account):
    return UserFactory(account=account)


@pytest.mark.parametrize("rules", [rules for rules in RULES if columns(rules, PersonTreatment)], ids=named)
def test_no_row_points_at_the_person_any_more(rules, account, person, bystander):
    model = apps.get_model(rules.model)
    for field in columns(rules, PersonTreatment):
        row, kept = row_of(rules, account, bystander), make_other(rules, account)
        model.objects.filter(pk=row.pk).update(**{field.name: person})
        before = model.objects.filter(pk=kept.pk).values().get()
        purge(account, people=[person.pk])
        PurgeRequest.objects.all().delete()
        assert not model.objects.filter(**{field.name: person}).exists(), field.name
        rule = rules.columns[field.name]
        goes = isinstance(rule, Delete | Unassign | Withdraw)
        assert model.objects.filter(pk=row.pk).exists() is not goes, field.name
        if isinstance(rule, HandOver):
            assert getattr(model.objects.get(pk=row.pk), field.attname) != person.pk
        assert model.objects.filter(pk=kept.pk).values().get() == before, "somebody else's row has changed"


def make_other(rules, account):
    return row_of(rules, account, UserFactory(account=account))


@pytest.mark.parametrize("rules", [rules for rules in RULES if columns(rules, AddressTreatment)], ids=named)
def test_no_column_mentions_the_address_any_more(rules, account, bystander):
    model = apps.get_model(rules.model)
    fields = columns(rules, AddressTreatment)
    row, kept = row_of(rules, account, bystander), make_other(rules, account)
    elsewhere = row_of(rules, *strangers())
    for pk, address in [(row.pk, ADDRESS), (kept.pk, NEIGHBOUR), (elsewhere.pk, ADDRESS)]:
        model.objects.filter(pk=pk).update(**{field.name: planted(field, address) for field in fields})
    others = model.objects.filter(pk__in=[kept.pk, elsewhere.pk]).order_by("pk")
    before = list(others.values())
    purge(account, addresses=[ADDRESS])
    after = model.objects.get(pk=row.pk)
    for field in fields:
        value = str(getattr(after, field.attname)).lower().replace("%40", "@")
        assert ADDRESS not in value, field.name
        if not isinstance(rules.columns[field.name], TakeOut) and isinstance(field, models.TextField):
            assert value in ("", "before\n[erased] after"), field.name
    assert list(others.values()) == before, "a near-miss or another account's row has changed"


def strangers():
    account = AccountFactory()
    return account, UserFactory(account=account)


def test_every_model_of_these_apps_has_rules_and_a_factory():
    ruled = {rules.model for rules in RULES}
    for app in APPS:
        for model in apps.get_app_config(app).get_models():
            assert model._meta.proxy or model._meta.label in ruled
    assert not [error for error in get_registry().errors if error[0].split(".")[0] in APPS]
