"""Journal events of paper runs: what the gate decided, where the venue was, and what a live node did there."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from opslab.contract.base import Artifact, Sha256, UtcStamp
from opslab.contract.events import (
    Event,
    EventStreamFacts,
    LifecycleEvent,
    LifecycleOutcome,
    PaperCounters,
)
from opslab.contract.execution import MarketKind, Profile
from opslab.contract.left import BooksFacts, LeftAtVenue
from opslab.contract.spec import Limits


class PaperSafetyChecked(LifecycleEvent):
    """The gate was asked before a paper run.

    Attributes:
        kill_switch_state: the state that decided: ``active`` if the run's switch or the global one was, or if either
            could not be trusted.
        lifecycle_outcome: whether the run goes on.
        control_signal: where the switch lives.
        limits: ``risk.limits`` of the spec, which the gate enforces at every order; null without any.
    """

    event: Literal["paper_safety_checked"] = "paper_safety_checked"
    kill_switch_state: Literal["absent", "active", "cleared"]
    lifecycle_outcome: LifecycleOutcome
    control_signal: Literal["local_file_based"] = "local_file_based"
    limits: Limits | None = None


class PaperSafetyBlocked(LifecycleEvent):
    """The gate let no new risk through: the paper run ends here.

    Attributes:
        result: what became of the run.
        kill_switch_state: the state that decided.
        control_signal: where the switch lives.
    """

    event: Literal["paper_safety_blocked"] = "paper_safety_blocked"
    result: Literal["blocked_kill_switch"] = "blocked_kill_switch"
    kill_switch_state: Literal["active"] = "active"
    control_signal: Literal["local_file_based"] = "local_file_based"


class VenueFacts(Artifact):
    """Where the venue of a paper run was found; never its keys.

    Attributes:
        market: futures or spot.
        host: ``thread`` (beside the node) or ``process`` (outlives it).
        http: base URL of REST requests.
        ws: base URL of market streams.
        ws_api: URL of the WebSocket API.
        ws_stream: base URL of user streams.
        ctl: base URL of the control door.
        account: the ledger's name of the account that traded.
        pid: process id of the venue, if it is a process.
    """

    market: MarketKind
    host: Literal["thread", "process"]
    http: str
    ws: str
    ws_api: str
    ws_stream: str
    ctl: str
    account: str
    pid: int | None = None


class OwnNodeFacts(Artifact):
    """The user's own node, which trades in place of the lab's.

    Attributes:
        name: what the user calls it: ``package.module:function``.
        code_sha256: digest of the code of that function's package; null where there is no function.
        strategies: import paths of its strategies.
        shortened: its settings that the profile made shorter, with the values in force.
    """

    name: str
    code_sha256: Sha256 | None = None
    strategies: tuple[str, ...]
    shortened: dict[str, Any]


class PaperStarted(LifecycleEvent):
    """The venue is up, and the node is about to connect.

    Attributes:
        note: what the run is, for people.
        venue: where it trades.
        profile: which intervals the node has.
        profile_settings: the node's settings that the profile changes from NautilusTrader's defaults.
        pace: seconds of market data that are played in a second.
        instruments: what is traded, as NautilusTrader names it.
        own_node: the user's node, where one was named; its settings then are theirs, not those of the profile.
        keep: of spot: base units by asset that the account held before; they are not the run's to sell.
    """

    event: Literal["paper_started"] = "paper_started"
    note: str
    venue: VenueFacts
    profile: Profile
    profile_settings: dict[str, Any]
    pace: float
    instruments: tuple[str, ...]
    own_node: OwnNodeFacts | None = None
    keep: dict[str, str] = Field(default_factory=dict)


class PaperHeartbeat(LifecycleEvent):
    """The node is alive and trading: told when a third, two thirds and all of the run's bound are reached.

    Attributes:
        heartbeat_index: from 1.
        heartbeat_total: how many there will be.
        synthetic: false: something was measured (the earlier lab only counted).
        counters: what the node had done by then.
    """

    event: Literal["paper_heartbeat"] = "paper_heartbeat"
    heartbeat_index: int
    heartbeat_total: int
    synthetic: Literal[False] = False
    counters: PaperCounters


class FeedHeard(Artifact):
    """What a node took in of one kind of market data.

    Attributes:
        count: how many items since the node was built.
        ts_utc: when the newest of them came.
    """

    count: int
    ts_utc: UtcStamp


class MarketDataHeard(Event):
    """The node took in market data; told at most every few seconds, and not while nothing comes.

    Attributes:
        feeds: by kind: ``quotes``, ``trades``, ``book``, ``bars``.
    """

    event: Literal["market_data_heard"] = "market_data_heard"
    feeds: dict[str, FeedHeard]


class ViewsTaken(Event):
    """What venue, engine and strategy believed was written down.

    Attributes:
        phase: when: a phase of a drill, or ``start`` and ``end`` of a run.
        lines: number of the last line of ``views.jsonl`` that it wrote.
        sha256: digest of ``views.jsonl`` up to that line.
        agree: whether the three views had no difference.
    """

    event: Literal["views_taken"] = "views_taken"
    phase: str
    lines: int
    sha256: Sha256
    agree: bool


class NodeStarted(Event):
    """A node in a process of its own connected, reconciled and started its strategy.

    Attributes:
        number: which node of the run, from 1: after each end another one may be started.
        pid: its process id.
        database: where its cache is kept, ``redis``; null: nowhere, it dies with the process.
    """

    event: Literal["node_started"] = "node_started"
    number: int
    pid: int
    database: Literal["redis"] | None = None


class NodeEnded(Event):
    """A node's process is gone.

    Attributes:
        number: which node of the run.
        pid: its process id.
        how: ``exit`` (by itself, or because it was told to) or ``signal`` (killed).
        exit_code: what it exited with; null after a signal.
        signal: which signal killed it; null after an exit.
        sent: the last signal that the lab sent it; null: none.
        left: what it left at the venue.
    """

    event: Literal["node_ended"] = "node_ended"
    number: int
    pid: int
    how: Literal["exit", "signal"]
    exit_code: int | None = None
    signal: str | None = None
    sent: str | None = None
    left: LeftAtVenue


class PaperCompleted(LifecycleEvent):
    """The node traded and was stopped.

    Attributes:
        result: what became of the run.
        heartbeat_count: how many heartbeats were told.
        counters: what the node did.
        event_stream: digest of the node's events.
        books: digest of the venue's books.
        ended_by: which bound ended the run.
        left: what is left at the venue; null where nobody asked it.
    """

    event: Literal["paper_completed"] = "paper_completed"
    result: Literal["paper_session_completed"] = "paper_session_completed"
    heartbeat_count: int
    counters: PaperCounters
    event_stream: EventStreamFacts
    books: BooksFacts
    ended_by: Literal["bars", "seconds", "tape", "asked"]
    left: LeftAtVenue | None = None


PAPER_EVENTS: dict[str, type[Event]] = {
    model.model_fields["event"].default: model
    for model in (
        PaperSafetyChecked,
        PaperSafetyBlocked,
        PaperStarted,
        PaperHeartbeat,
        MarketDataHeard,
        ViewsTaken,
        NodeStarted,
        NodeEnded,
        PaperCompleted,
    )
}
"""The events of paper runs, by name."""
