"""Checks on the door before the wire: what left after the kill switch was pulled, by the venue's own wire log.

They judge facts: ``pull``: ``{market, held}``, ``requests``: ``[{seq, route, params}]`` of the time after the pull,
``after``: ``{held}``, and ``tried``: ``[{what, order, symbol, must, told}]``, where ``must`` is ``stop``, ``pass`` or
``cancel`` and ``told`` is what the strategy was told of a denial. ``held`` is the position in base units, by symbol.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed
from opslab.safety.guard import MARK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_PLACES = frozenset({"order", "batchOrders", "algoOrder", "cancelReplace", "order.place", "order.cancelReplace", "oco"})
_NAMES = {
    "pass": ("newClientOrderId", "clientAlgoId"),
    "cancel": ("origClientOrderId", "clientAlgoId"),
}
_CANCELS_ALL = frozenset({"allOpenOrders", "algoOpenOrders", "openOrders", "openOrders.cancelAll"})


@check("door.no_new_risk")
def no_new_risk(history: History, _spec: RunSpec | None) -> Judgement:
    """After the pull no request reached the venue that could make a position larger, and none is larger."""
    pull, requests = history.fact("pull"), history.fact("requests")
    for request in requests:
        if why := _why_risky(request, pull):
            what = f"{request['route']} reached the venue after the pull: {why}"
            return failed("OPS-DOOR-OPEN", what, expected=[], observed=request)
    for symbol, after in history.fact("after")["held"].items():
        held, left = Decimal(pull["held"].get(symbol, "0")), Decimal(after)
        if left and (held == 0 or left / held < 0 or abs(left) > abs(held)):
            what = f"{symbol} was {held} when the switch was pulled, and is {left}"
            return failed("OPS-DOOR-GREW", what, expected=f"{held}", observed=after)
    return passed(f"{len(requests)} requests after the pull, none of them new risk")


@check("door.lets_close")
def lets_close(history: History, _spec: RunSpec | None) -> Judgement:
    """After the pull what makes the risk smaller still reached the venue: cancels, and closes within the position."""
    wanted = [one for one in history.fact("tried") if one["must"] in _NAMES]
    if not wanted:
        return failed("OPS-DOOR-NOTHING", "nothing was tried that had to pass: nothing was rehearsed")
    for one in wanted:
        if not any(_is_of(request, one) for request in history.fact("requests")):
            what = f"{one['what']} never reached the venue: {one['told'] or 'nobody said why'}"
            return failed("OPS-DOOR-SHUT", what, observed=one)
    return passed(f"{len(wanted)} passed")


@check("door.explains")
def explains(history: History, _spec: RunSpec | None) -> Judgement:
    """The strategy was told of everything that was stopped, and that it was the kill switch."""
    stopped = [one for one in history.fact("tried") if one["must"] == "stop"]
    if not stopped:
        return failed("OPS-DOOR-NOTHING", "nothing was tried that had to be stopped: nothing was rehearsed")
    for one in stopped:
        if not (one["told"] or "").startswith(MARK):
            what = f"{one['what']} was stopped, and the strategy was told {one['told'] or 'nothing'}"
            return failed("OPS-DOOR-UNEXPLAINED", what, observed=one)
    return passed(f"{len(stopped)} stopped, each with its reason")


def _why_risky(request: Mapping[str, Any], pull: Mapping[str, Any]) -> str | None:
    """Return why a request may make a position larger; whatever places or changes orders and is not understood may."""
    method, _, path = request["route"].partition(" ")
    name = path.rpartition("/")[2]
    if name not in _PLACES or method in ("GET", "DELETE"):
        return None
    params = request["params"]
    held = Decimal(pull["held"].get(params.get("symbol"), "0"))
    try:
        quantity = Decimal(params["quantity"])
        is_sell = {"SELL": True, "BUY": False}[params["side"]]
    except (KeyError, InvalidOperation):
        return "its size or side is not told"
    if held == 0 or is_sell != (held > 0):
        return f"{params['side']} {quantity} does not close {held}"
    if pull["market"] == "futures" and method == "POST" and not _is_reducing(params, is_sell=is_sell):
        return "it is not reduce-only"
    return f"{quantity} is more than {held}" if quantity > abs(held) else None


def _is_of(request: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether a request is the one that had to pass: it names the order, or cancels all of the symbol."""
    method, _, path = request["route"].partition(" ")
    params, is_cancel = request["params"], wanted["must"] == "cancel"
    if is_cancel != (method == "DELETE" or "cancel" in path):
        return False
    if is_cancel and path.rpartition("/")[2] in _CANCELS_ALL:
        return bool(params.get("symbol") == wanted["symbol"])
    return any(params.get(name) == wanted["order"] for name in _NAMES[wanted["must"]])


def _is_reducing(params: Mapping[str, Any], *, is_sell: bool) -> bool:
    if params.get("positionSide") in ("LONG", "SHORT"):
        return bool((params["positionSide"] == "LONG") == is_sell)
    return str(params.get("reduceOnly")).lower() == "true"
