"""What a notice of the identity provider shows."""

from __future__ import annotations

from dataclasses import dataclass

from purge.choices import NoticeState
from purge.host import get_host
from purge.models import ImsNotice
from purge.pages.requests import link_to

NOTICE_TONES = {NoticeState.OPEN: "warning", NoticeState.PURGED: "success", NoticeState.DECLINED: "quiet"}


@dataclass(frozen=True)
class NoticePerson:
    """The user a notice is about, for their own account's administrators. ``link``: the page where one goes on."""

    name: str
    deleted: bool
    link: str


def notice_person(notice: ImsNotice) -> NoticePerson | None:
    """None once they are gone."""
    facts = get_host().people([notice.user_id]) if notice.user_id is not None else []
    if not facts:
        return None
    deleted = facts[0].state == "deleted"
    page = f"admin:users_{getattr(notice.user, 'kind', 'internal')}user_change"
    cleanup = link_to("admin:users_deleteduser_changelist")
    return NoticePerson(str(notice.user), deleted, cleanup if deleted else link_to(page, notice.user_id))
