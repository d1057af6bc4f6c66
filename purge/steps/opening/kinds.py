"""What a file is, by its first bytes. Its name says nothing that could be relied on."""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

#: So much of a file's beginning tells its kind.
HEAD: Final = 8_192


class Kind(Enum):
    TEXT = auto()
    #: Its lines are folded: they are joined before anything is read.
    FOLDED = auto()
    MAIL = auto()
    MAILBOX = auto()
    ZIP = auto()
    GZIP = auto()
    BZIP = auto()
    XZ = auto()
    TAR = auto()
    PDF = auto()
    #: What Microsoft's programs wrote until 2007, and what they put an encrypted file into.
    OLE = auto()
    PICTURE = auto()
    UNKNOWN = auto()


_SIGNS: Final = (
    (b"PK\x03\x04", Kind.ZIP),
    (b"PK\x05\x06", Kind.ZIP),
    (b"\x1f\x8b", Kind.GZIP),
    (b"BZh", Kind.BZIP),
    (b"\xfd7zXZ\x00", Kind.XZ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
    (b"\x89PNG\r\n", Kind.PICTURE),
    (b"\xff\xd8\xff", Kind.PICTURE),
    (b"GIF8", Kind.PICTURE),
    (b"II*\x00", Kind.PICTURE),
    (b"MM\x00*", Kind.PICTURE),
    (b"ID3", Kind.PICTURE),
    (b"OggS", Kind.PICTURE),
    (b"\x1aE\xdf\xa3", Kind.PICTURE),
)
_FOLDED: Final = re.compile(rb"\A(?:\xef\xbb\xbf)?\s*BEGIN:V(?:CALENDAR|CARD)\b", re.IGNORECASE)
_HEADER: Final = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|received|return-path|mime-version|content-type|delivered-to):[ \t]",
    re.IGNORECASE | re.MULTILINE,
)
_FIRST_HEADER: Final = re.compile(rb"\A[A-Za-z][A-Za-z0-9-]*:[ \t]")
#: But for the escape, with which some encodings change their alphabet.
_CONTROL: Final = bytes(range(9)) + bytes(range(14, 27)) + bytes(range(28, 32))


def kind_of(head: bytes) -> Kind:
    """The kind of a file that begins like this."""
    for sign, kind in _SIGNS:
        if head.startswith(sign):
            return kind
    if head[257:262] == b"ustar":
        return Kind.TAR
    if b"%PDF-" in head[:1_024]:
        return Kind.PDF
    if head[4:8] == b"ftyp" or (head.startswith(b"RIFF") and head[8:12] in (b"WEBP", b"WAVE", b"AVI ")):
        return Kind.PICTURE
    if head.startswith(b"From ") and _HEADER.search(head):
        return Kind.MAILBOX
    if _FOLDED.match(head):
        return Kind.FOLDED
    if _FIRST_HEADER.match(head) and len(_HEADER.findall(head.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0])) > 1:
        return Kind.MAIL
    return Kind.TEXT if is_text(head) else Kind.UNKNOWN


def is_text(head: bytes) -> bool:
    """Whether it is text, in whatever encoding: hardly a control character, but for the zero bytes of UTF-16 and 32,
    which stand at every second or at three of four places."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")):
        return True
    zeros = [head[place::4].count(0) * 4 for place in range(4)]
    if sum(zeros):
        # Of text in UTF-16 at least a fifth is ASCII, blanks and line ends among it.
        if max(zeros) < len(head) // 5 or min(zeros) > len(head) // 20:
            return False
        head = head.replace(b"\0", b"")
    strange = len(head) - len(head.translate(None, _CONTROL))
    return strange * 100 <= len(head)
