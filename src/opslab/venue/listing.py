"""A listing: an instrument as the venue trades it, with the filters that the instrument itself does not hold.

Names are those of ``exchangeInfo`` (developers.binance.com: USD-M futures "Exchange Information", spot "Filters").
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opslab.contract.dataset import Instrument

_HOURS_8 = 8 * 3600 * 1000


class ListingStatus(StrEnum):
    """Whether a symbol trades. ``CANCEL_ONLY`` takes cancels only; ``HALT`` and ``BREAK`` take nothing new either."""

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"
    CANCEL_ONLY = "CANCEL_ONLY"
    SETTLING = "SETTLING"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """An instrument and the exchange's rules for it.

    Attributes:
        instrument: what is traded: ticks, steps, fees and margins.
        status: see ``ListingStatus``.
        max_orders: most open orders of an account (``MAX_NUM_ORDERS``).
        max_algo_orders: most waiting conditional orders of an account (``MAX_NUM_ALGO_ORDERS``).
        multiplier_up: ``PERCENT_PRICE``: highest buy price as a multiple of the reference price; on spot of both sides.
        multiplier_down: lowest sell price as such a multiple; on spot of both sides.
        min_price: smallest price; None: one tick.
        max_price: largest price; None: no limit.
        market_max_quantity: largest market order; None: the instrument's ``max_quantity``.
        liquidation_fee: share of the notional that a liquidation costs (futures).
        funding_interval_ms: milliseconds from one funding to the next (futures).
        onboard_ms: when it was listed, Unix milliseconds.
    """

    instrument: Instrument
    status: str = ListingStatus.TRADING
    max_orders: int = 200
    max_algo_orders: int = 100
    multiplier_up: Decimal = Decimal("1.5")
    multiplier_down: Decimal = Decimal("0.5")
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    market_max_quantity: Decimal | None = None
    liquidation_fee: Decimal = Decimal("0.0125")
    funding_interval_ms: int = _HOURS_8
    onboard_ms: int = 1_569_398_400_000

    @property
    def symbol(self) -> str:
        """The venue's symbol."""
        return self.instrument.symbol

    @property
    def base(self) -> str:
        """The currency that is bought and sold."""
        return self.instrument.base

    @property
    def quote(self) -> str:
        """The currency of prices."""
        return self.instrument.quote

    @property
    def settlement(self) -> str:
        """The currency of profits and margins."""
        return self.instrument.settlement or self.instrument.quote

    @property
    def max_leverage(self) -> int:
        """The highest leverage: one over the initial margin, at least 1."""
        share = self.instrument.margin_init
        return max(int(1 / share), 1) if share else 1

    def with_status(self, status: ListingStatus) -> Listing:
        """Return the listing with another status."""
        return replace(self, status=status)

    def price_text(self, price: Decimal) -> str:
        """Return a price with the instrument's decimals, as it stands in payloads."""
        return f"{price:.{self.instrument.price_precision}f}"
