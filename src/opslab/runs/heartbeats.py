"""The heartbeats of a paper run: told when a third, two thirds and all of its bound are reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.events import Status
from opslab.contract.paper_events import PaperHeartbeat

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.events import PaperCounters
    from opslab.runs.life import Life
    from opslab.store.writer import BundleWriter

HEARTBEATS = 3
"""As in the contract."""


class Heartbeats:
    """Tells the heartbeats of one run, each once.

    Args:
        writer: the run's bundle.
        life: the run's identity.

    Attributes:
        count: how many were told.
    """

    def __init__(self, writer: BundleWriter, life: Life) -> None:
        self._writer, self._life = writer, life
        self.count = 0

    def beat(self, share: float, counters: Callable[[], PaperCounters]) -> None:
        """Tell those that are due.

        Args:
            share: how much of the bound is reached, from 0 to 1.
            counters: what the node did so far.
        """
        while self.count < HEARTBEATS and share >= (self.count + 1) / HEARTBEATS:
            self.count += 1
            self._writer.append(
                PaperHeartbeat(
                    **self._life.base(Status.RUNNING),
                    heartbeat_index=self.count,
                    heartbeat_total=HEARTBEATS,
                    counters=counters(),
                )
            )
