"""What the engine would leave unsaid ends in one clear error, with what had come of the run."""

from __future__ import annotations

import sys
from decimal import Decimal
from unittest.mock import Mock

import pytest
from nautilus_trader.accounting.factory import AccountFactory
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.trading.strategy import Strategy
from tests.engine.subscribed import ROUND_TRIP, SMOKE, Subscribed

from opslab.engine.backtest import BacktestError, run_backtest
from opslab.errors import EngineError


class RaisesInBar(Subscribed):
    def on_bar(self, bar):
        super().on_bar(bar)
        if self.cache.bar_count(bar.bar_type) == 10:
            raise ZeroDivisionError("ten\nis enough")


class RaisesAtStart(Subscribed):
    def on_start(self):
        raise KeyError("no config")


class RaisesInFill(Subscribed):
    def on_order_filled(self, event):
        raise RuntimeError("cannot book it")


class RaisesAtStop(Subscribed):
    def on_stop(self):
        raise RuntimeError("cannot stop")


class NeverStarts(Subscribed):
    def start(self):
        pass


class Interrupted(Subscribed):
    def on_bar(self, bar):
        raise KeyboardInterrupt


def overspend(make_feed):
    class Overspends(Subscribed):
        quantity = Decimal(500)

    return run_backtest(feeds=[make_feed(kind="spot")], factory=Overspends, starting_balance=Decimal(1_000))


def outcome(make_feed):
    try:
        return overspend(make_feed).events_sha256
    except BacktestError as error:
        return str(error)


def test_cash_borrowing_left_behind_by_an_earlier_engine_changes_nothing(make_feed):
    before = outcome(make_feed)
    AccountFactory.register_cash_borrowing("BINANCE")
    assert outcome(make_feed) == before


def test_a_silent_stop_is_an_error_with_what_came_of_the_run(make_feed):
    with pytest.raises(BacktestError, match=r"stopped silently after \d+ of 120 bars.*BUY 500.000 BTCUSDT") as caught:
        overspend(make_feed)
    assert caught.value.partial.bars_processed < 120
    assert caught.value.partial.event_lines


def test_a_strategy_that_raises_is_named_with_error_time_and_place(make_feed):
    with pytest.raises(BacktestError) as caught:
        run_backtest(feeds=[make_feed()], factory=RaisesInBar)
    error = caught.value
    assert "strategy RaisesInBar raised ZeroDivisionError at 2024-01-01T00:10:00Z: ten\\nis enough" in str(error)
    assert str(error).startswith("test_failures.py:")
    assert "\n" not in str(error)
    assert isinstance(error.__cause__, ZeroDivisionError)
    assert (error.partial.bars_seen, error.partial.orders_submitted, error.partial.fills_count) == (10, 1, 1)
    assert error.partial.strategy_registered


@pytest.mark.parametrize(
    ("factory", "name"), [(RaisesAtStart, "KeyError"), (RaisesInFill, "RuntimeError"), (RaisesAtStop, "RuntimeError")]
)
def test_a_strategy_may_raise_anywhere(make_feed, factory, name):
    with pytest.raises(BacktestError, match=f"{factory.__name__} raised {name}") as caught:
        run_backtest(feeds=[make_feed()], factory=factory)
    assert caught.value.partial.input_candles_count == 120


def test_a_strategy_that_never_started_is_an_error(make_feed):
    with pytest.raises(BacktestError, match="NeverStarts never started") as caught:
        run_backtest(feeds=[make_feed()], factory=NeverStarts)
    assert not caught.value.partial.strategy_registered


def test_an_interrupt_passes_through_and_the_next_run_is_untouched(make_feed):
    before = run_backtest(feeds=[make_feed()], factory=ROUND_TRIP).events_sha256
    with pytest.raises(KeyboardInterrupt):
        run_backtest(feeds=[make_feed()], factory=Interrupted)
    assert run_backtest(feeds=[make_feed()], factory=ROUND_TRIP).events_sha256 == before


@pytest.mark.parametrize("made", [None, object(), Strategy])
def test_a_factory_that_makes_no_strategy_is_refused(make_feed, made):
    with pytest.raises(EngineError, match="not a NautilusTrader Strategy"):
        run_backtest(feeds=[make_feed()], factory=lambda _: made)


def test_a_factory_that_raises_is_named(make_feed):
    def broken(context):
        raise LookupError(context.params["window"])

    with pytest.raises(EngineError, match=r"broken raised LookupError: 20"):
        run_backtest(feeds=[make_feed()], factory=broken, params={"window": 20})


def test_one_strategy_object_cannot_run_twice(make_feed):
    kept = Strategy()
    run_backtest(feeds=[make_feed()], factory=lambda _: kept)
    with pytest.raises(EngineError):
        run_backtest(feeds=[make_feed()], factory=lambda _: kept)


def test_spot_is_not_sold_short(make_feed):
    class Sells(Subscribed):
        side = OrderSide.SELL

    with pytest.raises(BacktestError, match=r"cannot cover SELL 1.000 BTCUSDT.BINANCE .*free before: 0 BTC"):
        run_backtest(feeds=[make_feed(kind="spot")], factory=Sells)


def test_spot_beside_perpetuals_on_one_venue_is_refused(make_feed):
    with pytest.raises(EngineError, match="BINANCE: spot and perpetual"):
        run_backtest(feeds=[make_feed(), make_feed("ETHUSDT", kind="spot")], factory=SMOKE)


def test_an_interval_that_the_engine_lacks_is_refused(make_feed):
    with pytest.raises(EngineError, match="no bars of 420 s"):
        run_backtest(feeds=[make_feed(interval_ns=420 * 10**9)], factory=SMOKE)


def test_an_error_of_the_engine_itself_is_not_put_on_the_strategy(make_feed, monkeypatch):
    fails = Mock(side_effect=RuntimeError("no book"))
    monkeypatch.setattr("opslab.engine.next_open.NextOpenClient._open", fails)
    with pytest.raises(BacktestError, match=r"the engine raised RuntimeError at .*: no book"):
        run_backtest(feeds=[make_feed()], factory=Subscribed)


class Leaves(Subscribed):
    def on_bar(self, bar):
        sys.exit(0)


def test_a_strategy_that_exits_the_process_is_an_error_of_the_strategy(make_feed):
    with pytest.raises(BacktestError, match=r"strategy Leaves raised SystemExit at .*: 0") as caught:
        run_backtest(feeds=[make_feed()], factory=Leaves)
    assert caught.value.partial.bars_seen == 1


class Ruined(Subscribed):
    """Buys much more than its account is worth, in a market that falls."""

    quantity = Decimal(9_000)


def test_an_account_below_zero_is_named_instead_of_a_completed_run(make_feed):
    with pytest.raises(BacktestError, match=r"account was ruined: total -[\d.]+ USDT at \d{4}-"):
        run_backtest(feeds=[make_feed(count=120, price=100)], factory=Ruined, starting_balance=Decimal(100))
