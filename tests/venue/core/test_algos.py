"""Conditional futures orders: what fires them, and what becomes of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, GTC, GTD, GTX, SELL, SYMBOL, Rig, refused

from opslab.venue.events import AlgoChanged
from opslab.venue.orders import Market, OrderType

D = Decimal
STOP, STOP_MARKET = OrderType.STOP, OrderType.STOP_MARKET
TAKE_PROFIT, TAKE_PROFIT_MARKET = OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_MARKET
TRAILING = OrderType.TRAILING_STOP_MARKET


def statuses(rig: Rig, algo: Any) -> list[str]:
    return [
        event.algo.status
        for event in rig.exchange.log
        if isinstance(event, AlgoChanged) and event.algo.algo_id == algo.algo_id
    ]


@pytest.mark.parametrize(
    ("side", "kind", "stop", "near", "hit"),
    [
        (BUY, STOP_MARKET, 105, "104.5", "105"),
        (SELL, STOP_MARKET, 95, "95.5", "95"),
        (BUY, TAKE_PROFIT_MARKET, 95, "95.5", "94"),
        (SELL, TAKE_PROFIT_MARKET, 105, "104.5", "106"),
    ],
)
@pytest.mark.parametrize("working", ["CONTRACT_PRICE", "MARK_PRICE"])
def test_a_stop_fires_at_its_price_and_not_before(
    futures: Rig, side: Any, kind: OrderType, stop: int, near: str, hit: str, working: str
) -> None:
    algo = futures.algo(side, kind, quantity=D(1), stop_price=D(stop), working_type=working)

    def move(price: str) -> None:
        if working == "MARK_PRICE":
            futures.mark(price)
        else:
            futures.trade(price, "1", sold=True)

    move(near)
    assert futures.exchange.open_algos("ann") == [algo]
    move(hit)
    assert statuses(futures, algo) == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]
    order = futures.exchange.order("ann", SYMBOL, client_order_id=algo.client_algo_id)
    assert (order.status, order.orig_type, order.command.type) == ("FILLED", kind, "MARKET")
    assert futures.exchange.algo("ann", algo_id=algo.algo_id).order_id == order.order_id
    assert futures.exchange.open_algos("ann") == []


def test_the_wrong_kind_of_price_does_not_fire(futures: Rig) -> None:
    futures.algo(BUY, STOP_MARKET, quantity=D(1), stop_price=D(105), working_type="MARK_PRICE")
    futures.mark("100")
    futures.trade("110", "1", sold=False)
    assert len(futures.exchange.open_algos("ann")) == 1


def test_a_stop_limit_rests_at_its_price(futures: Rig) -> None:
    algo = futures.algo(BUY, STOP, quantity=D(1), stop_price=D(105), price=D(99), time_in_force=GTC)
    futures.trade("105", "1", sold=False)
    order = futures.exchange.open_orders("ann")[0]
    assert (order.command.type, order.orig_type, order.price) == ("LIMIT", STOP, 99)
    assert statuses(futures, algo) == ["NEW", "TRIGGERING", "TRIGGERED"]
    futures.exchange.cancel("ann", SYMBOL, order_id=order.order_id)
    assert statuses(futures, algo)[-1] == "FINISHED"


def test_own_trades_fire_stops_too(futures: Rig) -> None:
    futures.trade("100", "1", sold=True)
    algo = futures.algo(BUY, STOP_MARKET, quantity=D(1), stop_price=D(101), who="bob")
    futures.market(BUY, "1")
    assert statuses(futures, algo)[-1] == "FINISHED"


@pytest.mark.parametrize(
    ("side", "kind", "stop"),
    [
        (BUY, STOP_MARKET, 100),
        (SELL, STOP_MARKET, 101),
        (BUY, TAKE_PROFIT_MARKET, 101),
        (SELL, TAKE_PROFIT_MARKET, 100),
    ],
)
def test_a_stop_that_would_fire_at_once_is_refused(futures: Rig, side: Any, kind: OrderType, stop: int) -> None:
    assert refused(futures.algo, side, kind, quantity=D(1), stop_price=D(stop)) == -2021


@pytest.mark.parametrize(("side", "kind"), [(BUY, STOP_MARKET), (SELL, STOP_MARKET), (BUY, TAKE_PROFIT_MARKET)])
def test_a_stop_at_the_last_price_would_fire_at_once(futures: Rig, side: Any, kind: OrderType) -> None:
    futures.trade("100.5", "1", sold=True)
    assert refused(futures.algo, side, kind, quantity=D(1), stop_price=D("100.5")) == -2021


def test_a_close_position_stop_closes_all_of_it(futures: Rig) -> None:
    futures.market(BUY, "3")
    algo = futures.algo(SELL, STOP_MARKET, stop_price=D(95), close_position=True)
    futures.trade("95", "1", sold=True)
    assert futures.position() == 0
    order = futures.exchange.order("ann", SYMBOL, order_id=futures.exchange.algo("ann", algo_id=algo.algo_id).order_id)
    assert (order.quantity, order.executed) == (3, 3)


def test_a_close_position_stop_without_a_position_expires(futures: Rig) -> None:
    algo = futures.algo(SELL, STOP_MARKET, stop_price=D(95), close_position=True)
    futures.trade("95", "1", sold=True)
    assert statuses(futures, algo) == ["NEW", "TRIGGERING", "EXPIRED"]


def test_a_stop_that_cannot_be_placed_is_rejected() -> None:
    rig = Rig(Market.FUTURES, money="20")
    rig.quote("100", "101", "10")
    algo = rig.algo(BUY, STOP_MARKET, quantity=D(50), stop_price=D(105))
    reducing = rig.algo(SELL, STOP_MARKET, quantity=D(1), stop_price=D(95), reduce_only=True)
    post_only = rig.algo(
        BUY, STOP, quantity=D(1), stop_price=D(105), price=D(108), time_in_force=GTX, client_order_id="p"
    )
    rig.trade("105", "1", sold=False)
    rig.trade("95", "1", sold=True)
    for one in (algo, reducing, post_only):
        assert statuses(rig, one) == ["NEW", "TRIGGERING", "REJECTED"]
    assert rig.exchange.orders("ann", SYMBOL) == []


def test_a_trailing_stop_follows_the_price_and_fires_when_it_turns(futures: Rig) -> None:
    algo = futures.algo(SELL, TRAILING, quantity=D(1), callback_rate=D(1))
    for price in ("100", "110", "109"):
        futures.trade(price, "1", sold=False)
    assert futures.exchange.open_algos("ann")[0].extreme == 110
    futures.trade("108.5", "1", sold=False)
    assert statuses(futures, algo)[-1] == "FINISHED"


def test_a_trailing_buy_waits_for_its_activation_price(futures: Rig) -> None:
    algo = futures.algo(BUY, TRAILING, quantity=D(1), callback_rate=D(1), activation_price=D(90))
    futures.trade("95", "1", sold=True)
    futures.trade("99", "1", sold=True)
    assert not futures.exchange.open_algos("ann")[0].is_active
    futures.trade("90", "1", sold=True)
    futures.trade("80", "1", sold=True)
    futures.trade("80.5", "1", sold=True)
    assert futures.exchange.open_algos("ann")
    futures.trade("81", "1", sold=True)
    assert statuses(futures, algo)[-1] == "FINISHED"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"kind": TRAILING, "callback_rate": None}, -1102),
        ({"kind": TRAILING, "callback_rate": D(11)}, -2007),
        ({"kind": TRAILING, "callback_rate": D("NaN")}, -1100),
        ({"kind": TRAILING, "callback_rate": D(1), "activation_price": D(105)}, -4135),
        ({"kind": STOP_MARKET}, -1102),
        ({"kind": STOP_MARKET, "stop_price": D("105.2")}, -4014),
        ({"kind": STOP_MARKET, "stop_price": D(0)}, -4006),
        ({"kind": STOP_MARKET, "stop_price": D("1e99")}, -4007),
        ({"kind": STOP_MARKET, "stop_price": D(105), "close_position": True}, -4137),
        ({"kind": STOP_MARKET, "stop_price": D(105), "quantity": None}, -1102),
        ({"kind": STOP, "stop_price": D(105)}, -1102),
        ({"kind": STOP, "stop_price": D(105), "price": D(105), "close_position": True}, -4136),
        ({"kind": STOP_MARKET, "stop_price": D(105), "price": D(1)}, -1106),
        ({"kind": STOP_MARKET, "stop_price": D(105), "symbol": "NOPE"}, None),
    ],
)
def test_conditional_orders_are_refused_with_their_codes(futures: Rig, facts: dict[str, Any], code: int | None) -> None:
    facts = {"quantity": D(1)} | facts
    if code is None:
        facts.pop("symbol")
        assert futures.algo(BUY, facts.pop("kind"), **facts).status == "NEW"
        return
    before = futures.exchange.digest()
    assert refused(futures.algo, BUY, facts.pop("kind"), **facts) == code
    assert futures.exchange.digest() == before


def test_too_many_and_duplicate_conditional_orders_are_refused() -> None:
    rig = Rig(Market.FUTURES, max_algo_orders=2)
    rig.quote("100", "101", "10")
    stop = {"quantity": D(1), "stop_price": D(105)}
    first = rig.algo(BUY, STOP_MARKET, client_order_id="mine", **stop)
    assert refused(rig.algo, BUY, STOP_MARKET, client_order_id="mine", **stop) == -4116
    rig.algo(BUY, STOP_MARKET, **stop)
    assert refused(rig.algo, BUY, STOP_MARKET, **stop) == -4045
    rig.exchange.cancel_algo("ann", algo_id=first.algo_id)
    assert rig.algo(BUY, STOP_MARKET, client_order_id="mine", **stop).status == "NEW"


def test_conditional_orders_are_cancelled_by_id_by_name_and_all_at_once(futures: Rig) -> None:
    exchange = futures.exchange
    stop = {"quantity": D(1), "stop_price": D(105)}
    algos = [futures.algo(BUY, STOP_MARKET, client_order_id=f"s{number}", **stop) for number in range(4)]
    assert exchange.cancel_algo("ann", algo_id=algos[0].algo_id).status == "CANCELED"
    assert exchange.cancel_algo("ann", client_algo_id="s1").status == "CANCELED"
    assert refused(exchange.cancel_algo, "ann", algo_id=algos[0].algo_id) == -2011
    assert refused(exchange.cancel_algo, "bob", algo_id=algos[2].algo_id) == -2011
    assert refused(exchange.algo, "ann", algo_id=99) == -2013
    assert exchange.cancel_all("ann", SYMBOL) == []
    assert exchange.cancel_all_algo("ann", SYMBOL) == 2
    futures.trade("106", "1", sold=False)
    assert exchange.orders("ann", SYMBOL) == []
    assert [algo.status for algo in exchange.algos("ann")] == ["CANCELED"] * 4


def test_a_conditional_gtd_order_expires(futures: Rig) -> None:
    facts = {"quantity": D(1), "stop_price": D(105), "price": D(105)}
    algo = futures.algo(BUY, STOP, time_in_force=GTD, good_till_ms=futures.now + 700_000, **facts)
    futures.now += 700_000
    futures.exchange.tick()
    assert statuses(futures, algo) == ["NEW", "EXPIRED"]


def test_quotes_alone_fire_stops_where_nothing_trades(futures: Rig) -> None:
    algo = futures.algo(BUY, STOP_MARKET, quantity=D(1), stop_price=D(105))
    futures.quote("105", "106", "10")
    assert statuses(futures, algo)[-1] == "FINISHED"
