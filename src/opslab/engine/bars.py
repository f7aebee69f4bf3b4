"""From the lab's instruments and candles to NautilusTrader's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.identifiers import InstrumentId, Symbol
from nautilus_trader.model.instruments import CryptoPerpetual, CurrencyPair
from nautilus_trader.model.objects import PRICE_MAX, QUANTITY_MAX, Currency, Money, Price, Quantity

from opslab.contract.dataset import InstrumentKind, VolumeUnit
from opslab.engine.feed import check_stamps
from opslab.errors import EngineError

if TYPE_CHECKING:
    from decimal import Decimal

    from nautilus_trader.model.instruments import Instrument as EngineInstrument
    from numpy.typing import NDArray

    from opslab.contract.dataset import Instrument
    from opslab.engine.feed import Feed

_UNITS_NS = (
    ("WEEK", 604_800 * 10**9),
    ("DAY", 86_400 * 10**9),
    ("HOUR", 3_600 * 10**9),
    ("MINUTE", 60 * 10**9),
    ("SECOND", 10**9),
    ("MILLISECOND", 10**6),
)


def to_instrument(instrument: Instrument) -> EngineInstrument:
    """Return the engine's instrument: a ``CurrencyPair`` for spot, a linear ``CryptoPerpetual`` for a perpetual.

    Raises:
        EngineError: NautilusTrader refuses the definition.
    """
    quote = Currency.from_str(instrument.quote)
    fields: dict[str, Any] = {
        "instrument_id": InstrumentId.from_str(f"{instrument.symbol}.{instrument.venue.upper()}"),
        "raw_symbol": Symbol(instrument.symbol),
        "base_currency": Currency.from_str(instrument.base),
        "quote_currency": quote,
        "price_precision": instrument.price_precision,
        "size_precision": instrument.size_precision,
        "price_increment": Price(instrument.tick_size, instrument.price_precision),
        "size_increment": Quantity(instrument.step_size, instrument.size_precision),
        "max_quantity": _quantity(instrument.max_quantity, instrument.size_precision),
        "min_quantity": _quantity(instrument.min_quantity, instrument.size_precision),
        "min_notional": None if instrument.min_notional is None else Money(instrument.min_notional, quote),
        "margin_init": instrument.margin_init,
        "margin_maint": instrument.margin_maint,
        "maker_fee": instrument.maker_fee,
        "taker_fee": instrument.taker_fee,
        "ts_event": 0,
        "ts_init": 0,
    }
    try:
        if instrument.kind is InstrumentKind.SPOT:
            return CurrencyPair(**fields)
        settlement = Currency.from_str(instrument.settlement or instrument.quote)
        return CryptoPerpetual(**fields, settlement_currency=settlement, is_inverse=False)
    except (ValueError, OverflowError) as error:
        raise EngineError(
            f"the engine refuses the instrument: {error}",
            where=f"{instrument.symbol}.{instrument.venue.upper()}",
            fix="correct the dataset's instrument",
        ) from error


def bar_type(feed: Feed) -> BarType:
    """Return the bar type of a feed; raises as ``bar_type_of``."""
    return bar_type_of(feed.instrument_id, feed.candles.interval_ns)


def bar_type_of(instrument_id: str, interval_ns: int) -> BarType:
    """Return the bar type of an instrument's candles, such as ``BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL``.

    Raises:
        EngineError: NautilusTrader has no bars of that interval (a step must divide the next larger unit).
    """
    for unit, length in _UNITS_NS:
        if interval_ns % length == 0:
            try:
                return BarType.from_str(f"{instrument_id}-{interval_ns // length}-{unit}-LAST-EXTERNAL")
            except ValueError:
                continue
    raise EngineError(
        f"the engine has no bars of {interval_ns / 10**9:g} s",
        where=instrument_id,
        fix="use an interval such as 1m, 5m, 15m, 1h, 4h or 1d",
    )


def to_bars(feed: Feed, instrument: EngineInstrument) -> list[Bar]:
    """Return one bar a candle, known to the strategy at the candle's close (``ts_init == ts_event == ts_close_ns``).

    Raises:
        EngineError: a stamp looks ahead, or a number is beyond what the engine can hold.
    """
    candles, kind = feed.candles, bar_type(feed)
    check_stamps(candles.ts_close_ns, candles.ts_close_ns, candles.interval_ns, feed.instrument_id)
    prices = {name: _writable(getattr(candles, name)) for name in ("open", "high", "low", "close")}
    volume = _base_volume(feed)
    for name, column, most in (
        *((name, column, PRICE_MAX) for name, column in prices.items()),
        ("volume", volume, QUANTITY_MAX),
    ):
        if float(column.max()) > most or float(column.min()) < 0:
            raise EngineError(
                f"{name} is not within 0 and {most:g}", where=feed.instrument_id, fix="correct the dataset"
            )
    stamps = np.require(candles.ts_close_ns, dtype=np.uint64, requirements=["C", "W"])
    bars: list[Bar] = Bar.from_raw_arrays_to_list(
        kind,
        instrument.price_precision,
        instrument.size_precision,
        prices["open"],
        prices["high"],
        prices["low"],
        prices["close"],
        volume,
        stamps,
        stamps,
    )
    return bars


def _base_volume(feed: Feed) -> NDArray[np.float64]:
    """Return volumes in base units: a volume counted in quote units is divided by the close."""
    volume = feed.candles.volume
    if feed.candles.volume_unit is VolumeUnit.QUOTE:
        step = float(feed.instrument.step_size)
        volume = np.floor(volume / feed.candles.close / step) * step
    return _writable(volume)


def _writable(column: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.require(column, dtype=np.float64, requirements=["C", "W"])


def _quantity(value: Decimal | None, precision: int) -> Quantity | None:
    return None if value is None else Quantity(value, precision)
