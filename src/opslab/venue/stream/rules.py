"""What Binance demands of a WebSocket client, as settings of the venue.

Sources: "WebSocket Streams" (spot) and "Websocket Market Streams" (USD-M futures) of Binance's API documents: futures
pings every 3 minutes, wants a pong within 10 and takes unsolicited ones; spot pings every 20 seconds, wants a pong with
the ping's payload within a minute; both end a connection after 24 hours and allow 1024 streams on one.
"""

from __future__ import annotations

from dataclasses import dataclass

from opslab.venue.orders import Market


@dataclass(frozen=True, slots=True)
class SocketRules:
    """Limits of one WebSocket.

    Attributes:
        ping_seconds: time between two pings of the venue.
        pong_seconds: the longest that it waits for a pong, then it disconnects.
        must_echo: only a pong with the payload of a ping counts.
        life_seconds: a connection is cut when it is this old.
        messages_per_second: a client that sends more (pings and pongs count) is disconnected.
        max_streams: streams on one connection.
        max_message_bytes: a larger message of a client ends the connection with code 1009.
        max_unsent_bytes: a client that does not read is cut when this much waits for it.
        max_sockets: a venue takes no more connections at once.
    """

    ping_seconds: float
    pong_seconds: float
    must_echo: bool
    messages_per_second: int
    life_seconds: float = 24 * 3600.0
    max_streams: int = 1024
    max_message_bytes: int = 64 << 10
    max_unsent_bytes: int = 8 << 20
    max_sockets: int = 10_000


FUTURES_RULES = SocketRules(ping_seconds=180.0, pong_seconds=600.0, must_echo=False, messages_per_second=10)
SPOT_RULES = SocketRules(ping_seconds=20.0, pong_seconds=60.0, must_echo=True, messages_per_second=5)


def rules_of(market: Market) -> SocketRules:
    """Return Binance's own limits of a market."""
    return FUTURES_RULES if market is Market.FUTURES else SPOT_RULES
