"""What the streams of a market carry: the payload functions of spot or futures behind one face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.orders import Market
from opslab.venue.stream import futures_events, futures_market, spot_events, spot_market

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.events import LedgerEvent
    from opslab.venue.exchange import Exchange
    from opslab.venue.stream.listen_keys import ListenKey
    from opslab.venue.views import Published


class Feed:
    """Makes payloads.

    Args:
        market: which market's.
        exchange: the core, which knows how the numbers of a symbol are written.
        now_ms: the venue's time.
    """

    def __init__(self, market: Market, exchange: Exchange, now_ms: Callable[[], int]) -> None:
        self._exchange, self._now_ms = exchange, now_ms
        is_spot = market is Market.SPOT
        self._payloads = spot_events.payloads if is_spot else futures_events.payloads
        self._expired = spot_events.listen_key_expired if is_spot else futures_events.listen_key_expired
        self._market = spot_market.stream_payload if is_spot else futures_market.stream_payload

    def account_messages(self, event: LedgerEvent) -> list[dict[str, Any]]:
        """Return the user stream's messages of a ledger event, in order; each is named by its ``e``."""
        return self._payloads(event, self._exchange)

    def market_message(self, stream: str, published: Published) -> Any:
        """Return a public stream's message of a public change, None when that stream says nothing of it."""
        return self._market(stream, published, self._exchange, self._now_ms())

    def expired_message(self, key: ListenKey) -> dict[str, Any]:
        """Return what is said when a listen key has run out."""
        return self._expired(key.key, self._now_ms())
