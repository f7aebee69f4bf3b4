from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.venue.http.client import KEY, SECRET, finished
from tests.venue.http.spot_world import SpotWorld

from opslab.venue.faults.base import Hang, Reset
from opslab.venue.http.signature import sign
from opslab.venue.stream.ws_api import WS_ROUTES, ApiConnection, visible
from opslab.venue.wire import Reply

EVENT = {"e": "executionReport"}
LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "price": "59000.00",
    "quantity": "0.010",
}


class Spoken:
    """A connection to the WebSocket API, and what it sent last."""

    def __init__(self, world: SpotWorld, **settings) -> None:
        self.world = world
        self.api = ApiConnection(world.desk, world.now, "127.0.0.1:5", **settings)
        self.rest: list[dict] = []

    def say(self, text):
        messages = finished(self.api.answer(text))
        assert isinstance(messages, list)
        self.rest = messages[1:]
        return messages[0]

    def ask(self, method, **params):
        return self.say(json.dumps({"id": "7", "method": method, "params": params}))

    def signed(self, method, **params):
        found = {"apiKey": KEY, "timestamp": self.world.now(), **params}
        text = "&".join(f"{name}={found[name]}" for name in sorted(found))
        return self.ask(method, **found, signature=sign(SECRET, text.encode()))

    def ok(self, method, **params):
        answer = self.signed(method, **params)
        assert answer["status"] == 200, answer
        return answer["result"]


@pytest.fixture
def world() -> SpotWorld:
    return SpotWorld()


@pytest.fixture
def spoken(world) -> Spoken:
    return Spoken(world)


def test_an_answer_bears_the_id_the_status_and_the_limits(spoken):
    answer = spoken.ask("time")

    assert (answer["id"], answer["status"], answer["result"]) == ("7", 200, {"serverTime": spoken.world.now()})
    (weight,) = answer["rateLimits"]
    assert (weight["rateLimitType"], weight["count"]) == ("REQUEST_WEIGHT", 1)


@pytest.mark.parametrize("identity", [0, -5, "abc", None])
def test_the_id_comes_back_as_it_was(spoken, identity):
    assert spoken.say(json.dumps({"id": identity, "method": "ping"}))["id"] == identity


def test_limits_can_be_left_out(spoken):
    assert "rateLimits" not in spoken.ask("time", returnRateLimits=False)
    quiet = Spoken(spoken.world, returns_limits=False)
    assert "rateLimits" not in quiet.ask("time")
    assert "rateLimits" in quiet.ask("time", returnRateLimits=True)


def test_a_method_may_name_its_version(spoken):
    assert spoken.ask("v3/time")["status"] == 200


MALFORMED = [
    ("", None, -1135),
    ("{", None, -1135),
    ("[]", None, -1135),
    ("1", None, -1135),
    ("[" * 100_000, None, -1135),
    ('{"id": NaN}', None, -1135),
    ('{"method": "time"}', None, -1102),
    ('{"id": 1}', 1, -1102),
    ('{"id": 1, "method": 5}', 1, -1102),
    ('{"id": 1, "method": ""}', 1, -1102),
    ('{"id": {}, "method": "time"}', None, -1100),
    ('{"id": 1.5, "method": "time"}', None, -1100),
    ('{"id": true, "method": "time"}', None, -1100),
    ('{"id": "' + "x" * 37 + '", "method": "time"}', None, -1100),
    ('{"id": 1, "method": "time", "params": []}', 1, -1135),
    ('{"id": 1, "method": "time", "params": {"a": {}}}', 1, -1130),
    ('{"id": 1, "method": "order.dream"}', 1, -5000),
    ('{"id": 1, "method": "time", "params": {"a": 1}}', 1, -1104),
]


@pytest.mark.parametrize(("text", "identity", "code"), MALFORMED, ids=[text[:50] for text, _, _ in MALFORMED])
def test_what_is_malformed_is_answered_in_binances_shape(spoken, text, identity, code):
    answer = spoken.say(text)

    assert (answer["id"], answer["error"]["code"]) == (identity, code)
    assert answer["status"] >= 400
    assert answer["error"]["msg"]
    assert spoken.world.errors() == []


@settings(max_examples=100)
@given(
    st.one_of(
        st.text(max_size=60),
        st.binary(max_size=60),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["id", "method", "params", "x"]),
                    inner | st.sampled_from([route.path for route in WS_ROUTES]),
                    max_size=4,
                )
            ),
            max_leaves=8,
        ).map(json.dumps),
    )
)
def test_no_message_breaks_the_connection(text):
    answer = FUZZED.say(text)

    assert set(answer) >= {"id", "status"}
    assert ("result" in answer) != ("error" in answer)
    assert FUZZED.world.errors() == []


FUZZED = Spoken(SpotWorld())


def test_orders_are_placed_found_and_cancelled(spoken):
    placed = spoken.ok("order.place", **LIMIT)

    target = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    assert spoken.ok("order.status", **target)["status"] == "NEW"
    assert [each["orderId"] for each in spoken.ok("openOrders.status")] == [placed["orderId"]]
    assert spoken.ok("order.cancel", **target)["status"] == "CANCELED"
    assert spoken.world.client.ok("GET", "/api/v3/openOrders") == []


def test_an_order_bears_the_counts_of_orders(spoken):
    kinds = [each["rateLimitType"] for each in spoken.signed("order.place", **LIMIT)["rateLimits"]]

    assert kinds == ["ORDERS", "ORDERS", "REQUEST_WEIGHT"]


def test_numbers_are_signed_as_they_were_written(spoken):
    found = {"apiKey": KEY, "quantity": "0.010", "price": "59000.00", "timestamp": spoken.world.now()}
    plain = {name: value for name, value in LIMIT.items() if name not in found}
    signature = sign(SECRET, "&".join(f"{name}={value}" for name, value in sorted((plain | found).items())).encode())
    texts = ",".join(f"{json.dumps(name)}:{json.dumps(value)}" for name, value in plain.items())

    answer = spoken.say(
        f'{{"id":1,"method":"order.place","params":{{{texts},"quantity":0.010,"price":59000.00,'
        f'"apiKey":"{KEY}","timestamp":{spoken.world.now()},"signature":"{signature}"}}}}'
    )

    assert answer["status"] == 200, answer


def test_a_list_is_taken_as_it_is_over_http(spoken):
    assert len(spoken.ask("exchangeInfo", symbols=["BTCUSDT"])["result"]["symbols"]) == 1


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"signature": "0" * 64}, 400, -1022),
        ({"apiKey": "nobody"}, 401, -2015),
        ({"timestamp": 1}, 400, -1022),
        ({"quantity": "9"}, 400, -1022),
    ],
)
def test_a_wrong_signature_key_or_time_is_refused(spoken, changes, status, code):
    before = spoken.world.exchange.digest()
    found = {"apiKey": KEY, "timestamp": spoken.world.now(), **LIMIT}
    text = "&".join(f"{name}={found[name]}" for name in sorted(found))

    answer = spoken.ask("order.place", **{**found, "signature": sign(SECRET, text.encode()), **changes})

    assert (answer["status"], answer["error"]["code"]) == (status, code)
    assert spoken.world.exchange.digest() == before


def test_an_old_request_is_refused(spoken):
    answer = spoken.signed("account.status", timestamp=spoken.world.now() - 5001)

    assert answer["error"]["code"] == -1021


def test_a_session_that_logged_on_needs_no_signature(spoken):
    facts = spoken.ok("session.logon")
    assert (facts["apiKey"], facts["authorizedSince"], facts["userDataStream"]) == (KEY, spoken.world.now(), False)

    assert spoken.ask("order.place", timestamp=spoken.world.now(), **LIMIT)["status"] == 200
    assert spoken.ask("account.status")["error"]["code"] == -1102
    assert spoken.ask("session.status")["result"]["apiKey"] == KEY

    assert spoken.ask("session.logout")["result"]["apiKey"] is None
    assert spoken.ask("account.status", timestamp=spoken.world.now())["status"] == 401


def test_a_key_in_a_request_counts_before_the_session(spoken):
    spoken.ok("session.logon")

    answer = spoken.ask("account.status", apiKey="O" * 16, timestamp=spoken.world.now(), signature="0" * 64)

    assert answer["error"]["code"] == -1022


def test_a_logon_with_a_wrong_signature_leaves_the_session_out(spoken):
    assert (
        spoken.ask("session.logon", apiKey=KEY, timestamp=spoken.world.now(), signature="00")["error"]["code"] == -1022
    )
    assert spoken.ask("session.status")["result"]["apiKey"] is None


def test_hmac_logons_can_be_refused_as_binance_does(world):
    strict = Spoken(world, takes_hmac_logon=False)

    assert strict.signed("session.logon")["error"]["code"] == -4056
    assert strict.ask("session.status")["result"]["authorizedSince"] is None


def test_the_adapters_way_to_a_user_stream(spoken):
    """NautilusTrader logs on with its HMAC key and subscribes without parameters."""
    spoken.ok("session.logon")

    result = spoken.ask("userDataStream.subscribe")["result"]

    assert spoken.api.events("main", EVENT) == [{"subscriptionId": result["subscriptionId"], "event": EVENT}]
    assert spoken.api.events("other", EVENT) == []


def test_a_user_stream_needs_a_session(spoken):
    assert spoken.ask("userDataStream.subscribe")["status"] == 401
    assert spoken.api.events("main", EVENT) == []


def test_a_user_stream_can_be_had_by_signature(spoken):
    number = spoken.ok("userDataStream.subscribe.signature")["subscriptionId"]

    assert spoken.api.events("main", EVENT)[0]["subscriptionId"] == number
    assert spoken.ask("session.subscriptions")["result"] == [{"subscriptionId": number}]


@pytest.mark.parametrize("as_text", [False, True])
def test_an_ended_stream_says_farewell_and_is_silent(spoken, as_text):
    number = spoken.ok("userDataStream.subscribe.signature")["subscriptionId"]

    answer = spoken.ask("userDataStream.unsubscribe", subscriptionId=str(number) if as_text else number)

    assert (answer["status"], answer["result"]) == (200, {})
    assert [(each["subscriptionId"], each["event"]["e"]) for each in spoken.rest] == [(number, "eventStreamTerminated")]
    assert spoken.api.events("main", EVENT) == []
    assert spoken.ask("userDataStream.unsubscribe", subscriptionId=number)["error"]["code"] == -1130


def test_unsubscribing_without_a_number_ends_all(spoken):
    for _ in range(3):
        spoken.ok("userDataStream.subscribe.signature")

    spoken.ask("userDataStream.unsubscribe")

    assert [each["subscriptionId"] for each in spoken.rest] == [0, 1, 2]
    assert spoken.ask("userDataStream.unsubscribe")["status"] == 200
    assert spoken.rest == []


def test_a_logout_ends_the_streams_of_the_logon_only(spoken):
    spoken.ok("session.logon")
    logon = spoken.ask("userDataStream.subscribe")["result"]["subscriptionId"]
    signed = spoken.ok("userDataStream.subscribe.signature")["subscriptionId"]

    spoken.ask("session.logout")

    assert [each["subscriptionId"] for each in spoken.rest] == [logon]
    assert [each["subscriptionId"] for each in spoken.api.events("main", EVENT)] == [signed]


def test_the_venue_may_end_streams_on_its_own(spoken):
    spoken.ok("userDataStream.subscribe.signature")

    assert [each["event"]["e"] for each in spoken.api.end_streams()] == ["eventStreamTerminated"]
    assert spoken.api.end_streams() == []


def test_connections_do_not_share_sessions(world):
    first, second = Spoken(world), Spoken(world)
    first.ok("session.logon")

    assert second.ask("session.status")["result"]["apiKey"] is None


class Touching:
    """A gate that gives one outcome."""

    def __init__(self, before=None, after=None) -> None:
        self._before, self._after = before, after

    async def before(self, request):
        return self._before

    async def after(self, request, reply):
        return self._after or reply


@pytest.mark.parametrize("effect", [Hang(), Reset()])
def test_faults_reach_the_socket(spoken, effect):
    spoken.world.desk.gate = Touching(before=effect)

    assert finished(spoken.api.answer('{"id":1,"method":"time"}')) is effect


def test_a_lost_answer_does_not_undo_the_subscription(spoken):
    spoken.ok("session.logon")
    spoken.world.desk.gate = Touching(after=Hang())

    assert isinstance(finished(spoken.api.answer('{"id":1,"method":"userDataStream.subscribe"}')), Hang)

    assert len(spoken.api.events("main", EVENT)) == 1


def test_a_lie_about_a_logon_logs_nobody_on(spoken):
    spoken.world.desk.gate = Touching(before=Reply(200, {"authorizedSince": 1}))

    assert spoken.signed("session.logon")["result"]["apiKey"] is None
    assert spoken.api.session.account is None


def test_keys_never_enter_the_wire_log_nor_what_is_shown(spoken):
    spoken.ok("session.logon")
    spoken.signed("account.status")
    answer = spoken.ask("session.status")

    logged = str([record.facts for record in spoken.world.wire.records()])
    assert KEY not in logged
    assert KEY not in str(visible(answer))
    assert visible(answer)["result"]["apiKey"] == "***"
    assert visible(spoken.ask("time"))["result"]["serverTime"] == spoken.world.now()


def test_every_method_of_the_api_is_known_to_the_desk(spoken):
    for route in WS_ROUTES:
        answer = spoken.ask(route.path)
        assert answer.get("error", {}).get("code") != -5000, route.path
    assert spoken.world.errors() == []


def test_amounts_are_text(spoken):
    spoken.ok("session.logon")
    found = spoken.ask("account.status", timestamp=spoken.world.now())["result"]

    assert Decimal(found["balances"][0]["free"]) > 0


def test_over_the_limit_an_answer_says_when_to_come_again():
    from opslab.venue.http.limits import LimitSettings, RateLimit

    rates = (RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 2), RateLimit("ORDERS", "SECOND", 10, 1))
    spoken = Spoken(SpotWorld(limits=LimitSettings(rates, patience=1)))
    now = spoken.world.now()
    answers = [spoken.ask("ping") for _ in range(4)]
    assert [answer["status"] for answer in answers] == [200, 200, 429, 418]
    for answer, seconds in zip(answers[2:], (60 - now % 60_000 // 1000, 120), strict=True):
        assert answer["error"]["code"] == -1003
        assert answer["error"]["data"] == {"serverTime": now, "retryAfter": now + seconds * 1000}


def test_too_many_orders_say_when_to_come_again():
    from opslab.venue.http.limits import LimitSettings, RateLimit

    rates = (RateLimit("REQUEST_WEIGHT", "MINUTE", 1, 999), RateLimit("ORDERS", "SECOND", 10, 1))
    spoken = Spoken(SpotWorld(limits=LimitSettings(rates)))
    assert [spoken.signed("order.place", **LIMIT)["status"] for _ in range(2)] == [200, 429]
    error = spoken.signed("order.place", **LIMIT)["error"]
    assert error["code"] == -1015
    assert error["data"]["retryAfter"] > error["data"]["serverTime"] == spoken.world.now()
