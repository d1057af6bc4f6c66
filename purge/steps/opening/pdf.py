"""PDF files: the text of the pages, and everything that stands beside it: notes, links, bookmarks, fields, properties,
attachments."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, Final

from purge.sandbox.unopened import Unopened

#: Pages beyond these are not looked at.
MOST_PAGES: Final = 3_000
#: How deep a tree of bookmarks, or a note with its action, is gone down.
DEEPEST: Final = 12


def parts(content: bytes) -> Iterator[str | bytes | Unopened]:
    """Texts, attached files, and what could not be read."""
    import pypdf
    from pypdf.errors import DependencyError, PyPdfError

    try:
        reader = pypdf.PdfReader(io.BytesIO(content), strict=False)
        if reader.is_encrypted and not reader.decrypt(""):
            yield Unopened.ENCRYPTED
            return
        pages = len(reader.pages)
    except DependencyError:
        yield Unopened.ENCRYPTED
        return
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, OSError):
        yield Unopened.DAMAGED
        return
    if pages > MOST_PAGES:
        yield Unopened.LIMIT
    said = pictured = False
    for number in range(min(pages, MOST_PAGES)):
        page = reader.pages[number]
        text = page.extract_text()
        said = said or bool(text.strip())
        pictured = pictured or "/XObject" in (page.get("/Resources") or {})
        yield text
        # A line may end within an address.
        yield text.replace("-\n", "").replace("\n", "")
        yield text.replace("\n", "")
        for note in page.get("/Annots") or ():
            yield from _strings(note, DEEPEST)
    yield from _beside(reader)
    if pictured and not said:
        yield Unopened.PICTURE


def _beside(reader: Any) -> Iterator[str | bytes]:
    for value in (reader.metadata or {}).values():
        yield str(value)
    root = reader.trailer["/Root"].get_object()
    if (metadata := root.get("/Metadata")) is not None:
        yield bytes(metadata.get_object().get_data())
    yield from _titles(reader.outline, DEEPEST)
    for name, field in (reader.get_fields() or {}).items():
        yield f"{name}\n{field.get('/V')}\n{field.get('/DV')}\n{field.get('/TU')}"
    for name, files in reader.attachments.items():
        yield str(name)
        yield from (bytes(each) for each in files)


def _titles(outline: Any, depth: int) -> Iterator[str]:
    for entry in outline:
        if isinstance(entry, list):
            if depth:
                yield from _titles(entry, depth - 1)
        else:
            yield str(entry.title)


def _strings(value: Any, depth: int) -> Iterator[str]:
    """The texts of a note and of its action; not of the page that it stands on."""
    value = value.get_object() if hasattr(value, "get_object") else value
    if isinstance(value, str):
        yield str(value)
    elif isinstance(value, bytes):
        yield value.decode("latin-1")
    elif depth and isinstance(value, dict):
        for key, inner in value.items():
            if key not in ("/P", "/Parent", "/Popup", "/IRT", "/AP", "/Dest"):
                yield from _strings(inner, depth - 1)
    elif depth and isinstance(value, list):
        for inner in value:
            yield from _strings(inner, depth - 1)
