"""Names of market streams, such as ``btcusdt@kline_1m``, taken apart. Symbols in names are lower case.

Source: Binance, *WebSocket Streams* (spot) and *Websocket Market Streams* (USD-M futures).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_PLAIN = frozenset({"trade", "aggTrade", "miniTicker", "ticker", "bookTicker", "markPrice", "avgPrice", "depth"})
_EVERY = {"!miniTicker": "miniTicker", "!ticker": "ticker", "!bookTicker": "bookTicker", "!markPrice": "markPrice"}
_SPEEDS = frozenset({"", "0ms", "100ms", "250ms", "500ms", "1000ms", "1s", "3s"})
_SYMBOL = re.compile(r"[a-z0-9_]{1,40}")
_KLINE = re.compile(r"kline_(1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M)")
_LEVELS = re.compile(r"depth(5|10|20)")


@dataclass(frozen=True, slots=True)
class StreamName:
    """A market stream.

    Attributes:
        symbol: the venue's symbol, upper case; None for a stream of every symbol.
        kind: what it carries: ``trade``, ``aggTrade``, ``kline``, ``miniTicker``, ``ticker``, ``bookTicker``,
            ``markPrice``, ``avgPrice``, ``depth`` (changes of the book) or ``levels`` (the best levels).
        interval: of a kline stream, such as ``1m``.
        levels: of a ``levels`` stream: 5, 10 or 20.
        is_array: whether each message is a list.
    """

    symbol: str | None
    kind: str
    interval: str = ""
    levels: int = 0
    is_array: bool = False


@lru_cache(maxsize=8192)
def stream_name(text: str) -> StreamName | None:
    """Return what a name stands for, or None when no market stream is called so; speeds are understood and ignored."""
    subject, _, rest = text.partition("@")
    if subject in _EVERY:
        return _every(_EVERY[subject], rest)
    kind, _, speed = rest.partition("@")
    if not _SYMBOL.fullmatch(subject) or speed not in _SPEEDS:
        return None
    symbol = subject.upper()
    if kind in _PLAIN:
        return StreamName(symbol, kind)
    if match := _KLINE.fullmatch(kind):
        return StreamName(symbol, "kline", interval=match[1])
    if match := _LEVELS.fullmatch(kind):
        return StreamName(symbol, "levels", levels=int(match[1]))
    return None


def _every(kind: str, rest: str) -> StreamName | None:
    if kind == "bookTicker":
        return StreamName(None, kind) if not rest else None
    shape, _, speed = rest.partition("@")
    return StreamName(None, kind, is_array=True) if shape == "arr" and speed in _SPEEDS else None
