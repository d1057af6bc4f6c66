"""A term has one word in each language: the table in docs/languages.md, held against every message."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest

from tests.languages.catalogues import LANGUAGES, Message, messages

TABLE = Path(__file__).parents[2] / "docs" / "languages.md"
COLUMNS = {"German": "de", "French": "fr"}
#: What says none of the terms: placeholders, commands and their options, settings, the words of files; a user name is a
#: login.
NO_TERM = re.compile(r"%\(\w+\)[sd]|\{\w+\}|manage\.py [a-z_ ]+|--[\w-]+|\w+_\w+|\b[A-Z]{6,}\b|user name")

HAS_THE_NAME = "the name says that it is a person"
IN_THE_LAW = "the law's own word"
YOU = "it speaks to the reader"
WHOEVER = "said as “who”, “somebody” or “nobody”"
NOT_THE_PERSON = "a record, not who it is about"
NO_GENDER = "the participle would take the reader for a man or a woman"
A_HEAD = "a column's head, said as a noun"
#: Language, term, beginning of the message: why its translation says it in another way.
SAID_OTHERWISE = {
    "de": {
        "erase": {"Legal obligation to erase": IN_THE_LAW},
        "user": {
            "%(name)s, a user of %(account)s": HAS_THE_NAME,
            "Its short name, as your administrators know it.": YOU,
            "Left out: on hold elsewhere and no user here": WHOEVER,
            "Someone who was never a user of this account": WHOEVER,
            "Wrong email or password, or no access to this site. If you are": YOU,
        },
        "person": {"Login or address of the manager whose people": "said as “team”"},
        "Learner": {"Learner transcript": NOT_THE_PERSON},
    },
    "fr": {
        "delete": {"Deletion concept": IN_THE_LAW, "What is different in the deletion concept": IN_THE_LAW},
        "purge": {"Only somebody who may purge can give or withdraw": "said as “it”"},
        "bring back": {"“%(account)s” wants to be able to have everything": "said of data, not of a person"},
        "user": {
            "%(name)s, a user of %(account)s": HAS_THE_NAME,
            "If this address is a user's": WHOEVER,
            "Left out: on hold elsewhere and no user here": WHOEVER,
            "Managers may come later in the file": WHOEVER,
            "No notices. When the identity provider erases": WHOEVER,
            "The identity provider has erased somebody who is a user": WHOEVER,
            "Wrong email or password, or no access to this site. If you are": YOU,
            "admin user email": "the administration's address",
        },
        "person": {"Only somebody who may purge can change how people sign in": WHOEVER},
        "Learner": {
            "By the learner": WHOEVER,
            "Learner transcript": NOT_THE_PERSON,
            "This learner is enrolled in the course": WHOEVER,
        },
        "sign in": {"Passwords open nothing any more": NO_GENDER, "Where you are signed in": NO_GENDER},
        "completed": {
            "First completed": A_HEAD,
            "When a course is completed": A_HEAD,
            "completed": A_HEAD,
            "first completed on": A_HEAD,
        },
    },
}


def any_of(forms: Iterable[str]) -> re.Pattern[str]:
    """The longest first, each as whole words; none matches nothing."""
    return re.compile(
        rf"\b(?:{'|'.join(map(re.escape, sorted(forms, key=len, reverse=True))) or '(?!)'})\b", re.IGNORECASE
    )


@dataclass(frozen=True)
class Term:
    forms: tuple[str, ...]
    said: dict[str, tuple[str, ...]]

    @cached_property
    def words(self) -> re.Pattern[str]:
        return any_of(self.forms)

    @cached_property
    def longer(self) -> re.Pattern[str]:
        """The longer terms that contain this one: they are no use of it."""
        others = {form for other in TERMS for form in other.forms} - set(self.forms)
        return any_of(form for form in others if self.words.search(form))

    def stands_in(self, english: str) -> bool:
        return self.words.search(self.longer.sub(" ", english)) is not None

    def is_said(self, text: str, language: str) -> bool:
        return any(word in text.lower() for word in self.said[language])


def terms() -> list[Term]:
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in TABLE.read_text().splitlines()
        if line.startswith("| ")
    ]
    head, *body = rows
    assert head == ["English", *COLUMNS]
    return [
        Term(
            tuple(form.strip() for form in english.split(",")),
            {
                language: tuple(word.strip() for word in cell.split(","))
                for language, cell in zip(COLUMNS.values(), cells, strict=True)
            },
        )
        for english, *cells in body
    ]


TERMS = terms()


@cache
def all_of(language: str) -> list[tuple[str, Message]]:
    """Each message beside its English words."""
    return [(NO_TERM.sub(" ", each.words["msgid"]), each) for each in messages(language)]


@cache
def unsaid(first_form: str, language: str) -> set[str]:
    term = next(each for each in TERMS if each.forms[0] == first_form)
    return {
        message.words["msgid"]
        for english, message in all_of(language)
        if term.stands_in(english) and not all(term.is_said(each, language) for each in message.said)
    }


def excused(term: Term, language: str) -> dict[str, str]:
    return SAID_OTHERWISE[language].get(term.forms[0], {})


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_term_has_one_word(language):
    wrong = {
        term.forms[0]: found
        for term in TERMS
        if (
            found := {
                text for text in unsaid(term.forms[0], language) if not text.startswith(tuple(excused(term, language)))
            }
        )
    }
    assert wrong == {}, "Say it with the word in docs/languages.md, or say in SAID_OTHERWISE why not."


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_excuse_outlives_its_message(language):
    assert SAID_OTHERWISE[language].keys() <= {term.forms[0] for term in TERMS}
    for term in TERMS:
        beginnings = excused(term, language)
        found = unsaid(term.forms[0], language)
        assert {each for each in beginnings if not any(text.startswith(each) for text in found)} == set()


def test_there_are_forty_terms_and_each_is_used():
    assert len(TERMS) == 40
    unused = {term.forms[0] for term in TERMS if not any(term.stands_in(english) for english, _ in all_of("de"))}
    assert unused == set()


#: What can be undone is never told by the word for it where English has another: nobody is to hope for a way back.
MAY_SAY_DELETE = {
    "de": {
        "Legal obligation to erase (Art. 17(1)(e) GDPR)": IN_THE_LAW,
        "Only external users in use can be made active: user %(id)s.": "said as “not deleted”",
    },
    "fr": {},
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_else_is_called_deleting(language):
    delete = next(term for term in TERMS if term.forms[0] == "delete")
    called_so = {
        each.words["msgid"]
        for each in messages(language)
        if any(delete.is_said(text, language) for text in each.said)
        and not re.search(r"\bdelet", each.words["msgid"], re.IGNORECASE)
    }
    assert called_so == MAY_SAY_DELETE[language].keys()


# ---------------------------------------------------------------- equal to English

NAMES = {
    *("ADFS", "API", "Adobe Connect", "Azure AD", "Box", "Commerce", "Credly", "FTP", "LinkedIn Learning", "Marketo"),
    *("Message-ID", "Microsoft Teams", "Power BI", "Salesforce", "URL", "Workday", "Zoom", "actor.mbox"),
}
NO_WORDS = {"%(erased)s, %(rest)s.", "%(name)s (%(organisation)s)"}
SPELT_ALIKE = {
    "de": {
        *("%(n)s MB", "%(noun)s: %(n)s", "Administration", "Browser", "Code", "Codes", "Domains", "Filter", "Name"),
        *("Organisation", "Passkey", "Person", "Quiz", "Register", "System", "Ticket"),
    },
    "fr": {
        *("%(n)d minute", "5 minutes", "Administration", "Application", "Badge", "Code", "Codes", "Confirmation"),
        *("Contact", "Date", "Menu", "Notification", "Notifications", "Organisation", "Pages", "Purges", "Quiz"),
        *("Sessions", "Table", "Ticket", "action", "application", "archive", "badge", "badges", "code", "contact"),
        *("date", "description", "import", "mention", "mentions", "module", "modules", "notes", "notification"),
        *("notifications", "organisation", "points", "port", "position", "question", "quiz", "score", "session"),
        *("sessions", "signature", "source", "tenant", "ticket", "webhook", "webhooks", "invitation"),
    },
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_equal_to_english_is_so_on_purpose(language):
    equal = {each.words["msgid"] for each in messages(language) if each.words["msgid"] in each.said}
    assert equal == NAMES | NO_WORDS | SPELT_ALIKE[language]
