"""The numbers of a paper run whose process died: counted from the event stream, and null where nobody knows."""

from __future__ import annotations

from opslab.report.paper import has_executed, paper_metrics

STREAM = [
    {"type": kind}
    for kind in ("AccountState", "OrderSubmitted", "OrderSubmitted", "OrderRejected", "OrderFilled", "PositionOpened")
]
KILLED = {"event": "run_failed", "reason": "interrupted", "counters": None}
STARTED = {"paper_started": {"profile": "fast"}}
TRADED = {**STARTED, "views_taken": {"phase": "start"}}


def unread():
    raise AssertionError("the counters are known: nobody has to read the event stream")


def test_a_killed_run_is_counted_from_its_event_stream():
    found = paper_metrics(TRADED, KILLED, lambda: STREAM)
    assert (found["orders_submitted"], found["orders_rejected"], found["fills_count"]) == (2, 1, 1)
    assert found["orders_denied"] == 0
    assert (found["bars_seen"], found["data_seen"], found["trading_ms"], found["orders_stopped"]) == (None,) * 4
    assert has_executed(TRADED, KILLED)


def test_one_that_was_killed_before_its_node_started_executed_nothing():
    assert not has_executed(STARTED, KILLED)
    assert not has_executed({}, KILLED)


def test_a_run_that_could_count_is_taken_at_its_word():
    interrupted = {**KILLED, "counters": {"bars_seen": 4, "orders_submitted": 9, "strategy_started": True}}
    found = paper_metrics(TRADED, interrupted, unread)
    assert (found["bars_seen"], found["orders_submitted"], found["orders_rejected"]) == (4, 9, 0)


def test_a_run_that_never_started_counts_nothing():
    assert "orders_submitted" not in paper_metrics({}, KILLED, unread)
