"""Payloads that spot and futures share. Source: Binance, *WebSocket Streams* and *Kline Data* of both markets.

Every public trade is an aggregate of its own: its aggregate id is its trade id. What a candle does not know is zero
(taker volumes) or -1 (ids of its first and last trade).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.stream.figures import amount, percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.market import Kline, Level
    from opslab.venue.stream.figures import Figures
    from opslab.venue.views import PublicTrade, Ticker


def levels(found: Iterable[Level], figures: Figures) -> list[list[str]]:
    """Return price levels, as ``[price, size]`` each."""
    price, size = figures.price, figures.size
    return [[price(level[0]), size(level[1])] for level in found]


def agg_trade(trade: PublicTrade, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return an ``aggTrade``."""
    return {
        "e": "aggTrade",
        "E": now_ms,
        "s": trade.symbol,
        "a": trade.id,
        "p": figures.price(trade.price),
        "q": figures.size(trade.quantity),
        "f": trade.id,
        "l": trade.id,
        "T": trade.time_ms,
        "m": trade.is_buyer_maker,
    }


def kline(candle: Kline, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``kline``."""
    nothing = figures.size(None)
    return {
        "e": "kline",
        "E": now_ms,
        "s": candle.symbol,
        "k": {
            "t": candle.open_ms,
            "T": candle.close_ms,
            "s": candle.symbol,
            "i": candle.interval,
            "f": -1,
            "L": -1,
            "o": figures.price(candle.open),
            "c": figures.price(candle.close),
            "h": figures.price(candle.high),
            "l": figures.price(candle.low),
            "v": figures.size(candle.volume),
            "n": candle.trades,
            "x": candle.is_closed,
            "q": amount(candle.quote_volume),
            "V": nothing,
            "Q": amount(candle.quote_volume * 0),
            "B": "0",
        },
    }


def kline_row(candle: Kline, figures: Figures) -> list[Any]:
    """Return a candle as the array of 12 of ``klines``; the volumes of takers are not known and zero."""
    return [
        candle.open_ms,
        figures.price(candle.open),
        figures.price(candle.high),
        figures.price(candle.low),
        figures.price(candle.close),
        figures.size(candle.volume),
        candle.close_ms,
        amount(candle.quote_volume),
        candle.trades,
        figures.size(None),
        amount(candle.quote_volume * 0),
        "0",
    ]


def ticker(figures_of_day: Ticker, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``24hrTicker`` with the fields that both markets have."""
    day = figures_of_day
    return {
        "e": "24hrTicker",
        "E": now_ms,
        "s": day.symbol,
        "p": figures.price(day.change),
        "P": percent(day.change_percent),
        "w": figures.mean(day.average),
        "c": figures.price(day.last),
        "Q": figures.size(day.last_quantity),
        "o": figures.price(day.open),
        "h": figures.price(day.high),
        "l": figures.price(day.low),
        "v": figures.size(day.volume),
        "q": amount(day.quote_volume),
        "O": day.open_ms,
        "C": day.close_ms,
        "F": day.first_id,
        "L": day.last_id,
        "n": day.count,
    }


def mini_ticker(day: Ticker, figures: Figures, now_ms: int) -> dict[str, Any]:
    """Return a ``24hrMiniTicker``."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": day.symbol,
        "c": figures.price(day.last),
        "o": figures.price(day.open),
        "h": figures.price(day.high),
        "l": figures.price(day.low),
        "v": figures.size(day.volume),
        "q": amount(day.quote_volume),
    }
