#!/bin/sh
# openpyxl hands out "ann@x.example_x000D_": a carriage return in a cell stays in the code of the file format.
#
# In workbooks a control character is written _xHHHH_ (ECMA-376, ST_Xstring; a carriage return is _x000D_), as Excel
# and XlsxWriter do for a cell with Windows' line ends. openpyxl does not read that code: what it hands out has the seven
# characters glued to the word before. python-calamine reads it back.
#
# Why it matters here: an underscore is no end of an address, so whoever searches what openpyxl hands out does not find
# ann@x.example in that cell. The purge reads cells with python-calamine, and decodes _xHHHH_ in the members' XML.
#
# Fails if openpyxl decodes it one day, or calamine does not.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "openpyxl==3.1.5" "XlsxWriter==3.3.1" "python-calamine==0.9.1"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import openpyxl
import python_calamine
import xlsxwriter

with xlsxwriter.Workbook("book.xlsx") as book:
    book.add_worksheet().write_string(0, 0, "ann@x.example\r\nroom 5")
by_openpyxl = openpyxl.load_workbook("book.xlsx").active["A1"].value
by_calamine = python_calamine.CalamineWorkbook.from_path("book.xlsx").get_sheet_by_index(0).to_python()[0][0]
print(f"openpyxl {openpyxl.__version__}: {by_openpyxl!r}; python-calamine: {by_calamine!r}")
assert by_openpyxl == "ann@x.example_x000D_\nroom 5", "openpyxl decodes it now"
assert by_calamine == "ann@x.example\r\nroom 5", "calamine does not decode it"
PYTHON
