"""No number, however odd, gets anything but an order or a refusal out of the exchange."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.core.invariants import check
from tests.venue.core.rig import SYMBOL, Rig

from opslab.venue.orders import Market, NewOrder, OrderType, PositionSide, Side, TimeInForce
from opslab.venue.refusal import Refusal

D = Decimal
odd = st.one_of(
    st.none(),
    st.decimals(),
    st.decimals(min_value=-1, max_value=200, places=3),
    st.sampled_from([D("1e999"), D("-1e-999"), D("sNaN"), D("-0"), D("1e15"), D("100"), D("1.000"), D(9) ** 60]),
)
commands = st.builds(
    NewOrder,
    symbol=st.sampled_from([SYMBOL, SYMBOL, SYMBOL, "", "NOPE"]),
    side=st.sampled_from(list(Side)),
    type=st.sampled_from(list(OrderType)),
    quantity=odd,
    price=odd,
    stop_price=odd,
    time_in_force=st.sampled_from([None, *TimeInForce]),
    client_order_id=st.text(max_size=3),
    reduce_only=st.booleans(),
    close_position=st.booleans(),
    position_side=st.sampled_from(list(PositionSide)),
    quote_quantity=odd,
    working_type=st.sampled_from(["CONTRACT_PRICE", "MARK_PRICE", "?"]),
    activation_price=odd,
    callback_rate=odd,
    stp_mode=st.sampled_from(["NONE", "EXPIRE_BOTH", ""]),
    good_till_ms=st.one_of(st.none(), st.integers()),
)


def attempt(rig: Rig, act: Any, *arguments: Any, **named: Any) -> None:
    before = rig.exchange.digest()
    try:
        act(*arguments, **named)
    except Refusal:
        assert rig.exchange.digest() == before


@pytest.mark.parametrize("market", list(Market))
@settings(max_examples=60)
@given(orders=st.lists(commands, min_size=1, max_size=4), number=odd, whole=st.integers(), name=st.text(max_size=3))
def test_any_number_is_an_order_or_a_refusal(
    market: Market, orders: list[NewOrder], number: Decimal | None, whole: int, name: str
) -> None:
    rig = Rig(market)
    rig.book({"100": "2", "99": "3"}, {"101": "2", "102": "3"})
    exchange = rig.exchange
    for command in orders:
        attempt(rig, exchange.submit, "ann", command)
        attempt(rig, exchange.submit_algo, "ann", command)
    resting = rig.buy("1", "90")
    value = number if number is not None else D(0)
    change = {"order_id": resting.order_id, "side": Side.BUY}
    attempt(rig, exchange.amend, "ann", SYMBOL, quantity=value, price=D(91), **change)
    attempt(rig, exchange.amend, "ann", SYMBOL, quantity=D(1), price=value, **change)
    attempt(rig, exchange.fill, "ann", resting.order_id, value, D(1))
    attempt(rig, exchange.fill, "ann", whole, None, value)
    attempt(rig, exchange.adl, "ann", SYMBOL, value)
    attempt(rig, exchange.fund, SYMBOL, value)
    attempt(rig, exchange.credit, "ann", name, value)
    attempt(rig, exchange.set_leverage, "ann", SYMBOL, whole)
    attempt(rig, exchange.set_margin_type, "ann", SYMBOL, name)
    attempt(rig, exchange.set_status, SYMBOL, name)
    attempt(rig, exchange.cancel, "ann", SYMBOL, order_id=whole, client_order_id=name)
    attempt(rig, exchange.cancel_algo, "ann", algo_id=whole, client_algo_id=name)
    exchange.snapshot()
    if value.is_finite() and abs(value) < 10**12:
        check(exchange)
