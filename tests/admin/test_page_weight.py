"""No page is heavy, with as many rows as it shows at most."""

import pytest
from django.utils import timezone

from purge.services import purge_submit
from purge.tasks import run_request
from tests.factories.connectors import ApplicationGrantFactory, FtpSettingsFactory
from tests.factories.learning import EnrolmentFactory
from tests.factories.users import UserFactory
from tests.page_weight import MOST, weight_of
from tests.pages_at_hand import page_behind

pytestmark = pytest.mark.django_db
REQUESTS = "/admin/purge/purgerequest/"


def test_no_page_with_fifty_rows_is_above_450_kilobytes(as_admin, account, admin, deleted):
    people = [deleted(unique_user_id=f"U-{n}", deleted_by=admin) for n in range(50)]
    users = [UserFactory(account=account, unique_user_id=f"A-{n}") for n in range(50)]
    for person in users:
        EnrolmentFactory(user=person)
    connector = FtpSettingsFactory(connector__account=account, contact_email=people[0].email).connector
    for person in people[:10]:
        ApplicationGrantFactory(user=person, application__account=account)
    done = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[deleted().pk])
    run_request(done.pk)
    for _n in range(49):
        purge_submit(acting_user=admin, account_id=account.pk, user_ids=[deleted().pk])
    quarter = f"{timezone.now().year}-Q{(timezone.now().month - 1) // 3 + 1}"
    pages = {
        path: as_admin.get(path)
        for path in (
            "/admin/",
            "/admin/users/deleteduser/",
            "/admin/users/deleteduser/other/",
            "/admin/users/deleteduser/list/",
            "/admin/users/internaluser/",
            "/admin/users/internaluser/add/",
            f"/admin/users/internaluser/{users[0].pk}/change/",
            f"/admin/users/account/{account.pk}/change/",
            "/admin/users/importlog/add/",
            "/admin/learning/enrolment/",
            "/admin/learning/session/add/",
            f"/admin/connectors/connector/{connector.pk}/change/",
            "/admin/messaging/notification/",
            REQUESTS,
            f"{REQUESTS}{done.pk}/change/",
            f"{REQUESTS}look-up/",
            f"{REQUESTS}data-map/",
            f"{REQUESTS}routes/",
            f"{REQUESTS}register/",
            f"{REQUESTS}report/?quarter={quarter}",
        )
    }
    asked = as_admin.post("/admin/users/deleteduser/purge/", {"_selected_action": [person.pk for person in people]})
    pages["confirmation of fifty"] = page_behind(as_admin, asked)
    assert {answer.status_code for answer in pages.values()} == {200}
    weights = {path: weight_of(as_admin, answer) for path, answer in pages.items()}
    assert {path: weight for path, weight in weights.items() if weight > MOST} == {}
    # What is counted is not nothing: the scripts of a list alone are more than that.
    assert weights["/admin/users/internaluser/"] > 150_000
    assert "xregexp" not in pages["/admin/users/internaluser/add/"].content.decode()
