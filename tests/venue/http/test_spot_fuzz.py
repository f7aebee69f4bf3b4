"""Whatever a client sends: Binance's error shape, no defect of ours, and a refusal leaves the ledger as it was."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.http.spot_world import SpotWorld

from opslab.venue.http.spot.new_order import ORDER_PARAMETERS
from opslab.venue.http.spot.routes import HTTP_ROUTES
from opslab.venue.wire import Reply

WORLD = SpotWorld()
VALUES = st.one_of(
    st.sampled_from(
        [
            "",
            "BTCUSDT",
            "ETHUSDT",
            "NONE",
            "BUY",
            "SELL",
            "LIMIT",
            "MARKET",
            "LIMIT_MAKER",
            "STOP_LOSS_LIMIT",
            "GTC",
            "IOC",
            "FOK",
            "0.01",
            "0",
            "59000",
            "60000.1",
            "-1",
            "NaN",
            "Infinity",
            "1e9",
            "99999999999999999999",
            "true",
            "FULL",
            "1m",
            '["BTCUSDT"]',
            "[]",
            "STOP_ON_FAILURE",
            "ALLOW_FAILURE",
            "1",
        ]
    ),
    st.text(max_size=12),
    st.integers(-(10**20), 10**20).map(str),
)
NAMES = sorted(set(ORDER_PARAMETERS) | {name for route in HTTP_ROUTES for name in route.names or ()} | {"extra"})
REQUESTS = st.tuples(
    st.sampled_from([(route.method, route.path) for route in HTTP_ROUTES]),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=8),
)


@settings(max_examples=150)
@given(REQUESTS)
def test_any_parameters_are_answered_or_refused(request):
    (method, path), params = request
    before = WORLD.exchange.digest()

    reply = WORLD.client.raw(method, path, WORLD.client.signed_query(params))

    assert isinstance(reply, Reply)
    assert WORLD.errors() == []
    if reply.status != 200:
        assert isinstance(reply.body["code"], int)
        assert reply.body["msg"]
    if reply.status not in (200, 409) or method == "GET":
        assert WORLD.exchange.digest() == before


@settings(max_examples=60)
@given(
    st.fixed_dictionaries(
        {"symbol": VALUES, "side": VALUES, "type": VALUES}, optional=dict.fromkeys(ORDER_PARAMETERS[3:], VALUES)
    )
)
def test_an_order_that_is_refused_changes_nothing(params):
    before = WORLD.exchange.digest()

    reply = WORLD.client.ask("POST", "/api/v3/order", **params)

    assert WORLD.errors() == []
    assert (reply.status == 200) or WORLD.exchange.digest() == before
