"""The fingerprint of the rules, which a line of the purge log carries: what changes it and what does not."""

import os
import subprocess
import sys
from pathlib import Path

from purge.rules import Delete, Keep, ModelRules, Redact, WithRow, pickled_text, signed_text
from purge.rules.fingerprint import rules_fingerprint
from purge.rules.registry import Registry

ROOT = Path(__file__).resolve().parents[3]
REASON = "chosen from a list that nobody can type into"


def of(*rules):
    return rules_fingerprint(Registry([type("module", (), {"RULES": rules, "EXEMPT": []})]))


def posts(**columns):
    return ModelRules("learning.Post", "posts", "author__account", {"author": Delete(), "body": Redact(), **columns})


def reports(rule):
    return ModelRules("messaging.SavedReport", "reports", "owner__account", {"name": rule})


def test_it_is_sixteen_characters_and_the_same_for_the_same_rules_in_any_order():
    one, other = of(posts(), reports(Redact())), of(reports(Redact()), posts())
    assert one == other
    assert len(one) == 16
    assert set(one) <= set("0123456789abcdef")


def test_another_treatment_option_column_path_or_decoder_is_another_fingerprint():
    found = {
        of(posts()),
        of(posts(), reports(Redact())),
        of(posts(body=Redact(numbered=True))),
        of(posts(body=WithRow(closed=REASON))),
        of(ModelRules("learning.Post", "posts", None, {"author": Delete(), "body": Redact()})),
        of(posts(body=Keep(REASON, decoded_by=pickled_text))),
        of(posts(body=Keep(REASON, decoded_by=signed_text))),
    }
    assert len(found) == 7


def test_other_words_for_the_same_are_the_same():
    assert of(posts(body=Keep(REASON))) == of(posts(body=Keep("because nobody can type into it at all")))


def test_two_processes_find_the_same_of_the_installed_rules():
    code = "import django; django.setup(); from purge.rules.fingerprint import rules_fingerprint as f; print(f())"
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert said == {rules_fingerprint()}
