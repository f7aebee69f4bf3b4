"""A stored run's views are judged again from its files alone; odd files are one clear error."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opslab.errors import ContractError, StoreError
from opslab.reconcile.stored_views import check_views

ORDER = {"client_order_id": "O-1", "instrument": "X", "side": "BUY", "quantity": "1"}
FILL = {"client_order_id": "O-1", "trade_id": "7", "instrument": "X", "side": "BUY", "quantity": "1", "price": "5"}
VENUE = {
    "orders": [{**ORDER, "status": "FILLED", "filled_quantity": "1"}],
    "fills": [FILL],
    "positions": [{"instrument": "X", "signed_quantity": "1", "quantity": "1", "average_open_price": "5"}],
    "balances": [{"account": "main", "currency": name, "total": "100"} for name in ("USDT", "X")],
    "instruments": {"X": {"tick_size": "0.1", "step_size": "0.001"}},
}
ENGINE = {**VENUE, "balances": [{"currency": name, "total": "100"} for name in ("USDT", "X")]}
STRATEGY = {name: VENUE[name] for name in ("orders", "fills", "positions")}
LEDGER_FILL = {"client_order_id": "O-1", "trade_id": 7, "symbol": "X", "side": "BUY", "quantity": "1", "price": "5"}
LEDGER = {"accounts": {"main": {"fills": [{**LEDGER_FILL, "commission": "0", "commission_asset": "USDT"}]}}}
TOLD = {"e": "executionReport", "x": "TRADE", "c": "O-1", "t": 7, "s": "X", "S": "BUY", "l": "1", "L": "5", "n": "0"}
WIRE = [{"seq": 1, "time_ms": 1, "kind": "out", "facts": {"socket": 1, "data": TOLD}}]


def write(
    bundle: Any,
    *,
    venue: Any = VENUE,
    engine: Any = ENGINE,
    strategy: Any = STRATEGY,
    wire: Any = WIRE,
    phase: str = "end",
    ledger: Any = LEDGER,
) -> None:
    views = {"venue": venue, "engine": engine, "strategy": strategy}
    none: dict[str, list[Any]] = {"orders": [], "positions": [], "balances": [], "fills": []}
    early = [{"view": name, "phase": "start", **none} for name in views]
    rows = [*early, *({"view": name, "phase": phase, **view} for name, view in views.items() if view is not None)]
    (bundle / "views.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    if ledger is not None:
        (bundle / "ledger.json").write_text(json.dumps(ledger))
    if wire is not None:
        (bundle / "wire.jsonl").write_text("".join(json.dumps(row) + "\n" for row in wire))


@pytest.fixture
def judged(lab, make_run, clock):
    """Write the files of a run and judge them."""

    def judge(**files: Any) -> Any:
        write(make_run(), **files)
        return check_views(lab, "r1", clock.now())

    return judge


def test_views_that_agree_pass(judged):
    result = judged()
    assert result.passed
    assert [check.name for check in result.checks] == [
        *("position", "open_orders", "fills", "balances", "freshness", "wire")
    ]
    assert result.views["wire"]["fills"]
    assert result.inputs.observed_path == "views.jsonl (end)"


def test_what_the_engine_does_not_know_is_a_mismatch(judged):
    result = judged(engine={**ENGINE, "positions": [], "fills": []})
    assert not result.passed
    told = [(item.view, item.kind.value, item.subject.value) for item in result.differences]
    assert told == [("engine", "missing_local", "position"), ("engine", "missing_local", "fill")]


def test_what_was_lost_on_the_wire_alone_is_a_warning(judged):
    result = judged(wire=[])
    assert (result.status, result.passed) == ("warning", True)
    assert [(item.view, item.kind.value) for item in result.differences] == [("wire", "missing_local")]


def unknowns(result: Any) -> list[tuple[str | None, str]]:
    return [(item.view, item.subject.value) for item in result.differences if item.kind == "unknown"]


@pytest.mark.parametrize("phase", ["start", "inject", "restart"])
def test_a_run_that_told_nothing_at_its_end_is_unknown(judged, phase):
    result = judged(phase=phase)
    assert (result.status, result.passed, unknowns(result)) == ("unknown", False, [("venue", "freshness")])
    assert phase in result.differences[0].observed


def test_the_end_of_a_failed_run_is_an_end(judged):
    assert judged(phase="failed").passed


@pytest.mark.parametrize("missing", ["wire", "ledger"])
def test_a_file_that_is_not_there_is_unknown(judged, missing):
    result = judged(**{missing: None})
    assert (result.status, unknowns(result)) == ("unknown", [("wire", "fill")])
    assert "there is no" in result.checks[-1].details


@pytest.mark.parametrize("whose", ["venue", "engine", "strategy"])
def test_who_tells_of_no_fills_is_unknown(judged, whose):
    rows = {"venue": VENUE, "engine": ENGINE, "strategy": STRATEGY}[whose]
    result = judged(**{whose: {name: row for name, row in rows.items() if name != "fills"}})
    assert (result.status, unknowns(result)) == ("unknown", [(whose, "fill")])


@pytest.mark.parametrize(("market", "status"), [("futures", "unknown"), (None, "unknown"), ("spot", "ok")])
def test_only_a_spot_venue_has_no_positions(judged, market, status):
    ledger = LEDGER if market is None else {**LEDGER, "market": market}
    result = judged(venue={name: row for name, row in VENUE.items() if name != "positions"}, ledger=ledger)
    assert (result.status, unknowns(result)) == (status, [] if status == "ok" else [("venue", "position")])


def test_rows_of_two_moments_are_never_taken_for_one(judged):
    """Where the strategy's row of the end was not written, the moment before counts: as that."""
    result = judged(strategy=None, engine={**ENGINE, "positions": []})
    assert result.inputs.observed_path == "views.jsonl (start)"
    assert result.status == "unknown"
    assert [item for item in result.differences if item.subject == "position"] == []


def test_the_files_are_left_as_they_are(lab, make_run, clock):
    bundle = make_run()
    write(bundle)
    before = {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()}
    check_views(lab, "r1", clock.now())
    assert {path: path.read_bytes() for path in bundle.rglob("*") if path.is_file()} == before


def test_a_run_without_views_is_told(lab, make_run, clock):
    make_run()
    with pytest.raises(StoreError, match="holds no view of the venue"):
        check_views(lab, "r1", clock.now())


@pytest.mark.parametrize(
    "odd",
    [
        {"venue": {**VENUE, "positions": [{"instrument": "X", "signed_quantity": "lots"}]}},
        {"engine": {"orders": 7, "positions": [], "balances": []}},
        {"strategy": {"orders": [{}], "positions": []}},
        {"wire": [{"kind": "out"}]},
    ],
)
def test_an_odd_file_is_one_clear_error(judged, odd):
    with pytest.raises(ContractError, match="is not what the lab writes"):
        judged(**odd)
