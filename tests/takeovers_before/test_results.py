"""What is written down of the first release is of the tests as they are today."""

import ast
import json

from tests.takeovers_before.__main__ import COUNTER_CHECK, FILES, RESULTS, ROOT


def test_each_takeover_has_been_tried_on_the_first_release_and_succeeded_there():
    today = set()
    for file in FILES:
        for node in ast.parse((ROOT / file).read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                today.add(node.name)
    outcomes = json.loads(RESULTS.read_text())["outcomes"]
    assert {name.partition("[")[0] for name in outcomes} == today
    for name, came in outcomes.items():
        assert came == "passed" if name.startswith(COUNTER_CHECK) else came.startswith("failed: "), name
