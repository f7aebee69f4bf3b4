"""Decimal text to float64, each cell with what is wrong with it."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from opslab.data.arrow import Cells
from opslab.data.arrow import kernels as pc
from opslab.data.rows import Problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?$"
_NAN = r"^(?i)[+-]?nan$"
_INFINITE = r"^(?i)[+-]?inf(inity)?$"
_SURELY_EXACT_LENGTH = 15
"""A plain decimal of at most 15 digits survives the way through float64 (IEEE 754 double)."""


Numbers = tuple["NDArray[np.float64]", "NDArray[np.uint8]"]
"""The values, NaN where there is none, and the ``Problem`` of each cell."""


def numbers_from_text(cells: Cells) -> Numbers:
    """Return the float64 nearest to each cell, NaN where there is none, and each cell's ``Problem``.

    Args:
        cells: an Arrow array of strings; blanks around a number are ignored.
    """
    text = pc.utf8_trim_whitespace(pc.fill_null(cells, ""))
    is_number = _matches(text, _NUMBER)
    problem = np.where(is_number, Problem.NONE, Problem.TEXT).astype(np.uint8)
    value = pc.cast(pc.if_else(pa.array(is_number), text, "nan"), pa.float64()).to_numpy(zero_copy_only=False).copy()
    if not is_number.all():
        problem[_matches(text, _NAN)] = Problem.NAN
        problem[_matches(text, _INFINITE)] = Problem.INFINITE
        problem[pc.equal(text, "").to_numpy(zero_copy_only=False)] = Problem.EMPTY
    problem[is_number & np.isinf(value)] = Problem.INFINITE
    value[problem != Problem.NONE] = np.nan
    _mark_inexact(text, value, problem)
    return value, problem


def numbers_from_floats(cells: Cells) -> Numbers:
    """Return an Arrow array of numbers as float64, and each cell's ``Problem``."""
    empty = pc.is_null(cells).to_numpy(zero_copy_only=False)
    value = pc.cast(cells, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64, copy=True)
    problem = np.where(np.isnan(value), Problem.NAN, Problem.NONE).astype(np.uint8)
    problem[np.isinf(value)] = Problem.INFINITE
    problem[empty] = Problem.EMPTY
    value[problem != Problem.NONE] = np.nan
    return value, problem


def _matches(text: Cells, pattern: str) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = pc.match_substring_regex(text, pattern).to_numpy(zero_copy_only=False)
    return found


def _mark_inexact(text: Cells, value: NDArray[np.float64], problem: NDArray[np.uint8]) -> None:
    """Mark decimals that float64 cannot carry: the shortest text of the float is another number."""
    long = pc.greater(pc.binary_length(text), _SURELY_EXACT_LENGTH).to_numpy(zero_copy_only=False)
    scientific = pc.match_substring(text, "e", ignore_case=True).to_numpy(zero_copy_only=False)
    for index in np.flatnonzero((long | scientific) & (problem == Problem.NONE)):
        try:
            exact = Decimal(text[int(index)].as_py()) == Decimal(repr(float(value[index])))
        except InvalidOperation:
            exact = False
        if not exact:
            problem[index] = Problem.INEXACT
