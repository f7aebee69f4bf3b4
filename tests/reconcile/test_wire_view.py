"""What went over the wire is counted as it was, and held against the books."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.reconcile.wire_view import wire_differences, wire_view

FILL = {
    "c": "O-1",
    "t": 7,
    "s": "BTCUSDT",
    "S": "BUY",
    "l": "0.010",
    "L": "30000.0",
    "n": "0.06",
    "N": "USDT",
    "x": "TRADE",
}


def record(kind, **facts):
    return {"seq": 1, "time_ms": 1, "kind": kind, "facts": facts}


def sent(path, method="POST", **params):
    return record("request", method=method, path=path, params=params, account="main")


def told(socket=1, **changes):
    return record(
        "out", socket=socket, stream="ORDER_TRADE_UPDATE", data={"e": "ORDER_TRADE_UPDATE", "o": FILL | changes}
    )


def books(*fills):
    row = {"client_order_id": "O-1", "trade_id": 7, "symbol": "BTCUSDT", "side": "BUY", "price": "30000"}
    row |= {"quantity": "0.01", "commission": "0.06", "commission_asset": "USDT"}
    return {
        "accounts": {
            "main": {"fills": [row | changes for changes in fills]},
            "other": {"fills": [row | {"trade_id": 9}]},
        }
    }


def kinds(found):
    return [(item.view, item.difference.kind.value) for item in found]


@pytest.mark.parametrize(
    "request_record",
    [
        sent("/fapi/v1/order", newClientOrderId="O-1"),
        sent("/api/v3/order", newClientOrderId="O-1"),
        sent("/fapi/v1/algoOrder", clientAlgoId="O-1"),
        sent("order.place", "WS", newClientOrderId="O-1"),
        sent("/fapi/v1/batchOrders", batchOrders=json.dumps([{"newClientOrderId": "O-1"}])),
    ],
)
def test_orders_and_their_distinct_ids_are_counted(request_record):
    found = wire_view([request_record, request_record, sent("/fapi/v1/order", "DELETE"), sent("/fapi/v1/time", "GET")])
    assert (found["orders_sent"], found["client_order_ids"], found["requests"]) == (2, 1, 4)


def test_the_largest_weight_that_was_told_counts():
    replies = [record("reply", used_weight="12"), record("reply", used_weight="3"), record("reply", used_weight="odd")]
    assert wire_view(replies)["used_weight"] == 12
    assert wire_view([])["used_weight"] is None


def test_fills_that_were_told_as_they_are_do_not_differ():
    assert wire_differences(books({}), "main", wire_view([told()])) == []


@pytest.mark.parametrize(("price", "kinds_told"), [("30000.05", []), ("30000.1", [("wire", "price")])])
def test_a_fill_is_compared_to_one_tick(price, kinds_told):
    grid = {"symbols": {"BTCUSDT": {"tick_size": "0.1", "step_size": "0.001"}, "OLD": {"status": "TRADING"}}}
    assert kinds(wire_differences(books({}) | grid, "main", wire_view([told(L=price)]))) == kinds_told


def test_each_socket_of_an_account_tells_a_fill():
    assert wire_differences(books({}), "main", wire_view([told(1), told(2)])) == []


@pytest.mark.parametrize(
    ("records", "kind"),
    [
        ([], "missing_local"),
        ([told(), told()], "duplicate"),
        ([told(), told(t=8)], "fabricated"),
        ([told(L="30001.0")], "price"),
        ([told(l="0.011")], "quantity"),
        ([told(S="SELL")], "side"),
        ([told(n="0.07")], "fee"),
    ],
)
def test_each_lie_of_the_wire_is_one_difference(records, kind):
    assert kinds(wire_differences(books({}), "main", wire_view(records))) == [("wire", kind)]


def test_fills_of_other_accounts_are_no_concern():
    assert wire_differences(books({}), "main", wire_view([told(), told(t=9)])) == []


def test_spot_events_are_read_wrapped_or_not():
    report = {"e": "executionReport", **FILL}
    plain = record("out", socket=1, data=report)
    wrapped = record("out", socket=1, data={"subscriptionId": 0, "event": report})
    assert wire_view([plain])["fills"] == wire_view([wrapped])["fills"] != []


SCALAR = (
    st.none() | st.booleans() | st.integers() | st.sampled_from(["POST", "/fapi/v1/batchOrders", "[7", "12", "TRADE"])
)
JSON = SCALAR | st.dictionaries(st.sampled_from(["e", "o", "x", "event", "batchOrders"]), SCALAR, max_size=3)
FACTS = st.fixed_dictionaries({}, optional=dict.fromkeys(("method", "path", "data", "used_weight"), JSON))
PARAMS = st.dictionaries(st.sampled_from(["batchOrders", "newClientOrderId"]), SCALAR, max_size=2)


@given(st.lists(st.tuples(st.sampled_from(["request", "reply", "out", "odd"]), FACTS, PARAMS), max_size=5))
def test_odd_records_are_passed_over(rows):
    records = [{"kind": kind, "facts": {**facts, "params": params}} for kind, facts, params in rows]
    assert wire_view(records)["requests"] == sum(kind == "request" for kind, _, _ in rows)
