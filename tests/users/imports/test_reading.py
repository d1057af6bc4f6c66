"""Files as companies have them."""

import io
import random
import zipfile
from pathlib import Path

import openpyxl
import pytest

from purge.addresses import is_address
from users.imports import mapping, reading
from users.imports.mapping import is_known, meaning_of, propose, remember
from users.imports.parsing import is_everyday

SAMPLE = Path(__file__).parents[2] / "data" / "users-sample.csv"


def read(content, **options):
    stored = io.BytesIO(content if isinstance(content, bytes) else content.encode())
    shape = reading.shape_of(stored, is_known)
    rows = reading.people_rows(
        stored, encoding=shape.encoding, delimiter=shape.delimiter, heading_line=shape.heading_line
    )
    return shape, list(rows)


def cells(content):
    return [(row.line, row.cells) for row in read(content)[1]]


ROWS = [(2, ["Jürgen Müller", "j@x.org"]), (3, ["Ann", "ann@x.org"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
def test_any_encoding_delimiter_and_line_end(encoding, ending, delimiter):
    lines = [["Name", "E-Mail*"], ["Jürgen Müller", "j@x.org"], ["Ann", "ann@x.org"]]
    text = ending.join(delimiter.join(line) for line in lines)
    assert cells(text.encode(encoding)) == ROWS


def test_a_comma_in_a_name_does_not_make_a_file_of_commas():
    shape, rows = read('Name;E-mail;Profile\n"Smith, Ann";ann@x.org;Head, of, all\n')
    assert shape.delimiter == ";"
    assert rows[0].cells == ["Smith, Ann", "ann@x.org", "Head, of, all"]


def test_lines_are_counted_as_an_editor_counts_them():
    text = 'Name,Email\n\n"Ann\nArcher",a@x.org\n,,\nBob,b@x.org\n'
    assert cells(text) == [(3, ["Ann\nArcher", "a@x.org"]), (6, ["Bob", "b@x.org"])]


def test_rows_above_the_headings_are_no_people():
    text = "sep=;\nPlease fill in name and e-mail of everybody\n;;\nName*;E-Mail*;Manager\nAnn;a@x.org;ROOT\n"
    shape, rows = read(text)
    assert (shape.heading_line, shape.headings) == (4, ("Name*", "E-Mail*", "Manager"))
    assert [row.cells for row in rows] == [["Ann", "a@x.org", "ROOT"]]


def test_a_row_with_an_address_is_somebodys_whatever_else_it_says():
    shape, rows = read("Namn;E-post;Roll;Status\nAnn;a@x.org;Manager;Active\nBo;b@x.org;Employee;Active\n")
    assert (shape.heading_line, shape.headings, len(rows)) == (1, ("Namn", "E-post", "Roll", "Status"), 2)


def test_a_torn_quotation_costs_one_row():
    text = "Name,Email\nAnn,a@x.org\n" + '"Bob,b@x.org\n' + "".join(f"P {n},p{n}@x.org\n" for n in range(50))
    torn = [row for row in read(text)[1] if row.torn]
    assert [row.line for row in torn] == [3]
    assert len(read(text)[1]) == 52
    # Near the end of the file, too.
    _shape, rows = read('Name,Email\n"Bob,b@x.org\nAnn,a@x.org\n')
    assert [(row.line, row.torn) for row in rows] == [(2, True), (3, False)]


def test_a_torn_quotation_before_a_huge_rest_keeps_the_memory_flat():
    text = 'Name,Email\n"Bob,b@x.org\n' + "".join(f"Person {n},p{n}@x.org\n" for n in range(40_000))
    rows = read(text)[1]
    assert len(rows) == 40_001
    assert [row.line for row in rows if row.torn] == [2]


def test_what_is_no_csv_is_refused():
    for content in (b"", b"\n\n", b"PK\x03\x04rest of a workbook"):
        with pytest.raises(reading.UnreadableFile):
            read(content)


def zipped(name):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w") as archive:
        archive.writestr(name, "Name,Email\nAnn,ann@x.org\n")
    return stored.getvalue()


def workbook():
    stored = io.BytesIO()
    openpyxl.Workbook().save(stored)
    return stored.getvalue()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zipped("users.csv"), "Unpack it, then upload the CSV file in it."),
        (workbook(), "Save it as CSV, then upload that file."),
        (zipped("mimetype"), "Save it as CSV, then upload that file."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Save it as CSV, then upload that file."),
    ],
    ids=["an archive of one file", "Excel's", "LibreOffice's", "Excel's until 2007"],
)
def test_an_archive_is_not_called_a_workbook(content, words):
    with pytest.raises(reading.UnreadableFile) as refusal:
        read(content)
    assert words in str(refusal.value)


CONTROLS = [chr(code) for code in (*range(1, 9), 0x0B, 0x0C, *range(0x0E, 0x20))]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "utf-16"])
def test_headings_with_a_control_character_are_refused_by_their_line(encoding):
    assert len(CONTROLS) == 28
    for control in CONTROLS:
        text = f'All users\nName;E-mail;"Jürg{control}en"\nAnn;ann@x.org;x\n'
        with pytest.raises(reading.UnreadableFile) as refusal:
            read(text.encode(encoding))
        said = "Line 2 has a control character, which no text has. Save the file as CSV again."
        assert str(refusal.value) == said, repr(control)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", 2),
        (b"%PDF-1.7\n\xe2\xe3\xcf\n1 0 obj\n\x02\x7f,\x05\n", 4),
        (b"\x1f\x8b\x08\x08users.csv", 1),
        (bytes(range(1, 256)) * 4, 1),
    ],
    ids=["a picture", "a PDF", "a gzip", "all bytes"],
)
def test_what_is_no_text_is_no_file_of_people(content, line):
    with pytest.raises(reading.UnreadableFile, match=f"Line {line} has a control character"):
        read(content)


def test_tabs_ends_of_lines_and_zeros_are_allowed_as_before():
    text = '\ufeffName,Email,Note\r\nAnn\tArcher,a@x.org,"first\r\nsecond"\nB\x00ob,b@x.org,\n'
    assert cells(text) == [(2, ["Ann\tArcher", "a@x.org", "first\r\nsecond"]), (4, ["Bob", "b@x.org", ""])]


def test_what_stands_above_known_headings_and_in_rows_does_not_refuse_the_file():
    shape, rows = read("Export\x0c\nName,Email\nAn\x0bn,a@x.org\nBob,b@x.org\n")
    assert (shape.heading_line, len(rows)) == (2, 2)
    assert [reading.has_control_character(row.cells) for row in rows] == [True, False]


def test_noise_never_stops_the_reader():
    noise = random.Random(7)
    refused = 0
    for _round in range(200):
        data = bytes(noise.choice(b'",;\r\n\x00\xff\xe4@ab\t') for _byte in range(noise.randrange(1, 300)))
        try:
            read(data)
        except reading.UnreadableFile:
            refused += 1
    # Some of it can be read and some cannot; anything else would have been raised.
    assert 0 < refused < 200


# ---------------------------------------------------------------- headings


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Employee Name", "name"),
        ("Name*", "name"),
        ("Full name", "name"),
        ("Employee's E-mail", "email"),
        ("Employee’s E-mail", "email"),
        ("email", "email"),
        ("E-Mail*", "email"),
        ("EmailAddress", "email"),
        ("E-Mail-Adresse", "email"),
        ("Email of the Employee's Manager", "manager"),
        ("Manager", "manager"),
        ("Manager's e-mail (or ROOT)", "manager"),
        ("Manager Name", None),
        ("Employee's Designation", "profile"),
        ("Profile", "profile"),
        ("Job title", "profile"),
        ("Unique User ID", "unique_user_id"),
        ("UserID", "unique_user_id"),
        ("Employee ID", "unique_user_id"),
        ("Adobe ID", "adobe_id"),
        ("State", "state"),
        ("Deletion date (YYYY-MM-DD)", "deleted_at"),
        ("External/Internal", "kind"),
        ("First Name", "first_name"),
        ("Surname", "last_name"),
        ("Cost centre", None),
        ("", None),
    ],
)
def test_headings_vary(heading, field):
    assert meaning_of(heading) == field


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("Name des Mitarbeiters", "name"),
        ("Austrittsdatum", "deleted_at"),
        ("Führungskraft (E-Mail)", "manager"),
        ("Adresse e-mail de l'employé", "email"),
        ("Courriel", "email"),
        ("Date de départ", "deleted_at"),
        ("Nom et prénom", "name"),
        ("Type d’utilisateur", "kind"),
        ("Fecha de baja", "deleted_at"),
        ("Nombre y apellidos", "name"),
        ("Datum uit dienst", "deleted_at"),
        ("Data cessazione", "deleted_at"),
        ("Posta elettronica", "email"),
        ("Data de desligamento", "deleted_at"),
        ("Nome completo", "name"),
        ("氏名", "name"),
        ("退職日", "deleted_at"),
        ("マネージャーのメールアドレス", "manager"),
        # Nothing that we keep.
        ("Building ID", None),
        ("Floor Name", None),
        ("Company Name", None),
        ("State or province", None),
        ("Recovery Email", None),
        ("Assigned by Email", None),
        ("Manager Unique ID", None),
        ("Geburtsdatum", None),
        ("部署", None),
    ],
)
def test_headings_of_other_languages_and_what_is_no_heading_of_ours(heading, field):
    assert meaning_of(heading) == field


def test_the_sample_is_understood():
    shape, rows = read(SAMPLE.read_bytes())
    assert propose(shape.headings, {}) == {"name": 0, "email": 1, "profile": 2, "manager": 3}
    assert len(rows) == 5


def test_the_plainest_of_several_headings_wins():
    headings = ["Private email", "Email", "Manager", "Manager email", "Employee name", "First name"]
    assert propose(headings, {}) == {"email": 1, "manager": 3, "name": 4}


def test_what_was_chosen_is_remembered_and_addresses_are_not():
    headings = ["Mitarbeiter", "Post", "Private Email", "boss@x.org"]
    chosen = {"name": 0, "email": 1}
    remembered = remember({}, headings, chosen)
    assert "boss x org" not in remembered and "@" not in str(remembered)
    assert propose(["post", "MITARBEITER *", "Private email"], remembered) == {"email": 0, "name": 1}


def test_missing_columns_are_named():
    assert mapping.missing_in({"profile": 0}) == ["Name", "Email"]
    assert mapping.missing_in({"last_name": 0, "email": 1}) == []


def test_everyday_addresses_are_addresses():
    """The quick look takes nothing that the exact one refuses."""
    made = random.Random(11)
    parts = ["a", "b1", "-", "_", ".", "+", "@", "x.org", "co", "..", "9", "x-y.co.uk", "a" * 64, ".1a"]
    quick = 0
    for _round in range(3_000):
        text = "".join(made.choice(parts) for _part in range(made.randrange(1, 7)))
        if is_everyday(text):
            quick += 1
            assert is_address(text), text
    assert quick > 20
