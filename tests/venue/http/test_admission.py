"""What the desk lets in and what it refuses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.venue.http.client import KEY, SECRET, T0, Now, account, finished
from tests.venue.http.desk_world import ROUTES, World, code_of

from opslab.venue.http.admission import MAX_BODY_BYTES, MAX_URL_BYTES, Desk, RawRequest
from opslab.venue.http.routing import RouteTable
from opslab.venue.http.signature import sign, socket_payload
from opslab.venue.orders import Market
from opslab.venue.wire import Reply, WireLog


def test_a_public_request_needs_no_key():
    assert World().client.public("/open", symbol="BTCUSDT").body["params"] == {"symbol": "BTCUSDT"}


def test_a_signed_query_is_let_in_for_its_account():
    body = World().client.ok("POST", "/signed", symbol="BTCUSDT")
    assert body["account"] == "main"
    assert body["params"]["symbol"] == "BTCUSDT"


def test_a_signed_form_body_is_let_in():
    world = World()
    text = world.client.signed_query({"symbol": "BTCUSDT"})
    reply = world.client.raw(
        "POST", "/signed", "", text, Content_Type="application/x-www-form-urlencoded; charset=utf-8"
    )
    assert reply.body["params"]["symbol"] == "BTCUSDT"


def test_a_mixed_request_is_signed_over_query_then_body_with_nothing_between():
    world = World()
    query, body = "symbol=BTCUSDT&side=BUY", f"quantity=1&timestamp={T0}"
    signature = sign(SECRET, (query + body).encode())
    reply = world.client.raw("POST", "/signed", query, f"{body}&signature={signature}")
    assert reply.body["params"]["quantity"] == "1"


def test_where_query_and_body_both_send_a_parameter_the_query_counts():
    world = World()
    query, body = "symbol=AAA", f"symbol=BBB&timestamp={T0}"
    signature = sign(SECRET, (query + body).encode())
    reply = world.client.raw("POST", "/signed", query, f"{body}&signature={signature}")
    assert reply.body["params"]["symbol"] == "AAA"


def test_the_signature_counts_in_any_place_and_case():
    world = World()
    rest = f"timestamp={T0}&symbol=X"
    signature = sign(SECRET, rest.encode()).upper()
    assert world.client.raw("GET", "/signed", f"signature={signature}&{rest}").status == 200


def test_the_signature_is_over_the_bytes_sent_not_over_what_they_mean():
    world = World()
    sent = f"symbol=%42TC&timestamp={T0}"
    assert world.client.raw("GET", "/signed", f"{sent}&signature={sign(SECRET, sent.encode())}").status == 200
    meant = f"symbol=BTC&timestamp={T0}"
    assert code_of(world.client.raw("GET", "/signed", f"{sent}&signature={sign(SECRET, meant.encode())}")) == (
        400,
        -1022,
    )


@given(at=st.integers(min_value=0, max_value=10**6), bit=st.integers(min_value=0, max_value=6))
def test_one_changed_bit_spoils_the_signature(at, bit):
    world = World()
    text = urlencode({"timestamp": T0, "symbol": "BTCUSDT", "quantity": "0.010"})
    signature = sign(SECRET, text.encode())
    raw = bytearray(text.encode())
    raw[at % len(raw)] ^= 1 << bit
    request = RawRequest("POST", "/signed", bytes(raw) + b"&signature=" + signature.encode(), {"x-mbx-apikey": KEY})
    assert finished(world.desk.handle(request)).status >= 400
    assert world.errors() == []


@pytest.mark.parametrize(
    ("key", "expected"), [("", (401, -2014)), ("no key!", (401, -2014)), ("Z" * 16, (401, -2015)), ("é", (401, -2014))]
)
def test_a_wrong_key_is_refused(key, expected):
    assert code_of(World().client.raw("GET", "/keyed", key=key)) == expected


def test_a_missing_signature_is_a_missing_parameter():
    assert code_of(World().client.raw("POST", "/signed", f"timestamp={T0}")) == (400, -1102)


@pytest.mark.parametrize(
    ("offset", "window", "expected"),
    [
        (0, None, 200),
        (-5000, None, 200),
        (-5001, None, -1021),
        (1000, None, 200),
        (1001, None, -1021),
        (-60000, "60000", 200),
        (-11, "10", -1021),
        (0, "60001", -1131),
        (0, "60000.001", -1131),
        (0, "1e3", -1100),
        (0, "-5", -1100),
        (0, "", -1105),
    ],
)
def test_the_time_of_a_request_is_checked(offset, window, expected):
    world = World()
    params = {"timestamp": T0 + offset} | ({} if window is None else {"recvWindow": window})
    reply = world.client.raw("GET", "/signed", world.client.signed_query(params))
    assert (200 if reply.status == 200 else reply.body["code"]) == expected


@pytest.mark.parametrize(
    ("stamp", "code"), [("abc", -1100), ("-1", -1100), ("9" * 30, -1100), ("", -1102), ("\uff11", -1100)]
)
def test_a_malformed_timestamp_is_refused(stamp, code):
    world = World()
    assert world.client.code("GET", "/signed", timestamp=stamp) == code


def test_spot_takes_microseconds_and_futures_do_not():
    assert World(Market.SPOT).client.ask("GET", "/signed", timestamp=T0 * 1000).status == 200
    assert World().client.code("GET", "/signed", timestamp=T0 * 1000) == -1021


def test_an_unknown_path_is_404_and_a_wrong_method_405_with_what_is_allowed():
    world = World()
    assert code_of(world.client.raw("GET", "/nowhere")) == (404, -5000)
    reply = world.client.raw("DELETE", "/signed")
    assert code_of(reply) == (405, -5000)
    assert reply.headers["Allow"] == "GET, POST"
    assert "/signed" in reply.body["msg"]


def test_a_socket_method_is_no_path():
    assert code_of(World().client.raw("GET", "order.place"))[0] == 405


def test_a_body_that_is_too_long_is_413_and_an_url_414():
    world = World()
    assert code_of(world.client.raw("POST", "/signed", "", "a" * (MAX_BODY_BYTES + 1))) == (413, -1101)
    assert code_of(world.client.raw("GET", "/open", "a" * MAX_URL_BYTES)) == (414, -1101)


@pytest.mark.parametrize(
    ("query", "code"),
    [("a=%zz", -1100), ("a=%2", -1100), ("a=%ff", -1100), ("a=%00", -1100), ("a=1&a=2", -1101), ("a=%0a", -1100)],
)
def test_malformed_parameters_are_refused(query, code):
    world = World()
    assert code_of(world.client.raw("GET", "/open", query)) == (400, code)
    assert world.errors() == []


def test_too_many_parameters_are_refused_unread():
    assert code_of(World().client.raw("GET", "/open", "&".join(f"p{n}=1" for n in range(500)))) == (400, -1101)


def test_a_strict_route_refuses_what_it_does_not_take():
    world = World()
    assert world.client.public("/strict", symbol="A").status == 200
    reply = world.client.public("/strict", symbol="A", other="1")
    assert code_of(reply) == (400, -1104)
    assert "read '1' parameter(s) but was sent '2'" in reply.body["msg"]


def test_a_body_that_is_no_form_is_not_read():
    world = World()
    reply = world.client.raw("POST", "/signed", "", '{"timestamp": 1}', Content_Type="application/json")
    assert code_of(reply) == (400, -1102)


def test_a_refusal_of_the_core_keeps_its_status_and_headers():
    reply = World().client.public("/refuse")
    assert code_of(reply) == (400, -2010)
    assert reply.headers["X-Why"] == "test"


@pytest.mark.parametrize("path", ["/crash", "/badcost"])
def test_a_defect_of_ours_is_answered_and_recorded(path):
    world = World()
    assert code_of(world.client.public(path)) == (500, -1000)
    (error,) = world.errors()
    assert error["error"] in ("RuntimeError", "ZeroDivisionError")
    assert "desk_world:" in error["place"]


def _ws(world: World, method: str, params: dict[str, str], **more: Any) -> Any:
    return finished(world.desk.call(method, params, remote="127.0.0.1:9", **more))


def test_the_socket_api_is_signed_over_sorted_parameters():
    world = World()
    params = {"symbol": "BTCUSDT", "apiKey": KEY, "timestamp": str(T0)}
    params["signature"] = sign(SECRET, f"apiKey={KEY}&symbol=BTCUSDT&timestamp={T0}".encode())
    assert _ws(world, "order.place", params).body["account"] == "main"
    assert socket_payload(params) == f"apiKey={KEY}&symbol=BTCUSDT&timestamp={T0}".encode()
    params["symbol"] = "ETHUSDT"
    assert _ws(world, "order.place", params).body["code"] == -1022


def test_a_logged_on_session_needs_no_signature_but_a_timestamp():
    world = World()
    assert _ws(world, "order.place", {"timestamp": str(T0)}, account="main").body["account"] == "main"
    assert _ws(world, "order.place", {}, account="main").body["code"] == -1102
    assert _ws(world, "order.place", {"timestamp": str(T0)}).body["code"] == -2014


def test_an_http_path_is_no_socket_method():
    assert _ws(World(), "/open", {}).status in (404, 405)


def test_two_routes_for_one_path_are_a_mistake():
    with pytest.raises(ValueError, match="two routes"):
        RouteTable([ROUTES[0], ROUTES[0]])


def test_two_accounts_with_one_key_are_a_mistake():
    now = Now()
    with pytest.raises(ValueError, match="same API key"):
        Desk(
            market=Market.SPOT,
            exchange=SimpleNamespace(cancel_all=None),
            routes=(),
            accounts=(account("a"), account("b")),
            now_ms=now,
            wire=WireLog(now),
        )


_BYTES = st.binary(max_size=60)


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "BREW", ""]),
    path=st.sampled_from(["/open", "/signed", "/order", "/strict", "/", "", "//", "/open/", "/../open", "/%2e"]),
    query=_BYTES,
    body=_BYTES,
    key=st.sampled_from([KEY, "", "\x00", "Z" * 200]),
)
def test_whatever_bytes_come_in_an_answer_in_binances_shape_goes_out(method, path, query, body, key):
    world = World()
    reply = finished(world.desk.handle(RawRequest(method, path, query, {"X-MBX-APIKEY": key}, body, "")))
    assert isinstance(reply, Reply)
    assert reply.status == 200 or set(reply.body) == {"code", "msg"}
    assert world.errors() == []
