"""What is read of files in a bucket: by whoever may see them, by the steps, and by the proof."""

import os

import pytest
from django.core.files.storage import default_storage
from django.urls import reverse

from purge import services
from purge.upkeep.patrol import patrol_all
from tests.factories.users import AccountFactory, AdministratorFactory, ImportLogFactory

pytestmark = pytest.mark.django_db


def test_a_file_is_handed_out_by_the_page_alone_and_to_nobody_else(bucket, client, account, ada):
    log = ImportLogFactory(account=account, content="Name,Email\nEve,eve@acme.example\n")
    page = reverse("admin:users_importlog_file", args=[log.pk])
    client.force_login(ada)
    answer = client.get(page)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == b"Name,Email\nEve,eve@acme.example\n"
    assert log.file.name not in answer["Content-Disposition"]
    client.force_login(AdministratorFactory(account=AccountFactory()))
    assert client.get(page).status_code == 404
    with pytest.raises(NotImplementedError):
        log.file.url  # noqa: B018 - reading it is the point


def test_a_file_in_which_somebody_is_met_after_the_purge_is_found(bucket, account, ada, person_with_picture, run):
    eve = person_with_picture("eve@acme.example")
    purge_request = services.purge_submit(acting_user=ada, account_id=account.pk, user_ids=[eve.pk])
    assert run(purge_request) == "completed"
    late = ImportLogFactory(account=account, content="Name,Email\nEve,eve@acme.example\n")
    other = ImportLogFactory(account=account, content="Name,Email\nBob,bob@acme.example\n")
    patrol_all(everything=True)
    purge_request.refresh_from_db()
    assert purge_request.status == "residue"
    assert list(purge_request.residues.values_list("table", "column", "row")) == [
        ("users_importlog", "file", str(late.pk))
    ]
    assert default_storage.exists(other.file.name)


def test_a_forked_process_speaks_through_connections_of_its_own(bucket):
    assert not default_storage.exists("nothing")
    before = default_storage.connection
    child = os.fork()
    if not child:
        same = getattr(default_storage._wrapped._connections, "connection", None) is before
        os._exit(1 if same else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert default_storage.connection is before
