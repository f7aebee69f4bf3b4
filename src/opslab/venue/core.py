"""How the parts of the exchange are put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.dataset import InstrumentKind
from opslab.errors import DataError
from opslab.venue.algos import Algos
from opslab.venue.forced import Forced
from opslab.venue.futures_account import FuturesAccount
from opslab.venue.futures_rules import FuturesRules
from opslab.venue.intake import Intake
from opslab.venue.ledger import Ledger
from opslab.venue.matching import Matching
from opslab.venue.orders import Market
from opslab.venue.outside import Outside
from opslab.venue.pairs import Pair
from opslab.venue.settings import Settings
from opslab.venue.spot_account import SpotAccount
from opslab.venue.spot_rules import SpotRules
from opslab.venue.timetable import Timetable
from opslab.venue.trading import Trading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opslab.venue.account import Account
    from opslab.venue.listing import Listing
    from opslab.venue.orders import AccountSetup

_IDS_OF_A_SEED = 1_000_000
_KINDS = {Market.FUTURES: InstrumentKind.PERPETUAL, Market.SPOT: InstrumentKind.SPOT}


@dataclass(frozen=True, slots=True)
class Core:
    """The parts; each says what it does."""

    ledger: Ledger
    pairs: dict[str, Pair]
    accounts: dict[str, Account]
    timetable: Timetable
    trading: Trading
    matching: Matching
    algos: Algos
    forced: Forced
    intake: Intake
    futures_rules: FuturesRules
    outside: Outside
    settings: Settings


def assemble(
    market: Market,
    listings: Sequence[Listing],
    accounts: Sequence[AccountSetup],
    now_ms: Callable[[], int],
    seed: int,
) -> Core:
    """Return the parts of a new exchange, its accounts funded.

    Args:
        market: futures or spot.
        listings: what trades.
        accounts: who trades.
        now_ms: the venue's time, Unix milliseconds.
        seed: where ids start: venues with different seeds have no id in common.

    Raises:
        DataError: nothing is listed, a listing does not belong to the market, or a name comes twice.
    """
    _check(market, listings, accounts)
    first_id = seed * _IDS_OF_A_SEED + 1
    pairs = {listing.symbol: Pair(listing, first_id) for listing in listings}
    kind = FuturesAccount if market is Market.FUTURES else SpotAccount
    books: dict[str, Account] = {setup.name: kind(setup, pairs) for setup in accounts}
    trading = Trading(market, Ledger(now_ms), pairs, books, first_id)
    _fund(trading.ledger, books, accounts)
    return _around(trading, first_id)


def _around(trading: Trading, first_id: int) -> Core:
    """Return the parts that share one trading."""
    timetable, futures_rules, matching = Timetable(), FuturesRules(), Matching(trading)
    algos = Algos(trading, matching, first_id)
    forced = Forced(trading, algos)
    rules = futures_rules if trading.market is Market.FUTURES else SpotRules(trading.accounts)
    return Core(
        ledger=trading.ledger,
        pairs=trading.pairs,
        accounts=trading.accounts,
        timetable=timetable,
        trading=trading,
        matching=matching,
        algos=algos,
        forced=forced,
        intake=Intake(trading, matching, rules, timetable),
        futures_rules=futures_rules,
        outside=Outside(trading, matching, algos, forced),
        settings=Settings(trading.ledger),
    )


def check_listing(market: Market, listing: Listing) -> None:
    """Check that an instrument belongs to the market.

    Raises:
        DataError: it does not.
    """
    if listing.instrument.kind is not _KINDS[market]:
        raise DataError(
            f"{listing.symbol} is a {listing.instrument.kind} instrument",
            where=f"{market} venue",
            fix=f"list {_KINDS[market]} instruments only",
        )


def _check(market: Market, listings: Sequence[Listing], accounts: Sequence[AccountSetup]) -> None:
    if not listings:
        raise DataError("no symbol is listed", where=f"{market} venue", fix="list at least one instrument")
    for listing in listings:
        check_listing(market, listing)
    for what, names in (
        ("symbol", [listing.symbol for listing in listings]),
        ("account", [setup.name for setup in accounts]),
        ("API key", [setup.api_key for setup in accounts]),
    ):
        if len(set(names)) != len(names):
            raise DataError(f"a {what} comes twice", where=f"{market} venue", fix="give each its own")


def _fund(ledger: Ledger, books: dict[str, Account], setups: Sequence[AccountSetup]) -> None:
    for setup in setups:
        account = books[setup.name]
        account.update_ms = ledger.time_ms
        balances = tuple(account.credit(asset, amount) for asset, amount in setup.balances.items())
        ledger.account_changed(setup.name, "DEPOSIT", balances)
        if setup.is_hedge_mode and isinstance(account, FuturesAccount):
            ledger.setting_changed(setup.name, "hedge_mode", "", "true")
