"""What a restarted strategy believes: what it found in the cache, and from then on what it is told."""

from __future__ import annotations

from decimal import Decimal

from nautilus_trader.model.objects import Quantity
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.events import TestEventStubs
from nautilus_trader.test_kit.stubs.execution import TestExecStubs

from opslab.engine.node.belief import Belief

INSTRUMENT = TestInstrumentProvider.btcusdt_binance()
NAME = INSTRUMENT.id.value


def _row(order, filled="0", status="ACCEPTED", **more):
    return {
        "client_order_id": order.client_order_id.value,
        "instrument": NAME,
        "side": "BUY",
        "quantity": "1.000000",
        "filled_quantity": filled,
        "status": status,
        "price": "1.00",
        **more,
    }


def _order():
    return TestExecStubs.limit_order(instrument=INSTRUMENT, quantity=Quantity.from_str("1.000000"))


def test_a_position_without_its_orders_is_believed():
    belief = Belief("S-1")
    belief.adopt([], [{"instrument": NAME, "signed_quantity": "-0.5", "position_id": "P"}])
    assert belief.view() == {"orders": [], "fills": [], "positions": [{"instrument": NAME, "signed_quantity": "-0.5"}]}


def test_fills_of_adopted_orders_are_not_counted_twice():
    belief = Belief("S-1")
    belief.adopt([_row(_order(), "0.4")], [{"instrument": NAME, "signed_quantity": "0.4"}])
    assert belief.view()["positions"] == [{"instrument": NAME, "signed_quantity": "0.4"}]


def test_positions_that_cancel_each_other_out_are_none():
    belief = Belief("S-1")
    belief.adopt([], [{"instrument": NAME, "signed_quantity": amount} for amount in ("0.4", "-0.4")])
    assert belief.view()["positions"] == []


def test_a_later_fill_of_an_adopted_order_is_added():
    belief, order = Belief("S-1"), _order()
    belief.adopt([_row(order, "0.4", "PARTIALLY_FILLED")], [{"instrument": NAME, "signed_quantity": "0.4"}])
    belief.take(TestEventStubs.order_filled(order, INSTRUMENT, last_qty=Quantity.from_str("0.600000")))
    view = belief.view()
    assert [(row["status"], Decimal(row["filled_quantity"])) for row in view["orders"]] == [("FILLED", Decimal(1))]
    assert [Decimal(row["signed_quantity"]) for row in view["positions"]] == [Decimal(1)]


def test_what_was_believed_before_is_forgotten():
    belief = Belief("S-1")
    belief.take(TestEventStubs.order_submitted(_order()))
    belief.adopt([], [])
    assert belief.view() == {"orders": [], "fills": [], "positions": []}
