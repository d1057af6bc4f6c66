"""What it costs to choose the rows of a chunk, in pages that PostgreSQL reads: twelve partitions cost what one costs,
one table as well, and a later chunk what an earlier one costs, though nothing was vacuumed in between."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purge.database import dialect_of

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

#: Of one person, who has a twelfth of the table; so many go at a time.
ROWS, CHUNK = 5_000, 1_000
#: Pages by which chunks may differ: those of the index that it begins and ends in, and of a partition more or less.
BESIDES = 40
#: A partition that is looked into costs its index's root and leaf and a page that is begun; with one to spare.
A_PARTITION = 4


def run(*statements):
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def pages(sql):
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql.replace("%", "%%"))
        ((said,),) = cursor.fetchall()
    (explained,) = json.loads(said) if isinstance(said, str) else said
    return explained["Plan"]["Shared Hit Blocks"] + explained["Plan"]["Shared Read Blocks"]


def pages_of_each_chunk(partitions):
    """Rows of one person evenly among everybody else's; pages that are read to choose the second and each later chunk,
    by the very statement that chose the first. ``partitions``: None for a table without."""
    run(
        f"CREATE TABLE visits (person bigint NOT NULL, part int NOT NULL, words text){_in_parts(partitions)}",
        "CREATE INDEX ON visits (person)",
        *(f"CREATE TABLE visits_{n} PARTITION OF visits FOR VALUES IN ({n})" for n in range(partitions or 0)),
        "INSERT INTO visits SELECT CASE WHEN n % 12 = 0 THEN 7 ELSE 100 + n END, "
        f"n / 12 % {partitions or 1}, repeat('x', 30) FROM generate_series(0, {12 * ROWS - 1}) n",
        "ANALYZE visits",
    )
    read, chosen_by = [], ""
    try:
        for _chunk in range(ROWS // CHUNK):
            if chosen_by:
                read.append(pages(chosen_by))
            with CaptureQueriesContext(connection) as captured:
                deleted = dialect_of(connection).delete_rows(
                    "visits", "person", [7], limit=CHUNK, in_pieces=partitions is not None
                )
            assert deleted.rows == CHUNK
            chosen_by = captured.captured_queries[0]["sql"]
            if partitions is None:
                # Of the statement that deletes, the part that chooses.
                chosen_by = chosen_by.partition("ARRAY(")[2].partition("))")[0]
            assert "ctid" in chosen_by
    finally:
        run("DROP TABLE visits")
    return read


def _in_parts(partitions):
    return "" if partitions is None else " PARTITION BY LIST (part)"


def test_to_choose_a_chunk_reads_no_more_of_twelve_partitions_than_of_one():
    of_one, of_twelve = pages_of_each_chunk(1), pages_of_each_chunk(12)
    assert len(of_one) == len(of_twelve) == 4
    for one, twelve in zip(of_one, of_twelve, strict=True):
        assert twelve <= one + 12 * A_PARTITION


@pytest.mark.parametrize("partitions", [None, 1, 12])
def test_a_later_chunk_reads_as_much_as_an_earlier_one(partitions):
    """What the chunks before have emptied is not looked at once more."""
    read = pages_of_each_chunk(partitions)
    assert len(read) == 4
    assert max(read) <= min(read) + BESIDES, read
