"""Where a strategy decided otherwise in the paper run since it had been told otherwise: too late, or of a refusal.

The strategy of both runs is the same, so that other orders follow from what it knew when it made them. That is read
from the lines of both event streams: which came first, and when it was told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opslab.contract.evidence import Cause

if TYPE_CHECKING:
    from opslab.evidence.deeds import Deed, ParityDifference
    from opslab.evidence.stream import Stream

ROOTS = frozenset({Cause.PACE, Cause.VENUE_FILTER})
"""Causes after which a strategy may go another way, each of its orders for a reason."""

_STATE = ("order_missing", "order_extra", "intent", "refused", "fill_quantity", "ending")
"""Differences that change what a strategy knows later."""

_NS_PER_MS = 1_000_000


@dataclass
class Divergence:
    """What became of two runs so far, difference by difference.

    Attributes:
        left: the backtest's stream.
        right: the paper run's stream.
        pace: seconds of market data that the paper run was played in a second.
    """

    left: Stream
    right: Stream
    pace: float
    _root: tuple[Cause, int] | None = None
    _is_doubtful: bool = False
    _of_orders: dict[int, Cause] = field(default_factory=dict)
    _others: set[int] = field(default_factory=set)
    _anchor: int | None = None
    _anchored: int = 0

    def took(self, item: ParityDifference, cause: Cause) -> None:
        """Take in what was found out about a difference; they come in the order of the orders."""
        if item.kind == "intent":
            self._others.add(item.order)
            self._of_orders[item.order] = cause
        if item.kind not in _STATE:
            return
        if cause in ROOTS and self._root is None:
            self._root = (cause, item.order)
        self._is_doubtful = self._is_doubtful or cause in {Cause.UNKNOWN, Cause.INPUTS}

    def cause_of(self, item: ParityDifference) -> tuple[Cause, str] | None:
        """Return why a strategy did otherwise, and a line about it; None where these facts do not say."""
        left, right = (self._deed(stream, item.order) for stream in (self.left, self.right))
        if item.kind == "intent" and left and right:
            return (
                self._late(item.order, left, right)
                or self._knew_otherwise(left, right)
                or self._with_the_one_before(item.order, left, right)
            )
        if item.kind in {"order_missing", "order_extra"}:
            return self._after_root()
        if left is None or right is None:
            return None
        if (own := self._of_orders.get(item.order)) in ROOTS and own is not None:
            return own, "it is not the order that the backtest made"
        if item.kind in {"ending", "fill_quantity"} and left.ending == "canceled" != right.ending:
            return self._cancelled_unanswered(item.order, left, right)
        return None

    def _late(self, number: int, left: Deed, right: Deed) -> tuple[Cause, str] | None:
        """Return whether the market went on too fast for an answer that the backtest's strategy had by then.

        At a pace of one second a second it would have come in time: that is what makes it the pace's doing.
        """
        if right.known is None or not right.known.waiting:
            return None
        for earlier in range(right.known.waiting, number):
            if earlier in self._others:  # not the same order in both runs: its answer says nothing
                continue
            before, after = self.left.deeds[earlier - 1], self.right.deeds[earlier - 1]
            was_told = before.answer is not None and before.answer.line < left.line
            is_waiting = after.answer is not None and after.answer.line > right.line
            if was_told and is_waiting and (note := self._in_time(after, _between(before, left))):
                return Cause.PACE, f"order {earlier} was not answered yet when it was made: {note}"
        return None

    def _knew_otherwise(self, left: Deed, right: Deed) -> tuple[Cause, str] | None:
        if left.known is None or right.known is None or left.known[:2] == right.known[:2]:
            return None
        return self._after_root()

    def _with_the_one_before(self, number: int, left: Deed, right: Deed) -> tuple[Cause, str] | None:
        """Return the cause of the order before, where one of the runs made both at one go, told of nothing between."""
        cause = self._of_orders.get(number - 1)
        if cause is None or cause not in ROOTS:
            return None
        before, after = self.left.deeds[number - 2], self.right.deeds[number - 2]
        is_one_go = right.line == after.line + 1 or (left.made is not None and left.made == before.made)
        return (cause, f"it was made together with order {number - 1}") if is_one_go else None

    def _after_root(self) -> tuple[Cause, str] | None:
        """Return what the runs parted at, where all that differs since has a cause."""
        if self._root is None or self._is_doubtful:
            return None
        cause, number = self._root
        return cause, f"the strategy knew other positions or orders: the runs parted at order {number}"

    def _cancelled_unanswered(self, number: int, left: Deed, right: Deed) -> tuple[Cause, str] | None:
        """Return whether the order rested too late to be canceled at the moment at which the backtest canceled it."""
        due = self._due(number, left.changed)
        if due is None or right.answer is None or right.answer.at is None or right.answer.at <= due:
            return None
        if left.made is None or left.changed is None:
            return None
        note = self._in_time(right, left.changed - left.made)
        return (Cause.PACE, f"it was not answered yet when the backtest canceled it: {note}") if note else None

    def _due(self, number: int, moment: int | None) -> int | None:
        """Return when a moment of the backtest was due in the paper run, UNIX ns.

        Orders that both runs made alike say when their candles were due at the latest.
        """
        for one in range(self._anchored + 1, number + 1):
            before, after = self._deed(self.left, one), self._deed(self.right, one)
            self._anchored = one
            if before is None or after is None or before.made is None or after.made is None or one in self._others:
                continue
            begun = after.made - self._market(before.made)
            self._anchor = begun if self._anchor is None else min(self._anchor, begun)
        return None if self._anchor is None or moment is None else self._anchor + self._market(moment)

    def _market(self, moment: int) -> int:
        """Return how long the paper run takes from the backtest's first order to a moment of the backtest, ns."""
        first = self.left.deeds[0].made or 0
        return int((moment - first) / self.pace)

    def _in_time(self, order: Deed, gap: int | None) -> str:
        """Return a note when the answer took less than the market's time in between; else nothing."""
        if order.answer is None or order.answer.at is None or order.made is None or gap is None:
            return ""
        took = order.answer.at - order.made
        if not 0 <= took < gap:
            return ""
        return f"{took // _NS_PER_MS} ms are {took * self.pace / 10**9:.0f} s of the market at pace {self.pace:g}"

    @staticmethod
    def _deed(stream: Stream, number: int) -> Deed | None:
        return stream.deeds[number - 1] if 0 < number <= len(stream.deeds) else None


def _between(before: Deed, after: Deed) -> int | None:
    return None if before.made is None or after.made is None else after.made - before.made
