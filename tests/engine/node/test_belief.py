"""What strategies believe follows from the events that they were given, fees in the base currency among them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.model.currencies import BNB, BTC, USDT
from nautilus_trader.model.identifiers import TradeId
from nautilus_trader.model.objects import Money
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.events import TestEventStubs
from nautilus_trader.test_kit.stubs.execution import TestExecStubs

from opslab.engine.node.belief import Belief

INSTRUMENT = TestInstrumentProvider.btcusdt_binance()


def fill(commission, number="1"):
    quantity = INSTRUMENT.make_qty(Decimal("0.010000"))
    order = TestExecStubs.limit_order(instrument=INSTRUMENT, quantity=quantity)
    return TestEventStubs.order_filled(order, INSTRUMENT, trade_id=TradeId(number), commission=commission)


def position(*events):
    belief = Belief("S-001")
    for event in events:
        belief.take(event)
    return belief.view()["positions"]


@pytest.mark.parametrize(
    ("commission", "held"),
    [(Money("0.00001000", BTC), "0.009990"), (Money("0.3", USDT), "0.010000"), (Money("0.001", BNB), "0.010000")],
)
def test_a_fee_in_the_base_currency_is_not_held(commission, held):
    (row,) = position(fill(commission))
    assert Decimal(row["signed_quantity"]) == Decimal(held)


def test_a_fill_that_is_told_twice_counts_once():
    event = fill(Money("0.00001000", BTC))
    assert position(event, event) == position(event)
