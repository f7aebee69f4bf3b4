"""Orders and fills as the venue keeps them: Binance's words and values, quantities in base, prices in quote units."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from operator import attrgetter

from opslab.venue.words import AlgoStatus, Market, OrderStatus, OrderType, PositionSide, Side, TimeInForce

__all__ = [
    "AccountSetup",
    "AlgoOrder",
    "AlgoStatus",
    "Fill",
    "Market",
    "NewOrder",
    "Order",
    "OrderStatus",
    "OrderType",
    "Position",
    "PositionSide",
    "Side",
    "TimeInForce",
]


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A command: place an order.

    Attributes:
        symbol: the venue's symbol.
        side: buy or sell.
        type: what kind.
        quantity: in base units; None for a close-position order, or when ``quote_quantity`` is given.
        price: limit price, if the type has one.
        stop_price: trigger price, if the type has one.
        time_in_force: as sent; None where the type has none.
        client_order_id: the client's id; the venue makes one when it is empty.
        reduce_only: may only make a position smaller (futures).
        close_position: closes the whole position when triggered (futures).
        position_side: see ``PositionSide``.
        quote_quantity: spot market orders: how much quote currency to spend or receive.
        working_type: what triggers: ``CONTRACT_PRICE`` or ``MARK_PRICE`` (futures).
        activation_price: of a trailing stop.
        callback_rate: of a trailing stop, in percent.
        stp_mode: self-trade prevention: ``NONE``, ``EXPIRE_TAKER``, ``EXPIRE_MAKER`` or ``EXPIRE_BOTH``.
        good_till_ms: when a GTD order expires, Unix milliseconds.
    """

    symbol: str
    side: Side
    type: OrderType
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str = ""
    reduce_only: bool = False
    close_position: bool = False
    position_side: PositionSide = PositionSide.BOTH
    quote_quantity: Decimal | None = None
    working_type: str = "CONTRACT_PRICE"
    activation_price: Decimal | None = None
    callback_rate: Decimal | None = None
    stp_mode: str = "NONE"
    good_till_ms: int | None = None


@dataclass(slots=True)
class Order:
    """An order that the venue accepted.

    Attributes:
        order_id: the venue's id, unique across the venue, growing.
        account: whose it is.
        command: what was asked for; an amendment replaces it.
        client_order_id: the client's id, or the one that the venue made.
        status: where it is in its life.
        quantity: what it is for by now, in base units.
        price: its limit price by now; zero where it has none.
        time_ms: when it was accepted.
        update_ms: when it last changed.
        orig_type: the type it came in with; a triggered stop works under another one.
        executed: how much of it was filled, in base units.
        cumulative_quote: what the fills cost, in quote units.
        is_working: whether it may match; a spot stop that waits for its trigger does not.
        algo_id: the conditional order that it came from (futures); zero: none.
        prevented: what self-trade prevention took away, in base units.
    """

    order_id: int
    account: str
    command: NewOrder
    client_order_id: str
    status: OrderStatus
    quantity: Decimal
    price: Decimal
    time_ms: int
    update_ms: int
    orig_type: OrderType
    executed: Decimal = Decimal(0)
    cumulative_quote: Decimal = Decimal(0)
    is_working: bool = True
    algo_id: int = 0
    prevented: Decimal = Decimal(0)

    def copy(self) -> Order:
        """Return a copy; ``copy.copy`` takes several times as long."""
        return Order(*_values(self))

    @property
    def leaves(self) -> Decimal:
        """How much may still fill, in base units."""
        return self.quantity - self.executed

    @property
    def average_price(self) -> Decimal:
        """Mean price of its fills, zero without one."""
        return self.cumulative_quote / self.executed if self.executed else Decimal(0)


_values = attrgetter(*(one.name for one in fields(Order)))


@dataclass(frozen=True, slots=True)
class Fill:
    """A fill of one order.

    Attributes:
        trade_id: unique within the symbol, growing.
        order_id: the order.
        client_order_id: the order's client id.
        account: whose.
        symbol: what.
        side: buy or sell.
        price: in quote units.
        quantity: in base units.
        commission: what it cost, in ``commission_asset``; negative is a rebate.
        commission_asset: the currency of the commission.
        realized: realised profit of a futures position, in the settlement currency.
        is_maker: whether the order rested.
        position_side: see ``PositionSide``.
        time_ms: when.
    """

    trade_id: int
    order_id: int
    client_order_id: str
    account: str
    symbol: str
    side: Side
    price: Decimal
    quantity: Decimal
    commission: Decimal
    commission_asset: str
    realized: Decimal
    is_maker: bool
    position_side: PositionSide
    time_ms: int


@dataclass(slots=True)
class AlgoOrder:
    """A conditional futures order: it waits in the algo book and becomes an order when it triggers.

    Attributes:
        algo_id: the venue's id in the algo id space.
        account: whose it is.
        command: what was asked for.
        client_algo_id: the client's id, or the one that the venue made.
        status: where it is in its life.
        time_ms: when it was accepted.
        update_ms: when it last changed.
        order_id: the order that it became; zero before.
        extreme: of a trailing stop: the best price since it became active.
        is_active: of a trailing stop: whether its activation price was reached.
    """

    algo_id: int
    account: str
    command: NewOrder
    client_algo_id: str
    status: AlgoStatus
    time_ms: int
    update_ms: int
    order_id: int = 0
    extreme: Decimal | None = None
    is_active: bool = True

    def copy(self) -> AlgoOrder:
        """Return a copy."""
        return replace(self)


@dataclass(slots=True)
class Position:
    """A futures position.

    Attributes:
        symbol: what.
        side: see ``PositionSide``.
        amount: in base units, negative for a short.
        entry_price: mean price of what is held; zero when flat.
        realized: profit realised so far, fees not counted.
        update_ms: when it last changed.
        paid: fees less profits since it was last flat, in settlement currency.
    """

    symbol: str
    side: PositionSide
    amount: Decimal = Decimal(0)
    entry_price: Decimal = Decimal(0)
    realized: Decimal = Decimal(0)
    update_ms: int = 0
    paid: Decimal = Decimal(0)

    @property
    def break_even_price(self) -> Decimal:
        """Entry price moved by what was paid since it was flat; zero when flat."""
        return self.entry_price + self.paid / self.amount if self.amount else Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountSetup:
    """An account as a venue begins with it.

    Attributes:
        name: the ledger's name for it.
        api_key: the key that requests bear.
        api_secret: signs requests; never written anywhere.
        balances: by currency.
        leverage: futures: of every symbol at the beginning.
        is_hedge_mode: futures: whether long and short positions are kept apart.
    """

    name: str
    api_key: str
    api_secret: str = field(repr=False)
    balances: dict[str, Decimal]
    leverage: int = 20
    is_hedge_mode: bool = False
