"""Stored files that mention an address, each written by the library that writes such files in the field."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import mailbox
import tarfile
import zipfile
from datetime import UTC, datetime
from email.header import Header
from email.message import EmailMessage
from email.mime.text import MIMEText
from pathlib import Path
from tempfile import TemporaryDirectory

import docx
import fpdf
import icalendar
import openpyxl
import openpyxl.comments
import openpyxl.workbook.defined_name
import vobject
import xlsxwriter
import xlwt
from docx.opc.constants import RELATIONSHIP_TYPE
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen import canvas


def comma_separated(address: str, encoding: str = "utf-8") -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows([("Name", "Email"), ("Müller", address), ("Jo", "jo@q.example")])
    return text.getvalue().encode(encoding)


# ---------------------------------------------------------------- workbooks


def openpyxl_cell(address: str) -> bytes:
    """A cell of two lines."""
    book = openpyxl.Workbook()
    book.active.append(["Name", "Email"])
    book.active.append(["Müller", f"{address}\r\nroom 5"])
    return _saved(book)


def openpyxl_comment(address: str) -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"].comment = openpyxl.comments.Comment(f"ask {address}", "Ann")
    return _saved(book)


def openpyxl_link(address: str) -> bytes:
    book = openpyxl.Workbook()
    book.active["A1"] = "write"
    book.active["A1"].hyperlink = f"mailto:{address}?subject=hello"
    return _saved(book)


def openpyxl_header(address: str) -> bytes:
    book = openpyxl.Workbook()
    book.active.oddFooter.left.text = f"made by {address}"
    return _saved(book)


def xlsxwriter_footer(address: str) -> bytes:
    """Directly behind the code of a place and of a font."""
    stored = io.BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True})
    book.add_worksheet().set_footer(f'&L&"Courier New,Bold"&10{address}&R&P')
    book.close()
    return stored.getvalue()


def openpyxl_name(address: str) -> bytes:
    """A defined name that stands for a text."""
    book = openpyxl.Workbook()
    name = openpyxl.workbook.defined_name.DefinedName("OWNER", attr_text=f'"{address}"')
    book.defined_names.add(name)
    return _saved(book)


def openpyxl_property(address: str) -> bytes:
    book = openpyxl.Workbook()
    book.properties.creator = address
    return _saved(book)


def _saved(book: openpyxl.Workbook) -> bytes:
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


def xlsxwriter_rich(address: str) -> bytes:
    """A cell of which a part is bold: its text stands in several runs."""
    stored = io.BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True})
    half = len(address) // 2
    sheet, bold = book.add_worksheet(), book.add_format({"bold": True})
    sheet.write_rich_string("A1", "to ", bold, address[:half], address[half:], " today")
    book.close()
    return stored.getvalue()


def xlsxwriter_carriage_return(address: str) -> bytes:
    """A cell with Windows' line ends: ``_x000D_`` stands behind the address."""
    stored = io.BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True})
    book.add_worksheet().write_string(0, 0, f"{address}\r\nroom 5")
    book.close()
    return stored.getvalue()


def xlsxwriter_without_shared_strings(address: str) -> bytes:
    stored = io.BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True, "constant_memory": True})
    book.add_worksheet().write_row(0, 0, ["Müller", address])
    book.close()
    return stored.getvalue()


def xlsxwriter_text_box(address: str) -> bytes:
    stored = io.BytesIO()
    book = xlsxwriter.Workbook(stored, {"in_memory": True})
    book.add_worksheet().insert_textbox(1, 1, f"questions: {address}")
    book.close()
    return stored.getvalue()


def old_workbook(address: str) -> bytes:
    book = xlwt.Workbook()
    book.add_sheet("People").write(0, 0, f"Müller {address}")
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()


# ---------------------------------------------------------------- documents


def document(address: str) -> bytes:
    """Word cuts a paragraph into runs wherever the cursor stood."""
    word = docx.Document()
    paragraph = word.add_paragraph("Write to ")
    half = len(address) // 2
    paragraph.add_run(address[:half])
    paragraph.add_run(address[half:]).bold = True
    return _word_saved(word)


def document_header(address: str) -> bytes:
    word = docx.Document()
    word.sections[0].header.paragraphs[0].text = f"from {address}"
    return _word_saved(word)


def document_link(address: str) -> bytes:
    word = docx.Document()
    word.add_paragraph("write")
    word.part.relate_to(f"mailto:{address}", RELATIONSHIP_TYPE.HYPERLINK, is_external=True)
    return _word_saved(word)


def document_property(address: str) -> bytes:
    word = docx.Document()
    word.core_properties.last_modified_by = address
    return _word_saved(word)


def document_with_workbook(address: str) -> bytes:
    """An archive within an archive, as office programs embed a workbook."""
    stored = io.BytesIO(document("jo@q.example"))
    with zipfile.ZipFile(stored, "a") as archive:
        archive.writestr("word/embeddings/sheet.xlsx", xlsxwriter_rich(address))
    return stored.getvalue()


def _word_saved(word) -> bytes:
    stored = io.BytesIO()
    word.save(stored)
    return stored.getvalue()


def pdf_by_reportlab(address: str) -> bytes:
    stored = io.BytesIO()
    page = canvas.Canvas(stored, pagesize=A4, pageCompression=1)
    page.drawString(72, 700, f"Certificate for {address}")
    page.showPage()
    page.save()
    return stored.getvalue()


def pdf_in_two_lines(address: str) -> bytes:
    """A narrow column breaks an address at its end."""
    stored = io.BytesIO()
    page = canvas.Canvas(stored, pagesize=A4, pageCompression=1)
    text = page.beginText(72, 700)
    half = address.index("@") + 1
    text.textLines([f"Write to {address[:half]}", f"{address[half:]} for help"])
    page.drawText(text)
    page.showPage()
    page.save()
    return stored.getvalue()


def pdf_link(address: str) -> bytes:
    stored = io.BytesIO()
    page = canvas.Canvas(stored, pagesize=A4, pageCompression=1)
    page.drawString(72, 700, "write to us")
    page.linkURL(f"mailto:{address}", (72, 690, 200, 710))
    page.showPage()
    page.save()
    return stored.getvalue()


def pdf_author(address: str) -> bytes:
    stored = io.BytesIO()
    page = canvas.Canvas(stored, pagesize=A4, pageCompression=1)
    page.setAuthor(f"Müller <{address}>")
    page.drawString(72, 700, "certificate")
    page.showPage()
    page.save()
    return stored.getvalue()


def pdf_outline(address: str) -> bytes:
    stored = io.BytesIO()
    page = canvas.Canvas(stored, pagesize=A4, pageCompression=1)
    page.drawString(72, 700, "certificate")
    page.bookmarkPage("first")
    page.addOutlineEntry(f"Work of {address}", "first")
    page.showPage()
    page.save()
    return stored.getvalue()


def pdf_form(address: str) -> bytes:
    stored = io.BytesIO()
    page = canvas.Canvas(stored, pagesize=A4, pageCompression=1)
    page.acroForm.textfield(name="learner", value=address, x=72, y=600, width=300)
    page.showPage()
    page.save()
    return stored.getvalue()


def pdf_by_fpdf(address: str) -> bytes:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.multi_cell(0, text=f"Certificate for {address}")
    return bytes(pdf.output())


def pdf_attachment(address: str) -> bytes:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.multi_cell(0, text="see the workbook")
    with TemporaryDirectory() as folder:
        workbook = Path(folder) / "people.xlsx"
        workbook.write_bytes(openpyxl_cell(address))
        pdf.embed_file(workbook)
        return bytes(pdf.output())


def pdf_annotation(address: str) -> bytes:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.text_annotation(x=10, y=10, text=f"ask {address}")
    return bytes(pdf.output())


# ---------------------------------------------------------------- mail, calendars, cards


def message_in_base64(address: str) -> bytes:
    """Python writes a body with one letter beyond ASCII and long lines in base64."""
    message = EmailMessage()
    message["Subject"], message["From"] = "Welcome", "jo@q.example"
    message.set_content(f"Grüße an {address}\n" + "ü" * 90, cte="base64")
    return message.as_bytes()


def message_in_parts(address: str) -> bytes:
    """The plain part names nobody; the other is quoted-printable, with a soft line break in the address."""
    message = EmailMessage()
    message["Subject"], message["From"] = "Welcome", "jo@q.example"
    message.set_content("nothing")
    message.add_alternative(f"<p>{'ü' * 8}{'x' * 20} {address}</p>", subtype="html", cte="quoted-printable")
    return message.as_bytes()


def message_header(address: str) -> bytes:
    """A subject with a letter beyond ASCII: it is encoded with all that stands in it."""
    message = MIMEText("nothing")
    message["Subject"] = Header(f"Grüße an {address} und alle anderen", "utf-8")
    message["From"] = "jo@q.example"
    return message.as_bytes()


def message_with_workbook(address: str) -> bytes:
    """A message that was forwarded, with a workbook attached."""
    inner = EmailMessage()
    inner["Subject"], inner["From"] = "List", "jo@q.example"
    inner.set_content("see the list")
    inner.add_attachment(openpyxl_cell(address), maintype="application", subtype="octet-stream", filename="l.xlsx")
    message = EmailMessage()
    message["Subject"], message["From"] = "Fwd: List", "jo@q.example"
    message.set_content("see below")
    message.add_attachment(inner)
    return message.as_bytes()


def mail_box(address: str) -> bytes:
    with TemporaryDirectory() as folder:
        box = mailbox.mbox(str(Path(folder) / "box"))
        for written in (message_header("jo@q.example"), message_in_base64(address)):
            box.add(written)
        box.close()
        return (Path(folder) / "box").read_bytes()


def calendar(address: str) -> bytes:
    """Column 75 falls into the address, where the line is folded."""
    event = icalendar.Event()
    event.add("uid", "1")
    event.add("dtstamp", datetime(2026, 11, 2, tzinfo=UTC))
    attendee = icalendar.vCalAddress(f"mailto:{address}")
    attendee.params["CN"] = "M" * 34
    attendee.params["ROLE"] = "CHAIR"
    event.add("attendee", attendee)
    whole = icalendar.Calendar()
    whole.add("prodid", "-//LMS//")
    whole.add("version", "2.0")
    whole.add_component(event)
    return whole.to_ical()


def card(address: str) -> bytes:
    made = vobject.vCard()
    made.add("fn").value = "Ann"
    made.add("note").value = f"{'n' * 62}: {address}"
    return made.serialize().encode()


# ---------------------------------------------------------------- archives


def zipped(address: str) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", comma_separated(address, "utf-16"))
    return stored.getvalue()


def named_in_an_archive(address: str) -> bytes:
    """The name of a file in it."""
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{address}/work.txt", "nothing")
    return stored.getvalue()


def zipped_twice(address: str) -> bytes:
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("inner.zip", zipped(address))
    return stored.getvalue()


def gzipped(address: str) -> bytes:
    return gzip.compress(comma_separated(address))


def bzipped(address: str) -> bytes:
    return bz2.compress(comma_separated(address))


def xzipped(address: str) -> bytes:
    return lzma.compress(comma_separated(address))


def archived(address: str) -> bytes:
    stored = io.BytesIO()
    with tarfile.open(fileobj=stored, mode="w:gz") as archive:
        member = tarfile.TarInfo("people.csv")
        content = comma_separated(address)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return stored.getvalue()


#: By name: what writes a file that mentions the address.
WRITERS = {
    writer.__name__: writer
    for writer in (
        comma_separated,
        openpyxl_cell,
        openpyxl_comment,
        openpyxl_link,
        openpyxl_header,
        xlsxwriter_footer,
        openpyxl_name,
        openpyxl_property,
        xlsxwriter_rich,
        xlsxwriter_carriage_return,
        xlsxwriter_without_shared_strings,
        xlsxwriter_text_box,
        old_workbook,
        document,
        document_header,
        document_link,
        document_property,
        document_with_workbook,
        pdf_by_reportlab,
        pdf_in_two_lines,
        pdf_link,
        pdf_author,
        pdf_outline,
        pdf_form,
        pdf_by_fpdf,
        pdf_attachment,
        pdf_annotation,
        message_in_base64,
        message_in_parts,
        message_header,
        message_with_workbook,
        mail_box,
        calendar,
        card,
        zipped,
        named_in_an_archive,
        zipped_twice,
        gzipped,
        bzipped,
        xzipped,
        archived,
    )
}


# ---------------------------------------------------------------- what nobody can open


def encrypted_workbook() -> bytes:
    """As Excel keeps a workbook with a password: the encrypted archive in a file of the old kind.

    Written by msoffcrypto-tool 6.1.0 around a workbook of openpyxl, with "jo@q.example" in it.
    """
    return (Path(__file__).parents[2] / "data" / "encrypted.xlsx").read_bytes()


def encrypted_pdf() -> bytes:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.set_font("Helvetica", size=12)
    pdf.multi_cell(0, text="secret")
    pdf.set_encryption(owner_password="owner", user_password="user")
    return bytes(pdf.output())


def picture() -> bytes:
    from PIL import Image

    stored = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(stored, "PNG")
    return stored.getvalue()


def scanned_pdf() -> bytes:
    pdf = fpdf.FPDF()
    pdf.add_page()
    pdf.image(io.BytesIO(picture()), w=50)
    return bytes(pdf.output())


def encrypted_archive() -> bytes:
    """The flag of an encrypted member set by hand: Python's own library only reads such."""
    content = bytearray(zipped("jo@q.example"))
    content[content.index(b"PK\x03\x04") + 6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def damaged_archive() -> bytes:
    content = zipped("jo@q.example")
    return content[: len(content) // 2]


def damaged_pdf() -> bytes:
    return pdf_by_reportlab("jo@q.example")[:200]


def swelling() -> bytes:
    """A small archive of 300 megabytes."""
    stored = io.BytesIO()
    archive = zipfile.ZipFile(stored, "w", zipfile.ZIP_DEFLATED)
    with archive, archive.open("zeros.txt", "w", force_zip64=True) as member:
        for _n in range(300):
            member.write(b"\n" * 1_000_000)
    return stored.getvalue()


def unknown() -> bytes:
    return bytes(range(256)) * 40


def message_with_picture() -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"] = "Photo", "jo@q.example"
    message.set_content("see the photo")
    message.add_attachment(picture(), maintype="image", subtype="png", filename="p.png")
    return message.as_bytes()
