"""The three views of a moment: the venue's books are the truth, and nothing that differs is overlooked."""

from __future__ import annotations

import copy

import pytest

from opslab.reconcile.three_views import differences


def order(**changes):
    row = {
        "client_order_id": "O-1",
        "instrument": "BTCUSDT-PERP.BINANCE",
        "side": "BUY",
        "status": "NEW",
        "quantity": "0.010",
        "filled_quantity": "0",
    }
    return row | changes


def position(amount, **changes):
    row = {"instrument": "BTCUSDT-PERP.BINANCE", "signed_quantity": amount, "quantity": amount.lstrip("-")}
    return row | changes


def balance(total, currency="USDT"):
    return {"currency": currency, "total": total}


def views(**venue):
    books = {"orders": [order()], "positions": [position("0.020")], "balances": [balance("100")]} | venue
    engine = copy.deepcopy(books)
    engine["orders"] = [row | {"status": "ACCEPTED"} for row in engine["orders"]]
    strategy = {"orders": copy.deepcopy(engine["orders"]), "positions": copy.deepcopy(engine["positions"])}
    return {"venue": books, "engine": engine, "strategy": strategy}


def told(found):
    return [(item.view, item.difference.kind.value) for item in found]


def test_equal_views_agree():
    assert differences(views()) == []


def test_words_of_venue_and_engine_for_an_open_order_are_the_same():
    found = views()
    found["engine"]["orders"][0]["status"] = "PENDING_CANCEL"
    assert differences(found) == []


@pytest.mark.parametrize("status", ["REJECTED", "CANCELED", "FILLED", "EXPIRED", "DENIED"])
@pytest.mark.parametrize("whose", ["engine", "strategy"])
def test_an_order_that_somebody_takes_for_over_is_missing_there(whose, status):
    found = views()
    found[whose]["orders"][0]["status"] = status
    assert told(differences(found)) == [(whose, "missing_observed")]


@pytest.mark.parametrize("whose", ["engine", "strategy"])
def test_a_fill_that_somebody_does_not_know_of(whose):
    found = views(orders=[order(filled_quantity="0.004", status="PARTIALLY_FILLED")])
    found[whose]["orders"][0]["filled_quantity"] = "0"
    assert told(differences(found)) == [(whose, "filled_quantity")]


@pytest.mark.parametrize("whose", ["engine", "strategy"])
def test_a_position_of_another_size(whose):
    found = views()
    found[whose]["positions"] = [position("0.021")]
    assert told(differences(found)) == [(whose, "quantity")]


def test_two_positions_that_cancel_each_other_out_are_not_none():
    found = views(positions=[])
    found["engine"]["positions"] = [position("0.010"), position("-0.010")]
    assert told(differences(found)) == [("engine", "missing_expected")] * 2


def test_one_position_in_two_rows_is_one():
    found = views()
    found["engine"]["positions"] = [position("0.005"), position("0.015")]
    assert differences(found) == []


def test_a_balance_that_the_engine_does_not_know_of():
    found = views()
    found["engine"]["balances"] = [balance("99.99")]
    assert told(differences(found)) == [("engine", "total")]


def test_an_order_of_somebody_else_is_no_concern_of_the_strategy():
    found = views()
    found["venue"]["orders"].append(order(client_order_id="manual"))
    found["engine"]["orders"].append(order(client_order_id="manual"))
    assert differences(found) == []


def spot():
    found = views(positions=[position("0.00097")])
    del found["venue"]["positions"]
    return found


def test_spot_has_no_positions_at_the_venue():
    assert differences(spot()) == []


def test_on_spot_the_engine_rounds_what_fees_leave():
    found = spot()
    found["strategy"]["positions"] = [position("0.00096903")]
    assert differences(found) == []


def test_on_spot_a_whole_step_is_a_difference():
    found = spot()
    found["strategy"]["positions"] = [position("0.00096")]
    assert told(differences(found)) == [("strategy", "quantity")]
