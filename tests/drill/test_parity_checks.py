"""The comparison of a paper run with a backtest: what is the same, each kind of difference, and which have a cause."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.drill import Phase, Result
from opslab.contract.spec import Mode
from opslab.drill.checks import find_check
from opslab.drill.history import History
from opslab.evidence.deeds import LAST_OPEN, deeds_of, differences, positions_of, symbol_of


def order(name="1", side="BUY", quantity="2", fills=(("2", "100"),), *, ending=(), perpetual=False, **more):
    instrument = "BTCUSDT-PERP.BINANCE" if perpetual else "BTCUSDT.BINANCE"
    made = {"order_side": side, "order_type": "MARKET", "quantity": quantity, "instrument_id": instrument, **more}
    events = [{"type": "OrderInitialized", **made}, {"type": "OrderSubmitted"}]
    events += [{"type": "OrderFilled", "last_qty": size, "last_px": price} for size, price in fills]
    return [{**event, "client_order_id": name} for event in [*events, *ending]]


REJECTED = ({"type": "OrderRejected", "reason": "-2010"},)
CANCELED = ({"type": "OrderAccepted"}, {"type": "OrderCanceled"})


def kinds(left, right):
    return [item.kind for item in differences(deeds_of(left), deeds_of(right))]


def ask(backtest, paper):
    runs = tuple(
        SimpleNamespace(spec=SimpleNamespace(mode=mode), events=events)
        for mode, events in ((Mode.BACKTEST, backtest), (Mode.PAPER, paper))
        if events is not None
    )
    finding = find_check("parity.same").ask(History(runs, {}), None, Phase.VERIFY)
    return finding.result, finding.code


def test_another_name_of_the_contract_other_ids_and_trailing_zeros_are_the_same():
    paper = order("O-7", perpetual=True, quantity="2.000", fills=[("2.000", "100.0")])
    assert kinds(order(), paper) == []
    assert ask(order(), paper) == (Result.PASS, "")


@pytest.mark.parametrize(
    ("paper", "found"),
    [
        ([], ["order_missing", "position"]),
        (order() + order("2", fills=()), ["order_extra"]),
        (order(side="SELL"), ["intent", "position"]),
        (order(price="99"), ["intent"]),
        (order(fills=[("2", "101")]), ["fill_price"]),
        (order(fills=[("1", "100")]), ["fill_quantity", "ending", "position"]),
        (order(fills=(), ending=CANCELED), ["fill_quantity", "ending", "position"]),
        (order(fills=(), ending=REJECTED), ["refused", "position"]),
    ],
)
def test_each_difference_has_its_kind_and_fails_without_a_cause(paper, found):
    assert kinds(order(), paper) == found
    code = "OPS-PARITY-REFUSED" if found[0] == "refused" else "OPS-PARITY-DIFFERENT"
    assert ask(order(), paper) == (Result.FAIL, code)


def test_the_same_fill_in_parts_has_a_cause():
    parts = order(fills=[("1.5", "100"), ("0.5", "100")])
    assert kinds(order(), parts) == ["fill_parts"]
    assert ask(order(), parts) == (Result.PASS, "")


def test_an_order_after_the_last_open_has_a_cause_and_explains_the_position():
    late = order("2", fills=())
    found = differences(deeds_of(order() + late), deeds_of(order() + order("2")))
    assert {item.cause for item in found} == {LAST_OPEN}
    assert ask(order() + late, order() + order("2")) == (Result.PASS, "")


def test_a_cause_does_not_explain_what_another_order_did():
    left = order(fills=[("1", "100")]) + order("2", fills=())
    right = order() + order("2")
    assert ask(left, right) == (Result.FAIL, "OPS-PARITY-DIFFERENT")


def test_a_refusal_in_both_is_the_same():
    refused = order("2", fills=(), ending=REJECTED)
    assert kinds(order() + refused, order() + refused) == []


def test_nothing_filled_or_one_side_missing_proves_nothing():
    empty = order(fills=(), ending=CANCELED)
    assert ask(empty, empty) == (Result.FAIL, "OPS-PARITY-NOTHING")
    assert ask(order(), None) == (Result.UNKNOWN, "OPS-FACTS-MISSING")


def test_an_amended_order_is_compared_as_it_was_asked_for_at_last():
    update = ({"type": "OrderUpdated", "quantity": "1", "price": "98"},)
    assert kinds(order(fills=(), ending=update), order(quantity="1", price="98", fills=())) == []


@pytest.mark.parametrize(
    ("name", "symbol"), [("BTCUSDT.BINANCE", "BTCUSDT"), ("BTCUSDT-PERP.BINANCE", "BTCUSDT"), ("A.B.BINANCE", "A.B")]
)
def test_the_symbol_is_the_venues(name, symbol):
    assert symbol_of(name) == symbol


SIZES = st.integers(1, 50)
ORDERS = st.lists(st.tuples(st.sampled_from(["BUY", "SELL"]), st.lists(SIZES, max_size=3)), max_size=6)


def stream(orders):
    return [
        event
        for number, (side, sizes) in enumerate(orders)
        for event in order(str(number), side, str(sum(sizes) or 1), [(str(size), "100") for size in sizes])
    ]


@given(ORDERS)
def test_a_run_is_the_same_as_itself_and_its_position_is_the_sum_of_its_fills(orders):
    deeds = deeds_of(stream(orders))
    assert differences(deeds, deeds) == []
    total = sum((1 if side == "BUY" else -1) * sum(sizes) for side, sizes in orders)
    assert positions_of(deeds) == ({"BTCUSDT": Decimal(total)} if total else {})


@given(ORDERS, ORDERS)
def test_different_positions_never_go_unseen(left, right):
    one, other = deeds_of(stream(left)), deeds_of(stream(right))
    if positions_of(one) != positions_of(other):
        assert "position" in {item.kind for item in differences(one, other)}
