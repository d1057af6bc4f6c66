"""Every page of learning, messaging and connectors in the admin, as an administrator of one of two accounts."""

import pytest
from django.contrib import admin
from django.urls import reverse

from tests.factories.platform import APPS, RULES, row_of
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db

#: Edited on the page of the row they belong to.
INLINE = {
    "learning.Module",
    "learning.SessionInstructor",
    "learning.LearningPlanCourse",
    "learning.BoardModerator",
    "learning.BoardMember",
    "learning.Mention",
    "messaging.SavedReportShare",
    "connectors.BlankedSetting",
}
PAGES = [
    rules
    for rules in RULES
    if rules.model not in INLINE and not rules.model.endswith("Settings") and rules.model != "messaging.Notification"
]


def address(model, page, *args):
    return reverse(f"admin:{model.replace('.', '_').lower()}_{page}", args=args)


@pytest.fixture
def account():
    return AccountFactory()


@pytest.fixture
def administrator(account, client):
    user = AdministratorFactory(account=account)
    client.force_login(user)
    return user


@pytest.mark.parametrize("rules", PAGES, ids=lambda rules: rules.model)
def test_an_administrator_sees_his_accounts_rows_and_no_others(
    rules, account, administrator, client, django_assert_max_num_queries
):
    mine = [row_of(rules, account, UserFactory(account=account)) for _row in range(3)]
    stranger = UserFactory()
    other = row_of(rules, stranger.account, stranger)
    with django_assert_max_num_queries(14):
        listed = client.get(address(rules.model, "changelist"))
    rows = {row.pk for row in listed.context["cl"].result_list}
    assert rows >= {row.pk for row in mine}
    assert other.pk not in rows
    assert client.get(address(rules.model, "changelist"), {"q": "nobody"}).status_code == 200
    assert client.get(address(rules.model, "change", mine[0].pk)).status_code == 200
    assert client.get(address(rules.model, "change", other.pk)).status_code == 404
    assert client.get(address(rules.model, "add")).status_code in (200, 403)
    if rules.model != "messaging.EmailTemplate":
        assert client.post(address(rules.model, "delete", mine[0].pk), {"post": "yes"}).status_code == 403
        assert type(other).objects.filter(pk=mine[0].pk).exists()


def test_every_model_has_a_page_or_is_edited_on_another():
    registered = {model._meta.label for model in admin.site._registry}
    for rules in RULES:
        assert rules.model in registered or rules.model in INLINE or rules.model.endswith("Settings"), rules.model


def test_the_index_names_the_pages(administrator, client):
    text = client.get(reverse("admin:index")).content.decode()
    for words in ("Sessions that need an instructor", "Connectors disabled by a purge", "External applications"):
        assert words in text


def test_nobody_gets_in_without_a_role(account, client):
    client.force_login(UserFactory(account=account))
    for app in APPS:
        rules = next(each for each in PAGES if each.model.startswith(app))
        assert client.get(address(rules.model, "changelist")).status_code == 302
