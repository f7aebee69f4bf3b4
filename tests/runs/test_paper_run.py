"""A paper run with a real node on the lab's own venue: it completes, or says why it did not; nothing is left behind."""

from __future__ import annotations

import dataclasses
import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.trading.strategy import Strategy

from opslab.clock import SystemClock
from opslab.contract.encoding import sha256_hex
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import EngineError
from opslab.root import find_lab
from opslab.runs import paper
from opslab.runs.finish import problems_of
from opslab.runs.paper import begin_paper, run_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.safety.switches import KillSwitches
from opslab.samples import paper_spec
from opslab.store.reader import Bundle

FAST = {"execution.pace": 600, "execution.max_bars": 6, "execution.max_seconds": 20}


class Broken(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Raises where it is told to."""

    def __init__(self, context: Any, place: str) -> None:
        super().__init__()
        self._bar_type, self._place = BarType.from_str(context.bar_types[0]), place
        self.bars_seen = 0

    def on_start(self) -> None:
        if self._place == "start":
            raise ValueError("cannot begin")
        self.subscribe_bars(self._bar_type)

    def on_bar(self, _bar: Bar) -> None:
        self.bars_seen += 1
        if self._place == "bar":
            raise ValueError("the indicator divided by nothing")
        if self._place == "stop itself":
            self.stop()

    def on_stop(self) -> None:
        if self._place == "stop":
            raise ValueError("cannot end")


class AsksForHistory(Strategy):  # type: ignore[misc]
    """Asks for the last hours before it listens, as the engine's own examples do."""

    def __init__(self, context: Any) -> None:
        super().__init__()
        self._bar_type = BarType.from_str(context.bar_types[0])
        self.bars_seen, self.history = 0, []

    def on_start(self) -> None:
        self.request_bars(self._bar_type, start=self.clock.utc_now() - timedelta(hours=24))
        self.subscribe_bars(self._bar_type)

    def on_historical_data(self, data: Any) -> None:
        self.history.append(data)

    def on_bar(self, _bar: Bar) -> None:
        self.bars_seen += 1


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    (root / "opslab.toml").touch()
    found = find_lab(root, {}, [root])
    prepare(found, "btcusdt-sample")
    return found


@pytest.fixture
def registry():
    found = standard_registry()
    for place in ("start", "bar", "stop", "stop itself"):
        found.register(f"broken_at_{place.replace(' ', '_')}", lambda context, at=place: Broken(context, at), "tests")
    return found


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = {thread.name for thread in threading.enumerate()}
    yield
    left = {thread.name for thread in threading.enumerate() if thread.is_alive()} - before
    assert not [name for name in left if "venue" in name]


def spec(**changes):
    return edited(read_spec(paper_spec()), {**FAST, **changes})


def in_thread(lab, spec_file, registry, run_id, switches=None) -> Bundle:
    """Run a spec with its venue in a thread; ``run_paper`` itself takes a process, which costs seconds."""
    with pytest.MonkeyPatch.context() as patch:
        begin = paper.begin_paper
        patch.setattr(paper, "begin_paper", lambda *words, **more: begin(*words, **more, host_of=thread_host))
        return run_paper(lab, spec_file, registry, run_id=run_id, switches=switches)


@pytest.fixture(scope="module")
def completed(lab) -> Bundle:
    spec_file = edited(
        read_spec(paper_spec()), {**FAST, "strategy.name": "ops_round_trip", "strategy.params": {"every": 1}}
    )
    return in_thread(lab, spec_file, standard_registry(), "completed")


def test_it_trades_and_completes(completed):
    found = completed.metadata
    assert (found.status, found.lifecycle, found.is_placeholder) == ("completed", "paper_live_node", False)
    execution = found.paper_execution
    assert (execution.status, execution.session_type, execution.connectivity) == (
        "completed",
        "live_node",
        "loopback_venue",
    )
    assert execution.counters.strategy_started
    assert execution.counters.bars_seen >= 6
    assert execution.counters.orders_submitted > 0
    assert execution.ended_by == "bars"
    assert found.inputs is not None
    assert problems_of(completed) == []


def test_its_journal_is_the_contracts(completed):
    names = [event["event"] for event in completed.journal if event["event"] != "views_taken"]
    beats = ["paper_heartbeat"] * 3
    ends = ["reconciliation_checked", "paper_completed", "run_completed"]
    assert names == ["run_started", "paper_safety_checked", "paper_started", *beats, *ends]
    told = [event for event in completed.journal if event["event"] == "paper_heartbeat"]
    assert [event["heartbeat_index"] for event in told] == [1, 2, 3]
    assert {(event["heartbeat_total"], event["synthetic"]) for event in told} == {(3, False)}


def test_its_metrics_are_measured(completed):
    metrics = json.loads((completed.path / "metrics.json").read_text())
    submitted = sum(event["type"] == "OrderSubmitted" for event in completed.events)
    fills = sum(event["type"] == "OrderFilled" for event in completed.events)
    assert (metrics["orders_submitted"], metrics["fills_count"]) == (submitted, fills)
    assert metrics["engine_executed"] is True
    assert metrics["heartbeat_count"] == 3


def test_the_books_are_the_venues(completed):
    books = json.loads((completed.path / "ledger.json").read_text())
    told = completed.metadata.paper_execution.books
    assert (told.ledger_sha256, told.ledger_events) == (books["digest"], books["events"])
    wire = (completed.path / "wire.jsonl").read_bytes()
    assert (told.wire_records, told.wire_sha256) == (wire.count(b"\n"), sha256_hex(wire))
    filled = [order for order in books["accounts"]["main"]["orders"] if float(order["executed"])]
    assert len(filled) == len(
        {event["client_order_id"] for event in completed.events if event["type"] == "OrderFilled"}
    )


def test_the_views_agree_at_the_end(completed):
    taken = [event for event in completed.journal if event["event"] == "views_taken"]
    assert [event["phase"] for event in taken] == ["start", "end"]
    assert all(event["agree"] for event in taken)
    content = (completed.path / "views.jsonl").read_bytes()
    assert taken[-1]["sha256"] == sha256_hex(content)
    assert taken[-1]["lines"] == content.count(b"\n") == 6


def test_no_key_is_anywhere(completed):
    for path in completed.path.rglob("*"):
        if path.is_file():
            assert b"api_secret" not in path.read_bytes()
            assert b"X-Opslab-Token" not in path.read_bytes()
    params = [
        json.loads(line)["facts"].get("params", {}) for line in (completed.path / "wire.jsonl").read_text().splitlines()
    ]
    assert not [found for found in params if "signature" in found]


def test_its_report_tells_of_the_session(completed):
    report = (completed.path / "report.md").read_text()
    for heading in ("Safety status", "Skeleton Session Summary", "Live Session", "Explicit Non-Features", "Disclaimer"):
        assert f"\n## {heading}\n" in report
    assert "| agree |" in report


@pytest.mark.parametrize("market", ["futures", "spot"])
def test_both_markets(lab, registry, market):
    changes = {"execution.market": market, "strategy.name": "ops_round_trip", "strategy.params": {"every": 1}}
    bundle = in_thread(lab, spec(**changes), registry, f"market-{market}")
    assert bundle.metadata.error is None
    assert bundle.metrics.fills_count > 0
    assert all(event["agree"] for event in bundle.journal if event["event"] == "views_taken")


def test_a_backtest_before_it_in_the_process_changes_nothing(lab, registry):
    AccountFactory.register_calculated_account("BINANCE")  # what every backtest client does, for good
    changes = {"strategy.name": "ops_round_trip", "strategy.params": {"every": 1}}
    bundle = in_thread(lab, spec(**changes), registry, "after-a-backtest")
    assert bundle.metrics.fills_count > 0
    assert all(event["agree"] for event in bundle.journal if event["event"] == "views_taken")


FAILURES = {
    "broken_at_start": "cannot begin",
    "broken_at_bar": "the indicator divided by nothing",
    "broken_at_stop": "cannot end",
    "broken_at_stop_itself": "stopped",
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_strategy_that_breaks_is_a_failed_run_with_its_reason(lab, registry, name):
    bundle = in_thread(lab, spec(**{"strategy.name": name}), registry, name)
    found = bundle.metadata
    assert (found.status, found.failure_reason) == ("failed", "error")
    assert FAILURES[name] in found.error
    assert found.paper_execution.status == "failed"
    assert problems_of(bundle) == []


def test_a_venue_that_dies_is_a_failed_run(lab, registry):
    run = begin_paper(lab, spec(), registry, run_id="venue-dies", host_of=thread_host)
    with run:
        run.start()
        run.host.venue.stop()
        with pytest.raises(Exception) as told:  # noqa: PT011 - whichever of the lab's errors
            run.complete()
        bundle = run.fail(told.value)
    assert bundle.metadata.status == "failed"
    assert "venue" in bundle.metadata.error
    assert problems_of(bundle) == []


def test_a_node_that_cannot_log_on_is_a_failed_run(lab, registry):
    def host_of(plan, where, wire_path):
        host = thread_host(plan, where, wire_path)
        start = host.start
        host.start = lambda: dataclasses.replace(start(), api_key="of-nobody")
        return host

    run = begin_paper(lab, spec(**{"execution.profile": "fast"}), registry, run_id="no-key", host_of=host_of)
    with run:
        with pytest.raises(EngineError, match="started without its strategy") as told:
            run.start()
        bundle = run.fail(told.value)
    assert bundle.metadata.status == "failed"
    assert not bundle.metadata.paper_execution.counters.strategy_started
    assert bundle.metrics.engine_executed is False


def test_an_abandoned_run_is_closed_as_failed(lab, registry):
    with begin_paper(lab, spec(), registry, run_id="abandoned", host_of=thread_host) as run:
        run.start()
    bundle = Bundle(lab.runs / "abandoned")
    assert bundle.metadata.status == "failed"
    assert "abandoned" in bundle.metadata.error
    assert problems_of(bundle) == []


def test_an_interrupt_is_told_as_that(lab, registry, monkeypatch):
    def interrupted(_run):
        raise KeyboardInterrupt

    monkeypatch.setattr("opslab.runs.paper_run.PaperRun.run_to_bound", interrupted)
    with pytest.raises(KeyboardInterrupt):
        in_thread(lab, spec(), registry, "interrupted")
    found = Bundle(lab.runs / "interrupted").metadata
    assert (found.status, found.failure_reason) == ("failed", "interrupted")


def test_a_switch_that_is_pulled_while_it_trades_stops_new_orders(lab, registry):
    switches = KillSwitches.of(lab, SystemClock())
    changes = {"strategy.name": "ops_round_trip", "strategy.params": {"every": 1}}
    run = begin_paper(lab, spec(**changes), registry, run_id="pulled", host_of=thread_host, switches=switches)
    with run:
        run.start()
        switches.activate("pulled", "enough", "tests")
        run.run_to_bound()
        bundle = run.complete()
    assert bundle.metrics.orders_denied > 0  # at the door, and by a halted engine once the venue is flat
    wire = [json.loads(line) for line in (bundle.path / "wire.jsonl").read_text().splitlines()]
    assert not [
        line for line in wire if line["facts"].get("path") == "/fapi/v1/order" and line["facts"].get("method") == "POST"
    ]


def test_a_strategy_finds_the_history_that_the_spec_asks_for(lab, registry):
    made = []

    def factory(context):
        made.append(AsksForHistory(context))
        return made[0]

    registry.register("asks_for_history", factory, "tests")
    changes = {"strategy.name": "asks_for_history", "strategy.params": None, "execution.history": 200}
    bundle = in_thread(lab, spec(**changes), registry, "history")
    assert bundle.metadata.status == "completed"
    assert len(made[0].history) >= 200
    assert made[0].bars_seen >= 6
