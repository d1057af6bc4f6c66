"""Each page of the purge's own, by light and in the dark, wide and narrow: no accessibility violation, no overflow."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from connectors.models import ConnectorState
from purge.choices import Status
from purge.models import FollowUp, ImsNotice, PurgeRequest, Residue
from purge.services import purge_submit, purge_submit_ims
from purge.tasks import run_request
from tests.factories.connectors import ApplicationGrantFactory, ConnectorFactory, FtpSettingsFactory
from tests.factories.learning import CourseFactory, EnrolmentFactory
from tests.factories.users import UserFactory
from users.models import Role

CLEANUP = "/admin/users/deleteduser/"
REQUESTS = "/admin/purge/purgerequest/"
AXE = Axe()
#: What is asked, and no more than that is told: what axe has found to be right is much, and nobody reads it.
ASK = "options => axe.run(document, options).then(told => told.violations.map(each => [each.id, each.nodes]))"


def inspect(page, name: str, *, long: bool = False, like_another: bool = False) -> None:
    """Both widths, both colour schemes, without loading the page anew. A long page: each of them once.

    In the second scheme of a width only the colours are asked about: nothing else of a page depends on it. Of a page
    that is made like another one, of which both are looked at, one is: its own rows and fields are in it.

    Nothing is wider than the window, also when the page is zoomed to twice its size: that is half as many pixels.
    """
    wide = () if like_another else ("light", "dark")
    for width, schemes in ((1280, wide), (640, ()), (360, ("dark", "light"))):
        page.set_viewport_size({"width": width, "height": 900})
        over = overflow(page)
        assert over <= 0, f"{name} is {over} px too wide at {width}"
        for scheme in schemes[:1] if long or like_another else schemes:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            told = violations(page, only=() if scheme == schemes[0] else ("color-contrast",))
            assert told == [], f"{name}, {width} px, {scheme}"
    assert moving(page) == [], name


def moving(page) -> list[str]:
    """What still moves on a page although its reader asked that nothing does."""
    return page.evaluate(
        """() => document.getAnimations()
            .filter(each => each.playState === "running" && each.effect.getComputedTiming().duration > 20)
            .map(each => each.effect.target.className || each.effect.target.tagName)"""
    )


def violations(page, *, only: tuple[str, ...] = ()) -> list[tuple[str, list]]:
    """What axe says of a page (``only``: these rules of it); asked again while colours still fade."""
    # preload: axe would fetch the style sheets again, by addresses that are relative to them.
    options = {"preload": False, "resultTypes": ["violations"], **({"runOnly": list(only)} if only else {})}
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.axe_script)
    for _n in range(6):
        told = [(name, [node["target"] for node in nodes][:3]) for name, nodes in page.evaluate(ASK, options)]
        if not told:
            return []
        page.wait_for_timeout(100)
    return told


def overflow(page) -> int:
    """By how many pixels a page is too wide, once it has settled at its new width."""
    for _n in range(40):
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over <= 0:
            return 0
        page.wait_for_timeout(50)
    return over


@pytest.fixture
def people(account, deleted):
    """Two deleted users; others are affected when the first goes."""
    first = deleted(name="Ann Lee", unique_user_id=f"{account.pk}-1", roles=[Role.AUTHOR])
    second = deleted(name="Bob Ray", email=f"a-very-long-address-{'x' * 60}-{account.pk}@people.example")
    connector = ConnectorFactory(account=account, name="Night feed", state=ConnectorState.ENABLED)
    FtpSettingsFactory(connector=connector, contact_email=first.email)
    CourseFactory(account=account, author=first)
    EnrolmentFactory.create_batch(2, user=first)
    ApplicationGrantFactory(user=first, application__account=account)
    return [first, second]


def test_user_cleanup(visit, admin, people, account, deleted):
    held = deleted(name="Held Leaver")
    purge_submit(acting_user=admin, account_id=account.pk, user_ids=[held.pk])
    visitor = visit(admin)
    page = visitor.go(f"{CLEANUP}?month=2026-01&sort=uid")
    page.get_by_role("checkbox", name="Select Ann Lee").check()
    inspect(page, "deleted users")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_text("Select Deletion Month").click()
    inspect(page, "month picker")
    inspect(visitor.go(f"{CLEANUP}?q=nobody"), "nobody fits")
    inspect(visitor.go(f"{CLEANUP}?month=never"), "bad filter")
    inspect(visitor.go(f"{CLEANUP}{people[0].pk}/change/"), "pencil")


def test_the_list_is_light(visit, admin, deleted):
    """A cold visit of the list with fifty people, uncompressed."""
    for _n in range(50):
        deleted()
    visitor = visit(admin)
    answers = []
    visitor.context.on("response", lambda answer: answers.append(answer))
    page = visitor.go(CLEANUP)
    page.wait_for_load_state("networkidle")
    sizes = {answer.url.rpartition("/")[2] or answer.url: len(answer.body()) for answer in answers}
    assert sum(sizes.values()) < 450_000, sizes


def test_confirmation_and_refusal(visit, admin, people):
    visitor = visit(admin)
    page = visitor.go(CLEANUP)
    page.get_by_role("checkbox", name="Select Ann Lee").check()
    page.get_by_role("checkbox", name="Select Bob Ray").check()
    page.get_by_role("button", name="Purge User").click()
    page.get_by_role("heading", name="2 people will be erased for good").wait_for()
    inspect(page, "confirmation")
    page.get_by_role("button", name="Permanently purge 2 people").click()
    page.get_by_role("alert").first.wait_for()
    inspect(page, "confirmation with an error")
    # Without a script; with it the button waits until somebody is selected, and only the form can be sent.
    without = visit(admin, java_script_enabled=False).go(CLEANUP)
    without.get_by_role("button", name="Purge User").click()
    without.get_by_role("heading", name="Why").wait_for()
    page = visitor.go(CLEANUP)
    page.get_by_role("button", name="Unselect").click()
    page.locator("#cleanup-form").evaluate("form => form.submit()")
    page.get_by_role("heading", name="Why").wait_for()
    inspect(page, "refusal")


def test_other_users(visit, admin, account):
    account.support_emails = "partner@outside.example"
    account.save()
    page = visit(admin).go(f"{CLEANUP}other/")
    inspect(page, "other users")
    page.get_by_role("textbox", name="Email address").fill("partner@outside.example")
    page.get_by_role("button", name="Find the address").click()
    page.get_by_role("heading", name="Where it is found in this account").wait_for()
    inspect(page, "address found")


def test_the_list_of_requests_fits_its_frame(visit, admin, account, people, deleted):
    """Also of support, who reads of which account a request is and by which route it came."""
    for person in (*people, deleted()):
        purge_submit(acting_user=admin, account_id=account.pk, user_ids=[person.pk])
    PurgeRequest.objects.filter(account_id=account.pk).update(status=Status.NEEDS_ATTENTION)
    # The longest words of a next step, and a zone without letters.
    type(account).objects.filter(pk=account.pk).update(time_zone="Asia/Kathmandu")
    last = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[deleted().pk])
    run_request(last.pk)
    for row in range(12):
        FollowUp.objects.create(
            request=last, account_id=account.pk, kind="session", model="learning.Session", row=row + 1
        )
    for reader in (admin, UserFactory(is_support=True)):
        page = visit(reader).go(REQUESTS)
        expect(page.locator("#result_list tbody tr").nth(2)).to_be_visible()
        over = page.locator("#changelist .results").evaluate("frame => frame.scrollWidth - frame.clientWidth")
        assert over <= 0, f"{over} px too wide for {reader.pk}"
    expect(page.get_by_text("Aurora Ltd").first).to_be_visible()
    expect(page.locator("#result_list").get_by_text("Users of an enterprise account").first).to_be_visible()


def test_requests(visit, admin, account, people, deleted):
    done = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[people[0].pk])
    run_request(done.pk)
    odd = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[people[1].pk])
    PurgeRequest.objects.filter(pk=odd.pk).update(status=Status.RESIDUE, residue_left=1, reopened=True, planned=True)
    Residue.objects.create(request=odd, table="odd_table", column="odd_text", row="77", ruled=False)
    waiting = purge_submit(acting_user=admin, account_id=account.pk, user_ids=[deleted().pk])
    visitor = visit(admin)
    inspect(visitor.go(REQUESTS), "requests")
    for purge_request, name in ((done, "completed"), (odd, "residue"), (waiting, "queued")):
        inspect(visitor.go(f"{REQUESTS}{purge_request.pk}/change/"), name)
    support = visit(UserFactory(is_support=True))
    inspect(support.go(f"{REQUESTS}{odd.pk}/change/"), "residue, for support")


def test_look_up_data_map_and_routes(visit, admin):
    visitor = visit(admin)
    page = visitor.go(f"{REQUESTS}look-up/")
    page.get_by_label("Request ID, email address or Unique User ID").fill("nobody@people.example")
    page.get_by_role("button", name="Look up").click()
    page.get_by_text("No purge found for").wait_for()
    inspect(page, "look up")
    inspect(visitor.go(f"{REQUESTS}data-map/"), "data map", long=True)
    inspect(visitor.go(f"{REQUESTS}routes/"), "routes")


def test_notices(visit, admin, account):
    user = UserFactory(account=account)
    purge_submit_ims(email=user.email)
    notice = ImsNotice.objects.get(account_id=account.pk)
    visitor = visit(admin)
    inspect(visitor.go("/admin/purge/imsnotice/"), "notices")
    inspect(visitor.go(f"/admin/purge/imsnotice/{notice.pk}/change/"), "notice")
