"""Each catalogue has all that the source says, and nothing that it does not say any more."""

import os
import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.languages.catalogues import LANGUAGES, messages
from tools.messages import LEFT_OUT, TAKING_OUT

ROOT = Path(settings.BASE_DIR)
#: Where continuous integration demands a browser, it has installed gettext as well.
DEMANDED = os.environ.get("REQUIRE_BROWSER", "") not in {"", "0"}
MENDED_BY = "python -m tools.dev messages, then say what is new in locale/%s/LC_MESSAGES/django.po"


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> set[tuple[str, ...]]:
    """What makemessages takes out of the tree as it stands; the tree itself is left alone."""
    if not shutil.which("xgettext") and not DEMANDED:
        pytest.skip("needs gettext: sudo apt-get install gettext")
    folder = tmp_path_factory.mktemp("source")
    (folder / "locale").mkdir()
    for path in ROOT.iterdir():
        if path.name not in {"locale", *LEFT_OUT} and not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(settings, "LOCALE_PATHS", [])
        call_command("makemessages", *TAKING_OUT, locale=["xx"], symlinks=True, verbosity=0)
    return {each.asked for each in messages("xx", folder / "locale")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_has_what_the_source_says(source, language):
    catalogue = {each.asked for each in messages(language)}
    assert source - catalogue == set(), f"Missing: {MENDED_BY % language}"
    assert catalogue - source == set(), f"Not said any more: {MENDED_BY % language}"


def test_the_source_is_read_whole(source):
    """A page, a script's words, a model, a plural: each kind of place where words stand."""
    assert len(source) > 2_000
    assert {
        ("", "Select Deletion Month", ""),
        ("", "Purge request %(reference)s accepted. We’ll notify you when it’s complete.", ""),
        ("", "Date deleted", ""),
        ("", "%(n)d person was purged.", "%(n)d people were purged."),
    } <= source


def test_no_words_hide_within_an_f_string():
    """Where gettext of some versions does not look."""
    hidden = [
        str(path.relative_to(ROOT))
        for app in ("connectors", "learning", "lms_purge", "messaging", "purge", "users")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"""\{(?:_|n?gettext)\(['"]""", path.read_text())
    ]
    assert hidden == []
