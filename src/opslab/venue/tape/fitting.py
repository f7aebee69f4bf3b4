"""Cells of a source to decimals on an instrument's grid."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.tape.grid import Grid, price_grid, size_grid

if TYPE_CHECKING:
    from opslab.contract.dataset import Instrument

_LARGEST = Decimal(10) ** 15


class Fitter:
    """Reads prices and sizes of one instrument.

    Args:
        instrument: whose grid it is.
        where: the file, for messages.
        may_round: take the nearest step where a number lies off the grid.
    """

    def __init__(self, instrument: Instrument, where: object, *, may_round: bool = False) -> None:
        self._where, self._may_round = where, may_round
        self._prices, self._sizes = price_grid(instrument), size_grid(instrument)

    def price(self, value: object) -> Decimal:
        """Return a price above 0 on the tick grid.

        Raises:
            DataError: it is none.
        """
        fitted = self._fitted(value, self._prices, "price")
        if fitted <= 0:
            raise DataError(f"the price {value!r:.40} is not above 0", where=self._where, fix="correct the file")
        return fitted

    def size(self, value: object) -> Decimal:
        """Return a size of at least 0 on the step grid.

        Raises:
            DataError: it is none.
        """
        fitted = self._fitted(value, self._sizes, "size")
        if fitted < 0:
            raise DataError(f"the size {value!r:.40} is negative", where=self._where, fix="correct the file")
        return fitted

    def _fitted(self, value: object, grid: Grid, noun: str) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or abs(number) > _LARGEST:
            raise DataError(f"the {noun} {value!r:.40} is not a number", where=self._where, fix="correct the file")
        if (fitted := grid.fitted(number, may_round=self._may_round)) is None:
            raise DataError(
                f"the {noun} {value!r:.40} is not on the instrument's grid of {grid.step}",
                where=self._where,
                fix="name the instrument that the data is of, or allow rounding",
            )
        return fitted
