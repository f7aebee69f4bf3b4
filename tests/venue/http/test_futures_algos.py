"""Conditional orders over the futures REST API, from the client's side."""

from __future__ import annotations

from decimal import Decimal

import pytest
from nautilus_trader.adapters.binance.futures.schemas.account import (
    BinanceFuturesAlgoOrder,
    BinanceFuturesAlgoOrderCancelResponse,
)
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import decode
from tests.venue.http.futures_world import SYMBOL, FuturesWorld

from opslab.venue.market import TapeTrade

ORDER = "/fapi/v1/order"


@pytest.fixture
def world():
    found = FuturesWorld()
    yield found
    assert found.errors() == []


def test_a_conditional_order_lives_until_it_triggers(world):
    world.buy_market("0.020")
    placed = world.client.ok("POST", "/fapi/v1/algoOrder", **world.stop(clientAlgoId="s-1"))
    decode(placed, BinanceFuturesAlgoOrder)
    assert (placed["algoStatus"], placed["triggerPrice"], placed["quantity"]) == ("NEW", "59000.00", "0.010")
    (waiting,) = world.client.ok("GET", "/fapi/v1/openAlgoOrders", symbol=SYMBOL)
    assert (waiting["algoId"], waiting["actualOrderId"]) == (placed["algoId"], "")
    world.exchange.apply(TapeTrade(SYMBOL, world.now(), Decimal("58990.0"), Decimal("0.1"), buyer_is_maker=True))
    fired = world.client.ok("GET", "/fapi/v1/algoOrder", clientAlgoId="s-1")
    decode(fired, BinanceFuturesAlgoOrder)
    assert fired["actualOrderId"] == str(world.client.ok("GET", "/fapi/v1/allOrders", symbol=SYMBOL)[-1]["orderId"])
    assert fired["triggerTime"] == T0
    assert world.client.ok("GET", "/fapi/v1/openAlgoOrders") == []
    assert [each["algoId"] for each in world.client.ok("GET", "/fapi/v1/allAlgoOrders", symbol=SYMBOL)] == [
        placed["algoId"]
    ]


def test_conditional_orders_are_cancelled_one_by_one_or_all(world):
    ids = [world.client.ok("POST", "/fapi/v1/algoOrder", **world.stop())["algoId"] for _ in range(3)]
    answer = world.client.ok("DELETE", "/fapi/v1/algoOrder", algoId=ids[0])
    assert decode(answer, BinanceFuturesAlgoOrderCancelResponse).code == "200"
    assert world.client.code("DELETE", "/fapi/v1/algoOrder", algoId=ids[0]) == -2011
    assert world.client.ok("DELETE", "/fapi/v1/algoOpenOrders", symbol=SYMBOL)["code"] == 200
    assert world.client.ok("GET", "/fapi/v1/openAlgoOrders") == []
    assert world.client.code("GET", "/fapi/v1/algoOrder", algoId=424242) == -2013


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"algoType": "TWAP"}, -1130),
        ({"type": "LIMIT"}, -1116),
        ({"triggerPrice": ""}, -1102),
        ({"triggerPrice": "70000"}, -2021),
        ({"closePosition": "true"}, -1106),
        ({"workingType": "INDEX"}, -1130),
        ({"type": "TRAILING_STOP_MARKET"}, -1102),
        ({"symbol": "NOPE"}, -1121),
    ],
)
def test_a_refused_conditional_order_leaves_the_books_alone(world, changes, code):
    before = world.exchange.digest()
    assert world.client.code("POST", "/fapi/v1/algoOrder", **world.stop(**changes)) == code
    assert world.exchange.digest() == before


def test_a_closing_order_needs_no_quantity(world):
    world.buy_market()
    params = world.stop(closePosition="true")
    del params["quantity"]
    placed = world.client.ok("POST", "/fapi/v1/algoOrder", **params)
    assert (placed["closePosition"], placed["quantity"]) == (True, None)
