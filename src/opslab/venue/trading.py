"""The books' mechanics: an order comes in, rests, fills, ends. Everything that changes an order goes through here."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from opslab.venue.events import Execution
from opslab.venue.futures_account import FuturesAccount
from opslab.venue.orders import AlgoStatus, Fill, Market, NewOrder, Order, OrderStatus, OrderType, Side
from opslab.venue.positions import is_reducing
from opslab.venue.refusal import Refusal
from opslab.venue.views import Published

if TYPE_CHECKING:
    from opslab.venue.account import Account, Settled
    from opslab.venue.ledger import Ledger
    from opslab.venue.pairs import Pair

ZERO = Decimal(0)


class Trading:
    """What commands, the tape and drills all do to orders.

    Args:
        market: futures or spot.
        ledger: is told of every change.
        pairs: by symbol.
        accounts: by name.
        first_id: the first order's number, and the first conditional order's.
    """

    def __init__(
        self, market: Market, ledger: Ledger, pairs: dict[str, Pair], accounts: dict[str, Account], first_id: int
    ) -> None:
        self.market = market
        self.ledger = ledger
        self.pairs = pairs
        self.accounts = accounts
        self._next_order_id = first_id

    def pair(self, symbol: str) -> Pair:
        """Return a pair.

        Raises:
            Refusal: -1121, no such symbol.
        """
        pair = self.pairs.get(symbol)
        if pair is None:
            raise Refusal(-1121, "Invalid symbol.")
        return pair

    def account(self, name: str) -> Account:
        """Return an account.

        Raises:
            Refusal: -2015, no such account.
        """
        account = self.accounts.get(name)
        if account is None:
            raise Refusal(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def accept(
        self, account: Account, command: NewOrder, quantity: Decimal, *, algo_id: int = 0, orig: OrderType | None = None
    ) -> Order:
        """Take a checked order into the books and report it as new; it does not match yet."""
        now, number = self.ledger.time_ms, self._next_order_id
        self._next_order_id += 1
        order = Order(
            order_id=number,
            account=account.name,
            command=command,
            client_order_id=command.client_order_id or f"venue-{number}",
            status=OrderStatus.NEW,
            quantity=quantity,
            price=command.price or ZERO,
            time_ms=now,
            update_ms=now,
            orig_type=orig or command.type,
            is_working=self.market is Market.FUTURES or command.stop_price is None,
            algo_id=algo_id,
        )
        account.add(order)
        account.update_ms = now
        locked = account.hold(order)
        self.ledger.order_changed(Execution.NEW, order)
        if locked:
            self.ledger.account_changed(account.name, "ORDER", locked)
        return order

    def rest(self, pair: Pair, order: Order) -> None:
        """Let an open order wait in the book."""
        pair.book.side(order.command.side).add(order)

    def lift(self, pair: Pair, order: Order) -> None:
        """Take an order out of the book, or out of the waiting stops, if it is there."""
        if not order.is_working:
            pair.contract_triggers.remove(order)
            return
        side = pair.book.side(order.command.side)
        if side.has(order):
            side.remove(order)

    def end(self, pair: Pair, order: Order, status: OrderStatus, execution: Execution) -> None:
        """End an open order without a fill: cancelled, expired or prevented."""
        self.lift(pair, order)
        account = self.accounts[order.account]
        if status is OrderStatus.EXPIRED_IN_MATCH:
            order.prevented = order.leaves
        order.status, order.update_ms = status, self.ledger.time_ms
        account.update_ms = self.ledger.time_ms
        account.close(order)
        freed = account.hold(order)
        self.ledger.order_changed(execution, order)
        if freed:
            self.ledger.account_changed(account.name, "ORDER", freed)
        self._finish_algo(account, order)

    def expire(self, pair: Pair, order: Order) -> None:
        """End an open order because it may not wait any longer."""
        self.end(pair, order, OrderStatus.EXPIRED, Execution.EXPIRED)

    def prevent(self, pair: Pair, order: Order) -> None:
        """End an order that would trade with its own account.

        Source: "Self Trade Prevention (STP) FAQ" of both markets; spot reports ``TRADE_PREVENTION``.
        """
        execution = Execution.TRADE_PREVENTION if self.market is Market.SPOT else Execution.EXPIRED
        self.end(pair, order, OrderStatus.EXPIRED_IN_MATCH, execution)

    def trade(
        self,
        pair: Pair,
        price: Decimal,
        quantity: Decimal,
        *,
        maker: Order | None = None,
        taker: Order | None = None,
        execution: Execution = Execution.TRADE,
        fee: Decimal | None = None,
    ) -> None:
        """Let a trade happen: a resting order with a taking one, or one of ours with somebody outside.

        Args:
            pair: where.
            price: in quote units.
            quantity: in base units, not above what either has left.
            maker: our order that rested, if any.
            taker: our order that took, if any.
            execution: ``CALCULATED`` for a forced close.
            fee: share of the notional that it costs; None: the instrument's.
        """
        instrument = pair.listing.instrument
        reducers: list[Order] = []
        if maker is not None:
            share = instrument.maker_fee if fee is None else fee
            reducers.append(self._fill(pair, maker, price, quantity, share, execution, is_maker=True))
        if taker is not None:
            share = instrument.taker_fee if fee is None else fee
            reducers.append(self._fill(pair, taker, price, quantity, share, execution, is_maker=False))
        is_buyer_maker = maker.command.side is Side.BUY if maker else bool(taker and taker.command.side is Side.SELL)
        self.print(pair, price, quantity, is_buyer_maker=is_buyer_maker, is_own=True)
        for order in reducers:
            self._drop_idle_reducers(pair, order)

    def print(
        self, pair: Pair, price: Decimal, quantity: Decimal, *, is_buyer_maker: bool, is_own: bool = False
    ) -> None:
        """Publish a trade."""
        book_id = pair.book.last_id
        trade = pair.record(price, quantity, self.ledger.time_ms, is_buyer_maker=is_buyer_maker, is_own=is_own)
        self.ledger.publish(Published(trade, book_id, book_id, book_id))

    def _fill(
        self,
        pair: Pair,
        order: Order,
        price: Decimal,
        quantity: Decimal,
        share: Decimal,
        execution: Execution,
        *,
        is_maker: bool,
    ) -> Order:
        """Book one side of a trade and report it."""
        account, now = self.accounts[order.account], self.ledger.time_ms
        side = pair.book.side(order.command.side)
        if side.has(order):
            side.reduce(order, quantity)
        order.executed += quantity
        order.cumulative_quote += price * quantity
        order.update_ms = account.update_ms = now
        is_done = order.executed >= order.quantity
        order.status = OrderStatus.FILLED if is_done else OrderStatus.PARTIALLY_FILLED
        if is_done:
            account.close(order)
        settled = account.settle(pair, order, price, quantity, share)
        fill = _fill_of(order, price, quantity, settled, pair.next_trade_id(), is_maker=is_maker)
        account.add_fill(fill)
        self._report_fill(account, order, fill, settled, execution)
        return order

    def _report_fill(self, account: Account, order: Order, fill: Fill, settled: Settled, execution: Execution) -> None:
        """Report a fill in the order that Binance sends it: on futures the account first, on spot the order."""
        if self.market is Market.FUTURES:
            self.ledger.account_changed(account.name, "ORDER", settled.balances, settled.positions)
        self.ledger.order_changed(execution, order, fill)
        if self.market is Market.SPOT:
            self.ledger.account_changed(account.name, "ORDER", settled.balances)
        if not order.status.is_open:
            self._finish_algo(account, order)

    def _drop_idle_reducers(self, pair: Pair, filled: Order) -> None:
        """Expire the reducing orders that have nothing left to reduce after a fill."""
        account = self.accounts[filled.account]
        if not isinstance(account, FuturesAccount):
            return
        waiting = account.reducing.get((pair.symbol, filled.command.position_side))
        for order in list(waiting.values()) if waiting else ():
            if order.status.is_open and not account.room(order.command):
                self.expire(pair, order)

    def _finish_algo(self, account: Account, order: Order) -> None:
        algo = account.algos.get(order.algo_id) if order.algo_id else None
        if algo is not None:
            algo.status, algo.update_ms = AlgoStatus.FINISHED, self.ledger.time_ms
            self.ledger.algo_changed(algo)


def _fill_of(
    order: Order, price: Decimal, quantity: Decimal, settled: Settled, trade_id: int, *, is_maker: bool
) -> Fill:
    command = order.command
    return Fill(
        trade_id=trade_id,
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        account=order.account,
        symbol=command.symbol,
        side=command.side,
        price=price,
        quantity=quantity,
        commission=settled.commission,
        commission_asset=settled.asset,
        realized=settled.realized,
        is_maker=is_maker,
        position_side=command.position_side,
        time_ms=order.update_ms,
    )


def fillable(account: Account, order: Order) -> Decimal:
    """Return how much of an order may fill now: what is left of it, and of the position that it reduces."""
    if not is_reducing(order.command):
        return order.leaves
    room = account.room(order.command)
    return order.leaves if room is None else min(order.leaves, room)
