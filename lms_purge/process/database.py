"""DATABASE_URL as Django's settings for one database."""

from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

# IMMEDIATE: without it a transaction that reads and then writes fails at once with "database is locked",
# whatever the time limit. secure_delete: an erased row's bytes are overwritten in the file,
# but for some copies of index entries (findings/sqlite-secure-delete-gap.sh).
SQLITE_OPTIONS: dict[str, Any] = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;",
}


def database_from_url(url: str, *, base_dir: Path, behind_pooler: bool = False) -> dict[str, Any]:
    """Return the DATABASES entry for `sqlite:///file`, `sqlite:////absolute/file` or `postgres://…`.

    A relative SQLite file is looked for under `base_dir`. PostgreSQL's query part (`?sslmode=require`) becomes
    connection options. `behind_pooler`: each transaction may get another session of the server. Raises ValueError,
    without repeating the URL (it may hold a password), for anything else.
    """
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return _sqlite(unquote(parts.path), base_dir)
    if parts.scheme in {"postgres", "postgresql"}:
        pooled = {"DISABLE_SERVER_SIDE_CURSORS": True} if behind_pooler else {}
        return {**_postgresql(url), **pooled}
    raise ValueError("DATABASE_URL must begin with postgres:// or sqlite:///")


def _sqlite(path: str, base_dir: Path) -> dict[str, Any]:
    name = path.removeprefix("/")
    if not name:
        raise ValueError("DATABASE_URL names no SQLite file: write sqlite:///var/lms.sqlite3")
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(base_dir / name), "OPTIONS": dict(SQLITE_OPTIONS)}


def _postgresql(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    name = unquote(parts.path.removeprefix("/"))
    if not name:
        raise ValueError("DATABASE_URL names no database: write postgres://user:password@host:5432/name")
    signed_in, _at, places = parts.netloc.rpartition("@")
    user, _colon, password = signed_in.partition(":")
    hosts, ports = _hosts_and_ports(places)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(user),
        "PASSWORD": unquote(password),
        "HOST": hosts,
        "PORT": ports,
        # The queue asks the database twice a second; a connection for each question costs twenty times the throughput.
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        # No "pool": the queue's workers are forked, and a pool does not survive that.
        "OPTIONS": _options(parts.query),
    }


def _hosts_and_ports(places: str) -> tuple[str, str]:
    """Several hosts, as for a failover: `a:5432,b:5433`. The driver takes each list with commas, in the same order."""
    hosts, ports = [], []
    for place in places.split(","):
        host, colon, port = place.rpartition(":") if not place.endswith("]") else (place, "", "")
        if not colon:
            host, port = place, ""
        if port and not (port.isdecimal() and 0 < int(port) < 65_536):
            raise ValueError("DATABASE_URL has a port that is none")
        hosts.append(unquote(host.removeprefix("[").removesuffix("]")))
        ports.append(port)
    return ",".join(hosts), ",".join(ports) if any(ports) else ""


def _options(query: str) -> dict[str, Any]:
    """What stands behind the question mark goes to the driver, but for what is Django's own.

    Values are sent apart from their statements, so that what the server logs of one that fails or is slow names nobody;
    `?server_side_binding=0` sends them within.
    """
    options: dict[str, Any] = dict(parse_qsl(query))
    # Django wants the very value True.
    options["server_side_binding"] = options.get("server_side_binding", "1").lower() in ("1", "true", "yes", "on")
    return options
