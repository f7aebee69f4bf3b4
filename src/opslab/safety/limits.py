"""What ``risk.limits`` of a spec allow: the other half of the gate, asked for every order. Pure decisions."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from opslab.contract.spec import Limits

SECOND_NS = 10**9


@dataclass(frozen=True)
class Asked:
    """What one order asks for.

    Attributes:
        quantity: in base units; None when it is stated in quote units and no price is known.
        notional: in quote units, at the price that the order may pay at most; None when no price is known.
    """

    quantity: Decimal | None
    notional: Decimal | None


def reason_to_deny(limits: Limits, asked: Sequence[Asked], *, recent: int = 0, live: int = 0) -> str | None:
    """Return why orders that leave together must not, or None.

    Args:
        limits: the spec's limits.
        asked: the orders of one command; a list of orders passes as a whole or not at all.
        recent: orders that left within the second that ends now.
        live: orders that are open or on their way.
    """
    for order in asked:
        if reason := reason_to_deny_one(limits, order):
            return reason
    if (rate := limits.max_orders_per_second) is not None and recent + len(asked) > rate:
        return f"LIMIT max_orders_per_second: {recent + len(asked)} within a second, limit {rate}"
    if (most := limits.max_open_orders) is not None and live + len(asked) > most:
        return f"LIMIT max_open_orders: {live + len(asked)} open or on their way, limit {most}"
    return None


def reason_to_deny_one(limits: Limits, order: Asked) -> str | None:
    """Return why the size of one order is beyond a limit, or None; a size that cannot be told is beyond it."""
    for name, limit, value in (
        ("max_order_quantity", limits.max_order_quantity, order.quantity),
        ("max_order_notional", limits.max_order_notional, order.notional),
    ):
        if limit is None:
            continue
        if value is None:
            return f"LIMIT {name}: no price is known, limit {limit}"
        if value > limit:
            return f"LIMIT {name}: {value} is above {limit}"
    return None


class SlidingSecond:
    """Counts what happened within the second that ends now; two events exactly a second apart are not within one."""

    def __init__(self) -> None:
        self._stamps: deque[int] = deque()

    def count(self, now_ns: int) -> int:
        """Return how many events lie in ``(now - 1 s, now]``."""
        while self._stamps and self._stamps[0] <= now_ns - SECOND_NS:
            self._stamps.popleft()
        return len(self._stamps)

    def add(self, now_ns: int, count: int = 1) -> None:
        """Note ``count`` events at ``now_ns``."""
        self._stamps.extend([now_ns] * count)
