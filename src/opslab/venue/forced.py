"""What happens to futures positions without their owner: margin calls, liquidation, auto-deleveraging, funding.

Source: developers.binance.com, USD-M futures, "Event: Order Update" (client ids ``autoclose-`` and ``adl_autoclose``,
execution ``CALCULATED``), "Event: Balance and Position Update" (``FUNDING_FEE``, ``INSURANCE_CLEAR``); help page
"Funding Rates"; "Event: Margin Call", which does not say when it is sent.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.account import rounded
from opslab.venue.events import Execution
from opslab.venue.filters import is_on_grid
from opslab.venue.futures_account import FuturesAccount, sides_of
from opslab.venue.margins import cover
from opslab.venue.orders import AlgoStatus, NewOrder, Order, OrderType, PositionSide, TimeInForce
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from opslab.venue.algos import Algos
    from opslab.venue.orders import Position
    from opslab.venue.pairs import Pair
    from opslab.venue.trading import Trading

_ZERO = Decimal(0)
_ADL_ID = "adl_autoclose"
THIN = Decimal("0.8")
"""Share of the margin balance that the maintenance margin takes when an account is told so; ours."""


class Forced:
    """Closes and charges positions.

    Args:
        trading: the books' mechanics.
        algos: ends the conditional orders of who is liquidated.
    """

    def __init__(self, trading: Trading, algos: Algos) -> None:
        self._trading = trading
        self._algos = algos
        self._checked: dict[str, tuple[Decimal, int]] = {}
        self._called: set[tuple[str, str]] = set()

    def check(self, pair: Pair) -> bool:
        """Liquidate who holds a position in this pair and has no margin left; return whether anybody was.

        Who has little left is told once, and again only after it had enough.
        """
        asset, is_anybody = pair.listing.settlement, False
        seen = (pair.mark_price, len(self._trading.ledger.log))
        if seen == self._checked.get(pair.symbol):
            return False
        self._checked[pair.symbol] = seen
        for name in sorted(pair.holders):
            account = futures_account(self._trading, name)
            balance, maintenance = cover(account, asset)
            self._call(account, asset, is_thin=bool(maintenance) and balance < maintenance / THIN)
            if maintenance and balance < maintenance:
                for other in self._trading.pairs.values():
                    if other.listing.settlement == asset:
                        self.liquidate(account, other)
                self._clear(account, asset)
                is_anybody = True
        return is_anybody

    def liquidate(self, account: FuturesAccount, pair: Pair) -> list[Order]:
        """Drop the account's orders in a pair and close its positions there at the mark price; return the closes."""
        for order in list(account.open.get(pair.symbol, {}).values()):
            self._trading.expire(pair, order)
        for algo in list(account.open_algos.get(pair.symbol, {}).values()):
            self._algos.end(account, pair, algo, AlgoStatus.EXPIRED)
        fee = pair.listing.liquidation_fee
        now = self._trading.ledger.time_ms
        return [
            self._close(account, pair, position, abs(position.amount), f"autoclose-{now}{number}", fee)
            for number, position in enumerate(self.held(account, pair))
        ]

    def adl(self, account: FuturesAccount, pair: Pair, quantity: Decimal) -> Order:
        """Let the exchange close part of the larger position of a pair at the mark price.

        Raises:
            Refusal: -2024 nothing held, -4005 more than that, -4023 off the step.
        """
        held = sorted(self.held(account, pair), key=lambda position: abs(position.amount))
        if not held:
            raise Refusal(-2024, "Position is not sufficient.")
        if not 0 < quantity <= abs(held[-1].amount):
            raise Refusal(-4005, "Quantity greater than max quantity.")
        if not is_on_grid(quantity, pair.listing.instrument.step_size):
            raise Refusal(-4023, "Qty not increased by step size.")
        return self._close(account, pair, held[-1], quantity, _ADL_ID, pair.listing.instrument.taker_fee)

    def margin_call(self, account: FuturesAccount, asset: str) -> None:
        """Tell an account of its positions in a settlement currency, as if their margin ran out.

        Raises:
            Refusal: -2024 nothing held.
        """
        held = tuple(
            (position.symbol, str(position.side))
            for pair in self._trading.pairs.values()
            if pair.listing.settlement == asset
            for position in self.held(account, pair)
        )
        if not held:
            raise Refusal(-2024, "Position is not sufficient.")
        self._trading.ledger.margin_called(account.name, asset, account.wallet.get(asset, _ZERO), held)

    def _call(self, account: FuturesAccount, asset: str, *, is_thin: bool) -> None:
        key = (account.name, asset)
        if is_thin and key not in self._called:
            self._called.add(key)
            self.margin_call(account, asset)
        elif not is_thin:
            self._called.discard(key)

    def fund(self, pair: Pair, rate: Decimal) -> None:
        """Let longs pay ``rate`` of their notional at the mark price to shorts, or receive it when it is negative."""
        ledger = self._trading.ledger
        for name in sorted(pair.holders):
            account = futures_account(self._trading, name)
            account.update_ms = ledger.time_ms
            for position in self.held(account, pair):
                amount = -rounded(position.amount * pair.mark_price * rate)
                balance = account.transfer(pair.listing.settlement, amount, "FUNDING_FEE", pair.symbol)
                ledger.account_changed(name, "FUNDING_FEE", (balance,), (account.state(position),))

    @staticmethod
    def held(account: FuturesAccount, pair: Pair) -> list[Position]:
        """Return the account's positions in a pair that are not flat."""
        positions = (account.position((pair.symbol, side)) for side in PositionSide)
        return [position for position in positions if position.amount]

    def _close(
        self, account: FuturesAccount, pair: Pair, position: Position, quantity: Decimal, name: str, fee: Decimal
    ) -> Order:
        """Close part of a position with an order of the exchange's own."""
        price = pair.mark_price or position.entry_price
        command = NewOrder(
            symbol=pair.symbol,
            side=sides_of(position.amount),
            type=OrderType.LIMIT,
            quantity=quantity,
            price=price,
            time_in_force=TimeInForce.IOC,
            client_order_id=name,
            reduce_only=position.side is PositionSide.BOTH,
            position_side=position.side,
        )
        order = self._trading.accept(account, command, quantity)
        self._trading.trade(pair, price, quantity, taker=order, execution=Execution.CALCULATED, fee=fee)
        return order

    def _clear(self, account: FuturesAccount, asset: str) -> None:
        """Let the insurance fund pay a debt that a liquidation left."""
        debt = account.wallet.get(asset, _ZERO)
        if debt < 0:
            balance = account.transfer(asset, -debt, "INSURANCE_CLEAR")
            self._trading.ledger.account_changed(account.name, "INSURANCE_CLEAR", (balance,))


def futures_account(trading: Trading, name: str) -> FuturesAccount:
    """Return a futures account.

    Raises:
        Refusal: -2015 no such account, -1020 this is spot.
    """
    account = trading.account(name)
    if not isinstance(account, FuturesAccount):
        raise Refusal(-1020, "This operation is not supported.")
    return account
