"""The timeline of ``report.md``: relative times, what took how long, and few rows for many events."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.registry import EVENTS
from opslab.report.timeline import KEPT_AT_END, MOST_ROWS, Row, rows_of, timeline_section


class Told:
    """A bundle as far as the timeline reads it."""

    def __init__(self, *events: dict) -> None:
        self.journal = events


def happened(name: str, ms: float = 0, **fields: object) -> dict:
    seconds, rest = divmod(int(ms * 1000), 1_000_000)
    return {"event": name, "ts_utc": f"2026-01-01T00:00:{seconds:02d}.{rest:06d}Z", "seq": int(ms * 1000), **fields}


def phase(name: str, ms: float, drill: str = "d") -> dict:
    return happened("drill_phase_entered", ms, phase=name, drill_name=drill)


def check(name: str, ms: float, result: str = "pass", **fields: object) -> dict:
    return happened("check_evaluated", ms, check=name, result=result, drill_name="d", **fields)


def test_times_count_from_the_first_event():
    rows = rows_of([happened("run_started", 100), happened("run_completed", 1350.5)])
    assert rows == [Row(0, "run_started"), Row(1250.5, "run_completed")]


def test_a_phase_lasts_until_the_next_and_the_last_until_its_drills_last_word():
    report = happened("failure_drill_executed", 900, drill_name="d", outcome="pass")
    rows = rows_of([phase("steady", 0), phase("verify", 20), check("a", 50), happened("run_completed", 700), report])
    assert [(row.what, row.took) for row in rows][:2] == [("phase steady", 20), ("phase verify", 30)]


def test_phases_of_two_drills_do_not_end_each_other():
    rows = rows_of([phase("steady", 0, "a"), phase("steady", 5, "b"), phase("verify", 20, "a")])
    assert [row.took for row in rows] == [20, None, None]


@pytest.mark.parametrize(
    ("begin", "end", "fields"),
    [
        ("fault_injected", "fault_healed", {"fault": "drop"}),
        ("containment_began", "containment_ended", {}),
        ("node_started", "node_ended", {"number": 2}),
        ("paper_started", "paper_completed", {}),
    ],
)
def test_what_begins_and_ends_says_how_long_it_took(begin, end, fields):
    rows = rows_of([happened(begin, 1, **fields), happened("views_taken", 2), happened(end, 34, **fields)])
    assert rows[0].took == 33
    assert len(rows) == 3


def test_faults_that_overlap_end_each_by_themselves():
    names = [("fault_injected", "a"), ("fault_injected", "b"), ("fault_healed", "a"), ("fault_healed", "b")]
    rows = rows_of([happened(name, place * 10, fault=fault) for place, (name, fault) in enumerate(names)])
    assert [row.took for row in rows] == [20, 20, None, None]


def test_checks_that_held_are_one_row_and_the_others_are_told():
    found = rows_of([check("a", 1), check("b", 2), check("a", 3), check("c", 4, "fail", code="OPS-X", details="bad")])
    assert [(row.what, row.detail) for row in found] == [("3 checks held", "a, b"), ("check c: fail", "OPS-X bad")]


def test_repeated_events_are_counted():
    guard = {"guard": "g", "action": "asked", "detail": "again"}
    rows = rows_of([happened("guard_acted", place, **guard) for place in range(5)])
    assert [(row.what, row.detail) for row in rows] == [("guard g: asked (5 times)", "again")]


def test_heartbeats_are_one_row():
    beats = [happened("paper_heartbeat", n, heartbeat_index=n, heartbeat_total=3) for n in (1, 2, 3)]
    assert [(row.what, row.detail) for row in rows_of(beats)] == [("heartbeats", "3 of 3 told")]


@pytest.mark.parametrize(
    ("event", "what", "detail"),
    [
        (happened("views_taken", phase="heal", agree=False), "views taken: heal", "**they differ**"),
        (happened("fault_healed", fault="f", fired=False), "fault ends", "f (never took effect)"),
        (
            happened("containment_ended", is_flat=False, contain_ms=1.5),
            "containment ends",
            "**not flat**, contain_ms 1.5",
        ),
        (happened("trigger_fired", trigger="max_loss", detail="12 of 10"), "trigger max_loss", "12 of 10"),
        (happened("views_differed", agree=False, differences_total=3), "views differ", "3 differences"),
        (happened("run_failed", error="no venue", reason="error"), "run_failed", "no venue, error"),
        (happened("of_a_later_lab", note="hello"), "of_a_later_lab", "hello"),
    ],
)
def test_what_is_told_of_an_event(event, what, detail):
    assert [(row.what, row.detail) for row in rows_of([event])] == [(what, detail)]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_event_of_the_contract_has_a_row_even_without_its_fields(name):
    assert len(rows_of([{"event": name}])) == 1


def test_a_long_table_is_cut_in_its_middle():
    events = [happened("note", place, note=str(place)) for place in range(1000)]
    table = [line for line in timeline_section(Told(*events)).splitlines() if line.startswith("|")][2:]
    assert len(table) == MOST_ROWS
    assert table[0].endswith("| 0 |")
    assert table[-1].endswith("| 999 |")
    assert f"(left out) |  | {1000 - MOST_ROWS + 1} rows |" in table[-KEPT_AT_END - 1]


def test_a_golden_run_reads_as_it_was(golden):
    section = timeline_section(golden("drilled"))
    told = [line.split(" | ")[1] for line in section.splitlines() if line.startswith("| ")][1:]
    assert told == ["run_started", "backtest_started", "backtest_completed", "run_completed", "failure_drill_executed"]
    assert "2026-11-20T09:00:00.007000Z" in section


def test_no_events_are_no_rows():
    assert timeline_section(Told()).endswith("|---:|---|---:|---|")


values = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.integers(), max_size=2))
events = st.fixed_dictionaries(
    {"event": st.one_of(st.sampled_from(sorted(EVENTS)), values)},
    optional=dict.fromkeys(("ts_utc", "phase", "fault", "result", "check", "seq", "drill_name", "number"), values),
)


@given(st.lists(events, max_size=12))
def test_any_journal_gives_a_table_of_four_columns(journal):
    lines = timeline_section(Told(*journal)).splitlines()
    assert {line.count("|") for line in lines if line.startswith("|")} == {5}
    assert len([line for line in lines if line.startswith("| ")]) <= len(journal) + 1


@pytest.mark.parametrize(
    ("source", "told"), [("views", "views: mismatch"), ("files", "files: mismatch"), (None, "mismatch")]
)
def test_a_reconciliation_tells_its_status(source, told):
    event = {"event": "reconciliation_checked", "status": "mismatch", "source": source}
    assert [(row.what, row.detail) for row in rows_of([event])] == [("reconciliation checked", told)]
