"""Whether an order book misses a difference: decided from update ids alone, before anything is handed on.

Binance numbers every change of a book. A difference covers the ids after ``previous`` up to ``last``: on futures
``pu`` and ``u``, on spot ``U - 1`` and ``u``. It may be applied to a book of id ``n`` when ``previous <= n < last``;
its levels are whole sizes, so that a part that is known already does no harm. Source: Binance, *How to manage a local
order book correctly*, spot and USD-M futures.
"""

from __future__ import annotations

from collections import deque
from enum import Enum
from typing import NamedTuple

MOST_KEPT = 10_000
"""So many differences are kept while a snapshot is awaited; of more the oldest go, and a newer snapshot is needed."""


class Trust(Enum):
    """What is known of a book.

    Attributes:
        WHOLE: every difference up to its id is in it.
        SUSPECT: the connection was lost; the next difference or snapshot will tell.
        BROKEN: differences are missing, or nothing came yet.
    """

    WHOLE = "whole"
    SUSPECT = "suspect"
    BROKEN = "broken"


class _Kept[T](NamedTuple):
    previous: int
    last: int
    content: T


class BookSequence[T]:
    """Follows the update ids of one book, and keeps what cannot be applied yet.

    Attributes:
        trust: what is known of the book.
        last_id: the id that the book is at; None before the first snapshot.
    """

    def __init__(self) -> None:
        self.trust = Trust.BROKEN
        self.last_id: int | None = None
        self._kept: deque[_Kept[T]] = deque(maxlen=MOST_KEPT)
        self._asked = 0

    @property
    def is_whole(self) -> bool:
        """Whether the book may be traded on."""
        return self.trust is Trust.WHOLE

    def lost(self) -> None:
        """Note that the connection was lost: differences may be missing, and snapshots on their way are too old."""
        self._asked += 1
        if self.trust is Trust.WHOLE:
            self.trust = Trust.SUSPECT

    def difference(self, previous: int, last: int, content: T) -> list[T]:
        """Return what is to be applied now; nothing of what is known already, or has to wait for a snapshot.

        Args:
            previous: the id before it.
            last: the id that it leads to.
            content: what it says.
        """
        if self.trust is Trust.BROKEN or self.last_id is None:
            self._kept.append(_Kept(previous, last, content))
            return []
        if last <= self.last_id:
            if self.trust is Trust.SUSPECT:  # told again, or numbered anew: only a snapshot can tell
                self._break(_Kept(previous, last, content))
                self.last_id = None
            return []
        if previous > self.last_id:
            self._break(_Kept(previous, last, content))
            return []
        self.trust, self.last_id = Trust.WHOLE, last
        return [content]

    def ask(self) -> int:
        """Return a number for a snapshot that is asked for now."""
        return self._asked

    def snapshot(self, asked: int, last: int, content: T) -> list[T] | None:
        """Return what is to be applied now, the snapshot first; None when another one is needed.

        A snapshot that is not newer than a whole book is of no use: nothing is to be applied then.

        Args:
            asked: what ``ask`` returned.
            last: the id that the snapshot is at.
            content: what it says.
        """
        known = self.last_id
        if self.trust is Trust.WHOLE and known is not None and last <= known:
            return []
        if asked != self._asked or (known is not None and last < known):
            return None
        applied, at = [content], last
        for kept in self._kept:
            if kept.last <= at:
                continue
            if kept.previous > at:
                return None
            applied.append(kept.content)
            at = kept.last
        self._kept.clear()
        self.trust, self.last_id = Trust.WHOLE, at
        return applied

    def _break(self, first: _Kept[T]) -> None:
        self.trust = Trust.BROKEN
        self._kept.clear()
        self._kept.append(first)
