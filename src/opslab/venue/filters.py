"""What both markets' filters share: whether a number is one, lies on a grid, and how many decimals it has."""

from __future__ import annotations

from decimal import Context, Decimal

from opslab.venue.refusal import Refusal

CEILING = Decimal(10) ** 15
"""No price or quantity above it is taken, whatever a listing says: figures stay exact below it."""

WIDE = Context(prec=80)
"""Digits enough for the remainder of any value up to ``CEILING`` by any step that an instrument may have."""


def checked_number(name: str, value: Decimal) -> Decimal:
    """Return a finite number.

    Raises:
        Refusal: -1100, it is not one (source: "General error codes" of both markets).
    """
    if not value.is_finite():
        raise Refusal(-1100, f"Illegal characters found in parameter '{name}'.")
    return value


def needed(name: str, value: Decimal | None) -> Decimal:
    """Return a number that the order's type asks for.

    Raises:
        Refusal: -1102, it is missing; -1100, it is not a number.
    """
    if value is None:
        raise Refusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    return checked_number(name, value)


def unwanted(name: str, value: object) -> None:
    """Check that nothing came that the order's type has no use for.

    Raises:
        Refusal: -1106, it came.
    """
    if value is not None:
        raise Refusal(-1106, f"Parameter '{name}' sent when not required.")


def is_on_grid(value: Decimal, step: Decimal) -> bool:
    """Return whether a value not above ``CEILING`` is a whole number of steps."""
    return not WIDE.remainder(value, step)


def has_decimals(value: Decimal, decimals: int) -> bool:
    """Return whether a value not above ``CEILING`` has at most so many decimals."""
    return not WIDE.remainder(value, Decimal(1).scaleb(-decimals))
