"""Files in a folder, or in whatever else keeps one content under a name."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from django.core.files.storage import Storage


@dataclass(frozen=True)
class FolderLook:
    storage: Storage

    def under(self, folder: str) -> Iterator[str]:
        for inner in self.folders_under(folder):
            for name in self.storage.listdir(inner)[1]:
                yield f"{inner}/{name}"

    def has_folder(self, folder: str) -> bool:
        return self.storage.exists(folder)

    def left_of(self, names: Collection[str]) -> set[str]:
        return {name for name in names if self.storage.exists(name)}

    def folders_under(self, folder: str) -> Iterator[str]:
        """A folder and all in it, outer ones first; none where a storage knows objects only and holds none."""
        folders = [folder]
        while folders:
            folder = folders.pop()
            try:
                inner, names = self.storage.listdir(folder)
            except (FileNotFoundError, NotADirectoryError):
                continue
            if inner or names or self.storage.exists(folder):
                yield folder
            folders += [f"{folder}/{name}" for name in inner if name]
