"""The one line with which a user's own node gets the door, the containment and named guards."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from benchmarks.still_venue import still
from nautilus_trader.live.node import TradingNode

from opslab.clock import SystemClock
from opslab.contract.execution import Profile
from opslab.contract.spec import Limits
from opslab.engine.guards.install import install_guards
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.settings import node_config
from opslab.engine.registry import StrategyContext
from opslab.engine.strategies.ops_by_hand import OpsByHand
from opslab.errors import EngineError
from opslab.runs.venue_host import ThreadHost
from opslab.safety.switches import KillSwitches
from opslab.venue.orders import NewOrder, OrderType, Side, TimeInForce

if TYPE_CHECKING:
    from collections.abc import Callable

NAME = "BTCUSDT-PERP.BINANCE"


class Own:
    """A user's node on a venue of the lab, with one strategy."""

    def __init__(self, address: Any, switches: KillSwitches, **words: Any) -> None:
        config = node_config(address, is_futures=True, instrument_ids=[NAME], profile=Profile.FAST)
        self.loop = NodeLoop()
        self.node = TradingNode(config=config, loop=self.loop)
        self.told: list[str] = []
        self.facts: dict[str, Any] = {}
        try:
            self.site = install_guards(
                self.node,
                switches=switches,
                run_id="own",
                profile=Profile.FAST,
                tell=self._hear,
                **words,
            )
        except EngineError:
            self.free()  # its loop owns the process's signals
            raise
        self.node.build()
        self.strategy = OpsByHand(StrategyContext((NAME,), (), 0, {"bars": False}))
        self.node.trader.add_strategy(self.strategy)

    def _hear(self, event: str, facts: Any) -> None:
        self.told.append(event)
        self.facts[event] = facts

    def until(self, condition: Callable[[], bool]) -> None:
        ends = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < ends, "it did not happen"
            self.loop.run_until_complete(asyncio.sleep(0.005))  # the node works only while its loop runs

    def close(self) -> None:
        self.loop.run_until_complete(self.node.stop_async())
        self.free()

    def free(self) -> None:
        self.loop.run_until_complete(_drained())
        self.node.dispose()


async def _drained() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


@pytest.fixture
def switches(tmp_path):
    return KillSwitches(tmp_path / "switches", SystemClock())


@pytest.fixture
def venue():
    host = ThreadHost(still())
    address = host.start()
    yield host, address
    host.stop()


@pytest.fixture
def own(venue, switches):
    made = Own(venue[1], switches)
    made.loop.run_until_complete(made.node.kernel.start_async())
    yield made
    made.close()


def test_a_pull_empties_the_venue_and_stops_entries(own, venue, switches):
    host, address = venue
    bought = own.strategy.place("BUY", "0.010")
    resting = own.strategy.place("BUY", "0.010", price="30000.0")
    own.until(lambda: bought.status_string() == "FILLED" and resting.status_string() == "ACCEPTED")
    switches.activate("own", "a test", "nobody")
    own.until(lambda: own.told == ["containment_began", "containment_ended"])
    books = host.books()["accounts"][address.account]
    assert books["positions"] == []
    assert {order["status"] for order in books["orders"]} == {"FILLED", "CANCELED"}
    late = own.strategy.place("BUY", "0.010")
    own.until(lambda: late.status_string() == "DENIED")


@pytest.mark.parametrize("is_known", [True, False])
def test_what_was_ended_is_counted_once_by_what_the_venue_told(own, venue, switches, is_known):
    host, address = venue
    bought = own.strategy.place("BUY", "0.010")
    resting = [own.strategy.place("BUY", "0.010", price=f"3000{number}.0") for number in range(2)]
    own.until(lambda: bought.status_string() == "FILLED" and all(o.status_string() == "ACCEPTED" for o in resting))
    words = {"quantity": Decimal("0.004"), "price": Decimal(29000), "time_in_force": TimeInForce.GTC}
    order = NewOrder("BTCUSDT", Side.BUY, OrderType.LIMIT, client_order_id="strange", **words)
    host.venue.call(lambda inner: inner.exchange.submit(address.account, order))
    if is_known:
        own.until(lambda: len(own.node.cache.orders_open()) == 3)
    switches.activate("own", "a test", "nobody")
    own.until(lambda: own.told[-1:] == ["containment_ended"])
    ended, books = own.facts["containment_ended"], host.books()["accounts"][address.account]
    cancelled = [row["client_order_id"] for row in books["orders"] if row["status"] == "CANCELED"]
    assert (len(cancelled), books["positions"]) == (3, [])
    assert (ended["orders_cancelled"], ended["positions_closed"]) == (3, 1)


def test_nothing_is_done_while_the_switch_is_open(own):
    order = own.strategy.place("BUY", "0.010", price="30000.0")
    own.until(lambda: order.status_string() == "ACCEPTED")
    assert own.told == []
    assert len(own.site.exec_clients) == len(own.site.data_clients) == 1


def test_the_pull_of_a_guard_is_the_switch_of_the_node(own, switches):
    own.site.pull("too much")
    assert switches.gate("own").blocked
    own.until(
        lambda: own.told[-1:] == ["containment_ended"] or own.site.kernel.risk_engine.trading_state.name == "HALTED"
    )


def test_a_node_that_is_built_is_refused(venue, switches):
    made = Own(venue[1], switches)
    with pytest.raises(EngineError, match="is built already"):
        install_guards(made.node, switches=switches, run_id="own")
    made.free()


def test_an_unknown_guard_is_refused(venue, switches):
    made = Own(venue[1], switches, guards=["market_exit"])
    with pytest.raises(EngineError, match="there is no guard seat_belt"):
        Own(venue[1], switches, guards=["seat_belt"])
    made.free()


def test_limits_deny_and_pull(venue, switches):
    limits = Limits(max_order_quantity=1, max_rejects_per_minute=1)
    made = Own(venue[1], switches, limits=limits)
    made.loop.run_until_complete(made.node.kernel.start_async())
    for _ in range(2):
        order = made.strategy.place("BUY", "2", price="30000.0")
        made.until(lambda of=order: of.status_string() == "DENIED")
    made.until(lambda: switches.gate("own").blocked)
    assert made.told.count("trigger_fired") == 1
    assert made.told[0] == "kill_activated"
    made.close()


def test_a_limit_that_only_a_run_can_see_is_refused(venue, switches):
    with pytest.raises(EngineError, match="max_mismatch_seconds is of paper runs"):
        Own(venue[1], switches, limits=Limits(max_mismatch_seconds=5))


def test_the_venue_counts_down_for_a_node_of_ones_own(venue, switches):
    made = Own(venue[1], switches, dead_man_seconds=2.0)
    made.loop.run_until_complete(made.node.kernel.start_async())
    assert made.facts["dead_man_acted"]["symbols"] == ["BTCUSDT"]
    assert made.facts["dead_man_acted"]["action"] == "armed"
    made.close()
    assert made.facts["dead_man_acted"]["action"] == "ended"


@pytest.mark.parametrize("seconds", [0.5, float("nan"), float("inf"), -3])
def test_a_countdown_that_is_none_is_refused(venue, switches, seconds):
    made = Own(venue[1], switches)
    with pytest.raises(EngineError, match="dead_man_seconds"):
        Own(venue[1], switches, dead_man_seconds=seconds)
    made.free()
