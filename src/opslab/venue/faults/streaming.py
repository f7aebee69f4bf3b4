"""Verbs at the door of messages: drop, delay, hold, duplicate, reorder, mutate."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

from opslab.venue.faults.base import Outgoing
from opslab.venue.faults.inert import Inert

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.levers import Levers
    from opslab.venue.faults.target import Target


class DropMessages(Inert):
    """Sends none of the messages that it touches."""

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Drop it."""
        del outgoing
        return []


class DelayMessages(Inert):
    """Sends messages later, in their order.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        seconds: how much later; infinite: when the fault is healed.
        growing: seconds that each further message is later than the one before.
        drops_kept: whether what waits is dropped when the fault is healed, instead of being sent then.
    """

    def __init__(
        self,
        name: str,
        target: Target,
        seconds: float = math.inf,
        growing: float = 0.0,
        *,
        drops_kept: bool = False,
    ) -> None:
        super().__init__(name, target)
        self._first = self._seconds = seconds
        self._growing = growing
        self.drops_kept = drops_kept

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Grow from the first delay on, whatever it had grown to the last time."""
        del levers
        self._seconds = self._first
        return []

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Keep it back."""
        delay, self._seconds = self._seconds, self._seconds + self._growing
        return [Outgoing(outgoing.message, delay=delay)]


class DuplicateMessages(Inert):
    """Sends messages several times.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        copies: how many more.
        seconds: how much later the copies are sent.
    """

    def __init__(self, name: str, target: Target, copies: int = 1, seconds: float = 0.0) -> None:
        super().__init__(name, target)
        self._copies, self._seconds = copies, seconds

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Send it, and again."""
        return [outgoing, *[Outgoing(outgoing.message, delay=self._seconds)] * self._copies]


class ReorderMessages(Inert):
    """Lets later messages of a socket overtake one, again and again.

    Args:
        name: see ``Inert``.
        target: see ``Inert``; only messages that it touches overtake.
        behind: how many overtake.
    """

    def __init__(self, name: str, target: Target, behind: int = 1) -> None:
        super().__init__(name, target)
        self._behind = behind

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Keep it until so many others have gone; the gate asks about none of those."""
        return [Outgoing(outgoing.message, behind=self._behind)]


class EditedMessages(Inert):
    """Changes what messages say.

    Args:
        name: see ``Inert``.
        target: see ``Inert``.
        edit: returns the data to send instead; None leaves the message alone. It must not change its argument.
    """

    def __init__(self, name: str, target: Target, edit: Callable[[Any], Any | None]) -> None:
        super().__init__(name, target)
        self._edit = edit

    def message(self, outgoing: Outgoing) -> list[Outgoing] | None:
        """Send the changed message."""
        if (data := self._edit(outgoing.message.data)) is None:
            return None
        return [Outgoing(dataclasses.replace(outgoing.message, data=data))]
