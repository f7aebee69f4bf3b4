"""``ops_round_trip`` gives a run orders to judge, on any data, decided by its seed alone."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opslab.contract.dataset import VolumeUnit
from opslab.contract.spec import Fill
from opslab.data.candles import Candles
from opslab.engine.backtest import run_backtest
from opslab.engine.feed import Feed
from opslab.engine.registry import StrategyContext, standard_registry
from opslab.errors import SpecError

REAL = Path(__file__).parents[3] / "shared" / "data" / "btc-perp-1m.csv"
NAMES = ("BTCUSDT.BINANCE", "BTCUSDT-PERP.BINANCE", "ETHUSDT.BINANCE")
ROUND_TRIP = standard_registry().factory("ops_round_trip")


def kinds(result):
    return Counter(json.loads(line)["type"] for line in result.event_lines)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 2**63 - 1),
    market=st.integers(0, 1000),
    price=st.integers(6, 100_000),
    fill=st.sampled_from(Fill),
)
def test_a_hundred_bars_are_enough_for_fills_and_cancels_on_both_sides(make_feed, seed, market, price, fill):
    feeds = [make_feed(count=100, seed=market, price=price), make_feed("ETHUSDT", 100, seed=market + 1, price=50)]
    result = run_backtest(feeds=feeds, factory=ROUND_TRIP, seed=seed, fill=fill)
    found = kinds(result)
    assert found["OrderFilled"] >= 10
    assert found["OrderCanceled"] >= 4
    assert result.orders_denied == found["OrderRejected"] == 0
    assert {order["side"] for order in result.views["orders"]} == {"BUY", "SELL"}
    assert {order["type"] for order in result.views["orders"]} == {"MARKET", "LIMIT"}
    assert {order["instrument"] for order in result.views["orders"]} == {"BTCUSDT.BINANCE", "ETHUSDT.BINANCE"}


def test_params_decide_how_often_and_how_much(make_feed):
    result = run_backtest(feeds=[make_feed()], factory=ROUND_TRIP, params={"every": 20, "quantity": "0.25"})
    sizes = {Decimal(order["quantity"]) % Decimal("0.25") for order in result.views["orders"]}
    assert result.orders_submitted == 6 + 1
    assert sizes == {0}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"evry": 3}, "unknown parameter 'evry'"),
        ({"every": 0}, "every must be a whole number"),
        ({"every": 2.5}, "every must be a whole number"),
        ({"every": True}, "every must be a whole number"),
        ({"quantity": -1}, "quantity must be a number above 0"),
        ({"quantity": 0}, "quantity must be a number above 0"),
        ({"quantity": "much"}, "quantity must be a number above 0"),
        ({"quantity": "NaN"}, "quantity must be a number above 0"),
        ({"quantity": True}, "quantity must be a number above 0"),
    ],
)
def test_params_that_make_no_sense_are_refused(make_feed, params, message):
    with pytest.raises(SpecError, match=rf"strategy\.params.*{message}"):
        run_backtest(feeds=[make_feed()], factory=ROUND_TRIP, params=params)


@pytest.mark.skipif(not REAL.exists(), reason="the real candles are not part of the repository")
def test_real_candles_with_volume_in_quote_units(make_feed):
    rows = 3_000
    table = pyarrow.csv.read_csv(REAL).slice(0, rows)
    stamps = pc.cast(table["timestamp"], "timestamp[ns]").cast("int64").to_numpy().astype(np.uint64)
    values = {name: np.ascontiguousarray(table[name].to_numpy()) for name in ("open", "high", "low", "close", "volume")}
    candles = Candles(ts_close_ns=stamps, **values, interval_ns=60 * 10**9, volume_unit=VolumeUnit.QUOTE)
    keep = np.r_[True, np.diff(stamps.astype(np.int64)) >= 60 * 10**9]
    assert keep.all()
    feed = dataclasses.replace(make_feed(), candles=candles)
    result = run_backtest(feeds=[Feed(feed.instrument, candles)], factory=ROUND_TRIP, params={"every": 10})
    assert result.bars_processed == rows
    assert kinds(result)["OrderCanceled"] > 70
    assert result.fills_count > 150


def test_a_perpetual_of_a_live_node_draws_what_the_backtest_of_its_symbol_draws():
    named = {name: StrategyContext((), (f"{name}-1-MINUTE-LAST-EXTERNAL",), seed=5) for name in NAMES}
    drawn = {name: [draw.random() for draw in ROUND_TRIP(context)._draws.values()] for name, context in named.items()}
    backtest, live, other = NAMES
    assert drawn[backtest] == drawn[live] != drawn[other]
