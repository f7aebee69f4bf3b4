"""What a WebSocket's address asks for: which door, which streams, wrapped or raw.

Sources: Binance's "WebSocket Streams" (spot), "Websocket Market Streams" and "User Data Streams" (USD-M futures, with
the routes /public, /market and /private) and "WebSocket API". Any prefix is taken: base URLs may have a path.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

_API_WORDS = ("ws-api", "ws-fapi")


@dataclass(frozen=True, slots=True)
class Address:
    """What was asked for.

    Attributes:
        door: ``stream``, or ``api`` for the WebSocket API.
        streams: stream names and listen keys, in order, each once.
        is_combined: whether messages are wrapped in ``{"stream", "data"}``.
        path: for the log: the path without the streams, which may hold a listen key.
    """

    door: str
    streams: tuple[str, ...] = ()
    is_combined: bool = False
    path: str = "/"


def read_address(path: str, query: str) -> Address | None:
    """Return what the address of a WebSocket asks for, None when no door is there.

    Args:
        path: percent-encoded path, such as ``/ws/btcusdt@bookTicker``.
        query: percent-encoded query without the question mark.
    """
    parts = [unquote(part, errors="replace") for part in path.split("/") if part]
    fields = parse_qs(query, keep_blank_values=False, errors="replace", max_num_fields=None)
    if any(word in parts for word in _API_WORDS):
        return Address("api", path=path)
    for index, part in enumerate(parts):
        if part not in ("ws", "stream"):
            continue
        named = parts[index + 1 :]
        if part == "stream":
            named = [*named, *(name for text in fields.get("streams", []) for name in text.split("/") if name)]
        keys = fields.get("listenKey", [])
        kept = "/" + "/".join(parts[: index + 1])
        return Address("stream", tuple(dict.fromkeys([*named, *keys])), part == "stream", kept)
    return None
