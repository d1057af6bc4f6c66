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
