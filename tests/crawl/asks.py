"""What pages are asked beside their plain address: by what follows it, and by what their own forms send.

Each with the rows of one account. A page that reads another word of an address than these, or another form, gets its
line here; ``tests/crawl/test_crawl.py`` names the pages that must have one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import admin
from django.contrib.admin.options import ModelAdmin
from django.db import models

from purge.models import PurgeRequest
from tests.crawl.worlds import MarkedWorld
from users.models import DeletedUser, User

SELECTED = "_selected_action"


@dataclass(frozen=True)
class Ask:
    """``row``: another than the one that stands for its model; ``more``: behind the address, where something is sent;
    ``headers``: as the environment of a request calls them."""

    method: str
    said: dict[str, Any] = field(default_factory=dict)
    row: models.Model | None = None
    more: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def get(row: models.Model | None = None, **said: Any) -> Ask:
    return Ask("GET", said, row)


def post(row: models.Model | None = None, **said: Any) -> Ask:
    return Ask("POST", said, row)


def asks_of(world: MarkedWorld) -> dict[str, list[Ask]]:
    """By the names of addresses."""
    found = {**_of_purges(world), **_of_cleanup(world), **_of_people(world), **_of_the_site(world)}
    for name, more in (*_of_lists(world), *_choices(world)):
        found.setdefault(name, []).extend(more)
    return found


def known_by(person: User) -> tuple[str, ...]:
    """The address and the ID by which somebody is looked for: their keys, which no mark has changed."""
    return str(person.email_key), str(person.unique_id_sort)


def _of_purges(world: MarkedWorld) -> dict[str, list[Ask]]:
    chief, subdomain = world.administrator, world.account.subdomain
    request = world.rows[PurgeRequest]
    period = {"from": "2026-01-01", "to": "2999-12-31"}
    figure = "accepted~2026-01-01~2999-12-31~"
    about = (request.reference, world.done.reference, *known_by(world.person), world.gone)
    return {
        "purge_purgerequest_change": [get(world.done), post(world.done)],  # with its letter
        "purge_purgerequest_progress": [get(world.done)],
        "purge_purgerequest_changelist": [
            get(q=request.reference),
            get(figure=figure),
            get(figure=f"{figure}~{world.account.pk}"),
            get(state="completed", todo="open", deadline="overdue"),
        ],
        "purge_purgerequest_note": [
            post(**{"note-asked_by": "hr", "note-ticket": "T-1", "note-reason": "posted", "note-basis": "consent"}),
            post(world.done, **{"note-asked_by": "hr", "note-ticket": "T-1"}),
        ],
        "purge_purgerequest_follow_up": [post(why="not_needed")],
        "purge_register": [
            get(),
            get(format="csv"),
            get(format="json"),
            get(ticket=world.ticket),
            get(ticket=world.ticket, format="csv"),
            get(initiator=chief.pk, format="json"),
            get(after=f"2999-01-01T00:00:00~{request.pk + 1}", format="csv"),
        ],
        "purge_look_ups": [get(before=world.look_up.pk + 1)],
        "purge_report": [
            get(**period),
            get(**period, format="csv"),
            get(**period, account=subdomain),
            get(**period, account=subdomain, format="csv"),
            post(**period, account=subdomain),  # says who started the requests
        ],
        "purge_look_up": [post(text=text) for text in about],
        "purge_data_map": [get(format="json"), get(format="md")],
        "purge_ims_message": [
            post(email=world.person.email_key, reference="CRAWL-1"),
            post(adobe_id=world.person.adobe_id or "nobody", reference="CRAWL-2", plan="1"),
        ],
    }


def _of_cleanup(world: MarkedWorld) -> dict[str, list[Ask]]:
    """Its lists, and what was begun under a token."""
    deleted, person = world.rows[DeletedUser], world.person
    confirmation, address, pasted = world.confirmation, world.address, world.pasted
    lines = "\n".join((*known_by(person), *known_by(deleted), world.gone))
    tokens = [
        ask for token in (confirmation, address) for ask in (get(plan=token), post(plan=f"{token}.1", number="1"))
    ]
    return {
        "users_deleteduser_changelist": [get(month="2026-01"), get(q=world.beginning)],
        "cleanup_purge": [*tokens, post(**{SELECTED: [deleted.pk]}), post(**{SELECTED: [person.pk, deleted.pk]})],
        "cleanup_other": [
            *tokens,
            post(address=person.email_key),
            post(address=world.gone),
            post(address=f"guest@{world.beginning}.example", account=world.account.pk),
        ],
        "cleanup_outside": [post(plan=confirmation), post(plan=address)],
        "cleanup_transcripts": [post(plan=confirmation), post(plan=address)],
        "cleanup_restore": [post(**{SELECTED: [deleted.pk]}), post(**{SELECTED: [deleted.pk], "list": pasted})],
        "cleanup_delete_again": [post(**{SELECTED: [person.pk]}), post(**{SELECTED: [person.pk, deleted.pk]})],
        "cleanup_list": [
            post(lines=lines),
            get(list=pasted),
            get(list=pasted, delete="1"),
            Ask("POST", {"person": [person.pk]}, more=f"?list={pasted}&delete=1"),
        ],
        "cleanup_export": [get(kind="internal")],
        "cleanup_recipients": [get(world.done)],
        "users_deleteduser_change": [post(email=f"corrected@{world.beginning}.example", unique_user_id="corrected")],
    }


def _of_people(world: MarkedWorld) -> dict[str, list[Ask]]:
    account = world.account
    own = {"name": "posted", "email": "posted@elsewhere.example", "new_password": "a long pass phrase"}
    return {
        "users_internaluser_leave": [get(then="purge"), Ask("POST", {"apply": "1"}, more="?then=purge")],
        "users_internaluser_change": [
            post(**own),
            # Oneself, where the row is the reader's own; else an administrator with more rights than most have.
            get(world.administrator),
            post(world.administrator, **own, locale="en", time_zone="UTC"),
        ],
        "users_internaluser_add": [post(**own, role="administrator", invite="on", account=account.pk)],
        "users_account_change": [post(name="posted", sender_email="posted@elsewhere.example", time_zone="UTC")],
        "users_account_add": [post(name="posted", subdomain="posted", administrator_email="posted@elsewhere.example")],
        "users_importlog_columns": [post(look="1"), post(name="0", email="1"), post(discard="1")],
        "users_importlog_bad_rows": [get(page="1")],
        "own_sessions": [post(end=each.pk) for each in world.administrator.sessions.all()[:1]] + [post(others="1")],
    }


def _of_the_site(world: MarkedWorld) -> dict[str, list[Ask]]:
    """What says something of the installation, and what stands before signing in."""
    token = {"HTTP_AUTHORIZATION": "Bearer nobody's"}
    outside = {"REMOTE_ADDR": "192.0.2.7", "HTTP_X_FORWARDED_FOR": "127.0.0.1"}
    return {
        "healthz": [get(), get(strict=""), Ask("GET", {"strict": ""}, headers=outside), Ask("GET", headers=token)],
        "metrics": [get(), Ask("GET", headers=outside), Ask("GET", headers=token | outside)],
        "index": [get(), post(first_steps="hide")],
        "hide_first_steps": [post()],
        "login": [get(account=world.account.subdomain), post(username="nobody@elsewhere.example", password="wrong")],
        "forgotten": [post(email=each.email_key) for each in (world.administrator, world.person)],
        "forgotten_new": [get(code=f"{world.administrator.pk}:1abcde:xyz")],
        "proof_link": [get(code="1:1abcde:xyz"), post(code="1:1abcde:xyz")],
        "password_change": [post(old_password="wrong", new_password1="a long pass phrase")],
    }


# ---------------------------------------------------------------- what every list offers


def _of_lists(world: MarkedWorld) -> Iterable[tuple[str, list[Ask]]]:
    """A search for how the account's word begins, and every action with its row, asked and answered."""
    for model, page in admin.site._registry.items():
        opts, row = model._meta, world.of(model)
        more = [get(q=world.beginning)] if page.search_fields else []
        pk = row.pk if row is not None else world.person.pk
        for action in _actions_of(page):
            more += [
                post(action=action, index="0", **{SELECTED: [pk]}),
                post(action=action, index="0", apply="1", role="learner", **{SELECTED: [pk]}),
            ]
        if more:
            yield f"{opts.app_label}_{opts.model_name}_changelist", more


def _actions_of(page: ModelAdmin) -> list[str]:
    return [getattr(each, "__name__", str(each)).rpartition(".")[2] for each in page.actions or ()]


def _choices(world: MarkedWorld) -> Iterable[tuple[str, list[Ask]]]:
    """What every field offers that is chosen by typing."""
    pages = [
        *admin.site._registry.items(),
        *((each.model, each) for page in admin.site._registry.values() for each in page.inlines),
    ]
    for model, page in dict(pages).items():
        for name in page.autocomplete_fields:
            named = {"app_label": model._meta.app_label, "model_name": model._meta.model_name, "field_name": name}
            yield "autocomplete", [get(**named, term=world.beginning), get(**named, term="")]


#: Pages that say more than their plain address asks, of which one that lost its line would be noticed.
MUST_BE_ASKED = frozenset(
    """
    purge_register purge_look_ups purge_report purge_look_up purge_data_map purge_ims_message purge_purgerequest_note
    purge_purgerequest_follow_up purge_purgerequest_change cleanup_purge cleanup_other cleanup_list cleanup_restore
    cleanup_delete_again cleanup_outside cleanup_transcripts cleanup_recipients users_internaluser_add
    users_internaluser_changelist users_externaluser_changelist autocomplete healthz metrics hide_first_steps
    users_importlog_columns
    """.split()  # noqa: SIM905 - as CODED
)
