"""The engine names nothing of the platform: what it knows of the other apps it is told by their rules, or by the host.

A name in the engine is a promise that nobody keeps: rename the table, and it looks past it without a sound.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings

from purge.host import get_host
from purge.rules.registry import get_registry

ROOT = Path(settings.BASE_DIR)
OTHERS = ("connectors", "learning", "lms_purge", "messaging", "users")
#: Kinds of accounts, states of people and holders, as the platform spells them; and the work that a purge leaves there.
STATES = frozenset({"enterprise", "trial", "system", "active", "deleted", "purging", "current", "former"})
FACTS = ("connector_disabled", "webhook_disabled", "session_without_instructor", "unique_id_emptied")

#: Not read: what is no code (README.md shows how an app declares its rules), and what is history.
SKIPPED = ("migrations",)

#: Words of the engine's own that look like one of the platform's. File → word → why.
ALLOWED = {
    "purge/host.py": {
        **dict.fromkeys(STATES, "the port is where these words are declared"),
        "users_in_account": "a question that the port asks",
    },
    "purge/services/checking.py": {
        "users_in_account": "a question that the port asks",
        "active": "the code of a refusal",
    },
    "purge/services/looking_up/words.py": dict.fromkeys(("active", "deleted"), "the place of a number in a sentence"),
    "purge/management/commands/purge_submit.py": {"active": "why somebody was left out of a batch"},
    "purge/management/selecting.py": {"users": "a key of the command's JSON"},
    "purge/management/commands/purge_preview.py": {"users": "a key of the command's JSON"},
    "purge/management/commands/purge_journal.py": {"users_who_are_back": "a key of the command's JSON"},
    "purge/journal/noticing.py": {"system": "PostgreSQL's word for the number of a cluster"},
    "purge/database/identity.py": {"system": "PostgreSQL's word for the number of a cluster"},
    "purge/database/postgresql.py": {"system": "PostgreSQL's word for the number of a cluster"},
    **{
        f"templates/purge/{name}.html": {"lms_purge": "the site's style sheet and script, which its templates load"}
        for name in ("base", "notice_list", "request", "request_list")
    },
}


@cache
def patterns() -> list[str]:
    names = "|".join(OTHERS)
    models = [model for label in OTHERS for model in apps.get_app_config(label).get_models(include_auto_created=True)]
    # A name of one word (Session, Account) is English, too.
    compound = sorted({model.__name__ for model in models if re.fullmatch(r"([A-Z][a-z]+){2,}", model.__name__)})
    tables = sorted({model._meta.db_table for model in models} | {settings.CACHES["default"]["LOCATION"]})
    return [
        rf"\b(?:{names})\.\w+",  # a path, a model's label
        rf"\b(?:{names})_\w+",  # a table, a page
        rf"(?:from|import)\s+(?:{names})\b",
        rf"[\"'](?:{names})(?=[\"'/])",  # an app's label, a folder of its own
        r"\blms_\w+",
        r"\badmin:(?!purge_|index\b)\w+",
        rf"\b(?:{'|'.join([*compound, *tables, *FACTS])})\b",
        r"[\"']people/",  # the folder of a person's files
    ]


def named(path: str, text: str) -> Iterator[str]:
    """What a file names of the platform: every match in code, comments and docstrings, and states as texts."""
    for pattern in patterns():
        yield from (match.group().strip("\"'") for match in re.finditer(pattern, text))
    if path.endswith(".py"):
        values = (node.value for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Constant))
        yield from (value for value in values if isinstance(value, str) and value in STATES)
    else:
        yield from (found for found in re.findall(r"[\"'](\w+)[\"']", text) if found in STATES)


def files() -> list[str]:
    found = [*(ROOT / "purge").rglob("*.py"), *(ROOT / "templates" / "purge").rglob("*.html")]
    relative = [path.relative_to(ROOT) for path in found]
    return sorted(str(path) for path in relative if not set(SKIPPED) & set(path.parts))


@pytest.mark.parametrize("path", files())
def test_no_file_of_the_engine_names_anything_of_the_platform(path: str) -> None:
    allowed = ALLOWED.get(path, {})
    assert sorted({word for word in named(path, (ROOT / path).read_text()) if word not in allowed}) == []


@pytest.mark.parametrize("path", sorted(ALLOWED))
def test_what_is_allowed_is_there(path: str) -> None:
    assert set(ALLOWED[path]) <= set(named(path, (ROOT / path).read_text()))


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('OPAQUE = {("users_session", "session_data"): signed}', "users_session"),
        ('link_to("admin:users_deleteduser_changelist")', "users_deleteduser_changelist"),
        ('link_to("admin:cleanup_recipients")', "admin:cleanup_recipients"),
        ('line.key.startswith("users.ImportLog#files")', "users.ImportLog"),
        ('STOP = "connectors.services.connectors_stop"', "connectors.services"),
        ('WORDS = {"connector_disabled": "Connector has stopped"}', "connector_disabled"),
        ('if state == "purging":', "purging"),
        ('account.kind == "trial"', "trial"),
        ('ExemptTable("lms_cache", "why")', "lms_cache"),
        ("from messaging import services", "from messaging"),
        ('apps.get_app_config("learning")', "learning"),
        ('f"people/{public_id}"', "people/"),
        ("# as the SessionInstructor does", "SessionInstructor"),
    ],
)
def test_each_kind_of_name_is_found(line: str, found: str) -> None:
    source = line if not line.startswith("if") else f"{line} pass"
    assert found in set(named("purge/example.py", source))


@pytest.mark.parametrize(
    "line",
    ['_("All their learning records")', "# The users. Their rows", 'reverse("admin:purge_purgerequest_change")'],
)
def test_english_and_names_of_its_own_are_none(line: str) -> None:
    assert list(named("purge/example.py", line)) == []


def test_the_words_are_those_of_the_platform() -> None:
    from purge.host import HolderKind, PersonState, TenantKind
    from users.models import AccountKind, UserState

    assert {*AccountKind.values, *UserState.values} <= STATES
    assert {*map(str, TenantKind)} == {*AccountKind.values}
    assert {*map(str, PersonState)} == {*UserState.values}
    assert get_host().file_prefix("7") == "people/7"
    assert {kind for kind, each in get_registry().consequences.items() if each.path} == {*FACTS}
    assert {*map(str, [*TenantKind, *PersonState, *HolderKind])} == STATES
