"""The note for the register on the confirmation, and later on the request's own page."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone

from purge.models import PurgeRequest, RegisterNote
from purge.tasks import run_request
from tests.factories.users import AdministratorFactory, UserFactory
from tests.lms_purge.cleanup.test_confirmation_page import begin, press, text_of
from users.models import PurgeDraft

pytestmark = pytest.mark.django_db
TYPED = {
    "note-asked_by": "works_council",
    "note-basis": "objection",
    "note-ticket": "WC-17",
    "note-received_on": "2026-01-31",
    "note-reason": "By letter of the works council",
}


def folded(page):
    """Whether the note is folded on this page."""
    return re.search(r'<details class="pg-box pg-note"( open)?>', page).group(1) is None


def test_it_is_folded_behind_the_button_and_can_be_left_alone(as_admin, deleted):
    url = begin(as_admin, deleted(name="Lee Leaver"))
    page = text_of(as_admin.get(url))
    assert folded(page)
    assert page.index("Permanently purge 1 person") < page.index("Add a note for the register")
    press(as_admin, url)
    assert PurgeRequest.objects.count() == 1
    assert not RegisterNote.objects.exists()


def test_what_is_typed_is_written_with_the_request_and_leaves_the_draft(as_admin, admin, deleted):
    url = begin(as_admin, deleted(name="Lee Leaver"))
    page = as_admin.get(press(as_admin, url, **TYPED)).content.decode()
    row = RegisterNote.objects.get()
    assert (row.asked_by, row.basis, row.ticket, row.changed_by) == ("works_council", "objection", "WC-17", admin)
    assert (row.received_on, row.answer_by) == (date(2026, 1, 31), date(2026, 2, 28))
    assert row.reason == "By letter of the works council"
    assert not PurgeDraft.objects.exists()
    for words in ("Works council", "WC-17", "Answer the person by", "28 Feb 2026", "By letter of the works council"):
        assert words in page


def test_what_is_wrong_is_said_above_and_the_rest_is_still_there(as_admin, deleted):
    person = deleted(name="Lee Leaver", email="lee@leaver.example", unique_user_id="U-77")
    url = begin(as_admin, person)
    tomorrow = (timezone.localdate() + timedelta(days=2)).isoformat()
    for name, text, words in [
        ("reason", "Ms Leaver wrote to us", "The reason names somebody"),
        ("reason", "from lee@leaver.example", "The reason names somebody"),
        ("ticket", "U-77", "The ticket names somebody"),
        ("ticket", "two words", "without blanks"),
        ("received_on", tomorrow, "not in the future"),
        ("received_on", "soon", "Give a day as year"),
        ("asked_by", "the mayor", "Choose one"),
    ]:
        back = press(as_admin, url, **{**TYPED, f"note-{name}": text})
        page = as_admin.get(back)
        shown = text_of(page)
        assert back == url
        assert not folded(shown)
        assert any(words in each for _target, each in page.context["summary"]), name
        # What names somebody, or is none, is kept nowhere; the rest is.
        kept = str(PurgeDraft.objects.values_list("note", "facts").get())
        assert text not in kept
        for other, typed in TYPED.items():
            if other != f"note-{name}":
                assert typed in kept, (name, other)
        assert not PurgeRequest.objects.exists()
    assert "By letter of the works council" in text_of(as_admin.get(url))
    press(as_admin, url, **TYPED)
    assert RegisterNote.objects.get().ticket == "WC-17"


def test_what_was_typed_survives_another_mistake_and_a_reload(as_admin, deleted):
    many = [deleted(name=f"Lee Leaver {n}") for n in range(2)]
    url = begin(as_admin, *many)
    # Somebody else is restored meanwhile, so the page is shown again.
    as_admin.get(url)
    page = as_admin.get(url)
    many[0].refresh_from_db()
    type(many[0]).objects.filter(pk=many[0].pk).update(state="active", deleted_at=None, deleted_month=None)
    as_admin.post(page.context["action"], {"plan": page.context["plan"], **TYPED})
    for _again in range(2):
        shown = text_of(as_admin.get(url))
        assert "By letter of the works council" in shown
        assert 'value="2026-01-31"' in shown
        assert not folded(shown)
    press(as_admin, url, **TYPED)
    assert RegisterNote.objects.get().request.selected_count == 1


def test_it_is_added_later_by_whoever_may_purge_and_read_by_the_account(client, as_admin, admin, account, deleted):
    press(as_admin, begin(as_admin, person := deleted(name="Lee Leaver", email="lee@leaver.example")))
    purge_request = PurgeRequest.objects.get()
    run_request(purge_request.pk)
    page = f"/admin/purge/purgerequest/{purge_request.pk}/change/"
    note = f"/admin/purge/purgerequest/{purge_request.pk}/note/"
    assert "Add a note for the register" in text_of(as_admin.get(page))
    refused = as_admin.post(note, {**TYPED, "note-reason": f"{person.name} has left"})
    assert refused.status_code == 200
    assert "The reason names somebody" in text_of(refused)
    assert not RegisterNote.objects.exists()
    assert as_admin.post(note, TYPED).url == f"{page}#register-note"
    assert RegisterNote.objects.get().ticket == "WC-17"
    shown = text_of(as_admin.get(page))
    assert "Change this note" in shown
    # Who did it stands in the history, by a name that is drawn from the number.
    assert f"Note for the register written, {admin.name}" in shown
    stranger = AdministratorFactory(account__name="Elsewhere", password="pass-word-1")
    client.force_login(stranger)
    assert (client.get(page).status_code, client.post(note, TYPED).status_code) == (404, 404)
    # Support reads how it is filed, and not the free text.
    client.force_login(UserFactory(account__kind="system", is_support=True))
    shown = text_of(client.get(page))
    assert "WC-17" in shown
    assert "By letter of the works council" not in shown
    assert "somebody of the account" in shown
    assert admin.name not in shown
    assert client.post(note, {**TYPED, "note-ticket": "WC-18"}).status_code == 403
    assert RegisterNote.objects.get().ticket == "WC-17"
