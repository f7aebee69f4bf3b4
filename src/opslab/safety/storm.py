"""When a strategy that goes on sending keeps its node from anything else. Pure.

What a pulled switch denies still costs: the order is made, judged, denied, written down and told. A strategy that
answers each denial with more orders leaves no time for the containment, for the venue's answers or for a signal.
"""

from __future__ import annotations

from collections import deque

MOST = 500
"""How many orders and changes a strategy may send within ``SECONDS`` while the switch is active.

Binance lets none through at such a rate (300 orders in 10 s on futures, 100 on spot): it loses nothing by it.
"""

SECONDS = 1.0


class Storm:
    """Counts what one strategy sends.

    Args:
        most: so much may be sent within ``seconds``.
        seconds: how long that is.
    """

    def __init__(self, most: int = MOST, seconds: float = SECONDS) -> None:
        self._most, self._seconds = most, seconds
        self._at: deque[float] = deque(maxlen=most + 1)

    def sent(self, now: float) -> bool:
        """Count one; return whether these are more than may be.

        Args:
            now: seconds of a clock that only goes forward.
        """
        self._at.append(now)
        return len(self._at) > self._most and now - self._at[0] <= self._seconds

    def calm(self) -> None:
        """Forget what was counted: nothing forbids orders."""
        self._at.clear()
