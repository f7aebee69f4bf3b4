"""Makes the committed sample datasets. Synthetic: no candle here ever traded.

The same arguments give the same bytes on every machine: whole ticks and integers only, from ``random.Random``, whose
``random()`` sequence Python guarantees for a seed. ``python -m opslab.samples.generator DIRECTORY`` writes the files.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

HEADER = "ts_utc,open,high,low,close,volume"
FIRST_OPEN = datetime(2024, 1, 8, tzinfo=UTC)
MINUTES = 2_880
_REGIMES = (0.35, -0.30, 0.05, -0.45, 0.50, -0.05, 0.25, -0.35)
_REGIME_MINUTES = 180


@dataclass(frozen=True)
class Recipe:
    """What one sample is made of; prices in ticks, volumes in steps.

    Attributes:
        seed: seeds every choice.
        start: first open, in ticks.
        decimals: decimals of a tick.
        swing: typical move of a minute, in ticks.
        volume: typical volume of a minute, in steps of 0.001.
    """

    seed: int
    start: int
    decimals: int
    swing: int
    volume: int


RECIPES = {
    "btcusdt-sample": Recipe(seed=20240108, start=439_000, decimals=1, swing=180, volume=12_000),
    "ethusdt-sample": Recipe(seed=20240109, start=222_000, decimals=2, swing=110, volume=150_000),
}


def sample_csv(name: str) -> str:
    """Return the CSV of sample ``name``: one line a minute, stamped by the open of the candle.

    Prices trend both ways by turns, and every open differs from the close before by one tick at least, so that a fill
    at the next open cannot pass for one at the same close.
    """
    recipe = RECIPES[name]
    chance = random.Random(recipe.seed)  # noqa: S311 - made-up prices, not secrets
    lines, last_close = [HEADER], recipe.start
    for minute in range(MINUTES):
        open_ = last_close + _gap(chance, recipe.swing)
        drift = _REGIMES[minute // _REGIME_MINUTES % len(_REGIMES)]
        close = open_ + _ticks((_bell(chance) + drift) * recipe.swing)
        high = max(open_, close) + _ticks(chance.random() * recipe.swing * 0.6)
        low = min(open_, close) - _ticks(chance.random() * recipe.swing * 0.6)
        volume = 1 + _ticks(recipe.volume * (0.2 + 1.6 * chance.random()))
        stamp = FIRST_OPEN + timedelta(minutes=minute)
        prices = ",".join(_decimal(price, recipe.decimals) for price in (open_, high, low, close))
        lines.append(f"{stamp:%Y-%m-%dT%H:%M:%SZ},{prices},{_decimal(volume, 3)}")
        last_close = close
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write every sample into the directory that ``arguments`` name."""
    for name in RECIPES:
        (Path(arguments[0]) / f"{name}.csv").write_text(sample_csv(name), encoding="utf-8", newline="\n")
    return 0


def _gap(chance: random.Random, swing: int) -> int:
    size = 1 + _ticks(chance.random() * swing * 0.15)
    return size if chance.random() < 0.5 else -size  # noqa: PLR2004 - an even chance


def _bell(chance: random.Random) -> float:
    """Return a number around 0 with a deviation of about 1, of additions only: no platform's libm decides it."""
    return (sum(chance.random() for _ in range(6)) - 3.0) * 1.4


def _ticks(value: float) -> int:
    return int(value)


def _decimal(units: int, decimals: int) -> str:
    digits = f"{units:0{decimals + 1}d}"
    return f"{digits[:-decimals]}.{digits[-decimals:]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
