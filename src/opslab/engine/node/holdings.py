"""The mean price of what fills come to, reckoned as a netting account does."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class _Held(NamedTuple):
    amount: Decimal
    price: Decimal


class Holdings:
    """What is held of each instrument, and the mean price that it was bought or sold at.

    What adds to a position moves its mean price, what reduces it does not, what turns it over begins anew (Binance,
    USD-M futures, "entryPrice"; NautilusTrader's ``avg_px_open`` of a netted position).
    """

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}

    @classmethod
    def of(cls, positions: Sequence[Mapping[str, Any]]) -> Self:
        """Return holdings that begin with positions of the engine's view; one without a mean price is not known."""
        found = cls()
        for row in positions:
            amount, price = Decimal(row["signed_quantity"]), row.get("average_open_price")
            if amount and price is not None:
                found.fill(row["instrument"], amount, Decimal(price))
        return found

    def fill(self, name: str, amount: Decimal, price: Decimal) -> None:
        """Take a fill.

        Args:
            name: the instrument.
            amount: in base units, negative for a sale.
            price: in quote units.
        """
        before = self._held.get(name, _Held(Decimal(0), price))
        after = before.amount + amount
        if before.amount * amount >= 0:
            mean = (before.amount * before.price + amount * price) / after if after else price
        else:
            mean = before.price if after * before.amount > 0 else price
        self._held[name] = _Held(after, mean)

    def average_price(self, name: str, amount: Decimal) -> Decimal | None:
        """Return the mean price of ``amount`` held; None where another amount is known, as when fees were taken."""
        held = self._held.get(name)
        return held.price if held is not None and held.amount == amount else None
