"""The report by eye and by keyboard, the sheet that is printed, and the name that no request carries."""

from datetime import timedelta

import pytest
from django.utils import timezone

from purge.choices import Status
from purge.models import PurgeRequest
from purge.references import new_reference
from tests.browser.test_every_page import REQUESTS, inspect

TYPED = "Zenobia Typewritten"


@pytest.fixture
def done(account):
    now = timezone.now()
    return PurgeRequest.objects.create(
        reference=new_reference(),
        route="ui_enterprise",
        origin="admin",
        account_id=account.pk,
        key_fingerprint="0",
        status=Status.COMPLETED,
        planned=True,
        accepted_at=now - timedelta(hours=2),
        due_at=now + timedelta(days=30),
        completed_at=now,
        verified_at=now,
    )


def test_a_bar_is_followed_by_keyboard_and_a_sheet_has_no_navigation(visit, admin, done):
    page = visit(admin).go(f"{REQUESTS}report/")
    inspect(page, "report")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(media="print")
    assert page.locator(".print-only").is_visible()
    assert not page.locator("#lms-nav").is_visible()
    assert page.evaluate("getComputedStyle(document.querySelector('.main')).backgroundImage") == "none"
    page.emulate_media(media="screen")
    assert not page.locator(".print-only").is_visible()
    page.locator("svg.chart a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/purgerequest/?figure=**")
    assert page.get_by_role("link", name=done.reference).is_visible()


def test_the_name_in_the_letter_is_in_no_request(visit, admin, done):
    visitor = visit(admin)
    asked = []
    visitor.context.on("request", lambda request: asked.append(f"{request.url} {request.post_data} {request.headers}"))
    page = visitor.go(f"{REQUESTS}{done.pk}/change/")
    page.get_by_text("Letter to the person").first.click()
    field = page.get_by_label("Name, for this page alone")
    field.fill(TYPED)
    assert f"Dear {TYPED}," in page.locator("#letter-text").inner_text()
    inspect(page, "letter", long=True)
    field.press("Enter")
    page.reload()
    page.wait_for_load_state("networkidle")
    assert "Dear ______," in page.locator("#letter-text").text_content()
    assert page.locator("#letter-name").input_value() == ""
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie, location.href])")
    assert TYPED not in kept
    assert len(asked) > 2
    assert not [request for request in asked if "Zenobia" in request]


#: Per chart: how large its smallest word is on the screen, and which words of its foot cover one another.
WORDS_OF_CHARTS = """charts => charts.map(chart => {
    const size = each => parseFloat(getComputedStyle(each).fontSize) * chart.clientWidth / 640;
    const foot = [...chart.querySelectorAll(".label")].map(each => [each.textContent, each.getBoundingClientRect()]);
    const covered = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
    return {
        smallest: Math.min(...[...chart.querySelectorAll("text")].map(size)),
        covered: foot.filter(([, at], n) => foot.slice(n + 1).some(([, by]) => covered(at, by))).map(([text]) => text),
    };
})"""


def test_the_words_of_charts_can_be_read(visit, admin, done):
    """However wide a chart is: it is a drawing, whose words would shrink with it."""
    page = visit(admin).go("/admin/")
    for width in (1280, 800, 360):
        page.set_viewport_size({"width": width, "height": 900})
        charts = page.locator("svg.chart").evaluate_all(WORDS_OF_CHARTS)
        assert len(charts) > 1
        for chart in charts:
            assert chart["smallest"] >= 11, width
            assert chart["covered"] == [], width
