"""Every page of the admin that an administrator or a superuser can open from the navigation: no accessibility
violation, no overflow, no word in the console; in the light at full width, in the dark on a phone."""

import io

from django.urls import reverse

from tests.browser.test_every_page import inspect
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import CourseFactory, EnrolmentFactory, SessionFactory
from tests.factories.messaging import AnnouncementFactory
from tests.factories.users import AccountFactory, ImportLogFactory, UserFactory
from users.imports.services import user_import_start
from users.models import AccountKind

#: Pages that tests of their own look at, in all four ways.
ELSEWHERE = ("/admin/users/deleteduser/", "/admin/purge/")


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
    for path in paths:
        inspect(visitor.go(path), path, long=True)


def test_forms_and_imports(visit, admin, account):
    furnish(account)
    visitor = visit(admin)
    for name in ("users_internaluser", "learning_course", "messaging_announcement", "connectors_connector"):
        inspect(visitor.go(reverse(f"admin:{name}_add")), name, long=True)
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
