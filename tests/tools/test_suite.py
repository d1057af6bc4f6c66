import contextlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.versions.__main__ import counted
from tests.versions.__main__ import main as on_version
from tools import suite
from tools.environment import ROOT
from tools.suite import (
    BROWSER_TESTS,
    QUICK_TESTS,
    Result,
    Step,
    checks,
    clean,
    coverage,
    crawl,
    drills,
    fuzz,
    install_hook,
    machines,
    mutants,
    partitioned,
    postgres_version,
    quick,
    readings,
    run_step,
    run_steps,
    suites,
    summary,
)

PYTHON = "python"


def plan(*words, sqlite_only=False, whole=False, environ=None):
    environ = {"PATH": "", **(environ or {})}
    return {step.name: step for step in suites(PYTHON, words, sqlite_only=sqlite_only, whole=whole, environ=environ)}


@pytest.fixture
def chromium(tmp_path):
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return {"PATH": str(tmp_path)}


def test_both_databases_run_the_same_tests_and_leave_the_browser_alone():
    steps = plan()
    # Each test where it tells most; all on both are the whole, and who names tests gets those on both.
    assert steps["tests on SQLite"].words == steps["tests on PostgreSQL"].words
    assert steps["tests on SQLite"].words[-1] == "--short"
    for all_of_them in (plan(whole=True), plan("tests/tools")):
        assert all_of_them["tests on SQLite"].words == all_of_them["tests on PostgreSQL"].words
        assert "--short" not in all_of_them["tests on SQLite"].words
    # Without the other database nothing is left to it.
    assert "--short" not in plan(sqlite_only=True)["tests on SQLite"].words
    assert f"--ignore={BROWSER_TESTS}" in steps["tests on SQLite"].words
    assert steps["tests on PostgreSQL"].environ == {"DB": "pg"}


def test_postgresql_is_left_out_only_when_that_is_asked_for():
    step = plan(sqlite_only=True)["tests on PostgreSQL"]
    assert not step.words
    assert "--sqlite-only" in step.note


def test_without_chromium_it_is_said_and_where_required_it_fails():
    optional = plan()["tests in a browser"]
    required = plan(environ={"REQUIRE_BROWSER": "1"})["tests in a browser"]
    assert "NO CHROMIUM" in optional.note
    assert Result(optional, None, 0).verdict == "left out"
    assert Result(required, None, 0).verdict == "FAILED"


def test_browser_tests_run_on_postgresql_two_sites_at_a_time(chromium):
    step = plan(environ=chromium)["tests in a browser"]
    assert step.words == [PYTHON, "-m", "pytest", "-n", "2", "--dist", "worksteal", BROWSER_TESTS]
    assert step.environ["DB"] == "pg"


def test_arguments_go_to_pytest_and_paths_to_the_suite_they_belong_to(chromium):
    steps = plan("tests/tools", "-k", "port", environ=chromium)
    assert list(steps) == ["tests on SQLite", "tests on PostgreSQL"]
    assert steps["tests on SQLite"].words[-3:] == ["-k", "port", "tests/tools"]

    steps = plan("-x", "-k", "port", environ=chromium)
    assert list(steps) == ["tests on SQLite", "tests on PostgreSQL", "tests in a browser"]
    assert steps["tests in a browser"].words[-4:] == ["-x", "-k", "port", BROWSER_TESTS]


def python(name, code, **options):
    return Step(name, [sys.executable, "-c", code], **options)


def test_what_runs_aside_runs_beside_the_others_and_ends_before_the_tests(tmp_path, monkeypatch, capfd):
    """The one aside waits for a file that the next one makes; the tests find what the one aside has left."""
    (tmp_path / "pytest.py").write_text(f"assert open({str(tmp_path / 'two')!r}).read() == 'two'")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    waiting = f"""if True:
        import pathlib, time
        until = time.monotonic() + 30
        while not pathlib.Path({str(tmp_path / "one")!r}).exists() and time.monotonic() < until:
            time.sleep(0.01)
        print("two", file=open({str(tmp_path / "two")!r}, "w"), end="")
        print("said aside")
        raise SystemExit(3)"""
    steps = [
        python("aside", waiting, aside=True),
        python("here", f"open({str(tmp_path / 'one')!r}, 'w').close()"),
        Step("tests", [sys.executable, "-m", "pytest"]),
        python("last", ""),
    ]
    results = run_steps(steps, {"PYTHONPATH": str(tmp_path)})
    assert [(result.step.name, result.code) for result in results] == [
        ("aside", 3),
        ("here", 0),
        ("tests", 0),
        ("last", 0),
    ]
    assert "== aside\nsaid aside\n" in capfd.readouterr().err


def test_two_runs_on_postgresql_share_a_server_and_one_alone_starts_its_own(monkeypatch):
    started = []

    class Server:
        url = "postgres://there"

        def __enter__(self):
            started.append(self)
            return self

        def __exit__(self, *args):
            started.remove(self)

    monkeypatch.setattr(suite, "Throwaway", Server)
    alone = Step("databases", ["python", "-m", "pytest"], {"DB": "pg"})
    with contextlib.ExitStack() as kept:
        assert suite.shared([alone, Step("types", ["mypy"])], kept) == {}
        assert not started
        assert suite.shared([alone, alone], kept) == {"TESTS_SERVER": "postgres://there"}
        assert started
    assert not started

    def nowhere():
        raise suite.PostgresError

    monkeypatch.setattr(suite, "Throwaway", nowhere)
    assert suite.shared([alone, alone], contextlib.ExitStack()) == {}


def test_the_tests_on_sqlite_begin_with_what_was_migrated_from_nothing():
    migrated = {"TESTS_MIGRATED": str(suite.KEPT)}
    steps = {step.name: step for step in suites(PYTHON, (), sqlite_only=True, environ={"PATH": ""}, migrated=migrated)}
    assert steps["tests on SQLite"].environ == migrated
    (made,) = [step for step in checks(Path("bin/python")) if step.name == "migrate from nothing"]
    assert made.words[-1] == str(suite.KEPT)


def test_no_tests_is_a_failure_unless_a_choice_was_made():
    assert Result(Step("s", ["x"]), 5, 0).verdict == "FAILED"
    assert Result(Step("s", ["x"], may_be_empty=True), 5, 0).verdict == "no tests"
    assert Result(Step("s", ["x"]), 0, 0).verdict == "ok"
    assert Result(Step("s", ["x"], may_be_empty=True), 1, 0).verdict == "FAILED"


def test_the_summary_names_what_failed():
    text = summary([Result(Step("lint"), 0, 1.0), Result(Step("types", ["mypy"]), 1, 2.0)], 2.5)
    assert text.splitlines()[-1] == "FAILED: types"
    assert "2.5 s" in text
    assert summary([Result(Step("lint", ["ruff"]), 0, 1.0)], 1.0).splitlines()[-1] == "All passed."


def test_what_is_meant_for_run_does_not_reach_the_tests():
    cleaned = clean({"DATABASE_URL": "postgres://live", "PURGE_DUE_DAYS": "1", "SECRET_KEY": "live", "HOME": "/home"})
    assert cleaned == {"HOME": "/home", "PYTHONUNBUFFERED": "1"}


def test_what_python_compiles_is_kept_for_the_next_process():
    cleaned = clean({"PYTHONDONTWRITEBYTECODE": "1", "HOME": "/home"})
    assert cleaned == {"HOME": "/home", "PYTHONUNBUFFERED": "1"}


def test_a_step_runs_with_its_own_environment_and_its_exit_code_counts():
    step = Step("own", [sys.executable, "-c", "import os, sys; sys.exit(int(os.environ['CODE']))"], {"CODE": "4"})
    assert run_step(step, {"CODE": "0"}).code == 4


def test_the_pythons_of_a_machine_are_listed_from_the_oldest_to_the_newest():
    listed = subprocess.run([ROOT / ".ci" / "pythons"], capture_output=True, text=True, check=True).stdout.split("\n")
    versions = [
        subprocess.run([each, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
        for each in listed
        if each
    ]
    numbers = [tuple(map(int, each.stdout.split())) for each in versions]
    assert numbers
    assert numbers == sorted(set(numbers))
    assert numbers[0] >= (3, 11)


@pytest.mark.parametrize("name", ["run", "test"])
def test_a_python_that_is_asked_for_is_the_one_that_runs(name, tmp_path):
    """Both commands take PYTHON; without it the newest that they know, with one that is too old, the next."""
    (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    (tmp_path / name).chmod(0o755)
    asked = tmp_path / "asked-for"
    asked.write_text('#!/bin/sh\n[ "$1" = -c ] || echo "asked for: $*"\n')
    asked.chmod(0o755)
    environ = {"PATH": "/usr/bin:/bin", "PYTHON": str(asked)}
    done = subprocess.run([tmp_path / name, "word"], env=environ, capture_output=True, text=True)
    assert done.stdout == f"asked for: -m tools.dev {name} word\n"


def test_quick_runs_its_own_tests_on_sqlite_and_those_that_are_named_instead():
    assert quick(PYTHON, []).words[-len(QUICK_TESTS) :] == list(QUICK_TESTS)
    assert quick(PYTHON, ["tests/tools", "-x"]).words[-3:] == ["--no-migrations", "tests/tools", "-x"]
    assert all((ROOT / path).exists() for path in QUICK_TESTS)
    assert quick(PYTHON, []).environ == {}


def test_the_check_runs_no_test_and_the_whole_run_has_all_of_its_steps():
    short = [step.name for step in readings(ROOT / "bin" / "python")]
    code = ["ruff check", "ruff format", "mypy", "import contracts"]
    assert short == [*code, "templates", "spelling", "migrations complete"]
    assert [step.name for step in checks(ROOT / "bin" / "python")][: len(short)] == short


def test_the_tests_are_counted_on_sqlite_and_compared_with_the_floor():
    clean, counted, combined, floor = coverage(PYTHON, ["-k", "preview"])
    assert clean.words == [PYTHON, "-m", "coverage", "erase"]
    assert counted.words[:5] == [PYTHON, "-m", "coverage", "run", "-m"]
    assert counted.words[-2:] == ["-k", "preview"]
    assert "DB" not in counted.environ
    assert combined.words[:4] == [PYTHON, "-m", "coverage", "combine"]
    assert floor.words == [PYTHON, "-m", "coverage", "report"]


def test_the_mutants_run_in_one_process_of_their_own():
    assert mutants(PYTHON, ["--only", "route"]).words == [PYTHON, "-m", "tests.mutants", "--only", "route"]


def test_the_fuzz_runs_on_the_database_that_is_asked_for():
    assert fuzz(PYTHON, ["--minutes", "1"], {}).words == [PYTHON, "-m", "tests.fuzz", "--minutes", "1"]
    assert (fuzz(PYTHON, [], {}).environ, fuzz(PYTHON, [], {"DB": "pg"}).environ) == ({}, {"DB": "pg"})


def test_the_drills_take_people_and_a_database():
    assert drills(PYTHON, ["--people", "5"], {}).words == [PYTHON, "-m", "tests.drills", "--people", "5"]
    assert (drills(PYTHON, [], {}).environ, drills(PYTHON, [], {"DB": "pg"}).environ) == ({}, {"DB": "pg"})


def test_the_crawl_takes_roles_and_a_database():
    assert crawl(PYTHON, ["--role", "support"], {}).words == [PYTHON, "-m", "tests.crawl", "--role", "support"]
    assert (crawl(PYTHON, [], {}).environ, crawl(PYTHON, [], {"DB": "pg"}).environ) == ({}, {"DB": "pg"})


def test_the_hook_runs_the_check_before_a_commit_and_a_failure_forbids_it(tmp_path):
    def git(*words):
        who = ["-c", "user.name=A", "-c", "user.email=a@x.org"]
        return subprocess.run(["git", *who, *words], cwd=tmp_path, capture_output=True, text=True)

    def check_ends_with(code):
        (tmp_path / "check").write_text(f"#!/bin/sh\necho checked >&2\nexit {code}\n")
        (tmp_path / "check").chmod(0o755)
        git("add", "check")

    git("init", "-q")
    assert install_hook(tmp_path) == 0
    check_ends_with(1)
    refused = git("commit", "-q", "-m", "bad")
    assert (refused.returncode != 0, "checked" in refused.stderr) == (True, True)
    assert git("log", "--oneline").returncode != 0
    check_ends_with(0)
    assert git("commit", "-q", "-m", "good").returncode == 0
    assert git("log", "--format=%s").stdout == "good\n"
    assert install_hook(tmp_path) == 0  # a second time does no harm


def test_a_hook_of_somebodys_own_stays(tmp_path):
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    hook = tmp_path / ".git" / "hooks" / "pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nmine\n")
    assert install_hook(tmp_path) == 1
    assert hook.read_text() == "#!/bin/sh\nmine\n"


def test_outside_a_clone_no_hook_is_made(tmp_path):
    assert install_hook(tmp_path) == 1


def test_the_checks_are_left_out_only_where_that_is_asked_for(monkeypatch):
    ran = []
    monkeypatch.setattr(suite, "ensure_venv", lambda name: ROOT / "bin" / "python")
    monkeypatch.setattr(suite, "run_all", lambda steps, *a, **k: ran.append([step.name for step in steps]) or 0)
    suite.test(["--sqlite-only", "tests/tools"], {"PATH": ""})
    suite.test(["--tests-only", "--sqlite-only", "tests/tools"], {"PATH": ""})
    assert ran[0][:2] == ["ruff check", "ruff format"]
    assert ran[0][-2:] == ran[1] == ["tests on SQLite", "tests on PostgreSQL"]


def test_another_postgresql_is_one_of_those_that_are_supported(capsys):
    assert postgres_version(PYTHON, ["18", "-x"]).words == [PYTHON, "-m", "tests.versions", "18", "-x"]
    assert machines(PYTHON).words == [PYTHON, "-m", "tests.machines"]
    assert partitioned(PYTHON, ["-x"]).words == [PYTHON, "-m", "tests.in_partitions", "-x"]
    for words in ([], ["13"], ["19"], ["new"]):
        assert on_version(words) == 2
        assert "from 14 to 18" in capsys.readouterr().out


def test_what_is_written_down_of_another_postgresql_names_what_failed(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text(
        '<testsuites><testsuite><testcase classname="t.a" name="one"/><testcase classname="t.a" name="two"><skipped '
        'message="needs sqlite"/></testcase><testcase classname="t.b" name="three"><failure message="no"/></testcase>'
        '<testcase classname="t.b" name="four"><error message="no"/></testcase></testsuite></testsuites>'
    )
    assert counted(report) == {
        "passed": 1,
        "skipped": 1,
        "why_skipped": ["needs sqlite"],
        "failed": ["t.b::four", "t.b::three"],
    }
