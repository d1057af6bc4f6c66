"""The project's own words: of nobody in particular, and no document points at what is not there."""

import re
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
GENDERED = re.compile(r"(?<![\w/-])(he|him|his|himself|she|her|hers|herself)(?![\w-])", re.IGNORECASE)
#: Not today's words: this file, a changelog and migrations of what once was, measurements.
LEFT_OUT = ("tests/", "CHANGELOG.md", "bench/results/", "requirements")


def written(*endings: str) -> list[str]:
    """Names of the project's files, without what git does not keep."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        name
        for name in listed.stdout.split()
        if name.endswith(endings)
        and not name.startswith(LEFT_OUT)
        and "/migrations/" not in name
        and (ROOT / name).is_file()
    ]


def gendered(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if GENDERED.search(line)]


def test_a_gendered_word_is_found():
    assert gendered('_("Take him out.")\nthe other\n"hers/his"') == ['_("Take him out.")', '"hers/his"']


@pytest.mark.parametrize("name", written(".py", ".html", ".md", ".js"))
def test_nobody_is_taken_for_a_man_or_a_woman(name):
    assert gendered((ROOT / name).read_text()) == []


#: Other people's spelling, which the product has to understand or has written into a file of figures.
OTHERS_SPELLING = ("users/imports/mapping.py", "bench/screens.py")


def test_mail_is_spelled_in_one_way():
    """As people write it now, without a hyphen. (German has two, and a capital: a heading of a file may be that.)"""
    hyphen = re.compile(r"\b[eE]-mail")
    assert hyphen.search("Your e-mails") and hyphen.search("(E-mail)") and not hyphen.search("Name,E-Mail,Email")
    texts = {name: (ROOT / name).read_text() for name in written(".py", ".html", ".md", ".js", ".txt", ".toml")}
    assert sorted(name for name, text in texts.items() if hyphen.search(text)) == sorted(OTHERS_SPELLING)


@pytest.mark.parametrize("name", written(".md"))
def test_a_document_names_files_that_are_there(name):
    text = (ROOT / name).read_text()
    linked = [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]
    assert [link for link in linked if not ((ROOT / name).parent / link).exists()] == []
    # What a table of folders or of questions names stands under the root, or beside the document.
    quoted = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text)
    places = (ROOT, (ROOT / name).parent)
    tops = {path.name for path in ROOT.iterdir()}
    named = [path for path in quoted if path.split("/")[0] in tops and path.split("/")[0] != "var"]
    assert [path for path in named if not any((place / path).exists() for place in places)] == []


def sentences(text: str) -> list[str]:
    """The sentences of a document; tables, headings, pictures and code are left out."""
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    found = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not line.lstrip().startswith(("|", "#", "<", "!["))]
        for item in re.split(r"\n(?=\s*(?:[-*]|\d+\.)\s)", "\n".join(lines)):
            plain = re.sub(r"\]\([^)]*\)", "]", re.sub(r"`[^`]*`", "code", " ".join(item.split())))
            found += re.split(r"(?<=[.!?:;])\s+(?=[A-Z“\"\[*`])", plain)
    return [sentence for sentence in found if sentence]


def test_sentences_are_counted_without_tables_and_code():
    text = "# Head\n\n| a | b |\n\nOne two.\nThree `four five` six. Seven\n\n```\nno words\n```\n- eight\n- nine\n"
    assert sentences(text) == ["One two.", "Three code six.", "Seven", "- eight", "- nine"]


def test_sentences_of_the_readme_are_short():
    lengths = [len(re.findall(r"[\w’'-]+", sentence)) for sentence in sentences((ROOT / "README.md").read_text())]
    assert len(lengths) > 40
    assert sum(lengths) / len(lengths) <= 30
    assert max(lengths) <= 60


#: What the screen used to say, and says in plainer words now.
GONE = (
    "No worker runs: no sign of life since {{ beat",
    "Nothing to draw yet.",
    "{n} of {most} selected",
    "{{ n }} of {{ most }} selected",
    '"comes back as Learner"',
    "No purge has been asked for yet. Delete users first",
    "Half of the requests were completed within %(time)s.",
    "Accepted: purge request %(reference)s. You are told when it is complete.",
    "No deleted user fits.",
    "No purge request fits.",
    "Nobody is deleted and waiting. Users",
    "Go back, purge nobody",
    "erased from the live system. Nobody can bring them back.",
    "where it stands. Nobody can bring it back.",
    "Whom to write to",
    "Ready text for {{ application",
    "Save this list now: afterwards nobody here knows whom to name.",
    "Save the list of owners now: afterwards nobody here knows whom to name.",
    "{{ n }} more place is looked at and holds nothing.",
    "{{ n }} more places are looked at and hold nothing.",
    "Left for people to do",
    "Connector has stopped: fill in what was blanked, or confirm it, and enable it",
    "Webhook has stopped: fill in its user name or address and enable it",
    "It does not continue by itself. Nothing that was erased comes back, and nothing is erased twice.",
    "Something needs you after a purge",
    "Work left over by a purge",
    "Every table of the database was searched, and every text: nothing of these people was found.",
    "A mistyped ID is told apart from an unknown one.",
    "This request ID is mistyped: its last character does not fit. Please read it again.",
    "No purge request here has had this address or ID.",
    "Purge the address of somebody who is no user",
    "People who never were users of this account can still stand in it by their e-mail address:",
    "This is no e-mail address. Type one",
    "%(column)s: no e-mail address.",
    "A purge takes out the addresses and IDs that stand here. The address until now",
    "E-mail address or password is not right, or this user has no access here.",
    "As you have it: any order of columns, comma, semicolon or tab, UTF-8 or Windows.",
    "What the file can say",
    "Which column is what?",
    "Rows that did not go in, or not wholly",
    "Download the bad rows, to mend them",
    "This page comes anew by itself until the import is over.",
    "Go to the page this is about",
    "Withdraw the permission to purge",
    "For a first sign-in. Empty: stays as it is.",
    "Decline: the user stays",
    "A purge can begin in six ways, and each reaches other rows.",
    "There is no such page, or it is not one of your account.",
    "You signed in more than fifteen minutes ago",
    "The worker is alive, since",
    "What you type is hashed and not stored; that you asked is.",
    "Reference removed:",
    "Stored files of %(noun)s",
    "Rows that did not go in",
    "That is no email address.",
    "}Read as {{ encoding }}",
    '_("Data map")',
    '_("Routes")',
)


def test_what_was_hard_to_understand_is_said_in_other_words():
    texts = {name: (ROOT / name).read_text() for name in written(".py", ".html", ".js")}
    assert [(name, phrase) for name, text in texts.items() for phrase in GONE if phrase in text] == []
