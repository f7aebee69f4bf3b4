"""When two numbers of two views are the same. What is not a number equals nothing, itself included. Pure."""

from __future__ import annotations

from decimal import Context
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

_EXACT = Context(prec=256, traps=[])


def is_equal(first: Decimal | None, second: Decimal | None) -> bool:
    """Whether both are absent or the same finite number; comparing a signalling NaN would raise."""
    if first is None or second is None:
        return first is second
    return first.is_finite() and second.is_finite() and first == second


def is_within(first: Decimal | None, second: Decimal | None, tolerance: Decimal) -> bool:
    """Whether both are finite numbers that are closer to each other than ``tolerance``."""
    if first is None or second is None or not (first.is_finite() and second.is_finite()):
        return False
    return _EXACT.abs(_EXACT.subtract(first, second)) < tolerance
