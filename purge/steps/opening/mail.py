"""Messages: their headers decoded, and every part as a file of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from typing import Final

#: Messages begin like this in a mailbox.
_POSTMARK: Final = re.compile(rb"^From [^\r\n]*\r?\n", re.MULTILINE)


def parts(content: bytes, *, is_box: bool = False) -> Iterator[str | bytes]:
    """Headers as texts, bodies and attachments as bytes: in UTF-8 where they say how they are written."""
    for written in _POSTMARK.split(content) if is_box else (content,):
        if written.strip():
            yield from _of_message(written)


def _of_message(written: bytes) -> Iterator[str | bytes]:
    for part in message_from_bytes(written).walk():
        yield from (_header(name, value) for name, value in part.items())
        if filename := part.get_filename():
            yield str(filename)
        body = None if part.is_multipart() else part.get_payload(decode=True)
        if isinstance(body, bytes) and body:
            yield body
            yield from _as_it_says(part, body)


def _header(name: str, value: object) -> str:
    folded = re.sub(r"\r?\n(?=[ \t])", "", str(value))
    try:
        return f"{name}: {make_header(decode_header(folded))}"
    except (HeaderParseError, LookupError, ValueError):
        return f"{name}: {folded}"


def _as_it_says(part: Message, body: bytes) -> Iterator[str]:
    charset = part.get_content_charset()
    if charset and part.get_content_maintype() == "text":
        try:
            yield body.decode(charset, "replace")
        except LookupError:
            return
