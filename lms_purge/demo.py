"""Demo data: two enterprise accounts and three trials, people imported from a CSV, and what they left behind.

Made once; a database that holds other accounts is left alone. The password of the demo's sign-ins is derived from the
installation's secret key, so it differs from machine to machine and can be printed at every start.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import io
from base64 import b32encode
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from connectors.models import (
    ApplicationGrant,
    Connector,
    ConnectorKind,
    ConnectorState,
    ExternalApplication,
    FtpSettings,
    ZoomSettings,
)
from learning.models import (
    Board,
    Comment,
    Course,
    CourseKind,
    CourseState,
    Enrolment,
    Feedback,
    Post,
    Session,
    SessionInstructor,
)
from messaging.models import Announcement
from users.imports.services import user_import_run, user_import_start
from users.models import Account, AccountKind, Role, User, UserGroup, UserRole
from users.services import account_create, operator_create, trial_account_create, user_create, user_delete

FIRST = (  # noqa: SIM905 - forty names, a line each, would hide the rest
    "Ada Alan Barbara Bruno Carla Chen Dalia Diego Edith Emil Fatima Felix Grace Hugo Ines Ivan Jana Jonas Kira Kofi "
    "Lena Luis Maya Milan Nadia Noor Olga Omar Paula Pavel Rosa Ravi Sara Sven Tara Theo Uma Viktor Wanda Yusuf"
).split()
LAST = (  # noqa: SIM905
    "Archer Baker Castro Dietrich Eriksen Fontaine Gupta Hansen Ito Jensen Keller Lopez Moreau Novak Okafor Petrov "
    "Quinn Rossi Sato Tanaka Ulrich Vidal Weber Young Zeller"
).split()
PROFILES = ("Engineer", "Sales", "Support", "Designer", "Finance", "Trainer", "Operations")

#: Deleted people of Acme: months ago → how many. One month has more than a request may take.
DELETED = {1: 56, 2: 9, 4: 6, 7: 4}
ACTIVE = 60
COURSES = ("Safety at work", "First aid", "Data protection", "Writing for customers", "Forklift licence", "Negotiation")


@dataclass(frozen=True)
class SignIn:
    """How to sign in, for the terminal."""

    who: str
    email: str


SIGN_INS = (
    SignIn("administrator of an enterprise account", "admin@acme.example"),
    SignIn("administrator of a trial account", "admin@northwind.example"),
    SignIn("support", "support@lms.example"),
    SignIn("superuser", "root@lms.example"),
)


def demo_password() -> str:
    digest = hmac.new(settings.SECRET_KEY.encode(), b"demo sign-ins", hashlib.sha256).digest()
    letters = b32encode(digest)[:12].decode().lower()
    return "-".join(letters[at : at + 4] for at in range(0, 12, 4))


#: Of the accounts that are made here.
SUBDOMAINS = ("acme", "globex", "northwind", "sandbox", "old-trial")


def is_loaded() -> bool:
    return Account.objects.filter(subdomain="acme").exists() and Account.objects.filter(subdomain="northwind").exists()


def may_load() -> bool:
    """Unasked, only into a database without accounts."""
    return not Account.objects.exists()


def taken_subdomains() -> list[str]:
    """Those of the demo's accounts that other accounts have."""
    return sorted(Account.objects.filter(subdomain__in=SUBDOMAINS).values_list("subdomain", flat=True))


def is_for_real_people() -> bool:
    """Whether others than who started it reach the site."""
    return bool(settings.LMS_HTTPS)


@transaction.atomic
def load() -> None:
    """Load it all, in one transaction."""
    password = demo_password()
    operator_create(email="root@lms.example", name="Operator", password=password)
    operator_create(email="support@lms.example", name="Support", password=password, support=True)
    acme = account_create(
        acting_user=None,
        name="Acme",
        subdomain="acme",
        kind=AccountKind.ENTERPRISE,
        time_zone="Europe/Berlin",
        support_emails="help@acme.example; ada.archer@acme.example",
    )
    admin = _administrator(acme, "admin@acme.example", "Robin Admin", password)
    _administrator(acme, "second@acme.example", "Sam Second", password)
    globex = account_create(acting_user=None, name="Globex", subdomain="globex", kind=AccountKind.ENTERPRISE)
    _administrator(globex, "admin@globex.example", "Kim Globex", password)
    user_create(acting_user=None, account=globex, email=_address(0), name=_name(0))
    _import(acme, admin)
    _trials(password)
    _platform(acme, admin)


def _administrator(account: Account, email: str, name: str, password: str) -> User:
    return user_create(
        acting_user=None,
        account=account,
        email=email,
        name=name,
        password=password,
        roles=[Role.ADMINISTRATOR],
        registered=True,
    )


def _name(number: int) -> str:
    return f"{FIRST[number % len(FIRST)]} {LAST[(number * 7) % len(LAST)]}"


def _address(number: int) -> str:
    first, last = _name(number).lower().split()
    again = "" if number < len(FIRST) else str(number)
    return f"{first}.{last}{again}@acme.example"


def _month_day(months_ago: int, number: int) -> date:
    """A day of the month that many months ago."""
    today = timezone.localdate()
    year, month = divmod(today.year * 12 + today.month - 1 - months_ago, 12)
    return date(year, month + 1, 1 + number % 27)


def people_csv() -> str:
    """The demo's import file: people in use, then people who were deleted over the last months."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["Name*", "E-Mail*", "Unique User ID", "Profile", "Manager", "State", "Deletion date"])
    deleted = [months for months, number in DELETED.items() for _n in range(number)]
    for number in range(len(deleted) + ACTIVE):
        row = [_name(number), _address(number), f"U-{1001 + number}", PROFILES[number % len(PROFILES)]]
        if number < len(deleted):
            row += ["", "DELETED", _month_day(deleted[number], number).isoformat()]
        else:
            manager = number - (number - len(deleted)) % 8
            row += ["ROOT" if manager == number else _address(manager), "ACTIVE", ""]
        writer.writerow(row)
    return out.getvalue()


def _import(acme: Account, admin: User) -> None:
    log = user_import_start(acting_user=admin, account=acme, file=io.BytesIO(people_csv().encode("utf-8-sig")))
    user_import_run(log_id=log.pk)


def _trials(password: str) -> None:
    """A match, a match who created a trial account, and an expired trial."""
    northwind = trial_account_create(
        name="Northwind (trial)",
        subdomain="northwind",
        email="founder@northwind.example",
        creator_name="Fran Founder",
        password=password,
    )
    _administrator(northwind, "admin@northwind.example", "Alex Trial", password)
    user_create(acting_user=None, account=northwind, email=_address(0), name=_name(0))
    trial_account_create(
        name=f"{_name(1)}'s trial", subdomain="sandbox", email=_address(1), creator_name=_name(1), password=password
    )
    trial_account_create(
        name="Old trial",
        subdomain="old-trial",
        email="somebody@old.example",
        creator_name="Someone Else",
        password=password,
        expires_on=date(2025, 12, 31),
    )
    leaver = user_create(
        acting_user=None,
        account=northwind,
        email="leaver@northwind.example",
        name="Lou Leaver",
        unique_user_id="N-1",
    )
    user_delete(acting_user=None, user=leaver, moment=timezone.now() - timedelta(days=20))


def _platform(acme: Account, admin: User) -> None:
    """Courses, records, posts, announcements, connectors and outside applications that name the first people."""
    people = list(User.objects.filter(account=acme, unique_user_id__isnull=False).order_by("pk"))
    first, second, third = people[:3]
    now = timezone.now()
    courses = [
        Course(
            account=acme,
            code=f"C-{number + 1:03}",
            title=title,
            description=f"Questions go to {first.email}." if number == 0 else "",
            kind=CourseKind.CLASSROOM if number < 3 else CourseKind.SELF_PACED,
            state=CourseState.PUBLISHED,
            author=people[number] if number < 2 else admin,
        )
        for number, title in enumerate(COURSES)
    ]
    Course.objects.bulk_create(courses)
    UserRole.objects.get_or_create(user=second, role=Role.INSTRUCTOR)
    for number, course in enumerate(courses[:3]):
        session = Session.objects.create(
            course=course,
            title=f"{course.title}, group {number + 1}",
            starts_at=now + timedelta(days=14 + number),
            ends_at=now + timedelta(days=14 + number, hours=3),
            organiser_email=second.email if number == 1 else "",
            notes=f"Bring your badge. Ask {third.email} for a parking space." if number == 0 else "",
        )
        SessionInstructor.objects.create(session=session, user=second if number < 2 else admin)
    Enrolment.objects.bulk_create(
        Enrolment(user=person, course=courses[(at + number) % len(courses)], enrolled_by=first if at % 9 == 0 else None)
        for at, person in enumerate(people)
        for number in range(3)
    )
    Feedback.objects.bulk_create(
        Feedback(user=person, course=courses[at % len(courses)], rating=1 + at % 5, learner_text="Useful.")
        for at, person in enumerate(people[:80])
    )
    board = Board.objects.create(account=acme, name="Tips and questions", creator=first)
    for at, person in enumerate(people[:12]):
        post = Post.objects.create(board=board, author=person, title="Hello", body=f"Hello from {person.email}.")
        Comment.objects.create(post=post, author=people[-1 - at], body=f"Thanks! I wrote to {person.email}.")
    Announcement.objects.create(
        account=acme, author=first, title="New catalogue", body=f"Write to {first.email} or {second.email}."
    )
    UserGroup.objects.create(account=acme, name="New colleagues", creator=second)
    _connectors(acme, first, third)
    application = ExternalApplication.objects.create(
        account=acme,
        name="Payroll",
        organisation="Payroll Ltd.",
        contact_email="privacy@payroll.example",
        owner=admin,
    )
    ApplicationGrant.objects.bulk_create(
        ApplicationGrant(application=application, user=person, last_used_at=now) for person in people[:10]
    )


def _connectors(acme: Account, first: User, third: User) -> None:
    ftp = Connector.objects.create(
        account=acme, kind=ConnectorKind.FTP, name="Nightly user feed", state=ConnectorState.ENABLED
    )
    FtpSettings.objects.create(connector=ftp, host="ftp.acme.example", user_name="feed", contact_email=first.email)
    zoom = Connector.objects.create(
        account=acme, kind=ConnectorKind.ZOOM, name="Virtual classrooms", state=ConnectorState.ENABLED
    )
    ZoomSettings.objects.create(connector=zoom, zoom_account="acme", client_id="demo", super_admin_email=third.email)
