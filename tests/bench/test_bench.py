"""The benchmark's own code: that its contenders do the same work, and that its report says what was measured.

On a tiny data set; nothing here looks at a time.
"""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest
from django.db import connection

from bench import chart, contenders, engine_flow, plain_flow, report, revisions
from bench.__main__ import chosen, parse
from bench.data import Size, World, row_count
from bench.figures import Bench
from bench.layout import KINDS, counts
from bench.measuring import Result, percentile, ratio, rounds
from bench.table import AT_THE_END, AT_TWO_SIZES, FIGURES, POSTGRES_ONLY, SIDE_BY_SIDE, figure
from learning.models import Comment
from lms_purge import demo
from users.models import DeletedCount, User, UserState

TINY = 0.001


@pytest.fixture
def world(transactional_db) -> World:
    made = World(Size(TINY))
    made.build(lambda _stage: None)
    contenders.prepare_sqlite()
    return made


def left_of(people) -> int:
    """Rows that still point at one of the people."""
    found = 0
    for kind in KINDS:
        from django.apps import apps

        model = apps.get_model(kind.model)
        for column in kind.columns:
            if column in ("user_id", "author_id", "recipient_id"):
                found += model._base_manager.filter(**{f"{column}__in": people}).count()
    return found


def addresses_of(people) -> list[str]:
    return list(User.objects.filter(pk__in=people).values_list("email_key", flat=True))


def mentions_of(addresses) -> int:
    return sum(1 for body in Comment.objects.values_list("body", flat=True) if any(a in body for a in addresses))


def test_the_data_set_is_consistent(world):
    connection.check_constraints()
    for account, month, n in DeletedCount.objects.values_list("account_id", "month", "n"):
        assert n == User.objects.filter(account_id=account, deleted_month=month).count()
    # Every light person is deleted and has a twin in a trial account.
    for person_id, account in world.light:
        person = User.objects.get(pk=person_id, account_id=account, state=UserState.DELETED)
        assert User.objects.filter(email_key=person.email_key, account__kind="trial").count() == 1
    assert row_count() >= 0
    # What the application writes next gets an id of its own.
    at = world.big
    Comment.objects.create(post_id=at.post, author_id=at.colleague, body="new")


def test_ours_and_the_sql_written_by_hand_leave_the_same(world):
    for contender in (contenders.purge, contenders.hand_written):
        people = world.add_heavy(2, mentions=3)
        addresses = addresses_of(people)
        assert left_of(people) > 40
        assert mentions_of(addresses) == 6
        contender(people)
        assert left_of(people) == 0
        assert mentions_of(addresses) == 0
        assert not User.objects.filter(email_key__in=addresses).exists()
        connection.check_constraints()


def test_djangos_ways_delete_the_rows_and_leave_the_texts(world):
    for contender in (contenders.orm_plain, contenders.orm_with_receiver, contenders.stock_admin):
        people = world.add_heavy(2, mentions=3)
        addresses = addresses_of(people)
        contender(people)
        assert left_of(people) == 0
        assert not User.objects.filter(email_key__in=addresses).exists()
        assert mentions_of(addresses) == 6


def test_heavy_people_have_six_thousand_rows_and_light_ones_some_thirty():
    assert 5_500 < sum(counts(heavy=True).values()) < 6_500
    assert 20 < sum(counts(heavy=False).values()) < 40


def test_the_figures_run_and_report(world):
    bench = Bench(rounds=1, people=2, _world=world, scale=TINY)
    results = [*figure("light")(bench), *figure("confirmation")(bench)]
    assert [result.figure for result in results] == ["2", "9", "9"]
    assert all(result.value > 0 for result in results[:2])
    # As many statements for many rows as for few.
    assert results[2].value == 0
    content = report.as_json(results, scale=TINY, rounds=1, rows={"1": 1000})
    assert json.loads(json.dumps(content))["results"][0]["runs"]["ours"]
    assert content["versions"][connection.vendor]
    ElementTree.fromstring(chart.svg(content))


def test_a_figure_that_compares_sizes_reports_at_the_second(world):
    bench = Bench(rounds=1, people=2, _world=world, scale=TINY)
    assert figure("growth")(bench) == []
    results = figure("growth")(bench)
    # SQLite's search of texts grows with them; there the goal is for the rest.
    assert [result.goal for result in results] == ([1.3] if connection.vendor == "postgresql" else [None, 1.8])
    assert all(result.runs.keys() == {"at 1×", "at 4×"} for result in results)


def test_a_goal_is_met_or_missed():
    assert Result("1", "", "", 1.5, 1.5).met
    assert Result("1", "", "", 1.51, 1.5).met is False
    assert Result("3", "", "", 10, 10, at="least").met
    assert Result("3", "", "", 9.9, 10, at="least").met is False
    assert Result("3", "", "", 3).met is None


def test_the_table_names_what_was_missed():
    results = [Result("1", "heavy", "by hand", 1.2, 1.5), Result("3", "admin", "stock", 5.0, 10, at="least")]
    lines = report.table(results).splitlines()
    assert lines[2].split() == ["1", "heavy", "by", "hand", "1.20", "×", "≤", "1.5", "×", "yes"]
    assert lines[3].endswith("NO")
    assert report.missed(results) == results[1:]


def test_the_ratio_is_of_medians_and_every_contender_runs_once_a_round():
    assert ratio({"a": [1.0, 9.0, 2.0], "b": [1.0, 1.0, 5.0]}, "a", "b") == 2.0
    assert percentile(list(range(1, 101)), 0.99) == 100
    calls = []
    runs = rounds({name: lambda name=name: calls.append(name) or 1.0 for name in "ab"}, 3)
    assert runs == {"a": [1.0] * 3, "b": [1.0] * 3}
    assert all(set(calls[start : start + 2]) == {"a", "b"} for start in (0, 2, 4))


def test_every_figure_has_a_name_and_a_place():
    assert [name for name in FIGURES if not FIGURES[name].path] == [*SIDE_BY_SIDE]
    assert all(callable(figure(name)) for name in FIGURES if name not in SIDE_BY_SIDE)
    assert {*AT_TWO_SIZES, *AT_THE_END, *POSTGRES_ONLY} <= set(FIGURES)
    assert chosen(["light"], sqlite=False, size=1.0) == ["light"]
    assert chosen(["light"], sqlite=False, size=4.0) == []
    assert "others" not in chosen([], sqlite=True, size=1.0)


def test_the_plain_flow_is_measured_where_there_is_a_revision_to_compare_with(capsys):
    assert chosen([], sqlite=False, size=1.0) == chosen([*FIGURES], sqlite=False, size=1.0)
    assert parse(["--only", "plain", "--against", "HEAD"]).against == "HEAD"
    with pytest.raises(SystemExit):
        parse(["--only", "plain"])
    assert "needs --against REV" in capsys.readouterr().err


def test_the_plain_flow_erases_whom_it_times(db):
    demo.load()
    flow = plain_flow.Flow()
    flow.prepare(2)
    texts = Comment.objects.filter(body__contains="@bench.example").count()
    assert (User.objects.filter(pk__in=flow.people, state=UserState.DELETED).count(), texts) == (2, 4)
    seconds = flow.purge()
    assert seconds["accepted"] > 0
    assert seconds["completed"] > 0
    assert not User.objects.filter(pk__in=flow.people).exists()
    assert not Comment.objects.filter(body__contains="@bench.example").exists()


def test_the_engine_erases_whom_it_times(world):
    engine = engine_flow.Engine()
    engine.bench._world = world
    for kind in ("light", "heavy"):
        engine.prepare(kind, 2)
        assert (len(engine.people), left_of(engine.people) > 10) == (2, True)
        taken = engine.purge()
        assert taken["seconds"] > taken["verified"] > 0 and taken["passed"] > 0
        assert left_of(engine.people) == 0
        assert not User.objects.filter(pk__in=engine.people).exists()


def test_the_other_revision_is_this_repository_as_it_was(tmp_path):
    tree = revisions.checked_out("HEAD", tmp_path)
    assert (tree / "manage.py").is_file()
    assert (tree / "purge" / "run" / "engine.py").is_file()


def test_an_unknown_figure_is_refused(capsys):
    with pytest.raises(SystemExit):
        parse(["--only", "nothing"])
    assert "there is no figure nothing" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        parse(["--list"])
    assert ended.value.code == 0
    assert "whole purge of 50 heavy people" in capsys.readouterr().out
