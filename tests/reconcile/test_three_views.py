"""The three views of a moment: the venue's books are the truth, and nothing that differs is overlooked."""

from __future__ import annotations

import copy

import pytest

from opslab.reconcile.judging import judge_views
from opslab.reconcile.three_views import all_differences, differences


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
def test_an_order_that_somebody_takes_for_over_has_another_status(whose, status):
    found = views()
    found[whose]["orders"][0]["status"] = status
    assert told(differences(found)) == [(whose, "status")]


@pytest.mark.parametrize("whose", ["engine", "strategy"])
def test_an_order_that_somebody_takes_for_open_has_another_status(whose):
    found = views(orders=[order(status="FILLED")])
    found["strategy"]["orders"][0]["status"] = found["engine"]["orders"][0]["status"] = "FILLED"
    found[whose]["orders"][0]["status"] = "ACCEPTED"
    assert told(differences(found)) == [(whose, "status")]


def test_nobody_must_remember_an_order_that_is_over():
    found = views(orders=[order(status="FILLED")])
    found["engine"]["orders"], found["strategy"]["orders"] = [], []
    assert differences(found) == []


def test_a_long_that_somebody_takes_for_a_short_has_another_side():
    found = views()
    found["engine"]["positions"] = [position("-0.020")]
    assert told(differences(found)) == [("engine", "side")]


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
    assert told(differences(found)) == [("engine", "missing_venue")] * 2


def test_one_position_in_two_rows_is_one():
    found = views()
    found["engine"]["positions"] = [position("0.005"), position("0.015")]
    assert differences(found) == []


def test_a_balance_that_the_engine_does_not_know_of():
    found = views()
    found["engine"]["balances"] = [balance("99.99")]
    assert told(differences(found)) == [("engine", "balance")]


def test_an_order_of_somebody_else_is_no_concern_of_the_strategy():
    found = views()
    found["venue"]["orders"].append(order(client_order_id="manual"))
    found["engine"]["orders"].append(order(client_order_id="manual"))
    assert differences(found) == []


def spot():
    found = views(positions=[position("0.00097")], balances=[balance("100"), balance("7", "BTC")])
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


def test_on_spot_what_fees_leave_of_a_closed_position_is_none():
    found = spot()
    found["engine"]["positions"] = [position("0.00000")]
    found["strategy"]["positions"] = [position("-0.00000042")]
    assert differences(found) == []
    found["strategy"]["positions"] = [position("-0.5")]
    assert told(differences(found)) == [("strategy", "missing_venue")]


RESTING = {"type": "LIMIT", "price": "30000.0", "trigger_price": None, "reduce_only": False}


def resting(**engine):
    """Views of one resting order, as the engine has it otherwise; tick 0.1."""
    found = views(
        orders=[order(**RESTING, position_side="BOTH")],
        instruments={"BTCUSDT-PERP.BINANCE": {"tick_size": "0.1", "step_size": "0.001"}},
    )
    found["engine"]["orders"] = [order(**{**RESTING, "status": "ACCEPTED", **engine})]
    found["strategy"]["orders"] = [order(status="ACCEPTED")]
    return found


@pytest.mark.parametrize(
    ("engine", "kinds"),
    [
        ({}, []),
        ({"price": "30000"}, []),
        ({"price": "30000.05"}, []),
        ({"price": "30000.1"}, ["price"]),
        ({"price": "31000.0", "status": "PENDING_UPDATE"}, ["price"]),
        ({"price": None}, []),
        ({"type": "MARKET"}, ["type"]),
        ({"type": "STOP_LIMIT"}, []),
        ({"reduce_only": True}, ["reduce_only"]),
        ({"reduce_only": None}, []),
        ({"price": "31000.0", "type": "MARKET", "status": "CANCELED"}, ["status"]),
    ],
)
def test_what_an_order_rests_at_is_compared_where_both_sides_tell_it(engine, kinds):
    assert told(differences(resting(**engine))) == [("engine", kind) for kind in kinds]


@pytest.mark.parametrize(
    ("sides", "engine", "kinds"),
    [
        ("STOP_MARKET", {"type": "STOP_MARKET", "trigger_price": "29000"}, []),
        ("STOP_MARKET", {"type": "STOP_MARKET", "trigger_price": "29000.2"}, ["trigger_price"]),
        ("STOP_MARKET", {"type": "STOP_LIMIT", "trigger_price": "29000"}, ["type"]),
        ("STOP", {"type": "STOP_LIMIT", "trigger_price": "29000"}, []),
        ("TAKE_PROFIT_MARKET", {"type": "MARKET_IF_TOUCHED", "trigger_price": "29000"}, []),
        ("TAKE_PROFIT", {"type": "LIMIT_IF_TOUCHED", "trigger_price": "29000"}, []),
    ],
)
def test_what_a_conditional_order_waits_for_is_compared(sides, engine, kinds):
    found = resting(**engine, price=None)
    found["venue"]["orders"][0] |= {"type": sides, "trigger_price": "29000.0", "price": "0"}
    assert told(differences(found)) == [("engine", kind) for kind in kinds]


@pytest.mark.parametrize("position_side", ["LONG", "SHORT", None])
def test_a_hedged_order_closes_by_its_position_side(position_side):
    found = resting(reduce_only=True)
    found["venue"]["orders"][0]["position_side"] = position_side
    assert differences(found) == []


def test_an_order_that_is_there_twice_is_told_however_alike_it_is():
    found = views()
    found["engine"]["orders"] *= 2
    assert told(differences(found)) == [("engine", "duplicate")]


@pytest.mark.parametrize("number", ["NaN", "sNaN"])
def test_what_is_not_a_number_equals_nothing_not_even_itself(number):
    found = views(orders=[order(quantity=number)])
    assert {kind for _, kind in told(differences(found))} == {"quantity"}


def by_hand(status="FILLED", filled="0.010"):
    """Views after somebody else's order, which the engine follows."""
    found = views(fills=[])
    found["engine"]["fills"], found["strategy"]["fills"] = [], []
    row = order(client_order_id="web", status=status, filled_quantity=filled)
    found["venue"]["orders"].append(row)
    found["engine"]["orders"].append({**row, "status": "ACCEPTED" if status == "NEW" else status})
    return found


@pytest.mark.parametrize(
    ("status", "filled", "kinds"),
    [
        ("FILLED", "0.010", ["unattributed_ended"]),
        ("CANCELED", "0.004", ["unattributed_ended"]),
        ("CANCELED", "0", []),
        ("NEW", "0", ["unattributed"]),
        ("PARTIALLY_FILLED", "0.004", ["unattributed"]),
    ],
)
def test_an_order_of_somebody_else_counts_while_it_rests(status, filled, kinds):
    found = all_differences(by_hand(status, filled))
    assert told(found) == [("strategy", kind) for kind in kinds]
    assert judge_views(found).passed == (kinds != ["unattributed"])


@pytest.mark.parametrize("whose", ["engine", "strategy"])
def test_an_order_of_somebody_else_counts_while_its_position_differs(whose):
    found = by_hand()
    found[whose]["positions"] = [position("0.010")]
    assert told(all_differences(found)) == [(whose, "quantity"), ("strategy", "unattributed")]
    found[whose]["positions"] = [position("0.020"), position("3", instrument="ETHUSDT-PERP.BINANCE")]
    assert told(all_differences(found)) == [(whose, "missing_venue"), ("strategy", "unattributed_ended")]


def test_an_order_of_somebody_else_counts_while_a_balance_differs():
    found = by_hand()
    found["engine"]["balances"] = [balance("99")]
    assert told(all_differences(found)) == [("engine", "balance"), ("strategy", "unattributed")]


def test_on_spot_what_was_sold_by_hand_is_no_short():
    found = spot()
    found["engine"]["positions"] = [position("0.00395"), position("-0.00100")]
    found["strategy"]["positions"] = [position("0.003947")]
    assert [str(item) for item in differences(found) if item.view == "strategy"] == [
        "strategy: quantity BTCUSDT-PERP.BINANCE expected=0.00295 observed=0.003947"
    ]
    found["strategy"]["positions"] = [position("0.002947")]
    assert [item for item in differences(found) if item.view == "strategy"] == []


def test_on_spot_what_was_there_before_may_be_sold_by_hand():
    found = spot()
    found["engine"]["positions"], found["strategy"]["positions"] = [position("-0.50000")], []
    assert differences(found) == []


@pytest.mark.parametrize(
    ("total", "kinds"),
    [("0.00097", []), ("0.00096903", []), ("5", []), ("0.00096", ["quantity"]), ("0", ["quantity"])],
)
def test_on_spot_the_account_has_what_the_engine_holds(total, kinds):
    found = spot()
    for name in ("venue", "engine"):
        found[name]["balances"] = [balance("100"), balance(total, "BTC"), balance("0", "B")]
    assert told(differences(found)) == [("engine", kind) for kind in kinds]
