"""Pages of a history: by time, by id, and so many at once.

Source: the USD-M futures pages of allOrders, userTrades, income, aggTrades and fundingRate: with ``startTime`` the
oldest entries from there on, without it the newest; at most seven days at once where an account is asked about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opslab.venue.http.params import Params

HOUR_MS = 3_600_000
WEEK_MS = 7 * 24 * HOUR_MS
_LATEST_MS = 10**15


@dataclass(frozen=True, slots=True)
class Span:
    """A page.

    Attributes:
        start_ms: nothing before it, Unix milliseconds.
        end_ms: nothing after it.
        limit: the most entries.
        is_oldest_first: whether the oldest entries are wanted, else the newest; either way in order of time.
    """

    start_ms: int
    end_ms: int
    limit: int
    is_oldest_first: bool

    def pick[T](self, rows: Sequence[T], time_ms: Callable[[T], int]) -> list[T]:
        """Return the page's entries out of ``rows``, which are oldest first."""
        found = [row for row in rows if self.start_ms <= time_ms(row) <= self.end_ms]
        return found[: self.limit] if self.is_oldest_first else found[-self.limit :]


def read_span(params: Params, *, default: int = 500, high: int = 1000, longest_ms: int | None = None) -> Span:
    """Return the page that ``startTime``, ``endTime`` and ``limit`` ask for.

    Args:
        params: of the request.
        default: entries where ``limit`` was not sent.
        high: the most that ``limit`` may be.
        longest_ms: longest time between both ends, where there is such a limit.

    Raises:
        Refusal: -1100 or -1130 for a malformed bound, -1023 for an end before the start, -1127 for too long a span.
    """
    limit = params.integer("limit", default, low=1, high=high)
    start = params.integer("startTime", None, low=0)
    end = params.integer("endTime", None, low=0)
    if start is not None and end is not None:
        if end < start:
            raise Refusal(-1023, "Start time is greater than end time.")
        if longest_ms is not None and end - start > longest_ms:
            raise Refusal(-1127, f"Lookup interval is too big; more than {longest_ms // HOUR_MS} hours.")
    return Span(start or 0, _LATEST_MS if end is None else end, limit, start is not None)


def read_recent(params: Params, now_ms: int, *, default: int = 500, high: int = 1000) -> Span:
    """Return a page of an account's history: of the last seven days, unless it is told otherwise.

    Raises:
        Refusal: as ``read_span``.
    """
    span = read_span(params, default=default, high=high, longest_ms=WEEK_MS)
    if span.is_oldest_first:
        return Span(span.start_ms, min(span.end_ms, span.start_ms + WEEK_MS), span.limit, is_oldest_first=True)
    end = span.end_ms if span.end_ms < _LATEST_MS else now_ms
    return Span(max(end - WEEK_MS, 0), span.end_ms, span.limit, is_oldest_first=False)
