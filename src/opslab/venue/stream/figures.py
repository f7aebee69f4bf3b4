"""How numbers look in payloads: text with a fixed number of decimals, as Binance sends them.

Prices and sizes bear the instrument's decimals (some clients read the precision off the text); amounts of a currency
bear eight. A negative zero is never shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.contract.dataset import Instrument

AMOUNT_DECIMALS = 8


def amount(value: Decimal) -> str:
    """Return an amount of a currency: eight decimals."""
    return _plain_zero(f"{value:.8f}") if value else "0.00000000"


def percent(value: Decimal) -> str:
    """Return a change in percent: three decimals."""
    return _plain_zero(f"{value:.3f}")


def _plain_zero(text: str) -> str:
    """Take the sign off a zero; the format option for it makes writing a Decimal many times slower."""
    return text[1:] if text[0] == "-" and not text.strip("-0.") else text


@lru_cache(maxsize=64)
def _zero(specification: str) -> str:
    return format(0.0, specification)


@dataclass(frozen=True, slots=True)
class Figures:
    """Writes the numbers of one instrument.

    Attributes:
        price_format: of prices, a format specification.
        size_format: of quantities.
        price_decimals: decimals of a price.
    """

    price_format: str
    size_format: str
    price_decimals: int

    def price(self, value: Decimal | None) -> str:
        """Return a price; None reads as zero, as Binance writes a price that an order does not have."""
        return _plain_zero(format(value, self.price_format)) if value else _zero(self.price_format)

    def size(self, value: Decimal | None) -> str:
        """Return a quantity in base units; None reads as zero."""
        return _plain_zero(format(value, self.size_format)) if value else _zero(self.size_format)

    def mean(self, value: Decimal) -> str:
        """Return a mean price: the instrument's decimals, and up to eight where the mean needs them."""
        if not value or self.price_decimals >= AMOUNT_DECIMALS:
            return self.price(value)
        text = amount(value)
        surplus = AMOUNT_DECIMALS - self.price_decimals
        tail = text[-surplus:].rstrip("0")
        head = text[:-surplus]
        return (head + tail).removesuffix(".")


@lru_cache(maxsize=256)
def _figures(price_decimals: int, size_decimals: int) -> Figures:
    return Figures(f".{price_decimals}f", f".{size_decimals}f", price_decimals)


def figures_of(instrument: Instrument) -> Figures:
    """Return the writer of an instrument's numbers."""
    return _figures(instrument.price_precision, instrument.size_precision)
