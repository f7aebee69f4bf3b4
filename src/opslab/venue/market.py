"""Market data as the tape plays it: what happens in the market outside of the venue's own clients."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

type Level = tuple[Decimal, Decimal]
"""Price in quote units, size in base units; a size of zero removes the level."""


class Quote(Struct, frozen=True, gc=False):
    """The best bid and ask. All times are Unix milliseconds."""

    symbol: str
    time_ms: int
    bid: Decimal
    bid_size: Decimal
    ask: Decimal
    ask_size: Decimal


class TapeTrade(Struct, frozen=True, gc=False):
    """A trade of others; ``buyer_is_maker``: a seller took."""

    symbol: str
    time_ms: int
    price: Decimal
    size: Decimal
    buyer_is_maker: bool


class BookSnapshot(Struct, frozen=True, gc=False):
    """The whole book of others, best levels first."""

    symbol: str
    time_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class BookDelta(Struct, frozen=True, gc=False):
    """Changed levels of others; a size of zero removes one."""

    symbol: str
    time_ms: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class Kline(Struct, frozen=True, gc=False):
    """A candle as it stands; ``is_closed`` when it will not change any more."""

    symbol: str
    open_ms: int
    close_ms: int
    interval: str
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    trades: int
    is_closed: bool


class MarkPrice(Struct, frozen=True, gc=False):
    """A futures mark price."""

    symbol: str
    time_ms: int
    mark: Decimal
    index: Decimal
    funding_rate: Decimal
    next_funding_ms: int


type MarketEvent = Quote | TapeTrade | BookSnapshot | BookDelta | Kline | MarkPrice
