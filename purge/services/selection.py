"""Whom somebody wants to purge: one way from a selection to a preview and a request, for pages and commands."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from purge.choices import Origin
from purge.models import PurgeRequest
from purge.register.notes import NO_NOTE, Note
from purge.services.submission import (
    Preview,
    purge_preview,
    purge_preview_address,
    purge_submit,
    purge_submit_address,
)


@dataclass(frozen=True)
class Selection:
    """Deleted users of an account, or the ``address`` of somebody who is no user of it."""

    acting_user: Any
    account_id: int
    user_ids: tuple[int, ...] = ()
    address: str = ""
    origin: str = Origin.ADMIN

    @property
    def is_empty(self) -> bool:
        return not self.user_ids and not self.address

    def only(self, user_ids: tuple[int, ...]) -> Selection:
        """The same with these of the people."""
        return replace(self, user_ids=user_ids)

    def preview(self, *, in_full: bool = True) -> Preview:
        """What a purge would do in the account. Changes nothing. Raises :class:`purge.services.PurgeRefused`.

        ``in_full=False``: people, what is handed over and what has consequences; other kinds of rows are not counted.
        """
        acting, account_id = self.acting_user, self.account_id
        if self.address:
            return purge_preview_address(
                acting_user=acting, account_id=account_id, address=self.address, in_full=in_full
            )
        return purge_preview(acting_user=acting, account_id=account_id, user_ids=self.user_ids, in_full=in_full)

    def submit(
        self, *, shown: Preview | None = None, token: uuid.UUID | None = None, noted: Note = NO_NOTE
    ) -> PurgeRequest:
        """Accept the purge.

        ``shown``: the preview that somebody has confirmed. Whoever goes beyond it is asked about first, by
        :class:`purge.services.SelectionChanged`. ``token``: the same one again returns the same request. ``noted``:
        for the register. Raises :class:`purge.services.PurgeRefused`; then nothing has changed.
        """
        if self.address:
            return purge_submit_address(
                acting_user=self.acting_user,
                account_id=self.account_id,
                address=self.address,
                origin=self.origin,
                token=token,
                noted=noted,
            )
        return purge_submit(
            acting_user=self.acting_user,
            account_id=self.account_id,
            user_ids=self.user_ids,
            origin=self.origin,
            token=token,
            noted=noted,
            confirmed=shown is not None,
            matches=None if shown is None else [person.id for person in shown.matches],
        )
