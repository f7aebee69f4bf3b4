"""The catalogue's faults at the venue itself, and what happens to accounts out of band."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from opslab.venue.faults.intruding import ClockOffset, Command, ExpireListenKey, restoring
from opslab.venue.faults.recipe import Recipe, Text
from opslab.venue.orders import NewOrder, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from opslab.venue.faults.base import Fault

_DAY_MS = 24 * 3_600_000
Amount = Annotated[Decimal, Field(gt=0, le=10**15)]
Rate = Annotated[Decimal, Field(ge=-1, le=1)]


class MoveClock(Recipe):
    """Puts the venue's clock ahead, or behind with a negative, until the fault is healed."""

    fault: ClassVar[str] = "clock_offset"
    offset_ms: Annotated[int, Field(ge=-_DAY_MS, le=_DAY_MS)]

    def make(self) -> Fault:
        """Return the fault."""
        return ClockOffset(self.label, self.offset_ms)


class ExpireKeys(Recipe):
    """Expires listen keys, with the event or silently; healed, they stay expired."""

    fault: ClassVar[str] = "expire_listen_key"
    account: Text | None = None
    silent: bool = False

    def make(self) -> Fault:
        """Return the fault."""
        return ExpireListenKey(self.label, self.account, silent=self.silent)


class ManualOrder(Recipe):
    """Places an order on an account, as its owner would by hand; without a price at the market; it stays."""

    fault: ClassVar[str] = "manual_order"
    account: Text
    symbol: Text
    side: Side
    quantity: Amount
    price: Amount | None = None
    client_order_id: Text = ""
    reduce_only: bool = False

    def make(self) -> Fault:
        """Return the fault."""
        order = NewOrder(
            symbol=self.symbol,
            side=self.side,
            type=OrderType.MARKET if self.price is None else OrderType.LIMIT,
            quantity=self.quantity,
            price=self.price,
            time_in_force=None if self.price is None else TimeInForce.GTC,
            client_order_id=self.client_order_id,
            reduce_only=self.reduce_only,
        )
        facts = {"command": "submit", "account": self.account, "symbol": self.symbol, "side": str(self.side)}
        return Command(self.label, lambda exchange: exchange.submit(self.account, order), facts)


class ManualCancel(Recipe):
    """Cancels an account's orders in a symbol, as its owner would by hand, or the venue after an outage; it stays."""

    fault: ClassVar[str] = "manual_cancel"
    account: Text
    symbol: Text

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "cancel_all", "account": self.account, "symbol": self.symbol}
        return Command(self.label, lambda exchange: exchange.cancel_all(self.account, self.symbol), facts)


class CallMargin(Recipe):
    """Sends MARGIN_CALL for an account's positions, whatever their margin; the event stays in the ledger's log."""

    fault: ClassVar[str] = "margin_call"
    account: Text
    symbol: Text

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "margin_call", "account": self.account, "symbol": self.symbol}
        return Command(self.label, lambda exchange: exchange.margin_call(self.account, self.symbol), facts)


class Liquidate(Recipe):
    """Closes a position by the liquidation engine; client id autoclose-; it stays closed."""

    fault: ClassVar[str] = "liquidate"
    account: Text
    symbol: Text

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "liquidate", "account": self.account, "symbol": self.symbol}
        return Command(self.label, lambda exchange: exchange.liquidate(self.account, self.symbol), facts)


class Deleverage(Recipe):
    """Reduces a position by auto-deleveraging; client id adl_autoclose; it stays reduced."""

    fault: ClassVar[str] = "deleverage"
    account: Text
    symbol: Text
    quantity: Amount

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "adl", "account": self.account, "symbol": self.symbol, "quantity": str(self.quantity)}
        return Command(self.label, lambda exchange: exchange.adl(self.account, self.symbol, self.quantity), facts)


class Fund(Recipe):
    """Settles funding now; with a positive rate longs pay; what was paid stays paid."""

    fault: ClassVar[str] = "fund"
    symbol: Text
    rate: Rate

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "fund", "symbol": self.symbol, "rate": str(self.rate)}
        return Command(self.label, lambda exchange: exchange.fund(self.symbol, self.rate), facts)


class Credit(Recipe):
    """Deposits to an account, or withdraws a negative amount; the money stays where it is then."""

    fault: ClassVar[str] = "credit"
    account: Text
    asset: Text
    amount: Annotated[Decimal, Field(ge=-(10**15), le=10**15)]

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "credit", "account": self.account, "asset": self.asset, "amount": str(self.amount)}
        return Command(self.label, lambda exchange: exchange.credit(self.account, self.asset, self.amount), facts)


class SetStatus(Recipe):
    """Sets a symbol's status: a halt (BREAK, HALT) or a settlement (SETTLING); healed, the one before comes back."""

    fault: ClassVar[str] = "set_status"
    symbol: Text
    status: Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")] = "BREAK"
    healed: Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")] | None = None

    def make(self) -> Fault:
        """Return the fault; ``healed`` is the status that comes then, the one before if it is None."""
        return Command(
            self.label,
            lambda exchange: exchange.set_status(self.symbol, self.status),
            {"command": "set_status", "symbol": self.symbol, "status": self.status},
            restoring(
                lambda exchange: exchange.status(self.symbol),
                lambda exchange, before: exchange.set_status(self.symbol, self.healed or before),
                self.status,
            ),
        )


class SetPositionMode(Recipe):
    """Changes an account's position mode, as somebody in the web page would; healed, it comes back once it can.

    The exchange changes the mode of an account without orders and positions only: with any, healing fails, and says so.
    """

    fault: ClassVar[str] = "set_position_mode"
    account: Text
    mode: Literal["one-way", "hedge"] = "hedge"

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "set_hedge_mode", "account": self.account, "mode": self.mode}
        is_hedge = self.mode == "hedge"
        return Command(
            self.label,
            lambda exchange: exchange.set_hedge_mode(self.account, is_hedge),
            facts,
            restoring(
                lambda exchange: exchange.is_hedge_mode(self.account),
                lambda exchange, before: exchange.set_hedge_mode(self.account, before),
                is_hedge,
            ),
        )


class SetLeverage(Recipe):
    """Changes an account's leverage in a symbol, as somebody in the web page would; healed, it comes back."""

    fault: ClassVar[str] = "set_leverage"
    account: Text
    symbol: Text
    leverage: Annotated[int, Field(ge=1, le=125)]

    def make(self) -> Fault:
        """Return the fault."""
        facts = {"command": "set_leverage", "account": self.account, "leverage": self.leverage}
        return Command(
            self.label,
            lambda exchange: exchange.set_leverage(self.account, self.symbol, self.leverage),
            facts,
            restoring(
                lambda exchange: exchange.leverage(self.account, self.symbol),
                lambda exchange, before: exchange.set_leverage(self.account, self.symbol, before),
                self.leverage,
            ),
        )


RECIPES = (
    MoveClock,
    ExpireKeys,
    ManualOrder,
    ManualCancel,
    CallMargin,
    Liquidate,
    Deleverage,
    Fund,
    Credit,
    SetStatus,
    SetPositionMode,
    SetLeverage,
)
