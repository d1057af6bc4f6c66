"""The plan of the house: how many files lie on one level, and that no two modules import each other in a ring."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

APPS = ("connectors", "keys", "learning", "lms_purge", "messaging", "purge", "users")
ROOT = Path(settings.BASE_DIR)
#: Files of one level that anybody still takes in at a look.
MOST_FILES = 12


def folders() -> Iterator[Path]:
    for app in APPS:
        yield from (path.parent for path in sorted((ROOT / app).rglob("__init__.py")))


@pytest.mark.parametrize("folder", list(folders()), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_level_has_at_most_twelve_files(folder: Path) -> None:
    # One file for each migration and for each command is what Django asks for.
    if folder.name in ("migrations", "commands"):
        return
    files = sorted(path.name for path in folder.glob("*.py"))
    assert len(files) <= MOST_FILES, f"{folder.relative_to(ROOT)} has {len(files)} files: make rooms of it"


def modules() -> dict[str, Path]:
    found = {}
    for app in APPS:
        for path in (ROOT / app).rglob("*.py"):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path
    return found


def imports(path: Path, names: set[str]) -> set[str]:
    """The modules that a file imports when it is imported itself: not for types alone, not within a function."""
    found = set()
    pending: list[ast.AST] = [ast.parse(path.read_text())]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {
                inner if (inner := f"{node.module}.{alias.name}") in names else node.module for alias in node.names
            }
        pending += ast.iter_child_nodes(node)
    return found & names


def ring(graph: dict[str, set[str]]) -> list[str]:
    """Some modules that import each other in a ring, in order; empty when there are none."""
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module not in done:
            for following in sorted(graph[module]):
                if found := walk(following, [*way, module]):
                    return found
            done.add(module)
        return []

    return next((found for module in sorted(graph) if (found := walk(module, []))), [])


def test_a_ring_is_found():
    assert ring({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert ring({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_modules_import_each_other_in_a_ring():
    paths = modules()
    names = set(paths)
    graph = {name: imports(path, names) - {name} for name, path in paths.items()}
    assert ring(graph) == []


def asks_which_database(source: str) -> list[int]:
    """The lines that ask a connection what it is, or name one of the two."""
    return [
        node.lineno
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and node.attr in ("vendor", "display_name"))
        or (isinstance(node, ast.Constant) and node.value in ("postgresql", "sqlite"))
    ]


def test_which_database_it_is_is_asked_in_one_room():
    """Whoever needs SQL that one of them does not know says it in both languages (purge/database/dialect.py)."""
    asking = {
        str(path.relative_to(ROOT)): lines
        for path in sorted((ROOT / "purge").rglob("*.py"))
        if "migrations" not in path.parts and (lines := asks_which_database(path.read_text()))
    }
    assert {name.rpartition("/")[0] for name in asking} == {"purge/database"}, asking
    assert [name for name in asking if name.endswith("__init__.py")] == ["purge/database/__init__.py"]


@pytest.mark.parametrize(
    "source", ['if connection.vendor == "sqlite": pass', 'which = connections["a"].vendor', 'KIND = "postgresql"']
)
def test_such_a_question_is_noticed(source: str) -> None:
    assert asks_which_database(source)


# ---------------------------------------------------------------- tests beside what they test

TESTS = ROOT / "tests"
#: Rooms whose tests lie in the room of those who use them, or with the pages of all apps.
TESTED_IN = {
    "purge/admin": "tests/admin/test_requests.py",
    "purge/pages": "tests/admin/test_requests.py",
    "purge/sandbox": "tests/purge/steps/test_opened_files.py",
    "purge/templatetags": "tests/admin/test_requests.py",
    "lms_purge/backoffice": "tests/admin/test_home.py",
    "lms_purge/formats": "tests/admin/test_home.py",
    "lms_purge/cleanup": "tests/admin/test_cleanup_purge.py",
    "learning/models": "tests/learning/test_enrolments.py",
    "purge/models": "tests/purge/test_standing.py",
    "users/models": "tests/users/test_models.py",
}
#: Folders of tests that belong to no room: what a purge must have done, by hand; commands by the apps' own name.
NO_ROOMS = {"tests/purge/expected", "tests/purge/commands", "tests/users/commands"}


def rooms() -> list[str]:
    """The packages within the apps; their inner ones are tested with them."""
    return [
        f"{app}/{path.parent.name}"
        for app in APPS
        for path in sorted((ROOT / app).glob("*/__init__.py"))
        if path.parent.name not in ("migrations", "management")
    ]


@pytest.mark.parametrize("room", rooms())
def test_a_room_has_its_tests_in_a_folder_of_its_name(room: str) -> None:
    if room in TESTED_IN:
        assert (ROOT / TESTED_IN[room]).is_file()
    else:
        assert list((TESTS / room).glob("test_*.py")), f"no tests in tests/{room}"


def test_a_folder_of_tests_is_named_like_a_room() -> None:
    folders = {
        str(path.parent.relative_to(ROOT)) for app in APPS for path in (TESTS / app).glob("*/__init__.py")
    } - NO_ROOMS
    assert {folder for folder in folders if not (ROOT / folder.removeprefix("tests/")).is_dir()} == set()


def functions_of_tests(root: Path) -> set[str]:
    """path::name of every test function, as it stands in the files."""
    found = set()
    for path in root.glob("tests/**/test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
                found.add(f"{path.relative_to(root)}::{node.name}")
    return found


def renamed() -> dict[str, str]:
    lines = (TESTS / "renamed.txt").read_text().splitlines()
    pairs = (line.partition(" -> ") for line in lines if line and not line.startswith("#"))
    return {old: new for old, _arrow, new in pairs}


def follow(test: str, names: dict[str, str]) -> str:
    file, _colons, name = test.partition("::")
    return names.get(test) or f"{names.get(file, file)}::{name}"


def test_every_test_of_the_first_release_is_there_or_on_the_list_of_new_names() -> None:
    names, there = renamed(), functions_of_tests(ROOT)
    first = (TESTS / "data" / "tests_of_the_first_release.txt").read_text().split()
    assert len(first) == 851
    assert [test for test in first if follow(test, names) not in there] == []
