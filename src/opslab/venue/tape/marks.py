"""Mark prices of futures, made from what is on the tape: mid of the quote, else the last trade."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.errors import DataError
from opslab.venue.market import MarkPrice, Quote, TapeTrade

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.venue.market import MarketEvent
    from opslab.venue.tape.tape import Tape, Timed

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class MarkSettings:
    """How mark prices are made.

    Attributes:
        every_ms: least time between two of a symbol, on the tape's time.
        funding_rate: per funding; positive: longs pay.
        funding_every_ms: between two fundings, counted from midnight UTC; 8 hours at Binance.
    """

    every_ms: int = 1_000
    funding_rate: Decimal = Decimal("0.0001")
    funding_every_ms: int = 8 * HOUR_MS

    def __post_init__(self) -> None:
        """Refuse settings that make no prices.

        Raises:
            DataError: a time is not above 0, or the rate is not a number.
        """
        if self.every_ms < 1 or self.funding_every_ms < 1 or not self.funding_rate.is_finite():
            raise DataError("mark prices need times above 0 and a rate", where="tape", fix="correct the settings")


DEFAULT = MarkSettings()


def with_marks(tape: Tape, settings: MarkSettings = DEFAULT) -> Tape:
    """Return the tape with a mark price after quotes, and after trades of symbols that have no quotes."""

    def make() -> Iterator[Timed]:
        due: dict[str, int] = {}
        quoted: set[str] = set()
        for time_ms, event in tape.timed():
            yield time_ms, event
            price = _price(event, quoted)
            if price is not None and time_ms >= due.get(event.symbol, 0):
                due[event.symbol] = time_ms + settings.every_ms
                funding_ms = (time_ms // settings.funding_every_ms + 1) * settings.funding_every_ms
                yield time_ms, MarkPrice(event.symbol, time_ms, price, price, settings.funding_rate, funding_ms)

    return replace(tape, make=make)


def _price(event: MarketEvent, quoted: set[str]) -> Decimal | None:
    if type(event) is Quote:
        quoted.add(event.symbol)
        return (event.bid + event.ask) / 2
    if type(event) is TapeTrade and event.symbol not in quoted:
        return event.price
    return None
