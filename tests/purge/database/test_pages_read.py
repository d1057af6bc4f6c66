"""What it costs to choose the rows of a chunk, in pages that PostgreSQL reads: twelve partitions cost what one costs.

A later chunk looks once more at pages that earlier ones have emptied and that nothing has vacuumed since: in partitions
as in one table.
"""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from purge.database import dialect_of

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]

#: Of one person, who has a twelfth of the table; so many go at a time.
ROWS, CHUNK = 3_000, 1_000
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
    by the very statement that chose the first."""
    run(
        "CREATE TABLE visits (person bigint NOT NULL, part int NOT NULL, words text) PARTITION BY LIST (part)",
        "CREATE INDEX ON visits (person)",
        *(f"CREATE TABLE visits_{n} PARTITION OF visits FOR VALUES IN ({n})" for n in range(partitions)),
        "INSERT INTO visits SELECT CASE WHEN n % 12 = 0 THEN 7 ELSE 100 + n END, "
        f"n / 12 % {partitions}, repeat('x', 30) FROM generate_series(0, {12 * ROWS - 1}) n",
        "ANALYZE visits",
    )
    read, chosen_by = [], ""
    try:
        for _chunk in range(ROWS // CHUNK):
            if chosen_by:
                read.append(pages(chosen_by))
            with CaptureQueriesContext(connection) as captured:
                deleted = dialect_of(connection).delete_rows("visits", "person", [7], limit=CHUNK, in_pieces=True)
            assert (deleted.rows, deleted.more) == (CHUNK, True)
            chosen_by = captured.captured_queries[0]["sql"]
            assert "tableoid" in chosen_by
    finally:
        run("DROP TABLE visits")
    return read


def test_to_choose_a_chunk_reads_no_more_of_twelve_partitions_than_of_one():
    of_one, of_twelve = pages_of_each_chunk(1), pages_of_each_chunk(12)
    assert len(of_one) == len(of_twelve) == 2
    for one, twelve in zip(of_one, of_twelve, strict=True):
        assert twelve <= one + 12 * A_PARTITION
