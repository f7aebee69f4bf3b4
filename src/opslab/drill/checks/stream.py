"""Checks on what the user stream owes a node: orders, fills and balances told once, in full, and in time."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.reconcile.three_views import differences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

REACTION_MS = 500
"""The longest that a node may take to react to a connection that is back: the Rust client of 1.231 calls back some
200 ms after it connected (run), and a woken event loop reacts within milliseconds."""

_OPEN = {"NEW", "PARTIALLY_FILLED"}
_OVER = {"REJECTED", "DENIED", "CANCELED", "EXPIRED", "FILLED"}


@check("orders.told_fully")
def told_fully(history: History, _spec: RunSpec | None) -> Judgement:
    """The strategy was told of every fill of its orders once, and of the end of each order that is over."""
    views = history.run.latest_views
    true = {row["client_order_id"]: row for row in views["venue"]["orders"]}
    pairs = [
        (row, true[row["client_order_id"]]) for row in views["strategy"]["orders"] if row["client_order_id"] in true
    ]
    for told, fact in pairs:
        if (finding := _misfilled(told, fact)) is not None:
            return finding
    for told, fact in pairs:
        if fact["status"] not in _OPEN and told["status"] not in _OVER:
            what = f"{_name(told)} is {fact['status']}; the strategy was last told {told['status']}"
            return failed("OPS-ORDER-TOLD-OPEN", what, expected=dict(fact), observed=dict(told))
    return passed(f"{len(pairs)} orders, all that the venue's books say of them was told")


@check("orders.stay_over")
def stay_over(history: History, _spec: RunSpec | None) -> Judgement:
    """An order that is over at the venue is over in the engine."""
    views = history.run.latest_views
    held = {row["client_order_id"]: row for row in views["engine"]["orders"]}
    over = [row for row in views["venue"]["orders"] if row["status"] not in _OPEN]
    for fact in over:
        row = held.get(fact["client_order_id"])
        if row is not None and row["status"] not in _OVER:
            what = f"{_name(fact)} is {fact['status']}; the engine holds it {row['status']}"
            return failed("OPS-ORDER-HELD-OPEN", what, expected=dict(fact), observed=dict(row))
    return passed(f"{len(over)} orders are over")


@check("balances.true")
def balances_true(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine's balances are those of the venue's books."""
    views = history.run.latest_views
    found = [str(item) for item in differences(views) if item.view == "engine" and item.difference.subject == "balance"]
    if found:
        expected, observed = ({"balances": views[name]["balances"]} for name in ("venue", "engine"))
        return failed("OPS-BALANCE-STALE", "; ".join(found), expected=expected, observed=observed)
    return passed(f"{len(views['engine']['balances'])} balances")


@check("stream.alive")
def stream_alive(history: History, _spec: RunSpec | None) -> Judgement:
    """The venue has an open user stream of the node.

    Judges the fact ``user_stream``: ``{sockets, asked, seconds}``: user streams that are open at the venue, and how
    often the node asked for one in the last ``seconds``.
    """
    fact = history.fact("user_stream")
    if not fact["sockets"]:
        what = f"the node has no user stream, and asked for one {fact['asked']} times in {fact['seconds']:g} s"
        return failed("OPS-STREAM-DEAD", what, expected=1, observed=fact)
    return passed(f"{fact['sockets']} user streams")


@check("stream.noticed")
def stream_noticed(history: History, _spec: RunSpec | None) -> Judgement:
    """The node reacts at once when its user stream is connected again.

    Judges the fact ``reaction_ms``: milliseconds of the venue's clock from the connection to the node's first act.
    """
    took = history.fact("reaction_ms")
    if took > REACTION_MS:
        what = f"the node did nothing for {took} ms after its user stream was connected again"
        return failed("OPS-RECONNECT-UNNOTICED", what, expected=REACTION_MS, observed=took)
    return passed(f"{took} ms")


def _misfilled(told: Mapping[str, Any], fact: Mapping[str, Any]) -> Judgement | None:
    believed, true = Decimal(told["filled_quantity"]), Decimal(fact["filled_quantity"])
    if believed == true:
        return None
    code = "OPS-FILL-UNTOLD" if believed < true else "OPS-FILL-OVERTOLD"
    what = f"{_name(fact)} is filled {true:f}; the strategy was told of {believed:f}"
    return failed(code, what, expected=dict(fact), observed=dict(told))


def _name(row: Mapping[str, Any]) -> str:
    return str(row["client_order_id"])
