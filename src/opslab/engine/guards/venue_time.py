"""The venue's clock, as a node knows it: asked several times, the way there and back halved."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opslab.engine.guards.ticking import require_names
from opslab.safety.skew import Sample, Skew

if TYPE_CHECKING:
    from opslab.safety.skew import Estimate


class VenueTime:
    """Asks a venue for its time.

    Args:
        client: a client of the adapter; its market API is asked, and its clock is ours.
        guard: who asks, for messages.
        seconds: the longest to wait for an answer.

    Raises:
        EngineError: the adapter cannot be asked.

    Attributes:
        failures: questions in a row that were not answered.
    """

    def __init__(self, client: Any, guard: str, seconds: float) -> None:
        require_names(client, ("_http_market", "_clock"), guard)
        require_names(client._http_market, ("request_server_time",), guard)  # noqa: SLF001 - the adapter's own API
        self._market, self._clock, self._seconds = client._http_market, client._clock, seconds  # noqa: SLF001
        self._skew = Skew()
        self.failures = 0

    async def ask(self) -> bool:
        """Take one sample; return whether the venue answered."""
        sent = self._clock.timestamp_ms()
        try:
            answered = await asyncio.wait_for(self._market.request_server_time(), self._seconds)
            self._skew.add(Sample(sent, float(answered), self._clock.timestamp_ms()))
        except Exception:  # noqa: BLE001 - whatever hinders the answer, there is none
            self.failures += 1
            return False
        self.failures = 0
        return True

    def estimate(self) -> Estimate | None:
        """Return how far apart the clocks are; None while too little is known."""
        return self._skew.estimate()

    def now_ms(self) -> float | None:
        """Return the venue's time in Unix milliseconds; None while it is not known."""
        found = self.estimate()
        return None if found is None else self._clock.timestamp_ms() + found.offset_ms
