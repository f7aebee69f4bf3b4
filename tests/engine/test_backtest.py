"""One run: its counters, its stream, and what it leaves untouched."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.trading.strategy import Strategy
from tests.engine.subscribed import ROUND_TRIP, SMOKE, Subscribed

from opslab.contract.spec import Fill
from opslab.engine.backtest import run_backtest


def test_smoke_demo_counts_bars_and_acts_without_orders(make_feed):
    result = run_backtest(feeds=[make_feed(count=20)], factory=SMOKE)
    assert (result.input_candles_count, result.bars_processed, result.bars_seen) == (20, 20, 20)
    assert (result.orders_submitted, result.orders_denied, result.fills_count) == (0, 0, 0)
    assert result.deterministic_action_triggered
    assert result.strategy_registered
    assert result.duration_ns > 0
    assert result.engine_version.startswith("1.")


@pytest.mark.parametrize(("count", "acted"), [(4, False), (5, True)])
def test_smoke_demo_acts_at_the_fifth_bar(make_feed, count, acted):
    result = run_backtest(feeds=[make_feed(count=count)], factory=SMOKE)
    assert result.deterministic_action_triggered is acted


def test_bars_are_counted_for_a_strategy_that_does_not_count(make_feed):
    feeds = [make_feed(count=30), make_feed("ETHUSDT", 20)]
    assert run_backtest(feeds=feeds, factory=Subscribed).bars_seen == 50


def test_a_strategy_that_subscribes_to_nothing_saw_nothing(make_feed):
    result = run_backtest(feeds=[make_feed(count=30)], factory=lambda _: Strategy())
    assert (result.bars_seen, result.bars_processed) == (0, 30)


def test_fills_and_orders_are_counted_and_stand_in_the_views(make_feed):
    result = run_backtest(feeds=[make_feed()], factory=Subscribed)
    assert (result.orders_submitted, result.fills_count) == (1, 1)
    (order,) = result.views["orders"]
    (position,) = result.views["positions"]
    assert (order["status"], order["filled_quantity"]) == ("FILLED", "1.000")
    assert (position["side"], position["signed_quantity"]) == ("LONG", "1.000")
    assert Decimal(result.views["balances"][0]["total"]) < 1_000_000
    assert json.loads(result.view_line)["view"] == "engine"


def test_the_starting_balance_is_the_accounts(make_feed):
    result = run_backtest(feeds=[make_feed()], factory=SMOKE, starting_balance=Decimal("123.5"))
    assert Decimal(result.views["balances"][0]["total"]) == Decimal("123.5")


@pytest.mark.parametrize("fill", list(Fill))
def test_equal_inputs_give_equal_streams_and_another_seed_another(make_feed, fill):
    feeds = [make_feed(), make_feed("ETHUSDT", seed=2)]
    first, again, other = (run_backtest(feeds=feeds, factory=ROUND_TRIP, fill=fill, seed=seed) for seed in (1, 1, 2))
    assert first.event_lines == again.event_lines
    assert first.view_line == again.view_line
    assert first.events_sha256 != other.events_sha256


CHILD = """
import importlib.util, sys
from opslab.engine.backtest import Feed, run_backtest
from opslab.engine.registry import standard_registry
spec = importlib.util.spec_from_file_location("candles_of_these_tests", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
feeds = [
    Feed(module._instrument(symbol), module._candles(120, seed, 100, module.MINUTE_NS))
    for symbol, seed in (("BTCUSDT", 1), ("ETHUSDT", 2))
]
result = run_backtest(feeds=feeds, factory=standard_registry().factory("ops_round_trip"), seed=5)
print(result.events_sha256)
"""


def test_streams_are_equal_across_processes_and_hash_seeds(make_feed):
    conftest = Path(__file__).with_name("conftest.py")
    ours = run_backtest(feeds=[make_feed(), make_feed("ETHUSDT", seed=2)], factory=ROUND_TRIP, seed=5).events_sha256
    for hash_seed in ("0", "4711"):
        child = subprocess.run(
            [sys.executable, "-W", "error", "-c", CHILD, str(conftest)],
            env={"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=False,
        )
        assert child.stdout.strip() == ours, child.stderr[-2000:]


def test_the_context_tells_instruments_bar_types_seed_and_params(make_feed):
    told = []

    def factory(context):
        told.append(context)
        return Strategy()

    run_backtest(feeds=[make_feed(), make_feed("ETHUSDT")], factory=factory, seed=9, params={"a": 1})
    (context,) = told
    assert context.instruments == ("BTCUSDT.BINANCE", "ETHUSDT.BINANCE")
    assert context.bar_types[1] == "ETHUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL"
    assert (context.seed, context.params) == (9, {"a": 1})


def test_spot_is_bought_and_sold_again(make_feed):
    result = run_backtest(feeds=[make_feed(kind="spot")], factory=ROUND_TRIP)
    assert result.fills_count > 10
    assert {order["side"] for order in result.views["orders"]} == {"BUY", "SELL"}


def test_perpetuals_are_sold_short(make_feed):
    class Sells(Subscribed):
        side = OrderSide.SELL

    result = run_backtest(feeds=[make_feed()], factory=Sells)
    assert result.views["positions"][0]["side"] == "SHORT"


@pytest.mark.parametrize(
    ("seconds", "name"), [(1, "1-SECOND"), (300, "5-MINUTE"), (3600, "1-HOUR"), (86_400, "1-DAY"), (604_800, "1-WEEK")]
)
def test_intervals_become_the_largest_unit(make_feed, seconds, name):
    told = []
    run_backtest(
        feeds=[make_feed(count=6, interval_ns=seconds * 10**9)],
        factory=lambda context: told.append(context) or SMOKE(context),
    )
    assert told[0].bar_types == (f"BTCUSDT.BINANCE-{name}-LAST-EXTERNAL",)


def test_the_process_random_generators_are_seeded_for_a_run_and_put_back(make_feed):
    drawn = []

    def factory(context):
        drawn.append((random.random(), np.random.random()))  # noqa: NPY002
        return SMOKE(context)

    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = (random.getstate(), np.random.random())  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    for seed in (3, 3, 4):
        run_backtest(feeds=[make_feed()], factory=factory, seed=seed)
    assert drawn[0] == drawn[1] != drawn[2]
    assert (random.getstate(), np.random.random()) == expected  # noqa: NPY002


def test_the_stream_is_canonical_and_holds_each_event_once(make_feed):
    result = run_backtest(feeds=[make_feed()], factory=ROUND_TRIP)
    events = [json.loads(line) for line in result.event_lines]
    fills = [event["trade_id"] for event in events if event["type"] == "OrderFilled"]
    cancels = [event["client_order_id"] for event in events if event["type"] == "OrderCanceled"]
    assert len(fills) == len(set(fills)) == result.fills_count
    assert len(cancels) == len(set(cancels)) > 0
    for line, event in zip(result.event_lines, events, strict=True):
        assert "event_id" not in event
        assert line == (json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def test_account_states_stand_as_they_were_published(make_feed):
    """NautilusTrader goes on changing the balances inside a state after it published it."""
    result = run_backtest(feeds=[make_feed(count=200)], factory=ROUND_TRIP, seed=3)
    events = [json.loads(line) for line in result.event_lines]
    states = [Decimal(event["balances"][0]["total"]) for event in events if event["type"] == "AccountState"]
    first_fill = next(event for event in events if event["type"] == "OrderFilled")
    assert states[0] == 1_000_000
    assert states[1] == 1_000_000 - Decimal(first_fill["commission"].split()[0])
    assert states[-1] == Decimal(result.views["balances"][0]["total"])
