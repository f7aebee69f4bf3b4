"""Compares venue, engine and strategy again and again while a paper run lives, and once more at its end.

The venue's books are asked for in a thread: however long the venue takes, the node goes on. What it does not answer in
time is told as unknown, and counts as a difference. A difference is told once it lasted longer than anything takes to
arrive, and again when it changes or ends; one that lasts longer than the spec allows pulls the run's kill switch.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from opslab.contract.containment_events import DifferenceTold
from opslab.errors import OpsLabError, one_line
from opslab.reconcile.following import Following
from opslab.reconcile.three_views import all_differences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opslab.reconcile.following import Change
    from opslab.reconcile.view_difference import ViewDifference
    from opslab.safety.firing import Firing
    from opslab.safety.triggers import TooOld

GRACE_SECONDS = 0.5
"""How long an order, fill or event may be on its way before it counts as a difference."""

LOOK_SECONDS = 0.1
"""How soon it is looked again at what may be on its way: what comes and goes meanwhile does not last."""

SHARE = 0.02
"""The share of the node's time that comparisons may take: what takes longer is done less often, as far as a limit on
how long a mismatch may last lets it: they are never further apart than half of that."""

ANSWER_SECONDS = 2.0
"""How long the venue may take to tell its books before that is told as unknown."""

TOLD = 50
"""How many differences an event of the journal lists; it counts them all."""

EVENT = "views_differed"

type Views = Mapping[str, Mapping[str, Any]]
ODD = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What comparing views raises that are not what venue and engine tell."""


@dataclass(frozen=True)
class Sources:
    """Where the views come from, and who hears of them.

    Attributes:
        books: returns the venue's books; called in a thread of its own.
        views: returns venue, engine and strategy, given the books.
        tell: writes into the run's journal: an event's name and its own fields.
        changed: is given each change that was told, with the views; where somebody could not tell, with none.
    """

    books: Callable[[], Mapping[str, Any]]
    views: Callable[[Mapping[str, Any]], Views]
    tell: Callable[[str, Mapping[str, Any]], None]
    changed: Callable[[Sequence[ViewDifference], Views], None] = lambda _differences, _views: None


class Reconciling:
    """The comparisons of one run; ``tick`` is called as often as the run is pumped, and never waits for the venue.

    Args:
        sources: where the views come from, and who hears of them.
        seconds: how often they are compared; None: only when ``compare`` is called.
        limit: what may not last longer; None: nothing does.
        firing: pulls the run's kill switch.
        now: seconds of a clock that only goes forward.

    Attributes:
        compared: how many comparisons were made.
    """

    def __init__(
        self,
        sources: Sources,
        seconds: float | None,
        limit: TooOld | None,
        firing: Firing,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sources, self._seconds, self._limit, self._firing, self._now = sources, seconds, limit, firing, now
        self._following = Following(int(GRACE_SECONDS * 1000))
        self._answers: SimpleQueue[Mapping[str, Any] | OpsLabError] = SimpleQueue()
        self._asked: float | None = None
        self._due = 0.0 if seconds is None else now() + seconds
        self._cost = 0.0
        self.compared = 0

    @property
    def has_pending(self) -> bool:
        """Whether something differs that may yet be on its way."""
        return self._following.has_pending

    @property
    def differences(self) -> tuple[ViewDifference, ...]:
        """What counts as different now."""
        return self._following.differences

    def tick(self) -> None:
        """Ask for the books when it is time, take them when they came, and judge how long the views have differed.

        Raises:
            StoreError: the journal cannot be written.
        """
        if self._seconds is None:
            return
        now = self._now()
        if self._asked is not None:
            self._hear(now)
        if self._asked is None and now >= self._due:
            self._ask(now)
        self._judge()

    def compare(self, books: Mapping[str, Any]) -> None:
        """Compare the views now.

        Args:
            books: the venue's, as they are now.

        Raises:
            StoreError: the journal cannot be written.
        """
        began = self._now()
        now_ms = int(began * 1000)
        try:
            views = self._sources.views(books)
            found = all_differences(views)
        except (OpsLabError, *ODD) as error:
            self._tell(self._following.cannot_tell(now_ms, "engine", one_line(error, 200)), None)
            return
        self.compared += 1
        # What is told is written to a disk, which may be slow: that is done once a change, and not every time.
        self._cost = self._now() - began
        self._tell(self._following.take(now_ms, found), views)

    def settle(self, pump: Callable[[float], object]) -> None:
        """Compare until nothing differs that may be on its way, at most as long as that may take.

        The node works on meanwhile, and a venue that does not answer in time is told as unknown.

        Args:
            pump: lets the node work until something changed, at most so many seconds.
        """
        if self._seconds is None:
            return
        with contextlib.suppress(OpsLabError):  # a node that stopped and a venue that is gone are told otherwise
            if self._asked is not None and not self._is_answered(pump):
                return
            deadline = self._now() + GRACE_SECONDS
            while self._is_answered(pump) and self.has_pending and (left := deadline - self._now()) > 0:
                pump(left)

    def _is_answered(self, pump: Callable[[float], object]) -> bool:
        """Ask, unless that was done, and let the node work until the answer came or was told to be missing."""
        if self._asked is None:
            self._ask(self._now())
        deadline = self._now() + ANSWER_SECONDS + GRACE_SECONDS + 2 * LOOK_SECONDS
        while True:
            self._hear(self._now())
            if self._asked is None:
                return True
            if (left := deadline - self._now()) <= 0:
                return False
            pump(min(left, LOOK_SECONDS))

    def _ask(self, now: float) -> None:
        self._asked = now
        threading.Thread(target=self._read, name="opslab-reconciling", daemon=True).start()

    def _hear(self, now: float) -> None:
        try:
            answer = self._answers.get_nowait()
        except Empty:
            if self._asked is not None and now - self._asked >= ANSWER_SECONDS:
                why = f"the books were not told within {ANSWER_SECONDS:g} s"
                self._tell(self._following.cannot_tell(self._now_ms(), "venue", why), None)
            return
        self._asked = None
        if isinstance(answer, OpsLabError):
            self._tell(self._following.cannot_tell(self._now_ms(), "venue", one_line(answer, 200)), None)
        else:
            self.compare(answer)
        wait = self._seconds or 0.0
        pause = max(self._cost / SHARE, min(wait, LOOK_SECONDS) if self.has_pending else wait)
        if self._limit is not None:
            pause = min(pause, self._limit.limit_seconds / 2)
        self._due = self._now() + pause

    def _read(self) -> None:
        try:
            self._answers.put(self._sources.books())
        except OpsLabError as error:
            self._answers.put(error)
        except Exception as error:  # noqa: BLE001 - it belongs to whoever waits for the answer
            self._answers.put(OpsLabError(f"{type(error).__name__}: {one_line(error, 200)}"))

    def _judge(self) -> None:
        if self._limit is not None:
            self._firing.fire(self._limit.read(self._following.differ_ms(self._now_ms())))
        if self._firing.is_pending:
            self._firing.retry()

    def _tell(self, change: Change | None, views: Views | None) -> None:
        if change is None:
            return
        told = [
            DifferenceTold(
                view=view,
                kind=item.kind,
                subject=item.subject,
                key=item.key,
                expected=item.expected,
                observed=item.observed,
            ).to_dict()
            for view, item in change.differences[:TOLD]
        ]
        facts = {
            "agree": change.agree,
            "since_ms": change.since_ms,
            "differences": told,
            "differences_total": len(change.differences),
        }
        self._sources.tell(EVENT, facts)
        self._sources.changed(change.differences, views or {})

    def _now_ms(self) -> int:
        return int(self._now() * 1000)
