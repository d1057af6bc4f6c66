"""The files that are stored under a person's own prefix."""

from __future__ import annotations

from collections.abc import Iterator

from django.core.files.storage import default_storage

from purge.host import get_host


def files_under(public_id: str) -> Iterator[str]:
    """Names of all files stored under a person's prefix, at any depth."""
    for folder in folders_under(public_id):
        for name in default_storage.listdir(folder)[1]:
            yield f"{folder}/{name}"


def folders_under(public_id: str) -> Iterator[str]:
    """A person's folder and all in it, outer ones first; none where a storage knows objects only and holds none."""
    folders = [get_host().file_prefix(public_id)]
    while folders:
        folder = folders.pop()
        try:
            inner, names = default_storage.listdir(folder)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if inner or names or default_storage.exists(folder):
            yield folder
        folders += [f"{folder}/{name}" for name in inner if name]
