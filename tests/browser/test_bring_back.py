"""Adding somebody who had been deleted: one question, one click, and nothing typed twice."""

from playwright.sync_api import expect

from users.models import User, UserState


def test_a_deleted_user_is_brought_back_with_one_click(visit, account, admin, deleted):
    hugo = deleted(name="Hugo Vidal", email=f"hugo-{account.pk}@aurora.example")
    visitor = visit(admin, viewport={"width": 1000, "height": 800})
    page = visitor.go("/admin/users/externaluser/add/")
    page.locator("#id_name").fill("Hugo Vidal-Roth")
    page.locator("#id_email").fill(hugo.email)
    page.locator("#id_adobe_id").fill("hugo-new")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Hugo Vidal was deleted and can come back")).to_be_visible()
    page.get_by_role("link", name="Use another address").click()
    expect(page.locator("#id_email")).to_be_focused()
    expect(page.locator("#id_adobe_id")).to_have_value("hugo-new")
    page.get_by_role("button", name="Bring Hugo Vidal back as Learner").click()
    expect(page.get_by_text("is brought back, as Learner")).to_be_visible()
    hugo.refresh_from_db()
    assert (hugo.state, hugo.name, hugo.adobe_id) == (UserState.ACTIVE, "Hugo Vidal-Roth", "hugo-new")
    assert User.objects.filter(account=account).count() == 2
