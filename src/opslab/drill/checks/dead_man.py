"""Checks on the dead man's switch at the venue: what its own books and wire log say of orders and renewals.

They judge the fact ``dead_man``: ``{countdown_ms, first_ms, heard_ms, asked_ms, orders, cancels}``: the length of the
countdown; when the venue heard its first and its last renewal, and when it was asked for the rest, by its own clock;
the orders that rested, each ``{id, status, update_ms}``; and the requests to cancel that came since the last renewal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown
from opslab.safety.dead_man import EVENT

if TYPE_CHECKING:
    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

LATE_MS = 500
"""How long after a countdown's end the venue may take: it looks at an interval, on a machine that has other work."""

SEVERAL = 2
_OPEN = ("NEW", "PARTIALLY_FILLED")


@check("dead_man.cancelled")
def cancelled(history: History, _spec: RunSpec | None) -> Judgement:
    """The venue cancelled every order by itself, when its countdown had come to its end and not before."""
    fact = history.fact("dead_man")
    orders, heard_ms, length = fact["orders"], fact["heard_ms"], fact["countdown_ms"]
    if not orders or heard_ms is None:
        return failed("OPS-DEADMAN-UNARMED", "no order rested, or the venue never heard a renewal", observed=fact)
    if open_ := [order["id"] for order in orders if order["status"] != "CANCELED"]:
        return failed("OPS-DEADMAN-ORDERS", f"{len(open_)} orders were not cancelled", observed=orders)
    if fact["cancels"]:
        return unknown("OPS-DEADMAN-OTHERS", f"somebody else asked to cancel: {fact['cancels'][0]}")
    after = [order["update_ms"] - heard_ms for order in orders]
    if min(after) < length or max(after) > length + LATE_MS:
        what = f"cancelled {min(after)} to {max(after)} ms after the last renewal, the countdown is {length} ms"
        return failed("OPS-DEADMAN-TIME", what, expected=length, observed=after)
    return passed(f"{len(orders)} orders, at most {max(after)} ms after the last renewal")


@check("dead_man.kept")
def kept(history: History, _spec: RunSpec | None) -> Judgement:
    """The orders rest beyond several countdowns: no countdown came to its end, or it was ended."""
    fact = history.fact("dead_man")
    orders, first_ms, length = fact["orders"], fact["first_ms"], fact["countdown_ms"]
    if not orders or first_ms is None:
        return failed("OPS-DEADMAN-UNARMED", "no order rested, or the venue never heard a renewal", observed=fact)
    if gone := [order["id"] for order in orders if order["status"] not in _OPEN]:
        return failed("OPS-DEADMAN-LOST", f"{len(gone)} of {len(orders)} orders are gone", observed=orders)
    took = fact["asked_ms"] - first_ms
    if took < SEVERAL * length:
        return unknown("OPS-DEADMAN-SHORT", f"only {took} ms passed since the first renewal")
    return passed(f"{len(orders)} orders rest {took} ms after the first renewal")


@check("dead_man.told")
def told(history: History, _spec: RunSpec | None) -> Judgement:
    """The journal tells what became of the countdown, in order.

    Judges the fact ``dead_man_actions``: the actions that it must name.
    """
    wanted = list(history.fact("dead_man_actions"))
    done = [event["action"] for event in history.run.journal if event["event"] == EVENT]
    left = iter(done)
    if missing := [action for action in wanted if action not in left]:
        what = f"the journal does not tell that it was {missing[0]}"
        return failed("OPS-DEADMAN-UNTOLD", what, expected=wanted, observed=done)
    return passed(", ".join(done))
