"""What must hold of an exchange's books after every step, whatever happened."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.venue.digest import plain
from opslab.venue.events import AccountChanged, OrderChanged
from opslab.venue.orders import Market, OrderStatus, Side
from opslab.venue.replay import rebuilt

if TYPE_CHECKING:
    from opslab.venue.exchange import Exchange

D = Decimal
TINY = D("0.000001")


def check(exchange: Exchange) -> None:
    for name in exchange.account_names:
        _check_orders(exchange, name)
        if exchange.market is Market.SPOT:
            _check_spot_money(exchange, name)
        else:
            _check_futures_money(exchange, name)
    _check_limits(exchange)
    _check_public_book(exchange)
    _check_log(exchange)


def _check_orders(exchange: Exchange, name: str) -> None:
    filled: dict[int, list[Any]] = defaultdict(list)
    for fill in exchange.fills(name):
        filled[fill.order_id].append(fill)
    open_ids = {order.order_id for order in exchange.open_orders(name)}
    for symbol in exchange.listings:
        for order in exchange.orders(name, symbol):
            fills = filled[order.order_id]
            assert order.executed == sum((fill.quantity for fill in fills), D(0))
            assert order.cumulative_quote == sum((fill.quantity * fill.price for fill in fills), D(0))
            assert 0 <= order.executed <= order.quantity
            assert (order.executed == order.quantity) is (order.status is OrderStatus.FILLED) or not order.quantity
            assert (order.order_id in open_ids) is order.status.is_open


def _check_limits(exchange: Exchange) -> None:
    """No fill is worse than the limit that the order had then."""
    for event in exchange.log:
        if isinstance(event, OrderChanged) and event.fill is not None and event.order.command.price is not None:
            assert (event.fill.price - event.order.price) * event.order.command.side.sign <= 0


def _check_spot_money(exchange: Exchange, name: str) -> None:
    view = exchange.account(name)
    flows: dict[str, Decimal] = defaultdict(Decimal)
    for event in exchange.log:
        if isinstance(event, AccountChanged) and event.account == name and event.reason in ("DEPOSIT", "WITHDRAW"):
            for balance in event.balances:
                flows[balance.asset] += balance.change
    for fill in exchange.fills(name):
        listing = exchange.listings[fill.symbol]
        sign = fill.side.sign
        flows[listing.base] += sign * fill.quantity
        flows[listing.quote] -= sign * fill.quantity * fill.price
        flows[fill.commission_asset] -= fill.commission
    needed: dict[str, Decimal] = defaultdict(Decimal)
    for order in exchange.open_orders(name):
        listing = exchange.listings[order.command.symbol]
        if order.command.side is Side.SELL:
            needed[listing.base] += order.leaves
        else:
            needed[listing.quote] += order.leaves * (order.price or order.command.stop_price or D(0))
    for asset in view.assets:
        assert asset.wallet == flows[asset.asset]
        assert asset.locked == needed[asset.asset]
        assert asset.locked >= 0
        assert asset.free >= 0


def _check_futures_money(exchange: Exchange, name: str) -> None:
    flows = sum((income.amount for income in exchange.incomes(name) if income.asset == "USDT"), D(0))
    view = exchange.account(name)
    assert view.asset("USDT").wallet == flows
    cash: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    held: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    gained: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for fill in exchange.fills(name):
        key = (fill.symbol, fill.position_side)
        held[key] += fill.side.sign * fill.quantity
        cash[key] -= fill.side.sign * fill.quantity * fill.price
        gained[key] += fill.realized
    for symbol in exchange.listings:
        for side in ("BOTH", "LONG", "SHORT"):
            key = (symbol, side)
            position = exchange._core.accounts[name].position(key)
            assert position.amount == held[key]
            assert position.realized == gained[key]
            assert abs(cash[key] + position.amount * position.entry_price - position.realized) < TINY
            assert not (side == "LONG" and position.amount < 0)
            assert not (side == "SHORT" and position.amount > 0)
    _check_exposures(exchange, name)


def _check_exposures(exchange: Exchange, name: str) -> None:
    account = exchange._core.accounts[name]
    wanted: dict[Any, Decimal] = defaultdict(Decimal)
    for order in exchange.open_orders(name):
        command = order.command
        closes = command.reduce_only or command.close_position
        if command.position_side != "BOTH":
            closes = (command.position_side == "LONG") is (command.side is Side.SELL)
        if not closes:
            wanted[command.symbol, command.position_side, command.side] += order.price * order.leaves
        else:
            assert account.room(command) > 0, "an order that has nothing to reduce is still open"
    for (symbol, side), exposure in account.exposures.items():
        assert exposure.buys == wanted[symbol, side, Side.BUY]
        assert exposure.sells == wanted[symbol, side, Side.SELL]


def _check_public_book(exchange: Exchange) -> None:
    """Our resting orders are part of the public book, and no two of them cross."""
    for symbol in exchange.listings:
        book = exchange._core.pairs[symbol].book
        rests: dict[tuple[Side, Decimal], Decimal] = defaultdict(Decimal)
        for name in exchange.account_names:
            for order in exchange.open_orders(name, symbol):
                if order.is_working:
                    rests[order.command.side, order.price] += order.leaves
        for side in Side:
            levels = list(book.side(side).walk())
            assert {level.price: level.own for level in levels if level.queue} == {
                price: size for (of, price), size in rests.items() if of is side
            }
            for level in levels:
                assert level.others >= 0
                assert level.total > 0
                assert level.own == sum((resting.order.leaves for resting in level.queue.values()), D(0))
                assert all(0 <= resting.ahead <= level.others for resting in level.queue.values())
            prices = [level.price for level in levels]
            assert prices == sorted(prices, reverse=side is Side.BUY)


def _check_log(exchange: Exchange) -> None:
    """The log alone leads to the same books."""
    books = rebuilt(exchange.log)
    assert [event.seq for event in exchange.log] == list(range(1, len(exchange.log) + 1))
    for name in exchange.account_names:
        for symbol in exchange.listings:
            for order in exchange.orders(name, symbol):
                assert plain(books.orders[order.order_id]) == plain(order)
        assert [fill for fill in books.fills if fill.account == name] == exchange.fills(name)
        for asset in exchange.account(name).assets:
            told = books.balances[name, asset.asset]
            assert (told.wallet, told.locked) == (asset.wallet, asset.locked)
        for view in exchange.positions(name):
            position = books.positions[name, view.symbol, view.side]
            assert (position.amount, position.entry_price, position.realized) == (
                view.amount,
                view.entry_price,
                view.realized,
            )
        for algo in exchange.algos(name):
            told = books.algos[algo.algo_id]
            assert (told.status, told.order_id, told.update_ms) == (algo.status, algo.order_id, algo.update_ms)
