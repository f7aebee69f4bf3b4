"""Nothing beyond a limit leaves, whichever way a strategy sends it."""

from __future__ import annotations

import json
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nautilus_trader.model.data import BarType
from nautilus_trader.model.enums import OrderSide, TriggerType
from nautilus_trader.trading.strategy import Strategy

from opslab.contract.spec import Fill, Limits
from opslab.engine.backtest import run_backtest
from opslab.engine.limits import LimitGate
from opslab.safety.limits import SECOND_NS, Asked, SlidingSecond, reason_to_deny

amounts = st.decimals("0.001", "1000", places=3)
limit_values = st.none() | amounts
counts = st.none() | st.integers(1, 20)


@given(
    st.builds(
        Limits,
        max_order_quantity=limit_values,
        max_order_notional=limit_values,
        max_orders_per_second=counts,
        max_open_orders=counts,
    ),
    st.lists(st.builds(Asked, quantity=limit_values, notional=limit_values), min_size=1, max_size=5),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_orders_pass_exactly_when_every_limit_holds(limits, asked, recent, live):
    def holds(limit, value):
        return limit is None or (value is not None and value <= limit)

    within = (
        all(holds(limits.max_order_quantity, order.quantity) for order in asked)
        and all(holds(limits.max_order_notional, order.notional) for order in asked)
        and holds(limits.max_orders_per_second, recent + len(asked))
        and holds(limits.max_open_orders, live + len(asked))
    )
    reason = reason_to_deny(limits, asked, recent=recent, live=live)
    assert (reason is None) == within
    assert within or reason.startswith("LIMIT max_")


@given(st.lists(st.tuples(st.integers(0, SECOND_NS), st.integers(1, 3)), max_size=40))
def test_the_sliding_second_counts_what_lies_within_it(steps):
    window, now, history = SlidingSecond(), 0, []
    for step, added in steps:
        now += step
        window.add(now, added)
        history += [now] * added
        assert window.count(now) == sum(now - SECOND_NS < stamp <= now for stamp in history)


class Sends(Strategy):
    """Runs ``script(strategy, bar, count)`` on every bar."""

    def __init__(self, context, script):
        super().__init__()
        self.kind, self.script, self.bars_seen = BarType.from_str(context.bar_types[0]), script, 0

    def on_start(self):
        self.instrument = self.cache.instrument(self.kind.instrument_id)
        self.subscribe_bars(self.kind)

    def on_bar(self, bar):
        self.bars_seen += 1
        self.script(self, bar, self.bars_seen)

    def make(self, kind, side, quantity, *prices, **more):
        amount = self.instrument.make_qty(Decimal(str(quantity)))
        return getattr(self.order_factory, kind)(
            self.instrument.id, OrderSide[side], amount, *map(self.instrument.make_price, prices), **more
        )

    def send(self, *order, **more):
        made = self.make(*order, **more)
        self.submit_order(made)
        return made


def play(make_feed, limits, script, fill=Fill.NEXT_OPEN):
    result = run_backtest(
        feeds=[make_feed(count=40)], factory=lambda context: Sends(context, script), limits=Limits(**limits), fill=fill
    )
    return result, [json.loads(line) for line in result.event_lines]


def reasons(events, name="OrderDenied"):
    return [event["reason"] for event in events if event["type"] == name]


def at(bar_number, act):
    return lambda strategy, bar, count: act(strategy, bar) if count == bar_number else None


@pytest.mark.parametrize("fill", list(Fill))
def test_a_quantity_beyond_is_denied_and_one_at_the_limit_passes(make_feed, fill):
    def act(strategy, _):
        strategy.send("market", "BUY", "1.001")
        strategy.send("market", "SELL", "1.001")
        strategy.send("market", "BUY", "1")

    result, events = play(make_feed, {"max_order_quantity": Decimal(1)}, at(5, act), fill)
    assert reasons(events) == ["LIMIT max_order_quantity: 1.001 is above 1"] * 2
    assert (result.orders_denied, result.orders_submitted) == (2, 1)
    assert result.fills_count >= 1


@pytest.mark.parametrize(
    ("order", "denied"),
    [
        (("market", "BUY", 1), True),
        (("market", "BUY", "0.4"), False),
        (("limit", "BUY", 1, 49.99), False),
        (("limit", "BUY", 1, 50.01), True),
        (("limit", "SELL", 1, 50.01), True),
        (("limit", "SELL", 1, 49.99), True),  # it would sell at the market, near 100
        (("stop_market", "BUY", 1, 150.0), True),
        (("stop_market", "BUY", "0.3", 150.0), False),
    ],
)
def test_a_notional_is_taken_at_the_price_that_the_order_may_pay(make_feed, order, denied):
    result, events = play(
        make_feed, {"max_order_notional": Decimal(50)}, at(5, lambda strategy, _: strategy.send(*order))
    )
    assert (result.orders_denied, result.orders_submitted) == ((1, 0) if denied else (0, 1))
    assert all(reason.startswith("LIMIT max_order_notional: ") for reason in reasons(events))


def test_without_a_known_price_a_notional_is_denied(make_feed):
    class Early(Sends):
        def on_start(self):
            super().on_start()
            self.send("market", "BUY", 1)

    result = run_backtest(
        feeds=[make_feed()],
        factory=lambda context: Early(context, lambda *_: None),
        limits=Limits(max_order_notional=Decimal(10**9)),
    )
    assert result.orders_denied == 1
    assert b"LIMIT max_order_notional: no price is known" in b"".join(result.event_lines)


def test_a_quantity_in_quote_units_is_measured_in_base_units(make_feed):
    def act(strategy, _):
        strategy.send("market", "BUY", 200, quote_quantity=True)
        strategy.send("market", "BUY", 20, quote_quantity=True)

    result, events = play(make_feed, {"max_order_quantity": Decimal(1), "max_order_notional": Decimal(300)}, at(5, act))
    assert len(reasons(events)) == 1
    assert result.orders_submitted == 1


def test_orders_per_second_slide_with_the_engines_time(make_feed):
    def script(strategy, _, count):
        if count in (5, 6):
            for _ in range(4):
                strategy.send("market", "BUY", 1)

    result, events = play(make_feed, {"max_orders_per_second": 3}, script)
    assert reasons(events) == ["LIMIT max_orders_per_second: 4 within a second, limit 3"] * 2
    assert result.orders_submitted == 6


def test_open_orders_count_resting_ones_and_those_on_their_way(make_feed):
    def script(strategy, _, count):
        if count == 5:
            for _ in range(3):
                strategy.send("limit", "BUY", 1, 10.0)
        if count == 8:
            strategy.send("limit", "BUY", 1, 10.0)
            strategy.cancel_all_orders(strategy.instrument.id)
        if count == 12:
            strategy.send("limit", "BUY", 1, 10.0)

    result, events = play(make_feed, {"max_open_orders": 2}, script)
    assert reasons(events) == ["LIMIT max_open_orders: 3 open or on their way, limit 2"] * 2
    assert [event["type"] for event in events].count("OrderCanceled") == 2
    assert result.orders_submitted == 3


def test_filled_orders_make_room(make_feed):
    def script(strategy, _, count):
        if count > 3:
            strategy.send("market", "BUY", "0.1")

    result, _ = play(make_feed, {"max_open_orders": 1}, script)
    assert (result.orders_denied, result.orders_submitted) == (0, 37)


def test_a_list_passes_whole_or_not_at_all(make_feed):
    def bracket(strategy, quantity, bar):
        price = float(bar.close)
        strategy.submit_order_list(
            strategy.order_factory.bracket(
                strategy.instrument.id,
                OrderSide.BUY,
                strategy.instrument.make_qty(quantity),
                tp_price=strategy.instrument.make_price(price + 30),
                sl_trigger_price=strategy.instrument.make_price(price - 30),
            )
        )

    def act(strategy, bar):
        bracket(strategy, 2, bar)
        bracket(strategy, 1, bar)

    result, events = play(make_feed, {"max_order_quantity": Decimal(1), "max_open_orders": 3}, at(5, act))
    assert len(reasons(events)) == 3
    assert result.orders_submitted == 3


def test_a_change_beyond_a_limit_is_rejected_and_the_order_stays_as_it_was(make_feed):
    def script(strategy, _, count):
        if count == 5:
            strategy.order = strategy.send("limit", "BUY", 1, 10.0)
        if count == 8:
            strategy.modify_order(strategy.order, quantity=strategy.instrument.make_qty(3))
        if count == 11:
            strategy.modify_order(strategy.order, price=strategy.instrument.make_price(60))
        if count == 14:
            strategy.modify_order(strategy.order, quantity=strategy.instrument.make_qty(2))

    result, events = play(make_feed, {"max_order_quantity": Decimal(2), "max_order_notional": Decimal(50)}, script)
    assert reasons(events, "OrderModifyRejected") == [
        "LIMIT max_order_quantity: 3 is above 2",
        "LIMIT max_order_notional: 60 is above 50",
    ]
    assert (result.views["orders"][0]["quantity"], result.views["orders"][0]["price"]) == ("2.000", "10.00")


def test_an_emulated_order_is_held_to_the_limits_when_it_is_released(make_feed):
    def act(strategy, bar):
        strategy.subscribe_trade_ticks(strategy.instrument.id)
        price = float(bar.close)
        strategy.send("stop_market", "BUY", 5, price + 0.01, emulation_trigger=TriggerType.LAST_PRICE)

    def script(strategy, bar, count):
        at(5, act)(strategy, bar, count)
        if count == 8:
            from nautilus_trader.model.data import TradeTick
            from nautilus_trader.model.enums import AggressorSide
            from nautilus_trader.model.identifiers import TradeId

            now = strategy.clock.timestamp_ns()
            price, size = strategy.instrument.make_price(500), strategy.instrument.make_qty(1)
            tick = TradeTick(strategy.instrument.id, price, size, AggressorSide.BUYER, TradeId("1"), now, now)
            strategy.msgbus.publish(f"data.trades.{strategy.instrument.id.venue}.{strategy.instrument.id.symbol}", tick)

    result, events = play(make_feed, {"max_order_quantity": Decimal(1)}, script)
    assert "OrderReleased" in [event["type"] for event in events]
    assert reasons(events) == ["LIMIT max_order_quantity: 5 is above 1"]
    assert result.fills_count == 0


def test_without_limits_nothing_is_denied(make_feed):
    result, _ = play(make_feed, {}, at(5, lambda strategy, _: strategy.send("market", "BUY", 900)))
    assert (result.orders_denied, result.fills_count) == (0, 1)


def test_orders_that_were_open_before_a_restart_count():
    cache = SimpleNamespace(orders_open=lambda: [SimpleNamespace(client_order_id="O-1")], order=lambda _: None)
    kernel = SimpleNamespace(msgbus=None, cache=cache, clock=None, exec_engine=SimpleNamespace(execute=None))
    assert LimitGate(Limits(max_open_orders=1), kernel)._live([]) == 1
