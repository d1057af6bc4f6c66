"""The project's own words: of nobody in particular, and no document points at what is not there."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
GENDERED = re.compile(r"(?<![\w/-])(he|him|his|himself|she|her|hers|herself)(?![\w-])", re.IGNORECASE)
#: Not the project's words: this file, a changelog of what once was, measurements.
LEFT_OUT = ("tests/", "CHANGELOG.md", "bench/results/", "requirements")


def written(*endings: str) -> list[str]:
    """Names of the project's files, without what git does not keep."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        name
        for name in listed.stdout.split()
        if name.endswith(endings) and not name.startswith(LEFT_OUT) and (ROOT / name).is_file()
    ]


def gendered(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if GENDERED.search(line)]


def test_a_gendered_word_is_found():
    assert gendered('_("Take him out.")\nthe other\n"hers/his"') == ['_("Take him out.")', '"hers/his"']


@pytest.mark.parametrize("name", written(".py", ".html", ".md", ".js"))
def test_nobody_is_taken_for_a_man_or_a_woman(name):
    assert gendered((ROOT / name).read_text()) == []


@pytest.mark.parametrize("name", written(".md"))
def test_a_document_names_files_that_are_there(name):
    text = (ROOT / name).read_text()
    linked = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in linked if not ((ROOT / name).parent / link).exists()] == []
    # What a table of folders or of questions names stands under the root, or beside the document.
    quoted = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text)
    places = (ROOT, (ROOT / name).parent)
    tops = {path.name for path in ROOT.iterdir()}
    named = [path for path in quoted if path.split("/")[0] in tops and path.split("/")[0] != "var"]
    assert [path for path in named if not any((place / path).exists() for place in places)] == []
