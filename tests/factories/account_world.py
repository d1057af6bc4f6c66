"""One account with a row of every model that has a page in the admin, or is edited on one."""

from __future__ import annotations

import importlib
from datetime import timedelta

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import models
from django.utils import timezone

from connectors.models import ConnectorState
from purge.choices import NoticeState
from purge.models import FollowUp, ImsNotice, PurgeRequest
from tests.factories.platform import row_of
from tests.factories.users import AccountFactory, AdministratorFactory, UserFactory
from users.models import Account, User, UserKind


class AccountWorld:
    """One account with a row of every model that has a page, or is edited on one."""

    def __init__(self, name: str) -> None:
        self.account = AccountFactory(name=f"{name} Ltd", subdomain=name.lower(), support_emails=f"{name}@help.example")
        self.administrator = AdministratorFactory(account=self.account, name=f"{name} Chief", email=f"{name}@a.example")
        person = {"account": self.account, "unique_user_id": name}
        self.person = UserFactory(**person, name=f"{name} One", email=f"{name}.one@p.example")
        person.pop("unique_user_id")
        self.rows: dict[type[models.Model], models.Model] = {Account: self.account, User: self.person}
        proxies = {
            "InternalUser": self.person,
            "ExternalUser": UserFactory(**person, name=f"{name} Two", email=f"{name}.2@p.x", kind=UserKind.EXTERNAL),
            "DeletedUser": UserFactory(**person, name=f"{name} Three", email=f"{name}.3@p.x", deleted=True),
        }
        for proxy, row in proxies.items():
            model = apps.get_model("users", proxy)
            self.rows[model] = model.objects.get(pk=row.pk)
        self._rows_of_purge()
        for app in ("users", "learning", "messaging", "connectors"):
            for rules in importlib.import_module(f"{app}.purge_rules").RULES:
                model = apps.get_model(rules.model)
                factories = importlib.import_module(f"tests.factories.{app}")
                if model not in self.rows and hasattr(factories, f"{model.__name__}Factory"):
                    self.rows[model] = row_of(rules, self.account, self.person)
        self._stopped(name)
        self._mark(name)

    def _rows_of_purge(self) -> None:
        purge_request = PurgeRequest.objects.create(
            reference=f"PUR-{self.account.pk:04}-AAAA-A",
            route="ui_enterprise",
            origin="admin",
            account_id=self.account.pk,
            initiator=self.administrator,
            key_fingerprint="0",
            due_at=timezone.now() + timedelta(days=30),
        )
        notice = ImsNotice.objects.create(
            request=purge_request,
            account_id=self.account.pk,
            user=self.person,
            identifier=self.person.email,
            state=NoticeState.OPEN,
            due_at=timezone.now() + timedelta(days=30),
        )
        task = FollowUp.objects.create(
            request=purge_request, kind="session", account_id=self.account.pk, model="learning.Session", row=1
        )
        entry = LogEntry.objects.create(
            user=self.administrator, object_id=str(self.person.pk), object_repr="user", action_flag=CHANGE
        )
        self.rows |= {PurgeRequest: purge_request, ImsNotice: notice, FollowUp: task, LogEntry: entry}

    def _stopped(self, name: str) -> None:
        """Rows for the pages of what a purge stopped."""
        connector, session = (apps.get_model(label) for label in ("connectors.Connector", "learning.Session"))
        stopped, unstaffed = apps.get_model("connectors.StoppedConnector"), apps.get_model("learning.UnstaffedSession")
        connector.objects.filter(pk=self.rows[connector].pk).update(
            state=ConnectorState.DISABLED, next_run_at=None, disabled_reason="purge", disabled_at=timezone.now()
        )
        session.objects.filter(pk=self.rows[session].pk).update(needs_instructor_since=timezone.now())
        self.rows |= {
            stopped: stopped(pk=self.rows[connector].pk),
            unstaffed: unstaffed(pk=self.rows[session].pk),
        }

    def _mark(self, name: str) -> None:
        """Put the account's word into a text column of each row, so that a page that shows one gives itself away."""
        for model, row in self.rows.items():
            texts = {
                field.name: field
                for field in model._meta.concrete_fields
                if isinstance(field, models.CharField | models.TextField) and not field.choices
            }
            for column in ("title", "name", "subject", "text", "comment"):
                if column in texts and not issubclass(model, (Account, User)):
                    words = f"{name} {model.__name__}"[: texts[column].max_length or 60]
                    model._base_manager.filter(pk=row.pk).update(**{column: words})
                    break

    def of(self, model: type[models.Model]) -> models.Model | None:
        return self.rows.get(model) or self.rows.get(model._meta.concrete_model)
