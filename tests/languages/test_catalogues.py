"""A catalogue says each message whole: nothing empty or guessed, with the placeholders and tags of the English one."""

import re

import pytest

from tests.languages.catalogues import LANGUAGES, compiled, messages

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w+\}")
TAG = re.compile(r"</?\w+[^>]*>")


def wrong(message) -> str:
    """What is wrong with an entry; empty: nothing."""
    if any("fuzzy" in flag or flag.startswith("#~") for flag in message.flags):
        return "guessed or obsolete"
    if not message.said or not all(text.strip() for text in message.said):
        return "empty"
    english = message.words["msgid"]
    plural = message.words.get("msgid_plural", english)
    for text in message.said:
        if sorted(TAG.findall(text)) != sorted(TAG.findall(english)):
            return "other tags"
        names = set(PLACEHOLDER.findall(text))
        # The singular may leave the number to a word.
        if names not in (set(PLACEHOLDER.findall(english)), set(PLACEHOLDER.findall(plural))):
            return "other placeholders"
    return ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_said_whole(language):
    found = {each.words["msgid"]: wrong(each) for each in messages(language)}
    assert len(found) > 2_000
    assert {msgid: why for msgid, why in found.items() if why} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_site_reads_what_the_translators_wrote(language):
    read = compiled(language)
    for each in messages(language):
        msgid = each.words["msgid"]
        if "msgid_plural" in each.words:
            assert [read.get((msgid, n)) for n in range(len(each.said))] == each.said
        else:
            assert read.get(msgid) == each.words["msgstr"]


#: The stem of each language's word for purge; its word for delete is another.
PURGE = {"de": "bereinig", "fr": "purg"}
#: Says it with a pronoun.
SAID_OTHERWISE = {"Only somebody who may purge can give or withdraw this permission."}


@pytest.mark.parametrize("language", LANGUAGES)
def test_delete_and_purge_are_two_words(language):
    stem = PURGE[language]
    confused = [
        each.words["msgid"]
        for each in messages(language)
        if re.search(r"\bdelet", each.words["msgid"], re.IGNORECASE)
        and not re.search("purg", each.words["msgid"], re.IGNORECASE)
        and any(stem in text.lower() for text in each.said)
    ]
    assert confused == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_purge_is_called_so(language):
    stem = PURGE[language]
    unsaid = [
        each.words["msgid"]
        for each in messages(language)
        if re.search(r"\bpurg", re.sub(r"%\(\w+\)s|\w*purge_\w+|PURGE_\w+", "", each.words["msgid"]), re.IGNORECASE)
        and not all(stem in text.lower() for text in each.said)
    ]
    assert set(unsaid) <= SAID_OTHERWISE
