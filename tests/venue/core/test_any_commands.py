"""Whatever is commanded and whatever the market does, the books keep their invariants."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.venue.core.invariants import check
from tests.venue.core.rig import SYMBOL, Rig

from opslab.venue.market import BookDelta
from opslab.venue.orders import Market, NewOrder, OrderType, PositionSide, Side, TimeInForce
from opslab.venue.refusal import Refusal

D = Decimal
OTHER = "ETHUSDT"
owners = st.sampled_from(["ann", "bob"])
sides = st.sampled_from(list(Side))
symbols = st.sampled_from([SYMBOL, SYMBOL, SYMBOL, OTHER])
prices = st.integers(190, 212).map(lambda n: D(n) / 2)
sizes = st.integers(0, 1200).map(lambda n: D(n) * 2 / 1000)
big_sizes = st.one_of(sizes, st.sampled_from([D(20), D(60), D(400)]))
stp = st.sampled_from(["NONE", "NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"])
names = st.sampled_from(["", "", "", "mine", "yours"])
picks = st.integers(0, 50)


class Machine(RuleBasedStateMachine):
    """Commands and market events in any order, on two exchanges at once: their digests must not differ."""

    market: Market
    kinds: tuple[OrderType, ...] = (OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET)

    def __init__(self) -> None:
        super().__init__()
        self.rigs = [Rig(self.market, symbols=(SYMBOL, OTHER), money="2000", max_orders=6) for _ in range(2)]

    def do(self, act: Any) -> bool:
        """Do the same on both; return whether it was done. A refusal must change nothing."""
        done = []
        for rig in self.rigs:
            before = rig.exchange.digest(), len(rig.exchange.log), rig.exchange.depth(SYMBOL)
            try:
                act(rig)
                done.append(True)
            except Refusal:
                assert before == (rig.exchange.digest(), len(rig.exchange.log), rig.exchange.depth(SYMBOL))
                done.append(False)
        assert done[0] is done[1]
        return done[0]

    @initialize()
    def open_market(self) -> None:
        for symbol in (SYMBOL, OTHER):
            self.do(lambda rig, symbol=symbol: rig.quote("100", "101", "2", symbol))

    @rule(who=owners, symbol=symbols, side=sides, price=prices, size=big_sizes, stp=stp, name=names, data=st.data())
    def submit(self, who: str, symbol: str, side: Side, price: D, size: D, stp: str, name: str, data: Any) -> None:
        kind = data.draw(st.sampled_from(self.kinds))
        command = NewOrder(symbol, side, kind, size, client_order_id=name, stp_mode=stp, **self.more(kind, price, data))
        self.do(lambda rig: rig.exchange.submit(who, command))

    def more(self, kind: OrderType, price: D, data: Any) -> dict[str, Any]:
        """Return what a type needs besides a quantity."""
        if kind is OrderType.MARKET:
            return {}
        lifetimes = st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK])
        return {"price": price, "time_in_force": data.draw(lifetimes)}

    @rule(who=owners, symbol=symbols, pick=picks)
    def cancel(self, who: str, symbol: str, pick: int) -> None:
        orders = self.rigs[0].exchange.orders(who, symbol)
        if orders:
            number = orders[-1 - pick % len(orders)].order_id
            self.do(lambda rig: rig.exchange.cancel(who, symbol, order_id=number))

    @rule(who=owners, symbol=symbols)
    def cancel_all(self, who: str, symbol: str) -> None:
        self.do(lambda rig: rig.exchange.cancel_all(who, symbol))

    @rule(who=owners, pick=picks, size=sizes)
    def fill(self, who: str, pick: int, size: D) -> None:
        orders = self.rigs[0].exchange.open_orders(who)
        if orders:
            number = orders[pick % len(orders)].order_id
            self.do(lambda rig: rig.exchange.fill(who, number, size or None))

    @rule(symbol=symbols, bid=prices, spread=st.integers(0, 3), size=sizes)
    def quote(self, symbol: str, bid: D, spread: int, size: D) -> None:
        self.do(lambda rig: rig.quote(str(bid), str(bid + D(spread) / 2), str(size), symbol))

    @rule(symbol=symbols, side=sides, price=prices, size=sizes)
    def delta(self, symbol: str, side: Side, price: D, size: D) -> None:
        levels = (((price, size),), ()) if side is Side.BUY else ((), ((price, size),))
        self.do(lambda rig: rig.exchange.apply(BookDelta(symbol, rig.now, *levels)))

    @rule(symbol=symbols, price=prices, size=sizes.filter(bool), sold=st.booleans())
    def trade(self, symbol: str, price: D, size: D, sold: bool) -> None:
        self.do(lambda rig: rig.trade(str(price), str(size), sold=sold, symbol=symbol))

    @rule(who=owners, amount=st.integers(-300, 300))
    def credit(self, who: str, amount: int) -> None:
        self.do(lambda rig: rig.exchange.credit(who, "USDT", D(amount)))

    @rule(symbol=symbols, status=st.sampled_from(["HALT", "TRADING", "TRADING", "TRADING"]))
    def set_status(self, symbol: str, status: str) -> None:
        self.do(lambda rig: rig.exchange.set_status(symbol, status))

    @rule(ms=st.integers(1, 700_000))
    def wait(self, ms: int) -> None:
        for rig in self.rigs:
            rig.now += ms
        self.do(lambda rig: rig.exchange.tick())

    @invariant()
    def books_are_right(self) -> None:
        check(self.rigs[0].exchange)

    @invariant()
    def both_are_the_same(self) -> None:
        assert self.rigs[0].exchange.digest() == self.rigs[1].exchange.digest()


class SpotMachine(Machine):
    market = Market.SPOT
    kinds = (*Machine.kinds, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT_LIMIT)

    def more(self, kind: OrderType, price: D, data: Any) -> dict[str, Any]:
        if kind is OrderType.LIMIT_MAKER:
            return {"price": price}
        if kind is OrderType.STOP_LOSS:
            return {"stop_price": price}
        if kind is OrderType.TAKE_PROFIT_LIMIT:
            return {"price": price, "stop_price": data.draw(prices), "time_in_force": TimeInForce.GTC}
        return super().more(kind, price, data)

    @rule(who=owners, side=sides, quote=st.integers(1, 900), stp=stp)
    def market_by_quote(self, who: str, side: Side, quote: int, stp: str) -> None:
        command = NewOrder(SYMBOL, side, OrderType.MARKET, quote_quantity=D(quote), stp_mode=stp)
        self.do(lambda rig: rig.exchange.submit(who, command))


class FuturesMachine(Machine):
    market = Market.FUTURES

    def more(self, kind: OrderType, price: D, data: Any) -> dict[str, Any]:
        more = super().more(kind, price, data) | {"reduce_only": data.draw(st.sampled_from([False, False, True]))}
        if any(self.rigs[0].exchange.account(name).is_hedge_mode for name in ("ann", "bob")):
            more["position_side"] = data.draw(st.sampled_from(list(PositionSide)))
        return more

    @rule(who=owners, symbol=symbols, pick=picks, price=prices, size=sizes)
    def amend(self, who: str, symbol: str, pick: int, price: D, size: D) -> None:
        orders = self.rigs[0].exchange.orders(who, symbol)
        if orders:
            order = orders[-1 - pick % len(orders)]
            number, side = order.order_id, order.command.side
            self.do(lambda rig: rig.exchange.amend(who, symbol, order_id=number, side=side, quantity=size, price=price))

    @rule(
        who=owners,
        side=sides,
        kind=st.sampled_from([OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET, OrderType.STOP]),
        stop=prices,
        price=prices,
        size=sizes,
        closes=st.booleans(),
        working=st.sampled_from(["CONTRACT_PRICE", "MARK_PRICE"]),
    )
    def conditional(
        self, who: str, side: Side, kind: OrderType, stop: D, price: D, size: D, closes: bool, working: str
    ) -> None:
        is_limit = kind is OrderType.STOP
        command = NewOrder(
            SYMBOL,
            side,
            kind,
            None if closes and not is_limit else size,
            price=price if is_limit else None,
            stop_price=stop,
            close_position=closes and not is_limit,
            working_type=working,
        )
        self.do(lambda rig: rig.exchange.submit_algo(who, command))

    @rule(who=owners, side=sides, rate=st.integers(1, 40), size=sizes)
    def trailing(self, who: str, side: Side, rate: int, size: D) -> None:
        command = NewOrder(SYMBOL, side, OrderType.TRAILING_STOP_MARKET, size, callback_rate=D(rate) / 10)
        self.do(lambda rig: rig.exchange.submit_algo(who, command))

    @rule(symbol=symbols, price=prices, rate=st.integers(-5, 5), next_in=st.integers(0, 60_000))
    def mark(self, symbol: str, price: D, rate: int, next_in: int) -> None:
        self.do(lambda rig: rig.mark(str(price), str(D(rate) / 1000), rig.now + next_in, symbol))

    @rule(who=owners, symbol=symbols)
    def liquidate(self, who: str, symbol: str) -> None:
        self.do(lambda rig: rig.exchange.liquidate(who, symbol))

    @rule(who=owners, symbol=symbols, size=sizes)
    def adl(self, who: str, symbol: str, size: D) -> None:
        self.do(lambda rig: rig.exchange.adl(who, symbol, size))

    @rule(who=owners, on=st.booleans())
    def hedge(self, who: str, on: bool) -> None:
        self.do(lambda rig: rig.exchange.set_hedge_mode(who, on))

    @rule(who=owners, leverage=st.integers(0, 21))
    def leverage(self, who: str, leverage: int) -> None:
        self.do(lambda rig: rig.exchange.set_leverage(who, SYMBOL, leverage))


TestSpot = SpotMachine.TestCase
TestSpot.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestFutures = FuturesMachine.TestCase
TestFutures.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
