"""A spot account: free and locked balances. Orders lock what they may have to pay; fees come out of what is received.

Source: Binance spot API documents, "Account information" and "Commission FAQ".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.venue.account import ZERO, Account, Settled, rounded
from opslab.venue.orders import OrderType, Side
from opslab.venue.views import AccountView, AssetView

if TYPE_CHECKING:
    from decimal import Decimal

    from opslab.venue.events import BalanceState
    from opslab.venue.orders import AccountSetup, Order
    from opslab.venue.pairs import Pair

_WAITING_MARKET = frozenset({OrderType.STOP_LOSS, OrderType.TAKE_PROFIT})


class SpotAccount(Account):
    """Balances that no order can overdraw.

    Args:
        setup: what it begins with.
        pairs: the venue's pairs.
    """

    def __init__(self, setup: AccountSetup, pairs: dict[str, Pair]) -> None:
        super().__init__(setup, pairs)
        self._held: dict[int, Decimal] = {}

    def hold(self, order: Order) -> tuple[BalanceState, ...]:
        """Lock what the order still needs: quote currency of a buy at its price, base currency of a sell."""
        need = self.need(order)
        before = self._held.get(order.order_id, ZERO)
        if need == before:
            return ()
        asset = self._pays_in(order)
        self.locked[asset] = self.locked.get(asset, ZERO) + need - before
        if need:
            self._held[order.order_id] = need
        else:
            del self._held[order.order_id]
        return (self.balance(asset),)

    def need(self, order: Order) -> Decimal:
        """Return what an order locks: nothing once it ended, and for a market order that trades at once."""
        if not order.status.is_open:
            return ZERO
        command = order.command
        if command.type is OrderType.MARKET or (order.is_working and command.type in _WAITING_MARKET):
            return ZERO
        if command.side is Side.SELL:
            return order.leaves
        return (order.price or command.stop_price or ZERO) * order.leaves

    def settle(self, pair: Pair, order: Order, price: Decimal, quantity: Decimal, fee: Decimal) -> Settled:
        """Exchange base and quote currency; the fee is taken from what the fill brings."""
        base, quote = pair.listing.base, pair.listing.quote
        cost = price * quantity
        if order.command.side is Side.BUY:
            asset, commission = base, rounded(quantity * fee)
            gained, paid = quantity - commission, -cost
        else:
            asset, commission = quote, rounded(cost * fee)
            gained, paid = -quantity, cost - commission
        self.hold(order)
        return Settled(commission, asset, ZERO, (self.change(base, gained), self.change(quote, paid)))

    def view(self) -> AccountView:
        """Return the account as it stands."""
        listings = [pair.listing for pair in self.pairs.values()]
        return AccountView(
            name=self.name,
            market="spot",
            assets=tuple(
                AssetView(asset, wallet, self.locked.get(asset, ZERO), update_ms=self.update_ms)
                for asset, wallet in self.wallet.items()
            ),
            positions=(),
            is_hedge_mode=False,
            leverage={},
            margin_types={},
            maker_fees={listing.symbol: listing.instrument.maker_fee for listing in listings},
            taker_fees={listing.symbol: listing.instrument.taker_fee for listing in listings},
            can_trade=True,
            update_ms=self.update_ms,
        )

    def _pays_in(self, order: Order) -> str:
        listing = self.pairs[order.command.symbol].listing
        return listing.quote if order.command.side is Side.BUY else listing.base
