"""The checks on the door, on refusals and on loopback: what passes, and each finding alone."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import find_check
from opslab.drill.history import History

PULL = {"market": "futures", "held": {"BTCUSDT": "0.010"}}
CLOSE = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "0.010", "reduceOnly": "True", "newClientOrderId": "O-1"}
CANCEL = {"symbol": "BTCUSDT", "origClientOrderId": "O-2"}


def ask(name, facts=None, run=None):
    finding = find_check(name).ask(History(() if run is None else (run,), facts or {}), None, Phase.VERIFY)
    return finding.result, finding.code


def left(route, params, *, pull=PULL, after="0.010"):
    request = {"seq": 1, "route": route, "params": params}
    return {"pull": pull, "requests": [request], "after": {"held": {"BTCUSDT": after}}}


@pytest.mark.parametrize(
    "facts",
    [
        left("POST /fapi/v1/order", CLOSE, after="0"),
        left("POST /fapi/v1/order", {**CLOSE, "reduceOnly": None, "positionSide": "LONG"}),
        left("PUT /fapi/v1/order", {**CLOSE, "reduceOnly": None}),
        left("DELETE /fapi/v1/order", CANCEL),
        left("PUT /fapi/v1/listenKey", {}),
        left("POST /api/v3/order", {**CLOSE, "reduceOnly": None}, pull={**PULL, "market": "spot"}),
    ],
)
def test_what_ends_risk_is_none(facts):
    assert ask("door.no_new_risk", facts) == (Result.PASS, "")


@pytest.mark.parametrize(
    "facts",
    [
        left("POST /fapi/v1/order", {**CLOSE, "side": "BUY"}),
        left("POST /fapi/v1/order", {**CLOSE, "quantity": "0.011"}),
        left("POST /fapi/v1/order", {**CLOSE, "reduceOnly": "False"}),
        left("POST /fapi/v1/order", {**CLOSE, "reduceOnly": None, "positionSide": "SHORT"}),
        left("POST /fapi/v1/order", {**CLOSE, "symbol": "ETHUSDT"}),
        left("POST /fapi/v1/algoOrder", {"symbol": "BTCUSDT", "side": "SELL", "closePosition": "true"}),
        left("POST /fapi/v1/batchOrders", {"batchOrders": "[]"}),
        left("PUT /fapi/v1/order", {**CLOSE, "quantity": "0.020"}),
        left("WS order.place", {**CLOSE, "side": "BUY"}),
        left("WS order.cancelReplace", {**CLOSE, "side": "BUY"}),
    ],
)
def test_new_risk_on_the_wire_is_found(facts):
    assert ask("door.no_new_risk", facts) == (Result.FAIL, "OPS-DOOR-OPEN")


@pytest.mark.parametrize("after", ["0.011", "-0.001"])
def test_a_position_that_grew_is_found(after):
    assert ask("door.no_new_risk", left("POST /fapi/v1/order", CLOSE, after=after)) == (Result.FAIL, "OPS-DOOR-GREW")


def tried(must, order="O-1", told=None):
    return [{"what": "it", "order": order, "symbol": "BTCUSDT", "must": must, "told": told}]


@pytest.mark.parametrize(
    ("must", "order", "route", "params", "code"),
    [
        ("pass", "O-1", "POST /fapi/v1/order", CLOSE, ""),
        ("cancel", "O-2", "DELETE /fapi/v1/order", CANCEL, ""),
        ("cancel", "O-2", "DELETE /fapi/v1/allOpenOrders", {"symbol": "BTCUSDT"}, ""),
        ("cancel", "O-2", "DELETE /fapi/v1/allOpenOrders", {"symbol": "ETHUSDT"}, "OPS-DOOR-SHUT"),
        ("pass", "O-2", "DELETE /fapi/v1/order", CANCEL, "OPS-DOOR-SHUT"),
        ("cancel", "O-1", "POST /fapi/v1/order", CLOSE, "OPS-DOOR-SHUT"),
        ("pass", "O-3", "POST /fapi/v1/order", CLOSE, "OPS-DOOR-SHUT"),
        ("stop", "O-3", "POST /fapi/v1/order", CLOSE, "OPS-DOOR-NOTHING"),
    ],
)
def test_what_had_to_pass_is_looked_for(must, order, route, params, code):
    found = ask("door.lets_close", {**left(route, params), "tried": tried(must, order)})
    assert found == (Result.FAIL if code else Result.PASS, code)


@pytest.mark.parametrize(
    ("must", "told", "code"),
    [
        ("stop", "KILL_SWITCH pulled (it would add)", ""),
        ("stop", "insufficient margin", "OPS-DOOR-UNEXPLAINED"),
        ("stop", None, "OPS-DOOR-UNEXPLAINED"),
        ("pass", None, "OPS-DOOR-NOTHING"),
    ],
)
def test_what_was_stopped_must_say_why(must, told, code):
    assert ask("door.explains", {"tried": tried(must, told=told)}) == (Result.FAIL if code else Result.PASS, code)


@pytest.mark.parametrize(
    ("name", "code"), [("respect_ban", "OPS-BAN-IGNORED"), ("respect_retry_after", "OPS-RETRY-AFTER-IGNORED")]
)
@pytest.mark.parametrize(("time_ms", "is_early"), [(999, True), (1000, False)])
def test_a_request_before_the_end_is_found(name, code, time_ms, is_early):
    request = {"seq": 1, "time_ms": time_ms, "route": "POST /fapi/v1/order"}
    found = ask(f"requests.{name}", {"refused": {"until_ms": 1000, "requests": [request]}})
    assert found == ((Result.FAIL, code) if is_early else (Result.PASS, ""))


@pytest.mark.parametrize(("status", "code"), [("ACCEPTED", ""), ("REJECTED", ""), ("SUBMITTED", "OPS-ORDER-IN-FLIGHT")])
def test_an_order_in_flight_is_found(status, code):
    rows = [{"client_order_id": "O-1", "status": status}]
    run = SimpleNamespace(latest_views={"strategy": {"orders": rows}}, spec=None)
    assert ask("orders.resolved", run=run) == (Result.FAIL if code else Result.PASS, code)


REFUSAL = {"setting": "data_clients.BINANCE.base_url_ws", "value": None, "told": None, "built": False}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"told": "data_clients.BINANCE.base_url_ws: is not set"}, ""),
        ({"told": "no"}, "OPS-LOOPBACK-UNEXPLAINED"),
        ({}, "OPS-LOOPBACK-OPEN"),
        ({"told": "data_clients.BINANCE.base_url_ws: is not set", "built": True}, "OPS-LOOPBACK-OPEN"),
    ],
)
def test_a_node_that_was_built_is_found(changes, code):
    found = ask("loopback.refused", {"refusals": [{**REFUSAL, **changes}]})
    assert found == (Result.FAIL if code else Result.PASS, code)


def test_a_rehearsal_without_an_address_proves_nothing():
    assert ask("loopback.refused", {"refusals": []}) == (Result.FAIL, "OPS-LOOPBACK-NOTHING")


ALONE = {
    "namespace": ["net:[1]", "net:[2]"],
    "why": None,
    "interfaces": ["lo"],
    "outside": "ENETUNREACH",
    "status": "completed",
    "error": None,
    "fills": 2,
}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, ""),
        ({"namespace": ["net:[1]", "net:[1]"]}, "OPS-LOOPBACK-NOT-ALONE"),
        ({"interfaces": ["lo", "eth0"]}, "OPS-LOOPBACK-NOT-ALONE"),
        ({"outside": "connected"}, "OPS-LOOPBACK-NOT-ALONE"),
        ({"status": "failed", "error": "no way out"}, "OPS-LOOPBACK-NEEDED"),
        ({"fills": 0}, "OPS-LOOPBACK-NEEDED"),
    ],
)
def test_a_run_that_was_not_alone_or_did_not_trade_is_found(changes, code):
    assert ask("loopback.alone", {"alone": {**ALONE, **changes}}) == (Result.FAIL if code else Result.PASS, code)
