"""A row of any model of learning, messaging and connectors, in a given account."""

from __future__ import annotations

import importlib
from typing import Any

from django.apps import apps

from purge.rules import ModelRules
from users.models import Account, User

APPS = ("learning", "messaging", "connectors")
RULES: list[ModelRules] = [rules for app in APPS for rules in importlib.import_module(f"{app}.purge_rules").RULES]


def row_of(rules: ModelRules, account: Account, person: User) -> Any:
    """A row of the model in the account; where it belongs to a person, of this one."""
    app, name = rules.model.split(".")
    factory = getattr(importlib.import_module(f"tests.factories.{app}"), f"{name}Factory")
    path = str(rules.account)
    head = path.split("__")[0]
    field = apps.get_model(rules.model)._meta.get_field(head)
    return factory(**({head: person} if field.related_model is User else {path: account}))
