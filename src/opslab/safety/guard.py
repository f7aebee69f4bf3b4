"""What may still leave while new risk is forbidden: cancels, and orders that only make a position smaller. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opslab.safety.gate import GateDecision

MARK = "KILL_SWITCH"
"""How every reason begins, so that a strategy or a log can tell it from the venue's and the engine's."""


@dataclass(frozen=True)
class Leaving:
    """An order that is about to leave, or a change of one.

    Attributes:
        signed_quantity: what it may trade yet, in base units; negative for a sell; None when nobody can tell.
        is_reduce_only: whether the venue will refuse what goes beyond the position; spot knows no such flag.
        position: what is held of the instrument, in base units, negative for a short; None when nobody can tell.
        closing: what other orders may take off the position yet, in base units, zero or more.
    """

    signed_quantity: Decimal | None
    is_reduce_only: bool
    position: Decimal | None
    closing: Decimal = Decimal(0)


def cause_of(decision: GateDecision) -> str | None:
    """Return why new risk is forbidden, in a line; None while it is not."""
    if not decision.blocked:
        return None
    return decision.reasons[0] if decision.reasons else "the kill switch is active"


def reason_to_stop(cause: str | None, order: Leaving) -> str | None:
    """Return why an order must not leave, or None.

    While nothing forbids new risk everything may. Else only an order may that closes: reduce-only, against the
    position, and together with the other closing orders never larger than it. What cannot be told is stopped.

    Args:
        cause: why new risk is forbidden; None while it is not.
        order: the order.
    """
    if cause is None:
        return None
    if why := _why_not_closing(order):
        return refusal(cause, why)
    return None


def refusal(cause: str, why: str) -> str:
    """Return what the strategy is told of an order that was stopped."""
    return f"{MARK} {cause} ({why})"


def _why_not_closing(order: Leaving) -> str | None:
    if order.signed_quantity is None or order.position is None:
        return "its size or the position is not known"
    if not order.position:
        return "there is no position to close"
    if not order.signed_quantity:
        return "there is nothing left of it"
    if (order.signed_quantity > 0) == (order.position > 0):
        return "it would add to the position"
    if not order.is_reduce_only:
        return "it is not reduce-only"
    if abs(order.signed_quantity) + order.closing > abs(order.position):
        return "it is larger than what is left of the position"
    return None
