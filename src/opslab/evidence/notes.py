"""What a reader must know of a comparison, each in a line: what was not compared, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.events import Status
from opslab.contract.evidence import Cause
from opslab.errors import one_line
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.contract.evidence import StreamDifference
    from opslab.evidence.side import Side

_NAMES = ("backtest", "paper run")
_SLOWER = "play it slower (`execution.pace`) and compare again"


def not_compared(backtest: Side, paper: Side) -> str | None:
    """Return why the orders of two whole runs were not compared; None when they were."""
    sides = (backtest, paper)
    told = [f"the {name} {_silence(side)}" for name, side in zip(_NAMES, sides, strict=True) if side.stream is None]
    if not told and not any(side.stream is not None and side.stream.deeds for side in sides):
        return "neither run made an order"
    return "; ".join(told) or None


def notes_of(
    backtest: Side, paper: Side, inputs: Sequence[str], differences: Sequence[StreamDifference], *, has_candles: bool
) -> list[str]:
    """Return what a reader must know of what was compared.

    Args:
        backtest: the backtest.
        paper: the paper run.
        inputs: what both runs were given otherwise.
        differences: what differs, with its cause.
        has_candles: whether the candles of the backtest were there.
    """
    sides = tuple(zip(_NAMES, (backtest, paper), strict=True))
    notes = [
        f"{side.run_id} was never sealed: nothing says that it is as it was"
        for _, side in sides
        if not side.bundle.has(layout.MANIFEST)
    ]
    if why := not_compared(backtest, paper):
        notes.append(f"orders, fills and ends were not compared: {why}")
    else:
        notes += [f"the {name} made no order" for name, side in sides if side.stream and not side.stream.deeds]
        if not has_candles:
            notes.append(
                "the backtest's candles are not here: nothing is called cut off by the paper run's end, "
                "and no other price is the fill model's"
            )
    notes += [
        f"the {name} {_failure(side)}: what it did until then is compared"
        for name, side in sides
        if side.stream is not None and side.metadata.status is Status.FAILED
    ]
    if number := sum(item.cause is Cause.PACE for item in differences):
        notes.append(f"the market was played too fast for the strategy, {number} differences follow from it: {_SLOWER}")
    return notes + [f"the runs were not given the same: {name}" for name in inputs]


def _silence(side: Side) -> str:
    """Return what kept a run from leaving an event stream."""
    metadata = side.metadata
    if metadata.status is Status.SAFETY_BLOCKED:
        asked = (metadata.safety or {}).get("at_start") or (metadata.safety or {}).get("kill_switch") or {}
        reason = asked.get("last_reason")
        return "was blocked by the kill switch" + (f" ({one_line(reason, 120)})" if reason else "")
    if metadata.status is Status.FAILED:
        return f"{_failure(side)} and left no event stream"
    return f"left no event stream (status {metadata.status})"


def _failure(side: Side) -> str:
    error = side.metadata.error
    return "failed" + (f" ({one_line(error, 200)})" if error else "")
