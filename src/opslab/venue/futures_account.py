"""A futures account: wallets in settlement currencies, positions, and margin across them (cross margin, single asset).

Sources: Binance's USD-M pages "Account Information V2", "Position Information V2" and its help pages on margin and
liquidation. An isolated position's margin type is kept and shown; its margin is counted across the
account all the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.account import ZERO, Account, Settled, rounded
from opslab.venue.events import BalanceState, PositionState
from opslab.venue.margins import Exposure, asset_view, position_view
from opslab.venue.orders import OrderType, Position, PositionSide, Side
from opslab.venue.positions import is_reducing, move, unrealized
from opslab.venue.views import AccountView, Income

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.orders import AccountSetup, NewOrder, Order
    from opslab.venue.pairs import Pair
    from opslab.venue.views import AssetView, PositionView

type Key = tuple[str, PositionSide]


class FuturesAccount(Account):
    """Positions and the margin that they and open orders need.

    Args:
        setup: what it begins with.
        pairs: the venue's pairs.
    """

    def __init__(self, setup: AccountSetup, pairs: dict[str, Pair]) -> None:
        super().__init__(setup, pairs)
        self.is_hedge_mode = setup.is_hedge_mode
        self.leverage = {symbol: min(setup.leverage, pair.listing.max_leverage) for symbol, pair in pairs.items()}
        self.margin_types = dict.fromkeys(pairs, "CROSSED")
        self.positions: dict[Key, Position] = {}
        self.exposures: dict[Key, Exposure] = {}
        self.reducing: dict[Key, dict[int, Order]] = {}
        self.incomes: list[Income] = []
        self._held: dict[int, Decimal] = {}

    def position(self, key: Key) -> Position:
        """Return a position; a flat one when there never was one."""
        found = self.positions.get(key)
        return found if found is not None else Position(*key)

    def add(self, order: Order) -> None:
        """Take an accepted order into the books."""
        super().add(order)
        if is_reducing(order.command):
            self.reducing.setdefault(_key(order.command), {})[order.order_id] = order

    def close(self, order: Order) -> None:
        """Take an order that ended out of the open ones."""
        super().close(order)
        if is_reducing(order.command):
            self.reducing[_key(order.command)].pop(order.order_id, None)

    def room(self, command: NewOrder) -> Decimal | None:
        """Return how much of the position a reducing order may still close; None: it does not reduce."""
        if not is_reducing(command):
            return None
        position = self.positions.get(_key(command))
        if position is None or position.amount * command.side.sign >= 0:
            return ZERO
        return abs(position.amount)

    def hold(self, order: Order) -> tuple[BalanceState, ...]:
        """Count what the order adds to the exposure of its side; wallets do not change by it."""
        command = order.command
        counts = order.status.is_open and command.type is not OrderType.MARKET and not is_reducing(command)
        need = order.price * order.leaves if counts else ZERO
        before = self._held.get(order.order_id, ZERO)
        if need != before:
            self.exposures.setdefault(_key(command), Exposure()).add(command.side, need - before)
            if need:
                self._held[order.order_id] = need
            else:
                del self._held[order.order_id]
        return ()

    def settle(self, pair: Pair, order: Order, price: Decimal, quantity: Decimal, fee: Decimal) -> Settled:
        """Move the position; profit and fee go to the wallet of the settlement currency."""
        key = _key(order.command)
        position = self.positions.get(key)
        if position is None:
            position = self.positions[key] = Position(*key)
        was_flat, amount = not position.amount, position.amount
        realized = move(position, order.command.side, price, quantity)
        commission, asset = rounded(price * quantity * fee), pair.listing.settlement
        turned = position.amount * amount < 0
        if was_flat or turned:
            position.paid = commission * abs(position.amount) / quantity
        else:
            position.paid += commission - realized
        position.update_ms = order.update_ms
        if position.amount:
            pair.holders.add(self.name)
        elif not any(self.position((pair.symbol, side)).amount for side in PositionSide):
            pair.holders.discard(self.name)
        self.hold(order)
        trade_id = pair.next_trade_id()
        self._income(pair.symbol, "REALIZED_PNL", realized, asset, trade_id)
        self._income(pair.symbol, "COMMISSION", -commission, asset, trade_id)
        balance = self.change(asset, realized - commission)
        return Settled(commission, asset, realized, (balance,), (self.state(position),))

    def transfer(self, asset: str, amount: Decimal, kind: str, symbol: str = "") -> BalanceState:
        """Add a signed amount to a wallet, remembered as income of a kind."""
        self._income(symbol, kind, amount, asset)
        return self.change(asset, amount)

    def credit(self, asset: str, amount: Decimal) -> BalanceState:
        """Bring a signed amount in from outside."""
        return self.transfer(asset, amount, "TRANSFER")

    def state(self, position: Position) -> PositionState:
        """Return a position as reports show it."""
        return PositionState(
            position.symbol,
            position.side,
            position.amount,
            position.entry_price,
            position.realized,
            unrealized(position, self.pairs[position.symbol].mark_price),
            position.break_even_price,
            self.margin_types[position.symbol],
        )

    def added_margin(self, command: NewOrder, price: Decimal, quantity: Decimal) -> Decimal:
        """Return by how much an order would raise the initial margin of its symbol."""
        if is_reducing(command):
            return ZERO
        key = _key(command)
        exposure = self.exposures.get(key) or Exposure()
        position = self.positions.get(key)
        notional = position.amount * self.pairs[command.symbol].mark_price if position is not None else ZERO
        raised = exposure.with_more(command.side, price * quantity).margin(notional) - exposure.margin(notional)
        return raised / self.leverage[command.symbol]

    def asset(self, asset: str) -> AssetView:
        """Return a wallet with its margin figures."""
        return asset_view(self, asset)

    def view(self) -> AccountView:
        """Return the account as it stands."""
        listings = [pair.listing for pair in self.pairs.values()]
        return AccountView(
            name=self.name,
            market="futures",
            assets=tuple(self.asset(asset) for asset in self.wallet),
            positions=tuple(self.position_views(None)),
            is_hedge_mode=self.is_hedge_mode,
            leverage=dict(self.leverage),
            margin_types=dict(self.margin_types),
            maker_fees={listing.symbol: listing.instrument.maker_fee for listing in listings},
            taker_fees={listing.symbol: listing.instrument.taker_fee for listing in listings},
            can_trade=True,
            update_ms=self.update_ms,
        )

    def position_views(self, symbol: str | None) -> list[PositionView]:
        """Return the positions of one symbol or all, flat ones too: one a symbol, or long and short in hedge mode."""
        sides = (PositionSide.LONG, PositionSide.SHORT) if self.is_hedge_mode else (PositionSide.BOTH,)
        symbols = list(self.pairs) if symbol is None else [symbol]
        return [position_view(self, (name, side)) for name in symbols for side in sides]

    def _income(self, symbol: str, kind: str, amount: Decimal, asset: str, trade_id: int = 0) -> None:
        if amount:
            self.incomes.append(
                Income(len(self.incomes) + 1, symbol, kind, amount, asset, self.update_ms, trade_id),
            )


def _key(command: NewOrder) -> Key:
    return command.symbol, command.position_side


def sides_of(amount: Decimal) -> Side:
    """Return the side of an order that closes a position of this amount."""
    return Side.SELL if amount > 0 else Side.BUY
