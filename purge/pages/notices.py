"""What a notice of the identity provider shows."""

from __future__ import annotations

from dataclasses import dataclass

from purge.choices import NoticeState
from purge.host import Page, PersonState, WayIn, get_host
from purge.models import ImsNotice

NOTICE_TONES = {NoticeState.OPEN: "warning", NoticeState.PURGED: "success", NoticeState.DECLINED: "quiet"}


@dataclass(frozen=True)
class NoticePerson:
    """The user a notice is about, for their own account's administrators. ``link``: a page about them; ``way``: where
    their purge begins, unless it has."""

    name: str
    deleted: bool
    link: str
    way: WayIn | None


def notice_person(notice: ImsNotice) -> NoticePerson | None:
    """None once they are gone."""
    host = get_host()
    facts = host.people([notice.user_id]) if notice.user_id is not None else []
    if not facts:
        return None
    deleted = facts[0].state == PersonState.DELETED
    page = host.page_of(Page.DELETED_PEOPLE) if deleted else host.page_of(Page.PERSON, notice.user_id)
    way = None if facts[0].state == PersonState.PURGING else host.way_to_purge(facts[0])
    return NoticePerson(str(notice.user), deleted, page, way)
