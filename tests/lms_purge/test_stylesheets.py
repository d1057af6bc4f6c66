"""A stylesheet lays a thing out once: a name that two pages use for two things lays out both anew."""

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

STYLESHEETS = sorted(Path(settings.BASE_DIR, "lms_purge", "static").rglob("*.css"))


def laid_out_in(css):
    """Selectors outside any condition, by the number of blocks that say how their contents are laid out."""
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    depth, begin, found, names = 0, 0, Counter(), ""
    for at, sign in enumerate(css):
        if sign == "{":
            if depth == 0:
                names, begin = css[begin:at].strip(), at + 1
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                if not names.startswith("@") and re.search(r"(^|;)\s*display:", css[begin:at]):
                    found.update(" ".join(each.split()) for each in names.split(","))
                begin = at + 1
    return found


@pytest.mark.parametrize("stylesheet", STYLESHEETS, ids=lambda path: path.name)
def test_each_name_is_laid_out_once(stylesheet):
    found = laid_out_in(stylesheet.read_text())
    assert len(found) > 3
    assert [selector for selector, times in found.items() if times > 1] == []


def test_a_second_layout_is_found():
    css = (
        ".a, .b { display: flex; }\n/* .a {} */ .a { c: d; display: grid }\n.b { e: f }\n"
        "@media print { .b { display: none } }"
    )
    assert laid_out_in(css) == {".a": 2, ".b": 1}
