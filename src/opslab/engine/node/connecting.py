"""Why an execution client did not connect: the engine only logs it, and waits until the time for it is over."""

from __future__ import annotations

from typing import Any

from opslab.errors import one_line

HEDGED = (
    "the account is in hedge mode, and use_reduce_only is true, with which the adapter does not start there: "
    "set use_reduce_only=False, or put the account into one-way mode"
)


class Connecting:
    """Remembers what raised while clients connected; it changes nothing of what they do.

    Attributes:
        reason: the first trouble in one line; empty while there is none.
    """

    def __init__(self) -> None:
        self.reason = ""

    @property
    def why(self) -> str:
        """What follows "did not connect" in a message."""
        return f": {self.reason}" if self.reason else ""

    def around(self, client: Any) -> None:
        """Remember what raises while ``client`` connects; one that connects in another way stays untold."""
        connect = getattr(client, "_connect", None)
        if connect is None:
            return

        async def connected() -> None:
            try:
                await connect()
            except Exception as error:
                self.reason = self.reason or reason_of(client, error)
                raise

        client._connect = connected  # noqa: SLF001 - the engine hears of no other place


def reason_of(client: Any, error: Exception) -> str:
    """Return in one line why a client did not connect.

    Binance takes no ``reduceOnly`` in hedge mode ("New Order", USD-M futures): the adapter refuses to start with it.

    Args:
        client: the adapter's execution client.
        error: what raised.
    """
    if getattr(client, "_is_dual_side_position", None) and getattr(client, "_use_reduce_only", None):
        return HEDGED
    return one_line(f"{type(error).__name__}: {error}", 300)
