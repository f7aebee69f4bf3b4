"""Checks on a node that was killed, ended or frozen: what it left at the venue, and what the next one knows of it.

They judge the run's journal (``node_started``, ``node_ended``), the latest views, and facts that the drill records:
``resting``, client ids of the orders that rested at the venue before, and ``frozen``: ``{told, heard}``, how many
messages the venue sent the frozen node, and the requests and messages that came from it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from opslab.drill.checks.containment import bought
from opslab.drill.checks.registry import Judgement, check, failed, passed, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_OPEN_AT_VENUE = {"NEW", "PARTIALLY_FILLED"}
_OPEN_IN_ENGINE = {"SUBMITTED", "ACCEPTED", "TRIGGERED", "PENDING_UPDATE", "PENDING_CANCEL", "PARTIALLY_FILLED"}


@check("node.restarted")
def restarted(history: History, _spec: RunSpec | None) -> Judgement:
    """After each end of the node another one was started, which connected, reconciled and ran its strategy."""
    names = [name for name in history.run.event_names if name in ("node_started", "node_ended")]
    if "node_ended" not in names:
        return unknown("OPS-NODE-NOT-ENDED", "no node ended: nothing was rehearsed")
    if names[-1] == "node_ended":
        return failed("OPS-NODE-DOWN", "no node was started after the last one ended", observed=names)
    return passed(f"{names.count('node_ended')} ended, {names.count('node_started')} started")


@check("node.ended_by_itself")
def ended_by_itself(history: History, _spec: RunSpec | None) -> Judgement:
    """The last node that ended was told to by SIGTERM, and came to its own end with exit code 0."""
    ended = _last_end(history)
    if ended is None:
        return unknown("OPS-NODE-NOT-ENDED", "no node ended: nothing was rehearsed")
    told = {name: ended[name] for name in ("how", "exit_code", "signal", "sent")}
    if told != (expected := {"how": "exit", "exit_code": 0, "signal": None, "sent": "SIGTERM"}):
        what = ended["signal"] or f"exit code {ended['exit_code']}"
        return failed("OPS-NODE-NOT-CLEAN", f"node {ended['number']} ended by {what}", expected=expected, observed=told)
    return passed(f"node {ended['number']} ended by itself")


@check("node.left_named")
def left_named(history: History, _spec: RunSpec | None) -> Judgement:
    """The journal names every order and position that the last node left at the venue, and nothing else."""
    ended = _last_end(history)
    if ended is None:
        return unknown("OPS-NODE-NOT-ENDED", "no node ended: nothing was rehearsed")
    venue, left = history.run.latest_views["venue"], ended["left"]
    named = {**dict.fromkeys(left["orders"], "open"), **left["positions"]}
    held = {row["instrument"]: row["signed_quantity"] for row in venue.get("positions", ())}
    there = {
        **dict.fromkeys(_open(venue, _OPEN_AT_VENUE), "open"),
        **{name: amount for name, amount in held.items() if Decimal(amount)},
        **bought(history.run),
    }
    if different := sorted(name for name in {*named, *there} if named.get(name) != there.get(name)):
        what = f"{different[0]}: the journal says {named.get(different[0])}, the venue {there.get(different[0])}"
        return failed("OPS-NODE-LEFT-UNNAMED", what, expected=there, observed=named)
    return passed(f"left at the venue: {', '.join(sorted(there)) or 'nothing'}")


@check("node.silent")
def silent(history: History, _spec: RunSpec | None) -> Judgement:
    """While it was frozen, the venue spoke to the node and heard nothing from it."""
    frozen = history.fact("frozen")
    if not frozen["told"]:
        return unknown("OPS-NODE-NOT-ASKED", "the venue told the node nothing while it was frozen")
    if frozen["heard"]:
        first = frozen["heard"][0]
        return failed("OPS-NODE-NOT-FROZEN", f"the node was to stand still, and sent {first}", observed=frozen["heard"])
    return passed(f"{frozen['told']} messages to the node, none from it")


@check("orders.rest")
def rest(history: History, _spec: RunSpec | None) -> Judgement:
    """Every order that rested at the venue before still does: no node is needed for it to fill."""
    wanted, there = history.fact("resting"), _open(history.run.latest_views["venue"], _OPEN_AT_VENUE)
    if not wanted:
        return unknown("OPS-ORDER-NONE-RESTS", "no order rested before: nothing was rehearsed")
    if gone := sorted(set(wanted) - there.keys()):
        return failed("OPS-ORDER-GONE", f"{gone[0]} rests no longer", expected=sorted(wanted), observed=sorted(there))
    return passed(f"{len(wanted)} orders rest at the venue: {', '.join(sorted(wanted))}")


@check("orders.adopted")
def adopted(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine takes the same orders for open as the venue, filled as far."""
    views = history.run.latest_views
    venue, engine = _open(views["venue"], _OPEN_AT_VENUE), _open(views["engine"], _OPEN_IN_ENGINE)
    if different := sorted(name for name in {*venue, *engine} if venue.get(name) != engine.get(name)):
        first = different[0]
        what = f"{first}: open at the venue: {_told(venue.get(first))}, in the engine: {_told(engine.get(first))}"
        return failed(
            "OPS-ORDER-NOT-ADOPTED",
            what,
            expected={name: str(amount) for name, amount in sorted(venue.items())},
            observed={name: str(amount) for name, amount in sorted(engine.items())},
        )
    return passed(f"{len(venue)} open orders")


@check("positions.kept")
def kept(history: History, _spec: RunSpec | None) -> Judgement:
    """The engine's net position of each instrument is the venue's; on spot, what the run's orders came to.

    A spot venue has no positions and may take its fee in the base asset: there a hundredth may be missing.
    """
    views = history.run.latest_views
    venue, engine = views["venue"], _net(views["engine"]["positions"])
    share = Decimal(0) if "positions" in venue else Decimal("0.01")
    truth = _net(venue["positions"]) if "positions" in venue else _filled(venue["orders"])
    for name in sorted({*truth, *engine}):
        expected, observed = truth.get(name, Decimal(0)), engine.get(name, Decimal(0))
        if abs(expected - observed) > abs(expected) * share:
            what = f"{name}: the venue has {expected:f}, the engine {observed:f}"
            return failed("OPS-POSITION-LOST", what, expected=f"{expected:f}", observed=f"{observed:f}")
    return passed(f"{len(truth)} positions")


def _net(rows: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    net: dict[str, Decimal] = {}
    for row in rows:
        net[row["instrument"]] = net.get(row["instrument"], Decimal(0)) + Decimal(row["signed_quantity"])
    return net


def _filled(orders: Sequence[Mapping[str, Any]]) -> dict[str, Decimal]:
    """Return what the fills of orders come to, by instrument."""
    net: dict[str, Decimal] = {}
    for row in orders:
        filled = Decimal(row["filled_quantity"])
        net[row["instrument"]] = net.get(row["instrument"], Decimal(0)) + (filled if row["side"] == "BUY" else -filled)
    return net


def _open(view: Mapping[str, Any], words: set[str]) -> dict[str, Decimal]:
    """Return how much of each open order is filled, by client id."""
    return {
        row["client_order_id"]: Decimal(row["filled_quantity"]) for row in view["orders"] if str(row["status"]) in words
    }


def _told(filled: Decimal | None) -> str:
    return "no" if filled is None else f"yes, filled {filled:f}"


def _last_end(history: History) -> Mapping[str, Any] | None:
    ends = [event for event in history.run.journal if event["event"] == "node_ended"]
    return ends[-1] if ends else None
