"""What the faults at requests, and the lies in replies, do."""

from __future__ import annotations

import asyncio

import pytest
from tests.venue.faults.conftest import START_MS, ask

from opslab.venue.faults.base import Hang, Reset, Wait
from opslab.venue.faults.catalogue import fault_of, read_fault
from opslab.venue.wire import Reply


def inject(stand, name, **settings):
    return stand.gate.inject(*read_fault({"fault": name, **settings}))


def before(stand, *args, **kwargs):
    return asyncio.run(stand.gate.before(ask(*args, **kwargs)))


def after(stand, body, path="/fapi/v1/order", method="GET", **kwargs):
    return asyncio.run(stand.gate.after(ask(path, method, **kwargs), Reply(200, body)))


@pytest.mark.parametrize(
    ("name", "settings", "status", "code"),
    [
        ("reject_requests", {"code": -2019}, 400, -2019),
        ("reject_requests", {"code": -1015, "status": 429}, 429, -1015),
        ("unknown_outcome", {"when": "before"}, 503, -1007),
        ("unknown_outcome", {"when": "before", "code": -1006}, 503, -1006),
        ("overload", {}, 503, -1008),
        ("cancel_only", {}, 400, -4140),
    ],
)
def test_orders_are_refused_and_cancels_pass(stand, name, settings, status, code):
    inject(stand, name, **settings)
    reply = before(stand)
    assert (reply.status, reply.body["code"]) == (status, code)
    assert reply.body["msg"]
    if name != "overload":
        assert before(stand, method="DELETE") is None


def test_cancel_only_speaks_the_language_of_spot(stand):
    inject(stand, "cancel_only")
    assert before(stand, "/api/v3/order").body == {"code": -1013, "msg": "Market is closed."}
    assert before(stand, "order.place", "WS").body["code"] == -1013
    assert before(stand, "/fapi/v1/order", "PUT").body["code"] == -4140
    assert before(stand, "order.cancel", "WS") is None


def test_an_unknown_outcome_comes_after_the_order_was_placed(stand):
    inject(stand, "unknown_outcome")
    assert before(stand) is None
    assert after(stand, {"orderId": 7}, method="POST").status == 503


def test_a_refusal_has_the_headers_that_were_asked_for(stand):
    inject(stand, "reject_requests", status=429, code=-1003, headers={"Retry-After": "3"})
    assert before(stand).headers == {"Retry-After": "3"}


def test_a_throttle_lets_some_in_and_says_when_to_come_back(stand):
    inject(stand, "throttle", allowed=2, window="10s")
    replies = [before(stand) for _ in range(3)]
    assert replies[:2] == [None, None]
    assert (replies[2].status, replies[2].body["code"]) == (429, -1003)
    stand.clock.pass_by(int(replies[2].headers["Retry-After"]))
    assert before(stand) is None


def test_a_ban_covers_everything_until_its_moment(stand):
    inject(stand, "ban", seconds="90s")
    reply = before(stand, "/fapi/v1/time", "GET", account=None)
    assert (reply.status, reply.body["code"], reply.headers["Retry-After"]) == (418, -1003, "90")
    assert f"IP(127.0.0.1) banned until {START_MS + 90_000}." in reply.body["msg"]
    stand.clock.pass_by(89.5)
    assert before(stand, method="DELETE").headers["Retry-After"] == "1"
    stand.clock.pass_by(0.5)
    assert before(stand) is None


def test_pages_and_empty_bodies_are_not_json(stand):
    inject(stand, "html_page", status=502)
    reply = before(stand)
    assert (reply.status, reply.headers["Content-Type"]) == (502, "text/html")
    assert reply.body.startswith("<html>")
    stand.gate.heal_all()
    inject(stand, "empty_body")
    assert after(stand, {"orderId": 7}).body == ""


@pytest.mark.parametrize(
    ("name", "settings", "effect"),
    [("delay_requests", {"seconds": "2s"}, Wait(2.0)), ("hang_requests", {}, Hang()), ("reset_requests", {}, Reset())],
)
@pytest.mark.parametrize("when", ["before", "after"])
def test_requests_wait_hang_and_are_reset_at_either_door(name, settings, effect, when):
    fault = fault_of(name, {**settings, "when": when})
    assert fault.doors == {when}
    assert (fault.before(ask()) if when == "before" else fault.after(ask(), Reply(200, {}))) == effect


def test_listen_keys_are_refused(stand):
    inject(stand, "refuse_listen_key", status=410, code=-1016)
    for method in ("POST", "PUT"):
        assert before(stand, "/fapi/v1/listenKey", method).status == 410
    assert before(stand, "/fapi/v1/listenKey", "DELETE") is None
    assert before(stand, "/api/v3/userDataStream").status == 410


def test_lists_are_empty(stand):
    injection = inject(stand, "empty_queries")
    assert after(stand, [{"orderId": 7}], "/fapi/v1/openOrders").body == []
    assert after(stand, [{"symbol": "BTCUSDT"}], "/fapi/v3/positionRisk").body == []
    assert injection.fired == 2
    assert after(stand, [], "/fapi/v1/openOrders").body == []
    assert after(stand, {"orderId": 7}).body == {"orderId": 7}
    assert injection.fired == 2


def test_balances_are_zero(stand):
    inject(stand, "zero_balances")
    account = {"feeTier": 0, "canTrade": True, "totalWalletBalance": "9", "assets": [{"asset": "USDT", "walletBalance": "9",
               "availableBalance": "8", "maxWithdrawAmount": "8", "updateTime": 5}]}  # fmt: skip
    body = after(stand, account, "/fapi/v2/account").body
    zero = "0.00000000"
    assert body == {"feeTier": 0, "canTrade": True, "totalWalletBalance": zero, "assets": [{"asset": "USDT",
                    "walletBalance": zero, "availableBalance": zero, "maxWithdrawAmount": zero, "updateTime": 5}]}  # fmt: skip
    assert account["totalWalletBalance"] == "9"
    spot = after(stand, {"balances": [{"asset": "BTC", "free": "1", "locked": "2"}]}, "/api/v3/account").body
    assert spot == {"balances": [{"asset": "BTC", "free": zero, "locked": zero}]}


def test_fresh_orders_are_not_there_yet(stand):
    inject(stand, "late_writes", seconds="2s")
    young, old = {"orderId": 2, "time": START_MS - 1_000}, {"orderId": 1, "time": START_MS - 2_001}
    assert after(stand, young).body["code"] == -2013
    assert after(stand, old).body == old
    assert after(stand, [old, young], "/fapi/v1/openOrders").body == [old]
    stand.clock.pass_by(2)
    assert after(stand, [old, young], "/fapi/v1/openOrders").body == [old, young]


def test_a_query_is_answered_as_it_was_first(stand):
    injection = inject(stand, "stale_replies", route="GET */account")
    first, second = {"free": "1"}, {"free": "2"}
    assert after(stand, first, "/fapi/v2/account", timestamp="1").body == first
    assert injection.fired == 0
    assert after(stand, second, "/fapi/v2/account", timestamp="2").body == first
    assert injection.fired == 1
    assert after(stand, second, "/fapi/v2/account", account="other").body == second
    assert after(stand, dict(first), "/fapi/v2/account").body == first
    assert injection.fired == 1


def test_a_snapshot_is_older_than_its_diffs(stand):
    inject(stand, "stale_snapshot", behind=50)
    assert after(stand, {"lastUpdateId": 100, "bids": []}, "/fapi/v1/depth").body["lastUpdateId"] == 50
    assert after(stand, {"lastUpdateId": 9}, "/api/v3/depth").body["lastUpdateId"] == 1


def test_replies_are_edited_and_refusals_are_not(stand):
    inject(stand, "edit_replies", route="GET */order", set={"status": "NEW_INSURANCE", "x.y": 1}, remove=["price"],
           scale={"origQty": "0"})  # fmt: skip
    body = {"status": "NEW", "price": "1.0", "origQty": "2.00", "x": {}}
    assert after(stand, body).body == {"status": "NEW_INSURANCE", "origQty": "0.00", "x": {"y": 1}}
    assert body["price"] == "1.0"
    refused = Reply(400, {"code": -2013, "msg": ""})
    assert asyncio.run(stand.gate.after(ask(method="GET"), refused)) is refused


def test_headers_may_lie(stand):
    inject(stand, "edit_replies", headers={"X-MBX-USED-WEIGHT-1M": "2399"})
    request = ask(method="GET")
    reply = asyncio.run(stand.gate.after(request, Reply(200, {"a": 1}, {"X-MBX-USED-WEIGHT-1M": "5", "X": "y"})))
    assert (reply.body, reply.headers) == ({"a": 1}, {"X-MBX-USED-WEIGHT-1M": "2399", "X": "y"})


def test_exchange_info_is_another(stand):
    info = {"symbols": [{"symbol": "ETHUSDT"}, {"symbol": "BTCUSDT", "status": "TRADING", "filters": [
        {"filterType": "PRICE_FILTER", "tickSize": "0.10"}, {"filterType": "LOT_SIZE", "stepSize": "0.001"}]}]}  # fmt: skip
    inject(stand, "edit_exchange_info", listed="BTCUSDT", status="SETTLING", set={"pricePrecision": 0},
           filters={"PRICE_FILTER": {"tickSize": "1"}})  # fmt: skip
    other, symbol = after(stand, info, "/fapi/v1/exchangeInfo").body["symbols"]
    assert other == {"symbol": "ETHUSDT"}
    assert (symbol["status"], symbol["pricePrecision"]) == ("SETTLING", 0)
    assert [one.get("tickSize") or one["stepSize"] for one in symbol["filters"]] == ["1", "0.001"]
    stand.gate.heal_all()
    inject(stand, "edit_exchange_info", listed="BTCUSDT", remove=True)
    assert after(stand, info, "/api/v3/exchangeInfo").body["symbols"] == [{"symbol": "ETHUSDT"}]
