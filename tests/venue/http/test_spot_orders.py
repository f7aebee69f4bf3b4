from __future__ import annotations

import pytest
from nautilus_trader.adapters.binance.common.schemas.account import BinanceOrder, BinanceUserTrade
from nautilus_trader.adapters.binance.spot.enums import BinanceSpotEnumParser
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.identifiers import AccountId, InstrumentId
from tests.venue.http.spot_world import SpotWorld, d
from tests.venue.stream.payload_cases import decoded

from opslab.venue.orders import OrderType

ORDER = "/api/v3/order"
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "59000.00",
    "quantity": "0.010",
}


@pytest.fixture
def world() -> SpotWorld:
    return SpotWorld()


def test_a_resting_order_is_answered_in_full(world):
    body = world.limit(newClientOrderId="O-1")

    assert decoded(body, BinanceOrder).clientOrderId == "O-1"
    assert (body["status"], body["fills"], body["origQty"], body["price"]) == ("NEW", [], "0.010", "59000.00")
    assert "workingType" not in body


@pytest.mark.parametrize(
    ("answer", "present", "absent"),
    [("ACK", "transactTime", "status"), ("RESULT", "status", "fills"), ("FULL", "fills", "workingType")],
)
def test_the_client_chooses_the_answer(world, answer, present, absent):
    body = world.limit(newOrderRespType=answer)

    assert present in body
    assert absent not in body


def test_what_fills_at_once_stands_in_the_answer(world):
    body = world.client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.010")

    assert (body["status"], body["executedQty"], body["cummulativeQuoteQty"]) == ("FILLED", "0.010", "600.00100000")
    (fill,) = decoded(body, BinanceOrder).fills
    assert (fill.price, fill.qty, fill.commissionAsset) == ("60000.10", "0.010", "BTC")


def test_the_answer_bears_the_fills_of_its_own_order_only(world):
    bodies = [
        world.client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quantity=quantity)
        for quantity in ("0.010", "0.020")
    ]

    assert [[fill["qty"] for fill in body["fills"]] for body in bodies] == [["0.010"], ["0.020"]]


def test_a_market_order_can_spend_quote_currency(world):
    body = world.client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type="MARKET", quoteOrderQty="600.01")

    assert (body["status"], body["origQuoteOrderQty"]) == ("FILLED", "600.01000000")
    assert body["executedQty"] == "0.010"


def report(body) -> object:
    return decoded(body, BinanceOrder).parse_to_order_status_report(
        account_id=AccountId("BINANCE-1"),
        instrument_id=InstrumentId.from_str("BTCUSDT.BINANCE"),
        report_id=UUID4(),
        enum_parser=BinanceSpotEnumParser(),
        treat_expired_as_canceled=False,
        ts_init=0,
    )


STOP = {"timeInForce": "GTC", "price": "61100.00", "stopPrice": "61000.00"}
KINDS = [
    (OrderType.LIMIT, {"timeInForce": "GTC", "price": "59000.00"}),
    (OrderType.LIMIT_MAKER, {"price": "59000.00"}),
    (OrderType.STOP_LOSS, {"stopPrice": "61000.00"}),
    (OrderType.STOP_LOSS_LIMIT, STOP),
    (OrderType.TAKE_PROFIT, {"stopPrice": "59000.00"}),
    (OrderType.TAKE_PROFIT_LIMIT, STOP | {"stopPrice": "59000.00", "price": "58900.00"}),
]


@pytest.mark.parametrize(("kind", "more"), KINDS, ids=[kind.value for kind, _ in KINDS])
def test_every_type_is_placed_found_and_reported_to_the_adapter(world, kind, more):
    placed = world.client.ok("POST", ORDER, symbol="BTCUSDT", side="BUY", type=kind.value, quantity="0.010", **more)

    found = world.client.ok("GET", ORDER, symbol="BTCUSDT", orderId=placed["orderId"])

    assert (found["type"], found["status"], found["isWorking"]) == (kind.value, "NEW", "stopPrice" not in more)
    report(found)
    assert world.client.ok("GET", "/api/v3/openOrders", symbol="BTCUSDT") == [found]


@pytest.mark.parametrize("named", ["orderId", "origClientOrderId"])
def test_an_order_is_found_and_cancelled_by_either_id(world, named):
    body = world.limit()
    value = body["orderId"] if named == "orderId" else body["clientOrderId"]
    target = {"symbol": "BTCUSDT", named: value}

    assert world.client.ok("GET", ORDER, **target)["orderId"] == body["orderId"]
    gone = world.client.ok("DELETE", ORDER, **target)

    assert (gone["status"], gone["origClientOrderId"]) == ("CANCELED", body["clientOrderId"])
    assert gone["clientOrderId"] != body["clientOrderId"]
    assert world.client.code("DELETE", ORDER, **target) == -2011


def test_both_ids_must_agree(world):
    first, second = world.limit(), world.limit(price="58000.00")
    target = {"symbol": "BTCUSDT", "orderId": first["orderId"], "origClientOrderId": second["clientOrderId"]}

    assert world.client.code("GET", ORDER, **target) == -2013
    assert world.client.code("DELETE", ORDER, **target) == -2011
    assert len(world.client.ok("GET", "/api/v3/openOrders")) == 2


def test_a_cancel_can_be_named_and_restricted(world):
    body = world.limit()
    target = {"symbol": "BTCUSDT", "orderId": body["orderId"]}

    assert world.client.code("DELETE", ORDER, cancelRestrictions="ONLY_PARTIALLY_FILLED", **target) == -2011
    assert world.client.code("DELETE", ORDER, cancelRestrictions="NEVER", **target) == -1145
    gone = world.client.ok("DELETE", ORDER, cancelRestrictions="ONLY_NEW", newClientOrderId="mine", **target)
    assert gone["clientOrderId"] == "mine"


def test_other_accounts_cannot_see_or_cancel_an_order(world):
    body = world.limit()

    assert world.other.code("GET", ORDER, symbol="BTCUSDT", orderId=body["orderId"]) == -2013
    assert world.other.code("DELETE", ORDER, symbol="BTCUSDT", orderId=body["orderId"]) == -2011


def test_all_open_orders_of_a_symbol_are_cancelled(world):
    ids = {world.limit()["orderId"], world.limit(price="58000.00")["orderId"]}

    gone = world.client.ok("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")

    assert {each["orderId"] for each in gone} == ids
    assert world.client.code("DELETE", "/api/v3/openOrders", symbol="BTCUSDT") == -2011


def test_a_tested_order_is_not_placed(world):
    before = world.exchange.digest()

    assert world.client.ok("POST", "/api/v3/order/test", **LIMIT) == {}
    rates = world.client.ok("POST", "/api/v3/order/test", computeCommissionRates="true", **LIMIT)
    assert rates["standardCommissionForOrder"]["taker"] == "0.00040000"
    assert world.client.code("POST", "/api/v3/order/test", **LIMIT | {"quantity": "1000"}) == -2010
    assert world.exchange.digest() == before


REFUSED = [
    ({"symbol": None}, -1102),
    ({"side": None}, -1102),
    ({"type": None}, -1102),
    ({"price": None}, -1102),
    ({"quantity": None}, -1102),
    ({"timeInForce": None}, -1102),
    ({"symbol": "NONE"}, -1121),
    ({"side": "UP"}, -1117),
    ({"type": "STOP_MARKET"}, -1116),
    ({"type": "WISH"}, -1116),
    ({"timeInForce": "GTX"}, -1115),
    ({"timeInForce": "GTD"}, -1115),
    ({"timeInForce": "gtc"}, -1115),
    ({"quantity": "-1"}, -1100),
    ({"quantity": "1e-2"}, -1100),
    ({"quantity": "0"}, -1013),
    ({"quantity": "0.0001"}, -1013),
    ({"price": "59000.001"}, -1013),
    ({"price": "1.00"}, -1013),
    ({"quantity": "0.000000000001"}, -1013),
    ({"price": "59000.000000001"}, -1111),
    ({"quantity": "100"}, -2010),
    ({"newClientOrderId": "a b"}, -1100),
    ({"newClientOrderId": "x" * 37}, -1100),
    ({"newOrderRespType": "LOUD"}, -1130),
    ({"selfTradePreventionMode": "MAYBE"}, -1130),
    ({"icebergQty": "0.001"}, -1013),
    ({"trailingDelta": "100"}, -1013),
    ({"stopPrice": "60000"}, -1106),
    ({"quoteOrderQty": "60000"}, -1106),
    ({"reduceOnly": "false"}, -1104),
    ({"type": "MARKET"}, -1106),
    ({"type": "LIMIT_MAKER"}, -1106),
    ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "60000.10"}, -2010),
    ({"type": "STOP_LOSS", "price": None, "timeInForce": None, "stopPrice": "59000"}, -2010),
]


@pytest.mark.parametrize(("changes", "expected"), REFUSED, ids=[str(changes) for changes, _ in REFUSED])
def test_bad_orders_are_refused_and_change_nothing(world, changes, expected):
    before = world.exchange.digest()
    params = {name: value for name, value in (LIMIT | changes).items() if value is not None}

    assert world.client.code("POST", ORDER, **params) == expected
    assert world.exchange.digest() == before
    assert world.errors() == []


def test_a_live_client_id_is_not_taken_twice(world):
    world.limit(newClientOrderId="O-1")

    assert world.client.code("POST", ORDER, newClientOrderId="O-1", **LIMIT) == -2010


REPLACE = "/api/v3/order/cancelReplace"


def test_an_order_is_replaced(world):
    old = world.limit()

    body = world.client.ok(
        "POST",
        REPLACE,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=old["orderId"],
        **LIMIT | {"price": "58500.00"},
    )

    assert (body["cancelResult"], body["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert body["cancelResponse"]["orderId"] == old["orderId"]
    (left,) = world.client.ok("GET", "/api/v3/openOrders")
    assert (left["orderId"], left["price"]) == (body["newOrderResponse"]["orderId"], "58500.00")


def test_a_replacement_may_use_the_funds_that_the_cancel_frees(world):
    old = world.limit(quantity="1.690")
    beside = world.client.ask("POST", "/api/v3/order", **LIMIT | {"quantity": "1.690"})
    assert (beside.status, beside.body["code"]) == (400, -2010), "the funds are not enough for both"

    body = world.client.ok(
        "POST",
        REPLACE,
        cancelReplaceMode="STOP_ON_FAILURE",
        cancelOrderId=old["orderId"],
        **LIMIT | {"quantity": "1.690"},
    )

    (left,) = world.client.ok("GET", "/api/v3/openOrders")
    assert (left["orderId"], left["origQty"]) == (body["newOrderResponse"]["orderId"], "1.690")


def replaced(world, mode, **changes):
    params = LIMIT | {"cancelReplaceMode": mode, "cancelOrderId": "999999"} | changes
    return world.client.ask("POST", REPLACE, **params)


def test_nothing_is_placed_when_the_cancel_fails_and_failures_stop(world):
    reply = replaced(world, "STOP_ON_FAILURE")

    assert (reply.status, reply.body["code"]) == (400, -2022)
    assert reply.body["data"]["cancelResult"] == "FAILURE"
    assert reply.body["data"]["newOrderResult"] == "NOT_ATTEMPTED"
    assert world.client.ok("GET", "/api/v3/openOrders") == []


def test_a_failed_cancel_does_not_keep_the_new_order_where_failures_are_allowed(world):
    reply = replaced(world, "ALLOW_FAILURE")

    assert (reply.status, reply.body["code"], reply.body["data"]["newOrderResult"]) == (409, -2021, "SUCCESS")
    assert len(world.client.ok("GET", "/api/v3/openOrders")) == 1


def test_a_cancel_stands_when_the_new_order_fails(world):
    old = world.limit()

    reply = replaced(world, "STOP_ON_FAILURE", cancelOrderId=old["orderId"], quantity="100")

    assert (reply.status, reply.body["code"]) == (409, -2021)
    assert (reply.body["data"]["cancelResult"], reply.body["data"]["newOrderResult"]) == ("SUCCESS", "FAILURE")
    assert reply.body["data"]["newOrderResponse"]["code"] == -2010
    assert world.client.ok("GET", "/api/v3/openOrders") == []


def test_both_may_fail(world):
    reply = replaced(world, "ALLOW_FAILURE", quantity="100")

    assert (reply.status, reply.body["code"], reply.body["data"]["newOrderResult"]) == (400, -2022, "FAILURE")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"quantity": "0.0001"}, -1013),
        ({"symbol": "NONE"}, -1121),
        ({"cancelReplaceMode": "SOMETIMES"}, -1130),
        ({"cancelRestrictions": "NEVER"}, -1145),
        ({"cancelNewClientOrderId": "a b"}, -1100),
        ({"newOrderRespType": "LOUD"}, -1130),
    ],
)
def test_a_replacement_that_is_malformed_cancels_nothing(world, changes, expected):
    old = world.limit()
    before = world.exchange.digest()

    reply = replaced(world, "ALLOW_FAILURE", **{"cancelOrderId": old["orderId"], **changes})

    assert (reply.status, reply.body["code"]) == (400, expected)
    assert world.exchange.digest() == before


def test_history_is_told_from_an_id_on_and_newest_otherwise(world):
    ids = [world.limit(price=f"{59_000 - n}.00")["orderId"] for n in range(4)]

    def asked(**params):
        return [each["orderId"] for each in world.client.ok("GET", "/api/v3/allOrders", symbol="BTCUSDT", **params)]

    assert asked() == ids
    assert asked(limit=2) == ids[-2:]
    assert asked(orderId=ids[1], limit=2) == ids[1:3]
    assert asked(startTime=world.now.ms + 1) == []
    assert world.client.code("GET", "/api/v3/allOrders", symbol="BTCUSDT", startTime=0, endTime=86_400_001) == -1127


def test_fills_are_told_as_trades(world):
    for quantity in ("0.010", "0.020"):
        world.client.ok("POST", ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity=quantity)

    trades = world.client.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT")

    first, second = decoded(trades, list[BinanceUserTrade])
    assert (first.qty, second.qty, first.commissionAsset, first.isBuyer, first.isMaker) == (
        "0.010",
        "0.020",
        "USDT",
        False,
        False,
    )
    assert world.client.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=trades[1]["id"]) == trades[1:]
    assert world.client.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=trades[0]["orderId"]) == trades[:1]
    assert world.other.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT") == []
    assert world.client.code("GET", "/api/v3/myTrades", symbol="BTCUSDT", fromId=1, startTime=1) == -1128


def test_a_maker_fills_in_part_and_says_so(world):
    body = world.limit(price="59999.95", quantity="0.100")
    world.other.ok("POST", ORDER, symbol="BTCUSDT", side="SELL", type="MARKET", quantity="0.040")

    found = world.client.ok("GET", ORDER, symbol="BTCUSDT", orderId=body["orderId"])

    assert (found["status"], found["executedQty"], found["cummulativeQuoteQty"]) == (
        "PARTIALLY_FILLED",
        "0.040",
        "2399.99800000",
    )
    (fill,) = world.client.ok("GET", "/api/v3/myTrades", symbol="BTCUSDT")
    assert (fill["isMaker"], d(fill["price"])) == (True, d("59999.95"))
