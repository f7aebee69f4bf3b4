"""What can be asked of the exchange. Answers are copies: nothing that is returned changes, or changes anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.venue.core import Core, assemble
from opslab.venue.digest import Digest
from opslab.venue.forced import futures_account
from opslab.venue.orders import Market
from opslab.venue.refusal import Refusal
from opslab.venue.snapshot import snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opslab.venue.account import Account
    from opslab.venue.events import LedgerEvent
    from opslab.venue.listing import Listing
    from opslab.venue.market import Kline, MarkPrice, Quote
    from opslab.venue.orders import AccountSetup, AlgoOrder, Fill, Order
    from opslab.venue.views import AccountView, Depth, Income, PositionView, PublicTrade, Published, Ticker


class Queries:
    """The exchange's books, to read. All methods raise ``Refusal`` -1121 for a symbol that is not listed.

    Args:
        market: futures or spot.
        listings: what trades.
        accounts: who trades.
        now_ms: the venue's time, Unix milliseconds.
        seed: where ids start.

    Attributes:
        market: futures or spot.
        listings: by symbol, as they stand.
        account_names: the accounts, in the order given.
    """

    def __init__(
        self,
        market: Market,
        listings: Sequence[Listing],
        accounts: Sequence[AccountSetup],
        now_ms: Callable[[], int],
        *,
        seed: int = 0,
    ) -> None:
        self.market = market
        self._core: Core = assemble(market, listings, accounts, now_ms, seed)
        self._listings = {listing.symbol: listing for listing in listings}
        self.account_names = tuple(self._core.accounts)
        self._now_ms = now_ms
        self._digest = Digest()

    @property
    def listings(self) -> Mapping[str, Listing]:
        """Listings by symbol."""
        return self._listings

    @property
    def log(self) -> Sequence[LedgerEvent]:
        """The ledger's log, oldest first; it only grows."""
        return self._core.ledger.log

    def digest(self) -> str:
        """Return the SHA-256 of the log's canonical JSON, in hexadecimal."""
        return self._digest.of(self._core.ledger.log)

    def snapshot(self) -> dict[str, Any]:
        """Return the books as JSON types: orders, fills, balances and positions by account, with the digest."""
        return snapshot(self.market, self._core, self._now_ms(), self.digest())

    def on_ledger(self, callback: Callable[[LedgerEvent], None]) -> None:
        """Tell ``callback`` of every change of the ledger from now on, in order, when the command is done."""
        self._core.ledger.on_ledger(callback)

    def on_market(self, callback: Callable[[Published], None]) -> None:
        """Tell ``callback`` of everything public from now on, in order with the ledger's changes."""
        self._core.ledger.on_market(callback)

    # accounts

    def order(
        self, account: str, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> Order:
        """Return an order, by its id (and the client id must then fit) or else the latest of a client id.

        Raises:
            Refusal: -2013, no such order.
        """
        self._core.trading.pair(symbol)
        return self._core.intake.find(self._account(account), symbol, order_id, client_order_id).copy()

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return the open orders, oldest first."""
        return [order.copy() for order in self._sorted(self._account(account).open, symbol)]

    def orders(self, account: str, symbol: str) -> list[Order]:
        """Return all orders of a symbol, oldest first."""
        self._core.trading.pair(symbol)
        return [order.copy() for order in self._account(account).of_symbol(symbol)]

    def algo(self, account: str, *, algo_id: int | None = None, client_algo_id: str | None = None) -> AlgoOrder:
        """Return a conditional order.

        Raises:
            Refusal: -2013, no such order.
        """
        algo = self._account(account).find_algo(algo_id, client_algo_id)
        if algo is None:
            raise Refusal(-2013, "Order does not exist.")
        return algo.copy()

    def open_algos(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Return the waiting conditional orders, oldest first."""
        return [algo.copy() for algo in self._sorted(self._account(account).open_algos, symbol)]

    def algos(self, account: str, symbol: str | None = None) -> list[AlgoOrder]:
        """Return all conditional orders, oldest first."""
        if symbol is not None:
            self._core.trading.pair(symbol)
        algos = self._account(account).algos.values()
        return [algo.copy() for algo in algos if symbol in (None, algo.command.symbol)]

    def fills(self, account: str, symbol: str | None = None) -> list[Fill]:
        """Return the fills, oldest first."""
        books = self._account(account)
        if symbol is None:
            return list(books.fills)
        self._core.trading.pair(symbol)
        return list(books.fills_of(symbol))

    def account(self, name: str) -> AccountView:
        """Return an account as it stands.

        Raises:
            Refusal: -2015, no such account.
        """
        return self._account(name).view()

    def is_hedge_mode(self, account: str) -> bool:
        """Return whether a futures account is in hedge mode.

        Raises:
            Refusal: -2015 no such account, -1020 this is spot.
        """
        return futures_account(self._core.trading, account).is_hedge_mode

    def leverage(self, account: str, symbol: str) -> int:
        """Return a futures account's leverage in a symbol; raises as ``is_hedge_mode``."""
        self._core.trading.pair(symbol)
        return futures_account(self._core.trading, account).leverage[symbol]

    def status(self, symbol: str) -> str:
        """Return a symbol's status, such as ``TRADING``."""
        return str(self._core.trading.pair(symbol).listing.status)

    def positions(self, account: str, symbol: str | None = None, *, flat: bool = False) -> list[PositionView]:
        """Return the open positions, on request the flat ones too; none on spot."""
        if symbol is not None:
            self._core.trading.pair(symbol)
        if self.market is Market.SPOT:
            return []
        views = futures_account(self._core.trading, account).position_views(symbol)
        return [view for view in views if flat or view.amount]

    def incomes(self, account: str) -> list[Income]:
        """Return what changed a futures account's wallets, oldest first; none on spot."""
        if self.market is Market.SPOT:
            return []
        return list(futures_account(self._core.trading, account).incomes)

    # the market

    def best(self, symbol: str) -> Quote | None:
        """Return the best of the public book, at the venue's time; an empty side is zeros, an empty book None."""
        return self._core.trading.pair(symbol).book.best(self._now_ms())

    def depth(self, symbol: str, limit: int = 1000) -> Depth:
        """Return at most ``limit`` levels a side of the public book, with its update id."""
        return self._core.trading.pair(symbol).book.depth(limit)

    def last_trades(self, symbol: str, n: int = 500) -> list[PublicTrade]:
        """Return the last ``n`` trades, oldest first; at most as many as are kept."""
        return self._core.trading.pair(symbol).recent.trades(n)

    def klines(self, symbol: str) -> list[Kline]:
        """Return the tape's candles, oldest first; at most as many as are kept."""
        return self._core.trading.pair(symbol).recent.klines()

    def mark(self, symbol: str) -> MarkPrice | None:
        """Return the tape's last mark price; None before the first."""
        return self._core.trading.pair(symbol).mark

    def ticker(self, symbol: str) -> Ticker:
        """Return the figures of the last 24 hours."""
        return self._core.trading.pair(symbol).recent.ticker(self._now_ms())

    def _account(self, name: str) -> Account:
        return self._core.trading.account(name)

    def _sorted[T](self, by_symbol: dict[str, dict[int, T]], symbol: str | None) -> list[T]:
        """Return the values of one symbol or all, by number."""
        if symbol is not None:
            self._core.trading.pair(symbol)
            return list(by_symbol.get(symbol, {}).values())
        merged = {number: value for values in by_symbol.values() for number, value in values.items()}
        return [merged[number] for number in sorted(merged)]
