"""A venue with one instrument and a book that stands still."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from opslab.contract.dataset import InstrumentKind
from opslab.data.instruments import built_in
from opslab.venue.listing import Listing
from opslab.venue.market import BookSnapshot
from opslab.venue.orders import Market
from opslab.venue.setup import VenueSetup, new_account
from opslab.venue.tape.tape import Tape

_KINDS = {Market.FUTURES: InstrumentKind.PERPETUAL, Market.SPOT: InstrumentKind.SPOT}
START_MS = 1_700_000_000_000


def book(time_ms: int = START_MS) -> BookSnapshot:
    bids = tuple((Decimal(60_000 - step), Decimal(1)) for step in range(5))
    asks = tuple((Decimal(60_001 + step), Decimal(1)) for step in range(5))
    return BookSnapshot("BTCUSDT", time_ms, bids, asks)


def small(market: Market = Market.FUTURES, **settings: Any) -> VenueSetup:
    """Return a setup: BTCUSDT at 60000/60001, one account ``main``."""
    tape = Tape(lambda: iter([(START_MS, book())]), START_MS, 0, ("BTCUSDT",))
    defaults: dict[str, Any] = {
        "market": market,
        "listings": (Listing(instrument=built_in("BTCUSDT", _KINDS[market])),),
        "accounts": (new_account(market),),
        "tape": tape,
    }
    return VenueSetup(**{**defaults, **settings})
