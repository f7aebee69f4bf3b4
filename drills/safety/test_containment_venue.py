"""A pulled switch empties a venue that does not make it easy: it refuses, throttles, bans, halts, or says nothing."""

from __future__ import annotations

from contextlib import ExitStack
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING

import pytest
from fixtures.containing import (
    SmallLots,
    deaf_outside,
    forgetful,
    give_up_at_once,
    gone_unsaid,
    has_ended,
    now_ms,
    orders_only,
    resting,
    sent_into,
    told_and_forgotten,
    told_once,
    with_position,
    without_reduce_only,
)
from fixtures.doors import PulledSwitch, last_seq

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.safety.switches import KillSwitches

RUNBOOK = "docs/runbooks/containment.md"
FLAT = ("containment.flat", "containment.told", "containment.timed")
CANCELS = "DELETE *"
CLOSES = "POST */order"


@pytest.mark.drill(
    "contained-fill-while-cancelling", rehearses=["SK-03", "OL-08"], severity="blocker", contain_within="3s",
    runbook=RUNBOOK,
)  # fmt: skip
@pytest.mark.mutant("told-once", told_and_forgotten)
def test_an_order_that_fills_while_it_is_cancelled_is_closed_too(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """The cancels are on their way when an entry fills: the position that nobody expected is closed as well."""
    with_position(paper)
    first, _ = resting(paper, 2)
    drill.steady("engine.trading", "views.agree")
    with (
        drill.inject(venue.faults.delay_requests(route=CANCELS, seconds=0.15, times=1)) as slow,
        drill.inject(PulledSwitch(kill_switch, paper, venue)),
    ):
        paper.until(lambda: slow.fired, "the cancel is on its way")
        venue.fill(first)
        drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-cancels-refused", rehearses=["SK-07"], severity="blocker", contain_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("told-once", told_once)
@pytest.mark.parametrize("status", [500, 503])
def test_cancels_that_are_refused_are_sent_again(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, status: int
) -> None:
    """The venue answers the cancels with a 5xx twice: they are sent again until its books have no order."""
    with_position(paper)
    resting(paper, 3)
    drill.steady("engine.trading")
    with (
        drill.inject(venue.faults.reject_requests(route=CANCELS, status=status, code=-1001, times=2)),
        drill.inject(PulledSwitch(kill_switch, paper, venue)),
    ):
        drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-closes-refused", rehearses=["SK-07", "AC-08"], severity="blocker", contain_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("told-once", told_once)
@pytest.mark.parametrize("code", [-2022, -4118, -4131])
def test_closes_that_are_refused_are_sent_again(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, code: int
) -> None:
    """The venue refuses the close twice; the third one gets through."""
    with_position(paper)
    resting(paper, 1)
    drill.steady("engine.trading")
    with (
        drill.inject(venue.faults.reject_requests(route=CLOSES, code=code, times=2)),
        drill.inject(PulledSwitch(kill_switch, paper, venue)),
    ):
        drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-rate-limited", rehearses=["SK-07", "SK-09"], severity="blocker", contain_within="5s", runbook=RUNBOOK
)
@pytest.mark.mutant("gives-up", give_up_at_once)
@pytest.mark.parametrize("status", [429, 418])
def test_limits_and_bans_are_waited_out(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, status: int
) -> None:
    """429 and 418 stop every request for a second: the venue is empty soon after."""
    with_position(paper)
    resting(paper, 3)
    drill.steady("engine.trading")
    with ExitStack() as broken:
        if status == 418:
            broken.enter_context(drill.inject(venue.faults.ban(seconds=1.0)))
        else:
            throttle = venue.faults.throttle(route="DELETE *|POST *", allowed=0, window=1.0, times=3)
            broken.enter_context(drill.inject(throttle))
        broken.enter_context(drill.inject(PulledSwitch(kill_switch, paper, venue)))
        drill.contains(*FLAT)


LONGER_THAN_AN_ATTEMPT = {
    418: ("DELETE", "requests.respect_ban", lambda faults: faults.ban(seconds=3.1)),
    429: ("GET", "requests.respect_retry_after", lambda faults: faults.reject_requests(
        route="*", status=429, code=-1003, headers={"Retry-After": "3"}
    )),
}  # fmt: skip
"""By status: which refusal says how long it lasts (the adapter knows no headers), what is to hold, and the fault."""

HEALED_BEFORE_MS = 300


@pytest.mark.drill(
    "contained-after-a-ban", rehearses=["SK-07", "SK-09"], severity="blocker", contain_within="6s", runbook=RUNBOOK
)
@pytest.mark.mutant("ban-forgotten", forgetful)
@pytest.mark.parametrize("status", LONGER_THAN_AN_ATTEMPT)
def test_nothing_is_sent_into_a_ban_that_is_longer_than_an_attempt(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches, status: int
) -> None:
    """The venue wants to be left alone: it is, the containment says so, and the books are flat right after."""
    method, is_left_alone, fault = LONGER_THAN_AN_ATTEMPT[status]
    with_position(paper)
    resting(paper, 3)
    drill.steady("engine.trading")
    seq = last_seq(venue)
    with ExitStack() as banned:
        banned.enter_context(drill.inject(fault(venue.faults)))
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            paper.until(lambda: sent_into(venue, seq, status, method)["until_ms"], "the venue says until when")
            paper.until(partial(has_ended, paper), "an attempt ended")
            drill.holds("containment.began", "containment.not_called_flat")
            until = sent_into(venue, seq, status, method)["until_ms"]
            paper.run.node.pump_until(lambda: now_ms(venue) >= until - HEALED_BEFORE_MS, 5.0)
            banned.close()
            paper.run.node.pump_until(lambda: now_ms(venue) >= until, 1.0)
            drill.record("refused", sent_into(venue, seq, status, method))
            drill.holds(is_left_alone)
            drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-halted", rehearses=["SK-07", "SK-04"], severity="blocker", detect_within="500ms", contain_within="8s",
    runbook=RUNBOOK,
)  # fmt: skip
@pytest.mark.mutant("left-unsaid", gone_unsaid)
def test_what_a_halt_keeps_is_named(drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches) -> None:
    """The symbol is halted: what cannot be closed is named as left, and closed once it trades again."""
    with_position(paper)
    drill.steady("engine.trading")
    with ExitStack() as halted:
        halted.enter_context(drill.inject(venue.faults.set_status(symbol="BTCUSDT", status="SETTLING")))
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.detects("containment.began")
            drill.contains("containment.told")
            drill.holds("containment.still_held")
            halted.close()
            drill.contains(*FLAT)


@pytest.mark.drill(
    "contained-deaf-stream", rehearses=["SK-09"], severity="blocker", contain_within="3s", runbook=RUNBOOK
)
@pytest.mark.mutant("positions-kept", orders_only)
def test_a_node_that_hears_nothing_ends_flat(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """The user stream is down and an order filled unheard: the venue's answers lead, not the engine's belief."""
    opened = paper.buy_limit("0.010", at="30000.0")
    resting(paper, 2)
    paper.until_status(opened, "ACCEPTED")
    drill.steady("engine.trading", "views.agree")
    with drill.inject(venue.faults.drop_user_stream()):
        venue.fill(opened)
        with drill.inject(PulledSwitch(kill_switch, paper, venue)):
            drill.contains("containment.flat")


@pytest.mark.drill("contained-in-parts", rehearses=["SK-07"], severity="blocker", contain_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("engine-only", deaf_outside)
def test_a_position_beyond_the_largest_order_is_closed_in_parts(
    drill: Drill, paper: Paper, venue: DrillVenue, kill_switch: KillSwitches
) -> None:
    """The venue takes market orders of 0.004 at most, of which the engine knows nothing: 0.010 goes in three."""
    with_position(paper)
    drill.steady("engine.trading")
    with drill.inject(SmallLots(venue, Decimal("0.004"))), drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)


@pytest.mark.drill("contained-hedged", rehearses=["SK-06"], severity="blocker", contain_within="3s", runbook=RUNBOOK)
@pytest.mark.mutant("positions-kept", orders_only)
def test_both_sides_of_a_hedge_are_closed(
    drill: Drill, paper_with: Callable[..., Paper], kill_switch: KillSwitches
) -> None:
    """In hedge mode a long and a short of the same symbol are closed, each on its own side."""
    with without_reduce_only():  # the adapter does not start in hedge mode otherwise
        paper = paper_with(before=_hedged)
    venue = paper.venue
    for side, quantity in (("BUY", "0.010"), ("SELL", "0.006")):
        _opened(paper, side, quantity)
    drill.steady("engine.trading")
    with drill.inject(PulledSwitch(kill_switch, paper, venue)):
        drill.contains(*FLAT)


def _hedged(venue: DrillVenue) -> None:
    venue.thread.call(lambda it: it.exchange.set_hedge_mode(venue.account, True))


def _opened(paper: Paper, side: str, quantity: str) -> None:
    """Open one side of a hedge; the adapter tells it by the position's name."""
    from nautilus_trader.model.enums import OrderSide
    from nautilus_trader.model.identifiers import PositionId

    strategy = paper.strategy
    instrument = strategy.cache.instruments()[0]
    order = strategy.order_factory.market(instrument.id, OrderSide[side], instrument.make_qty(quantity))
    strategy.submit_order(order, PositionId(f"{instrument.id}-{'LONG' if side == 'BUY' else 'SHORT'}"))
    paper.until_status(order, "FILLED")
