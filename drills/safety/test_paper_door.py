"""While a paper run trades, a pulled switch keeps new risk from the wire, and lets what ends risk pass."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.doors import Attempts, PulledSwitch, made_by, submitted

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/safety-gate.md"
DENY = pytest.mark.spec("held_at_the_door.yaml")
DENY_SPOT = pytest.mark.spec("held_at_the_spot_door.yaml")
DOOR = "opslab.engine.node.door."
HOLDS = ("door.no_new_risk", "door.lets_close", "door.explains")


def _removed() -> AbstractContextManager[object]:
    """Let everything through: no door."""
    return mock.patch(f"{DOOR}SwitchDoor.install")


def _shut() -> AbstractContextManager[object]:
    """Let nothing through, not even what ends risk."""
    return mock.patch(f"{DOOR}reason_to_stop", lambda cause, _order: f"KILL_SWITCH {cause}")


def _speechless() -> AbstractContextManager[object]:
    """Do not say that it was the switch."""
    return mock.patch(f"{DOOR}reason_to_stop", lambda cause, order: "no" if _judged(cause, order) else None)


def _judged(cause: str | None, order: Any) -> str | None:
    from opslab.safety.guard import reason_to_stop

    return reason_to_stop(cause, order)


def _unlimited() -> AbstractContextManager[object]:
    """Let closes through whatever their size."""
    from opslab.safety import guard

    judged = guard._why_not_closing  # noqa: SLF001 - the part that the mutant removes

    def mistaken(order: Any) -> str | None:
        why = judged(order)
        return None if why and "larger" in why else why

    return mock.patch.object(guard, "_why_not_closing", mistaken)


def _one_look() -> AbstractContextManager[object]:
    """Look only at commands, not at what is sent."""
    return mock.patch(f"{DOOR}SwitchDoor._watched", lambda _door, send, **_words: send)


@pytest.mark.drill("door-after-a-pull", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("door-removed", _removed)
@pytest.mark.mutant("nothing-let-through", _shut)
@pytest.mark.mutant("closes-of-any-size", _unlimited)
@pytest.mark.mutant("reasons-withheld", _speechless)
@pytest.mark.parametrize("market", [pytest.param("futures", marks=DENY), pytest.param("spot", marks=DENY_SPOT)])
def test_only_what_ends_risk_leaves_after_a_pull(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, market: str
) -> None:
    """Entries, raises and closes beyond the position are stopped with the reason; cancels and closes pass."""
    is_futures = market == "futures"
    if not is_futures:  # what was held before the run could be sold, too; the switch must keep it
        venue.thread.call(lambda one: one.exchange.credit(venue.account, "BTC", Decimal(1)))
    opened = paper.buy_market("0.010")
    paper.until_status(opened, "FILLED")
    entry = paper.buy_limit("0.010", at="30000.0")
    resting = paper.sell_limit("0.004", at="50000.0", reduce_only=is_futures)
    paper.until_status(entry, "ACCEPTED")
    paper.until_status(resting, "ACCEPTED")
    drill.steady("engine.trading", "orders.told_truly")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)) as pulled:
        tries = Attempts(drill, paper, venue, pulled)
        tries.stops("an entry", paper.buy_limit("0.010", at="30000.0"))
        tries.stops("an entry at the market", paper.buy_market("0.010"))
        tries.stops("a close larger than the position", paper.sell_market("0.011", reduce_only=is_futures))
        tries.stops("a close larger than what rests leaves of it", paper.sell_market("0.008", reduce_only=is_futures))
        if is_futures:
            tries.stops("a close that is not reduce-only", paper.sell_market("0.001"))
            paper.modify(entry, quantity="0.020")
            tries.stops("a raise", entry)
        tries.passes("a close within the position", paper.sell_market("0.005", reduce_only=is_futures))
        paper.cancel(entry)
        tries.cancels("a cancel", entry)
        tries.record()
        drill.holds(*HOLDS)
    again = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(again, "ACCEPTED")
    drill.holds("engine.trading", "orders.told_truly")


def _kinds(price: Callable[[int], Any]) -> dict[str, Callable[[Any, dict[str, Any]], Any]]:
    """Return what makes an entry of each kind that goes another way than a plain order."""
    from nautilus_trader.model.enums import TrailingOffsetType

    trailing = {"trailing_offset": 100, "trailing_offset_type": TrailingOffsetType.BASIS_POINTS}
    return {
        "a stop order": lambda make, of: make.stop_market(**of, trigger_price=price(90000)),
        "a trailing stop": lambda make, of: make.trailing_stop_market(**of, **trailing),
        "a list": lambda make, of: make.create_list([make.limit(**of, price=price(at)) for at in (30000, 30100)]),
        "a bracket": lambda make, of: make.bracket(**of, sl_trigger_price=price(20000), tp_price=price(90000)),
    }


@DENY
@pytest.mark.drill("door-every-kind", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("door-removed", _removed)
def test_no_kind_of_order_gets_around_the_door(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Lists, brackets, stops, trailing stops and emulated orders are stopped too, also those from before the pull."""
    from nautilus_trader.model.enums import TriggerType

    opened = paper.buy_market("0.010")
    price = paper.strategy.cache.instruments()[0].make_price
    waiting = submitted(
        paper,
        lambda make, of: make.limit(**of, price=price(20000), emulation_trigger=TriggerType.BID_ASK),
        "BUY",
        "0.010",
    )
    paper.until_status(opened, "FILLED")
    paper.until_status(waiting, "EMULATED")
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)) as pulled:
        tries = Attempts(drill, paper, venue, pulled)
        paper.modify(waiting, price="90000.0")
        tries.stops("an emulated order that was waiting", waiting)
        for what, make in _kinds(price).items():
            tries.stops(what, submitted(paper, make, "BUY", "0.010"))
        closing = made_by(paper, lambda: paper.strategy.close_all_positions(opened.instrument_id))
        tries.passes("close_all_positions", closing)
        tries.record()
        drill.holds(*HOLDS)


@DENY
@pytest.mark.drill("market-exit-after-a-pull", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("nothing-let-through", _shut)
def test_a_market_exit_ends_all_risk_after_a_pull(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """A strategy that leaves the market after the pull gets out: nothing is open at the venue, and nothing held."""
    opened = paper.buy_market("0.010")
    paper.until_status(opened, "FILLED")
    resting = [paper.buy_limit("0.010", at="30000.0"), paper.sell_limit("0.010", at="90000.0", reduce_only=True)]
    for order in resting:
        paper.until_status(order, "ACCEPTED")
    drill.steady("engine.trading", "views.agree")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)) as pulled:
        tries = Attempts(drill, paper, venue, pulled)
        tries.stops("an entry", paper.buy_market("0.010"))
        tries.passes("the exit's close", made_by(paper, paper.strategy.market_exit))
        for order in resting:
            tries.cancels("the exit's cancel", order)
        tries.record()
        drill.holds(*HOLDS, "views.agree")


@DENY
@pytest.mark.drill("list-under-way-when-pulled", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("looks-once", _one_look)
def test_a_list_under_way_stops_at_the_pull(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """Of a list that the adapter sends one by one, what was not sent when the switch was pulled stays."""
    drill.steady("engine.trading")
    price = paper.strategy.cache.instruments()[0].make_price
    with drill.inject(venue.faults.delay_requests(route="POST */order", seconds=0.3, when="after", times=1)):
        first, second = submitted(
            paper,
            lambda make, of: make.create_list([make.limit(**of, price=price(at)) for at in (30000, 30100)]),
            "BUY",
            "0.010",
        )
        paper.until_status(first, "ACCEPTED")
        with drill.inject(PulledSwitch(kill_switch, paper, venue)) as pulled:
            tries = Attempts(drill, paper, venue, pulled)
            tries.stops("the rest of a list", second)
            paper.cancel(first)
            tries.cancels("a cancel", first)
            tries.record()
            drill.holds(*HOLDS)
