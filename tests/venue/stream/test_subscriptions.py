from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.venue.stream.address import Address, read_address
from opslab.venue.stream.subscriptions import Subscriptions


def ask(subscriptions: Subscriptions, method: str, params: Any = None, identity: Any = 1) -> dict[str, Any]:
    request: dict[str, Any] = {"method": method, "id": identity}
    if params is not None:
        request["params"] = params
    return subscriptions.answer(json.dumps(request))


def test_subscribing_adds_to_what_the_address_asked_for():
    one = Subscriptions(("btcusdt@trade",))
    assert ask(one, "SUBSCRIBE", ["btcusdt@bookTicker", "btcusdt@trade"], 7) == {"result": None, "id": 7}
    assert one.streams == ("btcusdt@trade", "btcusdt@bookTicker")
    assert ask(one, "LIST_SUBSCRIPTIONS") == {"result": ["btcusdt@trade", "btcusdt@bookTicker"], "id": 1}


def test_unsubscribing_takes_away_and_forgives_what_was_not_there():
    one = Subscriptions(("a@trade", "b@trade"))
    assert ask(one, "UNSUBSCRIBE", ["a@trade", "c@trade"]) == {"result": None, "id": 1}
    assert one.streams == ("b@trade",)


def test_the_property_combined_is_read_and_set():
    one = Subscriptions()
    assert ask(one, "GET_PROPERTY", ["combined"])["result"] is False
    assert ask(one, "SET_PROPERTY", ["combined", True])["result"] is None
    assert ask(one, "GET_PROPERTY", ["combined"])["result"] is True


@pytest.mark.parametrize("identity", [None, 0, 5, 2**64 - 1, "f3a8-1"])
def test_the_answer_bears_the_id_of_the_request(identity: Any):
    assert ask(Subscriptions(), "LIST_SUBSCRIPTIONS", None, identity) == {"result": [], "id": identity}


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", 3, "Invalid JSON"),
        ("{", 3, "Invalid JSON"),
        ("[" * 100_000, 3, "Invalid JSON"),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":NaN}', 3, "Invalid JSON"),
        ("[]", 2, "expected an object"),
        ('{"id":1}', 2, "missing field `method`"),
        ('{"method":"subscribe","id":1}', 2, "unknown variant `subscribe`"),
        ('{"method":["SUBSCRIBE"],"id":1}', 2, "unknown variant"),
        ('{"method":"SUBSCRIBE","params":"a@trade","id":1}', 2, "params must be an array"),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2, "stream name must be a string"),
        ('{"method":"SUBSCRIBE","params":[""],"id":1}', 2, "stream name must be a string"),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":-1}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":1.5}', 2, "request ID"),
        ('{"method":"SUBSCRIBE","params":["a@trade"],"id":true}', 2, "request ID"),
        ('{"method":"SET_PROPERTY","params":["combined",1],"id":1}', 1, "expected Boolean"),
        ('{"method":"SET_PROPERTY","params":["combined"],"id":1}', 1, "expected Boolean"),
        ('{"method":"SET_PROPERTY","params":["combined",true,1],"id":1}', 2, "too many parameters"),
        ('{"method":"SET_PROPERTY","params":["speed",true],"id":1}', 0, "Unknown property"),
        ('{"method":"GET_PROPERTY","params":[],"id":1}', 2, "property name must be a string"),
    ],
)
def test_what_is_not_understood_is_refused_in_binances_shape_and_changes_nothing(text: str, code: int, words: str):
    one = Subscriptions(("b@trade",))
    answer = one.answer(text)
    assert answer["error"]["code"] == code
    assert words in answer["error"]["msg"]
    assert (one.streams, one.is_combined) == (("b@trade",), False)


def test_the_limit_holds_for_all_streams_together_and_a_refused_request_adds_none():
    one = Subscriptions(("a@trade",), limit=3)
    assert "error" in ask(one, "SUBSCRIBE", ["b@trade", "c@trade", "d@trade"])
    assert one.streams == ("a@trade",)
    assert ask(one, "SUBSCRIBE", ["a@trade", "b@trade", "c@trade"])["result"] is None


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["method", "params", "id", "x"]), inner)
    ),
    max_leaves=8,
)


@given(st.binary(max_size=40) | st.text(max_size=40) | _JSON.map(json.dumps))
def test_no_message_makes_it_fail(message: str | bytes):
    answer = Subscriptions().answer(message)
    assert ("result" in answer) != ("error" in answer)
    json.dumps(answer)


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/ws", "", Address("stream", (), False, "/ws")),
        ("/ws/btcusdt@trade", "", Address("stream", ("btcusdt@trade",), False, "/ws")),
        ("/ws/btcusdt@trade/btcusdt@depth", "", Address("stream", ("btcusdt@trade", "btcusdt@depth"), False, "/ws")),
        ("/ws/btcusdt%40trade", "", Address("stream", ("btcusdt@trade",), False, "/ws")),
        ("/ws", "listenKey=K1", Address("stream", ("K1",), False, "/ws")),
        ("/private/ws", "listenKey=K1&events=ORDER_TRADE_UPDATE", Address("stream", ("K1",), False, "/private/ws")),
        ("/stream", "streams=a@trade/b@trade", Address("stream", ("a@trade", "b@trade"), True, "/stream")),
        ("/market/stream", "streams=a@trade", Address("stream", ("a@trade",), True, "/market/stream")),
        ("/stream", "streams=a@trade/a@trade&listenKey=K", Address("stream", ("a@trade", "K"), True, "/stream")),
        ("/ws-api/v3", "", Address("api", (), False, "/ws-api/v3")),
        ("/ws-fapi/v1", "returnRateLimits=false", Address("api", (), False, "/ws-fapi/v1")),
        ("/", "", None),
        ("/fapi/v1/ping", "", None),
    ],
)
def test_an_address_says_which_streams_and_whether_they_are_wrapped(path: str, query: str, expected: Address | None):
    assert read_address(path, query) == expected


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_other_address_is_none(path: str, query: str):
    found = read_address(f"/x{path}", query)
    assert found is None
    known = read_address("/stream", query)
    assert known is not None
    assert known.is_combined
