"""When a client may ask a venue again that told it to stay away, and how near it may come to the limit. Pure.

Sources: "LIMITS" in Binance's general API information: 429 says that the limit was passed, 418 that the address is
banned, both with ``Retry-After`` in seconds; every answer bears what was used of a window, as in
``X-MBX-USED-WEIGHT-1M``; who goes on asking after 429 is banned, for two minutes at first. What is asked during a ban
makes it longer. The message of a ban names its end as Unix milliseconds. The shares of the limit are ours.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LIMIT, BAN = 429, 418
LIMIT_SECONDS, BAN_SECONDS = 60.0, 120.0
"""How long to stay away when the answer does not say: the weight's window, and the shortest ban."""
MOST_SECONDS = 3 * 86_400.0
SLOW_SHARE, FULL_SHARE = 0.8, 0.95
SLOW_SECONDS = 1.0
"""The longest that a request waits near the limit: well below the usual ``recvWindow`` of its signature."""
_MINUTE = 60.0
_UNTIL = re.compile(r"until\s+(\d{13})")
_USED = "x-mbx-used-weight-1m"
_AFTER = "retry-after"


class Passage(StrEnum):
    """Whether a request may leave."""

    OPEN = "open"
    SLOW = "slow"
    SHUT = "shut"


@dataclass(frozen=True)
class Ruling:
    """What becomes of a request.

    Attributes:
        passage: whether it may leave.
        seconds: how long it waits first (``slow``), or until when nothing leaves (``shut``).
        reason: one line; empty when it may leave at once.
    """

    passage: Passage
    seconds: float = 0.0
    reason: str = ""


@dataclass
class Breaker:
    """Remembers what a venue said of its limits. Times are seconds of a monotonic clock.

    Attributes:
        limit: weight that a minute takes; None: not known, then only bans are heeded.
        status: what shut it, 418 or 429; 0 while it is not shut.
        until: when the venue may be asked again.
    """

    limit: int | None = None
    status: int = 0
    until: float = -math.inf
    used: int = 0
    _minute: int = field(default=-1, repr=False)
    _probing: bool = field(default=False, repr=False)

    @property
    def is_shut(self) -> bool:
        """Whether nothing may leave: also after the time is over, until a probe was answered."""
        return self.status != 0

    def ask(self, now: float, wall: float, *, is_cancel: bool = False) -> Ruling:
        """Return whether a request may leave.

        Args:
            now: the time.
            wall: Unix seconds; the venue's windows begin with its minutes.
            is_cancel: it cancels orders: it never waits for weight, which a cancel saves more of than it costs.
        """
        if self.is_shut:
            left = max(0.0, self.until - now)
            what = "banned this address" if self.status == BAN else "asked for a pause"
            told = f"the venue {what} ({self.status}), {left:.1f} s to go: nothing is sent, cancels neither"
            return Ruling(Passage.SHUT, left, told)
        if self.limit is None or is_cancel or int(wall // _MINUTE) != self._minute:
            return Ruling(Passage.OPEN)
        share = self.used / self.limit
        left = _MINUTE - wall % _MINUTE
        told = f"{self.used} of {self.limit} of this minute's weight is used"
        if share >= FULL_SHARE:
            return Ruling(Passage.SHUT, left, f"{told}: the rest is kept for cancels, for {left:.1f} s")
        if share >= SLOW_SHARE:
            wait = SLOW_SECONDS * (share - SLOW_SHARE) / (FULL_SHARE - SLOW_SHARE)
            return Ruling(Passage.SLOW, min(wait, left), told)
        return Ruling(Passage.OPEN)

    def may_probe(self, now: float) -> bool:
        """Return whether the one request may leave that finds out if the venue answers again; it is then on its way."""
        if not self.is_shut or self._probing or now < self.until:
            return False
        self._probing = True
        return True

    def hear(self, now: float, wall: float, status: int, headers: Mapping[str, str], body: str = "") -> bool:
        """Take in an answer; return whether it shut the breaker, or kept it shut for longer.

        Args:
            now: when it came.
            wall: the same, Unix seconds.
            status: its HTTP status.
            headers: in any case of letters.
            body: only looked at for the end of a ban.
        """
        told = {key.lower(): value for key, value in headers.items()}
        if (used := _whole(told.get(_USED))) is not None:
            minute = int(wall // _MINUTE)
            # Answers overtake each other: within a minute the weight only grows.
            self.used = max(self.used, used) if minute == self._minute else used
            self._minute = minute
        if status not in (LIMIT, BAN):
            return False
        until = now + _stay_away(status, told.get(_AFTER), body, wall)
        longer = until > self.until or not self.is_shut
        self.status = BAN if BAN in (status, self.status) else status
        self.until, self._probing = max(self.until, until), False
        return longer

    def probed(self, now: float, *, answered: bool) -> bool:
        """Take in how the probe went; return whether requests may leave again.

        Args:
            now: the time.
            answered: the venue answered, and with neither 418 nor 429.
        """
        if not self._probing:
            return False
        self._probing = False
        if answered:
            self.status, self.until = 0, -math.inf
            return True
        self.until = max(self.until, now + 1.0)
        return False


def _stay_away(status: int, after: str | None, body: str, wall: float) -> float:
    """Return for how many seconds; the longest that any part of the answer names."""
    least = BAN_SECONDS if status == BAN else LIMIT_SECONDS
    named = []
    if after is not None and (seconds := _whole(after)) is not None:
        named.append(float(seconds))
    if (found := _UNTIL.search(body)) is not None:
        named.append(int(found[1]) / 1000 - wall)
    return min(MOST_SECONDS, max(named)) if named and max(named) > 0 else least


def _whole(text: str | None) -> int | None:
    stripped = (text or "").strip()
    return int(stripped) if stripped.isascii() and stripped.isdigit() and len(stripped) <= 12 else None  # noqa: PLR2004
