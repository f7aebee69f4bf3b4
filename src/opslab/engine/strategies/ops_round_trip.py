"""``ops_round_trip``: goes in and out of every instrument again and again, so that a run has orders to judge.

It does not try to earn anything. For each instrument, every ``every`` bars, it takes the next of four steps: a market
order in; a limit order near the market and one far from it; a cancel of what still rests; a market order out.
"""

from __future__ import annotations

import random
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.instruments import CurrencyPair
from nautilus_trader.trading.strategy import Strategy

from opslab.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.instruments import Instrument

    from opslab.engine.registry import StrategyContext

NAME = "ops_round_trip"
_FAR = Decimal("0.2")
_NEAR_TICKS = 20


class OpsRoundTrip(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Market and limit orders, fills and cancels, both sides, on every instrument; decided by the seed alone.

    Spot is only bought and sold again; a perpetual is entered on either side.

    Args:
        context: the run. ``params``: ``every``, bars between two steps of an instrument (default 5); ``quantity``, of
            one order in base units (default: the smallest that the instrument's limits allow with some room).

    Raises:
        SpecError: a parameter is unknown or makes no sense.
    """

    def __init__(self, context: StrategyContext) -> None:
        super().__init__()
        self._every, self._quantity = _settings(context.params)
        self._bar_types = [BarType.from_str(text) for text in context.bar_types]
        self._draws = {text: _draw(context.seed, text) for text in context.bar_types}
        self._bars = dict.fromkeys(context.bar_types, 0)
        self.bars_seen = 0

    def on_start(self) -> None:
        """Subscribe to every instrument's bars."""
        for bar_type in self._bar_types:
            self.subscribe_bars(bar_type)

    def on_bar(self, bar: Bar) -> None:
        """Take the instrument's next step when it is due."""
        self.bars_seen += 1
        key = str(bar.bar_type)
        self._bars[key] += 1
        step, rest = divmod(self._bars[key], self._every)
        if rest:
            return
        instrument = self.cache.instrument(bar.bar_type.instrument_id)
        draw = self._draws[key]
        match (step - 1) % 4:
            case 0:
                self._enter(instrument, bar, draw)
            case 1:
                self._rest(instrument, bar, draw)
            case 2:
                self._withdraw(instrument.id)
            case _:
                self._leave(instrument)

    def _enter(self, instrument: Instrument, bar: Bar, draw: random.Random) -> None:
        side = draw.choice((OrderSide.BUY, OrderSide.SELL))
        if isinstance(instrument, CurrencyPair):
            side = OrderSide.BUY
        quantity = self._size(instrument, bar) * draw.randint(1, 3)
        self.submit_order(self.order_factory.market(instrument.id, side, instrument.make_qty(quantity)))

    def _rest(self, instrument: Instrument, bar: Bar, draw: random.Random) -> None:
        """Add to the position: once so near that it is likely to fill, once so far that it is not."""
        side = OrderSide.SELL if self.portfolio.is_net_short(instrument.id) else OrderSide.BUY
        away = -1 if side == OrderSide.BUY else 1
        close, tick = bar.close.as_decimal(), instrument.price_increment.as_decimal()
        quantity = instrument.make_qty(self._size(instrument, bar, worst=1 - _FAR))
        for price in (close + away * tick * draw.randint(1, _NEAR_TICKS), close * (1 + away * _FAR)):
            stepped = max((price / tick).to_integral_value(ROUND_FLOOR), Decimal(1)) * tick
            self.submit_order(self.order_factory.limit(instrument.id, side, quantity, instrument.make_price(stepped)))

    def _withdraw(self, instrument_id: InstrumentId) -> None:
        for order in self.cache.orders_open(instrument_id=instrument_id, strategy_id=self.id):
            self.cancel_order(order)

    def _leave(self, instrument: Instrument) -> None:
        for position in self.cache.positions_open(instrument_id=instrument.id, strategy_id=self.id):
            self.close_position(position)

    def _size(self, instrument: Instrument, bar: Bar, worst: Decimal = Decimal(1)) -> Decimal:
        """Return the quantity of one order, on the instrument's step, at prices down to ``worst`` of the close."""
        step = instrument.size_increment.as_decimal()
        wanted = [step, self._quantity]
        if not self._quantity:
            if instrument.min_quantity is not None:
                wanted.append(instrument.min_quantity.as_decimal())
            if instrument.min_notional is not None:
                wanted.append(instrument.min_notional.as_decimal() * Decimal("1.1") / (bar.close.as_decimal() * worst))
        size: Decimal = (max(wanted) / step).to_integral_value(ROUND_CEILING) * step
        return size


def _draw(seed: int, bar_type: str) -> random.Random:
    """Return what decides on one instrument: the same in paper, where a perpetual has another name."""
    return random.Random(f"{seed}:{bar_type.replace('-PERP.', '.', 1)}")  # noqa: S311 - must repeat


def _settings(params: Mapping[str, Any]) -> tuple[int, Decimal]:
    """Return bars between steps and the quantity (0: the smallest), or raise a SpecError."""
    if unknown := sorted(set(params) - {"every", "quantity"}):
        raise SpecError(
            f"unknown parameter {unknown[0]!r} of {NAME}", where="strategy.params", fix="use every, quantity"
        )
    every, quantity = params.get("every", 5), params.get("quantity", 0)
    if not isinstance(every, int) or isinstance(every, bool) or every < 1:
        raise SpecError(
            f"every must be a whole number of bars, at least 1, not {every!r:.40}", where="strategy.params.every"
        )
    try:
        amount = Decimal(str(quantity))
    except InvalidOperation:
        amount = Decimal("NaN")
    if isinstance(quantity, bool) or not amount.is_finite() or amount < 0 or ("quantity" in params and not amount):
        raise SpecError(f"quantity must be a number above 0, not {quantity!r:.40}", where="strategy.params.quantity")
    return every, amount


create = OpsRoundTrip
