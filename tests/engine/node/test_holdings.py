"""The mean price of what fills come to: what adds moves it, what reduces does not, what turns over begins anew."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.engine.node.holdings import Holdings
from opslab.venue.orders import Position, PositionSide, Side
from opslab.venue.positions import move

NAME = "BTCUSDT-PERP.BINANCE"
AMOUNT = st.integers(-100, 100).filter(bool).map(lambda steps: Decimal(steps).scaleb(-3))
PRICE = st.integers(1, 10**6).map(lambda ticks: Decimal(ticks).scaleb(-1))


def held(*fills):
    found = Holdings()
    for amount, price in fills:
        found.fill(NAME, Decimal(amount), Decimal(price))
    return found.average_price(NAME, sum((Decimal(amount) for amount, _ in fills), Decimal(0)))


@pytest.mark.parametrize(
    ("fills", "price"),
    [
        ([("1", "100"), ("3", "200")], "175"),
        ([("2", "100"), ("-1", "500")], "100"),
        ([("1", "100"), ("-3", "200")], "200"),
        ([("-1", "100"), ("-1", "300")], "200"),
        ([("1", "100"), ("-1", "150"), ("1", "170")], "170"),
    ],
)
def test_the_mean_price_of_a_netted_position(fills, price):
    assert held(*fills) == Decimal(price)


def test_of_another_amount_than_is_held_no_price_is_known():
    found = Holdings()
    found.fill(NAME, Decimal("0.010"), Decimal(100))
    assert found.average_price(NAME, Decimal("0.00999")) is None
    assert found.average_price("ETHUSDT-PERP.BINANCE", Decimal(1)) is None


def test_it_begins_with_what_the_cache_held():
    found = Holdings.of([{"instrument": NAME, "signed_quantity": "-2", "average_open_price": "100.0"}])
    found.fill(NAME, Decimal(-2), Decimal(300))
    assert found.average_price(NAME, Decimal(-4)) == 200


def test_a_position_whose_price_nobody_told_has_none():
    found = Holdings.of([{"instrument": NAME, "signed_quantity": "1", "average_open_price": None}])
    assert found.average_price(NAME, Decimal(1)) is None


@given(st.lists(st.tuples(AMOUNT, PRICE), min_size=1, max_size=20))
def test_the_mean_lies_within_the_prices_that_were_paid(fills):
    found = held(*fills)
    assert found is not None
    prices = [price for _, price in fills]
    assert min(prices) - Decimal("1e-9") <= found <= max(prices) + Decimal("1e-9")


@given(st.lists(st.tuples(AMOUNT, PRICE), min_size=1, max_size=30))
def test_it_is_what_the_venue_s_ledger_books(fills):
    """The ledger's own arithmetic is written independently: whatever is bought and sold, both tell the same price."""
    ledger, found, net = Position("BTCUSDT", PositionSide.BOTH), Holdings(), Decimal(0)
    for amount, price in fills:
        move(ledger, Side.BUY if amount > 0 else Side.SELL, price, abs(amount))
        found.fill(NAME, amount, price)
        net += amount
        assert ledger.amount == net
        told = found.average_price(NAME, net)
        if net:
            assert told is not None
            assert abs(told - ledger.entry_price) <= Decimal("1e-12")


@given(
    st.lists(st.tuples(st.sampled_from(["LONG", "SHORT"]), st.booleans(), AMOUNT.map(abs), PRICE), max_size=30),
)
def test_each_side_of_a_hedge_is_what_the_venue_s_ledger_books(fills):
    """In hedge mode a side is never turned over: what would do so is left out here, as the venue refuses it."""
    ledgers = {side: Position("BTCUSDT", PositionSide(side)) for side in ("LONG", "SHORT")}
    found = Holdings()
    for side, opens, size, price in fills:
        ledger, sign = ledgers[side], 1 if (side == "LONG") is opens else -1
        if not opens and size > abs(ledger.amount):
            continue
        move(ledger, Side.BUY if sign > 0 else Side.SELL, price, size)
        found.fill(f"{NAME}-{side}", sign * size, price)
        for each, row in ledgers.items():
            told = found.average_price(f"{NAME}-{each}", row.amount)
            if row.amount:
                assert told is not None
                assert abs(told - row.entry_price) <= Decimal("1e-12")
