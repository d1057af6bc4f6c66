"""`./test --crawl`: python -m tests.crawl [--role ROLE …]

Every address of the site × everybody × rows of A, of B, of none × GET and POST, without the short cuts that the tests
take, with every row of every account compared after each request that wrote. ``DB=pg`` before it: on PostgreSQL.
``--role``: those alone; they replace their lines of ``tests/crawl/results.DATABASE.json``. Fails when anything was
found.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

from tests.own_database import own_database

HERE = Path(__file__).resolve().parent


def main() -> int:
    words = argparse.ArgumentParser(prog="./test --crawl", description=__doc__)
    words.add_argument("--role", action="append", help="such as anonymous, or “administrator of A”; default: everybody")
    chosen = words.parse_args()
    with own_database("crawl") as database:
        return walk(chosen.role, database)


def walk(roles: list[str] | None, database: str) -> int:
    from tests.crawl.crawler import MarkedWorld, addresses, crawl, walkers
    from tests.crawl.test_crawl import SIGN_IN

    worlds = MarkedWorld("quokka"), MarkedWorld("zebra")
    who, urls = walkers(*worlds), addresses()
    if unknown := set(roles or ()) - set(who):
        raise SystemExit(f"nobody is called {', '.join(sorted(unknown))}; there are {', '.join(who)}")
    results = HERE / f"results.{database}.json"
    before = json.loads(results.read_text()) if roles and results.exists() else {}
    report = {"database": database, "addresses": len(urls), "roles": before.get("roles", {})}
    found = False
    for role in roles or who:
        begun = time.monotonic()
        walked = crawl(worlds, [who[role]], urls, open_to_all=SIGN_IN, whole=True)
        answers = walked.answers[role]
        report["roles"][role] = {
            "requests": sum(answers.values()),
            "answers": {str(status): answers[status] for status in sorted(answers)},
            "seconds": round(time.monotonic() - begun),
            "problems": sorted(map(list, walked.problems)),
        }
        found |= bool(walked.problems)
        print(json.dumps({role: report["roles"][role]}), flush=True)
    report["roles"] = {role: report["roles"][role] for role in who if role in report["roles"]}
    report["requests"] = sum(each["requests"] for each in report["roles"].values())
    results.write_text(json.dumps(report, indent=1) + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
