"""The figures of what people sit before: the list of deleted users, and an import."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.core.files.base import ContentFile
from django.db import connection, transaction
from django.test import Client, override_settings

from bench.contenders import administrator_of
from bench.data import MONTHS, USER_COLUMNS, IndexesLater, Unchecked, Writer, next_id, reset_sequences, tidy
from bench.figures import OURS, Bench, forget_queue, growth_of_peak, in_fresh_process
from bench.measuring import Result, clock, median, progress, ratio

# ---------------------------------------------------------------- 8: User Cleanup


def cleanup_list(bench: Bench) -> list[Result]:
    """8: requests through Django to the list over a thousand and over a million deleted users."""
    few, many = bench.world.accounts[1].account, bench.world.accounts[2].account
    sizes = {few: 1_000, many: max(2_000, round(1_000_000 * min(1.0, bench.scale / 4)))}
    progress("writing deleted users")
    written = frozenset({"users_user", "users_deletedcount"})
    with IndexesLater(written), Unchecked():
        for account, number in sizes.items():
            _write_deleted(account, number)
    reset_sequences(["users.User"])
    tidy(full=True, tables=written)
    clients = {account: _signed_in(account) for account in sizes}
    results = []
    for name, query in _queries().items():
        progress(name)
        addresses = {account: query(account) for account in sizes}
        runs: dict[str, list[float]] = {}
        for _round in range(bench.rounds + 2):
            for account, number in sizes.items():
                show = _request(clients[account], addresses[account])
                runs.setdefault(f"{number:,} deleted", []).append(clock(show))
        seconds = [median(values) for values in runs.values()]
        results.append(Result("8", f"User Cleanup, {name}", "1,000 deleted", seconds[1] / seconds[0], 1.5, runs=runs))
    return results


def _write_deleted(account: int, number: int) -> None:
    first = next_id("users.User")
    Writer("users.User", USER_COLUMNS).write(_deleted_lines(account, first, number))
    count = next_id("users.DeletedCount")
    already = _counted(account)
    Writer("users.DeletedCount", ("account_id", "month", "n")).write(
        f"{count + row}\t{account}\t{month}\t{number // 12 + already.get(month, 0)}" for row, month in enumerate(MONTHS)
    )


def _counted(account: int) -> dict[str, int]:
    """What the summary has for the account; taken out, since it is written anew."""
    from users.models import DeletedCount

    rows = DeletedCount.objects.filter(account_id=account)
    found = dict(rows.values_list("month", "n"))
    rows._raw_delete(connection.alias)  # within a transaction that Django knows nothing of
    return found


def _deleted_lines(account: int, first: int, number: int) -> Iterable[str]:
    for n in range(number):
        person = first + n
        month = MONTHS[n % 12]
        day, second = n // 12 % 28 + 1, n // 336
        at = f"{month}-{day:02} {second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02}+00"
        address = f"gone{person}@company{person % 97}.example"
        yield (
            f"{person}\t{account}\tlogin{person:x}\t00000003-0000-4000-8000-{person:012x}\tPerson {person}\t{address}\t"
            f"{address}\tD{person:09}\td{person:09}\tdeleted\t{at}\t{month}\t!"
        )


def _signed_in(account: int) -> Client:
    client = Client()
    client.force_login(administrator_of(account), backend="users.backends.AccountBackend")
    return client


LIST = "/admin/users/deleteduser/"


def _queries() -> dict[str, Callable[[int], str]]:
    """What is asked of the list → its address in an account."""
    return {
        **{
            f"{where}, sorted by {sort}, {page} page": _address(sort, month, page)
            for where, month in (("one month", MONTHS[5]), ("all months", ""))
            for sort in ("date", "uid")
            for page in ("first", "last")
        },
        "search by Unique User ID": lambda account: f"{LIST}?q={_somebody(account).unique_user_id}",
        "search by beginning of the e-mail": lambda account: f"{LIST}?q={_somebody(account).email_key[:12]}",
    }


def _somebody(account: int) -> Any:
    from users.models import DeletedUser

    return DeletedUser.objects.filter(account_id=account, deleted_at__isnull=False).order_by("-pk").first()


def _address(sort: str, month: str, page: str) -> Callable[[int], str]:
    def address(account: int) -> str:
        from users.models import DeletedUser

        query = f"?sort={sort}" + (f"&month={month}" if month else "")
        if page == "last":
            rows = DeletedUser.objects.filter(account_id=account, deleted_at__isnull=False)
            rows = rows.filter(deleted_month=month) if month else rows
            column = "deleted_at" if sort == "date" else "unique_id_sort"
            beyond = rows.order_by(f"-{column}", "-pk")[49]
            query += f"&after={beyond.pk}"
        return LIST + query

    return address


def _request(client: Client, address: str) -> Callable[[], None]:
    def request() -> None:
        with override_settings(ALLOWED_HOSTS=["testserver"]):
            response = client.get(address)
        if response.status_code != 200 or b"Person " not in response.content:
            raise RuntimeError(f"the list answered {response.status_code}, without people")

    return request


# ---------------------------------------------------------------- 14: an import


def importing(bench: Bench) -> list[Result]:
    """14: a CSV file of 100,000 new users, against the same rows by COPY into a table and a merge."""
    number = max(500, round(100_000 * min(1.0, bench.scale)))
    runs: dict[str, list[float]] = {OURS: [], "COPY and merge": []}
    peaks: dict[str, list[float]] = {"a tenth": [], "all": []}
    account = bench.world.accounts[1].account
    for turn in range(bench.rounds):
        progress(f"round {turn + 1}: {number:,} rows")
        seconds, peak = _ours(account, list(_csv_rows(3 * turn, number)))
        runs[OURS].append(seconds)
        peaks["all"].append(peak)
        runs["COPY and merge"].append(_copy_and_merge(account, list(_csv_rows(3 * turn + 1, number))))
        progress(f"round {turn + 1}: {number // 10:,} rows")
        peaks["a tenth"].append(_ours(account, list(_csv_rows(3 * turn + 2, number // 10)))[1])
        _forget_imported(account)
    forget_queue()
    text = f"import of {number:,} users"
    return [
        Result("14", text, "COPY and merge", ratio(runs, OURS, "COPY and merge"), 4, runs=runs),
        Result("14", f"{text}: peak of memory", "a tenth of them", growth_of_peak(peaks), 1.2, runs=peaks),
    ]


def _csv_rows(turn: int, number: int) -> Iterable[list[str]]:
    for n in range(number):
        yield [f"New Person {n}", f"new{turn}.{n}@import.example", f"N{turn}-{n}"]


def _started(account_id: int, rows: list[list[str]]) -> Any:
    """An import that is uploaded and waits for a worker."""
    from users.imports.services import user_import_start
    from users.models import Account

    text = io.StringIO()
    csv.writer(text).writerows([["Name", "E-mail", "Unique User ID"], *rows])
    file = ContentFile(text.getvalue().encode(), name="people.csv")
    return user_import_start(
        acting_user=administrator_of(account_id), account=Account.objects.get(pk=account_id), file=file
    )


def _ours(account_id: int, rows: list[list[str]]) -> tuple[float, float]:
    """Seconds from the upload to the end, and MiB by which the peak of the worker's memory grew."""
    from users.models import ImportLog

    begun = time.perf_counter()
    log = _started(account_id, rows)
    uploading = time.perf_counter() - begun
    working, peak, _session = in_fresh_process("import", log.pk)
    added = ImportLog.objects.get(pk=log.pk).added
    if added != len(rows):
        raise RuntimeError(f"the import added {added} of {len(rows)} users")
    return uploading + working, peak


def _copy_and_merge(account_id: int, rows: list[list[str]]) -> float:
    """The least that has to be done: the same columns, the same indexes and keys, nothing checked, nobody told."""

    def whole() -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE incoming (name text, email text, uid text) ON COMMIT DROP")
            with cursor.copy("COPY incoming FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(
                "INSERT INTO users_user (password, is_superuser, login_id, public_id, account_id, kind, state, name, "
                "email, email_key, unique_user_id, unique_id_sort, profile, registered, source, added_at, locale, "
                "time_zone, bio, avatar, is_support) "
                "SELECT '!', false, replace(gen_random_uuid()::text, '-', ''), gen_random_uuid(), %s, 'internal', "
                "'active', name, email, lower(email), uid, lower(uid), '', false, 'csv', now(), 'en', '', '', '', "
                "false FROM incoming ON CONFLICT (account_id, email_key) DO UPDATE SET name = excluded.name",
                [account_id],
            )

    return clock(whole)


def _forget_imported(account_id: int) -> None:
    """The next round begins as this one did. Unchecked: each key to a user would be looked up in each table."""
    with Unchecked(), connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM users_useraudit a USING users_user u WHERE u.id = a.user_id AND u.email_key LIKE %s",
            ["%@import.example"],
        )
        cursor.execute(
            "DELETE FROM users_user WHERE account_id = %s AND email_key LIKE %s", [account_id, "%@import.example"]
        )
