"""Where a difference of two event streams comes from: from how the modes execute, from other inputs, or nobody knows.

A cause is given only where it follows from facts of both runs. What the backtest did after the last candle that the
paper run saw is ``bound``; a price is ``fill_model`` where the backtest fills at the next open, and the market traded
at both prices while the order was under way; an order in more fills than in the backtest is ``book``. An order that the
venue refused by its rules is ``venue_filter``; one that was made before an answer that the backtest had by then is
``pace``; what follows from them bears their name (``opslab.evidence.divergence``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.contract.evidence import Cause, StreamDifference
from opslab.contract.execution import Fill
from opslab.evidence.bound import bound_of
from opslab.evidence.deeds import IN_PARTS, LAST_OPEN, differences
from opslab.evidence.divergence import Divergence
from opslab.evidence.refusals import rule_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.evidence.bound import Bound
    from opslab.evidence.deeds import Deed, ParityDifference
    from opslab.evidence.market import Market
    from opslab.evidence.side import Side
    from opslab.evidence.stream import Stream

FILL_MODEL = "a backtest fills at an open, a venue at what its book holds when the order arrives"
_OTHER_THAN_AMOUNTS = ("fill_price", "fill_parts", "ending")
"""Differences that change no position."""

_UNDER_WAY = ("made", "sent", "open", "filled in part", "canceled")
"""Ends of an order whose run ended first; a run that stops may cancel what rests."""

_SHARED_RISK = ("limits",)
_SHARED_EXECUTION = ("starting_balance",)
"""What of ``execution`` both modes read; the rest belongs to one of them."""


@dataclass(frozen=True)
class _Facts:
    """What causes follow from.

    Attributes:
        left: the backtest's stream.
        right: the paper run's stream.
        bound: where the paper run ended; None: it saw everything, or nobody can tell.
        market: the candles of both.
        pace: seconds of market data that the paper run was played in a second.
        is_next_open: whether the backtest filled at the next open.
    """

    left: Stream
    right: Stream
    bound: Bound | None
    market: Market
    pace: float
    is_next_open: bool


def explained(backtest: Side, paper: Side, market: Market) -> tuple[list[StreamDifference], list[str]]:
    """Return the differences of both event streams with their causes, and what of the inputs differs.

    Args:
        backtest: the backtest.
        paper: the paper run.
        market: the candles of the backtest; without any no difference is the bound's or the fill model's.
    """
    inputs = other_inputs(backtest, paper)
    if backtest.stream is None or paper.stream is None:
        return [], inputs
    facts = _Facts(
        left=backtest.stream,
        right=paper.stream,
        bound=bound_of(backtest, paper, market.closes),
        market=market,
        pace=paper.spec.execution.pace,
        is_next_open="spec.execution.fill" not in inputs,
    )
    return list(_told(facts, inputs)), inputs


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


def _told(facts: _Facts, inputs: list[str]) -> Iterator[StreamDifference]:
    causes: set[Cause] = set()
    divergence = Divergence(facts.left, facts.right, facts.pace)
    for item in differences(facts.left.deeds, facts.right.deeds):
        cause, note = _cause(item, facts)
        if cause is Cause.UNKNOWN:
            cause, note = divergence.cause_of(item) or (cause, note)
        if item.kind == "position" and cause is Cause.UNKNOWN and causes and Cause.UNKNOWN not in causes:
            cause, note = min(causes), "it is the sum of the fills, whose differences have a cause"
        if cause is Cause.UNKNOWN and inputs:
            cause, note = Cause.INPUTS, f"the runs were not given the same: {', '.join(inputs[:3])}"
        if item.kind not in _OTHER_THAN_AMOUNTS:
            causes.add(cause)
        divergence.took(item, cause)
        yield StreamDifference(
            kind=item.kind, order=item.order, backtest=item.backtest, paper=item.paper, cause=cause, note=note
        )


def _cause(item: ParityDifference, facts: _Facts) -> tuple[Cause, str]:
    """Return the cause of one difference and a line about it."""
    deeds, bound = facts.left.deeds, facts.bound
    deed = deeds[item.order - 1] if 0 < item.order <= len(deeds) else None
    match item.kind:
        case "fill_price" if facts.is_next_open and deed:
            return _of_price(item, deed, facts)
        case "refused" if code := rule_of(facts.right.deeds[item.order - 1].reason):
            return Cause.VENUE_FILTER, f"the venue has a rule that a backtest does not apply: {code}"
        case "fill_parts" if item.paper > item.backtest:
            return Cause.BOOK, IN_PARTS
        case "order_missing" if bound and deed and bound.cuts(deed.made):
            return Cause.BOUND, "the paper run ended before"
        case "fill_quantity" | "ending" if bound and deed and bound.leaves_open(deed.changed) and _is_behind(item):
            return Cause.BOUND, "the paper run ended while it was under way"
        case "fill_quantity" | "ending" | "position" if item.cause == LAST_OPEN:
            return Cause.MODE, LAST_OPEN
        case _:
            return Cause.UNKNOWN, "no fact of the two runs explains it"


def _of_price(item: ParityDifference, deed: Deed, facts: _Facts) -> tuple[Cause, str]:
    """Return whether the market traded at both prices while the order was under way.

    The market moved ``pace`` times faster than the paper run's clock. How long a candle took to reach the strategy
    stands nowhere: as long as the order took to its last fill is granted for it.
    """
    other = facts.right.deeds[item.order - 1]
    if deed.made is None or deed.filled is None or other.made is None or other.filled is None:
        return Cause.UNKNOWN, "nobody can tell when it was filled"
    way = int(2 * max(0, other.filled - other.made) * facts.pace)
    band = facts.market.band(deed.asked["symbol"], deed.made, max(deed.filled, deed.made + way))
    if band is None:
        return Cause.UNKNOWN, "no candle says at what prices the market traded then"
    low, high = band
    if all(low <= Decimal(price) <= high for price in (item.backtest, item.paper)):
        return Cause.FILL_MODEL, f"{FILL_MODEL}; it lay between {low:f} and {high:f}"
    return Cause.UNKNOWN, f"the market lay between {low:f} and {high:f} while the order was under way"


def _is_behind(item: ParityDifference) -> bool:
    """Return whether the paper run did less of an order than the backtest, as one that ends too early does."""
    if item.kind == "fill_quantity":
        return Decimal(item.paper) < Decimal(item.backtest)
    return item.paper in _UNDER_WAY
