"""Whether purges that are over are asked again: under other rules, tables, decoders or keys, or after a restore, what
was not found before may be found now.

One fingerprint of all that, kept with each pass that was made for all purges: where today's is another one the next
pass is for all of them.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any, Final

from django.db import connection

import purge
from purge.addresses import IDENTITY_KEY_VERSION
from purge.choices import Verdict
from purge.database import dialect_of
from purge.database.catalog import Catalog
from purge.hashing import EXACT, FOLDED, SEARCHED, fingerprint
from purge.installation.identity import installation
from purge.models import PatrolPass
from purge.rules.fingerprint import rules_fingerprint

#: Packages whose code decides what is found in a text or file.
FINDING: Final = ("addresses", "proof", "sandbox")


def armed_by(catalog: Catalog | None = None) -> str:
    """Under what a pass is made now. Raises HashKeyMissing."""
    catalog = catalog or dialect_of(connection).read_catalog()
    here = installation()
    facts = {
        "rules": rules_fingerprint(),
        "tables": sorted([column.table, column.name, column.type, column.width or 0] for column in catalog.columns),
        "finding": _code(),
        "forms": [IDENTITY_KEY_VERSION, EXACT, FOLDED, SEARCHED],
        "database": dialect_of(connection).identity(),
        # A failover may have lost what was erased, and not what the log says of it.
        "restored": [str(here.restored_at or ""), str(here.server_changed_at or "")],
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.{fingerprint()}"


def must_ask_again(now: str) -> bool:
    """Whether no pass for all purges has been made under this fingerprint."""
    last: str | None = passes_for_all().order_by("-pk").values_list("armed_by", flat=True).first()
    return last != now


def passes_for_all() -> Any:
    """The passes that were made for all purges, and have looked."""
    return PatrolPass.objects.exclude(armed_by="").exclude(verdict__in=("", Verdict.COULD_NOT_LOOK))


@cache
def _code() -> str:
    """The same in every process of a release: another release may find more."""
    digest = hashlib.sha256()
    for name in FINDING:
        for path in sorted((Path(purge.__file__).parent / name).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
