"""What strategies believe follows from the events that they were given, fees in the base currency among them."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.model.currencies import BNB, BTC, USDT
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.identifiers import ClientOrderId, PositionId, TradeId
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


def test_a_fill_is_a_row_with_its_number_price_and_fee():
    event = fill(Money("0.3", USDT), "7")
    belief = Belief("S-001")
    belief.take(event)
    belief.take(event)
    (row,) = belief.view()["fills"]
    assert (row["trade_id"], row["side"], row["fee"], row["fee_currency"]) == ("7", "BUY", "0.3", "USDT")
    assert (Decimal(row["quantity"]), row["instrument"]) == (Decimal("0.01"), INSTRUMENT.id.value)
    assert row["client_order_id"] == event.client_order_id.value


def test_a_position_tells_its_mean_price_where_fees_took_nothing_of_it():
    (row,) = position(fill(Money("0.3", USDT)))
    assert Decimal(row["average_open_price"]) == fill(Money("0.3", USDT)).last_px.as_decimal()
    (row,) = position(fill(Money("0.00001000", BTC)))
    assert "average_open_price" not in row


def hedged(side, order_side, quantity, number, price="100.0"):
    order = TestExecStubs.limit_order(
        instrument=INSTRUMENT,
        quantity=INSTRUMENT.make_qty(Decimal(quantity)),
        order_side=order_side,
        client_order_id=ClientOrderId(f"O-{number}"),
    )
    return TestEventStubs.order_filled(
        order,
        INSTRUMENT,
        trade_id=TradeId(number),
        position_id=PositionId(f"{INSTRUMENT.id.value}-{side}"),
        commission=Money("0.3", USDT),
        last_px=INSTRUMENT.make_price(Decimal(price)),
    )


def amounts(rows):
    return [(Decimal(row["signed_quantity"]), Decimal(row["average_open_price"])) for row in rows]


def test_the_sides_of_a_hedged_position_are_kept_apart():
    bought = hedged("LONG", OrderSide.BUY, "0.020", "1")
    sold = hedged("SHORT", OrderSide.SELL, "0.010", "2", "110.0")
    both = [(Decimal("0.02"), Decimal(100)), (Decimal("-0.01"), Decimal(110))]
    assert amounts(position(bought, sold)) == both
    closed = hedged("SHORT", OrderSide.BUY, "0.010", "3", "120.0")
    assert amounts(position(bought, sold, closed)) == both[:1]


@pytest.mark.parametrize("side", ["BOTH", "S-001"])
def test_the_sides_of_a_netted_position_are_taken_together(side):
    bought = hedged(side, OrderSide.BUY, "0.020", "1")
    sold = hedged(side, OrderSide.SELL, "0.010", "2", "110.0")
    assert amounts(position(bought, sold)) == [(Decimal("0.01"), Decimal(100))]


def test_sides_that_were_there_at_the_start_are_kept_apart():
    belief, name = Belief("S-001"), INSTRUMENT.id.value
    rows = [
        {"instrument": name, "position_id": f"{name}-{side}", "signed_quantity": held, "average_open_price": "90"}
        for side, held in (("LONG", "0.020"), ("SHORT", "-0.020"))
    ]
    belief.adopt([], rows)
    assert amounts(belief.view()["positions"]) == [(Decimal("0.02"), Decimal(90)), (Decimal("-0.02"), Decimal(90))]
    belief.take(hedged("LONG", OrderSide.SELL, "0.020", "1"))
    assert amounts(belief.view()["positions"]) == [(Decimal("-0.02"), Decimal(90))]
