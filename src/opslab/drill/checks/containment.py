"""Checks on containments: what the venue has left by its own books, and what the run's journal says of it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.drill.history import FactMissing
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History, RunHistory
    from opslab.store.reader import Bundle

_OPEN = {"NEW", "PARTIALLY_FILLED"}
_SHOWN = 3


@check("containment.began")
def began(history: History, _spec: RunSpec | None) -> Judgement:
    """The node saw that new risk is forbidden, and told that it began to empty the venue."""
    found = [event for event in history.run.journal if event["event"] == "containment_began"]
    if not found:
        return failed("OPS-CONTAIN-UNNOTICED", "nothing tells that a containment began")
    return passed(f"{len(found)} containments, the last for: {found[-1]['cause']}")


@check("containment.no_orders")
def no_orders(history: History, _spec: RunSpec | None) -> Judgement:
    """No order is open at the venue, by its own books."""
    rows = _open_orders(history.run)
    if rows:
        return failed("OPS-CONTAIN-ORDERS", f"{len(rows)} orders are open, {rows[0]} for one", observed=rows[:20])
    return passed("no order is open")


@check("containment.flat")
def flat(history: History, _spec: RunSpec | None) -> Judgement:
    """Nothing is left at the venue, by its own books: no open order and no position."""
    if rows := _open_orders(history.run):
        return failed("OPS-CONTAIN-ORDERS", f"{len(rows)} orders are open, {rows[0]} for one", observed=rows[:20])
    if held := _positions(history.run):
        name, amount = next(iter(held.items()))
        return failed("OPS-CONTAIN-POSITION", f"{amount} {name} is held", observed=held)
    return passed("no order is open, no position is held")


@check("containment.still_held")
def still_held(history: History, _spec: RunSpec | None) -> Judgement:
    """Something is left at the venue, and the last containment names it: a venue that halts is not called flat."""
    ended = [event for event in history.run.journal if event["event"] == "containment_ended"]
    orders, held = _open_orders(history.run), _positions(history.run)
    if not ended or not (orders or held):
        return failed("OPS-CONTAIN-NOTHING-LEFT", "nothing is left, or no containment ended: nothing was rehearsed")
    left = _named(ended[-1]["left"])
    named = {*left[0], *left[1]}
    if missing := sorted({*orders, *held} - named):
        return failed("OPS-CONTAIN-UNNAMED", f"{missing[0]} is left and not named", observed=ended[-1])
    return passed(_told(orders, held))


@check("containment.sold")
def sold(history: History, _spec: RunSpec | None) -> Judgement:
    """On spot the strategies hold nothing any more that an order could sell, and the account has no base asset."""
    views = history.run.latest_views["venue"]
    names = {row["instrument"] for row in views["orders"]}
    held = {
        row["currency"]: row["total"]
        for row in views["balances"]
        if Decimal(row["total"]) and any(name.startswith(row["currency"]) for name in names)
    }
    if held:
        currency, amount = next(iter(held.items()))
        return failed("OPS-CONTAIN-UNSOLD", f"{amount} {currency} is held", observed=held)
    return passed(f"nothing is held of {', '.join(sorted(names))}")


@check("containment.kept")
def kept(history: History, _spec: RunSpec | None) -> Judgement:
    """On spot the account has neither more nor less of an asset than before the run.

    Judges the fact ``kept``: ``{asset, before, bought, after}``, base units as text: what it held before the run, with
    what the run had bought, and after the containment.
    """
    fact = history.fact("kept")
    before, bought, after = (Decimal(fact[name]) for name in ("before", "bought", "after"))
    if not before or bought <= before:
        return failed("OPS-CONTAIN-NOTHING-LEFT", "nothing was held before, or nothing bought: nothing was rehearsed")
    if after != before:
        what = f"{after} {fact['asset']} is held; before the run it was {before}"
        return failed("OPS-CONTAIN-KEPT", what, expected=fact["before"], observed=fact["after"])
    return passed(f"{before} {fact['asset']} was there before, and is there now")


@check("containment.told")
def told(history: History, _spec: RunSpec | None) -> Judgement:
    """The journal tells of the last containment what the venue's books say: flat, or what is left by name."""
    ended = [event for event in history.run.journal if event["event"] == "containment_ended"]
    if not ended:
        return failed("OPS-CONTAIN-UNTOLD", "nothing tells that a containment ended")
    last, orders, held = ended[-1], _open_orders(history.run), _positions(history.run)
    if last["is_flat"] != (not orders and not held):
        what = f"the journal says {'flat' if last['is_flat'] else 'not flat'}; the books hold {_told(orders, held)}"
        return failed("OPS-CONTAIN-MISTOLD", what, expected={"orders": orders, "positions": held}, observed=last)
    left = last["left"]
    if _named(left)[0] != orders or _named(left)[1].keys() != held.keys():
        what = f"the journal names {_told(left['orders'], left['positions'])}; the books hold {_told(orders, held)}"
        return failed("OPS-CONTAIN-MISTOLD", what, expected={"orders": orders, "positions": held}, observed=last)
    return passed(_told(orders, held))


@check("containment.timed")
def timed(history: History, _spec: RunSpec | None) -> Judgement:
    """Each containment that found its venue flat says how long it took, contain before flat."""
    ended = [event for event in history.run.journal if event["event"] == "containment_ended" and event["is_flat"]]
    if not ended:
        return failed("OPS-CONTAIN-UNTOLD", "no containment ended with a flat venue")
    for event in ended:
        contain, at_last = event["contain_ms"], event["flat_ms"]
        if contain is None or at_last is None or not 0 <= contain <= at_last:
            what = f"contained after {contain} ms, flat after {at_last} ms"
            return failed("OPS-CONTAIN-UNTIMED", what, observed=event)
    return passed(f"flat after {ended[-1]['flat_ms']} ms")


@check("containment.not_called_flat")
def not_called_flat(history: History, _spec: RunSpec | None) -> Judgement:
    """A containment began that the venue does not answer, and nothing calls the venue flat: unknown is not empty."""
    journal = history.run.journal
    if not any(event["event"] == "containment_began" for event in journal):
        return failed("OPS-CONTAIN-UNNOTICED", "nothing tells that a containment began")
    ended = [event for event in journal if event["event"] == "containment_ended"]
    if blind := [event for event in ended if event["is_flat"] or not event["unknown"]]:
        return failed(
            "OPS-CONTAIN-BLIND", "flat or fully known, it says, of a venue that does not answer", observed=blind
        )
    return passed(f"{len(ended)} containments ended, each with what is unknown")


@check("containment.first_cancel")
def first_cancel(history: History, _spec: RunSpec | None) -> Judgement:
    """The first cancel came to the venue in time after the pull.

    Judges the facts ``requests``, as the checks of the door do, and ``cancel``: ``{pulled_ms, within_ms}``: the venue's
    time of the pull, and the bound.
    """
    fact = history.fact("cancel")
    cancels = [one["time_ms"] for one in history.fact("requests") if one["route"].startswith("DELETE ")]
    if not cancels:
        return failed("OPS-CONTAIN-LATE", "no cancel came to the venue")
    took = min(cancels) - fact["pulled_ms"]
    if took > fact["within_ms"]:
        return failed("OPS-CONTAIN-LATE", f"the first cancel came after {took} ms", expected=fact["within_ms"])
    return passed(f"the first cancel came after {took} ms")


@check("stop.left_something")
def left_something(history: History, _spec: RunSpec | None) -> Judgement:
    """The run left an order or a position at its venue: there is something to be named."""
    orders, held = _books(history.run)
    held = held | bought(history.run)
    if not orders and not held:
        return failed("OPS-STOP-NOTHING-LEFT", "nothing is left at the venue: nothing was rehearsed")
    return passed(_told(orders, held))


@check("stop.left_named")
def left_named(history: History, _spec: RunSpec | None) -> Judgement:
    """What a run left at its venue when it ended is in its journal, as the venue's last books have it."""
    run = history.run
    ended = [event for event in run.journal if event["event"] in ("paper_completed", "run_failed")]
    if not ended or ended[-1].get("left") is None:
        return failed("OPS-STOP-UNNAMED", "nothing tells what the run left at its venue")
    left, orders, held = ended[-1]["left"], _open_orders(run), _positions(run) | bought(run)
    if _named(left) != (orders, held):
        what = f"the journal names {_told(left['orders'], left['positions'])}; the books hold {_told(orders, held)}"
        return failed("OPS-STOP-MISNAMED", what, expected={"orders": orders, "positions": held}, observed=left)
    return passed(_told(orders, held))


def bought(run: RunHistory) -> dict[str, str]:
    """Return what the account of a spot run has of traded base assets beyond what it had at its start, as text."""
    views = run.latest_views["venue"]
    if "positions" in views:
        return {}
    start = next((view for view in run.views if (view["phase"], view["view"]) == ("start", "venue")), None)
    if start is None:
        raise FactMissing("the run has no view of the venue at its start")
    before = {row["currency"]: Decimal(row["total"]) for row in start["balances"]}
    names = views["instruments"]
    more = {
        row["currency"]: Decimal(row["total"]) - before.get(row["currency"], Decimal(0))
        for row in views["balances"]
        if any(name.startswith(row["currency"]) for name in names)
    }
    return {asset: f"{amount:f}" for asset, amount in more.items() if amount > 0}


def _open_orders(run: RunHistory) -> list[str]:
    return _books(run)[0]


def _positions(run: RunHistory) -> dict[str, str]:
    return _books(run)[1]


def _books(run: RunHistory) -> tuple[list[str], dict[str, str]]:
    """Return ids of open orders and quantities by symbol: of a run that lives as they are now, else as they ended."""
    if run.look is None:
        return _last_books(run.bundle)
    venue = run.look()["venue"]
    orders = sorted(str(row["client_order_id"]) for row in venue["orders"] if row["status"] in _OPEN)
    rows = venue.get("positions", ())
    return orders, {
        _symbol(row["instrument"]): row["signed_quantity"] for row in rows if Decimal(row["signed_quantity"])
    }


def _last_books(bundle: Bundle) -> tuple[list[str], dict[str, str]]:
    if not bundle.has(layout.LEDGER):
        raise FactMissing("the run has no ledger: its venue never told its books")
    orders: list[str] = []
    held: dict[str, str] = {}
    for account in json.loads(bundle.read(layout.LEDGER))["accounts"].values():
        orders += [str(row["client_order_id"]) for row in account["orders"] if row["status"] in _OPEN]
        orders += [str(row["client_algo_id"]) for row in account["algos"] if row["status"] in _OPEN]
        held |= {row["symbol"]: row["amount"] for row in account["positions"] if Decimal(row["amount"])}
    return sorted(orders), held


def _symbol(name: str) -> str:
    """Return how the venue names what the engine calls ``BTCUSDT-PERP.BINANCE``."""
    return name.partition(".")[0].partition("-")[0]


def _named(left: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    return sorted(left["orders"]), {_symbol(name): amount for name, amount in left["positions"].items()}


def _told(orders: list[str], held: Mapping[str, Any]) -> str:
    named = [f"order {name}" for name in orders[:_SHOWN]] + [f"{amount} {name}" for name, amount in held.items()]
    return ", ".join(named) + (f" and {len(orders) - _SHOWN} more orders" if len(orders) > _SHOWN else "") or "nothing"
