"""``ops_by_hand``: decides nothing; a drill or a person trades through it, and what it is told can be looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import BookType, OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

from opslab.errors import SpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.engine.registry import StrategyContext

NAME = "ops_by_hand"
_FEEDS = ("bars", "quotes", "trades", "book")


class OpsByHand(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Subscribes to the feeds that it is asked for, and places what it is told to.

    Args:
        context: the run. ``params``: ``bars``, ``quotes``, ``trades``, ``book``: which feeds of each instrument it
            subscribes to (default: bars, quotes and trades).

    Raises:
        SpecError: a parameter is unknown or neither true nor false.

    Attributes:
        bars_seen: bars that it was handed.
        seen: of every feed and instrument, how many items came.
        last: of every feed and instrument, the newest item, as JSON values.
        told: every event that it was given, in order.
    """

    def __init__(self, context: StrategyContext) -> None:
        super().__init__()
        self._feeds = _feeds(context.params)
        self._names = [InstrumentId.from_str(name) for name in context.instruments]
        self._bar_types = [BarType.from_str(text) for text in context.bar_types]
        self.bars_seen = 0
        self.seen: dict[str, int] = {}
        self.last: dict[str, dict[str, Any]] = {}
        self.told: list[Any] = []

    def on_start(self) -> None:
        """Subscribe to every instrument's feeds."""
        subscribe: dict[str, Callable[[Any], None]] = {
            "quotes": self.subscribe_quote_ticks,
            "trades": self.subscribe_trade_ticks,
            "book": lambda name: self.subscribe_order_book_deltas(name, book_type=BookType.L2_MBP),
        }
        for feed in self._feeds & subscribe.keys():
            for name in self._names:
                subscribe[feed](name)
        if "bars" in self._feeds:
            for bar_type in self._bar_types:
                self.subscribe_bars(bar_type)

    def on_bar(self, bar: Any) -> None:
        """Count it."""
        self.bars_seen += 1
        self._see("bars", bar.bar_type.instrument_id, {"close": str(bar.close), "ts_event": bar.ts_event})

    def on_quote_tick(self, tick: Any) -> None:
        """Keep it."""
        told = {"bid": str(tick.bid_price), "ask": str(tick.ask_price), "ts_event": tick.ts_event}
        self._see("quotes", tick.instrument_id, told)

    def on_trade_tick(self, tick: Any) -> None:
        """Keep it."""
        told = {"price": str(tick.price), "size": str(tick.size), "ts_event": tick.ts_event}
        self._see("trades", tick.instrument_id, told)

    def on_order_book_deltas(self, deltas: Any) -> None:
        """Keep the newest sequence number."""
        self._see("book", deltas.instrument_id, {"sequence": deltas.sequence, "ts_event": deltas.ts_event})

    def on_event(self, event: Any) -> None:
        """Keep it."""
        self.told.append(event)

    def place(
        self,
        side: str,
        quantity: str,
        *,
        price: str | None = None,
        instrument: str | None = None,
        reduce_only: bool = False,
        post_only: bool = False,
        time_in_force: str = "GTC",
    ) -> Any:
        """Submit an order and return it; at the market without a price.

        Args:
            side: ``BUY`` or ``SELL``.
            quantity: in base units, as text.
            price: in quote units, as text.
            instrument: NautilusTrader's id; the run's first instrument by default.
            reduce_only: may only make the position smaller.
            post_only: must not take.
            time_in_force: ``GTC``, ``IOC`` or ``FOK``.
        """
        name = InstrumentId.from_str(instrument) if instrument else self._names[0]
        known = self.cache.instrument(name)
        common: dict[str, Any] = {
            "instrument_id": name,
            "order_side": OrderSide[side],
            "quantity": known.make_qty(quantity),
            "reduce_only": reduce_only,
            "time_in_force": TimeInForce[time_in_force],
        }
        if price is None:
            order = self.order_factory.market(**common)
        else:
            order = self.order_factory.limit(**common, price=known.make_price(price), post_only=post_only)
        self.submit_order(order)
        return order

    def _see(self, feed: str, name: Any, item: dict[str, Any]) -> None:
        key = f"{feed} {name.value}"
        self.seen[key] = self.seen.get(key, 0) + 1
        self.last[key] = item


def create(context: StrategyContext) -> OpsByHand:
    """Return the strategy for a run."""
    return OpsByHand(context)


def _feeds(params: Mapping[str, Any]) -> set[str]:
    if unknown := sorted(set(params) - set(_FEEDS)):
        raise SpecError(f"{NAME}: unknown parameter {unknown[0]!r}", fix=f"use {', '.join(_FEEDS)}")
    if bad := [name for name, value in params.items() if not isinstance(value, bool)]:
        raise SpecError(f"{NAME}: {bad[0]} is neither true nor false", fix=f"set {bad[0]}: true")
    asked = {"bars": True, "quotes": True, "trades": True, "book": False} | dict(params)
    return {name for name, value in asked.items() if value}
