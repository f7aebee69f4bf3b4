"""Long runs of random commands from fixed seeds: they reach what a short sequence does not, such as deep queues."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from tests.venue.core.invariants import check
from tests.venue.core.rig import SYMBOL, Rig

from opslab.venue.events import OrderChanged
from opslab.venue.market import BookDelta
from opslab.venue.orders import Market, NewOrder, OrderType, PositionSide, Side, TimeInForce
from opslab.venue.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

D = Decimal
OTHER = "ETHUSDT"
STEPS = 300
LIFETIMES = [TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]
STP = ["NONE", "NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"]
SPOT_KINDS = [OrderType.LIMIT] * 5 + [OrderType.MARKET, OrderType.LIMIT_MAKER, OrderType.STOP_LOSS]
SPOT_KINDS += [OrderType.TAKE_PROFIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT]
FUTURES_KINDS = [OrderType.LIMIT] * 3 + [OrderType.MARKET]
CONDITIONAL = [OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET, OrderType.STOP, OrderType.TAKE_PROFIT]


class Walk:
    """Draws the next act; its market wanders around 100."""

    def __init__(self, market: Market, seed: int, *, hedge: bool) -> None:
        self.rng = random.Random(seed)
        self.rig = Rig(
            market,
            symbols=(SYMBOL, OTHER),
            money="3000" if market is Market.SPOT else "900",
            max_orders=12,
            max_algo_orders=5,
        )
        self.exchange = self.rig.exchange
        self.middle = 200
        if hedge:
            for name in self.exchange.account_names:
                self.exchange.set_hedge_mode(name, True)
        self.acts: list[Callable[[], Any]] = (
            [self.submit] * 8 + [self.outside] * 8 + [self.cancel, self.time, self.fill]
        )
        if market is Market.FUTURES:
            self.acts += [self.amend, self.amend, self.conditional, self.conditional, self.forced]

    def price(self, width: int = 8) -> Decimal:
        return D(self.middle + self.rng.randint(-width, width)) / 2

    def size(self) -> Decimal:
        return D(self.rng.choice([2, 10, 500, 2000, 6000, 20000]) + 2 * self.rng.randint(0, 100)) / 1000

    def who(self) -> str:
        return self.rng.choice(["ann", "bob"])

    def symbol(self) -> str:
        return self.rng.choice([SYMBOL, SYMBOL, OTHER])

    def step(self) -> None:
        act = self.rng.choice(self.acts)
        before = self.exchange.digest()
        self.rig.now += self.rng.randint(0, 2000)
        try:
            act()
        except Refusal:
            assert self.exchange.digest() == before

    def submit(self) -> None:
        rng, is_spot = self.rng, self.exchange.market is Market.SPOT
        kind = rng.choice(SPOT_KINDS if is_spot else FUTURES_KINDS)
        more: dict[str, Any] = {}
        if kind not in (OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT):
            more["price"] = self.price()
            if kind is not OrderType.LIMIT_MAKER:
                more["time_in_force"] = rng.choice(LIFETIMES)
        if kind not in (OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER):
            more["stop_price"] = self.price()
        who, symbol = self.who(), self.symbol()
        if not is_spot:
            more |= self.sides(who)
        command = NewOrder(symbol, rng.choice(list(Side)), kind, self.size(), stp_mode=rng.choice(STP), **more)
        self.exchange.submit(who, command)

    def sides(self, who: str) -> dict[str, Any]:
        if self.exchange.account(who).is_hedge_mode:
            return {"position_side": self.rng.choice([PositionSide.LONG, PositionSide.SHORT])}
        return {"reduce_only": self.rng.random() < 0.35}

    def outside(self) -> None:
        rng, symbol = self.rng, self.symbol()
        self.middle += rng.choice([-1, -1, 0, 1, 1]) if 150 < self.middle < 250 else (200 - self.middle) // 10
        act = rng.randint(0, 4)
        if act == 0:
            bid = self.price(3)
            self.rig.quote(str(bid), str(bid + D(rng.randint(0, 3)) / 2), str(self.size()), symbol)
        elif act == 1:
            self.rig.trade(str(self.price(4)), str(self.size()), sold=rng.random() < 0.5, symbol=symbol)
        elif act == 2:
            level = ((self.price(), rng.choice([D(0), self.size()])),)
            self.exchange.apply(BookDelta(symbol, self.rig.now, *((level, ()) if rng.random() < 0.5 else ((), level))))
        elif act == 3 and self.exchange.market is Market.FUTURES:
            self.rig.mark(str(self.price(4)), "0.001", self.rig.now + 5000, symbol)
        else:
            bids = {str(D(self.middle - n) / 2): str(self.size()) for n in range(1, 5)}
            asks = {str(D(self.middle + n) / 2): str(self.size()) for n in range(1, 5)}
            self.rig.book(bids, asks, symbol)

    def pick(self, who: str) -> Any:
        return self.rng.choice(self.exchange.open_orders(who) or [None])

    def cancel(self) -> None:
        who = self.who()
        order = self.pick(who)
        if order:
            self.exchange.cancel(who, order.command.symbol, order_id=order.order_id)

    def fill(self) -> None:
        who = self.who()
        order = self.pick(who)
        if order:
            self.exchange.fill(who, order.order_id, self.rng.choice([None, self.size()]))

    def time(self) -> None:
        self.rig.now += self.rng.randint(0, 10_000)
        self.exchange.tick()

    def amend(self) -> None:
        who = self.who()
        order = self.pick(who)
        if order:
            price = self.rng.choice([order.price, self.price()])
            self.exchange.amend(
                who,
                order.command.symbol,
                order_id=order.order_id,
                side=order.command.side,
                quantity=self.size(),
                price=price,
            )

    def conditional(self) -> None:
        rng, who = self.rng, self.who()
        if rng.random() < 0.2:
            self.exchange.cancel_all_algo(who, SYMBOL)
            return
        kind = rng.choice(CONDITIONAL)
        closes = kind in CONDITIONAL[:2] and rng.random() < 0.4
        sides = self.sides(who)
        if closes:
            sides.pop("reduce_only", None)
        command = NewOrder(
            SYMBOL,
            rng.choice(list(Side)),
            kind,
            None if closes else self.size(),
            price=self.price() if kind in CONDITIONAL[2:] else None,
            stop_price=self.price(5),
            close_position=closes,
            working_type=rng.choice(["CONTRACT_PRICE", "MARK_PRICE"]),
            **sides,
        )
        self.exchange.submit_algo(who, command)

    def forced(self) -> None:
        rng, who, act = self.rng, self.who(), self.rng.randint(0, 5)
        if act == 0:
            self.exchange.liquidate(who, self.symbol())
        elif act == 1:
            self.exchange.adl(who, self.symbol(), D("0.002"))
        elif act == 2:
            self.exchange.credit(who, "USDT", D(rng.randint(-400, 900)))
        elif act == 3:
            self.exchange.fund(self.symbol(), D(rng.randint(-9, 9)) / 1000)
        else:
            self.exchange.set_leverage(who, self.symbol(), rng.randint(1, 20))


CASES = [(Market.SPOT, False), (Market.FUTURES, False), (Market.FUTURES, True)]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("market", "hedge"), CASES)
def test_books_stay_right_on_a_long_walk(market: Market, hedge: bool, seed: int) -> None:
    walk = Walk(market, seed, hedge=hedge)
    for number in range(STEPS):
        walk.step()
        if number % 6 == 0:
            check(walk.exchange)
    check(walk.exchange)
    executions = {event.execution for event in walk.exchange.log if isinstance(event, OrderChanged)}
    assert len(executions) >= 4, "the walk reached too little to say anything"


def test_the_same_walk_gives_the_same_digest() -> None:
    digests = set()
    for _ in range(2):
        walk = Walk(Market.FUTURES, 99, hedge=False)
        for _ in range(STEPS):
            walk.step()
        digests.add(walk.exchange.digest())
    assert len(digests) == 1
