"""What it costs to choose the rows of a chunk, in pages that PostgreSQL reads: twelve partitions cost what one costs.

A later chunk costs what an earlier one costs while no older writing transaction is open on the server, since the index
is walked: what is gone is marked in it and passed over. A bitmap of the pages would read those again. Other tests have
such transactions, so the plan is asked, not the number of pages.
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


def explained(sql):
    """The plan of a statement that was run, with what it has read."""
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql.replace("%", "%%"))
        ((said,),) = cursor.fetchall()
    (told,) = json.loads(said) if isinstance(said, str) else said
    return told["Plan"]


def pages(plan):
    return plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]


def nodes(plan):
    return {plan["Node Type"]}.union(*map(nodes, plan.get("Plans", ())))


def plans_of_later_chunks(partitions):
    """Rows of one person evenly among everybody else's; how the second and each later chunk is chosen, by the very
    statement that chose the first."""
    run(
        "CREATE TABLE visits (person bigint NOT NULL, part int NOT NULL, words text) PARTITION BY LIST (part)",
        "CREATE INDEX ON visits (person)",
        *(f"CREATE TABLE visits_{n} PARTITION OF visits FOR VALUES IN ({n})" for n in range(partitions)),
        "INSERT INTO visits SELECT CASE WHEN n % 12 = 0 THEN 7 ELSE 100 + n END, "
        f"n / 12 % {partitions}, repeat('x', 30) FROM generate_series(0, {12 * ROWS - 1}) n",
        "ANALYZE visits",
    )
    plans, chosen_by = [], ""
    try:
        for _chunk in range(ROWS // CHUNK):
            if chosen_by:
                plans.append(explained(chosen_by))
            with CaptureQueriesContext(connection) as captured:
                deleted = dialect_of(connection).delete_rows("visits", "person", [7], limit=CHUNK, in_pieces=True)
            assert (deleted.rows, deleted.more) == (CHUNK, True)
            chosen_by = captured.captured_queries[0]["sql"]
            assert "tableoid" in chosen_by
    finally:
        run("DROP TABLE visits")
    return plans


def test_to_choose_a_chunk_reads_no_more_of_twelve_partitions_than_of_one():
    of_one, of_twelve = plans_of_later_chunks(1), plans_of_later_chunks(12)
    assert len(of_one) == len(of_twelve) == 2
    for one, twelve in zip(of_one, of_twelve, strict=True):
        assert pages(twelve) <= pages(one) + 12 * A_PARTITION
        for plan in (one, twelve):
            assert "Index Scan" in nodes(plan)
            assert not nodes(plan) & {"Bitmap Heap Scan", "Seq Scan"} - of_the_catalogue(plan), nodes(plan)


def of_the_catalogue(plan):
    """How the names of the pieces are read, which are few."""
    here = {plan["Node Type"]} if plan.get("Relation Name", "").startswith("pg_") else set()
    return here.union(*map(of_the_catalogue, plan.get("Plans", ())))
