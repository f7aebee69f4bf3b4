"""Dead man's switches: a countdown that cancels an account's open orders unless the client renews it.

Source: "Auto-Cancel All Open Orders", POST /fapi/v1/countdownCancelAll.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable


class Countdowns:
    """Keeps the deadlines and calls for cancellation when one has passed.

    Args:
        cancel_all: cancels the open orders of an account in a symbol.
    """

    def __init__(self, cancel_all: Callable[[str, str], object]) -> None:
        self._cancel_all = cancel_all
        self._deadlines: dict[tuple[str, str], int] = {}

    def set(self, account: str, symbol: str, deadline_ms: int | None) -> None:
        """Begin, renew or (with None) end a countdown; times are the venue's Unix milliseconds."""
        self._deadlines.pop((account, symbol), None)
        if deadline_ms is not None:
            self._deadlines[account, symbol] = deadline_ms

    def next_ms(self) -> int | None:
        """Return the earliest deadline, None without one."""
        return min(self._deadlines.values(), default=None)

    def tick(self, now_ms: int) -> None:
        """Cancel what is due, earliest deadline first."""
        if not self._deadlines:
            return
        due = sorted((deadline, key) for key, deadline in self._deadlines.items() if deadline <= now_ms)
        for _, key in due:
            del self._deadlines[key]
            with suppress(Refusal):  # the symbol is gone since
                self._cancel_all(*key)
