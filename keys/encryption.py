"""Texts encrypted under the installation's encryption keys: Fernet (AES-128-CBC with HMAC-SHA256), with rotation.

The first key of ``LMS_ENCRYPTION_KEYS`` encrypts, all of them decrypt. A database, or a backup of it, is of no use
without the keys, which lie outside of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from purge.fields import Unreadable

#: What a stored value begins with, so that one from before encryption is told from one under it.
MARK: Final = "fernet:"
HINT: Final = "Put the folder of keys (LMS_KEYS) back from its backup, or make one: manage.py keys_make."


class EncryptionKeyMissing(Unreadable):
    """There is no key to encrypt or decrypt with."""

    def __init__(self) -> None:
        super().__init__(f"The key for stored secrets is missing. {HINT}")


class SecretUnreadable(Unreadable):
    """A stored secret was encrypted with a key that is not here, or was tampered with."""

    def __init__(self) -> None:
        super().__init__(f"A stored secret cannot be read: its key is not among LMS_ENCRYPTION_KEYS. {HINT}")


def encrypt(text: str) -> str:
    """A stored form of a text, another one each time. Raises :class:`EncryptionKeyMissing`."""
    return MARK + _fernet().encrypt(text.encode("utf-8", "surrogatepass")).decode()


def decrypt(stored: str) -> str:
    """The text; a value from before encryption as it is.

    Raises :class:`EncryptionKeyMissing`, :class:`SecretUnreadable`.
    """
    if not is_encrypted(stored):
        return stored
    try:
        return _fernet().decrypt(stored.removeprefix(MARK)).decode("utf-8", "surrogatepass")
    except InvalidToken:
        raise SecretUnreadable from None


def is_encrypted(stored: str) -> bool:
    return stored.startswith(MARK)


def needs_rotation(stored: str) -> bool:
    """Whether a value is not encrypted with the key in use. Raises as :func:`decrypt` does."""
    if not is_encrypted(stored):
        return True
    try:
        Fernet(_keys()[0]).decrypt(stored.removeprefix(MARK))
    except InvalidToken:
        decrypt(stored)
        return True
    return False


def require_key() -> None:
    """Raise :class:`EncryptionKeyMissing` where nothing can be encrypted."""
    _keys()


def _keys() -> tuple[str, ...]:
    keys = tuple(settings.LMS_ENCRYPTION_KEYS)
    if not keys:
        raise EncryptionKeyMissing
    return keys


def _fernet() -> MultiFernet:
    return _made_of(_keys())


@lru_cache(maxsize=4)
def _made_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])
