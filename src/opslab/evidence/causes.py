"""Where a difference of two event streams comes from: from how the modes execute, from other inputs, or nobody knows.

A cause is given only where it follows from facts of both runs. What the backtest did after the last candle that the
paper run saw is ``bound``; a price is ``fill_model`` where the backtest fills at the next open and the two lie near
each other; an order in several fills is ``book``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.contract.evidence import Cause, StreamDifference
from opslab.contract.execution import Fill
from opslab.evidence.bound import bound_of
from opslab.evidence.deeds import IN_PARTS, LAST_OPEN, differences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from opslab.evidence.bound import Bound
    from opslab.evidence.deeds import Deed, ParityDifference
    from opslab.evidence.side import Side
    from opslab.evidence.stream import Stream

FILL_MODEL = "a backtest fills at an open, a venue at what its book holds when the order arrives"
NEAR = Decimal("0.01")
"""Share of the backtest's price within which a price follows from the fill model; beyond it nobody knows."""

_UNDER_WAY = ("made", "sent", "open", "filled in part", "canceled")
"""Ends of an order whose run ended first; a run that stops may cancel what rests."""

_SHARED_RISK = ("limits",)
_SHARED_EXECUTION = ("starting_balance",)
"""What of ``execution`` both modes read; the rest belongs to one of them."""


def explained(backtest: Side, paper: Side, closes: Sequence[int]) -> tuple[list[StreamDifference], list[str]]:
    """Return the differences of both event streams with their causes, and what of the inputs differs.

    Args:
        backtest: the backtest.
        paper: the paper run.
        closes: when each candle of the backtest closed, UNIX ns, in order; empty when nobody can tell, and then no
            difference is the bound's.
    """
    inputs = other_inputs(backtest, paper)
    if backtest.stream is None or paper.stream is None:
        return [], inputs
    return list(_told(backtest.stream, paper.stream, bound_of(backtest, paper, closes), inputs)), inputs


def other_inputs(backtest: Side, paper: Side) -> list[str]:
    """Return what both runs were given otherwise, by name; what belongs to one mode alone is left out."""
    left, right = backtest.inputs, paper.inputs
    if not left or not right:
        return []
    found = [f"datasets[{name}]" for name in _other_datasets(left, right)]
    found += [name for name in ("strategy_code_sha256", "engine_version") if left[name] != right[name]]
    first, second = left["spec"], right["spec"]
    found += [f"spec.{name}" for name in ("instrument", "strategy", "seed") if first.get(name) != second.get(name)]
    for block, names in (("risk", _SHARED_RISK), ("execution", _SHARED_EXECUTION)):
        found += [f"spec.{block}.{name}" for name in names if first[block].get(name) != second[block].get(name)]
    if first["execution"].get("fill") != Fill.NEXT_OPEN:
        found.append("spec.execution.fill")
    return found


def _other_datasets(left: dict[str, Any], right: dict[str, Any]) -> list[str]:
    prints = [{one["dataset"]: one["fingerprint"] for one in side["datasets"]} for side in (left, right)]
    return sorted(name for name in prints[0].keys() | prints[1].keys() if prints[0].get(name) != prints[1].get(name))


def _told(left: Stream, right: Stream, bound: Bound | None, inputs: list[str]) -> Iterator[StreamDifference]:
    is_next_open = "spec.execution.fill" not in inputs
    causes: set[Cause] = set()
    for item in differences(left.deeds, right.deeds):
        deed = left.deeds[item.order - 1] if 0 < item.order <= len(left.deeds) else None
        cause, note = _cause(item, deed, bound, is_next_open=is_next_open)
        if item.kind == "position" and cause is Cause.UNKNOWN and causes and Cause.UNKNOWN not in causes:
            cause, note = min(causes), "it is the sum of the fills, whose differences have a cause"
        if cause is Cause.UNKNOWN and inputs:
            cause, note = Cause.INPUTS, f"the runs were not given the same: {', '.join(inputs[:3])}"
        causes.add(cause)
        yield StreamDifference(
            kind=item.kind, order=item.order, backtest=item.backtest, paper=item.paper, cause=cause, note=note
        )


def _cause(item: ParityDifference, deed: Deed | None, bound: Bound | None, *, is_next_open: bool) -> tuple[Cause, str]:
    """Return the cause of one difference and a line about it.

    Args:
        item: the difference.
        deed: the backtest's order, where the difference is about one.
        bound: where the paper run ended; None: it saw everything, or nobody can tell.
        is_next_open: whether the backtest filled at the next open.
    """
    match item.kind:
        case "fill_price" if is_next_open and _is_near(item):
            return Cause.FILL_MODEL, FILL_MODEL
        case "fill_price" if is_next_open:
            return Cause.UNKNOWN, f"the prices lie more than {NEAR:%} apart"
        case "fill_parts":
            return Cause.BOOK, IN_PARTS
        case "order_missing" if bound and deed and bound.cuts(deed.made):
            return Cause.BOUND, "the paper run ended before"
        case "fill_quantity" | "ending" if bound and deed and bound.leaves_open(deed.changed) and _is_behind(item):
            return Cause.BOUND, "the paper run ended while it was under way"
        case "fill_quantity" | "ending" | "position" if item.cause == LAST_OPEN:
            return Cause.MODE, LAST_OPEN
        case _:
            return Cause.UNKNOWN, "no fact of the two runs explains it"


def _is_near(item: ParityDifference) -> bool:
    price, other = Decimal(item.backtest), Decimal(item.paper)
    return abs(price - other) <= NEAR * abs(price)


def _is_behind(item: ParityDifference) -> bool:
    """Return whether the paper run did less of an order than the backtest, as one that ends too early does."""
    if item.kind == "fill_quantity":
        return Decimal(item.paper) < Decimal(item.backtest)
    return item.paper in _UNDER_WAY
