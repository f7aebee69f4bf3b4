"""Views that agree never differ; one change of one row is one difference, of exactly its kind."""

from __future__ import annotations

import copy
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from opslab.contract.reconciliation import DifferenceKind as Kind
from opslab.reconcile.three_views import all_differences, differences

NAMES = ["BTCUSDT-PERP.BINANCE", "ETHUSDT-PERP.BINANCE"]
TICK, STEP = Decimal("0.10"), Decimal("0.001")
QUANTITY = st.integers(1, 10**6).map(lambda steps: str(steps * STEP))
PRICE = st.integers(1, 10**7).map(lambda ticks: str(ticks * TICK))
SIDE = st.sampled_from(["BUY", "SELL"])


@st.composite
def agreeing(draw):
    """Return three views that agree."""
    orders, fills = [], []
    for number in range(draw(st.integers(0, 4))):
        quantity = draw(QUANTITY)
        row = {"client_order_id": f"O-{number}", "instrument": draw(st.sampled_from(NAMES)), "side": draw(SIDE)}
        status = draw(st.sampled_from(["NEW", "FILLED", "CANCELED"]))
        filled = quantity if status == "FILLED" else "0"
        orders.append({**row, "status": status, "quantity": quantity, "filled_quantity": filled})
        if status == "FILLED":
            fee = {"fee": draw(QUANTITY), "fee_currency": "USDT"}
            fills.append({**row, "trade_id": f"{number}", "quantity": quantity, "price": draw(PRICE), **fee})
    positions = [
        {
            "instrument": name,
            "signed_quantity": draw(st.sampled_from(["", "-"])) + draw(QUANTITY),
            "quantity": "0.000",
            "average_open_price": draw(PRICE),
        }
        for name in draw(st.lists(st.sampled_from(NAMES), unique=True))
    ]
    balances = [
        {"currency": code, "total": draw(QUANTITY)} for code in draw(st.lists(st.sampled_from(["USDT", "BNB"])))
    ]
    by_code = {row["currency"]: row for row in balances}
    venue = {
        "orders": orders,
        "fills": fills,
        "positions": positions,
        "balances": list(by_code.values()),
        "instruments": {name: {"tick_size": str(TICK), "step_size": str(STEP)} for name in NAMES},
    }
    engine = {name: copy.deepcopy(venue[name]) for name in ("orders", "fills", "positions", "balances")}
    for row in engine["orders"]:
        row["status"] = {"NEW": "ACCEPTED"}.get(row["status"], row["status"])
    strategy = {name: copy.deepcopy(engine[name]) for name in ("orders", "fills", "positions")}
    return {"venue": venue, "engine": engine, "strategy": strategy}


def more(text: str, step: Decimal) -> str:
    """Return a number that is further away from zero by ``step``."""
    number = Decimal(text)
    return f"{number + (step if number > 0 else -step):f}"


def flipped(text: str) -> str:
    """Return the other side, or a number with the other sign."""
    return {"BUY": "SELL", "SELL": "BUY"}.get(text) or (text[1:] if text.startswith("-") else f"-{text}")


CHANGES = {
    ("orders", "status", "status"): lambda row: {"status": "CANCELED" if row["status"] != "CANCELED" else "ACCEPTED"},
    ("orders", "side", "side"): lambda row: {"side": flipped(row["side"])},
    ("orders", "quantity", "quantity"): lambda row: {"quantity": more(row["quantity"], STEP)},
    ("orders", "filled_quantity", "filled_quantity"): lambda row: {"filled_quantity": more(row["quantity"], STEP)},
    ("positions", "quantity", "signed_quantity"): lambda row: {"signed_quantity": more(row["signed_quantity"], STEP)},
    ("positions", "side", "signed_quantity"): lambda row: {"signed_quantity": flipped(row["signed_quantity"])},
    ("positions", "average_price", "average_open_price"): lambda row: {
        "average_open_price": more(row["average_open_price"], TICK)
    },
    ("fills", "side", "side"): lambda row: {"side": flipped(row["side"])},
    ("fills", "quantity", "quantity"): lambda row: {"quantity": more(row["quantity"], STEP)},
    ("fills", "price", "price"): lambda row: {"price": more(row["price"], TICK)},
    ("fills", "fee", "fee"): lambda row: {"fee": more(row["fee"], Decimal("0.00000002"))},
    ("fills", "fee", "fee_currency"): lambda row: {"fee_currency": "BNB"},
    ("balances", "balance", "total"): lambda row: {"total": more(row["total"], Decimal("0.00000001"))},
}
"""By list, kind and field: how one row is changed so that it differs in exactly that kind."""

WHOSE = st.sampled_from(["engine", "strategy"])
MIRRORED = {Kind.MISSING_LOCAL: Kind.MISSING_VENUE, Kind.MISSING_VENUE: Kind.MISSING_LOCAL}


def told(found: Any) -> list[tuple[str, str]]:
    return [(item.view, item.difference.kind.value) for item in found]


def a_row(data: Any, views: Any, whose: str, name: str) -> int:
    rows = views[whose].get(name, [])
    assume(rows)
    return int(data.draw(st.integers(0, len(rows) - 1)))


@given(agreeing())
def test_views_that_agree_never_differ(views):
    assert all_differences(views) == []


@pytest.mark.parametrize("change", CHANGES, ids=lambda key: f"{key[0]}-{key[2]}-{key[1]}")
@given(data=st.data(), views=agreeing())
def test_one_change_is_one_difference_of_its_kind(change, data, views):
    name, kind, _field = change
    whose = "engine" if name == "balances" else data.draw(WHOSE)
    row = views[whose][name][a_row(data, views, whose, name)]
    row |= CHANGES[change](row)
    assert told(all_differences(views)) == [(whose, kind)]


@given(data=st.data(), views=agreeing())
def test_what_only_the_venue_has_is_missing_locally(data, views):
    whose, name = data.draw(WHOSE), data.draw(st.sampled_from(["positions", "fills"]))
    del views[whose][name][a_row(data, views, whose, name)]
    assert told(all_differences(views)) == [(whose, "missing_local")]


@given(data=st.data(), views=agreeing())
def test_what_only_somebody_believes_in_is_missing_at_the_venue(data, views):
    index = a_row(data, views, "venue", "positions")
    gone = views["venue"]["positions"].pop(index)
    whose = data.draw(WHOSE)
    other = {"engine": "strategy", "strategy": "engine"}[whose]
    views[other]["positions"] = [row for row in views[other]["positions"] if row["instrument"] != gone["instrument"]]
    assert told(all_differences(views)) == [(whose, "missing_venue")]


@given(data=st.data(), views=agreeing())
def test_an_open_order_that_the_engine_does_not_know_is_missing_there(data, views):
    row = views["engine"]["orders"][a_row(data, views, "engine", "orders")]
    assume(row["status"] == "ACCEPTED")
    views["engine"]["orders"].remove(row)
    assert told(all_differences(views)) == [("engine", "missing_local")]


@given(data=st.data(), views=agreeing())
def test_a_fill_that_the_venue_never_booked_is_fabricated(data, views):
    whose = data.draw(WHOSE)
    row = views[whose]["fills"][a_row(data, views, whose, "fills")]
    views[whose]["fills"].append({**row, "trade_id": "made-up"})
    assert told(all_differences(views)) == [(whose, "fabricated")]


@given(data=st.data(), views=agreeing())
def test_a_fill_that_is_there_twice_is_a_duplicate(data, views):
    whose = data.draw(WHOSE)
    views[whose]["fills"].append(dict(views[whose]["fills"][a_row(data, views, whose, "fills")]))
    assert told(all_differences(views)) == [(whose, "duplicate")]


@given(data=st.data(), views=agreeing())
def test_an_order_that_is_at_the_venue_twice_is_a_duplicate_for_both(data, views):
    index = a_row(data, views, "venue", "orders")
    views["venue"]["orders"].append(dict(views["venue"]["orders"][index]))
    assert told(all_differences(views)) == [("engine", "duplicate"), ("strategy", "duplicate")]


@given(views=agreeing(), status=st.sampled_from(["NEW", "FILLED"]))
def test_an_order_that_no_strategy_placed_is_unattributed(views, status):
    row = {"client_order_id": "web_1", "instrument": "BTCUSDT-PERP.BINANCE", "side": "BUY", "quantity": "1"}
    for name in ("venue", "engine"):
        views[name]["orders"].append({**row, "filled_quantity": "1" if status == "FILLED" else "0", "status": status})
    kind = "unattributed" if status == "NEW" else "unattributed_ended"
    assert told(all_differences(views)) == [("strategy", kind)]
    assert differences(views) == []
    views["strategy"]["placed_before"] = ["web_1"]
    assert all_differences(views) == []


@given(data=st.data(), views=agreeing(), seed=st.integers())
def test_the_order_of_rows_does_not_matter(data, views, seed):
    for whose in ("engine", "strategy"):
        for name in ("orders", "positions", "fills"):
            rows = views[whose][name]
            if rows and data.draw(st.booleans()):
                rows.pop(0)
    shuffled = copy.deepcopy(views)
    for rows in shuffled.values():
        for name in ("orders", "positions", "fills"):
            random.Random(seed).shuffle(rows[name])
    assert sorted(map(str, all_differences(shuffled))) == sorted(map(str, all_differences(views)))


@given(data=st.data(), views=agreeing())
def test_with_the_sides_exchanged_the_same_differs(data, views):
    for name in ("orders", "positions", "balances"):
        rows = views["engine"][name]
        if rows and data.draw(st.booleans()):
            rows.pop(0)
    views["strategy"] = {"orders": [], "positions": views["venue"]["positions"]}
    turned = {"venue": {**views["engine"], "instruments": views["venue"]["instruments"]}, "engine": views["venue"]}
    turned["strategy"] = {"orders": [], "positions": views["engine"]["positions"]}
    assert sorted(
        (MIRRORED.get(item.difference.kind, item.difference.kind), item.difference.key) for item in differences(views)
    ) == sorted((item.difference.kind, item.difference.key) for item in differences(turned))


@given(agreeing())
def test_views_of_earlier_labs_tell_of_no_steps_and_where_they_tell_of_no_fills_that_is_unknown(views):
    del views["venue"]["fills"], views["venue"]["instruments"]
    assert [(item.view, item.difference.kind) for item in all_differences(views)] == [("venue", "unknown")]
