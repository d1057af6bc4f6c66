"""The one folder of keys: a file for each, readable by its owner alone. Standard library only.

The tools use it before anything is installed, the settings before Django is set up.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import stat
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: Shorter ones can be guessed.
SHORTEST: Final = 32


class UnsafeFolder(Exception):
    """The folder, or a file in it, is open to others, or cannot be read. The text is one sentence for an operator."""


def _random_text() -> str:
    return secrets.token_urlsafe(48)


def _fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def _is_long(text: str) -> bool:
    return len(text) >= SHORTEST


def _is_fernet_key(text: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(text.encode("ascii"))) == 32
    except ValueError:
        return False


@dataclass(frozen=True)
class Key:
    """One of the installation's keys.

    ``file``: its name in the folder; the first line is the key in use, further lines are earlier ones that are still
    understood. ``variable``: the environment variable that goes before the file. ``rotates``: whether it may have
    earlier ones. ``lost``: what a loss of it means, for whoever makes a backup.
    """

    file: str
    variable: str
    make: Callable[[], str]
    is_good: Callable[[str], bool]
    rotates: bool
    lost: str


SECRET: Final = Key(
    "secret_key",
    "SECRET_KEY",
    _random_text,
    _is_long,
    rotates=True,
    lost="everybody signs in anew, and links in mails that are not used yet end; nothing else is lost",
)
HASH: Final = Key(
    "hash_key",
    "PURGE_HASH_KEY",
    _random_text,
    _is_long,
    rotates=False,
    lost="nobody can say any more whether somebody was purged, and no open request completes",
)
ENCRYPTION: Final = Key(
    "encryption_key",
    "LMS_ENCRYPTION_KEYS",
    _fernet_key,
    _is_fernet_key,
    rotates=True,
    lost="what connectors, webhooks and identity providers sign in with has to be typed anew",
)
KEYS: Final = (SECRET, HASH, ENCRYPTION)

BACKUP: Final = "Keep a copy of this folder apart from the backups of the database: either is useless to a thief alone."


def read(folder: Path) -> dict[str, list[str]]:
    """File name → its lines, of the keys that are there; empty where there is no folder.

    Raises :class:`UnsafeFolder` where others than its owner can read or change the folder or a file in it.
    """
    if not folder.exists():
        return {}
    _refuse_open(folder)
    return {key.file: lines for key in KEYS if (lines := _lines(folder / key.file))}


def value_of(key: Key, folder_keys: Mapping[str, list[str]], environ: Mapping[str, str]) -> list[str]:
    """The lines of a key: the environment's, else the folder's."""
    return split(key, environ.get(key.variable, "")) or folder_keys.get(key.file, [])


def split(key: Key, text: str) -> list[str]:
    """What a variable holds: one key, or of those for encryption several with commas between them."""
    if key is ENCRYPTION:
        return [part.strip() for part in text.split(",") if part.strip()]
    return [text] if text else []


def read_variables(file: Path) -> dict[str, str]:
    """Variable → value of a file of such lines, in which earlier versions of ./run kept the keys."""
    if not file.is_file():
        return {}
    pairs = (line.partition("=") for line in file.read_text().splitlines() if not line.startswith("#"))
    return {name: value for name, _equals, value in pairs if value}


def make_missing(folder: Path, given: Mapping[str, str] | None = None, *, but: Collection[Key] = ()) -> list[Key]:
    """Make the keys that the folder does not have yet; those made, in order. What is there is never changed.

    ``given``: variable → value of keys that exist already and are taken over as they are. ``but``: none of these.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    present = read(folder)
    made = []
    for key in KEYS:
        if key.file in present or key in but:
            continue
        _write(folder / key.file, split(key, (given or {}).get(key.variable, "")) or [key.make()])
        made.append(key)
    return made


def begin_new(folder: Path, key: Key) -> None:
    """Put a new key before the ones that a file holds: from now on it is the one in use, the others are understood."""
    _write(folder / key.file, [key.make(), *read(folder).get(key.file, [])])


def drop_earlier(folder: Path, key: Key) -> int:
    """Leave only the key in use in a file; how many went."""
    lines = read(folder).get(key.file, [])
    if len(lines) > 1:
        _write(folder / key.file, lines[:1])
    return max(0, len(lines) - 1)


def problems(folder: Path, environ: Mapping[str, str]) -> list[str]:
    """What is wrong with the keys that a start with this environment would use, a sentence each."""
    try:
        present = read(folder)
    except UnsafeFolder as trouble:
        return [str(trouble)]
    found = []
    used: dict[str, str] = {}
    for key in KEYS:
        lines = value_of(key, present, environ)
        if not lines:
            found.append(f"{key.variable} is missing: there is no {folder / key.file}, and the variable is not set.")
            continue
        if not all(map(key.is_good, lines)):
            found.append(f"{key.variable} is no good key: make one with manage.py keys_make in an empty folder.")
        if len(lines) > 1 and not key.rotates:
            found.append(f"{key.variable} has more than one line: put back the one key that it had.")
        if environ.get(key.variable) and key.file in present and lines != present[key.file]:
            found.append(f"{key.variable} is set and differs from {folder / key.file}: the variable is used.")
        other = next((name for line in lines if (name := used.get(line))), None)
        if other is not None:
            found.append(f"{key.variable} and {other} are the same: each key has a purpose of its own.")
        used |= dict.fromkeys(lines, key.variable)
    return found


def fingerprint(line: str) -> str:
    """Eight characters that tell one key from another, and nothing of either: to compare with a backup."""
    return hashlib.sha256(b"lms-purge key " + line.encode()).hexdigest()[:8]


def _refuse_open(path: Path) -> None:
    """Only its owner: whoever can read a key can do everything that it is for."""
    if os.name == "nt":
        return
    try:
        found = path.stat()
    except OSError:
        raise UnsafeFolder(f"{path} cannot be looked at: give it to the user who runs the site.") from None
    if stat.S_IMODE(found.st_mode) & 0o077:
        right = "700" if path.is_dir() else "600"
        raise UnsafeFolder(
            f"Others can read {path}: type chmod {right} {path}, and make new keys if somebody may have."
        )


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_text(encoding="ascii")
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        raise UnsafeFolder(f"{file} cannot be read: give it to the user who runs the site.") from None
    _refuse_open(file)
    return [line.strip() for line in text.splitlines() if line.strip()]


def _write(file: Path, lines: list[str]) -> None:
    """So that nobody else can read it at any moment, and a crash leaves the old file or the new one."""
    fresh = file.with_name(f"{file.name}.{os.getpid()}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write("".join(f"{line}\n" for line in lines))
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(file)
