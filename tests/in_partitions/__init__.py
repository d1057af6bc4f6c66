"""The tables of docs/partitions.sql in partitions, by running it."""

from pathlib import Path

from django.db import connection

RECIPE = Path(__file__).resolve().parent.parent.parent / "docs" / "partitions.sql"


def partition() -> None:
    with connection.cursor() as cursor:
        # Within a transaction of a test foreign keys may wait to be checked, and a table with such cannot be changed.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        cursor.execute(RECIPE.read_text())
