"""What tests of the engine run: the registered strategies, and one that they make behave otherwise."""

from __future__ import annotations

from decimal import Decimal

from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.trading.strategy import Strategy

from opslab.engine.registry import standard_registry

SMOKE = standard_registry().factory("ops_smoke_demo")
ROUND_TRIP = standard_registry().factory("OPS_Round_Trip")


class Subscribed(Strategy):
    """Orders one unit on the third bar, and does what a test overrides."""

    side, quantity = OrderSide.BUY, Decimal(1)

    def __init__(self, context):
        super().__init__()
        self.context = context

    def on_start(self):
        for text in self.context.bar_types:
            self.subscribe_bars(BarType.from_str(text))

    def on_bar(self, bar):
        if self.cache.bar_count(bar.bar_type) == 3:
            instrument = self.cache.instrument(bar.bar_type.instrument_id)
            self.submit_order(self.order_factory.market(instrument.id, self.side, instrument.make_qty(self.quantity)))
