"""The user stream breaks, expires or lies under a node with a guard: the twins of drills that find an engine defect.

Fault and checks are those of ``test_user_stream.py``. The mutant is always the same: the guard is not there.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from fixtures.guarding import callbacks_unwoken, guards_removed, in_flight_left_out, looks_put_off, with_guard
from fixtures.user_streams import (
    NO_TIMERS,
    QUIET_SECONDS,
    STREAM,
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

RUNBOOK = "docs/runbooks/guards.md"
TOLD = ("orders.told_fully", "orders.told_truly", "orders.no_duplicates")
UNTOUCHED = ("engine.trading", "orders.told_truly", "orders.no_duplicates")

guarded = partial(pytest.mark.drill, runbook=RUNBOOK)
removed = pytest.mark.mutant("guard-removed", guards_removed)


OUTAGES: dict[str, Callable[[VenueFaults], list[VenueFault]]] = {
    "closed and refused": lambda faults: [faults.refuse_sockets(kind=STREAM), faults.close_sockets(kind=STREAM)],
    "silent": lambda faults: [faults.half_open(kind=STREAM)],
    "key expired": lambda faults: [faults.expire_listen_key()],
}


@guarded("guarded-fill-lost-on-user-stream", rehearses=["OL-06", "US-03"], severity="critical", recover_within="5s")
@removed
@with_guard("phantom_position")
@pytest.mark.parametrize("how", OUTAGES)
def test_a_recovered_fill_brings_no_phantom(drill: Drill, paper: Paper, venue: DrillVenue, spec: str, how: str) -> None:
    """A fill that happens while the user stream is down is found when it is back, and no position that is not."""
    del spec
    order = _resting(drill, paper)
    faults = OUTAGES[how](venue.faults)
    with contextlib.ExitStack() as outage:
        for fault in faults:
            outage.enter_context(drill.inject(fault))
        venue.fill(order)
        paper.until(lambda: all(fault.fired for fault in faults), "the outage")
    drill.recovers("orders.told_fully")
    paper.settle()
    drill.holds("positions.no_phantoms", "engine.trading", *TOLD)


@guarded("guarded-listen-key-expired-silently", rehearses=["US-01"], severity="critical", recover_within="2s")
@removed
@with_guard("listen_key", "user_stream", "user_stream_quiet", "user_stream_spot")
def test_a_silently_expired_key_is_found(drill: Drill, paper: Paper, venue: DrillVenue, spec: str) -> None:
    """A user stream that only goes quiet is noticed, and the fill that it did not tell is found."""
    order = _resting(drill, paper)
    # Spot has no key: there the stream loses what it should tell, and its socket stays open.
    silence = venue.faults.drop_user_stream() if "spot" in spec else venue.faults.expire_listen_key(silent=True)
    with drill.inject(silence):
        venue.fill(order)
    drill.recovers("orders.told_fully")
    drill.holds(*UNTOUCHED)


def _key_refused(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """Expire the key, and refuse the new one twice."""
    refused = venue.faults.refuse_listen_key(route="POST */listenKey", times=2)
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


@guarded("guarded-user-stream-taken-up-again", rehearses=["US-02", "US-07"], severity="blocker", recover_within="3s")
@removed
@with_guard("listen_key", "user_stream")
@pytest.mark.parametrize("what", REFUSALS)
def test_refusals_do_not_end_the_user_stream(
    drill: Drill, paper: Paper, venue: DrillVenue, spec: str, what: str
) -> None:
    """A node that is refused while it restores its user stream tries again, and finds what it missed."""
    del spec
    order = _resting(drill, paper)
    REFUSALS[what](drill, paper, venue)
    since = now(venue)
    venue.fill(order)
    drill.recovers("orders.told_fully")
    drill.record("user_stream", user_stream_facts(venue, since))
    drill.holds("stream.alive", *UNTOUCHED)


@guarded("guarded-user-stream-taken-up-again-spot", rehearses=["US-02"], severity="blocker", recover_within="3s")
@removed
@with_guard("listen_key_spot", "user_stream_spot")
@pytest.mark.parametrize("what", ["session.logon", "userDataStream.subscribe"])
def test_refusals_do_not_end_the_user_stream_on_spot(
    drill: Drill, paper: Paper, venue: DrillVenue, spec: str, what: str
) -> None:
    """On spot, the session or the subscription that follows a reconnect is refused twice, and asked for again."""
    del spec
    order = _resting(drill, paper)
    refused = venue.faults.reject_requests(route=f"WS {what}", status=500, times=2)
    with drill.inject(refused), drill.inject(venue.faults.close_sockets(kind=STREAM)):
        paper.until(lambda: refused.fired, "a new session")
    since = now(venue)
    venue.fill(order)
    drill.recovers("orders.told_fully")
    drill.record("user_stream", user_stream_facts(venue, since))
    drill.holds("stream.alive", *UNTOUCHED)


@guarded("guarded-one-fill-lost", rehearses=["OL-06", "US-05"], severity="critical", recover_within="2s")
@removed
@with_guard("user_stream", "ambiguous_submit")
def test_one_lost_fill_is_found(drill: Drill, paper: Paper, venue: DrillVenue, spec: str) -> None:
    """A fill whose report was lost on a healthy user stream is found, at the latest when the order is cancelled."""
    del spec
    order = _resting(drill, paper)
    with drill.inject(venue.faults.drop_fills(times=1)):
        venue.fill(order)
    paper.cancel(order)
    drill.recovers("orders.told_fully")
    drill.holds(*UNTOUCHED)


SENT: dict[str, Callable[[Paper], Any]] = {
    "rests": lambda paper: paper.buy_limit("0.010", at="30000.0"),
    "filled": lambda paper: paper.buy_market("0.010"),
}


def _cases(*cases: tuple[str, str]) -> pytest.MarkDecorator:
    marks = [
        pytest.param(what, marks=pytest.mark.spec(f"guarded/{spec}.yaml"), id=f"{what}-{spec}") for what, spec in cases
    ]
    return pytest.mark.parametrize("what", marks)


@guarded("guarded-order-in-flight-unheard", rehearses=["US-01", "OL-06"], severity="critical", recover_within="2s")
@removed
@pytest.mark.mutant("in-flight-left-out", in_flight_left_out)
@_cases(("rests", "user_stream"), ("rests", "user_stream_spot"), ("filled", "user_stream_spot"))
def test_an_order_in_flight_of_which_nothing_is_told_is_found(
    drill: Drill, paper_with: Callable[..., Paper], what: str
) -> None:
    """The first thing that a stream does not tell is of an order that was just sent: that proves it deaf, too."""
    paper = paper_with(**NO_TIMERS)
    paper.until_fresh("quotes")
    drill.steady("engine.trading", "views.agree", *TOLD)
    with drill.inject(paper.venue.faults.drop_user_stream()):
        order = SENT[what](paper)
        paper.until(lambda: _is_at_venue(paper.venue, order), "the order")
        paper.settle()
    drill.record("guard", {"name": "user_stream", "actions": ["held", "reconnected", "released"]})
    drill.recovers("orders.told_fully", "views.agree", "guard.acted")
    drill.holds(*UNTOUCHED)


@guarded("guarded-answer-never-comes", rehearses=["CN-02"], severity="critical", contain_within="4s")
@removed
@pytest.mark.spec("guarded/http_deadline.yaml")
def test_an_answer_that_never_comes_does_not_silence_the_stream(drill: Drill, paper: Paper, venue: DrillVenue) -> None:
    """While the adapter waits for a reconciliation it keeps back what the new stream tells: it must not for ever."""
    order = _resting(drill, paper)
    hanging = venue.faults.hang_requests(route="GET */openOrders")
    with contextlib.ExitStack() as silence:
        silence.enter_context(drill.inject(hanging))
        with drill.inject(venue.faults.expire_listen_key()):
            paper.until(lambda: hanging.fired, "the reconciliation")
        venue.fill(order)
        drill.contains("orders.told_fully")
    drill.holds(*UNTOUCHED)


@guarded("guarded-back-in-a-quiet-market", rehearses=["US-07"], severity="critical", recover_within="3s")
@removed
@pytest.mark.mutant("callbacks-unwoken", callbacks_unwoken)
@pytest.mark.spec("guarded/user_stream_quiet.yaml")
def test_a_reconnect_is_noticed_in_a_quiet_market(drill: Drill, paper_with: Callable[..., Paper]) -> None:
    """A user stream that is connected again is taken up at once, also when nothing else happens."""
    with looks_put_off():
        paper = paper_with(**NO_TIMERS)
    venue, order, since = paper.venue, _resting(drill, paper), now(paper.venue)
    with drill.inject(venue.faults.close_sockets(kind=STREAM, after="50ms")):
        paper.run.node.pump(QUIET_SECONDS)
    drill.record("reaction_ms", reaction_ms(venue, since))
    paper.settle()
    drill.record("user_stream", user_stream_facts(venue, since))
    venue.fill(order)
    drill.recovers("orders.told_fully")
    drill.holds("stream.noticed", "stream.alive", "engine.trading", *TOLD)


def _is_at_venue(venue: DrillVenue, order: Any) -> bool:
    books = venue.thread.call(lambda inner: inner.exchange.snapshot())
    return any(
        row["client_order_id"] == str(order.client_order_id) for row in books["accounts"][venue.account]["orders"]
    )


def _resting(drill: Drill, paper: Paper) -> Any:
    order = paper.buy_limit("0.010", at="30000.0")
    paper.until_status(order, "ACCEPTED")
    drill.steady("engine.trading", "views.agree", *TOLD)
    return order
