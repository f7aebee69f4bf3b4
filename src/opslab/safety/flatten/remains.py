"""What is left on an account, by the venue's own answers; what it would not tell counts as left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order that may still fill, or a conditional one that may still become an order.

    Attributes:
        symbol: the venue's symbol.
        order_id: the venue's number; of a conditional futures order its ``algoId``.
        client_order_id: the client's id.
        is_algo: whether it is a conditional futures order.
    """

    symbol: str
    order_id: int
    client_order_id: str
    is_algo: bool = False


@dataclass(frozen=True)
class Remains:
    """What an account still has.

    Attributes:
        orders: open orders.
        positions: signed quantity in base units: of futures by symbol, in hedge mode by ``SYMBOL-LONG`` and
            ``SYMBOL-SHORT``; of spot by base asset.
        dust: base units of spot assets that no order can sell, because the venue takes none so small.
        short: base units of spot assets that are missing: so much less is held than what was to stay. No flatten buys.
        unknown: what the venue did not tell, each in a line.
    """

    orders: tuple[OpenOrder, ...] = ()
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    dust: Mapping[str, Decimal] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    short: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def is_flat(self) -> bool:
        """Whether the venue's answers prove that nothing is left and nothing missing; dust is nothing."""
        return not (self.orders or self.positions or self.unknown or self.short)

    @property
    def is_past_mending(self) -> bool:
        """Whether all that keeps it from being flat is what was sold too much: no cancel and no close changes that."""
        return bool(self.short) and not (self.orders or self.positions or self.unknown)

    @property
    def amounts(self) -> dict[str, Decimal]:
        """What is held, and as negative amounts what is missing, by name."""
        return {**self.positions, **{name: -amount for name, amount in self.short.items()}}

    def told(self) -> str:
        """Return what is left in one line."""
        parts = [f"{name} {amount:f}" for name, amount in self.positions.items()]
        parts += [f"{name} {amount:f} less than what was to stay" for name, amount in self.short.items()]
        parts += [f"order {_name(order)}" for order in self.orders[:_SHOWN]]
        if len(self.orders) > _SHOWN:
            parts.append(f"{len(self.orders) - _SHOWN} more orders")
        parts += [f"unknown: {what}" for what in self.unknown]
        return "; ".join(parts) or "nothing"


_SHOWN = 5


def _name(order: OpenOrder) -> str:
    return f"{order.symbol} {order.client_order_id or order.order_id}{' (conditional)' if order.is_algo else ''}"
