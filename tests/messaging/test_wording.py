import pytest

from messaging.models import NotificationKind
from messaging.wording import news

REFERENCE = "PUR-7Q4M-2KX9-H"
OF_NO_REQUEST = (NotificationKind.FOLLOW_UPS, NotificationKind.PAUSED)
PURGE_KINDS = [kind for kind in NotificationKind if kind not in (NotificationKind.LEARNING, NotificationKind.DOMAIN)]


@pytest.mark.parametrize("kind", PURGE_KINDS)
def test_every_kind_has_words_even_without_facts(kind):
    words = news(kind, reference=REFERENCE, facts={})
    assert words.title and words.text
    assert len(words.title) <= 200
    assert not any(line.strip() != line for line in words.text.splitlines())


@pytest.mark.parametrize("kind", [kind for kind in PURGE_KINDS if kind not in OF_NO_REQUEST])
def test_the_request_id_is_said(kind):
    assert REFERENCE in news(kind, reference=REFERENCE, facts={}).text


def test_other_kinds_are_no_news_of_a_purge():
    with pytest.raises(ValueError, match="no news"):
        news(NotificationKind.LEARNING, reference=REFERENCE, facts={})


@pytest.mark.parametrize(
    ("facts", "said", "unsaid"),
    [
        ({"people": 1, "rows": 1}, "1 person was purged.\n1 row was erased or changed.", "kept"),
        ({"people": 3, "other_rows": 2}, "3 people were purged.\n2 further users were purged with them.", "row"),
        ({"kept": 1}, "1 row was kept: creator of a trial account", "purged."),
        ({"people": 0, "follow_ups": 4}, "4 things are left to do.", "0"),
    ],
)
def test_completion_counts(facts, said, unsaid):
    text = news(NotificationKind.COMPLETED, reference="PUR-X", facts=facts).text
    assert said in text
    assert unsaid not in text


def test_follow_ups_name_only_what_happened_and_no_foreign_request():
    words = news(NotificationKind.FOLLOW_UPS, reference="", facts={"kinds": ["connector_disabled"], "count": 1})
    assert "Connectors have stopped" in words.text
    assert "Sessions" not in words.text
    assert "Request" not in words.text
