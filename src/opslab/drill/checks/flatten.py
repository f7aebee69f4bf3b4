"""Checks on flattens from outside: did they say the truth, close nothing twice, and wait where they had to.

They judge the fact ``flattens``, one entry an attempt: ``{is_flat, orders, positions, unknown, error}`` as it was told,
``held`` (quantities by symbol, before), ``books`` (``{orders, positions}`` by the venue's ledger, after), ``closes``
(``[{id, symbol, quantity, executed}]`` in the order in which they came to the venue) and ``requests`` (``[{time_ms,
route, status, retry_after}]``).
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_NOTHING = "OPS-FLATTEN-NOTHING"
_WAITING_STATUSES = (429, 418)
_SLACK_MS = 20
"""The venue tells whole milliseconds; two clocks that stand beside each other differ by less."""


@check("flatten.truthful")
def truthful(history: History, _spec: RunSpec | None) -> Judgement:
    """Each flatten said what the venue's books say: flat, or by name what is left, or that it does not know."""
    attempts = history.fact("flattens")
    for attempt in attempts:
        books = attempt["books"]
        is_flat = not books["orders"] and not books["positions"]
        if attempt["is_flat"] and not is_flat:
            return failed("OPS-FLATTEN-MISTOLD", f"flat, it said; the books hold {_told(books)}", observed=attempt)
        if attempt["unknown"] or attempt["error"] or attempt["is_flat"]:
            continue
        if is_flat or attempt["orders"] != books["orders"] or attempt["positions"].keys() != books["positions"].keys():
            what = f"it named {_told(attempt)}; the books hold {_told(books)}"
            return failed("OPS-FLATTEN-MISTOLD", what, expected=books, observed=attempt)
    return passed(f"{len(attempts)} flattens") if attempts else unknown(_NOTHING, "nothing was flattened")


@check("flatten.done")
def done(history: History, _spec: RunSpec | None) -> Judgement:
    """The last flatten said that the venue is flat, and it was."""
    last = _last(history)
    if last is None:
        return unknown(_NOTHING, "nothing was flattened")
    if not last["is_flat"] or last["books"]["orders"] or last["books"]["positions"]:
        said = last["error"] or "; ".join(last["unknown"]) or _told(last)
        return failed("OPS-FLATTEN-LEFT", f"left, as it said: {said}; by the books: {_told(last['books'])}")
    return passed(f"flat after {len(last['requests'])} requests")


@check("flatten.not_flat")
def not_flat(history: History, _spec: RunSpec | None) -> Judgement:
    """The last flatten did not say flat: what it could not end or could not see keeps it from that."""
    last = _last(history)
    if last is None:
        return unknown(_NOTHING, "nothing was flattened")
    if last["is_flat"]:
        return failed("OPS-FLATTEN-BLIND", "flat, it said, though it could not know", observed=last)
    return passed(last["error"] or "; ".join(last["unknown"]) or _told(last))


@check("flatten.closed_once")
def closed_once(history: History, _spec: RunSpec | None) -> Judgement:
    """No close was sent for more than what was still held when it came to the venue, and no id was used twice."""
    closes = 0
    for attempt in history.fact("flattens"):
        left = {symbol: abs(Decimal(amount)) for symbol, amount in attempt["held"].items()}
        ids = [close["id"] for close in attempt["closes"]]
        if len(set(ids)) < len(ids):
            return failed("OPS-FLATTEN-TWICE", "an id was used twice", observed=ids)
        for close in attempt["closes"]:
            closes += 1
            if Decimal(close["quantity"]) > left.get(close["symbol"], Decimal(0)):
                what = f"close {close['id']} of {close['quantity']} came when {left.get(close['symbol'], 0)} was held"
                return failed("OPS-FLATTEN-TWICE", what, observed=attempt["closes"])
            left[close["symbol"]] -= Decimal(close["executed"])
    return passed(f"{closes} closes") if closes else unknown(_NOTHING, "no close was sent")


@check("flatten.patient")
def patient(history: History, _spec: RunSpec | None) -> Judgement:
    """After a 429 or 418 no request left before the venue allowed it."""
    told = 0
    for attempt in history.fact("flattens"):
        calm_until = 0
        for request in attempt["requests"]:
            if request["time_ms"] + _SLACK_MS < calm_until:
                what = f"{request['route']} came {calm_until - request['time_ms']} ms before it was allowed"
                return failed("OPS-FLATTEN-IMPATIENT", what, observed=request)
            if request["status"] in _WAITING_STATUSES and request["retry_after"]:
                told += 1
                calm_until = request["time_ms"] + int(float(request["retry_after"]) * 1000)
    return passed(f"{told} times it was told to wait") if told else unknown(_NOTHING, "the venue never said wait")


@check("flatten.in_parts")
def in_parts(history: History, _spec: RunSpec | None) -> Judgement:
    """No close was larger than the venue takes; judges the fact ``most`` too, base units as text."""
    most = Decimal(history.fact("most"))
    quantities = [Decimal(close["quantity"]) for attempt in history.fact("flattens") for close in attempt["closes"]]
    if large := [quantity for quantity in quantities if quantity > most]:
        return failed("OPS-FLATTEN-TOO-LARGE", f"a close of {large[0]} was sent", expected=f"at most {most}")
    return passed(f"{len(quantities)} closes, none above {most}") if quantities else unknown(_NOTHING, "no close")


@check("flatten.stays_flat")
def stays_flat(history: History, _spec: RunSpec | None) -> Judgement:
    """The node that was flattened past cannot trade; judges the fact ``woken``: ``{status, books}``."""
    woken = history.fact("woken")
    if woken["books"]["orders"] or woken["books"]["positions"]:
        return failed("OPS-FLATTEN-REOPENED", f"the books hold {_told(woken['books'])} again", observed=woken)
    if woken["status"] not in ("DENIED", "REJECTED"):
        return failed("OPS-FLATTEN-REOPENED", f"its order is {woken['status'] or 'unknown'}", observed=woken)
    return passed(f"its order was {woken['status']}")


@check("flatten.asked")
def asked(history: History, _spec: RunSpec | None) -> Judgement:
    """Each close that was never answered was asked about by its id before another one was sent.

    Judges the fact ``doubtful``: ``[{id, is_asked}]``.
    """
    doubtful = history.fact("doubtful")
    if silent := [one for one in doubtful if not one["is_asked"]]:
        what = f"nobody asked what became of close {silent[0]['id']}"
        return failed("OPS-FLATTEN-UNASKED", what, observed=doubtful)
    return (
        passed(f"{len(doubtful)} closes were asked about") if doubtful else unknown(_NOTHING, "no close was doubtful")
    )


@check("flatten.warned")
def warned(history: History, _spec: RunSpec | None) -> Judgement:
    """Whoever flattens was told what could not be done beside it; judges the fact ``warned``: ``{told, words}``."""
    fact = history.fact("warned")
    if missing := [words for words in fact["words"] if words not in fact["told"]]:
        return failed("OPS-FLATTEN-UNWARNED", f"nothing says {missing[0]!r}", expected=fact["words"])
    return passed(f"{len(fact['words'])} warnings")


def _last(history: History) -> Mapping[str, Any] | None:
    attempts = history.fact("flattens")
    return attempts[-1] if attempts else None


def _told(books: Mapping[str, Any]) -> str:
    return ", ".join(_parts(books)) or "nothing"


def _parts(books: Mapping[str, Any]) -> Iterator[str]:
    if books["orders"]:
        yield f"{len(books['orders'])} orders"
    for name, amount in books["positions"].items():
        yield f"{amount} {name}"
