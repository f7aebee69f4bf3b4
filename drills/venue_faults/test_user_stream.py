"""The user stream breaks, expires, stutters or lies: what the venue's books hold must still reach the strategy."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.user_streams import (
    NO_TIMERS,
    QUIET_SECONDS,
    STREAM,
    is_answered,
    is_back,
    is_stream_opened,
    now,
    reaction_ms,
    user_stream_facts,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.venue.faults.driving import VenueFault, VenueFaults

RUNBOOK = "docs/runbooks/user-stream.md"
DEFECTS = "docs/engine-defects"
TOLD = ("orders.told_fully", "orders.told_truly", "orders.no_duplicates")
LAST_OF_RECONCILIATION = "GET /fapi/v1/allAlgoOrders"
"""What a node asks last when it restores its user stream on futures."""

spot = pytest.mark.spec("src/opslab/samples/scenarios/btcusdt_spot_by_hand.yaml")
known_defect = partial(pytest.mark.known_defect, versions=">=1.231,<1.232")
user_stream = partial(pytest.mark.drill, runbook=RUNBOOK)

OUTAGES: dict[str, Callable[[VenueFaults], list[VenueFault]]] = {
    "closed and refused": lambda faults: [faults.refuse_sockets(kind=STREAM), faults.close_sockets(kind=STREAM)],
    "silent": lambda faults: [faults.half_open(kind=STREAM)],
    "key expired": lambda faults: [faults.expire_listen_key()],
}


@user_stream("fill-lost-on-user-stream", rehearses=["OL-06", "US-03"], severity="critical", recover_within="5s")
@known_defect("OPS-POSITION-PHANTOM", reference=f"{DEFECTS}/phantom-position.md")
@pytest.mark.mutant("no-way-back")
@pytest.mark.parametrize("how", OUTAGES)
def test_fill_during_an_outage_is_recovered(drill: Drill, paper: Paper, venue: DrillVenue, how: str) -> None:
    """A fill that happens while the user stream is down is found when it is back, and nothing else is found."""
    _fill_during_outage(drill, paper, venue, how)
    drill.recovers("orders.told_fully")
    paper.settle()
    drill.holds("positions.no_phantoms", "engine.trading", *TOLD)


@spot
@user_stream("fill-lost-on-user-stream-spot", rehearses=["OL-06", "US-03"], severity="critical", recover_within="5s")
@pytest.mark.mutant("no-way-back")
@pytest.mark.parametrize("how", OUTAGES)
def test_fill_during_an_outage_is_recovered_on_spot(drill: Drill, paper: Paper, venue: DrillVenue, how: str) -> None:
    """On spot too, a fill that happens while the user stream is down is found when it is back."""
    _fill_during_outage(drill, paper, venue, how)
    drill.recovers("orders.told_fully")
    paper.settle()
    drill.holds("orders.stay_over", "positions.no_phantoms", "engine.trading", *TOLD)


@spot
@user_stream("views-after-user-stream-outage-spot", rehearses=["US-10"], recover_within="3s")
@known_defect("OPS-VIEWS-DIFFER", reference=f"{DEFECTS}/stale-balance.md")
@pytest.mark.mutant("no-way-back")
@pytest.mark.parametrize("how", OUTAGES)
def test_the_views_agree_after_an_outage_on_spot(drill: Drill, paper: Paper, venue: DrillVenue, how: str) -> None:
    """When a fill was recovered after an outage, venue, engine and strategy believe the same of everything."""
    _fill_during_outage(drill, paper, venue, how)
    drill.recovers("orders.told_fully")
    paper.settle()
    drill.holds("views.agree")


@spot
@user_stream("balance-after-user-stream-outage", rehearses=["US-10"], recover_within="5s")
@known_defect("OPS-BALANCE-STALE", reference=f"{DEFECTS}/stale-balance.md")
@pytest.mark.mutant("no-way-back")
def test_balances_follow_a_recovered_fill(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """When a fill was recovered after an outage, the balances are those after the fill."""
    _fill_during_outage(drill, paper, venue, "silent")
    drill.recovers("orders.told_fully")
    paper.settle()
    drill.holds("balances.true")


@user_stream("listen-key-expired", rehearses=["US-01"], severity="critical", recover_within="3s")
@pytest.mark.mutant("silently")
def test_an_expired_listen_key_is_replaced(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """After listenKeyExpired the node takes a new key, and hears of the fill that follows."""
    order, since = _resting(drill, paper), now(venue)
    with drill.inject(venue.faults.expire_listen_key(silent=drill.mutant == "silently")):
        _until_restored(drill, paper, venue, since)
    venue.fill(order)
    drill.recovers("orders.told_fully", "views.agree")
    drill.holds("positions.no_phantoms", "engine.trading", *TOLD)


@user_stream("listen-key-expired-silently", rehearses=["US-01"], severity="critical", recover_within="2s")
@known_defect("OPS-FILL-UNTOLD", reference=f"{DEFECTS}/deaf-user-stream.md")
@pytest.mark.mutant("stranger")
def test_a_silently_expired_key_is_found(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A user stream that only goes quiet is noticed, and the fill that it did not tell is found."""
    order = _resting(drill, paper)
    with drill.inject(venue.faults.expire_listen_key(silent=True)):
        venue.fill(order)
    _stranger_trades(drill, venue)
    drill.recovers("orders.told_fully")
    drill.holds("engine.trading", "orders.told_truly", "orders.no_duplicates")


def _key_refused(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Expire the key, and refuse the new one once."""
    refused = venue.faults.refuse_listen_key()
    with drill.inject(refused), drill.inject(venue.faults.expire_listen_key()):
        paper.until(lambda: refused.fired, "a request for a new key")


def _socket_refused(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Close the stream, let it reconnect, and refuse the socket that the node opens on the new key."""
    since, refused = now(venue), venue.faults.refuse_sockets(kind=STREAM)
    with drill.inject(venue.faults.close_sockets(kind=STREAM)):
        venue.thread.wire.wait_for(is_stream_opened, 5, since)
    with drill.inject(refused):
        paper.until(lambda: refused.fired, "a new user stream")


REFUSALS = {"key refused": _key_refused, "socket refused": _socket_refused}


@user_stream("user-stream-not-taken-up-again", rehearses=["US-02", "US-07"], severity="blocker", recover_within="2s")
@known_defect("OPS-STREAM-DEAD", reference=f"{DEFECTS}/user-stream-given-up.md")
@known_defect("OPS-FILL-UNTOLD", reference=f"{DEFECTS}/user-stream-given-up.md")
@pytest.mark.mutant("stranger")
@pytest.mark.parametrize("what", REFUSALS)
def test_one_refusal_does_not_end_the_user_stream(drill: Drill, paper: Paper, venue: DrillVenue, what: str) -> None:
    """A node that is refused once while it restores its user stream tries again, and finds what it missed."""
    order = _resting(drill, paper)
    REFUSALS[what](drill, paper, venue)
    since = now(venue)
    venue.fill(order)
    _stranger_trades(drill, venue)
    drill.recovers("orders.told_fully")
    drill.record("user_stream", user_stream_facts(venue, since))
    drill.holds("stream.alive", "engine.trading", "orders.told_truly", "orders.no_duplicates")


@pytest.mark.spec("quiet_market.yaml")
@user_stream("user-stream-back-in-a-quiet-market", rehearses=["US-07"], severity="critical", recover_within="3s")
@known_defect("OPS-RECONNECT-UNNOTICED", reference=f"{DEFECTS}/reconnect-unnoticed.md")
@pytest.mark.mutant("no-way-back")
def test_a_reconnect_is_noticed_in_a_quiet_market(drill: Drill, paper_with: Callable[..., Paper]) -> None:
    """A user stream that is connected again is taken up at once, also when nothing else happens."""
    paper = paper_with(**NO_TIMERS)
    venue, order = paper.venue, _resting(drill, paper)
    with _no_way_back(drill, venue):
        since = now(venue)
        with drill.inject(venue.faults.close_sockets(kind=STREAM, after="50ms")):
            paper.run.node.pump(QUIET_SECONDS)
            if not is_back(venue, since):  # a busy machine takes longer to connect; it is quiet after that, too
                paper.run.node.pump(2 * QUIET_SECONDS)
        drill.record("reaction_ms", reaction_ms(venue, since))
        _until_restored(drill, paper, venue, since)
        drill.record("user_stream", user_stream_facts(venue, since))
        venue.fill(order)
        drill.recovers("orders.told_fully")
        drill.holds("stream.noticed", "stream.alive", "engine.trading", *TOLD)


@user_stream("fill-told-twice", rehearses=["US-13"], severity="critical", recover_within="2s")
@pytest.mark.mutant("other-trade-ids")
def test_a_fill_told_twice_counts_once(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """User events that arrive three times move orders, position and balances once."""
    order = _resting(drill, paper)
    renamed = venue.faults.edit_messages(execution="TRADE", shift={"o.t": 1}, times=1)
    mutated = drill.inject(renamed) if drill.mutant else contextlib.nullcontext()
    with drill.inject(venue.faults.duplicate_messages(kind=STREAM, copies=2)), mutated:
        venue.fill(order, "0.004")
        paper.until_status(order, "PARTIALLY_FILLED")
        paper.settle()
    drill.recovers("views.agree")
    drill.holds("positions.no_phantoms", "engine.trading", *TOLD)


@user_stream("fill-before-acceptance", rehearses=["US-06", "OL-24"], recover_within="2s")
@known_defect("OPS-ORDER-TOLD-OPEN", reference=f"{DEFECTS}/events-out-of-order.md")
@pytest.mark.mutant("fill-lost")
def test_a_fill_before_the_acceptance_is_the_last_word(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """When the fill overtakes NEW, the strategy ends up with a filled order."""
    drill.steady("engine.trading", "views.agree")
    since = now(venue)
    with drill.inject(_late(venue)), _fill_lost(drill, venue):
        order = paper.buy_limit("0.010", at="30000.0")
        paper.until(lambda: is_answered(venue, "POST /fapi/v1/order", since), "the order at the venue")
        venue.fill(order)
        paper.settle()
    drill.recovers("orders.told_fully")
    drill.holds("orders.stay_over", "positions.no_phantoms", "engine.trading", "orders.told_truly")


@user_stream("cancel-before-partial-fill", rehearses=["US-06", "OL-09"], severity="critical", recover_within="2s")
@known_defect("OPS-ORDER-HELD-OPEN", reference=f"{DEFECTS}/events-out-of-order.md")
@known_defect("OPS-ORDER-TOLD-OPEN", reference=f"{DEFECTS}/events-out-of-order.md")
@pytest.mark.mutant("fill-lost")
def test_a_late_partial_fill_does_not_reopen_an_order(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """When CANCELED overtakes a partial fill, the order is filled in part and stays over."""
    order = _resting(drill, paper)
    with drill.inject(_late(venue)), _fill_lost(drill, venue):
        venue.fill(order, "0.004")
        paper.cancel(order)
        paper.settle()
    drill.recovers("orders.told_fully")
    drill.holds("orders.stay_over", "positions.no_phantoms", "engine.trading", "orders.told_truly")


@user_stream("one-fill-lost", rehearses=["OL-06", "US-05"], severity="critical", recover_within="2s")
@known_defect("OPS-FILL-UNTOLD", reference=f"{DEFECTS}/deaf-user-stream.md")
@pytest.mark.mutant("stranger")
def test_one_lost_fill_is_found(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """A fill whose report was lost on a healthy user stream is found, at the latest when the order is cancelled."""
    order = _resting(drill, paper)
    with drill.inject(venue.faults.drop_fills(times=1)):
        venue.fill(order)
    _stranger_trades(drill, venue)
    paper.cancel(order)
    drill.recovers("orders.told_fully")
    drill.holds("engine.trading", "orders.told_truly", "orders.no_duplicates")


def _resting(drill: Drill, paper: Paper) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    drill.steady("engine.trading", "views.agree", *TOLD)
    return order


def _until_restored(drill: Drill, paper: Paper, venue: DrillVenue, since: int) -> None:
    """Wait until the node has reconciled with a new user stream, which under a mutant it never does."""
    if not drill.mutant:
        paper.until(lambda: is_answered(venue, LAST_OF_RECONCILIATION, since), "the reconciliation")
    paper.settle()


def _fill_during_outage(drill: Drill, paper: Paper, venue: DrillVenue, how: str) -> None:
    order = _resting(drill, paper)
    faults = OUTAGES[how](venue.faults)
    with contextlib.ExitStack() as outage:
        outage.enter_context(_no_way_back(drill, venue))
        with contextlib.ExitStack() as going_on:
            for fault in faults:
                going_on.enter_context(drill.inject(fault))
            venue.fill(order)
            paper.until(lambda: all(fault.fired for fault in faults), "the outage")
        drill.holds("engine.trading")
        if drill.mutant:  # it must last until the recovery has failed
            drill.recovers("orders.told_fully")


def _no_way_back(drill: Drill, venue: DrillVenue) -> contextlib.AbstractContextManager[object]:
    """Refuse every attempt to restore the user stream, if that is the mutant."""
    if drill.mutant != "no-way-back":
        return contextlib.nullcontext()
    route = "POST */listenKey|WS session.logon|WS userDataStream.subscribe"
    return drill.inject(venue.faults.reject_requests(route=route, status=500))


def _stranger_trades(drill: Drill, venue: DrillVenue) -> None:
    """Place an order that the strategy knows nothing of, if that is the mutant."""
    if drill.mutant != "stranger":
        return
    order = {"account": venue.account, "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010", "price": "29000.0"}
    with drill.inject(venue.faults.manual_order(**order)):
        pass


def _fill_lost(drill: Drill, venue: DrillVenue) -> contextlib.AbstractContextManager[object]:
    """Lose the fill altogether, if that is the mutant."""
    return drill.inject(venue.faults.drop_fills()) if drill.mutant == "fill-lost" else contextlib.nullcontext()


def _late(venue: DrillVenue) -> VenueFault:
    """Let the second order report from now on overtake the first."""
    return venue.faults.reorder_messages(kind=STREAM, stream="ORDER_TRADE_UPDATE", times=1)
