"""What is written down of the last long runs is of the site as it is now."""

import json
from pathlib import Path

import pytest

from tests.fuzz.pages import lines


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_last_long_run_asked_every_url_there_is(database):
    results = json.loads(Path(__file__).with_name(f"results.{database}.json").read_text())
    assert results["urls"] == len(list(lines()))
    assert (results["every_url"], results["broken"]) == (True, [])
    assert results["fewest_inputs_of_a_url"] >= 200
