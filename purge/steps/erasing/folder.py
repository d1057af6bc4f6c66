"""Files in a folder, or in whatever else keeps one content under a name."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass

from django.core.files.storage import Storage


@dataclass(frozen=True)
class InFolder:
    """Nothing stays here: what cannot be deleted raises."""

    storage: Storage

    def erase(self, names: Collection[str]) -> None:
        for name in names:
            self.storage.delete(name)

    def erase_under(self, folder: str) -> None:
        try:
            inner, names = self.storage.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in names:
            self.storage.delete(f"{folder}/{name}")
        for name in filter(None, inner):
            self.erase_under(f"{folder}/{name}")
        # Somebody may have put a file into it just now: the next look finds that.
        with contextlib.suppress(OSError):
            self.storage.delete(folder)
