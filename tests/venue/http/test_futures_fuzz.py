"""Whatever parameters come in: an answer in Binance's shape, no exception inside, and books that a refusal leaves alone."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.http.client import T0
from tests.venue.http.futures_world import SYMBOL, FuturesWorld

from opslab.venue.http.futures.routes import futures_routes
from opslab.venue.http.limits import FUTURES_LIMITS, LimitSettings
from opslab.venue.wire import Reply

ROUTES = [(route.method, route.path) for route in futures_routes()]
PLENTY = LimitSettings(FUTURES_LIMITS.rates[:1], patience=10**9)

_NUMBERS = [
    "0",
    "1",
    "-1",
    "0.001",
    "0.01",
    "0.0101",
    "100",
    "59000",
    "59000.05",
    "60000.1",
    "1e5",
    "NaN",
    "",
    "9" * 20,
]
_VALUES = {
    "symbol": [SYMBOL, "ETHUSDT", "NOPE", "btcusdt", "", "É"],
    "side": ["BUY", "SELL", "buy", ""],
    "type": ["LIMIT", "MARKET", "STOP", "STOP_MARKET", "TAKE_PROFIT", "TRAILING_STOP_MARKET", "STOP_LOSS", "x"],
    "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD", "DAY"],
    "positionSide": ["BOTH", "LONG", "SHORT", "x"],
    "reduceOnly": ["true", "False", "1"],
    "closePosition": ["true", "false"],
    "algoType": ["CONDITIONAL", "x"],
    "workingType": ["MARK_PRICE", "CONTRACT_PRICE", "x"],
    "marginType": ["ISOLATED", "CROSSED", "x"],
    "dualSidePosition": ["true", "false", "x"],
    "newOrderRespType": ["ACK", "RESULT", "x"],
    "interval": ["1m", "5m", "1w", "1M", "x"],
    "newClientOrderId": ["a", "b", "a b", "x" * 40],
    "origClientOrderId": ["a", "b", ""],
    "clientAlgoId": ["a", "b"],
    "selfTradePreventionMode": ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "x"],
    "goodTillDate": [str(T0 + 700_000), "0", "9" * 18],
    "leverage": ["1", "5", "20", "125", "-3", "9" * 18],
    "recvWindow": ["5000", "60001", "x"],
    "countdownTime": ["0", "1000", "9" * 18],
    "startTime": ["0", str(T0 - 1000), str(T0 + 1), "9" * 18],
    "endTime": ["0", str(T0), "9" * 18],
    **dict.fromkeys(("quantity", "price", "triggerPrice", "activatePrice", "callbackRate"), _NUMBERS),
    **{key: ["1", "2", "5", "100", "-1", "x", "9" * 18] for key in ("orderId", "algoId", "fromId", "limit", "page")},
}


def _batch(entries):
    return {"batchOrders": json.dumps(entries)}


_ENTRY = st.dictionaries(
    st.sampled_from(sorted(_VALUES)),
    st.sampled_from([None, 1, 0.5, True, [1], SYMBOL, "BUY", "LIMIT", "GTC", "0.01", "59000"]),
)
_BATCH = st.lists(_ENTRY | st.just(3), max_size=6).map(json.dumps) | st.sampled_from(["", "[", "{}", "[1]", "[[]]"])
_LIST = st.sampled_from(["[1,2]", '["a"]', "[true]", "[{}]", "[]", "x", "[1e999]"])
_PARAMS = st.fixed_dictionaries(
    {},
    optional={name: st.sampled_from(values) for name, values in _VALUES.items()}
    | {"batchOrders": _BATCH, "orderIdList": _LIST, "origClientOrderIdList": _LIST, "other": st.text(max_size=5)},
)
_NAMES = st.sampled_from(["a", "b", "c"])
_GOOD_LIMIT = st.fixed_dictionaries(
    {
        "symbol": st.just(SYMBOL),
        "side": st.sampled_from(["BUY", "SELL"]),
        "type": st.just("LIMIT"),
        "timeInForce": st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
        "quantity": st.sampled_from(["0.01", "0.5", "6"]),
        "price": st.sampled_from(["59000", "60000", "60000.1", "60000.2", "61000"]),
        "newClientOrderId": _NAMES,
    },
    optional={"reduceOnly": st.sampled_from(["true", "false"]), "selfTradePreventionMode": st.just("EXPIRE_BOTH")},
)
_GOOD_MARKET = st.fixed_dictionaries(
    {
        "symbol": st.just(SYMBOL),
        "side": st.sampled_from(["BUY", "SELL"]),
        "type": st.just("MARKET"),
        "quantity": st.sampled_from(["0.01", "0.5", "200"]),
    },
    optional={"positionSide": st.sampled_from(["BOTH", "LONG", "SHORT"])},
)
_GOOD_ALGO = st.fixed_dictionaries(
    {
        "algoType": st.just("CONDITIONAL"),
        "symbol": st.just(SYMBOL),
        "side": st.just("SELL"),
        "type": st.sampled_from(["STOP_MARKET", "STOP", "TRAILING_STOP_MARKET"]),
        "quantity": st.just("0.01"),
        "triggerPrice": st.just("59000"),
        "clientAlgoId": _NAMES,
    },
    optional={"price": st.just("58990"), "callbackRate": st.just("1.0")},
)
_NAMED = st.fixed_dictionaries({"symbol": st.just(SYMBOL), "origClientOrderId": _NAMES, "clientAlgoId": _NAMES})
_CHANGE = st.fixed_dictionaries(
    {
        "symbol": st.just(SYMBOL),
        "origClientOrderId": _NAMES,
        "side": st.just("BUY"),
        "quantity": st.sampled_from(["0.01", "0.02", "1"]),
        "price": st.sampled_from(["59000", "59500", "60000.1"]),
    }
)
_ORDER, _BATCHES = "/fapi/v1/order", "/fapi/v1/batchOrders"
_GOOD = st.one_of(
    st.tuples(st.sampled_from([("POST", _ORDER), ("POST", f"{_ORDER}/test")]), _GOOD_LIMIT | _GOOD_MARKET),
    st.tuples(st.just(("POST", "/fapi/v1/algoOrder")), _GOOD_ALGO),
    st.tuples(st.just(("PUT", _ORDER)), _CHANGE),
    st.tuples(st.just(("POST", _BATCHES)), st.lists(_GOOD_LIMIT | _ENTRY, max_size=5).map(_batch)),
    st.tuples(st.just(("PUT", _BATCHES)), st.lists(_CHANGE | _ENTRY, max_size=5).map(_batch)),
    st.tuples(st.sampled_from([route for route in ROUTES if route[0] in ("GET", "DELETE")]), _NAMED),
)


@settings(max_examples=60)
@given(st.lists(_GOOD | st.tuples(st.sampled_from(ROUTES), _PARAMS), min_size=1, max_size=15))
def test_no_request_breaks_the_venue_or_changes_the_books_when_refused(requests):
    world = FuturesWorld(limits=PLENTY)
    for (method, path), params in requests:
        before = world.exchange.digest()
        reply = world.client.ask(method, path, **params)
        assert isinstance(reply, Reply)
        json.dumps(reply.body)
        if reply.status != 200:
            assert set(reply.body) == {"code", "msg"}
            assert 400 <= reply.status < 500
        if reply.status != 200 or method == "GET":
            assert world.exchange.digest() == before
    assert world.errors() == []


def test_every_route_answers_something_without_parameters():
    world = FuturesWorld(limits=PLENTY)
    for method, path in ROUTES:
        assert world.client.ask(method, path).status in (200, 400)
    assert world.errors() == []
