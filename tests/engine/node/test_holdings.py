"""The mean price of what fills come to: what adds moves it, what reduces does not, what turns over begins anew."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.engine.node.holdings import Holdings

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
