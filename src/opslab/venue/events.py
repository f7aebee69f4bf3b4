"""What the ledger says of its changes: one log, in order, from which every report and stream message is made."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opslab.venue.orders import AlgoOrder, Fill, Order


class Execution(StrEnum):
    """Why an order is reported, Binance's execution type."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    AMENDMENT = "AMENDMENT"
    CALCULATED = "CALCULATED"
    TRADE_PREVENTION = "TRADE_PREVENTION"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order changed.

    Attributes:
        seq: number of the event in the venue's log, from 1.
        time_ms: when.
        execution: why it is reported.
        order: a copy of the order as it stands after the change.
        fill: the fill, if that was the change.
    """

    seq: int
    time_ms: int
    execution: Execution
    order: Order
    fill: Fill | None = None


@dataclass(frozen=True, slots=True)
class AlgoChanged:
    """A conditional order changed; ``algo`` is a copy."""

    seq: int
    time_ms: int
    algo: AlgoOrder


@dataclass(frozen=True, slots=True)
class BalanceState:
    """What an account has of a currency after a change: wallet balance, what orders lock (spot), and the change."""

    asset: str
    wallet: Decimal
    locked: Decimal
    change: Decimal


@dataclass(frozen=True, slots=True)
class PositionState:
    """A futures position after a change; ``unrealized`` at the mark price of that moment, in settlement currency.

    ``break_even_price`` is the entry price moved by fees and profits since it was flat; ``margin_type`` is ``CROSSED``
    or ``ISOLATED``.
    """

    symbol: str
    side: str
    amount: Decimal
    entry_price: Decimal
    realized: Decimal
    unrealized: Decimal
    break_even_price: Decimal = Decimal(0)
    margin_type: str = "CROSSED"


@dataclass(frozen=True, slots=True)
class AccountChanged:
    """Balances or positions of an account changed.

    Attributes:
        seq: number of the event.
        time_ms: when.
        account: whose.
        reason: Binance's reason: ``ORDER``, ``FUNDING_FEE``, ``DEPOSIT``, ``WITHDRAW``, ``MARGIN_TYPE_CHANGE``,
            ``INSURANCE_CLEAR``...
        balances: the currencies that changed.
        positions: the positions that changed (futures).
    """

    seq: int
    time_ms: int
    account: str
    reason: str
    balances: tuple[BalanceState, ...]
    positions: tuple[PositionState, ...]


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A setting of an account changed: ``leverage`` of a symbol, ``margin_type``, ``hedge_mode``."""

    seq: int
    time_ms: int
    account: str
    setting: str
    symbol: str
    value: str


@dataclass(frozen=True, slots=True)
class MarginCalled:
    """An account was told that its margin runs out; nothing of the books changed.

    Attributes:
        seq: number of the event.
        time_ms: when.
        account: whose.
        asset: the currency that is short.
        cross_wallet: wallet balance in it.
        positions: symbol and side of the positions in danger.
    """

    seq: int
    time_ms: int
    account: str
    asset: str
    cross_wallet: Decimal
    positions: tuple[tuple[str, str], ...]


type LedgerEvent = OrderChanged | AlgoChanged | AccountChanged | SettingChanged | MarginCalled
