"""When a limit of ``risk.limits`` is passed that pulls the kill switch. Pure decisions; each object decides one thing.

A limit is what may still be: at the limit nothing fires, beyond it the trigger does. What one bad reading says never
decides: equity is the median of the newest readings.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from opslab.contract.spec import PULLING_LIMITS

if TYPE_CHECKING:
    from collections.abc import Hashable
    from decimal import Decimal

    from opslab.contract.spec import Limits

MINUTE_NS = 60 * 10**9
LOSS, ORDERS, REJECTS = "max_loss_from_peak", "max_orders_per_minute", "max_rejects_per_minute"
RUNAWAY, FEED_AGE, MISMATCH = "max_orders_between_data", "max_feed_age_seconds", "max_mismatch_seconds"
READINGS = 5
"""The median of so many readings of equity is believed: two wrong ones of five change nothing."""

DOUBTS = 3
"""So many doubtful readings of equity in a row hold new risk."""


@dataclass(frozen=True)
class Fired:
    """A limit that was passed.

    Attributes:
        trigger: the field of ``risk.limits``.
        value: what was measured, as text, in the limit's unit.
        limit: the limit, as text.
        detail: one line for people.
    """

    trigger: str
    value: str
    limit: str
    detail: str

    @property
    def reason(self) -> str:
        """Why the switch is pulled, in a line."""
        return f"TRIGGER {self.trigger}: {self.detail}"


def named_in(limits: Limits | None) -> tuple[str, ...]:
    """Return which triggers a spec asks for."""
    return tuple(name for name in PULLING_LIMITS if limits is not None and getattr(limits, name) is not None)


class PerMinute:
    """Counts distinct things within any minute.

    Args:
        trigger: the field of ``risk.limits``.
        limit: the most within a minute; two things exactly a minute apart are not within one.
        what: what is counted, for people.
    """

    def __init__(self, trigger: str, limit: int, what: str) -> None:
        self._trigger, self._limit, self._what = trigger, limit, what
        self._stamps: deque[tuple[int, Hashable]] = deque()
        self._names: set[Hashable] = set()
        self._alone = threading.Lock()

    def add(self, name: Hashable, now_ns: int) -> Fired | None:
        """Count one, from any thread; the same name counts once within a minute.

        Args:
            name: what it is, such as a client order id.
            now_ns: when, in nanoseconds of a clock that only grows.
        """
        with self._alone:
            count = self._counted(name, now_ns)
        if count <= self._limit:
            return None
        return Fired(
            self._trigger, str(count), str(self._limit), f"{count} {self._what} within a minute, limit {self._limit}"
        )

    def _counted(self, name: Hashable, now_ns: int) -> int:
        while self._stamps and self._stamps[0][0] <= now_ns - MINUTE_NS:
            self._names.discard(self._stamps.popleft()[1])
        if name not in self._names:
            self._stamps.append((now_ns, name))
            self._names.add(name)
        if len(self._stamps) > self._limit + 1:  # one beyond the limit is enough to know; a loop must not fill memory
            self._names.discard(self._stamps.popleft()[1])
        return len(self._stamps)


class Runaway:
    """Counts orders in a row without any market data in between.

    Args:
        limit: the most.
    """

    def __init__(self, limit: int) -> None:
        self._limit, self._count = limit, 0

    def data(self) -> None:
        """Something of the market came."""
        self._count = 0

    def order(self) -> Fired | None:
        """An order is submitted."""
        self._count += 1
        if self._count <= self._limit:
            return None
        detail = f"{self._count} orders in a row without market data in between, limit {self._limit}"
        return Fired(RUNAWAY, str(self._count), str(self._limit), detail)


class LossFromPeak:
    """Follows equity, which is what the venue says it is in most of the newest readings.

    A reading of zero or less, of an account that had something, is no loss but a doubt: a venue that cannot tell its
    balances answers zero, for minutes at times. Doubts move neither the peak nor the loss; several in a row are told
    by ``doubt``, and new risk is to be held then.

    Args:
        limit: the greatest fall below the peak, in quote units.

    Attributes:
        peak: the highest equity since the beginning; None before it was confirmed.
        doubt: why equity is not known, if it is not.
    """

    def __init__(self, limit: Decimal) -> None:
        self._limit = limit
        self._readings: deque[Decimal] = deque(maxlen=READINGS)
        self._doubts = 0
        self._why = ""
        self.peak: Decimal | None = None

    @property
    def doubt(self) -> str | None:
        """Why equity is not known."""
        return self._why if self._doubts >= DOUBTS else None

    def unread(self, why: str) -> None:
        """Equity could not be read."""
        self._doubts += 1
        self._why = why

    def read(self, equity: Decimal) -> Fired | None:
        """Take a reading in; every reading counts once.

        Args:
            equity: balances and unrealised profit, in quote units.
        """
        if not equity.is_finite() or equity <= 0:
            self.unread(f"the venue says that equity is {equity}")
            return None
        self._doubts = 0
        self._readings.append(equity)
        if len(self._readings) < READINGS:
            return None
        confirmed = median(self._readings)
        self.peak = confirmed if self.peak is None else max(self.peak, confirmed)
        loss = self.peak - confirmed
        if loss <= self._limit:
            return None
        detail = "equity is below its peak by more than its limit"  # figures of profit and loss stay in the journal
        return Fired(LOSS, f"{loss:f}", f"{self._limit:f}", detail)


class TooOld:
    """Compares how long something lasts with a limit in seconds.

    Args:
        trigger: the field of ``risk.limits``.
        limit_seconds: the longest.
        what: a line for people; ``{value}`` and ``{limit}`` are put in, in seconds.
    """

    def __init__(self, trigger: str, limit_seconds: float, what: str) -> None:
        self._trigger, self._limit, self._what = trigger, limit_seconds, what

    @property
    def limit_seconds(self) -> float:
        """The longest that it may last."""
        return self._limit

    def read(self, ms: float | None, subject: str = "") -> Fired | None:
        """Return what fired.

        Args:
            ms: for how long it lasts, in milliseconds; None: it does not.
            subject: what it is of, for people.
        """
        if ms is None or ms <= self._limit * 1000:
            return None
        value, limit = f"{ms / 1000:.3f}", f"{self._limit:g}"
        detail = f"{subject} {self._what.format(value=value, limit=limit)}".strip()
        return Fired(self._trigger, value, limit, detail)


def feed_age(limits: Limits) -> TooOld | None:
    """Return what watches the age of market data, if the spec asks for it."""
    if limits.max_feed_age_seconds is None:
        return None
    return TooOld(FEED_AGE, limits.max_feed_age_seconds, "is {value} s old by the venue's time, limit {limit}")


def mismatch(limits: Limits | None) -> TooOld | None:
    """Return what watches for how long the views have differed, if the spec asks for it; for the run's process."""
    if limits is None or limits.max_mismatch_seconds is None:
        return None
    what = "the views have differed for {value} s, limit {limit}"
    return TooOld(MISMATCH, limits.max_mismatch_seconds, what)
