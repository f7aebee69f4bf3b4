"""An order that the engine holds is no difference; one that is on its way, or at the venue all the same, is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.reconcile.three_views import all_differences
from opslab.reconcile.view_rows import OPEN, UNSENT

HELD = st.sampled_from(sorted(UNSENT | {"DENIED"}))
ON_ITS_WAY = sorted(OPEN - {"NEW"})


def order(name, status):
    words = {"instrument": "BTCUSDT-PERP.BINANCE", "side": "BUY", "quantity": "0.010", "filled_quantity": "0"}
    return {"client_order_id": name, "status": status, **words}


def views(venue, engine, strategy):
    rows = {"fills": [], "positions": [], "balances": []}
    sides = {"venue": venue, "engine": engine, "strategy": strategy}
    return {name: {**rows, "orders": orders} for name, orders in sides.items()}


def told(found):
    return sorted((item.view, item.difference.kind.value) for item in found)


@given(st.lists(st.tuples(HELD, HELD), max_size=5))
def test_what_is_held_differs_from_nothing_whichever_word_each_has_for_it(statuses):
    engine = [order(f"O-{number}", pair[0]) for number, pair in enumerate(statuses)]
    strategy = [order(f"O-{number}", pair[1]) for number, pair in enumerate(statuses)]
    assert all_differences(views([], engine, strategy)) == []


@pytest.mark.parametrize("status", ON_ITS_WAY)
def test_what_left_and_is_not_there_is_missing(status):
    rows = [order("O-1", status)]
    assert told(all_differences(views([], rows, rows))) == [("engine", "missing_venue"), ("strategy", "missing_venue")]


@pytest.mark.parametrize("held", sorted(UNSENT))
@pytest.mark.parametrize("true", ["NEW", "CANCELED", "FILLED"])
def test_what_somebody_takes_for_held_and_is_at_the_venue_has_another_status(held, true):
    engine, strategy = [order("O-1", true.replace("NEW", "ACCEPTED"))], [order("O-1", held)]
    assert told(all_differences(views([order("O-1", true)], engine, strategy))) == [("strategy", "status")]
    assert told(all_differences(views([order("O-1", true)], strategy, engine))) == [("engine", "status")]
