"""What a strategy sees of the engine's trading state from pull to clear, and lists that begin with a close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.containing import resting, with_position
from fixtures.doors import Attempts, PulledSwitch, submitted

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/containment.md"
DOOR = "opslab.engine.node.door.SwitchDoor"


def _never_let_go() -> AbstractContextManager[object]:
    """Clear the switch, and let the engine stay halted."""
    return mock.patch("opslab.engine.guards.containment.Containment._let_go")


def _never_set() -> AbstractContextManager[object]:
    """Empty the venue, and tell the engine no state."""
    return mock.patch("opslab.engine.guards.episode.Episode._set_state")


@pytest.mark.drill(
    "contained-cleared-and-trading", rehearses=["SK-06"], severity="critical", contain_within="2s", runbook=RUNBOOK
)
@pytest.mark.mutant("never-let-go", _never_let_go)
@pytest.mark.mutant("never-set", _never_set)
def test_a_cleared_node_trades_again_and_is_emptied_again(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """REDUCING while the venue is emptied, HALTED once it is flat, ACTIVE after the clear; twice, and it trades."""
    states: list[str] = []
    paper.strategy.msgbus.subscribe(topic="events.risk", handler=lambda event: states.append(event.state.name))
    entries = []
    drill.steady("engine.trading")
    for _ in range(2):
        with_position(paper)
        resting(paper, 2)
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.contains("containment.flat", "containment.told", "containment.timed")
            _until(paper, drill, states, "HALTED")
            entries.append(_entry(paper))
        _until(paper, drill, states, "ACTIVE")
        entries.append(_entry(paper))
        drill.record("states", {"told": states, "entries": entries})
        drill.holds("containment.states")
        paper.strategy.cancel_all_orders(paper.strategy.cache.instrument_ids()[0])
        paper.until(lambda: not paper.strategy.cache.orders_open_count(), "nothing rests")


def _until(paper: Paper, drill: Drill, states: list[str], state: str) -> None:
    """Let the node work until the engine was told a state; under a mutant it may never be."""
    if drill.mutant is None:
        paper.until(lambda: states[-1:] == [state], f"the engine is {state}")
    else:
        paper.settle()


def _entry(paper: Paper) -> str:
    """Try an entry and return what became of it."""
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until(lambda: order.status_string() in ("DENIED", "REJECTED", "ACCEPTED"), "an answer")
    return str(order.status_string())


def _first_only() -> AbstractContextManager[object]:
    """Judge a list by its first order."""

    def mistaken(door: Any, cause: str, orders: list[Any], position_id: Any) -> str | None:
        return str(why) if (why := door._reason(cause, orders[0], position_id=position_id)) else None  # noqa: SLF001 - the mutant's own

    return mock.patch(f"{DOOR}._why_not", mistaken)


def _one_look() -> AbstractContextManager[object]:
    """Look only at commands, not at what is sent."""
    return mock.patch(f"{DOOR}._watched", lambda _door, send, **_words: send)


def _as_commanded() -> AbstractContextManager[object]:
    """Judge a list by its first order, and what is sent not at all."""
    from fixtures.containing import Both

    return Both(_first_only(), _one_look())


@pytest.mark.spec("held_at_the_door.yaml")
@pytest.mark.drill("door-list-that-closes-first", rehearses=["SK-10"], severity="blocker", runbook=RUNBOOK)
@pytest.mark.mutant("judged-by-the-first", _first_only)
@pytest.mark.mutant("judged-by-the-first-alone", _as_commanded)
def test_a_list_whose_first_order_closes_is_denied_as_a_whole(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """A close that may leave, and behind it in the same list an entry: neither leaves, and both are told why."""
    with_position(paper)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)) as pulled:
        tries = Attempts(drill, paper, venue, pulled)
        tries.stops(
            "a close and an entry", submitted(paper, lambda make, of: _closes_first(paper, make, of), "SELL", "0.004")
        )
        tries.record()
        drill.holds("door.no_new_risk", "door.explains")


def _closes_first(paper: Paper, make: Any, of: dict[str, Any]) -> Any:
    from nautilus_trader.model.enums import OrderSide

    price = paper.strategy.cache.instruments()[0].make_price
    entry = {**of, "order_side": OrderSide.BUY}
    return make.create_list(
        [make.limit(**of, price=price(90000), reduce_only=True), make.limit(**entry, price=price(30000))]
    )
