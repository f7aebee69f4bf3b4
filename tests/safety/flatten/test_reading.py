from __future__ import annotations

import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from opslab.safety.flatten import reading
from opslab.safety.flatten.lots import MOST_PARTS, Lots, lots_of, parts

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["symbol", "orderId", "clientOrderId", "positionSide", "positionAmt", "positions", "balances", "asset", "free",
         "locked", "totalPositionInitialMargin", "totalOpenOrderInitialMargin", "symbols", "filters", "status"]
    ), inner, max_size=6),
    max_leaves=20,
)  # fmt: skip
READERS = [
    reading.open_orders,
    reading.holdings,
    reading.witness,
    reading.balances,
    reading.server_ms,
    lots_of,
    lambda value: reading.is_over(value, "x"),
]


@given(JSON)
def test_whatever_comes_is_read_or_called_nonsense(value):
    for read in READERS:
        with contextlib.suppress(reading.NonsenseError):
            read(value)


@given(st.binary(max_size=40))
@example(b"NaN")
@example(b"[" * 100_000)
@example(b'"\\ud800"')
def test_a_body_is_json_or_nonsense(body):
    try:
        found = reading.parsed(body)
    except reading.NonsenseError:
        return
    assert found == json.loads(body)


@pytest.mark.parametrize("amount", ["", "NaN", "Infinity", "-Infinity", "1e99", "x", "1" * 65, 1, None, True, [], "٣x"])
def test_an_amount_that_is_none_is_nonsense(amount):
    with pytest.raises(reading.NonsenseError):
        reading.holdings([{"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": amount}])


def test_a_position_that_stands_there_twice_is_nonsense():
    row = {"symbol": "BTCUSDT", "positionSide": "BOTH", "positionAmt": "1"}
    with pytest.raises(reading.NonsenseError, match="twice"):
        reading.holdings([row, row])


@pytest.mark.parametrize(
    ("side", "amount", "closing"),
    [
        ("BOTH", "1", "SELL"),
        ("BOTH", "-1", "BUY"),
        ("LONG", "1", "SELL"),
        ("SHORT", "-1", "BUY"),
        ("SHORT", "1", "BUY"),
    ],
)
def test_a_position_is_closed_by_the_other_side(side, amount, closing):
    (found,) = reading.holdings([{"symbol": "BTCUSDT", "positionSide": side, "positionAmt": amount}])
    assert found.closing_side == closing


STEPS = st.sampled_from([Decimal(text) for text in ("0.001", "0.5", "1", "0.00001", "3")])


@given(
    amount=st.decimals("0.00000001", "100000", places=8),
    step=STEPS,
    least=st.integers(0, 50),
    most=st.none() | st.integers(1, 5000),
)
def test_parts_keep_the_rules_and_never_exceed_the_amount(amount, step, least, most):
    lots = Lots("BTC", "USDT", step, least * step, None if most is None else max(most, least) * step)
    found = parts(amount, lots)
    assert 0 < sum(found) <= amount
    assert len(found) <= MOST_PARTS
    if found == (amount,):
        return
    for part in found:
        assert part % step == 0
        assert part >= lots.least
        assert lots.most is None or part <= lots.most
    if len(found) < MOST_PARTS:
        assert amount - sum(found) < max(lots.least, step) + step


def test_without_rules_the_whole_is_one_part():
    assert parts(Decimal("1.23456"), None) == (Decimal("1.23456"),)


@pytest.mark.parametrize(
    ("name", "value"), [("stepSize", "0"), ("stepSize", "-1"), ("maxQty", "NaN"), ("minQty", "-1"), ("stepSize", None)]
)
def test_rules_that_make_no_sense_are_no_rules(name, value):
    lot = {"filterType": "LOT_SIZE", "stepSize": "1", "minQty": "1", "maxQty": "9", name: value}
    assert lots_of({"symbols": [{"symbol": "A", "baseAsset": "B", "quoteAsset": "C", "filters": [lot]}]}) == {}
