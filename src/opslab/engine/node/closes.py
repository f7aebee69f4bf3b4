"""What leaves a spot node while new risk is forbidden is written down first, for whoever empties the account beside it.

On spot nothing but its size keeps a sale from taking what was held before: two who close the same position sell it
twice. Each writes its intent where the other reads it (``safety.flatten.log``). A request of the adapter bears the time
that was written down and a short ``recvWindow``: by when the venue takes it, the reader knows, even if this process
stands still between the writing and the sending.

The engine believes in a position that somebody sold past it. Once anybody closed past the engine, its own closes do not
leave any more: the venue itself is asked what is held, and what is left is ended there.
"""

from __future__ import annotations

import contextlib
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance.http.error import BinanceClientError, BinanceError

from opslab.engine.guards.fates import fate
from opslab.errors import EngineError, OpsLabError
from opslab.safety.ambiguity import Fate
from opslab.safety.flatten.log import Intent, IntentFile, settled
from opslab.safety.flatten.talk import CLOSE_WINDOW_MS
from opslab.safety.guard import refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

_ENDED = ("FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED")
_STAMP: ContextVar[str | None] = ContextVar("opslab_close_stamp", default=None)
"""The time that the request of this task bears; None: the adapter's own clock says."""


class Closes:
    """Sends what closes through the engine, written down before.

    Args:
        account: the adapter's account API.
        directory: where intents of the account are written down.

    Raises:
        EngineError: the adapter stamps its requests in another way.
    """

    def __init__(self, account: Any, directory: Path) -> None:
        stamp = getattr(account, "_timestamp", None)
        if stamp is None:
            fix = "use the version of NautilusTrader that the lab was built for"
            raise EngineError("the adapter has no _timestamp: its closes could come in at any time", fix=fix)
        self._now: Callable[[], str] = stamp
        self._log = IntentFile.of_node(directory)
        account._timestamp = lambda: _STAMP.get() or stamp()  # noqa: SLF001 - the request bears what was written down

    async def send(self, send: Callable[..., Awaitable[Any]], words: dict[str, Any], cause: str) -> Any:
        """Write an order down and send it, unless somebody else closes or closed; raises what the adapter raises.

        Args:
            send: the adapter's ``new_order``.
            words: what it is given.
            cause: why new risk is forbidden.
        """
        stamp = self._now()
        window = min(int(words.get("recv_window") or CLOSE_WINDOW_MS), CLOSE_WINDOW_MS)
        intent = _intent(words, int(stamp) + window)
        self._write(intent)
        if why := self._why_not():
            self._write(settled(intent))
            raise BinanceClientError(None, refusal(cause, why), {})  # without a code the adapter does not try again
        token = _STAMP.set(stamp)
        try:
            answer = await send(**{**words, "recv_window": str(window)})
        except BinanceError as error:
            if fate(error) is Fate.REFUSED:
                self._write(settled(intent))
            raise
        finally:
            _STAMP.reset(token)
        status = getattr(answer, "status", None)
        if getattr(status, "value", status) in _ENDED:
            self._write(settled(intent))
        return answer

    def _why_not(self) -> str | None:
        """Return who closes beside the engine; in doubt somebody does."""
        mine = {one.attempt for one in self._log.intents()}
        try:
            theirs = [one for one in self._log.others() if one.attempt not in mine]
        except OpsLabError as error:
            return f"nobody can tell what was closed past the engine: {error}"
        return f"{theirs[-1].client_order_id} closes past the engine" if theirs else None

    def _write(self, intent: Intent) -> None:
        with contextlib.suppress(OpsLabError):  # a full disk keeps no position from being closed
            self._log.write([intent])


def _intent(words: dict[str, Any], dead_ms: int) -> Intent:
    side = getattr(words["side"], "value", words["side"])
    quantity = words.get("quantity") or words.get("quote_order_qty")
    return Intent(str(words["new_client_order_id"]), str(words["symbol"]), str(side), "BOTH", str(quantity), dead_ms)
