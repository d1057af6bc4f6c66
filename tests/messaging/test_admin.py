import pytest
from django.urls import reverse

from messaging.models import AnnouncementState, Notification
from tests.factories.messaging import AnnouncementFactory, NotificationFactory
from tests.factories.users import AdministratorFactory, UserFactory

pytestmark = pytest.mark.django_db

LIST = "admin:messaging_notification_changelist"


@pytest.fixture
def administrator(client):
    user = AdministratorFactory()
    client.force_login(user)
    return user


def test_everybody_sees_his_own_notifications_alone(administrator, client):
    mine = NotificationFactory(recipient=administrator, title="Mine")
    colleague = NotificationFactory(recipient=AdministratorFactory(account=administrator.account), title="His")
    text = client.get(reverse(LIST)).content.decode()
    assert "Mine" in text
    assert "His" not in text
    assert client.get(reverse("admin:messaging_notification_change", args=[mine.pk])).status_code == 200
    for page in ("change", "read"):
        answer = client.post(reverse(f"admin:messaging_notification_{page}", args=[colleague.pk]))
        assert answer.status_code in (403, 404)
    colleague.refresh_from_db()
    assert colleague.read_at is None


def test_a_superuser_and_support_see_their_own_alone_too(client):
    other = NotificationFactory(title="Not theirs")
    for flags in ({"is_superuser": True}, {"is_support": True}):
        user = UserFactory(**flags)
        NotificationFactory(recipient=user, title="Their own")
        client.force_login(user)
        text = client.get(reverse(LIST)).content.decode()
        assert "Their own" in text
        assert other.title not in text


def test_reading_one_and_all(administrator, client):
    first, second = NotificationFactory.create_batch(2, recipient=administrator)
    other = NotificationFactory()
    client.post(reverse("admin:messaging_notification_read", args=[first.pk]))
    assert set(Notification.objects.filter(read_at=None)) == {second, other}
    assert client.get(reverse("admin:messaging_notification_read_all")).status_code == 302
    assert set(Notification.objects.filter(read_at=None)) == {second, other}
    client.post(reverse("admin:messaging_notification_read_all"))
    assert set(Notification.objects.filter(read_at=None)) == {other}


def test_the_page_of_a_notification_leads_on(administrator, client):
    mine = NotificationFactory(recipient=administrator, link="/admin/purge/purgerequest/7/change/")
    other = NotificationFactory(link="/admin/purge/purgerequest/7/change/")
    answer = client.get(reverse("admin:messaging_notification_change", args=[mine.pk]))
    assert (answer.status_code, answer["Location"]) == (302, "/admin/purge/purgerequest/7/change/")
    # Whoever opens one has read it; nobody reads another's.
    client.get(reverse("admin:messaging_notification_change", args=[other.pk]))
    assert set(Notification.objects.filter(read_at=None)) == {other}


def test_one_that_leads_nowhere_has_a_page_of_its_own_and_is_read(administrator, client):
    mine = NotificationFactory(recipient=administrator, link="", text="Two things are left to do.")
    answer = client.get(reverse("admin:messaging_notification_change", args=[mine.pk]))
    assert "Two things are left to do." in answer.content.decode()
    assert not Notification.objects.filter(read_at=None).exists()


def test_announcements_are_published_and_retired_from_the_list(administrator, client):
    announcement = AnnouncementFactory(account=administrator.account)
    for action, state in [("publish", AnnouncementState.PUBLISHED), ("retire", AnnouncementState.RETIRED)]:
        client.post(
            reverse("admin:messaging_announcement_changelist"),
            {"action": action, "_selected_action": [announcement.pk]},
        )
        announcement.refresh_from_db()
        assert announcement.state == state


def test_an_announcement_is_the_account_of_who_writes_it(administrator, client):
    stranger = UserFactory()
    form = {"title": "Closed", "body": "On Monday.", "author": administrator.pk, "account": stranger.account_id}
    add = reverse("admin:messaging_announcement_add")
    assert client.post(add, {**form, "author": stranger.pk}).status_code == 200
    assert client.post(add, form).status_code == 302
    [announcement] = administrator.announcements.all()
    assert announcement.account == administrator.account
