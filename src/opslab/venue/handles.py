"""The venue's handles for faults: see ``faults.levers.Levers``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opslab.venue.clock import VenueClock
    from opslab.venue.exchange import Exchange
    from opslab.venue.stream.connection import Connection
    from opslab.venue.stream.hub import Hub
    from opslab.venue.stream.listen_keys import ListenKeys
    from opslab.venue.wire import Message, Socket


class Handles:
    """What faults may do to the venue itself; on the venue's loop only.

    Args:
        exchange: the core.
        hub: the connections.
        keys: the listen keys.
        clock: the venue's clock.
        accounts: names of the accounts.
    """

    def __init__(
        self, exchange: Exchange, hub: Hub, keys: ListenKeys, clock: VenueClock, accounts: tuple[str, ...]
    ) -> None:
        self._exchange, self._hub, self._keys, self._clock, self._accounts = exchange, hub, keys, clock, accounts

    @property
    def exchange(self) -> Exchange:
        """The exchange."""
        return self._exchange

    def now_ms(self) -> int:
        """Return the venue's time, Unix milliseconds."""
        return self._clock.now_ms()

    def send(self, message: Message) -> None:
        """Send a message past the gate, in turn, if its socket is still open."""
        self._hub.send(message)

    def sockets(self) -> list[Socket]:
        """Return the open WebSockets, oldest first."""
        return [connection.socket for connection in self._hub.connections.values()]

    def close_sockets(self, wanted: Callable[[Socket], bool], code: int, reason: str = "") -> list[Socket]:
        """Close WebSockets with ``code``; 1006 aborts their TCP connections."""
        return [self._closed(connection, code, reason) for connection in self._wanted(wanted)]

    def freeze_sockets(self, wanted: Callable[[Socket], bool]) -> list[Socket]:
        """Neither read nor write on WebSockets from now on; they stay open."""
        touched = []
        for connection in self._wanted(wanted):
            connection.freeze()
            touched.append(connection.socket)
        return touched

    def ping_sockets(self, wanted: Callable[[Socket], bool], payload: bytes) -> list[Socket]:
        """Send a ping with ``payload``, at most 125 bytes."""
        touched = []
        for connection in self._wanted(wanted):
            connection.ping(payload)
            touched.append(connection.socket)
        return touched

    def expire_listen_key(self, account: str | None, *, silent: bool) -> list[str]:
        """Expire the listen keys of an account (None: all), with or without ``listenKeyExpired``.

        User streams of the WebSocket API, which have no key, end too, with or without ``eventStreamTerminated``.
        """
        touched = []
        for name in self._accounts if account is None else (account,):
            key = self._keys.expire(name)
            if key is not None and not silent:
                self._hub.expired(key)
            if self._hub.end_api_streams(name, silent=silent) or key is not None:
                touched.append(name)
        return touched

    def set_clock_offset(self, offset_ms: int) -> int:
        """Put the venue's clock ahead of the machine's, or behind with a negative; return the offset before."""
        before, self._clock.offset_ms = self._clock.offset_ms, offset_ms
        return before

    def _wanted(self, wanted: Callable[[Socket], bool]) -> Iterator[Connection]:
        for connection in list(self._hub.connections.values()):
            if connection.end is None and wanted(connection.socket):
                yield connection

    def _closed(self, connection: Connection, code: int, reason: str) -> Socket:
        connection.close(code, reason)
        return connection.socket
