"""How far a venue's clock is from ours, and whether it still takes requests that are stamped by ours.

A request of Binance's bears our time. It is refused with -1021 when it is older than ``recvWindow`` by the venue's
clock, or more than a second ahead of it. Source: Binance, *Timing security*.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from statistics import median

AHEAD_MS = 1_000
"""How far ahead of the venue's clock a request may be stamped."""

KEPT, NEEDED = 5, 3
"""So many of the newest samples count, and so many are needed: the median of them bears two wrong ones of five."""


@dataclass(frozen=True)
class Sample:
    """One answer of the venue about its time.

    Attributes:
        sent_ms: our time when it was asked, Unix milliseconds.
        venue_ms: what it answered.
        received_ms: our time when the answer was there.
    """

    sent_ms: float
    venue_ms: float
    received_ms: float

    @property
    def offset_ms(self) -> float:
        """How far the venue is ahead of us, if the way there took as long as the way back."""
        return self.venue_ms - (self.sent_ms + self.received_ms) / 2

    @property
    def doubt_ms(self) -> float:
        """By how much ``offset_ms`` may be wrong."""
        return (self.received_ms - self.sent_ms) / 2


@dataclass(frozen=True)
class Estimate:
    """What several samples say together.

    Attributes:
        offset_ms: how far the venue is ahead of us; negative: behind.
        doubt_ms: by how much that may be wrong.
        samples: on how many it rests.
    """

    offset_ms: float
    doubt_ms: float
    samples: int


class Skew:
    """Keeps the newest samples."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=KEPT)

    def add(self, sample: Sample) -> None:
        """Take a sample in, unless our clock went backwards while it was taken."""
        if sample.received_ms >= sample.sent_ms:
            self._samples.append(sample)

    def estimate(self) -> Estimate | None:
        """Return what the samples say; None while there are too few."""
        if len(self._samples) < NEEDED:
            return None
        offsets = median(sample.offset_ms for sample in self._samples)
        return Estimate(offsets, median(sample.doubt_ms for sample in self._samples), len(self._samples))


class Standing(Enum):
    """Whether the venue takes what is stamped by our clock.

    Attributes:
        FINE: it does.
        NEAR: it may soon not; also when too little is known.
        BEYOND: it refuses.
    """

    FINE = "fine"
    NEAR = "near"
    BEYOND = "beyond"


def standing(estimate: Estimate | None, recv_window_ms: float) -> Standing:
    """Return whether the venue takes what is stamped by our clock; half of what it allows is kept as a margin.

    Args:
        estimate: how far apart the clocks are; None: too little is known.
        recv_window_ms: how old a request may be.
    """
    if estimate is None:
        return Standing.NEAR
    behind = estimate.offset_ms + estimate.doubt_ms  # the way there makes a request older
    ahead = -estimate.offset_ms
    if behind > recv_window_ms or ahead - estimate.doubt_ms > AHEAD_MS:
        return Standing.BEYOND
    if behind > recv_window_ms / 2 or ahead > AHEAD_MS / 2:
        return Standing.NEAR
    return Standing.FINE


def told(estimate: Estimate | None, recv_window_ms: float) -> str:
    """Return the estimate in a line."""
    if estimate is None:
        return "the venue's time cannot be told"
    side = "behind" if estimate.offset_ms > 0 else "ahead of"
    limit = recv_window_ms if estimate.offset_ms > 0 else AHEAD_MS
    return (
        f"our clock is {abs(estimate.offset_ms) / 1000:.3f} s {side} the venue's "
        f"(+- {estimate.doubt_ms / 1000:.3f} s, {estimate.samples} samples); the venue bears {limit / 1000:g} s"
    )
