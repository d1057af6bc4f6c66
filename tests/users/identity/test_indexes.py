"""The indexes of User Cleanup serve its orders: no sort of everybody who was ever deleted."""

import pytest
from django.db import connection

from lms_purge.cleanup.listing import segments
from tests.factories.users import UserFactory
from users.models import DeletedUser

pytestmark = [pytest.mark.django_db, pytest.mark.postgresql]


@pytest.mark.parametrize("sort", ["uid", "-uid", "date", "-date"])
@pytest.mark.parametrize("month", [{}, {"deleted_month": "2026-01"}], ids=["all", "month"])
def test_a_page_of_the_cleanup_list_is_read_from_an_index(account, sort, month):
    UserFactory.create_batch(3, account=account, unique_user_id=None, deleted=True)
    rows = DeletedUser.objects.filter(account=account, deleted_at__isnull=False, **month)
    part = segments(rows, sort)[0]
    with connection.cursor() as cursor:
        # Three rows are quicker read whole, or sorted, as the statistics happen to be; what counts is whether an index
        # can serve the order at all.
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")
    plan = part.ordered(backwards=False)[:50].explain()
    assert "Sort" not in plan
    assert "users_deleted" in plan


def test_unique_ids_are_compared_by_code_point():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT collation_name FROM information_schema.columns "
            "WHERE table_name = 'users_user' AND column_name = 'unique_id_sort'"
        )
        assert cursor.fetchall() == [("C",)]
