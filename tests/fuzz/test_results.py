"""What is written down of the last long runs is of the site as it is now, or nearly."""

import json
from pathlib import Path

import pytest

from tests.fuzz.pages import answering, lines


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_the_last_long_run_asked_nearly_every_url_there_is(database):
    results = json.loads(Path(__file__).with_name(f"results.{database}.json").read_text())
    runs = [results, *results.get("later", [])]
    # It takes the better part of an hour: what is newer is asked by itself, or waits for the next one if it is little.
    assert sum(run["urls"] for run in runs) >= 0.97 * len(answering())
    for run in runs:
        assert (run["every_url"], run["broken"]) == (True, [])
        assert run["fewest_inputs_of_a_url"] >= 200


def test_a_route_that_stands_twice_counts_once():
    """Or a long run would look for a last URL for ever. Django's own page to sign in stands behind ours."""
    routes = [route for route, _name in lines()]
    assert routes.count("admin/login/") == 2
    assert list(answering()).count("admin/login/") == 1
    assert set(answering()) == set(routes)
