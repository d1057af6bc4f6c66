"""docs/settings.md says every variable that the code reads, with the default that it has there, and no other."""

import ast
import re

from tools.environment import ROOT

#: Variables of the keys are read by keys.folder.
ELSEWHERE = {"SECRET_KEY", "PURGE_HASH_KEY", "LMS_ENCRYPTION_KEYS"}
#: Read as well, and no setting of a site: the system's own, Django's, and those of ./test.
#: ``REQUEST_METHOD`` is read of a request: the environment of WSGI.
NO_SETTINGS = {"PATH", "DJANGO_SETTINGS_MODULE", "DB", "REQUIRE_BROWSER", "REQUEST_METHOD"}
PRODUCT = ("connectors", "keys", "learning", "lms_purge", "messaging", "purge", "tools", "users")
#: How a default in the code is said on the page, where it is not the same.
SAID = {
    "False": "`0`",
    "True": "`1`",
    "''": "none",
    "[]": "none",
    "['127.0.0.1', 'localhost', '[::1]']": "`127.0.0.1,localhost,[::1]`",
    "['127.0.0.0/8', '::1', 'socket'] if LMS_BEHIND_PROXY else []": (
        "`127.0.0.0/8,::1,socket` behind a proxy, else none"
    ),
    "None": "not said",
    "VAR_DIR / 'keys'": "`var/keys`",
    "VAR_DIR / 'media'": "`var/media`",
    "VAR_DIR / 'static'": "`var/static`",
    "[VAR_DIR / 'journal' / 'purge.jsonl']": "`var/journal/purge.jsonl`",
    "logging.INFO": "`INFO`",
}


def read_by(path):
    """Variable → default as it stands in the code, of env.int("NAME", 1), os.environ.get("NAME", "1") and the like."""
    found = {}
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        source, name = ast.unparse(node.func.value), node.args[0]
        if source in ("env", "os.environ", "environ") and isinstance(name, ast.Constant) and str(name.value).isupper():
            default = ast.unparse(node.args[1]) if len(node.args) > 1 else None
            found.setdefault(name.value, default)
    return found


def page():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (.+?) \| (.+?) \|$", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    assert len({name for name, _default, _meaning in rows}) == len(rows)
    return {name: (default, meaning) for name, default, meaning in rows}


def test_the_page_has_every_variable_and_no_other():
    code = read_by("lms_purge/settings.py")
    assert len(code) > 40
    elsewhere = {name for folder in PRODUCT for path in (ROOT / folder).rglob("*.py") for name in read_by(path)}
    assert {"LMS_KEYS", "PGBIN", "PORT", "WEB_WORKERS"} <= elsewhere
    assert elsewhere >= set(code) | NO_SETTINGS
    assert set(page()) == (elsewhere - NO_SETTINGS) | ELSEWHERE
    assert all(len(meaning) > 6 for _default, meaning in page().values())


def test_the_page_has_the_defaults_of_the_code():
    code = {**read_by("tools/gunicorn_config.py"), **read_by("lms_purge/settings.py")}
    rows = page()
    for name, default in code.items():
        if name == "PURGE_JOURNAL_WRITER":
            assert rows[name][0] == "the machine's name"
        elif default is not None and name != "LMS_HTTPS":
            plain = default.strip("'\"").replace("_", "") if default[:1].isdigit() else default.strip("'\"")
            assert rows[name][0] == SAID.get(default, f"`{plain}`"), name


def test_a_variable_that_nobody_wrote_down_is_found(tmp_path):
    source = 'env.int("BRAND_NEW", 7)\nos.environ.get("OTHER_ONE", "x")\nother.get("NOT_READ")'
    (tmp_path / "s.py").write_text(source)
    assert read_by(tmp_path / "s.py") == {"BRAND_NEW": "7", "OTHER_ONE": "'x'"}
