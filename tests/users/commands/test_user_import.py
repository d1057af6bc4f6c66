import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from users.models import ImportLog, ImportSource, User

pytestmark = pytest.mark.django_db

SAMPLE = Path(__file__).parent.parent.parent / "data" / "users-sample.csv"


@pytest.fixture
def run(account, capsys):
    def call(*arguments):
        call_command("user_import", "--account", "acme", *map(str, arguments))
        return capsys.readouterr().out

    return call


def test_it_imports_at_once_and_says_what_came_of_it(run, account, admin_user):
    out = run("--initiator", "Admin@acme.example", SAMPLE)
    assert "added 5," in out and "bad rows 0" in out
    log = ImportLog.objects.get()
    assert (log.source, log.started_by) == (ImportSource.COMMAND, admin_user)


def test_json_has_numbers_lines_and_reasons_and_bad_rows_need_you(run, tmp_path, capsys):
    file = tmp_path / "people.csv"
    file.write_text("Wer;Post\nAnn;a@x.org\nBob;\n")
    with pytest.raises(CommandError, match="Rows with problems: 1") as refusal:
        run("--json", "--map", "name=Wer", "--map", "email=post", file)
    assert refusal.value.returncode == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["state"], answer["rows"], answer["added"], answer["failed"]) == ("completed", 2, 1, 1)
    assert [row["line"] for row in answer["bad_rows"]] == [3]


def test_a_managers_cell_that_is_not_understood_needs_you(run, tmp_path, capsys):
    file = tmp_path / "people.csv"
    file.write_text("Name,Email,Manager\nAnn,a@x.org,Bob Boss\nBob,b@x.org,ROOT\n")
    with pytest.raises(CommandError, match="manager was not understood: 1") as refusal:
        run(file)
    assert refusal.value.returncode == 1
    assert "added 2," in capsys.readouterr().out
    file.write_text("Name,Email,Manager\nAnn,a@x.org,b@x.org\nBob,b@x.org,ROOT\n")
    assert "updated 1, unchanged 1" in run(file)
    assert User.objects.get(email_key="a@x.org").manager.email_key == "b@x.org"


def test_the_worker_may_do_it(run):
    assert "0 of 5 rows" in run("--queue", SAMPLE)
    assert not User.objects.filter(source="csv").exists()


def test_what_was_typed_wrongly_is_said_in_a_sentence(run, tmp_path, account):
    empty = tmp_path / "empty.csv"
    empty.write_text("")
    for words, code, arguments in (
        ("cannot be read", 2, [tmp_path / "none.csv"]),
        ("is empty", 1, [empty]),
        ("FIELD=HEADING", 2, ["--map", "name", SAMPLE]),
        ("no such heading", 1, ["--map", "name=Who", SAMPLE]),
        ("no active user", 1, ["--initiator", "nobody@acme.example", SAMPLE]),
    ):
        with pytest.raises(CommandError, match=words) as refusal:
            run(*arguments)
        assert refusal.value.returncode == code
    with pytest.raises(CommandError, match="No account"):
        call_command("user_import", "--account", "nobody", str(SAMPLE))
    assert not ImportLog.objects.exists()
