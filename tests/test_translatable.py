"""Every word that a reader sees can be translated: templates mark theirs, and so do the rules."""

import re
from pathlib import Path

import pytest

from purge.registry import get_registry

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
    for app in ("users", "learning", "messaging", "connectors", "purge"):
        source = (ROOT / app / "purge_rules.py").read_text()
        marked = set(re.findall(r'_\(\s*"([^"]+)"\s*\)', source))
        nouns = {
            entry.rules.noun
            for entry in get_registry().ordered
            if entry.model._meta.app_label == app or (app == "purge" and entry.model.__module__.startswith("django"))
        }
        assert nouns <= marked, nouns - marked
