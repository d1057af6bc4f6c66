"""What a statement has to be by the specification of xAPI 1.0.3 (part two, chapters 2 and 4)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

#: RFC 3987, but for hosts in brackets: a scheme, and no blank, quote, angle, brace, bracket, backslash, bar or caret.
IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[^\s<>\"{}|\\^`\[\]%]|%[0-9A-Fa-f]{2})+")
MAILTO = re.compile(r"mailto:[^\s@<>\[\]]+@[^\s@<>\[\]]+\.[^\s@<>\[\]]+")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*|und")
STATEMENT = {
    *("id", "actor", "verb", "object", "result", "context", "timestamp", "stored", "authority", "version"),
    "attachments",
}
IFI = ("mbox", "mbox_sha1sum", "openid", "account")


def faults(statement: Any) -> list[str]:
    """What is wrong with a statement, by place; nothing of a valid one."""
    return list(_statement(statement, "statement", STATEMENT))


def _statement(value: Any, at: str, allowed: set[str]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    yield from _only(value, at, allowed)
    for name in ("actor", "verb", "object"):
        if name not in value:
            yield f"{at}: without {name}"
    if "id" in value:
        try:
            UUID(value["id"])
        except (ValueError, AttributeError, TypeError):
            yield f"{at}.id: no UUID"
    yield from _agent_or_group(value.get("actor"), f"{at}.actor")
    yield from _verb(value.get("verb"), f"{at}.verb")
    yield from _object(value.get("object"), f"{at}.object", may_nest="authority" in allowed)
    if "result" in value:
        yield from _extensions(value["result"], f"{at}.result")
    if "context" in value:
        yield from _context(value["context"], f"{at}.context")
    if "authority" in value:
        yield from _agent_or_group(value["authority"], f"{at}.authority")
    for number, attachment in enumerate(value.get("attachments", ())):
        for name in ("usageType", "fileUrl"):
            if name in attachment:
                yield from _iri(attachment[name], f"{at}.attachments[{number}].{name}")


def _only(value: dict[str, Any], at: str, allowed: set[str]) -> Iterator[str]:
    yield from (f"{at}: {name} is not allowed" for name in value if name not in allowed)
    yield from (f"{at}.{name}: null" for name, item in value.items() if item is None)


def _agent_or_group(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no agent"
        return
    is_group = value.get("objectType") == "Group"
    if value.get("objectType", "Agent") not in ("Agent", "Group"):
        yield f"{at}: neither agent nor group"
    yield from _only(value, at, {"objectType", "name", *IFI, *(("member",) if is_group else ())})
    if "name" in value and not isinstance(value["name"], str):
        yield f"{at}.name: no text"
    identifiers = [name for name in IFI if name in value]
    if len(identifiers) > 1 or not (identifiers or (is_group and value.get("member"))):
        yield f"{at}: {len(identifiers)} identifiers"
    for number, member in enumerate(value.get("member", ())):
        if member.get("objectType") == "Group":
            yield f"{at}.member[{number}]: a group"
        yield from _agent_or_group(member, f"{at}.member[{number}]")
    if "mbox" in value and not MAILTO.fullmatch(str(value["mbox"])):
        yield f"{at}.mbox: no mailto IRI"
    if "mbox_sha1sum" in value and not re.fullmatch("[0-9a-fA-F]{40}", str(value["mbox_sha1sum"])):
        yield f"{at}.mbox_sha1sum: no SHA-1"
    if "openid" in value:
        yield from _iri(value["openid"], f"{at}.openid")
    if "account" in value:
        yield from _account(value["account"], f"{at}.account")


def _account(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    yield from _only(value, at, {"homePage", "name"})
    yield from _iri(value.get("homePage"), f"{at}.homePage")
    if not isinstance(value.get("name"), str) or not value["name"]:
        yield f"{at}.name: no text"


def _iri(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, str) or not IRI.fullmatch(value):
        yield f"{at}: no IRI"


def _verb(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    yield from _only(value, at, {"id", "display"})
    yield from _iri(value.get("id"), f"{at}.id")
    yield from _words(value.get("display", {}), f"{at}.display")


def _words(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no map of languages"
        return
    for language, text in value.items():
        if not LANGUAGE.fullmatch(language) or not isinstance(text, str):
            yield f"{at}: {language}"


def _object(value: Any, at: str, *, may_nest: bool) -> Iterator[str]:
    match value:
        case {"objectType": "Agent" | "Group"}:
            yield from _agent_or_group(value, at)
        case {"objectType": "StatementRef", "id": str()}:
            yield from _only(value, at, {"objectType", "id"})
        case {"objectType": "SubStatement"} if may_nest:
            inner = STATEMENT - {"id", "stored", "version", "authority"} | {"objectType"}
            yield from _statement(value, at, inner)
        case {"id": identity}:
            yield from _only(value, at, {"objectType", "id", "definition"})
            yield from _iri(identity, f"{at}.id")
            definition = value.get("definition", {})
            yield from _extensions(definition, f"{at}.definition")
            for name in ("name", "description"):
                yield from _words(definition.get(name, {}), f"{at}.definition.{name}")
            for name in ("type", "moreInfo"):
                if name in definition:
                    yield from _iri(definition[name], f"{at}.definition.{name}")
        case _:
            yield f"{at}: no object of a statement"


def _extensions(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{at}: no object"
        return
    yield from (f"{at}.{name}: null" for name, item in value.items() if item is None)
    for name in value.get("extensions", {}):
        yield from _iri(name, f"{at}.extensions")


def _context(value: Any, at: str) -> Iterator[str]:
    yield from _only(
        value,
        at,
        {
            *("registration", "instructor", "team", "contextActivities", "revision", "platform", "language"),
            *("statement", "extensions"),
        },
    )
    for name in ("instructor", "team"):
        if name in value:
            yield from _agent_or_group(value[name], f"{at}.{name}")
    for kind, activities in value.get("contextActivities", {}).items():
        for number, activity in enumerate(activities):
            yield from _object(activity, f"{at}.contextActivities.{kind}[{number}]", may_nest=False)
    yield from _extensions(value, at)
