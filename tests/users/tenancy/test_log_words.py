"""What the admin's log says to people: no model's, column's or Python's words."""

import json

import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.utils.translation import override

from learning.models import Session
from tests.factories.users import UserFactory
from users.models import InternalUser, User
from users.tenancy.log_words import changes_of, record_of

pytestmark = pytest.mark.django_db


def entry(model, message, flag=CHANGE, number="12"):
    return LogEntry(
        content_type=ContentType.objects.get_for_model(model, for_concrete_model=False),
        object_id=number,
        object_repr=f"{model._meta.model_name} {number}",
        action_flag=flag,
        change_message=message if isinstance(message, str) else json.dumps(message),
    )


@pytest.mark.parametrize(
    ("model", "message", "flag", "said"),
    [
        (User, [{"added": {}}], ADDITION, "Added."),
        (User, "", DELETION, "Deleted."),
        (User, [], CHANGE, "Nothing was changed."),
        (User, [{"changed": {"fields": ["unique_user_id", "name"]}}], CHANGE, "Changed: Unique User ID, name."),
        (User, [{"changed": {"fields": ["roles"]}}], CHANGE, "Changed: roles."),
        (User, [{"changed": {"fields": ["second_factors"]}}], CHANGE, "Changed: second factors."),
        (User, [{"changed": {"fields": ["gone_since"]}}], CHANGE, "Changed: gone since."),
        (
            Session,
            [{"added": {"name": "session instructor", "object": "sessioninstructor None"}}],
            CHANGE,
            "Added session instructor.",
        ),
        (
            Session,
            [
                {"changed": {"fields": ["starts_at"]}},
                {"deleted": {"name": "Kursleitung", "object": "sessioninstructor 7"}},
            ],
            CHANGE,
            "Changed: starts. Deleted session instructor 7.",
        ),
        (
            User,
            [{"changed": {"name": "active field value", "object": "activefieldvalue 3", "fields": ["value"]}}],
            CHANGE,
            "Changed value of an active field 3: value.",
        ),
        (User, "Written by an earlier release.", CHANGE, "Written by an earlier release."),
        (User, "12", CHANGE, "12"),
    ],
)
def test_what_was_done_is_said_in_words(model, message, flag, said):
    assert changes_of(entry(model, message, flag)) == said


def test_it_is_said_in_the_language_of_whoever_reads():
    moved = entry(Session, [{"changed": {"fields": ["venue"]}}, {"added": {"object": "sessioninstructor 7"}}])
    with override("de"):
        assert changes_of(moved) == "Geändert: Ort. Hinzugefügt: Kursleitung eines Termins 7."
    with override("fr"):
        assert changes_of(moved).startswith("Modification : lieu. Ajout : ")


def test_a_record_is_named_by_its_kind_and_number():
    assert record_of(entry(InternalUser, "")) == "Internal user 12"
    assert record_of(LogEntry(content_type=None, object_id="12")) == "–"
    gone = LogEntry(content_type=ContentType(app_label="old", model="thing"), object_id="12")
    assert (record_of(gone), changes_of(gone)) == ("–", "Nothing was changed.")


def test_the_operators_list_and_page_have_plain_heads(client):
    operator = UserFactory(is_superuser=True)
    client.force_login(operator)
    row = entry(User, [{"changed": {"fields": ["unique_user_id"]}}])
    row.user = operator
    row.save()
    for page in ("", f"{row.pk}/change/", f"{row.pk}/history/"):
        text = client.get(f"/admin/admin/logentry/{page}").content.decode()
        assert "User 12" in text
        assert "Changed: Unique User ID." in text
        assert "“user 12”" not in text
        assert not any(word in text for word in ("Object repr", "change message", "Change message", "unique_user_id"))
