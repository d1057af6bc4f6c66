"""The deletion concept as a document, and what is different from an earlier one."""

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from purge.models import EvidencePeriod
from purge.rules.periods import Evidence
from purge.services.evidence import evidence_periods_set
from tests.factories.users import AccountFactory, AdministratorFactory

pytestmark = pytest.mark.django_db


def ran(*arguments):
    out = io.StringIO()
    call_command("purge_rules", *arguments, stdout=out)
    return out.getvalue()


@pytest.fixture(autouse=True)
def nobody_has_decided(db):
    """As in an installation that was upgraded; a new one begins with the standard."""
    EvidencePeriod.objects.all().delete()


@pytest.fixture
def earlier(tmp_path):
    """Stores an earlier output of --json, changed by hand."""

    def store(change):
        document = json.loads(ran("--concept", "--json"))
        change(document)
        path = tmp_path / "earlier.json"
        path.write_text(json.dumps(document))
        return str(path)

    return store


def column(document, model, name):
    return next(each for each in document["columns"] if (each["model"], each["column"]) == (model, name))


def test_the_concept_says_kind_of_data_rule_and_period():
    evidence_periods_set(acting_user=None, days={Evidence.REQUESTS: 1095, Evidence.SIGN_INS: 180})
    text = ran("--concept")
    assert text.startswith("# Deletion concept\n\nAs it was in force on ")
    assert "| Sign-in log | 180 days |" in text
    assert (
        "| Purge requests that are over, their history and keyed hashes | 3 years after the end of the year in which "
        "they ended, then counts only |"
    ) in text
    assert "| Sent mails | without an end: nobody has decided yet |" in text
    assert "| course" in text.lower()
    # Plain names: what the product is made of calls itself otherwise.
    assert "## Background tasks" in text
    assert "what the record was called" in text
    assert not any(word in text for word in ("Django Q", "object repr", "Content Types", "kwargs"))


def test_nothing_is_different_from_itself(earlier):
    text = ran("--concept", "--since", earlier(lambda document: None))
    assert "Nothing is different." in text


def test_what_was_added_removed_and_changed_is_told_apart(earlier):
    def before(document):
        document["columns"].remove(column(document, "messaging.MailLog", "body"))
        document["columns"].append(
            {"model": "users.Pet", "column": "name", "treatment": "Redact", "words": "cleaned", "reason": None}
        )
        changed = column(document, "learning.Course", "author")
        changed["words"] = "kept"
        for period in document["periods"]:
            if period["kind"] == "mails":
                period["kept"] = "30 days"

    changes = json.loads(ran("--concept", "--json", "--since", earlier(before)))
    assert [(each["what"], each["where"]) for each in changes] == [
        ("changed", "learning.Course.author"),
        ("added", "messaging.MailLog.body"),
        ("changed", "period of mails"),
        ("removed", "users.Pet.name"),
    ]
    assert changes[0]["before"] == "kept"
    assert changes[2]["before"] == "30 days"
    text = ran("--concept", "--since", earlier(before))
    assert text.index("## Added") < text.index("messaging.MailLog.body") < text.index("## Removed")
    assert text.index("## Removed") < text.index("users.Pet.name") < text.index("## Changed")


def test_a_data_map_of_before_there_were_periods_can_be_compared(tmp_path):
    path = tmp_path / "map.json"
    path.write_text(ran("--json"))
    assert "Nothing is different." in ran("--concept", "--since", str(path))


@pytest.mark.parametrize("content", ["not json", "[]", '{"columns": [1]}', "3"])
def test_what_is_no_earlier_concept_is_refused(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_text(content)
    with pytest.raises(CommandError) as refused:
        ran("--concept", "--since", str(path))
    assert refused.value.returncode == 2
    with pytest.raises(CommandError):
        ran("--concept", "--since", str(tmp_path / "missing.json"))
    with pytest.raises(CommandError):
        ran("--since", str(path))


def test_the_data_map_is_saved_with_its_date(client):
    client.force_login(AdministratorFactory(account=AccountFactory(time_zone="Asia/Tokyo")))
    page = "/admin/purge/purgerequest/data-map/"
    text = client.get(page).content.decode()
    assert "As it is in force on" in text
    assert "JST" in text
    saved = client.get(f"{page}?format=md")
    assert saved["Content-Type"] == "text/markdown; charset=utf-8"
    assert saved["Content-Disposition"].startswith('attachment; filename="deletion-concept-20')
    assert saved.content.decode().startswith("# Deletion concept")
    document = json.loads(client.get(f"{page}?format=json").content)
    assert {each["kind"] for each in document["periods"]} == set(Evidence.values)
    client.logout()
    assert client.get(f"{page}?format=md").status_code == 302
