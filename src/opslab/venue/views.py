"""What the exchange shows: frozen answers to queries, and what it publishes. No view changes after it was made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from opslab.venue.market import BookDelta, Kline, Level, MarkPrice, Quote


class PublicTrade(Struct, frozen=True, gc=False):
    """A trade as everybody sees it.

    Attributes:
        symbol: what.
        id: unique within the symbol, growing by one.
        price: in quote units.
        quantity: in base units.
        time_ms: Unix milliseconds.
        is_buyer_maker: whether the buyer rested and a seller took.
        is_own: whether an account of this venue was in it (not shown to clients).
    """

    symbol: str
    id: int
    price: Decimal
    quantity: Decimal
    time_ms: int
    is_buyer_maker: bool
    is_own: bool = False


type PublicEvent = Quote | BookDelta | PublicTrade | Kline | MarkPrice
"""A ``BookDelta`` bears whole level sizes, others' and our accounts' together; a ``Quote`` the book's new best."""


class Published(Struct, frozen=True, gc=False):
    """A public change.

    Attributes:
        event: what changed; a quote follows the book change that moved it, with the same ids.
        first_id: first book update id in it (``U``); of other events all three are the book's present id.
        last_id: last book update id in it (``u``).
        previous_id: the last update id of the book change before it (``pu``); ``first_id`` is always one more.
    """

    event: PublicEvent
    first_id: int
    last_id: int
    previous_id: int


@dataclass(frozen=True, slots=True)
class Depth:
    """The public book: best levels first, sizes of others and of the venue's accounts together."""

    symbol: str
    last_update_id: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Ticker:
    """Figures of the last 24 hours. Prices are zero and ``first_id`` and ``last_id`` are -1 without a trade.

    Attributes:
        symbol: what.
        open: first price.
        high: highest price.
        low: lowest price.
        last: last price.
        last_quantity: size of the last trade.
        previous_close: last price before the window, else ``open``.
        volume: in base units.
        quote_volume: in quote units.
        open_ms: begin of the window.
        close_ms: now.
        first_id: first trade.
        last_id: last trade.
        count: trades.
    """

    symbol: str
    open: Decimal
    high: Decimal
    low: Decimal
    last: Decimal
    last_quantity: Decimal
    previous_close: Decimal
    volume: Decimal
    quote_volume: Decimal
    open_ms: int
    close_ms: int
    first_id: int
    last_id: int
    count: int

    @property
    def change(self) -> Decimal:
        """Last price less the first."""
        return self.last - self.open

    @property
    def change_percent(self) -> Decimal:
        """The change in percent of the first price; zero without a trade."""
        return self.change / self.open * 100 if self.open else Decimal(0)

    @property
    def average(self) -> Decimal:
        """Mean price, weighted by volume; zero without a trade."""
        return self.quote_volume / self.volume if self.volume else Decimal(0)


@dataclass(frozen=True, slots=True)
class AssetView:
    """What an account has of a currency.

    Attributes:
        asset: the currency.
        wallet: spot: free and locked together; futures: the wallet balance.
        locked: what open orders need (spot).
        unrealized: profit of open positions at the mark price (futures).
        position_margin: initial margin of positions (futures).
        order_margin: initial margin of open orders (futures).
        maintenance: maintenance margin of positions (futures).
        update_ms: when it last changed.
    """

    asset: str
    wallet: Decimal
    locked: Decimal = Decimal(0)
    unrealized: Decimal = Decimal(0)
    position_margin: Decimal = Decimal(0)
    order_margin: Decimal = Decimal(0)
    maintenance: Decimal = Decimal(0)
    update_ms: int = 0

    @property
    def free(self) -> Decimal:
        """Spot: what is not locked."""
        return self.wallet - self.locked

    @property
    def initial_margin(self) -> Decimal:
        """Futures: initial margin of positions and open orders."""
        return self.position_margin + self.order_margin

    @property
    def margin_balance(self) -> Decimal:
        """Futures: wallet balance and unrealised profit."""
        return self.wallet + self.unrealized

    @property
    def available(self) -> Decimal:
        """Futures: what new orders may use as margin, never below zero; spot: ``free``."""
        return max(self.wallet + self.unrealized - self.initial_margin - self.locked, Decimal(0))


@dataclass(frozen=True, slots=True)
class PositionView:
    """A futures position with its figures, in settlement currency.

    Attributes:
        symbol: what.
        side: ``BOTH``, ``LONG`` or ``SHORT``.
        amount: in base units, negative for a short.
        entry_price: mean price of what is held; zero when flat.
        break_even_price: entry price moved by the fees paid and profits realised since it was flat; zero when flat.
        mark: mark price; zero when there is none.
        unrealized: profit at the mark price.
        realized: profit realised since the beginning, fees not counted.
        liquidation_price: where the account's margin is gone, other positions standing still; zero: nowhere.
        leverage: of the symbol.
        margin_type: ``CROSSED`` or ``ISOLATED``.
        settlement: the currency of the figures.
        initial_margin: of the position.
        order_margin: of the open orders that would enlarge it.
        maintenance: maintenance margin of the position.
        update_ms: when it last changed.
    """

    symbol: str
    side: str
    amount: Decimal
    entry_price: Decimal
    break_even_price: Decimal
    mark: Decimal
    unrealized: Decimal
    realized: Decimal
    liquidation_price: Decimal
    leverage: int
    margin_type: str
    settlement: str
    initial_margin: Decimal
    order_margin: Decimal
    maintenance: Decimal
    update_ms: int

    @property
    def notional(self) -> Decimal:
        """Amount times mark price, negative for a short."""
        return self.amount * self.mark


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as it stands.

    Attributes:
        name: the ledger's name for it.
        market: ``futures`` or ``spot``.
        assets: every currency it has or had.
        positions: every position, flat ones too (futures).
        is_hedge_mode: whether long and short are kept apart (futures).
        leverage: by symbol (futures).
        margin_types: by symbol: ``CROSSED`` or ``ISOLATED`` (futures).
        maker_fees: by symbol, shares of the notional.
        taker_fees: by symbol, shares of the notional.
        can_trade: whether it may trade.
        update_ms: when it last changed.
    """

    name: str
    market: str
    assets: tuple[AssetView, ...]
    positions: tuple[PositionView, ...]
    is_hedge_mode: bool
    leverage: dict[str, int]
    margin_types: dict[str, str]
    maker_fees: dict[str, Decimal]
    taker_fees: dict[str, Decimal]
    can_trade: bool
    update_ms: int

    def asset(self, name: str) -> AssetView:
        """Return what it has of a currency; zeros when it never had any."""
        return next((view for view in self.assets if view.asset == name), AssetView(name, Decimal(0)))


@dataclass(frozen=True, slots=True)
class Income:
    """A change of a futures wallet.

    Attributes:
        id: unique within the account, growing.
        symbol: what it came from; empty for a transfer.
        kind: ``REALIZED_PNL``, ``COMMISSION``, ``FUNDING_FEE``, ``TRANSFER`` or ``INSURANCE_CLEAR``.
        amount: signed, in ``asset``.
        asset: the currency.
        time_ms: Unix milliseconds.
        trade_id: the trade, if it was one; else 0.
    """

    id: int
    symbol: str
    kind: str
    amount: Decimal
    asset: str
    time_ms: int
    trade_id: int = 0
