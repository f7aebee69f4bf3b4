"""How the wire log tells of public messages: in runs, by socket, stream, count and update ids.

A message of a public stream is known by its update id, which the venue's own records have too; its payload is not
written. A run ends after a second, with its socket, and where a fault touched a message (the gate writes which).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.stream.names import stream_name

if TYPE_CHECKING:
    from opslab.venue.wire import WireLog

_ID_FIELDS = {"trade": "t", "aggTrade": "a", "bookTicker": "u", "depth": "u", "levels": "lastUpdateId"}


def update_id(stream: str, data: Any) -> Any:
    """Return what names a public message within its stream: a trade or update id, else its time."""
    if isinstance(data, list):
        data = data[0] if data else {}
    name = stream_name(stream)
    field = _ID_FIELDS.get(name.kind, "E") if name is not None else "E"
    found = data.get(field)
    return data.get("u", data.get("E")) if found is None else found


class MarketRuns:
    """Counts public messages and writes the runs.

    Args:
        wire: the wire log.
    """

    def __init__(self, wire: WireLog) -> None:
        self._wire = wire
        self._runs: dict[tuple[int, str], list[Any]] = {}

    def note(self, socket: int, stream: str, identity: Any) -> None:
        """Count a message that leaves on a socket."""
        run = self._runs.get((socket, stream))
        if run is None:
            self._runs[socket, stream] = [1, identity, identity]
        else:
            run[0] += 1
            run[2] = identity

    def flush(self, socket: int | None = None) -> None:
        """Write the runs of a socket (None: of all) and begin new ones."""
        for key in [key for key in self._runs if socket is None or key[0] == socket]:
            count, first, last = self._runs.pop(key)
            self._wire.add("market", socket=key[0], stream=key[1], count=count, first=first, last=last)
