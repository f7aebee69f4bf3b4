from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.safety.flatten.script import LOST, UNSENT, always, busy_futures, busy_spot, is_close, once, refused

from opslab.errors import OpsLabError
from opslab.safety.flatten.talk import KeysRefusedError
from opslab.safety.flatten.turns import Answer


def test_a_futures_account_is_emptied_in_two_looks():
    script = busy_futures()
    done = script.flatten()
    assert done.is_flat
    assert script.is_flat()
    assert (done.cancelled, done.closed, done.rounds) == (4, 1, 2)
    assert script.sold() == Decimal("0.030")
    assert done.contain_ms <= done.flat_ms


def test_a_spot_account_sells_what_the_cancels_freed():
    script = busy_spot()
    done = script.flatten()
    assert done.is_flat
    assert script.is_flat()
    assert script.sold() == 2


@pytest.mark.parametrize(("keep", "sold"), [("0.75", "1.25"), ("2", "0"), ("2.000001", "0")])
def test_what_a_spot_account_held_before_is_not_sold(keep, sold):
    script = busy_spot()
    script.account = replace(script.account, keep={"BTC": Decimal(keep), "ETH": Decimal(1)})
    done = script.flatten()
    assert done.is_flat
    assert (script.sold(), done.left.positions) == (Decimal(sold), {})
    assert script.is_flat()


def test_an_empty_account_is_flat_at_the_first_look():
    script = busy_futures()
    script.flatten()
    again = script.flatten("fl-b")
    assert (again.is_flat, again.rounds, again.cancelled, again.closed) == (True, 1, 0, 0)


@pytest.mark.parametrize("path", ["openOrders", "openAlgoOrders", "positionRisk", "account"])
@pytest.mark.parametrize(
    "told",
    [
        refused(-1001, 500),
        Answer(503, {}, b"<html>"),
        Answer(200, {}, b""),
        Answer(200, {}, b"{}"),
        Answer(200, {}, b"null"),
        Answer(200, {}, b'[{"symbol": 1}]'),
        Answer(302, {"location": "http://example.com"}, b""),
        LOST,
        UNSENT,
    ],
    ids=str,
)
def test_what_the_venue_does_not_tell_is_never_empty(path, told):
    script = busy_futures()
    script.interfere = always(lambda request: request.path.endswith(path) and request.method == "GET", told)
    done = script.flatten(seconds=3)
    assert not done.is_flat
    assert done.left.unknown
    assert script.is_flat(), "what is known is ended all the same"


def test_an_empty_list_that_the_account_contradicts_is_not_flat():
    script = busy_futures()
    script.interfere = always(lambda request: request.path.endswith("positionRisk"), Answer(200, {}, b"[]"))
    done = script.flatten(seconds=3)
    assert done.is_flat
    assert script.sold() == Decimal("0.030"), "the account's own word is acted upon"


def test_margin_of_orders_that_no_list_shows_is_not_flat():
    script = busy_futures()
    script.interfere = always(
        lambda request: request.path.endswith("rders") and request.method == "GET", Answer(200, {}, b"[]")
    )
    done = script.flatten(seconds=2)
    assert not done.is_flat
    assert any("reserves margin" in what for what in done.left.unknown)


def test_a_spot_account_that_shows_nothing_at_all_is_not_flat():
    script = busy_spot()
    script.interfere = always(
        lambda request: request.path.endswith("account"), Answer(200, {}, json.dumps({"balances": []}).encode())
    )
    done = script.flatten(seconds=2)
    assert not done.is_flat


@pytest.mark.parametrize("code", [-2014, -2015, -1022])
def test_wrong_keys_stop_it_at_once(code):
    script = busy_futures()
    script.interfere = always(lambda request: request.is_signed, refused(code, 401))
    with pytest.raises(KeysRefusedError, match=str(code)):
        script.flatten()
    assert len(script.requests) == 1


def test_keys_that_were_good_are_not_doubted_by_one_answer():
    script = busy_futures()
    script.interfere = once(is_close, refused(-2015, 401))
    assert script.flatten().is_flat


@pytest.mark.parametrize("code", [-2022, -4118, -4131, -1013, -4164, -1008, -1021, -4108])
def test_a_refused_close_is_tried_again_under_another_id(code):
    script = busy_futures()
    script.interfere = once(is_close, refused(code))
    done = script.flatten()
    assert done.is_flat
    assert script.is_flat()
    ids = [dict(request.params)["newClientOrderId"] for request in script.requests if is_close(request)]
    assert len(ids) == len(set(ids)) == 2


def test_a_halted_symbol_is_named_when_the_time_is_up():
    script = busy_futures()
    script.interfere = always(is_close, refused(-4108))
    done = script.flatten(seconds=10)
    assert not done.is_flat
    assert done.left.positions == {"BTCUSDT": Decimal("0.030")}
    assert "-4108" in done.why["BTCUSDT"]
    assert done.contain_ms is not None
    assert script.sold() == 0


def test_a_symbol_that_cannot_be_cancelled_keeps_no_other_from_it():
    script = busy_futures()
    world = script.world
    world.client.ok("POST", "/fapi/v1/order", **world.limit(symbol="ETHUSDT", price="1000.00", quantity="1"))
    script.interfere = always(
        lambda request: request.method == "DELETE" and dict(request.params)["symbol"] == "ETHUSDT", refused(-4108)
    )
    done = script.flatten(seconds=3)
    assert [order.symbol for order in done.left.orders] == ["ETHUSDT"]
    assert not done.left.positions
    assert "ETHUSDT" in done.why


def test_named_symbols_alone_are_emptied():
    from dataclasses import replace

    script = busy_futures()
    world = script.world
    world.client.ok("POST", "/fapi/v1/order", **world.limit(symbol="ETHUSDT", price="1000.00", quantity="1"))
    script.account = replace(script.account, symbols=("BTCUSDT",))
    done = script.flatten()
    assert [order.command.symbol for order in world.exchange.open_orders("main")] == ["ETHUSDT"]
    assert not done.left.orders


def test_an_order_that_appears_meanwhile_is_cancelled_too():
    script = busy_futures()

    def interfere(number, request, send):
        told = send()
        if is_close(request):
            script.world.place(price="57000.0")
        return told

    script.interfere = interfere
    done = script.flatten()
    assert done.is_flat
    assert script.is_flat()
    assert done.cancelled == 5


@pytest.mark.parametrize("flatten_id", ["", "a b", "x" * 25, "ä", "a/b"])
def test_an_id_that_the_venue_would_not_take_is_refused(flatten_id):
    with pytest.raises(OpsLabError, match="flatten_id"):
        busy_futures().flatten(flatten_id)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), 1e9])
def test_a_time_that_is_none_is_refused(seconds):
    with pytest.raises(OpsLabError, match="seconds"):
        busy_futures().flatten(seconds=seconds)


def test_somebody_who_keeps_placing_orders_does_not_get_it_banned():
    script = busy_futures()

    def interfere(_number, request, send):
        told = send()
        if request.method == "DELETE":
            script.world.place(price="57000.0")
        return told

    script.interfere = interfere
    done = script.flatten(seconds=120)
    assert not done.is_flat
    assert done.rounds > 20
    assert not any("429" in step.text or "418" in step.text for step in script.steps)
    assert not done.left.unknown


def test_a_position_that_is_shown_late_is_not_closed_again():
    script = busy_futures()
    before = []

    def interfere(_number, request, send):
        told = send()
        if request.path.endswith(("positionRisk", "account")):
            before.append((request.path, told))
            if 2 < len(before) <= 6:
                return next(answer for path, answer in before if path == request.path)
        return told

    script.interfere = interfere
    done = script.flatten()
    assert done.is_flat
    assert len([request for request in script.requests if is_close(request)]) == 1
