"""What somebody can find out by a list's address: what its filters say, and nothing of anybody else.

Every relation of every list is followed two steps, as everybody who can sign in.
"""

import pytest
from django.contrib import admin
from django.contrib.admin.exceptions import DisallowedModelAdminLookup, DisallowedModelAdminToField
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.urls import reverse

from purge.models import PurgeRequest
from tests.factories import connectors as connector_factories
from tests.factories import users as factories
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import Account, AccountKind, DeletedUser, ExternalUser, Role, User, UserKind, UserRole

pytestmark = pytest.mark.django_db

SITE = admin.site


def url(model, page="changelist", *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def people(db):
    """Everybody who can sign in, by role."""
    acme, trial = AccountFactory(name="Acme"), AccountFactory(name="Trial", kind=AccountKind.TRIAL)
    system = AccountFactory(kind=AccountKind.SYSTEM)
    return {
        "administrator": AdministratorFactory(account=acme),
        "administrator of a trial": AdministratorFactory(account=trial),
        "support": UserFactory(account=system, is_support=True),
        "superuser": UserFactory(account=system, is_superuser=True),
        "officer": UserFactory(account=acme, roles=[Role.DATA_PROTECTION_OFFICER]),
        "author": UserFactory(account=acme, roles=[Role.AUTHOR]),
        "learner": UserFactory(account=acme),
        "nobody": None,
    }


EVERYBODY = (
    "administrator",
    "administrator of a trial",
    "support",
    "superuser",
    "officer",
    "author",
    "learner",
    "nobody",
)
WITH_PAGES = EVERYBODY[:5]


@pytest.fixture(params=EVERYBODY)
def role(request):
    return request.param


def sign_in(client, person):
    if person is not None:
        client.force_login(person)
    return client


def names_of(model):
    """(what one can write in a filter, the model it leads to or None) for every column and relation of a model."""
    for field in model._meta.get_fields(include_hidden=True):
        related = field.related_model if field.is_relation else None
        if field.is_relation and (related is None or "+" in field.name):
            continue
        yield field.name, related
        if field.concrete and field.is_relation and field.attname != field.name:
            yield field.attname, related


def columns_of(model):
    return [name for name, related in names_of(model) if related is None]


def lookups_of(model):
    """What asks one relation further about every column, and two relations further about one."""
    for first, near in names_of(model):
        if near is None:
            continue
        for second, far in names_of(near):
            yield f"{first}__{second}__startswith"
            yield f"{first}__{second}__isnull"
            if far is not None:
                yield f"{first}__{second}__{columns_of(far)[-1]}__startswith"


@pytest.mark.parametrize("who", WITH_PAGES)
def test_no_list_follows_a_relation_that_is_not_a_filter_of_its(who, people, rf):
    tried, answered = 0, []
    for model, page in SITE._registry.items():
        request = rf.get("/")
        request.user = people[who]
        for lookup in lookups_of(model):
            tried += 1
            if page.lookup_allowed(lookup, "a", request):
                answered.append((model._meta.label, lookup))
    assert tried > 10_000
    assert answered == []


def first_relations():
    for model in SITE._registry:
        # The one has a filter of its own, the other's address leads on to the list of internal users.
        if model in (DeletedUser, User):
            continue
        for first, related in names_of(model):
            if related is None:
                continue
            yield model, f"{first}__{columns_of(related)[-1]}__startswith"


def last_of_each(asked):
    """One pair of each model."""
    return list(dict(asked).items())


def test_a_page_answers_400_or_is_closed(client, people, role):
    """By HTTP: a look-up through each relation of each list, as an administrator; as everybody else through one."""
    sign_in(client, people[role])
    closed = {"author": {302}, "learner": {302}, "nobody": {302}, "superuser": {400}}.get(role, {400, 403})
    # Which lists are open is said by the lists themselves.
    open_lists = {model for model in SITE._registry if client.get(url(model), follow=False).status_code == 200}
    seen, found_closed = set(), set()
    for model, lookup in first_relations() if role == "administrator" else last_of_each(first_relations()):
        if model in found_closed:
            continue  # to this person, whatever it is asked: the page is refused before its question is read
        answer = client.get(url(model), {lookup: "a"})
        if model is Account and role in ("administrator", "administrator of a trial", "officer"):
            # Theirs is one, and the list's address leads to its page whatever it is asked.
            assert answer.url == url(Account, "change", people[role].account_id)
            continue
        assert answer.status_code in closed, (model, lookup)
        assert (answer.status_code == 400) == (model in open_lists), (model, lookup)
        seen.add(answer.status_code)
        if model not in open_lists:
            found_closed.add(model)
    assert seen == (closed if role in ("superuser", "author", "learner", "nobody") else {400, 403})


OTHER_NAMES = (
    "pk__startswith",
    "id__gte",
    "pk__account__name__startswith",
    "email",
    "email__startswith",
    "password__startswith",
    "sessions__session_key__startswith",
    "account_id__name__startswith",
    "unknown",
    "unknown__startswith",
    "external_profile__manager_email__startswith",
    "external_profile__users__password__startswith",
    "external_profile__account__users__sessions__pk__startswith",
    "external_profile__name",
    "external_profile__id__gte",
    "external_profile__id__exact__startswith",
    "external_profile_id__name",
    "registered__exact__x",
    "date_joined__year",
)


@pytest.mark.parametrize("who", ["administrator", "superuser"])
def test_other_names_than_a_filters_own_are_refused(client, people, who):
    sign_in(client, people[who])
    answers = {lookup: client.get(url(ExternalUser), {lookup: "1"}).status_code for lookup in OTHER_NAMES}
    assert answers == dict.fromkeys(OTHER_NAMES, 400)


def test_names_of_columns_that_a_list_computes_are_refused(client, people):
    """A number that is counted for a column is no field, which Django lets through."""
    sign_in(client, people["administrator"])
    for model, name in (("usergroup", "people"), ("externalapplication", "people"), ("importlog", "content")):
        page = next(url(each) for each in SITE._registry if each._meta.model_name == model)
        assert client.get(page, {f"{name}__gte": "1"}).status_code == 400, model


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "lookup",
    [
        "external_profile__id__exact",
        "external_profile",
        "external_profile__exact",
    ],
)
def test_the_filters_own_names_answer(client, people, lookup):
    acme = people["administrator"].account
    profile = factories.ExternalProfileFactory(account=acme)
    inside = UserFactory(account=acme, kind=UserKind.EXTERNAL, external_profile=profile)
    outside = UserFactory(account=acme, kind=UserKind.EXTERNAL)
    sign_in(client, people["administrator"])
    answer = client.get(url(ExternalUser), {lookup: profile.pk})
    assert answer.status_code == 200
    assert {row.pk for row in answer.context["cl"].result_list} == {inside.pk}
    without = client.get(url(ExternalUser), {"external_profile__isnull": "True"})
    assert {row.pk for row in without.context["cl"].result_list} == {outside.pk}
    by_number = client.get(url(ExternalUser), {"id__exact": outside.pk})
    assert {row.pk for row in by_number.context["cl"].result_list} == {outside.pk}
    assert client.get(url(ExternalUser), {"role": "learner", "registered__exact": "0"}).status_code == 200


def test_the_filters_of_lists_with_a_base_of_their_own_answer(client, people):
    sign_in(client, people["support"])
    for name, value in (("state", "waiting"), ("route__exact", "ui_trial"), ("route", "ui_trial")):
        assert client.get(url(PurgeRequest), {name: value}).status_code == 200, name
    assert client.get(url(PurgeRequest), {"initiator__email__startswith": "a"}).status_code == 400
    assert client.get(url(PurgeRequest), {"token__gte": "1"}).status_code == 400
    sign_in(client, people["superuser"])
    log = next(model for model in SITE._registry if model._meta.label == "admin.LogEntry")
    assert client.get(url(log), {"action_flag__exact": "2"}).status_code == 200
    assert client.get(url(log), {"action_time__gte": "2026-01-01 00:00:00+00:00"}).status_code == 200
    assert client.get(url(log), {"user__password__startswith": "a"}).status_code == 400
    own = next(model for model in SITE._registry if model._meta.label == "messaging.Notification")
    for who in ("administrator", "support", "superuser"):
        sign_in(client, people[who])
        assert client.get(url(own), {"kind__exact": "completed"}).status_code == 200
        assert client.get(url(own), {"recipient__password__startswith": "a"}).status_code == 400


@pytest.mark.both_databases
def test_every_filter_that_a_page_offers_answers(client, people):
    """Each choice of each filter is a link of the page itself."""
    acme = people["administrator"].account
    for number in (1, 2):
        profile = factories.ExternalProfileFactory(account=acme)
        UserFactory(account=acme, kind=UserKind.EXTERNAL, external_profile=profile)
        connector_factories.ApplicationGrantFactory(user=UserFactory(account=acme, unique_user_id=f"G-{number}"))
    links = 0
    for who in ("administrator", "support", "superuser"):
        sign_in(client, people[who])
        for model in SITE._registry:
            listing = client.get(url(model))
            chosen = listing.context.get("cl") if listing.status_code == 200 else None
            for spec in chosen.filter_specs if chosen is not None else ():
                links += 1
                *_others, last = spec.choices(chosen)
                assert client.get(url(model) + last["query_string"]).status_code == 200, (who, model, last)
    assert links > 90


def test_the_list_of_deleted_users_reads_no_lookups(client, people):
    """It has a filter of its own, which does not know them: the same rows with and without."""
    acme = people["administrator"].account
    gone = UserFactory(account=acme, deleted=True)
    sign_in(client, people["administrator"])
    for lookup in ("password__startswith", "account__users__password__startswith", "deleted_by__email__startswith"):
        answer = client.get(url(DeletedUser), {lookup: "no such beginning"})
        assert [row.pk for row in answer.context["listing"].rows] == [gone.pk], lookup


# ---------------------------------------------------------------- sorting, searching, popups, facets


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "order", ["99", "-99", "9" * 40, "-", "password", "-password", "1.password", "manager__password", "0", "½"]
)
def test_a_list_is_sorted_by_its_columns_alone(client, people, order):
    acme = people["administrator"].account
    for name in ("b", "a"):
        UserFactory(account=acme, kind=UserKind.EXTERNAL, name=name, password={"a": "z", "b": "y"}[name])
    sign_in(client, people["administrator"])
    answer = client.get(url(ExternalUser), {"o": order})
    assert answer.status_code == 200
    assert [row.name for row in answer.context["cl"].result_list] == ["a", "b"]


@pytest.mark.both_databases
def test_a_list_is_sorted_by_a_column_that_it_shows(client, people):
    acme = people["administrator"].account
    for number, name in ((1, "b"), (2, "a")):
        UserFactory(account=acme, kind=UserKind.EXTERNAL, name=name, unique_user_id=f"S-{number}")
    sign_in(client, people["administrator"])
    for order, names in (("1", ["a", "b"]), ("2", ["b", "a"]), ("-2", ["a", "b"])):
        answer = client.get(url(ExternalUser), {"o": order})
        assert [row.name for row in answer.context["cl"].result_list] == names, order


@pytest.mark.parametrize("who", ["administrator", "superuser"])
def test_facets_hierarchies_and_popups_ask_nothing(client, people, who):
    sign_in(client, people[who])
    page = url(ExternalUser)
    plain = client.get(page)
    faceted = client.get(page, {"_facets": "True"})
    assert faceted.status_code == 200
    assert not faceted.context["cl"].add_facets
    assert plain.context["cl"].date_hierarchy is None
    for part in ("year", "month", "day"):
        assert client.get(page, {f"deleted_at__{part}": "2026"}).status_code == 400
    assert client.get(page, {"_popup": "1", "manager__password__startswith": "a"}).status_code == 400
    assert client.get(page, {"_popup": "1"}).status_code == 200
    for field in ("password", "account__name", "manager__password", "sessions", "email", "nothing"):
        assert client.get(page, {"_to_field": field}).status_code == 400, field
        assert client.get(page, {"_to_field": field, "_popup": "1"}).status_code == 400, field
    assert client.get(page, {"_to_field": "id"}).status_code == 200


def test_a_row_is_opened_by_its_number_alone(client, people):
    administrator = people["administrator"]
    outside = UserFactory(account=administrator.account, kind=UserKind.EXTERNAL, email="out@acme.example")
    sign_in(client, administrator)
    assert client.get(url(ExternalUser, "change", outside.pk)).status_code == 200
    assert client.get(url(ExternalUser, "change", outside.pk), {"_to_field": "id"}).status_code == 200
    for field, value in (("email", "out@acme.example"), ("password", "a"), ("account__name", "Acme")):
        assert client.get(url(ExternalUser, "change", value), {"_to_field": field}).status_code == 400, field


def dates_of(model):
    return [field.name for field in model._meta.get_fields() if isinstance(field, models.DateField)]


@pytest.mark.parametrize(("who", "at_least"), [("administrator", 25), ("officer", 10), ("superuser", 30)])
def test_no_list_is_sorted_counted_or_cut_by_what_it_does_not_show(people, rf, who, at_least):
    """The rows as they were, or 400: by names of columns, by dates that are no filter, by other keys."""
    seen = 0
    for model, page in SITE._registry.items():

        def listing(page=page, model=model, **asked):
            request = rf.get(url(model), asked)
            request.user = people[who]
            return page.has_view_permission(request) and page.get_changelist_instance(request)

        plain = listing()
        if not plain:
            continue
        seen += 1
        sorted_by = listing(o="99.password.-account__name", _facets="True")
        assert {*sorted_by.queryset.query.order_by} <= {*plain.queryset.query.order_by, "-pk"}, model
        assert not sorted_by.add_facets, model
        assert plain.date_hierarchy is None, model
        for lookup in [f"{date}__{part}" for date in dates_of(model) for part in ("year", "month", "day")]:
            with pytest.raises(DisallowedModelAdminLookup):
                listing(**{lookup: "2026"})
        for field in {*columns_of(model), "account__name", "account_id", "password"} - {model._meta.pk.name}:
            with pytest.raises(DisallowedModelAdminToField):
                listing(_to_field=field)
    assert seen >= at_least


# ---------------------------------------------------------------- autocomplete


def asked(client, model, field, term="", **more):
    names = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": field}
    return client.get(reverse("admin:autocomplete"), {**names, "term": term, **more})


def relations():
    """Every foreign key of every model with a page, one relation from another table of each, and no relation."""
    for model in SITE._registry:
        related = [(name, model._meta.get_field(name)) for name, leads_to in names_of(model) if leads_to is not None]
        yield from ((model, name) for name, field in related if field.concrete)
        yield from [(model, name) for name, field in related if not field.concrete][:1]
    yield from ((User, name) for name in ("password", "nothing", "manager__manager", "account__users"))


def test_autocomplete_offers_rows_of_the_own_account_whatever_it_is_asked(client, people, role):
    theirs = AccountFactory(name="Zebra Ltd")
    for kind in UserKind:
        UserFactory(account=theirs, name="Zebra One", kind=kind)
    factories.ExternalProfileFactory(account=theirs, name="Zebra profile")
    factories.UserGroupFactory(account=theirs, name="Zebra group")
    sign_in(client, people[role])
    opened = 0
    for model, field in relations():
        answer = asked(client, model, field, "Zebra")
        assert answer.status_code in (200, 302, 403, 404), (model, field)
        if answer.status_code == 200:
            opened += 1
            if role != "superuser":
                assert answer.json()["results"] == [], (model, field)
    assert opened or role in ("author", "learner", "nobody")


def test_autocomplete_of_models_without_a_page_is_closed(client, people):
    sign_in(client, people["administrator"])
    for app, model, field in (
        ("users", "session", "user"),
        ("django_q", "task", "group"),
        ("auth", "group", "permissions"),
        ("contenttypes", "contenttype", "permission"),
        ("admin", "logentry", "content_type"),
        ("purge", "purgerequest", "initiator"),
        ("nowhere", "nothing", "none"),
        ("users", "internaluser", "manager__password"),
    ):
        names = {"app_label": app, "model_name": model, "field_name": field, "term": "a"}
        answer = client.get(reverse("admin:autocomplete"), names)
        assert answer.status_code in (200, 403), (app, model, field)
        if answer.status_code == 200:
            own = set(User.objects.filter(account=people["administrator"].account).values_list("pk", flat=True))
            assert {int(row["id"]) for row in answer.json()["results"]} <= own


# ---------------------------------------------------------------- pages to come


def test_a_page_that_answers_other_lookups_is_not_registered():
    class Page(admin.ModelAdmin):
        list_filter = ("user",)

    site = type(SITE._wrapped)("another") if hasattr(SITE, "_wrapped") else type(SITE)("another")
    for page in (Page, None):
        with pytest.raises(ImproperlyConfigured, match="DeclaredLookups"):
            site.register(UserRole, page)
    assert not site.is_registered(UserRole)
