"""Every page of the admin, the lists of the navigation and the form of a row of every model: no accessibility
violation, no overflow, no word in the console; in the light and in the dark, at full width, zoomed, and on a phone."""

import io

from django.contrib import admin as admin_site
from django.test import Client
from django.urls import reverse

from tests.browser.test_every_page import inspect
from tests.factories.account_world import AccountWorld
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import CourseFactory, EnrolmentFactory, SessionFactory
from tests.factories.messaging import AnnouncementFactory
from tests.factories.users import AccountFactory, ImportLogFactory, UserFactory
from tests.page_weight import MOST, weight_of
from users.imports.services import user_import_start
from users.models import AccountKind

#: Pages that tests of their own look at, in all four ways.
ELSEWHERE = ("/admin/users/deleteduser/", "/admin/purge/")


class Seen:
    """Pages as somebody signed in gets them, weighed, and which of them are made like one that was looked at before."""

    def __init__(self, user) -> None:
        self.client = Client()
        self.client.force_login(user)
        self.kinds: set[tuple[str, ...]] = set()

    def get(self, path: str):
        answer = self.client.get(path, follow=True)
        if answer.status_code == 200:
            assert weight_of(self.client, answer) <= MOST, path
        return answer

    def is_new(self, answer) -> bool:
        """Whether no page of the same templates was looked at. A page's own template is the first; others put rows of
        other tables into it."""
        names = [template.name for template in answer.templates if template.name]
        kind = (names[0], *sorted({name for name in names if "/edit_inline/" in name or "select2" in name}))
        seen = kind in self.kinds
        self.kinds.add(kind)
        return not seen


def pages_in_navigation(page) -> list[str]:
    links = page.locator("#lms-nav a").evaluate_all("links => links.map(link => new URL(link.href).pathname)")
    return [path for path in dict.fromkeys(links) if not path.startswith(ELSEWHERE)]


def furnish(account) -> None:
    """A row or two in the lists that people open most."""
    person = UserFactory(account=account, unique_user_id=f"{account.pk}-W")
    UserFactory(account=account, kind="external")
    session = SessionFactory(course=CourseFactory(account=account, author=person))
    EnrolmentFactory(user=person, course=session.course)
    AnnouncementFactory(account=account, author=person)
    connector = ConnectorFactory(account=account, name="Night feed")
    FtpSettingsFactory(connector=connector)
    ImportLogFactory(account=account, content="Name,E-Mail\nAnn,ann@people.example\n")


def test_every_page_in_the_navigation(visit, admin, account):
    furnish(account)
    visitor = visit(admin)
    paths = pages_in_navigation(visitor.go("/admin/"))
    assert len(paths) > 20
    seen = Seen(admin)
    for path in paths:
        inspect(visitor.go(path), path, like_another=not seen.is_new(seen.get(path)))
    assert len(seen.kinds) > 3


def test_the_form_of_a_row_of_every_model(visit):
    """In the light at full width, in the dark on a phone; of those that are made alike, the others on a phone."""
    world = AccountWorld("Orchard")
    visitor = visit(world.administrator)
    seen = Seen(world.administrator)
    paths = []
    for model in admin_site.site._registry:
        row, names = world.of(model), f"admin:{model._meta.app_label}_{model._meta.model_name}"
        if not reverse(f"{names}_changelist").startswith(ELSEWHERE):
            paths += [reverse(f"{names}_change", args=[row.pk]), reverse(f"{names}_add")]
    # Some are not for administrators, and most records are not typed.
    answers = {path: answer for path in paths if (answer := seen.get(path)).status_code == 200}
    assert len(answers) > 40
    for path, answer in answers.items():
        inspect(visitor.go(path), path, long=True, like_another=not seen.is_new(answer))


def test_imports(visit, admin, account):
    furnish(account)
    visitor = visit(admin)
    inspect(visitor.go(reverse("admin:users_importlog_add")), "upload", long=True)
    log = user_import_start(
        acting_user=admin,
        account=account,
        file=io.BytesIO(b"Name,E-Mail,Badge\nAnn,ann@people.example,7\n"),
        confirm=True,
    )
    inspect(visitor.go(reverse("admin:users_importlog_columns", args=[log.pk])), "columns", long=True)
    inspect(visitor.go(reverse("admin:users_importlog_change", args=[log.pk])), "import", long=True)


def test_sign_in_and_the_pages_of_a_superuser(visit):
    inspect(visit().go("/admin/login/"), "sign in")
    system = AccountFactory(kind=AccountKind.SYSTEM)
    visitor = visit(UserFactory(account=system, is_superuser=True))
    inspect(visitor.go("/admin/"), "home of a superuser", long=True)
    inspect(visitor.go("/admin/purge/purgerequest/"), "requests of a superuser", long=True)
