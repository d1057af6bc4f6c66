import pytest

from messaging import services
from messaging.models import AnnouncementState, SavedReportShare
from tests.factories.messaging import AnnouncementFactory, SavedReportFactory, TranscriptDownloadFactory
from tests.factories.users import UserFactory
from users.models import UserState
from users.services import ServiceError, UserFrozen

pytestmark = pytest.mark.django_db


def test_a_report_is_shared_with_each_person_once():
    report = SavedReportFactory()
    friend = UserFactory(account=report.account)
    assert services.saved_report_share(acting_user=report.owner, report=report, users=[friend]) == 1
    assert services.saved_report_share(acting_user=report.owner, report=report, users=[friend]) == 0


def test_a_report_is_not_shared_with_strangers_or_people_being_purged(put_in_state):
    report = SavedReportFactory()
    with pytest.raises(ServiceError, match="its account"):
        services.saved_report_share(acting_user=report.owner, report=report, users=[UserFactory()])
    frozen = UserFactory(account=report.account)
    put_in_state(frozen, UserState.PURGING)
    with pytest.raises(UserFrozen):
        services.saved_report_share(acting_user=report.owner, report=report, users=[frozen])
    assert not SavedReportShare.objects.exists()


def test_who_publishes_an_announcement_without_author_is_its_author():
    announcement = AnnouncementFactory(author=None)
    admin = UserFactory(account=announcement.account)
    services.announcement_publish(acting_user=admin, announcement=announcement)
    announcement.refresh_from_db()
    assert (announcement.state, announcement.author) == (AnnouncementState.PUBLISHED, admin)
    with pytest.raises(ServiceError, match="published already"):
        services.announcement_publish(acting_user=admin, announcement=announcement)


def test_a_download_is_stored_under_its_makers_public_id():
    download = TranscriptDownloadFactory()
    assert download.file.name.startswith(f"people/{download.generated_by.public_id}/")
    assert download.file.name.endswith(".csv")
    assert "transcripts" not in download.file.name
