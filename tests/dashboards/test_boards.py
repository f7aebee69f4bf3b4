"""The dashboards: what the code says, of the contract's form, and naming only metrics that there are."""

from __future__ import annotations

import re

import pytest
from tests.dashboards.conftest import boards, metrics_in, queries, rules

from opslab.report.metrics.catalogue import FAMILIES, SESSION

CONTRACT = [
    ("Run Info", "stat", ["run_info"]),
    ("Run Duration (s)", "stat", ["run_duration_seconds"]),
    ("Backtest Engine Duration (s)", "stat", ["backtest_engine_duration_seconds"]),
    ("Backtest Input vs Processed", "timeseries", ["backtest_input_candles_total", "backtest_bars_processed_total"]),
    ("Paper Heartbeats", "stat", ["paper_heartbeat_total"]),
    ("Journal Events by Type", "timeseries", ["journal_event_total"]),
    ("Kill Switch State", "stat", ["kill_switch_state"]),
    ("Connectivity Readiness", "stat", ["connectivity_readiness_state"]),
    ("Connectivity Probe State", "stat", ["connectivity_probe_state"]),
    ("Connectivity Probe Latency", "stat", ["connectivity_probe_latency_seconds"]),
    ("Backtest vs Paper Evidence Status", "stat", ["evidence_backtest_vs_paper_status_total"]),
    ("Evidence Known Gaps", "stat", ["evidence_known_gaps_total"]),
    ("Reconciliation Status", "stat", ["reconciliation_status"]),
    ("Failure Drill Last Pass", "stat", ["failure_drill_last_pass"]),
    ("Failure Drill Outcome", "stat", ["failure_drill_last_outcome"]),
]
MAPS = {
    "Kill Switch State": {-1, 0, 1, 2},
    "Connectivity Readiness": {-1, 0, 1, 2, 3},
    "Connectivity Probe State": {-1, 1, 2, 3, 4},
    "Failure Drill Last Pass": {-1, 0, 1},
    "Failure Drill Outcome": {-1, 1, 2, 3},
}
RUN = "tradingchassis-ops-lab-run-observability"


def test_no_board_has_drifted(writer):
    assert writer.drifted(writer.rendered()) == []


def test_what_is_written_has_not_drifted_and_a_change_is_named(writer, tmp_path):
    (tmp_path / "old.json").touch()
    files = writer.rendered()
    assert "old.json: is generated no longer; remove it" in writer.drifted(files, tmp_path)
    writer.write(files, tmp_path)
    assert writer.drifted(files, tmp_path) == []
    (tmp_path / f"{RUN}.json").write_text("{}")
    assert writer.drifted(files, tmp_path) == [f"{RUN}.json: differs from what the code says"]


def test_the_run_board_has_the_contracts_panels():
    board = boards()[RUN]
    assert (board["uid"], board["title"]) == (RUN, "TradingChassis Ops Lab Run Observability")
    found = [(panel["title"], panel["type"], [t["expr"] for t in panel["targets"]]) for panel in board["panels"]]
    expected = [
        (
            title,
            kind,
            [f"tradingchassis_ops_lab_{name}" + ("" if "evidence" in name else '{run_id="$run_id"}') for name in names],
        )
        for title, kind, names in CONTRACT
    ]
    assert found == expected


def test_the_run_board_has_the_contracts_variable():
    (variable,) = boards()[RUN]["templating"]["list"]
    assert variable["name"] == "run_id"
    assert variable["query"] == "label_values(tradingchassis_ops_lab_run_info, run_id)"


def test_numbers_that_stand_for_states_are_mapped():
    panels = {panel["title"]: panel for panel in boards()[RUN]["panels"]}
    for title, numbers in MAPS.items():
        (mapping,) = panels[title]["fieldConfig"]["defaults"]["mappings"]
        assert {int(number) for number in mapping["options"]} == numbers, title


@pytest.mark.parametrize("name", sorted(boards()))
def test_a_board_is_whole(name):
    board = boards()[name]
    assert board["uid"] == name
    assert board.get("id") is None
    numbers = [panel["id"] for panel in board["panels"]]
    assert numbers == list(range(1, len(numbers) + 1))
    for panel in board["panels"]:
        assert panel["description"].endswith("."), panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "prometheus"}


def test_panels_do_not_lie_on_each_other():
    for name, board in boards().items():
        taken = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {(at["x"] + dx, at["y"] + dy) for dx in range(at["w"]) for dy in range(at["h"])}
            assert not taken & cells, f"{name}: {panel['title']}"
            taken |= cells


def test_boards_have_names_of_their_own():
    titles = [board["title"] for board in boards().values()]
    assert len(set(titles)) == len(titles) == 5


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.where)
def test_a_query_names_what_there_is(query):
    known = {family.name for family in (*FAMILIES, *SESSION)} | {name for name in rules() if ":" in name}
    assert metrics_in(query.expr) - known == set()
    assert re.search(r"tradingchassis_ops_lab|up\{|ALERTS|vector", query.expr)
