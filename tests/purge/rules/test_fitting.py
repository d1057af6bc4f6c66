"""What a treatment needs of its column: each one where it fits, and where it could not do what it says."""

import pytest

from purge.rules import (
    AddressTreatment,
    Blank,
    Delete,
    DeleteAbout,
    Detach,
    EndRow,
    EraseFile,
    HandOver,
    Keep,
    ModelRules,
    PersonTreatment,
    Redact,
    Rule,
    TakeOut,
    Treatment,
    Unassign,
    Withdraw,
    WithRow,
)
from purge.rules.coverage import model_gaps
from purge.rules.registry import Registry

REASON = "this is a reason that somebody understands"


def said_of(model, columns):
    """What the check says of the columns of a model with these rules: (id, column, what)."""
    module = type("module", (), {"RULES": [ModelRules(model, "things", None, columns)], "EXEMPT": []})
    return {
        (gap.id, gap.where.removeprefix(f"{model}."), gap.what)
        for gap in model_gaps(Registry([module]))
        if gap.where.startswith(f"{model}.") and gap.id != "purge.E001"
    }


NOT_NULL = "cannot become null, as its treatment needs."
NO_PERSON = "is no relation to a person; name the path with via=."


@pytest.mark.parametrize(
    ("model", "columns", "what"),
    [
        ("learning.Enrolment", {"user": Detach()}, NOT_NULL),
        ("learning.Enrolment", {"user": HandOver()}, NOT_NULL),
        ("learning.Enrolment", {"user": Withdraw()}, NOT_NULL),
        ("learning.Comment", {"parent": Detach()}, NO_PERSON),
        ("learning.Comment", {"post": Delete()}, NO_PERSON),
        ("learning.Comment", {"post": Unassign()}, NO_PERSON),
        ("learning.Comment", {"body": DeleteAbout()}, "has no content type beside it."),
        ("admin.LogEntry", {"object_id": DeleteAbout(content_type="user")}, "has no content type beside it."),
        ("learning.Comment", {"body": WithRow(closed=REASON)}, "goes with a row that no rule deletes."),
        (
            "learning.Comment",
            {"author": Detach(), "body": WithRow(closed=REASON)},
            "goes with a row that no rule deletes.",
        ),
        ("learning.Comment", {"body": EraseFile()}, "is no file column."),
        ("learning.Comment", {"created_at": Blank()}, "cannot be emptied."),
        (
            "learning.Comment",
            {"author": Keep(REASON)},
            "is a relation to a person and is kept: the person could never be deleted.",
        ),
        (
            "auth.Group",
            {"name": Redact()},
            "is unique and two texts may become the same: number them with Redact(numbered=True).",
        ),
    ],
)
def test_a_treatment_that_cannot_work_is_refused(model, columns, what):
    column = list(columns)[-1]
    assert said_of(model, columns) == {("purge.E002", column, what)}


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        ("learning.Comment", {"author": Detach()}),
        ("learning.Comment", {"author": HandOver()}),
        ("learning.Comment", {"author": Withdraw()}),
        ("learning.Comment", {"author": Delete()}),
        ("learning.Comment", {"post": Delete(via="post__author")}),
        ("learning.Enrolment", {"user": Delete()}),
        ("learning.Enrolment", {"user": Unassign()}),
        ("admin.LogEntry", {"object_id": DeleteAbout()}),
        ("learning.Comment", {"author": Delete(), "body": WithRow(closed=REASON)}),
        ("learning.Comment", {"author": Withdraw(), "body": WithRow(closed=REASON)}),
        ("users.User", {"name": WithRow(closed=REASON)}),
        ("users.User", {"avatar": EraseFile()}),
        ("users.User", {"same_mailbox_as": Keep(REASON)}),
        ("learning.Comment", {"body": Blank()}),
        ("learning.Comment", {"body": TakeOut()}),
        ("users.User", {"deleted_at": Blank()}),
        ("auth.Group", {"name": Redact(numbered=True)}),
        ("users.Session", {"session_data": EndRow(REASON)}),
    ],
)
def test_a_treatment_that_fits_its_column_is_accepted(model, columns):
    assert said_of(model, columns) == set()


@pytest.mark.parametrize(
    ("model", "column", "rule", "what"),
    [
        ("users.ImportLog", "delimiter", Keep("tbd"), "is kept without a reason."),
        ("users.Session", "session_data", EndRow(""), "ends without a reason."),
    ],
)
def test_a_reason_that_is_none_is_refused(model, column, rule, what):
    assert said_of(model, {column: rule}) == {("purge.E003", column, what)}


# ---------------------------------------------------------------- the facts of each class


def classes(base=Rule):
    for each in base.__subclasses__():
        yield each
        yield from classes(each)


def test_what_each_class_says_of_itself():
    said = {
        each.__name__: (str(each.label), each.takes_row, each.kept)
        for each in classes()
        if each.__module__ == "purge.rules.declarations" and hasattr(each, "label")
    }
    assert said == {
        "Delete": ("row deleted", True, False),
        "DeleteAbout": ("row deleted", True, False),
        "Withdraw": ("row deleted, or emptied where others replied", True, False),
        "Unassign": ("taken off", True, False),
        "Detach": ("reference removed", False, False),
        "HandOver": ("handed over", False, False),
        "Blank": ("emptied where it names the person", False, False),
        "TakeOut": ("the person’s address leaves the list", False, False),
        "Redact": ("the address is replaced in the text", False, False),
        "EraseFile": ("file erased", False, False),
        "EndRow": ("row deleted as soon as an address is met in it", False, False),
        "WithRow": ("goes with its row", False, False),
        "Keep": ("kept", False, True),
    }
    assert EraseFile(whole_account=True).get_label() == "file erased, also when its account loses somebody"
    assert EraseFile(mentions=True).get_label() == "file erased"


def test_what_an_administrator_reads_while_each_runs():
    said = {each.__name__: str(each.progress) for each in (Delete, DeleteAbout, Withdraw, Unassign, Detach, HandOver)}
    assert said == {
        "Delete": "Deleted: %(noun)s",
        "DeleteAbout": "Deleted: %(noun)s",
        "Withdraw": "Removed or emptied: %(noun)s",
        "Unassign": "Taken off: %(noun)s",
        "Detach": "Cleared “%(column)s”: %(noun)s",
        "HandOver": "Handed over: %(noun)s",
    }


def test_the_classes_without_a_label_are_what_others_have_in_common():
    assert not [each for each in (Treatment, PersonTreatment, AddressTreatment) if hasattr(each, "label")]
