"""The hub: which connection listens to what, and what leaves on it when the ledger or the market changes.

Everything happens at once, on the venue's loop, in the order of the exchange's events; nothing waits for a client.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from opslab.errors import one_line
from opslab.venue.market import BookDelta, Kline, MarkPrice, Quote
from opslab.venue.stream.market_log import MarketRuns, update_id
from opslab.venue.stream.names import stream_name
from opslab.venue.stream.owner import owner_of
from opslab.venue.views import PublicTrade
from opslab.venue.wire import Message
from opslab.venue.writing import Unwritable, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opslab.venue.events import LedgerEvent
    from opslab.venue.faults.base import Outgoing
    from opslab.venue.stream.connection import Connection
    from opslab.venue.stream.feed import Feed
    from opslab.venue.stream.listen_keys import ListenKey, ListenKeys
    from opslab.venue.views import Published
    from opslab.venue.wire import WireLog

MOVED: dict[type, frozenset[str]] = {
    PublicTrade: frozenset({"trade", "aggTrade", "ticker", "miniTicker", "avgPrice"}),
    BookDelta: frozenset({"depth", "levels"}),
    Quote: frozenset({"bookTicker"}),
    Kline: frozenset({"kline"}),
    MarkPrice: frozenset({"markPrice"}),
}
"""Which kinds of streams a public change moves, in either market."""


class Api(Protocol):
    """A connection to the WebSocket API, which may listen to accounts."""

    def events(self, account: str, payload: dict[str, Any]) -> list[dict[str, Any]]:
        """Return an account's message as it stands on the wire, once for each subscription."""
        ...

    def end_streams(self) -> list[dict[str, Any]]:
        """End every subscription and return what the client is told."""
        ...


class Hub:
    """Connects the exchange's events with the connections.

    Args:
        feed: makes the payloads.
        keys: the listen keys.
        leaving: the fault gate's door for messages.
        wire: the wire log.
        is_quiet: whether no fault is in force, so that ``leaving`` need not be asked about public messages.
    """

    def __init__(
        self,
        feed: Feed,
        keys: ListenKeys,
        leaving: Callable[[Message], list[Outgoing]],
        wire: WireLog,
        is_quiet: Callable[[], bool] = lambda: False,
    ) -> None:
        self._is_quiet = is_quiet
        self._feed, self._keys, self._leaving, self._wire = feed, keys, leaving, wire
        self.connections: dict[int, Connection] = {}
        self.runs = MarketRuns(wire)
        self._by_stream: dict[str, dict[int, Connection]] = {}
        self._by_symbol: dict[str | None, dict[str, str]] = {}
        self.apis: dict[int, Api] = {}

    # -- who listens to what -------------------------------------------------------------------------------------------

    def join(self, connection: Connection) -> None:
        """Take a new connection in, with the streams of its address."""
        self.connections[connection.socket.number] = connection
        self.changed(connection, ())

    def leave(self, connection: Connection) -> None:
        """Forget a connection that ended."""
        if self.connections.pop(connection.socket.number, None) is not None:
            self._drop(connection, connection.subscriptions.streams)
            self.runs.flush(connection.socket.number)

    def changed(self, connection: Connection, before: Iterable[str]) -> None:
        """Take notice of a connection's subscriptions, which were ``before``."""
        now = dict.fromkeys(connection.subscriptions.streams)
        self._drop(connection, [stream for stream in before if stream not in now])
        for stream in now:
            self._by_stream.setdefault(stream, {})[connection.socket.number] = connection
            name = stream_name(stream)
            if name is not None:
                self._by_symbol.setdefault(name.symbol, {})[stream] = name.kind

    def time_is(self, now_ms: int) -> None:
        """End the connections that are too old by the venue's time."""
        for connection in tuple(self.connections.values()):
            connection.time_is(now_ms)

    # -- what happens --------------------------------------------------------------------------------------------------

    def ledger_event(self, event: LedgerEvent) -> None:
        """Tell the account that it is about."""
        if not self.connections:
            return
        account = owner_of(event)
        receivers = self._receivers(account)
        if not receivers:
            return
        for data in self._feed.account_messages(event):
            for connection in receivers:
                self._tell(connection, account, data)

    def published(self, published: Published) -> None:
        """Tell everybody who listens to it."""
        if not self._by_stream:
            return
        event = published.event
        moved = MOVED.get(type(event))
        for symbol in (event.symbol, None):
            streams = self._by_symbol.get(symbol)
            if not streams:
                continue
            for stream, kind in streams.items():
                if moved is not None and kind not in moved:
                    continue
                data = self._feed.market_message(stream, published)
                if data is not None:
                    self._publish(stream, data)

    def expired(self, key: ListenKey) -> None:
        """Tell a listen key's connections that it has run out; they stay open and carry nothing more of it.

        Source: USD-M futures, "Event: User Data Stream Expired": the event has nothing to do with disconnecting.
        """
        data = self._feed.expired_message(key)
        for connection in list(self._by_stream.get(key.key, {}).values()):
            self._tell(connection, key.account, data)

    def ended(self, key: ListenKey) -> None:
        """Close the connections that listen to nothing but a key that its account has ended."""
        for connection in list(self._by_stream.get(key.key, {}).values()):
            if connection.subscriptions.streams == (key.key,):
                connection.close(1000, "listenKey closed")

    def end_api_streams(self, account: str, *, silent: bool) -> bool:
        """End the user streams of API connections that listen to an account; returns whether there were any."""
        found = [number for number, api in self.apis.items() if api.events(account, {})]
        for number in found:
            connection = self.connections[number]
            for message in self.apis[number].end_streams():
                if not silent and connection.is_open:
                    self._wire.add("out", socket=number, stream="eventStreamTerminated", data=message)
                    connection.send(written(message))
        return bool(found)

    def send(self, message: Message) -> None:
        """Send a message past the gate, if its connection is open; what cannot be written is told as an error."""
        connection = self.connections.get(message.socket.number)
        if connection is None or not connection.is_open:
            return
        try:
            contents = [written(wrapped) for wrapped in self._wrapped(connection, message)]
        except Unwritable as error:
            event = f"socket {message.socket.number} {message.stream}"
            self._wire.add("error", error=type(error).__name__, message=one_line(error), event=event)
            return
        if message.socket.kind == "market":
            self.runs.note(message.socket.number, message.stream, update_id(message.stream, message.data))
        else:
            self._wire.add("out", socket=message.socket.number, stream=message.stream, data=_logged(message.data))
        for content in contents:
            connection.send(content)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _receivers(self, account: str) -> list[Connection]:
        key = self._keys.key_of(account)
        found = list(self._by_stream.get(key, {}).values()) if key is not None else []
        return [*found, *(self.connections[number] for number, api in self.apis.items() if api.events(account, {}))]

    def _tell(self, connection: Connection, account: str, data: dict[str, Any]) -> None:
        socket = connection.socket
        if socket.kind == "market":  # it subscribed to a listen key later; faults of user streams touch it too
            socket = replace(socket, kind="user", account=account)
        elif socket.account != account:
            socket = replace(socket, account=account)
        for outgoing in self._leaving(Message(socket, str(data.get("e", "")), data)):
            self.send(outgoing.message)

    def _publish(self, stream: str, data: Any) -> None:
        raw, combined, identity = b"", b"", None
        is_quiet = self._is_quiet()
        for connection in list(self._by_stream[stream].values()):
            if not is_quiet and self._is_touched(connection, stream, data):
                continue
            if not raw:
                raw, identity = written(data), update_id(stream, data)
                combined = b'{"stream":%b,"data":%b}' % (written(stream), raw)
            if connection.is_open:
                self.runs.note(connection.socket.number, stream, identity)
                connection.send(combined if connection.subscriptions.is_combined else raw)

    def _is_touched(self, connection: Connection, stream: str, data: Any) -> bool:
        """Ask the gate about a public message; when a fault touched it, send what became of it."""
        message = Message(_as_market(connection), stream, data)
        sent = self._leaving(message)
        if len(sent) == 1 and sent[0].message is message:
            return False
        for outgoing in sent:
            self.send(outgoing.message)
        return True

    def _wrapped(self, connection: Connection, message: Message) -> list[Any]:
        api = self.apis.get(connection.socket.number)
        if api is not None:
            return api.events(message.socket.account or "", message.data) or [message.data]
        if not connection.subscriptions.is_combined:
            return [message.data]
        stream = message.stream
        if message.socket.kind == "user":
            keys = [name for name in connection.subscriptions.streams if stream_name(name) is None]
            alive = self._keys.key_of(message.socket.account or "")
            stream = alive if alive in keys else next(iter(keys), stream)
        return [{"stream": stream, "data": message.data}]

    def _drop(self, connection: Connection, streams: Iterable[str]) -> None:
        for stream in streams:
            found = self._by_stream.get(stream, {})
            found.pop(connection.socket.number, None)
            if found:
                continue
            self._by_stream.pop(stream, None)
            name = stream_name(stream)
            if name is not None:
                self._by_symbol.get(name.symbol, {}).pop(stream, None)


def _as_market(connection: Connection) -> Any:
    socket = connection.socket
    return socket if socket.kind == "market" else replace(socket, kind="market", account=None)


def _logged(data: dict[str, Any]) -> dict[str, Any]:
    return data | {"listenKey": "***"} if "listenKey" in data else data
