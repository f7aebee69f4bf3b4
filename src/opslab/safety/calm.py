"""Until when nothing may be sent to a venue that throttles or bans: one memory for everything that empties an account.

What is asked during a ban makes it longer, so that the memory outlives the question that heard of it. Pure.

Source: "LIMITS" in Binance's general API information: 429 and 418 bear ``Retry-After`` in seconds, and the message of a
ban names its end as Unix milliseconds. How long to wait when nothing says it is ours.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime

THROTTLED, BANNED = 429, 418
ORDERS_CODE = -1015
"""Only new orders are too many: questions and cancels may go on."""

LONGEST_PAUSE_SECONDS = 5.0
"""The longest pause that is taken where the venue names none."""

_UNNAMED_SECONDS = {THROTTLED: 1.0, BANNED: 5.0}
_LEAST_SECONDS = 0.05
_AGAIN_SECONDS = 0.25
_MOST_SECONDS = 4 * 86_400.0
_MOST_DOUBLINGS = 16
_UNTIL = re.compile(r"banned until ([0-9]{12,14})")


def named_seconds(retry_after: str, message: str, wall_ms: float) -> float | None:
    """Return for how many seconds a venue wants to be left alone; None where it does not say, or makes no sense.

    Args:
        retry_after: the header, empty where there is none.
        message: of the refusal; looked at where the header is no number.
        wall_ms: the venue's time, Unix milliseconds.
    """
    try:
        told = float(retry_after)
    except ValueError:
        found = _UNTIL.search(message)
        told = (int(found.group(1)) - wall_ms) / 1000 if found else math.nan
    return told if math.isfinite(told) and told >= 0 else None


@dataclass
class Calm:
    """Remembers until when nothing may be sent. Times are seconds of a monotonic clock.

    Attributes:
        until: nothing at all may be sent before.
        orders_until: no new order may be sent before.
    """

    until: float = -math.inf
    orders_until: float = -math.inf
    _why: str = ""
    _in_a_row: int = 0

    def left(self, now: float) -> float:
        """Return for how many seconds nothing may be sent yet; 0 while everything may."""
        return max(0.0, self.until - now)

    def hear(self, now: float, status: int, code: int | None, named: float | None) -> float:
        """Take in an answer that throttles or bans, and return for how many seconds to stay away.

        Args:
            now: when it came.
            status: of HTTP.
            code: the venue's, if it gave one.
            named: for how long, by the venue's own words. None: the pause grows with each refusal after the last pause,
                up to ``LONGEST_PAUSE_SECONDS``.
        """
        unnamed = _UNNAMED_SECONDS.get(status, 1.0)
        if code == ORDERS_CODE:
            seconds = _bounded(unnamed if named is None else named)
            self.orders_until = max(self.orders_until, now + seconds)
            return seconds
        # What was sent before the last refusal was heard belongs to that one.
        again = self._in_a_row if now >= self.until else max(self._in_a_row - 1, 0)
        self._in_a_row = again + 1
        doubled = 2.0 ** min(again, _MOST_DOUBLINGS)
        grown = unnamed * doubled if named is None else _AGAIN_SECONDS * (doubled - 1)
        seconds = _bounded(max(named or 0.0, min(grown, LONGEST_PAUSE_SECONDS)))
        self.until = max(self.until, now + seconds)
        what = f"HTTP {status}{f' {code}' if code is not None else ''}"
        self._why = f"the venue {'bans' if status == BANNED else 'throttles'} this address ({what})"
        return self.left(now)

    def lift(self) -> None:
        """Forget until when: the venue is asked whether it still is so."""
        self.until = self.orders_until = -math.inf

    def relent(self) -> None:
        """The venue answered something else: the next pause starts small again."""
        self._in_a_row = 0

    def told(self, now: float, wall_ms: float) -> str | None:
        """Return in a line why nothing may be sent and until when; None while everything may.

        Args:
            now: the time.
            wall_ms: the same, Unix milliseconds.
        """
        left = self.left(now)
        if left <= 0:
            return None
        at = _stamp(wall_ms / 1000 + left)
        return f"{self._why} until {at}, {left:.1f} s from now: nothing is sent, cancels neither"


def _bounded(seconds: float) -> float:
    return min(max(seconds, _LEAST_SECONDS), _MOST_SECONDS)


def _stamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
