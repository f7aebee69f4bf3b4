"""How a run ended, told by its events: the half of the reconciliation drills that the engine does not tell."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opslab.contract.encoding import pretty_json
from opslab.contract.reconciliation import ReconciliationInput
from opslab.samples.drills.end_state import as_input, told_by_engine, told_by_events


def order(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    made = {"order_side": "BUY", "order_type": "LIMIT", "quantity": "4", "time_in_force": "GTC"}
    options = {"options": {"price": "100.5"}} if kind == "Initialized" else {}
    return {
        "type": f"Order{kind}",
        "client_order_id": f"O-{number}",
        "instrument_id": "BTCUSDT.BINANCE",
        **(made if kind == "Initialized" else {}),
        **options,
        **fields,
    }


def filled(number: int, quantity: str, side: str = "BUY", **fields: Any) -> dict[str, Any]:
    return order(number, "Filled", last_qty=quantity, order_side=side, **fields)


def bundle(*events: dict[str, Any], view: dict[str, Any] | None = None) -> Any:
    return SimpleNamespace(spec=SimpleNamespace(instrument="btcusdt"), events=events, views=(view,))


@pytest.mark.parametrize(
    ("events", "status"),
    [
        (["Initialized"], None),
        (["Initialized", "Denied"], None),
        (["Initialized", "Submitted", "Rejected"], None),
        (["Initialized", "Submitted"], None),
        (["Initialized", "Submitted", "Accepted"], "ACCEPTED"),
        (["Initialized", "Submitted", "Accepted", "PendingCancel"], "PENDING_CANCEL"),
        (["Initialized", "Submitted", "Accepted", "PendingCancel", "Canceled"], None),
        (["Initialized", "Submitted", "Accepted", "Expired"], None),
    ],
    ids=lambda value: value if isinstance(value, str | None) else value[-1],
)
def test_an_order_is_open_between_its_acceptance_and_its_end(events, status):
    found = told_by_events(bundle(*(order(1, kind) for kind in events))).open_orders
    assert [row["status"] for row in found] == ([status] if status else [])


def test_a_position_is_the_sum_of_the_fills_of_its_instrument():
    opened = {"type": "PositionOpened", "instrument_id": "BTCUSDT.BINANCE", "avg_px_open": 101.25}
    other = filled(2, "9", instrument_id="ETHUSDT.BINANCE")
    events = (order(1, "Initialized"), filled(1, "1.5"), opened, filled(1, "2", "SELL"))
    state = told_by_events(bundle(*events, order(2, "Initialized", instrument_id="ETHUSDT.BINANCE"), other))
    assert state.position == {"symbol": "BTCUSDT", "side": "short", "qty": "0.5", "avg_entry_price": "101.25"}


def test_a_fill_of_a_part_leaves_the_order_open_and_a_lost_one_leaves_more():
    events = (order(1, "Initialized"), order(1, "Accepted"), filled(1, "1"), filled(1, "3"))
    assert told_by_events(bundle(*events)).open_orders == []
    (row,) = told_by_events(bundle(*events), fills_lost=1).open_orders
    assert (row["status"], row["qty"], row["price"]) == ("PARTIALLY_FILLED", "4", "100.5")
    assert "filled" not in row


def test_a_changed_order_has_its_new_price_and_quantity():
    events = (order(1, "Initialized"), order(1, "Accepted"), order(1, "Updated", quantity="5", price="99"))
    (row,) = told_by_events(bundle(*events)).open_orders
    assert (row["status"], row["qty"], row["price"]) == ("ACCEPTED", "5", "99")


def test_a_run_without_a_position_is_flat_in_both_tellings():
    found = bundle(view={"positions": [], "orders": []})
    assert told_by_events(found) == told_by_engine(found)
    assert told_by_engine(found).position == {"symbol": "BTCUSDT", "side": "flat", "qty": "0", "avg_entry_price": None}


def test_the_file_is_one_of_the_contract():
    events = (order(1, "Initialized"), order(1, "Accepted"))
    content = as_input(told_by_events(bundle(*events)), "r1", as_of_ns=2 * 10**9, seen_ns=10**9, max_age_seconds=60)
    read = ReconciliationInput.model_validate_json(pretty_json(content))
    assert (read.as_of_utc.timestamp(), read.freshness.position_ts_utc.timestamp()) == (2, 1)
    assert read.open_orders[0].order_id == "O-1"
