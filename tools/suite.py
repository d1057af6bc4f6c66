"""`./check` reads the code; `./test` runs it too: on SQLite, on a real PostgreSQL, and in a browser.

`./test --whole` runs every test on every database instead of where it tells most; `./test --quick` what tells most in
two minutes; `./test --mutants` asks whether the tests can fail, `./test --coverage` how much of the code they run;
`./test --fuzz` types nonsense everywhere for ten minutes; `./test --crawl` asks at every address, as everybody, for
everybody's rows; `./test --drills` restores backups; `./test --postgres-version 18` runs the routes and the engine on
another PostgreSQL, `./test --partitioned` on tables in partitions; `./test --machines` kills a site on several machines
part by part.
Needs the standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from keys import folder as keys
from tools.environment import DEVELOPMENT, ROOT, VAR, ensure_venv, say
from tools.postgres import PostgresError, Throwaway

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
BROWSER_TESTS = "tests/browser"
#: What `./test --quick` runs, on SQLite: each route and what it must do to every row, the words of addresses, the plain
#: flow, the plan of the house.
QUICK_TESTS = (
    "tests/purge/expected/test_expected_rows.py",
    "tests/purge/routes/test_routes.py",
    "tests/purge/addresses/test_addresses.py",
    "tests/purge/expected/test_mutants.py",
    "tests/test_plain_flow.py",
    "tests/test_house.py",
    "tests/tools/test_suite.py",
)
MUTANTS = "--mutants"
COVERAGE = "--coverage"
FUZZ = "--fuzz"
CRAWL = "--crawl"
DRILLS = "--drills"
POSTGRES_VERSION = "--postgres-version"
PARTITIONED = "--partitioned"
MACHINES = "--machines"
QUICK = "--quick"
SQLITE_ONLY = "--sqlite-only"
WHOLE = "--whole"
TESTS_ONLY = "--tests-only"  # the checks read the code, and read the same on every Python
INSTALL = "--install"
HOOK = """#!/bin/sh
# Put here by ./check --install.
unset GIT_INDEX_FILE GIT_DIR  # git sets them for its hooks; the checks ask git about the whole clone
exec ./check
"""
NO_TESTS_RAN = 5  # pytest's exit code
SCRATCH = VAR / "checks.sqlite3"
KEPT = VAR / "migrated.sqlite3"  # a copy of it, taken at once
#: Tells the tests where a database is that has been migrated from nothing a moment ago: they need not do it again.
MIGRATED = "TESTS_MIGRATED"
#: Tells the tests which PostgreSQL is there for them: its databases that serve as templates are those of the last step.
SERVER = "TESTS_SERVER"


@dataclass(frozen=True)
class Step:
    """One line of the summary. `words` empty: the step is left out, and `note` says why."""

    name: str
    words: Sequence[str] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    required: bool = True
    may_be_empty: bool = False  # pytest: whether choosing no test is all right
    aside: bool = False  # runs beside the steps that follow it, up to the first tests

    @property
    def runs_tests(self) -> bool:
        return list(self.words[1:3]) == ["-m", "pytest"]


@dataclass(frozen=True)
class Result:
    step: Step
    code: int | None
    seconds: float

    @property
    def verdict(self) -> str:
        if self.code is None:
            return "FAILED" if self.step.required else "left out"
        if self.code == NO_TESTS_RAN and self.step.may_be_empty:
            return "no tests"
        return "ok" if self.code == 0 else "FAILED"


def test(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run all steps, whatever fails; print the summary; return 0 only when nothing failed and a test ran."""
    python = ensure_venv(DEVELOPMENT)
    if arguments[:1] == [MUTANTS]:
        return run_all([mutants(python, arguments[1:])], environ)
    if arguments[:1] == [COVERAGE]:
        return run_all(coverage(python, arguments[1:]), environ)
    if arguments[:1] == [FUZZ]:
        return run_all([fuzz(python, arguments[1:], environ)], environ)
    if arguments[:1] == [CRAWL]:
        return run_all([crawl(python, arguments[1:], environ)], environ)
    if arguments[:1] == [DRILLS]:
        return run_all([drills(python, arguments[1:], environ)], environ)
    if arguments[:1] == [POSTGRES_VERSION]:
        return run_all([postgres_version(python, arguments[1:])], environ)
    if arguments[:1] == [PARTITIONED]:
        return run_all([partitioned(python, arguments[1:])], environ)
    if arguments == [MACHINES]:
        return run_all([machines(python)], environ)
    words = [word for word in arguments if word not in (SQLITE_ONLY, TESTS_ONLY, QUICK, WHOLE)]
    if QUICK in arguments:
        steps = [quick(python, words)]
    else:
        steps = [
            *([] if TESTS_ONLY in arguments else checks(python)),
            *suites(
                python,
                words,
                sqlite_only=SQLITE_ONLY in arguments,
                environ=environ,
                whole=WHOLE in arguments,
                migrated={} if TESTS_ONLY in arguments else {MIGRATED: str(KEPT)},
            ),
        ]
    return run_all(steps, environ, must_test=True)


def check(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """Run everything that reads the code without running it; print the summary; return 0 when nothing failed."""
    if list(arguments) == [INSTALL]:
        return install_hook(ROOT)
    if arguments:
        say("Usage: ./check [--install]")
        return 2
    return run_all(readings(ensure_venv(DEVELOPMENT)), environ)


def install_hook(root: Path) -> int:
    """Let git run ./check before each commit of this clone. A hook of somebody's own is left as it is."""
    asked = ["git", "rev-parse", "--path-format=absolute", "--git-path", "hooks/pre-commit"]
    found = subprocess.run(asked, cwd=root, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        say("This is no clone of git: there is nowhere to put a hook.")
        return 1
    hook = Path(found.stdout.strip())
    if hook.exists() and hook.read_text() != HOOK:
        say(f"{hook} is there already: put ./check into it yourself, or move it away and try again.")
        return 1
    hook.parent.mkdir(parents=True, exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    say("git runs ./check before each commit now; git commit --no-verify leaves it out once.")
    return 0


def run_all(steps: Sequence[Step], environ: Mapping[str, str], *, must_test: bool = False) -> int:
    VAR.mkdir(exist_ok=True)
    start = time.monotonic()
    with contextlib.ExitStack() as kept:
        results = run_steps(steps, {**clean(environ), **shared(steps, kept)})
    print(summary(results, time.monotonic() - start), flush=True)
    ran = any(result.code == 0 for result in results if result.step.runs_tests)
    passed = all(result.verdict != "FAILED" for result in results)
    return 0 if passed and (ran or not must_test) else 1


def shared(steps: Sequence[Step], kept: contextlib.ExitStack) -> dict[str, str]:
    """A PostgreSQL for all steps, where several ask for one: what one migrates is there for the next."""
    if sum(step.runs_tests and step.environ.get("DB") == "pg" for step in steps) < 2:
        return {}
    try:
        return {SERVER: kept.enter_context(Throwaway()).url}
    except PostgresError:
        return {}  # each of them says why


def run_steps(steps: Sequence[Step], environ: Mapping[str, str]) -> list[Result]:
    """One after the other, but for those that run aside; in the order of ``steps``."""
    results: list[Future[Result]] = []
    with ThreadPoolExecutor(1) as beside, ThreadPoolExecutor(1) as here:
        for step in steps:
            if step.aside:
                results.append(beside.submit(run_quietly, step, environ))
                continue
            if step.runs_tests:
                for each in results:
                    each.result()
            results.append(here.submit(run_step, step, environ))
            results[-1].result()
        return [each.result() for each in results]


def clean(environ: Mapping[str, str]) -> dict[str, str]:
    """`environ` without what is meant for ./run: the tests bring their own database, keys and settings.

    Nor is Python forbidden to keep what it has compiled: a run starts some hundred processes, and pytest writes the
    asserts of all tests anew in each of its own, which is two thirds of the time that it takes to collect them.
    """
    theirs = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "DB", "PORT", "MEDIA_ROOT", "LMS_FILES", "LMS_KEYS"}
    theirs.add("PYTHONDONTWRITEBYTECODE")
    theirs |= {key.variable for key in keys.KEYS}
    kept = {name: value for name, value in environ.items() if name not in theirs and not name.startswith("PURGE_")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


# What there is to run


def readings(python: Path) -> list[Step]:
    """Lint, types, import contracts, templates, spelling, whether each model has its migration."""
    tool = python.parent
    return [
        Step("ruff check", [str(tool / "ruff"), "check", "."]),
        Step("ruff format", [str(tool / "ruff"), "format", "--check", "."]),
        Step("mypy", [str(tool / "mypy")], aside=True),  # in a new clone it takes as long as all others together
        Step("import contracts", [str(tool / "lint-imports"), "--no-cache"]),
        Step("templates", [str(tool / "djlint"), ".", "--lint", "--quiet", "--allow-empty-input"]),
        Step("spelling", [str(tool / "codespell")]),
        Step("migrations complete", [str(python), "manage.py", "makemigrations", "--check", "--dry-run"], scratch()),
    ]


def checks(python: Path) -> list[Step]:
    """The same, and Django's own checks, migrations from nothing, the coverage of the purge rules."""
    manage = [str(python), "manage.py"]
    return [
        *readings(python),
        Step("migrate from nothing", [str(python), "-m", "tools.fresh_database", str(KEPT)], scratch()),
        Step("system checks", [*manage, "check", "--fail-level", "WARNING"], scratch()),
        Step("deployment checks", [*manage, "check", "--deploy", "--fail-level", "WARNING"], production()),
        Step("purge rules", [*manage, "purge_rules", "--check"], scratch()),
    ]


def scratch() -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": f"sqlite:///var/{SCRATCH.name}"}


def quick(python: Path, words: Sequence[str]) -> Step:
    """The tests that tell most, or those that are named, on SQLite; the tables are made without the migrations."""
    chosen = words if any(map(is_path, words)) else [*words, *QUICK_TESTS]
    pytest = [str(python), "-m", "pytest", "-n", "2", "--no-migrations"]
    return Step("quick tests on SQLite", [*pytest, *chosen], may_be_empty=bool(words))


def mutants(python: Path, words: Sequence[str]) -> Step:
    """Each rule, route cell and condition of the proof switched off, one at a time; `words` say which, else all."""
    return Step(
        "mutants on SQLite",
        [str(python), "-m", "tests.mutants", *words],
        {"DATABASE_URL": f"sqlite:///var/{SCRATCH.name}"},
    )


def coverage(python: Path, words: Sequence[str]) -> list[Step]:
    """The tests on SQLite, counting the branches that they take, in the worker's processes too; then whether that
    reaches the floor of pyproject.toml. What only PostgreSQL runs counts as not run."""
    tool = [str(python), "-m", "coverage"]
    return [
        Step("clean", [*tool, "erase"]),
        Step(
            "tests on SQLite, counted",
            [*tool, "run", "-m", "pytest", "-n", "2", f"--ignore={BROWSER_TESTS}", *words],
        ),
        Step("put together", [*tool, "combine", "--quiet"]),
        Step("floor", [*tool, "report"]),
    ]


def fuzz(python: Path, words: Sequence[str], environ: Mapping[str, str]) -> Step:
    """Made-up inputs to every page for minutes; `DB=pg` before it: on PostgreSQL."""
    database = {"DB": "pg"} if environ.get("DB") == "pg" else {}
    return Step("fuzz", [str(python), "-m", "tests.fuzz", *words], database)


def crawl(python: Path, words: Sequence[str], environ: Mapping[str, str]) -> Step:
    """Every address as everybody with everybody's rows; `DB=pg` before it: on PostgreSQL."""
    database = {"DB": "pg"} if environ.get("DB") == "pg" else {}
    return Step("crawl", [str(python), "-m", "tests.crawl", *words], database)


def drills(python: Path, words: Sequence[str], environ: Mapping[str, str]) -> Step:
    """Backups restored, and whom they bring back purged again; `DB=pg` before it: on PostgreSQL, in five ways."""
    database = {"DB": "pg"} if environ.get("DB") == "pg" else {}
    return Step("drills", [str(python), "-m", "tests.drills", *words], database)


def postgres_version(python: Path, words: Sequence[str]) -> Step:
    """The routes' and the engine's tests on another major version of PostgreSQL, which is fetched for it."""
    return Step("another PostgreSQL", [str(python), "-m", "tests.versions", *words])


def partitioned(python: Path, words: Sequence[str]) -> Step:
    """The routes' tests, or those that are named, on the partitions of docs/partitions.sql."""
    return Step("tables in partitions", [str(python), "-m", "tests.in_partitions", *words])


def machines(python: Path) -> Step:
    """Two webs, two workers, poolers, a database with its standby: killed in turn while people are purged."""
    return Step("several machines", [str(python), "-m", "tests.machines"])


def production() -> dict[str, str]:
    """What a production environment sets, with keys made for this one check."""
    return {
        "DJANGO_SETTINGS_MODULE": "lms_purge.settings",
        **{key.variable: key.make() for key in keys.KEYS},
        "ALLOWED_HOSTS": "lms.example",
        "LMS_HTTPS": "1",
        "LMS_BASE_URL": "https://lms.example",
        "EMAIL_HOST": "mail.lms.example",
        "PURGE_REACH_TRIAL": "proved",
        "DATABASE_URL": f"sqlite:///var/{SCRATCH.name}",
    }


def suites(
    python: Path,
    words: Sequence[str],
    *,
    sqlite_only: bool,
    environ: Mapping[str, str],
    whole: bool = False,
    migrated: Mapping[str, str] | None = None,
) -> list[Step]:
    """The tests on both databases, then those with a browser; `words` go on to pytest. ``whole``: every test on every
    database, which takes an hour, instead of each where it tells most. ``migrated``: in whose environment a database
    stands that the ones on SQLite may begin with.

    Paths among `words` go to the suite that they belong to: a browser test is not asked of the others.
    """
    paths = [word for word in words if is_path(word)]
    options = [word for word in words if word not in paths]
    browser = [path for path in paths if path.startswith(BROWSER_TESTS)]
    others = [path for path in paths if path not in browser]
    # Two processes; who is done early takes over half of what the other has left.
    pytest = [str(python), "-m", "pytest", "-n", "2", "--dist", "worksteal"]
    chosen = bool(words)
    steps = []
    if others or not browser:
        databases = [*pytest, f"--ignore={BROWSER_TESTS}", *options, *others]
        if not (whole or chosen or sqlite_only):
            databases.append("--short")
        steps.append(Step("tests on SQLite", databases, migrated or {}, may_be_empty=chosen))
        if sqlite_only:
            steps.append(Step("tests on PostgreSQL", note="--sqlite-only was asked for", required=False))
        else:
            steps.append(Step("tests on PostgreSQL", databases, {"DB": "pg"}, may_be_empty=chosen))
    if browser or not others:
        words = [*pytest, *options, *(browser or [BROWSER_TESTS])]
        steps.append(browser_step(words, sqlite_only=sqlite_only, environ=environ, may_be_empty=chosen))
    return steps


def is_path(word: str) -> bool:
    return not word.startswith("-") and (ROOT / word.partition("::")[0]).exists()


def browser_step(words: Sequence[str], *, sqlite_only: bool, environ: Mapping[str, str], may_be_empty: bool) -> Step:
    name = "tests in a browser"
    required = environ.get("REQUIRE_BROWSER", "") not in {"", "0"}
    if not any(shutil.which(program, path=environ.get("PATH")) for program in CHROMIUM):
        return Step(name, note="NO CHROMIUM HERE: sudo apt-get install chromium", required=required)
    # Playwright runs its own event loop in the test's thread, which Django takes for asynchronous code.
    settings = {"DJANGO_ALLOW_ASYNC_UNSAFE": "true", **({} if sqlite_only else {"DB": "pg"})}
    return Step(name, words, settings, may_be_empty=may_be_empty)


# Running it


def run_step(step: Step, environ: Mapping[str, str]) -> Result:
    if not step.words:
        say(f"\n== {step.name}: left out. {step.note}")
        return Result(step, None, 0.0)
    say(f"\n== {step.name}")
    start = time.monotonic()
    done = subprocess.run(step.words, cwd=ROOT, env={**environ, **step.environ}, check=False)
    return Result(step, done.returncode, time.monotonic() - start)


def run_quietly(step: Step, environ: Mapping[str, str]) -> Result:
    """Say what it has to say at its end, in one piece."""
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            step.words, cwd=ROOT, env={**environ, **step.environ}, stdout=said, stderr=said, check=False
        )
        said.seek(0)
        say(f"\n== {step.name}\n{said.read()}")
    return Result(step, done.returncode, time.monotonic() - start)


def summary(results: Sequence[Result], seconds: float) -> str:
    """``seconds``: all of it, which is less than the sum where something ran aside."""
    width = max(len(result.step.name) for result in results)
    lines = [f"{r.step.name:<{width}}  {r.verdict:<8}  {r.seconds:6.1f} s  {r.step.note}".rstrip() for r in results]
    failed = [result.step.name for result in results if result.verdict == "FAILED"]
    closing = f"FAILED: {', '.join(failed)}" if failed else "All passed."
    return "\n".join(["", *lines, f"{'together':<{width}}  {'':<8}  {seconds:6.1f} s", "", closing])
