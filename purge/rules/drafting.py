"""A first ``purge_rules.py`` for an app that has none: what somebody who knows the data then judges, line by line."""

from __future__ import annotations

from collections.abc import Iterator

from django.apps import apps
from django.db import models

from purge.host import get_host
from purge.rules.coverage import kind_of
from purge.rules.registry import get_registry, person_model

#: How far from a row its account is looked for: line → order → customer → account.
MOST_STEPS = 3
HEAD = '''"""What a purge does to {title}: a draft. Judge each line, and take its Draft(…) away."""

from django.utils.translation import gettext_noop as _

from purge.rules import {names}

RULES = [
'''


def draft(app_label: str) -> str:
    """Python text with rules for those models of the app that need some and have none; empty where there are none.

    Raises LookupError when no app has this label.
    """
    app = apps.get_app_config(app_label)
    known = get_registry().entries
    names = {"Draft", "ModelRules"}
    body = ""
    for model in app.get_models(include_auto_created=True):
        lines = list(_lines(model))
        if model._meta.proxy or not model._meta.managed or model._meta.label in known or not lines:
            continue
        noun = str(model._meta.verbose_name_plural)
        body += f'    ModelRules(\n        model="{model._meta.label}",\n        noun=_("{noun}"),\n'
        body += f"        account={_account(model)},\n        columns={{\n"
        for name, rule, why in lines:
            names.add(rule.partition("(")[0])
            body += f'            "{name}": Draft({rule}),  # {why}\n'
        body += "        },\n    ),\n"
    if not body:
        return ""
    return HEAD.format(title=str(app.verbose_name).lower(), names=", ".join(sorted(names))) + body + "]\n"


def _lines(model: type[models.Model]) -> Iterator[tuple[str, str, str]]:
    """(column, proposed rule, why it needs one)."""
    is_person = model._meta.concrete_model is person_model()
    of_person = any(_points_at_person(field) and not field.null for field in model._meta.local_fields)
    for field in model._meta.local_fields:
        kind = kind_of(field)
        if kind:
            yield field.name, _proposed(field, is_person=is_person, of_person=of_person), kind


def _points_at_person(field: models.Field[object, object]) -> bool:
    target = field.remote_field.model if field.remote_field else None
    return isinstance(target, type) and target._meta.concrete_model is person_model()


def _proposed(field: models.Field[object, object], *, is_person: bool, of_person: bool) -> str:
    if _points_at_person(field):
        return "Detach()" if field.null else "Delete()"
    if isinstance(field, models.FileField):
        return "WithRow()" if is_person or of_person else "EraseFile(mentions=True)"
    if is_person and field.unique:
        return 'Keep("what a person signs in with", closed="say what refuses another person\'s address here")'
    if isinstance(field, models.EmailField | models.GenericIPAddressField):
        return "Blank()"
    return "Redact(numbered=True)" if field.unique else "Redact()"


def _account(model: type[models.Model]) -> str:
    """The shortest path along foreign keys from a row to its account, as Python text; None where there is none."""
    account = apps.get_model(get_host().account_label())
    if model is account:
        return '"pk"'
    ways: list[tuple[type[models.Model], str]] = [(model, "")]
    for _step in range(MOST_STEPS):
        longer = []
        for start, path in ways:
            for field in start._meta.local_fields:
                target = field.remote_field.model if field.remote_field else None
                if not isinstance(target, type):
                    continue
                way = f"{path}__{field.name}".removeprefix("__")
                if target is account:
                    return f'"{way}"'
                longer.append((target, way))
        ways = longer
    return "None"
