"""Orders over the futures REST API, from the client's side."""

from __future__ import annotations

import json

import pytest
from nautilus_trader.adapters.binance.common.schemas.account import BinanceOrder, BinanceUserTrade
from tests.venue.http.client import T0
from tests.venue.http.futures_samples import decode
from tests.venue.http.futures_world import SYMBOL, FuturesWorld

from opslab.venue.http.limits import FUTURES_LIMITS, LimitSettings, RateLimit

ORDER = "/fapi/v1/order"


@pytest.fixture
def world():
    found = FuturesWorld()
    yield found
    assert found.errors() == []


def test_an_order_lives_from_placing_to_cancelling(world):
    placed = world.place(newClientOrderId="mine-1")
    decode(placed, BinanceOrder)
    assert (placed["status"], placed["price"], placed["origQty"]) == ("NEW", "59000.00", "0.010")
    asked = world.client.ok("GET", ORDER, symbol=SYMBOL, orderId=placed["orderId"])
    assert decode(asked, BinanceOrder).clientOrderId == "mine-1"
    assert asked == world.client.ok("GET", "/fapi/v1/openOrder", symbol=SYMBOL, origClientOrderId="mine-1")
    assert world.client.ok("GET", "/fapi/v1/openOrders") == [asked]
    amended = world.client.ok(
        "PUT", ORDER, symbol=SYMBOL, orderId=placed["orderId"], side="BUY", quantity="0.020", price="58000.0"
    )
    assert (amended["price"], amended["origQty"], amended["orderId"]) == ("58000.00", "0.020", placed["orderId"])
    cancelled = world.client.ok("DELETE", ORDER, symbol=SYMBOL, origClientOrderId="mine-1")
    assert cancelled["status"] == "CANCELED"
    assert world.client.ok("GET", "/fapi/v1/openOrders", symbol=SYMBOL) == []
    assert [each["status"] for each in world.client.ok("GET", "/fapi/v1/allOrders", symbol=SYMBOL)] == ["CANCELED"]
    assert world.client.code("DELETE", ORDER, symbol=SYMBOL, orderId=placed["orderId"]) == -2011
    assert world.client.code("GET", "/fapi/v1/openOrder", symbol=SYMBOL, orderId=placed["orderId"]) == -2013


def test_a_market_order_fills_and_leaves_a_trade(world):
    result = world.buy_market()
    assert (result["status"], result["executedQty"], result["avgPrice"]) == ("FILLED", "0.010", "60000.10")
    (fill,) = world.client.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
    decode(fill, BinanceUserTrade)
    assert (fill["orderId"], fill["price"], fill["maker"]) == (result["orderId"], "60000.10", False)
    assert fill["commission"] == "0.24000040"


def test_an_acknowledged_market_order_is_told_as_new_though_it_filled(world):
    result = world.buy_market(newOrderRespType="ACK")
    assert (result["status"], result["executedQty"]) == ("NEW", "0.000")
    assert world.client.ok("GET", ORDER, symbol=SYMBOL, orderId=result["orderId"])["status"] == "FILLED"


def test_ioc_and_fok_that_find_nothing_expire(world):
    for life in ("IOC", "FOK"):
        assert world.place(timeInForce=life, newOrderRespType="RESULT")["status"] == "EXPIRED"


def test_an_order_belongs_to_one_account(world):
    placed = world.place()
    assert world.other.code("GET", ORDER, symbol=SYMBOL, orderId=placed["orderId"]) == -2013
    assert world.other.ok("GET", "/fapi/v1/openOrders") == []


def test_number_and_client_id_must_be_of_one_order(world):
    first = world.place(newClientOrderId="a")
    world.place(newClientOrderId="b")
    assert world.client.code("GET", ORDER, symbol=SYMBOL, orderId=first["orderId"], origClientOrderId="b") == -2013
    assert world.client.code("DELETE", ORDER, symbol=SYMBOL, orderId=first["orderId"], origClientOrderId="b") == -2011
    assert len(world.client.ok("GET", "/fapi/v1/openOrders")) == 2


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPEUSDT"}, -1121),
        ({"symbol": "btcusdt"}, -1100),
        ({"side": "buy"}, -1117),
        ({"type": "STOP_LOSS"}, -1116),
        ({"type": "STOP_MARKET"}, -4120),
        ({"timeInForce": "DAY"}, -1115),
        ({"quantity": "-1"}, -1100),
        ({"quantity": "0"}, -4003),
        ({"quantity": "1e-2"}, -1100),
        ({"quantity": "0.0101"}, -1111),
        ({"quantity": "0.001"}, -4164),
        ({"quantity": "9999999"}, -4005),
        ({"price": "59000.05"}, -4014),
        ({"price": "0"}, -4001),
        ({"price": ""}, -1102),
        ({"newClientOrderId": "a" * 37}, -4015),
        ({"newClientOrderId": "a b"}, -1100),
        ({"reduceOnly": "yes"}, -1130),
        ({"reduceOnly": "true"}, -2022),
        ({"positionSide": "LONG"}, -4061),
        ({"priceMatch": "OPPONENT"}, -1130),
        ({"stopPrice": "1"}, -1106),
        ({"newOrderRespType": "FULL"}, -1130),
        ({"timeInForce": "GTX", "price": "60000.5"}, -5022),
        ({"timeInForce": "GTD"}, -1102),
        ({"quantity": "900"}, -2019),
        ({"selfTradePreventionMode": "MAYBE"}, -1130),
    ],
)
def test_a_refused_order_has_binances_code_and_leaves_the_books_alone(world, changes, code):
    before = world.exchange.digest()
    assert world.client.code("POST", ORDER, **world.limit(**changes)) == code
    assert world.client.code("POST", "/fapi/v1/order/test", **world.limit(**changes)) == code
    assert world.exchange.digest() == before


@pytest.mark.parametrize("missing", ["symbol", "side", "type", "timeInForce", "quantity", "price"])
def test_each_mandatory_parameter_is_missed(world, missing):
    params = world.limit()
    del params[missing]
    assert world.client.code("POST", ORDER, **params) == -1102


@pytest.mark.parametrize("changes", [{"timeInForce": "GTC"}, {"price": "60000"}])
def test_a_market_order_takes_no_price_and_no_time(world, changes):
    params = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.01"} | changes
    assert world.client.code("POST", ORDER, **params) == -1106


def test_a_test_order_places_nothing(world):
    before = world.exchange.digest()
    answer = world.client.ok("POST", "/fapi/v1/order/test", **world.limit(newClientOrderId="t"))
    assert (answer["clientOrderId"], answer["orderId"]) == ("t", 0)
    assert world.exchange.digest() == before


def test_a_duplicate_client_id_of_a_live_order_is_refused(world):
    world.place(newClientOrderId="same")
    assert world.client.code("POST", ORDER, **world.limit(newClientOrderId="same")) == -4116


def test_capitals_in_truth_values_are_taken_as_the_adapter_sends_them(world):
    assert world.place(reduceOnly="False")["reduceOnly"] is False


def test_a_query_needs_a_number_or_a_client_id(world):
    for method in ("GET", "DELETE"):
        assert world.client.code(method, ORDER, symbol=SYMBOL) == -1102


def test_every_placed_order_counts(world):
    reply = world.client.ask("POST", ORDER, **world.limit())
    assert (reply.headers["X-MBX-ORDER-COUNT-10S"], reply.headers["X-MBX-USED-WEIGHT-1M"]) == ("1", "0")
    assert [rate["interval"] for rate in world.client.ok("GET", "/fapi/v1/rateLimit/order")] == ["SECOND", "MINUTE"]


def test_a_batch_counts_each_of_its_orders_and_over_the_limit_none_is_placed():
    limits = LimitSettings((FUTURES_LIMITS.rates[0], RateLimit("ORDERS", "SECOND", 10, 3)))
    world = FuturesWorld(limits=limits)
    batch = json.dumps([world.limit(), world.limit()])
    assert world.client.ask("POST", "/fapi/v1/batchOrders", batchOrders=batch).headers["X-MBX-ORDER-COUNT-10S"] == "2"
    assert world.client.code("POST", "/fapi/v1/batchOrders", batchOrders=batch) == -1015
    assert len(world.client.ok("GET", "/fapi/v1/openOrders")) == 2


def test_each_order_of_a_batch_is_answered_for_itself(world):
    batch = json.dumps([world.limit(newClientOrderId="x"), world.limit(price="1.05"), world.limit(quantity=0.02)])
    good, bad, other = world.client.ok("POST", "/fapi/v1/batchOrders", batchOrders=batch)
    assert (good["clientOrderId"], bad["code"], other["origQty"]) == ("x", -4014, "0.020")
    amendments = [
        {"symbol": SYMBOL, "side": "BUY", "orderId": good["orderId"], "quantity": "0.030", "price": "59000"},
        {"symbol": SYMBOL, "side": "BUY", "orderId": 999_999, "quantity": "0.030", "price": "59000"},
    ]
    changed, unknown = world.client.ok("PUT", "/fapi/v1/batchOrders", batchOrders=json.dumps(amendments))
    assert (changed["origQty"], unknown["code"]) == ("0.030", -2013)
    wanted = json.dumps([other["orderId"], 999_999, good["orderId"]])
    answers = world.client.ok("DELETE", "/fapi/v1/batchOrders", symbol=SYMBOL, orderIdList=wanted)
    assert [each.get("code", each.get("orderId")) for each in answers] == [other["orderId"], -2011, good["orderId"]]


@pytest.mark.parametrize("name", ["orderIdList", "orderidlist"])
def test_a_batch_is_cancelled_by_numbers_in_any_spelling(world, name):
    wanted = [world.place()["orderId"], world.place()["orderId"]]
    answers = world.client.ok("DELETE", "/fapi/v1/batchOrders", symbol=SYMBOL, **{name: json.dumps(wanted)})
    assert [each["status"] for each in answers] == ["CANCELED"] * 2


def test_a_batch_is_cancelled_by_client_ids_but_not_by_both(world):
    world.place(newClientOrderId="a")
    lists = {"origClientOrderIdList": '["a"]', "orderIdList": "[1]"}
    assert world.client.code("DELETE", "/fapi/v1/batchOrders", symbol=SYMBOL, **lists) == -1128
    del lists["orderIdList"]
    assert world.client.ok("DELETE", "/fapi/v1/batchOrders", symbol=SYMBOL, **lists)[0]["clientOrderId"] == "a"


@pytest.mark.parametrize("batch", ["[]", "{}", "[1]", "x", json.dumps([{}] * 6)])
def test_a_malformed_batch_is_refused_whole(world, batch):
    assert world.client.code("POST", "/fapi/v1/batchOrders", batchOrders=batch) == -1130


def test_cancelling_all_cancels_one_symbols_orders(world):
    world.place()
    world.place(symbol="ETHUSDT", price="100.0", quantity="2")
    assert world.client.ok("DELETE", "/fapi/v1/allOpenOrders", symbol=SYMBOL)["code"] == 200
    assert [each["symbol"] for each in world.client.ok("GET", "/fapi/v1/openOrders")] == ["ETHUSDT"]


def test_a_countdown_cancels_unless_it_is_renewed(world):
    world.place()
    assert world.client.ok("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=1000) == {
        "symbol": SYMBOL,
        "countdownTime": "1000",
    }
    world.now.ms += 999
    world.client.ok("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=1000)
    world.now.ms += 999
    assert len(world.client.ok("GET", "/fapi/v1/openOrders")) == 1
    world.now.ms += 1
    assert world.client.ok("GET", "/fapi/v1/openOrders") == []


def test_a_countdown_of_zero_ends_it(world):
    world.place()
    for length in (1000, 0):
        world.client.ok("POST", "/fapi/v1/countdownCancelAll", symbol=SYMBOL, countdownTime=length)
    world.now.ms += 5000
    assert len(world.client.ok("GET", "/fapi/v1/openOrders")) == 1


def test_pages_of_orders_and_fills(world):
    ids = []
    for _ in range(5):
        ids.append(world.buy_market()["orderId"])
        world.now.ms += 1000

    def orders(**params):
        return [each["orderId"] for each in world.client.ok("GET", "/fapi/v1/allOrders", symbol=SYMBOL, **params)]

    assert orders() == ids
    assert orders(limit=2) == ids[-2:]
    assert orders(limit=2, orderId=ids[1]) == ids[1:3]
    assert orders(startTime=T0 + 1000, limit=2) == ids[1:3]
    assert orders(endTime=T0 + 1000) == ids[:2]
    fills = world.client.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
    assert [each["orderId"] for each in fills] == ids
    page = world.client.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL, fromId=fills[3]["id"])
    assert page == fills[3:]
    assert world.client.ok("GET", "/fapi/v1/userTrades", symbol=SYMBOL, orderId=ids[2]) == [fills[2]]


def test_histories_reach_back_seven_days(world):
    world.buy_market()
    world.now.ms += 7 * 24 * 3_600_000 + 1
    for path in ("/fapi/v1/allOrders", "/fapi/v1/userTrades"):
        assert world.client.ok("GET", path, symbol=SYMBOL) == []
        assert len(world.client.ok("GET", path, symbol=SYMBOL, startTime=T0)) == 1


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"startTime": 5, "endTime": 4}, -1023),
        ({"startTime": 0, "endTime": 8 * 24 * 3_600_000}, -1127),
        ({"limit": 0}, -1130),
        ({"limit": 1001}, -1130),
        ({"limit": "x"}, -1100),
    ],
)
def test_impossible_pages_are_refused(world, params, code):
    assert world.client.code("GET", "/fapi/v1/allOrders", symbol=SYMBOL, **params) == code


@pytest.mark.parametrize("kind", [{"type": "MARKET"}, {"type": "LIMIT"}])
@pytest.mark.parametrize("sized", [True, False])
def test_a_plain_order_cannot_close_the_whole_position(world, kind, sized):
    order = world.limit(closePosition="true") | kind
    if kind["type"] == "MARKET":
        order = {key: value for key, value in order.items() if key not in {"price", "timeInForce"}}
    if not sized:
        del order["quantity"]
    before = world.exchange.digest()
    assert world.client.code("POST", "/fapi/v1/order", **order) == -4136
    assert world.client.code("POST", "/fapi/v1/order/test", **order) == -4136
    assert world.exchange.digest() == before
    assert world.client.ok("POST", "/fapi/v1/order", **world.limit(closePosition="false"))["status"] == "NEW"


def test_a_conditional_order_with_a_price_cannot_close_the_whole_position(world):
    order = world.stop(type="STOP", price="58000.0", timeInForce="GTC", closePosition="true")
    assert world.client.code("POST", "/fapi/v1/algoOrder", **order) == -4136
