"""What an answer to an order proves, and when silence proves that there is no order. Pure.

Sources: "General Info, HTTP Return Codes" and "Error Codes" of Binance's REST documentation: 4xx means that the request
was refused; 418 and 429 that it was not looked at; 5xx that the execution status is unknown and could have been a
success, and so do -1006 and -1007 whatever the status is; -1008 that the server was overloaded and did nothing; -4116
(spot: -2010 with the words "Duplicate order sent") that the client order id is in use, by the same order as it may be.
-2013 answers a query for an order that does not exist, or does not yet. A request older than its ``recvWindow`` is
refused, so that one which did not arrive by then never will.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

LIMITED = frozenset({418, 429})
OVERLOADED = -1008
NO_SUCH_ORDER = frozenset({-2011, -2013})
"""Codes that tell of an order that it does not exist, or is over."""

_NOBODY_KNOWS = frozenset({-1000, -1001, -1006, -1007})
_IN_USE = frozenset({-4116, -4115})
_DUPLICATE = "duplicate order"
_CLIENT_ERRORS = range(400, 500)


class Fate(StrEnum):
    """What is known of a request after its answer, or without one."""

    REFUSED = "refused"
    OPEN = "open"


class Told(StrEnum):
    """What the venue said of an order that it was asked for by its client order id."""

    THERE = "there"
    ABSENT = "absent"
    NOTHING = "nothing"


class Belief(StrEnum):
    """What may be believed now: that the order is there, that it never will be, or nothing yet."""

    THERE = "there"
    ABSENT = "absent"
    OPEN = "open"


def fate_of(status: int | None, code: int | None, message: str = "") -> Fate:
    """Return what an error says about the request; in doubt its fate is open.

    Args:
        status: HTTP status; None: it did not leave the process, somebody on this side refused it.
        code: Binance's error code; None: the answer had none.
        message: what came with it.
    """
    if status is None:
        return Fate.REFUSED
    if code in _NOBODY_KNOWS or code in _IN_USE or _DUPLICATE in message.lower():
        return Fate.OPEN
    if status in LIMITED or code == OVERLOADED:
        return Fate.REFUSED
    # An answer without a code was made by something in between, which does not know what became of the request.
    return Fate.REFUSED if status in _CLIENT_ERRORS and code is not None else Fate.OPEN


@dataclass
class Doubt:
    """An order of which nobody knows whether it is at the venue.

    Attributes:
        since: when its request was sent at the latest, in seconds of a monotonic clock.
        settle_seconds: how long it may take until a request that was sent has arrived, or never will, and shows in
            queries; before that, an absent order proves nothing.
        proofs: how many answers in a row must say that it is absent, once that time is over.
    """

    since: float
    settle_seconds: float
    proofs: int = 2
    asked: int = field(default=0, init=False)
    absent: int = field(default=0, init=False)

    def hear(self, told: Told, now: float) -> Belief:
        """Return what may be believed after a further answer.

        Args:
            told: the answer.
            now: when the question was sent, on the clock of ``since``.
        """
        self.asked += 1
        if told is Told.THERE:
            return Belief.THERE
        if told is Told.NOTHING:
            self.absent = 0
            return Belief.OPEN
        if now - self.since >= self.settle_seconds:
            self.absent += 1
        return Belief.ABSENT if self.absent >= self.proofs else Belief.OPEN


def pause(attempt: int, first: float, most: float) -> float:
    """Return how many seconds to wait after an attempt, counted from 1: twice as long each time, up to ``most``."""
    return most if attempt > 60 else min(most, first * 2.0 ** max(0, attempt - 1))  # noqa: PLR2004 - no overflow
