"""Every word that a reader sees can be translated: templates mark theirs, and so do rules and all Python; scripts have
none."""

import ast
import re
from pathlib import Path

import pytest

from purge.rules.declarations import Reasoned
from purge.rules.registry import get_registry

ROOT = Path(__file__).parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))

#: What is no text: comments, marked text, tags, variables, scripts, HTML tags and entities.
NO_TEXT = (
    r"{#.*?#}",
    r"{% comment.*?endcomment %}",
    r"{% block (bodyclass|dark-mode-vars|coltype) %}.*?{% endblock[^%]*%}",
    r"{% blocktranslate.*?endblocktranslate %}",
    r"<(script|style|svg)\b.*?</\1>",
    r"{%.*?%}",
    r"{{.*?}}",
    r"<!--.*?-->",
    r"<[^>]*>",
    r"&\w+;",
)
#: Names, which are the same in every language.
NAMES = {"LMS Purge", "PUR", "CSV", "E"}
ATTRIBUTES = re.compile(r'\b(?:title|alt|aria-label|placeholder)="([^"{]*[A-Za-z]{3}[^"{]*)"')


def untranslated(text: str) -> list[str]:
    found = [match for match in ATTRIBUTES.findall(text) if not match.startswith("PUR-")]
    for pattern in NO_TEXT:
        text = re.sub(pattern, " ", text, flags=re.DOTALL)
    found += [line.strip() for line in text.splitlines() if re.search(r"[^\W\d_]{2}", line)]
    return [words for words in found if words not in NAMES]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_templates_mark_their_words(template):
    assert untranslated(template.read_text()) == []


def test_the_search_finds_what_is_not_marked():
    assert untranslated('<p title="Some words">Plain words</p>{% translate "marked" %}') == [
        "Some words",
        "Plain words",
    ]


def test_the_rules_mark_what_they_call_their_rows():
    marked = {
        word
        for source in (*ROOT.glob("*/purge_rules.py"), *ROOT.glob("users/*/*_rules.py"))
        for word in re.findall(r'_\(\s*"([^"]+)"\s*\)', re.sub(r'"\n\s+"', "", source.read_text()))
    }
    nouns = {entry.rules.noun for entry in get_registry().ordered}
    reasons = {column.rule.reason for column in get_registry().columns() if isinstance(column.rule, Reasoned)}
    reasons |= {exempt.reason for exempt in get_registry().exemptions}
    assert (len(nouns) > 50, len(reasons) > 50) == (True, True)
    assert nouns | reasons <= marked, (nouns | reasons) - marked


# ---------------------------------------------------------------- Python

APPS = ("connectors", "learning", "lms_purge", "messaging", "purge", "users")
#: Keywords and class attributes whose text a reader sees.
SHOWN = {
    "description",
    "empty_label",
    "help_text",
    "label",
    "search_help_text",
    "short_description",
    "subtitle",
    "title",
    "verbose_name",
    "verbose_name_plural",
}
#: Calls whose text a reader sees.
SAYING = {"ValidationError", "ServiceError", "PurgeRefused", "SelectionChanged", "UserFrozen", "add_error"}
SAYING_OF_MESSAGES = {"debug", "info", "success", "warning", "error", "add_message", "message_user"}


def is_words(node: ast.AST) -> bool:
    """A text of its own, in which at least one word is written out: not a code such as "taken"."""
    text = node.values[0] if isinstance(node, ast.JoinedStr) and node.values else node
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return False
    return bool(re.search(r"[^\W\d_]{2,}", text.value)) and (" " in text.value.strip() or text.value[:1].isupper())


def name_of(function: ast.AST) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def unmarked(source: str) -> list[tuple[int, str]]:
    """(line, text) of what readers see and translators do not."""
    found = []
    for node in ast.walk(ast.parse(source)):
        shown = []
        if isinstance(node, ast.Call):
            shown = [keyword.value for keyword in node.keywords if keyword.arg in SHOWN]
            name = name_of(node.func)
            of_messages = isinstance(node.func, ast.Attribute) and name_of(node.func.value) in ("messages", "self")
            if name in SAYING or (name in SAYING_OF_MESSAGES and of_messages):
                shown += node.args
        elif isinstance(node, ast.Assign):
            names = {name_of(target) for target in node.targets}
            shown = [node.value] if names & SHOWN else []
        elif isinstance(node, ast.ClassDef) and any("Choices" in name_of(base) for base in node.bases):
            values = [each.value for each in node.body if isinstance(each, ast.Assign)]
            shown = [value.elts[1] for value in values if isinstance(value, ast.Tuple)]
        elif isinstance(node, ast.Dict):
            keys = [key.value if isinstance(key, ast.Constant) else "" for key in node.keys]
            shown = [value for key, value in zip(keys, node.values, strict=True) if key in SHOWN]
        found += [(each.lineno, ast.unparse(each)) for each in shown if is_words(each)]
    found = [(line, text) for line, text in found if text.strip("'") not in NAMES]
    return found


def sources() -> list[Path]:
    files = [path for app in APPS for path in sorted((ROOT / app).rglob("*.py"))]
    # The demonstration's texts are data: what people of an imagined company typed.
    return [path for path in files if not {"migrations", "commands", "demo.py"} & set(path.parts)]


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_python_marks_its_words(path):
    assert unmarked(path.read_text()) == []


def test_the_search_finds_what_python_does_not_mark():
    source = """
class Kind(models.TextChoices):
    ONE = "one", "The first"
    TWO = "two", _("The second")
name = models.CharField("code", verbose_name="A name", help_text=_("Marked"))
raise ValidationError("Not marked", code="taken")
messages.success(request, f"Done with {n}")
context = {"title": "A page", "name": "data here"}
verbose_name = "Thing"
"""
    assert [text for _line, text in sorted(unmarked(source))] == [
        "'The first'",
        "'A name'",
        "'Not marked'",
        "f'Done with {n}'",
        "'A page'",
        "'Thing'",
    ]


# ---------------------------------------------------------------- scripts


def words_in_script(text: str) -> list[str]:
    """Texts of a script that look like words. It has none of its own: the page hands it what to say."""
    text = re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE)
    texts = re.findall(r"\"((?:[^\"\\]|\\.)*)\"|'((?:[^'\\]|\\.)*)'", text)
    return [
        words for pair in texts for words in pair if re.search(r"^[A-Z]?[a-z]+ [a-z]+", words) if words != "use strict"
    ]


@pytest.mark.parametrize("script", sorted((ROOT / "lms_purge" / "static").rglob("*.js")), ids=lambda path: path.name)
def test_scripts_have_no_words(script):
    assert words_in_script(script.read_text()) == []


def test_the_search_finds_words_in_scripts():
    assert words_in_script('say("Only fifty people"); find("a.b > c"); "use strict";') == ["Only fifty people"]
