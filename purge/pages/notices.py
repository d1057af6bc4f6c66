"""What a notice of the identity provider shows."""

from __future__ import annotations

from dataclasses import dataclass

from purge.choices import NoticeState
from purge.host import Page, PersonState, get_host
from purge.models import ImsNotice

NOTICE_TONES = {NoticeState.OPEN: "warning", NoticeState.PURGED: "success", NoticeState.DECLINED: "quiet"}


@dataclass(frozen=True)
class NoticePerson:
    """The user a notice is about, for their own account's administrators. ``link``: the page where one goes on."""

    name: str
    deleted: bool
    link: str


def notice_person(notice: ImsNotice) -> NoticePerson | None:
    """None once they are gone."""
    host = get_host()
    facts = host.people([notice.user_id]) if notice.user_id is not None else []
    if not facts:
        return None
    deleted = facts[0].state == PersonState.DELETED
    page = host.page_of(Page.DELETED_PEOPLE) if deleted else host.page_of(Page.PERSON, notice.user_id)
    return NoticePerson(str(notice.user), deleted, page)
