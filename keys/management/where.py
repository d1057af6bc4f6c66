"""Where the commands look for the keys: the same places as the settings, which need not be complete yet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from keys.folder import read_variables

VAR = Path(__file__).resolve().parent.parent.parent / "var"


def default_folder() -> Path:
    return Path(os.environ.get("LMS_KEYS") or VAR / "keys")


def add_folder(parser: CommandParser) -> None:
    parser.add_argument("--folder", type=Path, help="the folder of keys (default: LMS_KEYS, else var/keys)")


def chosen_folder(options: dict[str, Any]) -> Path:
    return Path(options["folder"] or default_folder())


def earlier_keys() -> dict[str, str]:
    """The keys that ./run of earlier versions made, in one file."""
    return read_variables(VAR / "keys.env")
