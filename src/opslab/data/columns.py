"""Which column of a source is which: the names that exporters use, and Binance's kline layout.

Source of the kline layout: Binance's public data collection, https://github.com/binance/binance-public-data (Klines).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.dataset import Stamp
from opslab.data.candles import VALUES
from opslab.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

KLINE_COLUMNS = 12
STAMP_NAMES = {
    "timestamp": None,
    "ts_utc": None,
    "ts": None,
    "open_time": Stamp.OPEN,
    "opentime": Stamp.OPEN,
    "time": None,
    "datetime": None,
    "date": None,
    "unix": None,
    "close_time": Stamp.CLOSE,
    "closetime": Stamp.CLOSE,
    "ts_close_ns": Stamp.CLOSE,
}
"""Accepted names of the time, the first one present is taken; some say which end of the candle they stand for."""

ALIASES = {
    "open": ("open", "o", "open_price"),
    "high": ("high", "h", "high_price"),
    "low": ("low", "l", "low_price"),
    "close": ("close", "c", "close_price"),
    "volume": ("volume", "vol", "v", "base_volume"),
}

_CLOSE_TIMES = tuple(name for name, stamp in STAMP_NAMES.items() if stamp is Stamp.CLOSE)
_KLINE_ORDER = ("stamp", *VALUES, "close_time")


@dataclass(frozen=True)
class Layout:
    """Where the candles are in a source.

    Attributes:
        format: ``csv``, ``binance_kline_csv`` or ``parquet``.
        positions: index of the time (``stamp``), of each value column and, beside an open time, of ``close_time``.
        columns: how many columns a row has.
        header_rows: lines before the first candle, 0 or 1.
        stamp: which end of the candle the format says that the time is, if it says so.
    """

    format: str
    positions: dict[str, int]
    columns: int
    header_rows: int
    stamp: Stamp | None


class LayoutError(Exception):
    """The columns are not those of candles; the message says what is wrong."""


def kline_layout(columns: int, header_rows: int) -> Layout:
    """Return the layout of Binance's klines: open time first, then open, high, low, close, base volume, close time."""
    positions = {name: index for index, name in enumerate(_KLINE_ORDER)}
    return Layout("binance_kline_csv", positions, columns, header_rows, Stamp.OPEN)


def layout_of_csv(first_line: list[str]) -> Layout:
    """Return the layout that the first line of a CSV tells.

    Raises:
        LayoutError: a needed column is missing, or named twice.
    """
    if len(first_line) == KLINE_COLUMNS and all(_is_number(cell) for cell in first_line):
        return kline_layout(KLINE_COLUMNS, 0)
    if all(_is_number(cell) for cell in first_line[1:]) and len(first_line) > 1:
        raise LayoutError(
            "the first line has numbers, not names: write a header, such as timestamp,open,high,low,close,volume "
            f"(only Binance klines of {KLINE_COLUMNS} columns have none)"
        )
    if len(first_line) == KLINE_COLUMNS and _is_kline_header(first_line):
        return kline_layout(KLINE_COLUMNS, 1)
    return layout_of_names(first_line, "csv")


def layout_of_names(names: list[str], format_name: str) -> Layout:
    """Return the layout that column ``names`` tell.

    Raises:
        LayoutError: a needed column is missing, or named twice.
    """
    plain = [_plain(name) for name in names]
    stamp_name = next((name for name in STAMP_NAMES if name in plain), None)
    chosen = {"stamp": stamp_name, **{name: _first(ALIASES[name], plain) for name in VALUES}}
    missing = ["timestamp" if name == "stamp" else name for name, found in chosen.items() if found is None]
    if missing:
        found = ", ".join(name.strip()[:40] for name in names[:20]) or "nothing"
        raise LayoutError(f"there is no column {', '.join(missing)} (found: {found})")
    if twice := [found for found in chosen.values() if found is not None and plain.count(found) > 1]:
        raise LayoutError(f"the column {twice[0]} is there twice")
    stamp = STAMP_NAMES[stamp_name or "timestamp"]
    if stamp is Stamp.OPEN:
        chosen["close_time"] = _first(_CLOSE_TIMES, plain)
    positions = {name: plain.index(found) for name, found in chosen.items() if found is not None}
    return Layout(format_name, positions, len(names), 1, stamp)


def settled_stamp(layout: Layout, asked: Stamp | None, source: Path) -> Stamp:
    """Return which end of the candle the time in ``source`` is, told by the format or asked for.

    Raises:
        DataError: neither says so, or they contradict each other (open times read as closes would let a strategy
            see a candle before it ended).
    """
    if layout.stamp is None and asked is None:
        raise DataError(
            "the source does not say whether its times are the open or the close of a candle",
            where=source,
            fix="ask whoever made it and say --stamp open or --stamp close",
        )
    if layout.stamp is not None and asked not in (None, layout.stamp):
        raise DataError(
            f"the source's times are the {layout.stamp} of each candle, not the {asked}",
            where=source,
            fix="leave --stamp out",
        )
    return asked or layout.stamp or Stamp.OPEN


def _is_kline_header(names: list[str]) -> bool:
    return [_plain(name) for name in names[: len(_KLINE_ORDER)]] == ["open_time", *_KLINE_ORDER[1:]]


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", "_", name.strip().strip("\ufeff\"'").strip().lower())


def _first(aliases: tuple[str, ...], plain: list[str]) -> str | None:
    return next((name for name in aliases if name in plain), None)


def _is_number(cell: str) -> bool:
    try:
        float(cell.strip().strip("\ufeff\"'"))
    except ValueError:
        return False
    return True
