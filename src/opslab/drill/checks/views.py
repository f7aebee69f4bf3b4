"""Checks on what venue, engine and strategy believe: the venue's books are the truth."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.reconcile.three_views import differences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_OPEN = {"NEW", "PARTIALLY_FILLED"}
_OVER = {"REJECTED", "DENIED", "CANCELED", "EXPIRED", "FILLED"}


@check("views.agree")
def views_agree(history: History, _spec: RunSpec | None) -> Judgement:
    """Engine and strategy believe what the venue's books say of open orders, positions and balances."""
    views = history.run.latest_views
    if found := differences(views):
        told = [str(item) for item in found]
        return failed("OPS-VIEWS-DIFFER", f"{told[0]}{_more(told)}", expected=[], observed=_evidence(told, views))
    orders = sum(row["status"] in _OPEN for row in views["venue"]["orders"])
    return passed(f"{orders} open orders, {len(views['venue'].get('positions', ()))} positions")


@check("positions.no_phantoms")
def no_phantoms(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine holds no position that the venue does not, not even two that cancel each other out."""
    views = history.run.latest_views
    found = [
        str(item) for item in differences(views) if item.view == "engine" and item.difference.subject == "position"
    ]
    if found:
        return failed("OPS-POSITION-PHANTOM", f"{found[0]}{_more(found)}", observed=_evidence(found, views))
    return passed(f"{len(views['engine']['positions'])} positions in the engine")


@check("orders.no_duplicates")
def no_duplicates(history: History, _spec: RunSpec | None) -> Judgement:
    """Each order that the strategy wanted is at the venue at most once, and no order is there that nobody wanted."""
    views = history.run.latest_views
    ids = Counter(row["client_order_id"] for row in views["venue"]["orders"])
    wanted = {row["client_order_id"] for row in views["strategy"]["orders"]}
    if twice := sorted(name for name, count in ids.items() if count > 1):
        return failed("OPS-ORDER-DUPLICATE", f"{twice[0]} is at the venue {ids[twice[0]]} times", observed=twice)
    if unwanted := sorted(ids.keys() - wanted):
        return failed(
            "OPS-ORDER-UNWANTED", f"{unwanted[0]} is at the venue; the strategy placed none", observed=unwanted
        )
    return passed(f"{len(ids)} orders at the venue, each placed once")


@check("orders.told_truly")
def told_truly(history: History, _spec: RunSpec | None) -> Judgement:
    """No order that the strategy takes for over may still fill, and none was filled that it takes for void."""
    views = history.run.latest_views
    venue = {row["client_order_id"]: row for row in views["venue"]["orders"]}
    for row in views["strategy"]["orders"]:
        true = venue.get(row["client_order_id"])
        if true is None or row["status"] not in _OVER:
            continue
        facts = {"venue": dict(true), "strategy": dict(row)}
        if true["status"] in _OPEN:
            code, what = "OPS-ORDER-LIVE", f"{row['client_order_id']} is live; the strategy was told {row['status']}"
            return failed(code, what, expected=true["status"], observed=facts)
        if row["status"] in ("REJECTED", "DENIED"):
            code = "OPS-ORDER-NOT-REJECTED"
            what = f"{row['client_order_id']} is {true['status']}; the strategy was told {row['status']}"
            return failed(code, what, expected=true["status"], observed=facts)
    return passed(f"{len(views['strategy']['orders'])} orders, none told otherwise than it is")


@check("engine.trading")
def engine_trading(history: History, _spec: RunSpec | None) -> Judgement:
    """A real node runs its strategy: connected, reconciled, started, and not failed since."""
    run = history.run
    status = run.metadata.status.value
    if "views_taken" not in run.event_names or status not in ("running", "completed"):
        error = run.metadata.error or "its strategy never started"
        return failed("OPS-ENGINE-NOT-TRADING", f"the run is {status}: {error}", observed=list(run.event_names))
    if "strategy" not in run.latest_views:
        return failed("OPS-ENGINE-NOT-TRADING", "there is no strategy")
    return passed("the strategy runs")


def _more(told: list[str]) -> str:
    return f" (and {len(told) - 1} more)" if len(told) > 1 else ""


def _evidence(told: list[str], views: Mapping[str, Any]) -> dict[str, Any]:
    """Return the differences, and the three views side by side."""
    sides = {name: {"orders": rows["orders"], "positions": rows.get("positions", [])} for name, rows in views.items()}
    return {"differences": told[:20], "views": sides}
