"""Candles made for these tests: every open differs from the close before it, so that a fill tells which one it took."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from opslab.contract.dataset import Instrument, InstrumentKind
from opslab.data.candles import Candles
from opslab.engine.feed import Feed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MINUTE_NS = 60 * 10**9
START_NS = 1_704_067_200 * 10**9


def _instrument(symbol: str, *, kind: str = "perpetual", venue: str = "binance") -> Instrument:
    margin = Decimal("0.05") if kind == "perpetual" else Decimal(0)
    return Instrument(
        venue=venue,
        symbol=symbol,
        kind=InstrumentKind(kind),
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        price_precision=2,
        tick_size=Decimal("0.01"),
        size_precision=3,
        step_size=Decimal("0.001"),
        min_quantity=Decimal("0.001"),
        max_quantity=Decimal(10_000),
        min_notional=Decimal(5),
        maker_fee=Decimal("0.0002"),
        taker_fee=Decimal("0.0005"),
        margin_init=margin,
        margin_maint=margin / 2,
    )


def _candles(count: int, seed: int, price: int, interval_ns: int) -> Candles:
    draw = np.random.default_rng(seed)
    gaps = draw.choice([-7, -5, -3, -2, 2, 3, 5, 7], count)
    bodies = draw.integers(-40, 41, count)
    walk = np.maximum(price * 100 + np.cumsum(np.column_stack([gaps, bodies]).ravel()), 500)
    opens, closes = walk[::2], walk[1::2]
    wicks = draw.integers(0, 15, (2, count))
    return Candles(
        ts_close_ns=np.arange(1, count + 1, dtype=np.uint64) * np.uint64(interval_ns) + np.uint64(START_NS),
        open=opens / 100,
        high=(np.maximum(opens, closes) + wicks[0]) / 100,
        low=(np.minimum(opens, closes) - wicks[1]) / 100,
        close=closes / 100,
        volume=draw.integers(1_000, 90_000, count) / 1000,
        interval_ns=interval_ns,
    )


@pytest.fixture(scope="session")
def make_feed() -> Callable[..., Feed]:
    """Return a maker of feeds; ``rows`` picks candles, so that gaps and late starts can be made."""

    def make(
        symbol: str = "BTCUSDT",
        count: int = 120,
        *,
        seed: int = 1,
        price: int = 100,
        interval_ns: int = MINUTE_NS,
        rows: Sequence[int] | slice | None = None,
        **definition: Any,
    ) -> Feed:
        candles = _candles(count, seed, price, interval_ns)
        if rows is not None:
            columns = ("ts_close_ns", "open", "high", "low", "close", "volume")
            picked = {name: np.ascontiguousarray(getattr(candles, name)[rows]) for name in columns}
            candles = Candles(**picked, interval_ns=interval_ns)
        return Feed(_instrument(symbol, **definition), candles)

    return make
