"""Catalogues as they lie in the tree: what translators write (.po), and what the site reads (.mo)."""

from __future__ import annotations

import ast
import gettext
import re
from dataclasses import dataclass, field
from pathlib import Path

LOCALE = Path(__file__).parents[2] / "locale"
LANGUAGES = sorted(path.name for path in LOCALE.iterdir())
WORD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr(?:\[\d\])?) (".*")$')


@dataclass
class Message:
    """One entry: ``words`` are its keys, such as "msgid" and "msgstr[0]", and their texts."""

    flags: list[str] = field(default_factory=list)
    words: dict[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> tuple[str, ...]:
        """What the source asks for: the context, the English words, the English plural."""
        return tuple(self.words.get(key, "") for key in ("msgctxt", "msgid", "msgid_plural"))

    @property
    def said(self) -> list[str]:
        return [text for key, text in self.words.items() if key.startswith("msgstr")]


def messages(language: str, locale: Path = LOCALE) -> list[Message]:
    """All entries but the head."""
    found: list[Message] = []
    for block in (locale / language / "LC_MESSAGES" / "django.po").read_text().split("\n\n"):
        message, key = Message(), ""
        for line in block.strip().splitlines():
            if line.startswith("#"):
                message.flags.append(line)
            elif match := WORD.match(line):
                key = match.group(1)
                message.words[key] = ast.literal_eval(match.group(2))
            else:
                message.words[key] += ast.literal_eval(line)
        found.append(message)
    return [each for each in found if each.words.get("msgid")]


def compiled(language: str) -> dict[object, str]:
    with (LOCALE / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        return gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
