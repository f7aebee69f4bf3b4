"""What every account has: orders with their indexes, fills, wallets, and what its open orders hold back."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING

from opslab.venue.events import BalanceState
from opslab.venue.filters import CEILING
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.events import PositionState
    from opslab.venue.orders import AccountSetup, AlgoOrder, Fill, NewOrder, Order
    from opslab.venue.pairs import Pair
    from opslab.venue.views import AccountView

ZERO = Decimal(0)
_CENT = Decimal("0.00000001")
_WIDE = Context(prec=80, rounding=ROUND_HALF_EVEN)
_ASSET = re.compile(r"[A-Z0-9]{1,16}")


def rounded(amount: Decimal) -> Decimal:
    """Return an amount of money with the eight decimals that Binance books."""
    return amount.quantize(_CENT, context=_WIDE)


def check_credit(account: Account, asset: str, amount: Decimal) -> None:
    """Check money that is to come into an account, or to leave it.

    Raises:
        Refusal: -1108 no currency, -1102 no amount that can be booked exactly, -2018 nothing, or more than is free.
    """
    if not _ASSET.fullmatch(asset):
        raise Refusal(-1108, "Invalid asset.")
    if not amount.is_finite() or abs(amount) > CEILING or rounded(amount) != amount:
        raise Refusal(-1102, "Mandatory parameter 'amount' was not sent, was empty/null, or malformed.")
    if not amount or account.free(asset) + amount < 0:
        raise Refusal(-2018, "Balance is insufficient.")


@dataclass(frozen=True, slots=True)
class Settled:
    """What a fill did to an account.

    Attributes:
        commission: what it cost, in ``asset``.
        asset: the currency of the commission.
        realized: realised profit (futures).
        balances: the currencies that changed.
        positions: the positions that changed.
    """

    commission: Decimal
    asset: str
    realized: Decimal
    balances: tuple[BalanceState, ...]
    positions: tuple[PositionState, ...] = ()


class Account(ABC):
    """An account's books.

    Args:
        setup: what it begins with.
        pairs: the venue's pairs, for prices and rules.
    """

    def __init__(self, setup: AccountSetup, pairs: dict[str, Pair]) -> None:
        self.name = setup.name
        self.pairs = pairs
        self.wallet: dict[str, Decimal] = {}
        self.locked: dict[str, Decimal] = {}
        self.orders: dict[int, Order] = {}
        self.open: dict[str, dict[int, Order]] = {}
        self.fills: list[Fill] = []
        self.algos: dict[int, AlgoOrder] = {}
        self.open_algos: dict[str, dict[int, AlgoOrder]] = {}
        self.update_ms = 0
        self._by_symbol: dict[str, list[Order]] = {}
        self._by_client: dict[tuple[str, str], Order] = {}
        self._algos_by_client: dict[str, AlgoOrder] = {}
        self._fills_of: dict[str, list[Fill]] = {}

    # what a market adds

    @abstractmethod
    def hold(self, order: Order) -> tuple[BalanceState, ...]:
        """Hold back what an order needs as it stands now, and free what it needs no more; return changed balances."""

    @abstractmethod
    def settle(self, pair: Pair, order: Order, price: Decimal, quantity: Decimal, fee: Decimal) -> Settled:
        """Book a fill whose figures the order already has; ``fee`` is a share of the notional."""

    @abstractmethod
    def view(self) -> AccountView:
        """Return the account as it stands."""

    def room(self, command: NewOrder) -> Decimal | None:
        """Return how much a reducing order may fill; None: it does not reduce."""
        del command
        return None

    # orders

    def add(self, order: Order) -> None:
        """Take an accepted order into the books."""
        symbol = order.command.symbol
        self.orders[order.order_id] = order
        self.open.setdefault(symbol, {})[order.order_id] = order
        self._by_symbol.setdefault(symbol, []).append(order)
        self._by_client[symbol, order.client_order_id] = order

    def close(self, order: Order) -> None:
        """Take an order that ended out of the open ones."""
        self.open[order.command.symbol].pop(order.order_id, None)

    def of_symbol(self, symbol: str) -> list[Order]:
        """Return all orders of a symbol, oldest first."""
        return self._by_symbol.get(symbol, [])

    def find(self, symbol: str, order_id: int | None, client_order_id: str | None) -> Order | None:
        """Return the order with this id, if it also bears the client id given; without an id the last of that name."""
        if order_id is None:
            return self._by_client.get((symbol, client_order_id or ""))
        order = self.orders.get(order_id)
        if order is None or order.command.symbol != symbol:
            return None
        return order if client_order_id in (None, "", order.client_order_id) else None

    def has_live(self, symbol: str, client_order_id: str) -> bool:
        """Return whether an open order bears this client id."""
        order = self._by_client.get((symbol, client_order_id))
        return order is not None and order.status.is_open

    # conditional orders

    def add_algo(self, algo: AlgoOrder) -> None:
        """Take an accepted conditional order into the books."""
        self.algos[algo.algo_id] = algo
        self.open_algos.setdefault(algo.command.symbol, {})[algo.algo_id] = algo
        self._algos_by_client[algo.client_algo_id] = algo

    def close_algo(self, algo: AlgoOrder) -> None:
        """Take a conditional order that waits no more out of the open ones."""
        self.open_algos[algo.command.symbol].pop(algo.algo_id, None)

    def find_algo(self, algo_id: int | None, client_algo_id: str | None) -> AlgoOrder | None:
        """Return a conditional order, as ``find`` does."""
        if algo_id is None:
            return self._algos_by_client.get(client_algo_id or "")
        algo = self.algos.get(algo_id)
        return algo if algo is not None and client_algo_id in (None, "", algo.client_algo_id) else None

    # fills and money

    def add_fill(self, fill: Fill) -> None:
        """Take a fill into the books."""
        self.fills.append(fill)
        self._fills_of.setdefault(fill.symbol, []).append(fill)

    def fills_of(self, symbol: str) -> list[Fill]:
        """Return the fills of a symbol, oldest first."""
        return self._fills_of.get(symbol, [])

    def free(self, asset: str) -> Decimal:
        """Return what is not locked."""
        return self.wallet.get(asset, ZERO) - self.locked.get(asset, ZERO)

    def change(self, asset: str, amount: Decimal) -> BalanceState:
        """Add a signed amount to a wallet and return the balance as it is then."""
        self.wallet[asset] = self.wallet.get(asset, ZERO) + amount
        return self.balance(asset, amount)

    def credit(self, asset: str, amount: Decimal) -> BalanceState:
        """Bring a signed amount in from outside."""
        return self.change(asset, amount)

    def balance(self, asset: str, change: Decimal = ZERO) -> BalanceState:
        """Return a balance as it stands, with what changed it."""
        return BalanceState(asset, self.wallet.get(asset, ZERO), self.locked.get(asset, ZERO), change)
