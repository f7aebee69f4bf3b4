"""What the lab adds to a NautilusTrader backtest: the same candles, strategy and fills, with the lab and without.

The bare run is written as NautilusTrader's documentation would: bars from
the same arrays, one venue, one strategy. The lab's run adds its checks, the event tap, the canonical stream with its
digest, the digest of the market data and the final views.
"""

from __future__ import annotations

import warnings
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.config import LoggingConfig
from nautilus_trader.model.currencies import USDT
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import Venue
from nautilus_trader.model.objects import Money
from nautilus_trader.trading.strategy import Strategy

from benchmarks.ratio import Ratio, interleaved, ratio
from opslab.contract.dataset import Instrument, InstrumentKind
from opslab.contract.spec import Fill
from opslab.data.candles import Candles
from opslab.engine.backtest import Feed, run_backtest
from opslab.engine.bars import to_instrument

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.registry import StrategyContext

MINUTE_NS = 60 * 10**9
YEAR = 525_600
START_NS = 1_704_067_200 * 10**9
BAR_TYPE = "BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL"


class EveryNth(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Sends a market order every ``every`` bars, buying and selling in turns.

    Args:
        every: bars between two orders.
    """

    def __init__(self, every: int) -> None:
        super().__init__()
        self._every = every
        self.bars_seen = 0
        self._bar_type = BarType.from_str(BAR_TYPE)

    def on_start(self) -> None:
        """Subscribe to the bars."""
        self._instrument = self.cache.instrument(self._bar_type.instrument_id)
        self.subscribe_bars(self._bar_type)

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002 - the engine's signature
        """Count, and order when it is time."""
        self.bars_seen += 1
        order, rest = divmod(self.bars_seen, self._every)
        if not rest:
            side = OrderSide.BUY if order % 2 else OrderSide.SELL
            self.submit_order(
                self.order_factory.market(self._instrument.id, side, self._instrument.make_qty(Decimal("0.010")))
            )


def candles(count: int) -> Candles:
    """Return ``count`` minutes of a random walk on the tick, each opening away from the close before."""
    draw = np.random.default_rng(7)
    ticks = 500_000 + np.cumsum(draw.integers(-50, 51, 2 * count))
    opens, closes = ticks[::2] / 10, ticks[1::2] / 10
    wick = draw.integers(0, 30, count) / 10
    return Candles(
        ts_close_ns=np.arange(1, count + 1, dtype=np.uint64) * np.uint64(MINUTE_NS) + np.uint64(START_NS),
        open=np.ascontiguousarray(opens),
        high=np.round(np.maximum(opens, closes) + wick, 1),
        low=np.round(np.minimum(opens, closes) - wick, 1),
        close=np.ascontiguousarray(closes),
        volume=draw.integers(1_000, 90_000, count) / 1000,
        interval_ns=MINUTE_NS,
    )


def definition() -> Instrument:
    """Return a perpetual like Binance's BTCUSDT."""
    return Instrument(
        venue="binance",
        symbol="BTCUSDT",
        kind=InstrumentKind.PERPETUAL,
        base="BTC",
        quote="USDT",
        price_precision=1,
        tick_size=Decimal("0.1"),
        size_precision=3,
        step_size=Decimal("0.001"),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        margin_init=Decimal("0.05"),
        margin_maint=Decimal("0.025"),
    )


def run_bare(data: Candles, every: int) -> None:
    """Run NautilusTrader alone."""
    engine = BacktestEngine(config=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False))
    instrument = to_instrument(definition())
    engine.add_venue(
        venue=Venue("BINANCE"),
        oms_type=OmsType.NETTING,
        account_type=AccountType.MARGIN,
        starting_balances=[Money(1_000_000, USDT)],
    )
    engine.add_instrument(instrument)
    columns = (data.open, data.high, data.low, data.close, data.volume, data.ts_close_ns, data.ts_close_ns)
    engine.add_data(
        Bar.from_raw_arrays_to_list(
            BarType.from_str(BAR_TYPE), instrument.price_precision, instrument.size_precision, *columns
        )
    )
    engine.add_strategy(EveryNth(every))
    engine.run()
    assert engine.iteration == len(data)
    engine.dispose()


def run_lab(data: Candles, every: int, fill: Fill) -> None:
    """Run the same through the lab."""

    def factory(_: StrategyContext) -> Strategy:
        return EveryNth(every)

    result = run_backtest(feeds=[Feed(definition(), data)], factory=factory, fill=fill)
    assert result.orders_submitted == len(data) // every


def _contestants(data: Candles, every: int) -> dict[str, Callable[[], None]]:
    return {
        "bare": lambda: run_bare(data, every),
        "lab": lambda: run_lab(data, every, Fill.SAME_CLOSE),
        "next_open": lambda: run_lab(data, every, Fill.NEXT_OPEN),
    }


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios, on a year of minutes, or on a part of it when ``quick``."""
    warnings.filterwarnings("ignore", message="Timestamp.utcnow")
    bars, repeats = (60_000, 3) if quick else (YEAR, 3)
    ratios = []
    for label, count, every, target, rounds in (
        (f"{bars:,} bars, {1000 * bars // YEAR:,} orders", bars, YEAR // 1000, 1.05, repeats),
        ("order-heavy: 1,000 bars, 1,000 orders", 1_000, 1, 1.20, 9),
    ):
        seconds = interleaved(_contestants(candles(count), every), rounds)
        ratios += [
            ratio(f"lab / bare engine, {label}", seconds["lab"], seconds["bare"], target),
            ratio(f"next_open / same_close, {label}", seconds["next_open"], seconds["lab"], 1.45),
        ]
    return ratios
