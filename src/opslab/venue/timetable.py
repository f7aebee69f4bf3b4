"""What time sets off: orders that are good till a date, and funding."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.venue.market import MarkPrice
    from opslab.venue.orders import AlgoOrder, Order
    from opslab.venue.pairs import Pair


class Timetable:
    """Knows what is due."""

    def __init__(self) -> None:
        self._expiries: list[tuple[int, int, Order | AlgoOrder]] = []
        self._count = 0

    def expires(self, at_ms: int, item: Order | AlgoOrder) -> None:
        """Let an order expire at a time, Unix milliseconds, if it is still open then."""
        self._count += 1
        heappush(self._expiries, (at_ms, self._count, item))

    def expired(self, now_ms: int) -> Iterator[Order | AlgoOrder]:
        """Yield the orders whose time has come, the earliest first; some may have ended by themselves."""
        while self._expiries and self._expiries[0][0] <= now_ms:
            yield heappop(self._expiries)[2]


def funding_due(pair: Pair, now_ms: int) -> MarkPrice | None:
    """Return the mark price whose funding time has come and was not paid yet."""
    mark = pair.mark
    if mark is None or not mark.next_funding_ms or mark.next_funding_ms > now_ms:
        return None
    return mark if mark.next_funding_ms > pair.funded_ms else None
