"""Checks on fills: did anybody trade on a price that was not to be had any more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.data.candles import Candles
    from opslab.drill.history import History, RunHistory

_RELATIVE_TOLERANCE = 1e-9


@check("fills.some")
def some_fills(history: History, _spec: RunSpec | None) -> Judgement:
    """Every run filled orders, on each of its instruments and on both sides."""
    for run in history.some_runs:
        fills = [
            (event["instrument_id"], event["order_side"]) for event in run.events if event["type"] == "OrderFilled"
        ]
        wanted = {(instrument, side) for instrument in run.load_candles() for side in ("BUY", "SELL")}
        if missing := sorted(wanted - set(fills)):
            return failed(
                "OPS-FILL-NONE", f"{run.run_id}: no {missing[0][1]} fill on {missing[0][0]}", observed=len(fills)
            )
    return passed(f"{len(history.runs)} runs")


@check("fills.next_open")
def fills_next_open(history: History, _spec: RunSpec | None) -> Judgement:
    """No order is filled on the bar that caused it; a market order gets the open of the next one.

    The bar that caused an order is the last one that had closed when the order was submitted. The fill must lie in a
    later candle of its instrument: a market order at that candle's open, any other order between its low and high.
    """
    count = 0
    for run in history.some_runs:
        submitted = {event["client_order_id"]: event for event in run.events if event["type"] == "OrderSubmitted"}
        candles = run.load_candles()
        for fill in (event for event in run.events if event["type"] == "OrderFilled"):
            count += 1
            finding = _judge_fill(run, fill, submitted[fill["client_order_id"]], candles[fill["instrument_id"]])
            if finding is not None:
                return finding
    return passed(f"{count} fills, each in a later candle than its cause")


def _judge_fill(
    run: RunHistory, fill: Mapping[str, Any], submitted: Mapping[str, Any], candles: Candles
) -> Judgement | None:
    closes = candles.ts_close_ns
    exact = closes.dtype.type  # a plain integer would be compared as float64, which rounds nanoseconds
    cause = int(closes.searchsorted(exact(submitted["ts_event"]), side="right")) - 1
    # A candle holds the moments after the close before it, up to its own close.
    found = int(closes.searchsorted(exact(fill["ts_event"]), side="left"))
    price, order = float(fill["last_px"]), fill["client_order_id"]
    where = f"{run.run_id}: {fill['order_type']} order {order} on {fill['instrument_id']}"
    if found <= cause or found >= len(candles):
        return failed(
            "OPS-FILL-SAME-BAR",
            f"{where} was filled at {price} on the bar that caused it",
            expected={"candle_after_ns": int(closes[cause])},
            observed={"filled_at_ns": fill["ts_event"]},
        )
    if fill["order_type"] == "MARKET":
        opened = float(candles.open[cause + 1])
        if found != cause + 1 or not math.isclose(price, opened, rel_tol=_RELATIVE_TOLERANCE):
            return failed(
                "OPS-FILL-NOT-OPEN", f"{where} was not filled at the next open", expected=opened, observed=price
            )
    low, high = float(candles.low[found]), float(candles.high[found])
    slack = high * _RELATIVE_TOLERANCE
    if not low - slack <= price <= high + slack:
        return failed(
            "OPS-FILL-OFF-CANDLE", f"{where} has a price outside its candle", expected=[low, high], observed=price
        )
    return None
