"""The venues of the benchmarks: one whose book stands still, and one that plays quotes as fast as it can.

``python -m benchmarks.still_venue QUOTES`` serves the latter, held, in a process of its own: it says where it is found
as ``tc venue serve`` does, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import math
import sys
from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.contract.dataset import InstrumentKind
from opslab.data.instruments import built_in
from opslab.venue.http.limits import LimitSettings, RateLimit
from opslab.venue.listing import Listing
from opslab.venue.market import BookSnapshot, Quote
from opslab.venue.orders import Market
from opslab.venue.serve import Plan, serve
from opslab.venue.setup import VenueSetup
from opslab.venue.tape.tape import Tape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.venue.tape.tape import Timed

MANY = 10**9
LIMITS = LimitSettings(
    (
        RateLimit("REQUEST_WEIGHT", "MINUTE", 1, MANY),
        RateLimit("ORDERS", "SECOND", 10, MANY),
        RateLimit("ORDERS", "MINUTE", 1, MANY),
    )
)


def still() -> VenueSetup:
    """Return a futures venue with a book of five levels a side and limits that no client reaches."""
    bids = tuple((Decimal(60_000 - step), Decimal(1)) for step in range(5))
    asks = tuple((Decimal(60_001 + step), Decimal(1)) for step in range(5))
    return _setup(Tape(lambda: iter([(0, BookSnapshot("BTCUSDT", 0, bids, asks))]), 0, 0, ("BTCUSDT",)))


def quoting(count: int) -> VenueSetup:
    """Return a held futures venue whose tape is ``count`` quotes, each another than the one before."""
    bids = [Decimal(600_000 + step).scaleb(-1) for step in range(7)]
    quotes = [Quote("BTCUSDT", 0, bid, Decimal("5.000"), bid + Decimal("0.1"), Decimal("4.000")) for bid in bids]

    def make() -> Iterator[Timed]:
        return ((0, quotes[number % len(quotes)]) for number in range(count))

    return _setup(Tape(make, 0, 0, ("BTCUSDT",)), pace=math.inf, is_held=True)


def _setup(tape: Tape, *, pace: float = 1.0, is_held: bool = False) -> VenueSetup:
    listing = Listing(instrument=built_in("BTCUSDT", InstrumentKind.PERPETUAL))
    return VenueSetup(market=Market.FUTURES, listings=(listing,), tape=tape, pace=pace, is_held=is_held, limits=LIMITS)


def main(words: list[str]) -> None:
    """Serve the quotes until standard input ends."""
    plan = Plan(market=Market.FUTURES, is_bound_to_parent=True)
    asyncio.run(serve(plan, quoting(int(words[0])), lambda line: print(line, flush=True)))


if __name__ == "__main__":
    main(sys.argv[1:])
