#!/bin/sh
# SQLite with secure_delete leaves deleted values in the file: in the gaps of index pages that are in use.
#
# "When secure_delete is on, SQLite overwrites deleted content with zeros" (sqlite.org/pragma.html). It does so where a
# row or an entry of an index is deleted. But when pages of an index are balanced, because entries around were deleted
# or inserted, the entries of a page are written anew, and what stood in the gap between the page's pointers and its
# entries stays as it was. So an address that was deleted row by row, with secure_delete on in every connection, still
# stands in the file, on a page whose entries are all somebody else's. VACUUM, which writes the file anew, removes it.
#
# Why it matters here: on SQLite what a purge has erased may be read from the file's bytes until it is written anew
# (purge_compact), though the database answers that it is gone.
#
# Fails if SQLite clears the gaps one day, or VACUUM leaves them.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "apsw==3.54.1.0"
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
from pathlib import Path

import apsw

database = apsw.Connection("file.sqlite3")
assert database.execute("PRAGMA secure_delete = ON").get == 1
database.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, account INTEGER, email TEXT, UNIQUE (account, email))")
gone = []
with database:
    for number in range(200):
        database.execute("INSERT INTO people (account, email) VALUES (2, ?)", (f"person-{number}@erased-user.example",))
        gone.append(database.last_insert_rowid())
        for other in range(3):
            values = (3 + number, f"person{number}{other}@else{number}.example")
            database.execute("INSERT INTO people (account, email) VALUES (?, ?)", values)
for row in gone:
    database.execute("DELETE FROM people WHERE id = ?", (row,))
rows = database.execute("SELECT count(*) FROM people WHERE email LIKE '%@erased-user.example'").get
deleted = Path("file.sqlite3").read_bytes().count(b"@erased-user.example")
database.execute("VACUUM")
written_anew = Path("file.sqlite3").read_bytes().count(b"@erased-user.example")
print(f"SQLite {apsw.sqlite_lib_version()}: {rows} rows, {deleted} in the file; after VACUUM {written_anew}")
assert rows == 0
assert deleted > 0, "nothing is left in the file"
assert written_anew == 0, "VACUUM leaves something"
PYTHON
