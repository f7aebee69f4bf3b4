"""The books rebuilt from the log alone: whatever they hold, an event said so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opslab.venue.events import AccountChanged, AlgoChanged, LedgerEvent, OrderChanged, SettingChanged

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.venue.events import BalanceState, PositionState
    from opslab.venue.orders import AlgoOrder, Fill, Order


@dataclass(slots=True)
class Books:
    """What a log says.

    Attributes:
        orders: by number, as they stand.
        algos: conditional orders by number.
        fills: in order, both sides of a trade between accounts.
        balances: by account and currency.
        positions: by account, symbol and position side.
        settings: by account, setting and symbol.
    """

    orders: dict[int, Order] = field(default_factory=dict)
    algos: dict[int, AlgoOrder] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)
    balances: dict[tuple[str, str], BalanceState] = field(default_factory=dict)
    positions: dict[tuple[str, str, str], PositionState] = field(default_factory=dict)
    settings: dict[tuple[str, str, str], str] = field(default_factory=dict)


def rebuilt(log: Iterable[LedgerEvent]) -> Books:
    """Return the books that the events lead to."""
    books = Books()
    for event in log:
        _take(books, event)
    return books


def _take(books: Books, event: LedgerEvent) -> None:
    if isinstance(event, OrderChanged):
        books.orders[event.order.order_id] = event.order
        if event.fill is not None:
            books.fills.append(event.fill)
    elif isinstance(event, AlgoChanged):
        books.algos[event.algo.algo_id] = event.algo
    elif isinstance(event, AccountChanged):
        for balance in event.balances:
            books.balances[event.account, balance.asset] = balance
        for position in event.positions:
            books.positions[event.account, position.symbol, position.side] = position
    elif isinstance(event, SettingChanged):
        books.settings[event.account, event.setting, event.symbol] = event.value
