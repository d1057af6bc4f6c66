"""Accounts whose every text gives itself away, and the rows that only some pages show."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.core.files.base import ContentFile
from django.db import models

from learning.models import Session
from purge import services
from purge.models import FollowUp, LookUp, PurgeRequest, RegisterNote, StaffNamesShown, Subject
from purge.rules.registry import get_registry
from tests.factories.account_world import AccountWorld
from tests.factories.users import UserFactory
from tests.purge.world import completed, run_to_end
from users.models import Account, DeletedUser, DraftKind, PurgeDraft, User

#: What a number in an address stands for, where no row of the account does.
NOBODYS = 987_654_321
#: Columns in which code looks for words of its own; a mark in them would be a broken database, and no text of anybody.
CODED = frozenset(
    """
    password login_id public_id session_key digest time_zone locale subdomain kind reference disabled_reference
    needs_instructor_reference setting model table key_fingerprint email_key adobe_key unique_id_sort deleted_month
    encoding delimiter month message_id
    """.split()  # noqa: SIM905 - a table of them would be longer than what it is for
)


class MarkedWorld(AccountWorld):
    """An account whose every text, and the text of every file, says the account's word."""

    def __init__(self, word: str) -> None:
        super().__init__(word.capitalize())
        self.word = word
        #: What is searched for, and shown again on the page of the search: not the whole word.
        self.beginning = word[:4]
        self.ticket = f"T-{self.beginning}"
        self.marked = 0
        Account.objects.filter(pk=self.account.pk).update(subdomain=self.beginning)
        User.objects.filter(pk=self.person.pk).update(unique_id_sort=f"{self.beginning}1")
        FollowUp._base_manager.filter(account_id=self.account.pk).update(row=self.pk_of(Session))
        for row in self.rows_of_the_account():
            self._mark_whole(row)
        self.refresh()
        self._of_pages()

    def rows_of_the_account(self) -> Iterator[models.Model]:
        for _model, rows in tables_of(self.account.pk):
            yield from rows

    def _mark_whole(self, row: models.Model) -> None:
        for column in row._meta.concrete_fields:
            if isinstance(column, models.FileField):
                if name := getattr(row, column.attname).name:
                    column.storage.delete(name)
                    column.storage.save(name, ContentFile(f"name;{self.word}\n".encode()))
                continue
            if not isinstance(column, models.CharField | models.TextField) or column.name in CODED or column.choices:
                continue
            if column.unique or column.is_relation:
                continue
            text = f"{self.word}-{row.pk}"
            if isinstance(column, models.EmailField):
                text = f"{text}@{row._meta.model_name}.example"
            if column.max_length and len(text) > column.max_length:
                continue
            type(row)._base_manager.filter(pk=row.pk).update(**{column.name: text})
            self.marked += 1

    def _of_pages(self) -> None:
        """What the register, the look-ups, the report, pasted lists and the confirmation show: a purge that is done, a
        note, who looked whom up, and what the administrator has begun."""
        chief, request = self.administrator, self.rows[PurgeRequest]
        gone = UserFactory(account=self.account, email=f"{self.beginning}@gone.example", name=self.word, deleted=True)
        self.gone = gone.email
        self.done = services.purge_submit(acting_user=chief, account_id=self.account.pk, user_ids=[gone.pk])
        assert completed(run_to_end(self.done))
        # Made with the key that is in use: nothing keeps purges from going on.
        PurgeRequest._base_manager.filter(pk=request.pk).update(key_fingerprint=self.done.key_fingerprint)
        Subject.objects.create(request=request, person_id=self.person.pk, account_id=self.account.pk, role="selected")
        RegisterNote.objects.create(
            request=request,
            account_id=self.account.pk,
            ticket=self.ticket,
            reason=self.word,
            received_on=date(2026, 1, 5),
            answer_by=date(2026, 2, 5),
        )
        self.look_up = LookUp.objects.create(account_id=self.account.pk, actor=chief, digest="0" * 32, found=1)
        StaffNamesShown.objects.create(
            account_id=self.account.pk, actor=chief, first_day=date(2026, 1, 1), last_day=date(2026, 3, 31), people=1
        )
        deleted = self.rows[DeletedUser].pk
        draft = {"user": chief, "account": self.account}
        self.confirmation, self.pasted, self.address = (
            PurgeDraft.objects.create(**draft, **more).token.hex
            for more in (
                {"kind": DraftKind.CONFIRMATION, "people": [deleted]},
                {"kind": DraftKind.LIST, "people": [deleted, self.person.pk], "facts": {"purged": {}, "lines": [3]}},
                {"kind": DraftKind.CONFIRMATION, "address": f"guest@{self.beginning}.example"},
            )
        )

    def refresh(self) -> None:
        for row in self.rows.values():
            row.refresh_from_db()
        self.administrator.refresh_from_db()
        self.account.refresh_from_db()

    def pk_of(self, model: type[models.Model]) -> Any:
        row = self.of(model)
        return row.pk if row is not None else NOBODYS


def tables_of(account_id: int) -> Iterator[tuple[type[models.Model], models.QuerySet]]:
    """Every table that has rows of accounts, with the account's, in order."""
    for entry in get_registry().entries.values():
        if entry.rules.account:
            yield entry.model, entry.model._base_manager.filter(**{entry.rules.account: account_id}).order_by("pk")


def state_of(world: AccountWorld) -> dict[str, list[tuple]]:
    """Every row of an account, value by value."""
    return {model._meta.label: list(rows.values_list()) for model, rows in tables_of(world.account.pk)}
