"""Prices and sizes as whole numbers of ticks and steps, so that sums are exact, and back to decimals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from opslab.contract.dataset import Instrument

_NOISE = Decimal("0.01")
"""How far from the grid a float may be, in parts of a step, and still be meant to lie on it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A grid of decimals.

    Attributes:
        units: length of a step in units of the last decimal: 5 for a step of 0.05 at precision 2.
        precision: decimals.
    """

    units: int
    precision: int

    @property
    def step(self) -> Decimal:
        """Length of a step."""
        return self.decimal(1)

    def decimal(self, steps: int) -> Decimal:
        """Return a number of steps as a decimal with all its decimals."""
        return Decimal(steps * self.units).scaleb(-self.precision)

    def nearest(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the nearest numbers of steps."""
        return np.rint(values * (10.0**self.precision / self.units)).astype(np.int64)

    def misses(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the rows whose value is not the float64 nearest to a whole number of steps."""
        exact = (self.nearest(values) * self.units).astype(np.float64) / 10.0**self.precision
        return np.flatnonzero(exact != values).astype(np.int64)

    def fitted(self, value: Decimal, *, may_round: bool) -> Decimal | None:
        """Return the decimal on the grid that ``value`` stands for; None where it lies off the grid.

        Args:
            value: a number, possibly with the noise of a float64.
            may_round: take the nearest instead of None.
        """
        steps = int((value / self.step).to_integral_value(ROUND_HALF_EVEN))
        fitted = self.decimal(steps)
        return fitted if may_round or abs(fitted - value) <= self.step * _NOISE else None


def price_grid(instrument: Instrument) -> Grid:
    """Return the grid of an instrument's prices."""
    return _grid(instrument.tick_size, instrument.price_precision)


def size_grid(instrument: Instrument) -> Grid:
    """Return the grid of an instrument's quantities."""
    return _grid(instrument.step_size, instrument.size_precision)


def _grid(step: Decimal, precision: int) -> Grid:
    return Grid(int(step.scaleb(precision)), precision)
