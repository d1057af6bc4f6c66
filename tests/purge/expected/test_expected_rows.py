"""After each of the six routes every row of the database is what the hand-written table says."""

import shutil

import pytest
from django.apps import apps
from django.conf import settings as in_force
from django.db import models

from tests.purge import world as w
from tests.purge.expected import judging
from tests.purge.expected.routes import ROUTES
from tests.purge.expected.table import TABLE
from users.models import User


@pytest.fixture
def furnished(planted, db):
    shutil.copytree(planted.media, in_force.MEDIA_ROOT, dirs_exist_ok=True)
    return planted


def on_both(*names):
    """The routes that these two databases are both asked about; the others differ in whom they choose, by statements
    that test_routes.py runs on both."""
    return [route if route in names else pytest.param(route, marks=pytest.mark.sqlite) for route in ROUTES]


@pytest.mark.parametrize("route", on_both("ui_trial", "ims_enterprise and ims_trial"))
def test_every_row_is_what_the_table_says(furnished, route):
    before = judging.look_with_accounts()
    purge_request = ROUTES[route].begin(furnished)
    furnished.accepted_at = purge_request.accepted_at
    assert w.completed(w.run_to_end(purge_request))
    must = judging.expected(before, furnished, ROUTES[route], purge_request.reference)
    found = list(judging.differences(must, judging.look()))
    assert not found, "\n".join([f"{len(found)} differences", *found[:40]])


def may_name_somebody(field):
    """Whether a column can hold something of a person: by its type alone, whatever any rule says."""
    if field.remote_field is not None:
        return field.remote_field.model._meta.concrete_model is User
    if field.choices or (field.primary_key and not isinstance(field, models.CharField)):
        return False
    texts = (models.CharField, models.TextField, models.JSONField, models.FileField, models.GenericIPAddressField)
    return isinstance(field, texts) or field.get_internal_type() == "PickledObjectField"


def test_the_table_has_a_line_for_every_column_that_can_name_somebody():
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        lines = TABLE[model._meta.label].columns
        for field in model._meta.concrete_fields:
            assert not may_name_somebody(field) or field.name in lines, f"{model._meta.label}.{field.name}"


def test_every_line_of_the_table_is_a_column():
    for label, expected in TABLE.items():
        for column in expected.columns:
            assert apps.get_model(label)._meta.get_field(column).concrete, f"{label}.{column}"
