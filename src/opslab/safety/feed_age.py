"""How old market data are, and whether a feed that says nothing is dead or its market quiet. Decisions only.

Age is told by the venue's time: by how much an item's own stamp lies behind the venue's clock. When something arrived
says nothing about it: old items may be told late, or told again. Where an item has no stamp of the venue's, only a
newer item than before counts as progress.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Patience:
    """How long a feed may say nothing, in milliseconds.

    Attributes:
        suspect_ms: data older than that are suspect, and the venue is asked.
        ask_ms: how long to wait between two questions.
        grace_ms: how long what the venue has and we have not may be on its way, and how long items may come late.
        unanswered_ms: how long a suspect feed is believed while the venue cannot be asked.
    """

    suspect_ms: float
    ask_ms: float
    grace_ms: float
    unanswered_ms: float


FAST = Patience(suspect_ms=400, ask_ms=100, grace_ms=100, unanswered_ms=300)
PRODUCTION = Patience(suspect_ms=5_000, ask_ms=5_000, grace_ms=1_000, unanswered_ms=10_000)


class Age:
    """How old the newest item of a feed is.

    Args:
        now_ms: when the feed was asked for, by a clock that only grows.
    """

    def __init__(self, now_ms: float) -> None:
        self.advanced_ms = self.arrived_ms = now_ms
        self.newest_ms: float | None = None

    def came(self, stamp_ms: float | None, now_ms: float) -> bool:
        """Take an item in; return whether it is newer than all before.

        Args:
            stamp_ms: when it happened, by the venue's clock; None where the venue does not say.
            now_ms: when it arrived, by a clock that only grows.
        """
        self.arrived_ms = now_ms
        if stamp_ms is not None:
            if self.newest_ms is not None and stamp_ms <= self.newest_ms:
                return False
            self.newest_ms = stamp_ms
        self.advanced_ms = now_ms
        return True

    def by_venue_ms(self, venue_ms: float | None) -> float | None:
        """Return the age by the venue's time; None where it cannot be told.

        Args:
            venue_ms: the venue's time now; None: not known.
        """
        if venue_ms is None or self.newest_ms is None:
            return None
        return venue_ms - self.newest_ms

    def ms(self, venue_ms: float | None, now_ms: float) -> float:
        """Return the age: by the venue's time, and never less than since the last progress."""
        return max(now_ms - self.advanced_ms, self.by_venue_ms(venue_ms) or 0.0)


class Pulse(Enum):
    """How a feed fares: it brings what is new, its market is quiet, or it must not be traded on."""

    FRESH = "fresh"
    QUIET = "quiet"
    STALE = "stale"


class FeedHealth:
    """Judges one feed of one instrument.

    Args:
        patience: how long it may say nothing.
        now_ms: when it was asked for, by a clock that only grows.
        is_stamped: whether stamps of its items say how old they are; a bar's do not, it lies an interval back.
    """

    def __init__(self, patience: Patience, now_ms: float, *, is_stamped: bool = True) -> None:
        self._patience, self._is_stamped = patience, is_stamped
        self.age = Age(now_ms)
        self.pulse, self.why = Pulse.FRESH, ""
        self._doubted_ms: float | None = None
        self._asked_ms = float("-inf")
        self._quiet_ms: float | None = None
        self._missing_ms: float | None = None
        self._late_ms: float | None = None

    def came(self, stamp_ms: float | None, now_ms: float) -> None:
        """Take an item in; one that is not newer than all before proves nothing."""
        if self.age.came(stamp_ms, now_ms):
            self._doubted_ms = self._quiet_ms = self._missing_ms = None

    def is_due(self, now_ms: float) -> bool:
        """Return whether the venue is to be asked now; it counts as asked then."""
        if self._doubted_ms is None or now_ms - self._asked_ms < self._patience.ask_ms:
            return False
        self._asked_ms = now_ms
        return True

    def answered(self, now_ms: float, *, has_newer: bool) -> None:
        """Take in whether the venue has something newer than the feed has brought by now."""
        if not has_newer:
            self._quiet_ms, self._missing_ms = now_ms, None
        else:
            self._quiet_ms = None
            self._missing_ms = now_ms if self._missing_ms is None else self._missing_ms

    def look(self, venue_ms: float | None, now_ms: float, allowed_ms: float = 0.0) -> Pulse:
        """Return how the feed fares now.

        Args:
            venue_ms: the venue's time; None: not known.
            now_ms: of a clock that only grows.
            allowed_ms: what an item may be older by its nature, such as a bar's interval.
        """
        self.pulse, self.why = self._judged(venue_ms if self._is_stamped else None, now_ms, allowed_ms)
        return self.pulse

    def _judged(self, venue_ms: float | None, now_ms: float, allowed_ms: float) -> tuple[Pulse, str]:
        most = self._patience.suspect_ms + allowed_ms
        age = self.age.ms(venue_ms, now_ms)
        if age <= most:
            self._doubted_ms = self._late_ms = None
            return Pulse.FRESH, ""
        if (self.age.by_venue_ms(venue_ms) or 0.0) > most and now_ms - self.age.arrived_ms <= most:
            # What waited while the node was busy comes late, too, but all at once: only what goes on being late counts.
            self._late_ms = self.age.arrived_ms if self._late_ms is None else self._late_ms
            if self.age.arrived_ms - self._late_ms >= self._patience.grace_ms:
                return Pulse.STALE, f"what it brings is {age / 1000:.1f} s old by the venue's time"
            return self.pulse, self.why
        self._late_ms = None
        self._doubted_ms = now_ms if self._doubted_ms is None else self._doubted_ms
        if self._missing_ms is not None:
            if now_ms - self._missing_ms >= self._patience.grace_ms:
                return Pulse.STALE, f"nothing new for {age / 1000:.1f} s, and the venue has something newer"
        elif self._quiet_ms is not None and now_ms - self._quiet_ms <= self._still_ms():
            return Pulse.QUIET, ""
        elif now_ms - (self._quiet_ms or self._doubted_ms) > self._still_ms():
            return Pulse.STALE, f"nothing new for {age / 1000:.1f} s, and the venue cannot be asked"
        return self.pulse, self.why

    def _still_ms(self) -> float:
        return self._patience.ask_ms + self._patience.unanswered_ms
