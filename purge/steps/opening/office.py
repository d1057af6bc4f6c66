"""Workbooks, documents and slides: archives of XML. Cells come from python-calamine, everything else from the members:
comments, headers, links, names, properties."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Final

from purge.sandbox.unopened import Unopened

WORKBOOK: Final = "workbook"
BINARY_WORKBOOK: Final = "binary workbook"
DOCUMENT: Final = "document"

#: Elements that begin or end a stretch of text. Whatever else stands in a text (a run, a colour, a spelling mistake)
#: does not interrupt it.
_ENDS: Final = (
    r"p|br|cr|tab|tc|tr|si|c|f|v|row|comment|author|definedName|h|line-break|s|table-cell|table-row|t[dh]|li|div|title"
    r"|(?:odd|even|first)(?:Header|Footer)"
)
_BREAK: Final = re.compile(rf"</?(?:[\w.-]+:)?(?:{_ENDS})(?:\s[^>]*)?/?>")
_TAG: Final = re.compile(r"<[^>]*>")
_EXCEL_ESCAPE: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")
#: Within a header or footer: a place, a font, a size, a colour, the number of the page.
_HEADER: Final = re.compile(r"<(?:odd|even|first)(?:Header|Footer)>.*?</", re.DOTALL)
_HEADER_CODE: Final = re.compile(r"&amp;(?:&quot;[^&]*&quot;|\"[^\"]*\"|K[0-9A-Fa-f]{6}|[0-9]{1,3}|[A-Za-z&])")


def kind_of_document(names: Iterable[str]) -> str | None:
    """What an archive with these members is; None for a plain archive."""
    members = set(names)
    if "xl/workbook.bin" in members:
        return BINARY_WORKBOOK
    if "xl/workbook.xml" in members:
        return WORKBOOK
    if "[Content_Types].xml" in members:
        return DOCUMENT
    if "mimetype" in members and "content.xml" in members:
        return WORKBOOK
    return None


def is_xml(name: str, content: bytes) -> bool:
    return name.endswith((".xml", ".rels", ".vml", ".rdf", ".xhtml")) or content[:64].lstrip(
        b"\xef\xbb\xbf \r\n"
    ).startswith(b"<?xml")


def texts_of_xml(content: bytes, name: str) -> Iterator[str]:
    """The text of a member, and what stands in its attributes."""
    written = _decoded(content)
    # As it stands, for what attributes say (the target of a link); what an entity stands for is read later.
    yield _EXCEL_ESCAPE.sub(_escaped, " ".join(re.findall(r'="[^"]*"|=\'[^\']*\'', written)))
    written = _HEADER.sub(lambda match: _HEADER_CODE.sub(" ", match.group()), written)
    inside = name.startswith(("word/", "xl/", "ppt/")) or name in ("content.xml", "styles.xml")
    text = _TAG.sub("" if inside else "\n", _BREAK.sub("\n", written))
    yield _EXCEL_ESCAPE.sub(_escaped, unescape(text))


def _decoded(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8", "replace")


def _escaped(match: re.Match[str]) -> str:
    """``_x000D_`` is a carriage return."""
    code = int(match.group(1), 16)
    return "\ufffd" if 0xD800 <= code <= 0xDFFF else chr(code)


def cells(content: bytes, *, otherwise: Unopened | None) -> Iterator[str | Unopened]:
    """All cells of a workbook, a row a line. ``otherwise``: what it is when it is none."""
    import python_calamine

    try:
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            for name in workbook.sheet_names:
                yield name
                if (rows := _rows(workbook, name)) is None:
                    continue
                for row in rows:
                    if any(isinstance(value, str) for value in row):
                        yield "\n".join(value for value in row if isinstance(value, str))
    except python_calamine.PasswordError:
        yield Unopened.ENCRYPTED
    except (python_calamine.CalamineError, OSError, ValueError):
        if otherwise is not None:
            yield otherwise


def _rows(workbook: object, name: str) -> Iterator[list[object]] | None:
    import python_calamine

    try:
        return workbook.get_sheet_by_name(name).iter_rows()  # type: ignore[attr-defined, no-any-return]
    except python_calamine.WorksheetNotFound:
        return None  # a sheet that is a chart
