"""Verbs at the venue itself: its clock, listen keys, and what happens to accounts without their owner's program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.faults.inert import Inert

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.levers import Commands, Levers


class ClockOffset(Inert):
    """Puts the venue's clock off while it is in force; the offset from before comes back.

    Args:
        name: see ``Inert``.
        offset_ms: added to the offset that the clock has.
    """

    def __init__(self, name: str, offset_ms: int) -> None:
        super().__init__(name)
        self._offset_ms = offset_ms

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Set it."""
        before = levers.set_clock_offset(0)
        levers.set_clock_offset(before + self._offset_ms)
        return [{"effect": "clock", "offset_ms": before + self._offset_ms}]

    def end(self, levers: Levers) -> None:
        """Take off what was added: another fault may have moved the clock meanwhile."""
        now = levers.set_clock_offset(0)
        levers.set_clock_offset(now - self._offset_ms)


class ExpireListenKey(Inert):
    """Expires listen keys.

    Args:
        name: see ``Inert``.
        account: whose; None: all.
        silent: without ``listenKeyExpired``: the stream only goes quiet.
    """

    def __init__(self, name: str, account: str | None, *, silent: bool) -> None:
        super().__init__(name)
        self._account, self._silent = account, silent

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Expire them."""
        return [
            {"effect": "expire", "account": account, "silent": self._silent}
            for account in levers.expire_listen_key(self._account, silent=self._silent)
        ]


class Command(Inert):
    """Gives the exchange a command out of band, such as a liquidation; it may refuse.

    Args:
        name: see ``Inert``.
        give: gives the command.
        facts: what the journal says of it.
        undo: is asked before the command what will take it back when the fault is healed; None: it stays done.
    """

    deferred = True

    def __init__(
        self,
        name: str,
        give: Callable[[Commands], object],
        facts: dict[str, Any],
        undo: Callable[[Commands], Callable[[], object]] | None = None,
    ) -> None:
        super().__init__(name)
        self._give, self._ask_undo, self._facts = give, undo, facts
        self._undo: Callable[[], object] | None = None

    def begin(self, levers: Levers) -> list[dict[str, Any]]:
        """Give it."""
        undo = self._ask_undo(levers.exchange) if self._ask_undo is not None else None
        self._give(levers.exchange)
        self._undo = undo
        return [{"effect": "command", **self._facts}]

    def end(self, levers: Levers) -> None:
        """Take it back, unless it was refused."""
        del levers
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()


def restoring[T](
    read: Callable[[Commands], T], put: Callable[[Commands, T], object], value: T
) -> Callable[[Commands], Callable[[], object]]:
    """Return an ``undo`` for a setting: what was there comes back, unless somebody has set something else meanwhile.

    Args:
        read: returns the setting as it stands.
        put: sets it.
        value: what the fault sets.
    """

    def ask(exchange: Commands) -> Callable[[], object]:
        before = read(exchange)

        def undo() -> None:
            if read(exchange) == value:
                put(exchange, before)

        return undo

    return ask
