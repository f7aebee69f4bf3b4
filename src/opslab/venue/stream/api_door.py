"""Connections to the WebSocket API on their sockets: each request is answered on its own, so that one may hang."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opslab.errors import one_line
from opslab.venue.faults.base import Hang
from opslab.venue.stream.connection import ABNORMAL
from opslab.venue.stream.ws_api import ApiConnection, failed
from opslab.venue.writing import Unwritable, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.venue.faults.base import Reset
    from opslab.venue.http.admission import Desk
    from opslab.venue.stream.connection import Connection
    from opslab.venue.stream.hub import Hub
    from opslab.venue.wire import WireLog


class ApiSocket:
    """One connection.

    Args:
        connection: its socket.
        api: answers its requests.
        hub: is told which accounts it listens to.
        wire: the wire log; what came in and the bodies of replies are written by the desk.
    """

    def __init__(self, connection: Connection, api: ApiConnection, hub: Hub, wire: WireLog) -> None:
        self._connection, self._api, self._hub, self._wire = connection, api, hub, wire
        self._tasks: set[asyncio.Task[None]] = set()
        hub.apis[connection.socket.number] = api

    def receive(self, text: str | bytes) -> None:
        """Begin to answer a message of the client."""
        task = asyncio.get_running_loop().create_task(self._answer(text))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Forget the connection, which has ended, and what it still waits for."""
        self._hub.apis.pop(self._connection.socket.number, None)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _answer(self, text: str | bytes) -> None:
        outcome: list[dict[str, Any]] | Hang | Reset = await self._api.answer(text)
        if isinstance(outcome, list):
            for message in outcome:
                self._send(message)
        elif not isinstance(outcome, Hang):
            self._connection.close(ABNORMAL, "reset by a fault")
        account = self._api.session.account or next(iter(self._api.session.subscriptions.values()), None)
        if account != self._connection.socket.account:
            self._connection.socket = replace(self._connection.socket, account=account)

    def _send(self, message: dict[str, Any]) -> None:
        if not self._connection.is_open:
            return
        number = self._connection.socket.number
        try:
            content = written(message)
        except Unwritable as error:
            self._wire.add("error", error=type(error).__name__, message=str(error), event=f"socket {number}")
            message = failed(message.get("id"))
            content = written(message)
        shown = {
            name: message[name] for name in ("id", "status", "error", "subscriptionId", "event") if name in message
        }
        self._wire.add("out", socket=number, stream="", data=shown)
        self._connection.send(content)


def api_door(desk: Desk, hub: Hub, wire: WireLog, now_ms: Callable[[], int]) -> Callable[[Connection, str], ApiSocket]:
    """Return what takes a new connection in, with the query of its address."""

    def note(error: Exception, event: str) -> None:
        wire.add("error", error=type(error).__name__, message=one_line(error), event=event)

    def open_door(connection: Connection, query: str) -> ApiSocket:
        returns_limits = "returnRateLimits=false" not in query.split("&")
        api = ApiConnection(desk, now_ms, connection.socket.remote, returns_limits=returns_limits, note=note)
        return ApiSocket(connection, api, hub, wire)

    return open_door
