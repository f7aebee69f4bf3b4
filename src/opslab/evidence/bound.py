"""From which moment on a backtest did what a bounded paper run never came to."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opslab.evidence.side import Side


@dataclass(frozen=True)
class Bound:
    """Where a paper run ended, in the backtest's time.

    Attributes:
        last: close of the last candle that the paper run saw, UNIX ns: what its strategy did on it may be missing.
        before: close of the candle before, UNIX ns: what was made on it may not be done.
    """

    last: int
    before: int

    def cuts(self, made: int | None) -> bool:
        """Whether an order that the backtest made at ``made`` (UNIX ns) was cut off."""
        return made is not None and made >= self.last

    def leaves_open(self, ended: int | None) -> bool:
        """Whether what became of an order at ``ended`` (UNIX ns) came too late for the paper run."""
        return ended is not None and ended >= self.before


def bound_of(backtest: Side, paper: Side, closes: Sequence[int]) -> Bound | None:
    """Return where the paper run ended; None when it saw every candle, or when nobody can tell.

    Args:
        backtest: the backtest.
        paper: the paper run.
        closes: when each candle that the backtest was handed closed, UNIX ns, in order, of all datasets.
    """
    seen, of_all = paper.metrics.bars_seen or 0, backtest.metrics.bars_seen or 0
    if not closes or seen < 1 or seen >= of_all:
        return None
    unplayed = paper.spec.execution.history * len(paper.inputs.get("datasets", ()))
    # A strategy may count other bars than the candles: then its share of them says how far it came, rounded up.
    count = unplayed - (-seen * len(closes) // of_all)
    if count > len(closes):
        return None
    last = closes[count - 1]
    return Bound(last, closes[max(bisect_left(closes, last) - 1, 0)])
