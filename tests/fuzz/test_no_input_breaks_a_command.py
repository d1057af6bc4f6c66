"""Whatever is typed behind a command: it answers in a sentence, and never with a traceback."""

from __future__ import annotations

import contextlib
import io

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command, find_commands, load_command_class

from purge.models import PurgeRequest

pytestmark = pytest.mark.django_db
#: They run until they are stopped, write files where they are told, or ask at the terminal.
NOT_HERE = {"worker", "keys_make", "seed_demo", "createsuperuser"}
#: Every command of Django's has these.
DJANGOS = {"version", "verbosity", "settings", "pythonpath"}
TYPED = (
    "",
    "text",
    "-1",
    "9" * 30,
    "9" * 6_000,
    "\udcff",
    "a\ud800b@x.example",
    "a\x00b@x.example",
    "\u2028",
    "x" * 5_000,
    "@",
    "1e999",
    "PUR-7Q4M-2KX9-H",
    "/no/such/file",
)


def commands():
    for config in apps.get_app_configs():
        if config.name in ("purge", "users", "keys", "lms_purge"):
            for name in find_commands(f"{config.path}/management"):
                if name not in NOT_HERE:
                    yield config.name, name


def lines_of(app, name):
    """Of one command, each of its own arguments with each input; what is required beside it is filled in."""
    parser = load_command_class(app, name).create_parser("manage.py", name)
    own = [each for each in parser._actions if each.nargs != 0 and not DJANGOS & {each.dest}]
    for action in own:
        for text in TYPED:
            given = {each: text if each is action else "1" for each in own if each is action or each.required}
            options = [f"{each.option_strings[0]}={value}" for each, value in given.items() if each.option_strings]
            yield [*options, "--", *(value for each, value in given.items() if not each.option_strings)]


def test_every_command_answers_whatever_is_typed(monkeypatch):
    broken, tried = {}, set()
    for app, name in commands():
        for words in lines_of(app, name):
            tried.add(name)
            monkeypatch.setattr("sys.stdin", io.StringIO("nobody@elsewhere.example\n"))
            out = io.StringIO()
            try:
                with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
                    call_command(name, *words)
            except (CommandError, SystemExit):
                continue
            except Exception as error:  # noqa: BLE001 - any error is what is looked for
                broken.setdefault((name, type(error).__name__), (words, str(error)[:200]))
    assert not broken
    assert {"purge_submit", "purge_ims", "purge_status", "user_import", "second_factor_code"} <= tried


def test_bytes_that_are_no_text_are_refused_and_text_is_taken(monkeypatch, capsys):
    with pytest.raises(CommandError, match="for adobe-id is no text"):
        call_command("purge_ims", "--adobe-id", "\udcff", "--reference", "SET-1")
    for brought in (b"b\xfcro@x.example\n", b"a\x00b@x.example\n"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(brought), encoding="utf-8"))
        with pytest.raises(CommandError, match="standard input brought is no text"):
            call_command("purge_ims", "--email", "-", "--reference", "SET-1")
    assert not PurgeRequest.objects.exists()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("büro@x.example\n".encode()), encoding="utf-8"))
    call_command("purge_ims", "--email", "-", "--reference", "SET-1")
    assert PurgeRequest.objects.count() == 1


WAITING = {
    "purge_compact": ["--wait"],
    "purge_submit": ["--account=1", "--initiator=1", "--user=1", "--timeout"],
    "purge_drill": ["--timeout"],
}


@pytest.mark.parametrize("name", WAITING)
def test_a_wait_without_an_end_is_refused(name):
    *words, option = WAITING[name]
    for typed in ("1e999", "nan", "-1", "9" * 30, "soon"):
        with pytest.raises(CommandError, match="give a number of seconds from 0 to 2,592,000"):
            call_command(name, *words, f"{option}={typed}")
    app = "lms_purge" if name == "purge_drill" else "purge"
    read = load_command_class(app, name).create_parser("manage.py", name).parse_args([*words, f"{option}=2.5"])
    assert getattr(read, option.strip("-")) == 2.5
