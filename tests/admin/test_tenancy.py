"""A walk over every registered admin page as an administrator of account A, with everything of account B at hand."""

from html.parser import HTMLParser

import pytest
from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from purge.models import PurgeRequest, Standstill
from tests.factories.account_world import AccountWorld
from tests.factories.users import UserFactory
from users.models import SelfRegistrationProfile, User
from users.tenancy import AccountlessAdmin, TenantAdmin, account_path_of

pytestmark = pytest.mark.django_db

#: What only rows of account B say. Whatever page of A's shows it has told A about B.
MARK = "zebra"
SITE = admin.site
#: Sent by Django with every form, and no choice of anybody.
INNER = ("_FORMS", "csrfmiddlewaretoken")


@pytest.fixture
def mine(db):
    return AccountWorld("Apple")


@pytest.fixture
def theirs(db):
    return AccountWorld(MARK.capitalize())


@pytest.fixture
def walk(client, mine):
    """The pages, as the administrator of A."""
    client.force_login(mine.administrator)
    return client


def pages():
    return list(SITE._registry.items())


def url(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def text_of(response):
    return b"".join(response).decode(errors="replace") if response.streaming else response.content.decode()


def says_nothing(response):
    return MARK not in text_of(response).lower()


def state_of(world):
    """Every row of an account, value by value."""
    found = {}
    for model, row in world.rows.items():
        values = model._base_manager.filter(pk=row.pk).values().first()
        found[model._meta.label] = values and {name: str(value) for name, value in values.items()}
    return found


# ---------------------------------------------------------------- pages


def test_every_page_is_of_a_class_that_scopes():
    """A page is of an account, or of none, or one of the purge's own, which ask the purge's port."""
    for model, page in pages():
        assert isinstance(page, TenantAdmin | AccountlessAdmin) or model._meta.app_label == "purge", model
        if isinstance(page, TenantAdmin):
            assert account_path_of(model, SITE), model


def test_the_world_has_a_row_for_every_page(mine):
    assert [model._meta.label for model, _page in pages() if mine.of(model) is None] == []


@pytest.mark.both_databases
def test_lists_filters_and_searches_show_nothing_of_another_account(walk, mine, theirs):
    seen = 0
    for model, page in pages():
        listing = walk.get(url(model, "changelist"))
        if listing.status_code != 200:
            assert listing.status_code in (302, 403), model
            continue
        assert says_nothing(listing), model
        own, foreign = mine.of(model), theirs.of(model)
        chosen = listing.context.get("cl")
        if chosen is None:
            continue
        assert not chosen.queryset.filter(pk=foreign.pk).exists(), model
        seen += chosen.queryset.filter(pk=own.pk).exists()
        for spec in chosen.filter_specs:
            choices = list(spec.choices(chosen))
            assert MARK not in str([choice["display"] for choice in choices]).lower(), (model, spec.title)
            # The first is "all", which the list above was.
            for choice in (choices[1], choices[-1]):
                filtered = walk.get(url(model, "changelist") + choice["query_string"])
                assert filtered.status_code == 200, (model, choice)
                assert says_nothing(filtered), (model, choice)
        if page.search_fields:
            found = walk.get(url(model, "changelist"), {"q": MARK})
            assert not found.context["cl"].result_list, model
    # Most pages list the row of A: the walk is not one through closed doors.
    assert seen > len(pages()) * 0.7


def test_a_row_of_another_account_does_not_exist(walk, mine, theirs):
    before = state_of(theirs)
    for model, _page in pages():
        foreign = theirs.of(model)
        for view in ("change", "history", "delete"):
            address = url(model, view, foreign.pk)
            for answer in (walk.get(address), walk.post(address, {"post": "yes"})):
                assert answer.status_code in (302, 403, 404, 405), (model, view, answer.status_code)
                # A redirection is to a page of A's own, never one that tells whether the row exists.
                if answer.status_code == 302:
                    unknown = walk.get(url(model, view, 999_999))
                    assert unknown.status_code in (302, 404), (model, view)
                    assert view == "history", (model, view)
                assert says_nothing(answer), (model, view)
        listed = walk.get(url(model, "add"), {name: str(foreign.pk) for name in ("user", "account", "owner", "author")})
        assert says_nothing(listed), model
    assert state_of(theirs) == before


def test_own_pages_address_other_accounts_rows_in_vain(walk, mine, theirs):
    """Every further address of an admin page that takes the id of a row: downloads, buttons, exports."""
    before, tried = state_of(theirs), 0
    for model, page in pages():
        foreign = theirs.of(model)
        stock = {"changelist", "add", "history", "delete", "change"}
        for pattern in page.get_urls():
            name = pattern.name or ""
            if not name or name.rpartition("_")[2] in stock:
                continue
            keys = dict.fromkeys(pattern.pattern.converters, foreign.pk)
            address = reverse(f"admin:{name}", kwargs=keys)
            for answer in (walk.get(address), walk.post(address)):
                tried += 1
                assert says_nothing(answer), address
                if keys and answer.status_code == 302:
                    # From a button's address to the page of its row, whether there is one or not.
                    assert answer.wsgi_request.method == "GET", address
                    unknown = walk.get(reverse(f"admin:{name}", kwargs=dict.fromkeys(keys, 999_999)))
                    assert unknown["Location"] == answer["Location"].replace(f"/{foreign.pk}/", "/999999/"), address
                elif keys:
                    refused = (403, 404) if answer.wsgi_request.method == "GET" else (403, 404, 405)
                    assert answer.status_code in refused, (address, answer.status_code)
    assert tried
    assert state_of(theirs) == before


def test_actions_reach_no_row_of_another_account(walk, mine, theirs):
    before, tried, logged = state_of(theirs), 0, LogEntry.objects.count()
    for model, page in pages():
        request = walk.get(url(model, "changelist")).wsgi_request
        request.user = mine.administrator
        for action in page.get_actions(request):
            data = {
                "action": action,
                "_selected_action": [str(theirs.of(model).pk)],
                "select_across": "1",
                "apply": "yes",
                "role": "administrator",
            }
            answer = walk.post(url(model, "changelist"), data, follow=True)
            assert says_nothing(answer), (model, action)
            tried += 1
    assert tried
    assert state_of(theirs) == before
    assert LogEntry.objects.count() == logged


# ---------------------------------------------------------------- choices


def relations():
    """Every foreign key and many-to-many column of the models that have a page."""
    for model in apps.get_models():
        for field in (*model._meta.concrete_fields, *model._meta.many_to_many):
            if field.is_relation and SITE.is_registered(field.related_model):
                yield model, field


def test_autocomplete_offers_nobody_of_another_account(walk, mine, theirs):
    offered = 0
    for model, field in relations():
        if not SITE.get_model_admin(field.related_model).search_fields:
            continue
        names = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field.name}
        answer = walk.get(reverse("admin:autocomplete"), {**names, "term": ""})
        assert answer.status_code in (200, 403), (model, field)
        assert says_nothing(answer), (model, field)
        if answer.status_code == 200:
            found = [each["id"] for each in answer.json()["results"]]
            assert str(theirs.of(field.related_model).pk) not in found, (model, field)
            offered += str(mine.of(field.related_model).pk) in found
    assert offered


class Fields(HTMLParser):
    """What a browser would send of the forms of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.data: dict[str, list[str]] = {}
        self._select = self._area = self._script = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        name = attrs.get("name")
        if tag == "input" and name and attrs.get("type") not in ("submit", "button", "file"):
            if attrs.get("type") not in ("checkbox", "radio") or "checked" in attrs:
                self.data.setdefault(name, []).append(attrs.get("value") or "")
        elif tag == "select":
            self._select = (name, "multiple" in attrs, [])
        elif tag == "option" and self._select:
            self._select[2].append((attrs.get("value") or "", "selected" in attrs))
        elif tag == "textarea":
            self._area = name
            self.data[name] = [""]

    def handle_data(self, data):
        if self._area:
            self.data[self._area][0] += data

    def handle_endtag(self, tag):
        if tag == "textarea" and self._area:
            self.data[self._area][0] = self.data[self._area][0].removeprefix("\n")
            self._area = None
        if tag == "select" and self._select:
            name, multiple, options = self._select
            chosen = [value for value, selected in options if selected]
            if not chosen and options and not multiple:
                chosen = [options[0][0]]
            if name and chosen:
                self.data[name] = chosen
            self._select = None


def choices_of(response):
    """(form prefix or '', field name, field) of every choice among rows, on the form and its inlines."""
    forms_shown = [response.context["adminform"].form]
    for formset in response.context["inline_admin_formsets"]:
        forms_shown += [*formset.formset.forms, formset.formset.empty_form]
    for form in forms_shown:
        for name, field in form.fields.items():
            inner = name in ("id", "DELETE") or isinstance(field, forms.models.InlineForeignKeyField)
            if isinstance(field, forms.ModelChoiceField) and not inner:
                yield form, name, field


def foreign_post(response, form, name, foreign):
    """The page's form as a browser would send it, with one choice set to somebody else's row."""
    data = {key: value for key, value in Fields(text_of(response)).data.items() if not key.startswith("action")}
    for key in INNER:
        data.pop(key, None)
    prefixed = form.add_prefix(name)
    if "__prefix__" in prefixed:
        prefix = form.prefix.removesuffix("-__prefix__")
        number = int(data[f"{prefix}-TOTAL_FORMS"][0])
        data = {key: value for key, value in data.items() if "__prefix__" not in key}
        data[f"{prefix}-TOTAL_FORMS"] = [str(number + 1)]
        prefixed = prefixed.replace("__prefix__", str(number))
    data = {key: value for key, value in data.items() if "__prefix__" not in key}
    return {**data, prefixed: [str(foreign.pk)]}


def numbers():
    # Since when something stops purges is noted by whoever looks first: of no account, and nobody's.
    models = (model for model in apps.get_models() if model._meta.managed and model is not Standstill)
    return {model._meta.label: model._base_manager.count() for model in models}


def test_forms_refuse_every_row_of_another_account(walk, mine, theirs):
    tried, before = set(), (state_of(mine), state_of(theirs), numbers())
    for model, _page in pages():
        own = mine.of(model)
        for address in (url(model, "add"), url(model, "change", own.pk)):
            shown = walk.get(address)
            if shown.status_code != 200 or "adminform" not in (shown.context or {}):
                continue
            assert says_nothing(shown), address
            for form, name, field in list(choices_of(shown)):
                foreign = theirs.of(field.queryset.model)
                assert foreign is not None, (model, name)
                assert not field.queryset.filter(pk=foreign.pk).exists(), (model, name)
                answer = walk.post(address, foreign_post(shown, form, name, foreign))
                assert answer.status_code == 200, (model, name)
                assert says_nothing(answer), (model, name)
                said = [list(answer.context["adminform"].form.errors)]
                for formset in answer.context["inline_admin_formsets"]:
                    said += [list(errors) for errors in formset.formset.errors]
                assert any(name in errors for errors in said), (model, name, said)
                tried.add((model, name))
    assert len(tried) > 15
    assert (state_of(mine), state_of(theirs), numbers()) == before


def test_a_form_with_ones_own_rows_is_saved(walk, mine):
    """The forms that the walk posts would go through, were it not for the other account's row."""
    saved = []
    for model, _page in pages():
        address = url(model, "change", mine.of(model).pk)
        shown = walk.get(address)
        if shown.status_code != 200 or "adminform" not in (shown.context or {}) or not shown.context.get("show_save"):
            continue
        data = {key: value for key, value in Fields(text_of(shown)).data.items() if "__prefix__" not in key}
        answer = walk.post(address, data)
        form = None if answer.status_code == 302 else answer.context["adminform"].form
        assert answer.status_code == 302, (model, form.errors)
        saved.append(model)
    assert len(saved) > 10


# ---------------------------------------------------------------- others


def test_support_staff_see_nothing_of_accounts_but_requests(client, mine):
    client.force_login(UserFactory(is_support=True))
    open_to_them = set()
    for model, _page in pages():
        answer = client.get(url(model, "changelist"))
        if answer.status_code == 200 and "cl" in (answer.context or {}) and answer.context["cl"].result_list:
            open_to_them.add(model._meta.label)
        else:
            assert answer.status_code in (200, 302, 403), model
        if model is not PurgeRequest:
            assert "apple" not in text_of(answer).lower(), model
    assert open_to_them == {"purge.PurgeRequest"}


def test_a_superuser_sees_every_account(client, mine, theirs):
    client.force_login(UserFactory(is_superuser=True))
    for model, _page in pages():
        answer = client.get(url(model, "changelist"), follow=True)
        assert answer.status_code == 200, model
        chosen = answer.context.get("cl")
        # Notifications are everybody's own, even a superuser's.
        if chosen is not None and chosen.model is model and model._meta.label != "messaging.Notification":
            both = [mine.of(model).pk, theirs.of(model).pk]
            assert chosen.queryset.filter(pk__in=both).distinct().count() == 2, model


def test_not_even_a_superuser_puts_a_row_of_one_account_into_another(client, mine, theirs):
    client.force_login(UserFactory(is_superuser=True))
    data = {"account": mine.account.pk, "name": "Staff", "enabled": "on"}
    refused = client.post(url(SelfRegistrationProfile, "add"), {**data, "manager": theirs.person.pk, "_save": "Save"})
    assert "manager" in refused.context["adminform"].form.errors
    profile = mine.of(SelfRegistrationProfile)
    address = url(SelfRegistrationProfile, "change", profile.pk)
    moved = client.post(address, {**data, "account": theirs.account.pk, "manager": mine.person.pk})
    assert moved.status_code == 302
    profile.refresh_from_db()
    assert (profile.account, profile.manager) == (mine.account, mine.person)


def test_a_page_that_could_leak_does_not_start():
    """Without a path to an account, or with boxes for raw numbers, the system check stops the site."""

    class Adrift(TenantAdmin):
        account_path = "user__name"

    class Raw(TenantAdmin):
        raw_id_fields = ("user",)

    model = apps.get_model("learning.Enrolment")
    assert [problem.id for problem in Adrift(model, SITE).check()] == ["users.E001"]
    assert [problem.id for problem in Raw(model, SITE).check()] == ["users.E002"]


def test_unknown_and_forbidden_pages_tell_what_to_do(walk):
    missing = walk.get("/admin/users/internaluser/999999/change/")
    assert (missing.status_code, "have access to it" in text_of(missing)) == (404, True)
    forbidden = walk.get(url(LogEntry, "changelist"))
    assert (forbidden.status_code, "Ask an administrator" in text_of(forbidden)) == (403, True)


@pytest.mark.parametrize("app", ["django_q", "auth"])
def test_the_queues_and_djangos_own_tables_have_no_page(client, app):
    client.force_login(UserFactory(is_superuser=True))
    assert not [model for model in SITE._registry if model._meta.app_label == app]
    for model in apps.get_app_config(app).get_models():
        assert client.get(f"/admin/{app}/{model._meta.model_name}/").status_code == 404


def test_nothing_is_deleted_by_an_action_of_the_list(client):
    client.force_login(UserFactory(is_superuser=True))
    for model, page in pages():
        request = client.get("/admin/").wsgi_request
        request.user = User.objects.get(is_superuser=True)
        assert "delete_selected" not in page.get_actions(request), model
