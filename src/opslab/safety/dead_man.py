"""When a countdown at the venue is renewed, and whether it still runs. Pure.

Times are seconds of a clock that never stops.

The venue counts from the moment at which a renewal came to it: after it was sent, before it was answered. So a
countdown is sure to run only until its length has passed since the last confirmed renewal was *sent*.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opslab.contract.dead_man import RENEWALS, WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterable

EVENT = "dead_man_acted"
"""The journal's event; see ``contract.containment_events.DeadManActed``."""


@dataclass
class _Countdown:
    """One symbol's: when it was renewed last, until when it surely runs, and renewals in a row that failed."""

    sent: float = -math.inf
    until: float = -math.inf
    failures: int = 0
    was_armed: bool = False
    is_lost: bool = False


@dataclass
class Renewals:
    """Keeps the countdowns of a node's symbols.

    Attributes:
        seconds: the length of a countdown.
        confirmed: renewals that the venue confirmed.
        failed: renewals that it did not.
    """

    seconds: float
    confirmed: int = 0
    failed: int = 0
    _countdowns: dict[str, _Countdown] = field(default_factory=dict, repr=False)

    @property
    def interval(self) -> float:
        """How long after a renewal the next one is sent, whatever became of it."""
        return self.seconds / RENEWALS

    @property
    def weight(self) -> int:
        """What all of them used up of the venue's limit."""
        return (self.confirmed + self.failed) * WEIGHT

    @property
    def symbols(self) -> tuple[str, ...]:
        """What is renewed, in the order in which it came."""
        return tuple(self._countdowns)

    def add(self, symbols: Iterable[str]) -> None:
        """Renew these too from now on."""
        for symbol in symbols:
            self._countdowns.setdefault(symbol, _Countdown())

    def due(self, now: float) -> tuple[str, ...]:
        """Return whose renewal is to be sent, and take it for sent."""
        found = tuple(name for name, one in self._countdowns.items() if now - one.sent >= self.interval)
        for name in found:
            self._countdowns[name].sent = now
        return found

    def confirm(self, symbol: str, sent: float, now: float) -> bool:
        """Take in that the venue confirmed a renewal; return whether the countdown did not run for certain before.

        Args:
            symbol: whose.
            sent: when it was sent.
            now: when the answer came; one that comes later than the countdown is long proves nothing.
        """
        one = self._countdowns[symbol]
        self.confirmed += 1
        one.until = max(one.until, sent + self.seconds)
        if one.until <= now:
            return False
        is_new = not one.was_armed or one.is_lost
        one.was_armed, one.is_lost, one.failures = True, False, 0
        return is_new

    def fail(self, symbol: str) -> bool:
        """Take in that a renewal was not confirmed; return whether it is the first in a row."""
        one = self._countdowns[symbol]
        self.failed += 1
        one.failures += 1
        return one.failures == 1

    def lost(self, now: float) -> tuple[str, ...]:
        """Return whose countdown may have come to its end since it was asked last: they are told once."""
        found = tuple(name for name, one in self._countdowns.items() if one.was_armed and one.until <= now)
        new = tuple(name for name in found if not self._countdowns[name].is_lost)
        for name in new:
            self._countdowns[name].is_lost = True
        return new

    def unarmed(self, now: float) -> tuple[str, ...]:
        """Return whose countdown does not run for certain."""
        return tuple(name for name, one in self._countdowns.items() if one.until <= now)


def may_end(troubles: Iterable[str | None]) -> str | None:
    """Return why a node that stops must leave its countdowns running; None when it may end them.

    Args:
        troubles: what is wrong with the node, a line each, None for what is not: any of them is enough, since the venue
            can be trusted with the orders and such a node cannot.
    """
    return next((trouble for trouble in troubles if trouble), None)
