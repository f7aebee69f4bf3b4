"""What of a journal's lines the metrics read: which event a line is, and a few fields of some."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import msgspec

from opslab.report.metrics.exposition import label
from opslab.report.metrics.records import FirstEvent, Moment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

VIEWS_DIFFERED = "views_differed"
TRIGGER_FIRED = "trigger_fired"
MAX_TRIGGERS = 20
"""So many triggers are told apart."""
TERMINAL_EVENTS = frozenset({"run_completed", "run_failed"})
SWITCHED = {"kill_activated": "active", "kill_cleared": "cleared"}
HEARD = "market_data_heard"
MAX_FEEDS = 20
"""So many feeds of one run are told apart."""


class Terminal(msgspec.Struct, frozen=True, gc=False):
    """The event that ended the run."""

    status: str
    ts_utc: Moment | None = None


class KindOfDifference(msgspec.Struct, frozen=True, gc=False):
    """A difference between two views, as far as it is counted."""

    view: str
    kind: str


class ViewsTold(msgspec.Struct, frozen=True, gc=False):
    """The latest change of what differs between the views of a run.

    Attributes:
        ts_utc: when it was told.
        since_ms: for how long something had differed by then.
        differences: what differs.
    """

    ts_utc: Moment
    since_ms: int = 0
    differences: tuple[KindOfDifference, ...] = ()


class TriggerTold(msgspec.Struct, frozen=True, gc=False):
    """A trigger that fired."""

    trigger: str


class Feed(msgspec.Struct, frozen=True, gc=False):
    """One feed of ``market_data_heard``."""

    ts_utc: Moment


class Heard(msgspec.Struct, frozen=True, gc=False):
    """The event that tells when a node last took in market data."""

    event: str
    feeds: dict[str, Feed]


class Line(msgspec.Struct, gc=False):
    """A line, as far as it says what it is."""

    event: str


class Decoders:
    """Read one kind of line each."""

    line = msgspec.json.Decoder(Line)
    first = msgspec.json.Decoder(FirstEvent)
    terminal = msgspec.json.Decoder(Terminal)
    views = msgspec.json.Decoder(ViewsTold)
    trigger = msgspec.json.Decoder(TriggerTold)
    heard = msgspec.json.Decoder(Heard)


def terminal(text: bytes) -> Terminal | None:
    """Return the first event of ``text`` that ended its run."""
    for line in text.split(b"\n"):
        event = decoded(Decoders.line, line)
        if event is not None and event.event in TERMINAL_EVENTS:
            found: Terminal | None = decoded(Decoders.terminal, line)
            return found
    return None


def views(text: bytes) -> ViewsTold | None:
    """Return the last change of what differs that ``text`` tells."""
    for line in reversed(text.split(b"\n")):
        event = decoded(Decoders.line, line)
        if event is not None and event.event == VIEWS_DIFFERED:
            found: ViewsTold | None = decoded(Decoders.views, line)
            return found
    return None


def triggers(text: bytes) -> Iterator[str]:
    """Produce the triggers that fired, as labels."""
    for line in text.split(b"\n"):
        event = decoded(Decoders.line, line)
        if event is not None and event.event == TRIGGER_FIRED:
            told = decoded(Decoders.trigger, line)
            if told is not None:
                yield sys.intern(label(told.trigger))


def switched(text: bytes) -> str | None:
    """Return the state that the last kill event of ``text`` led to."""
    events = (decoded(Decoders.line, line) for line in reversed(text.split(b"\n")))
    return next((SWITCHED[found.event] for found in events if found is not None and found.event in SWITCHED), None)


def heard(text: bytes) -> dict[str, datetime]:
    """Return when each feed was last heard, by the last line of ``text`` that tells it."""
    for line in reversed(text.split(b"\n")):
        found: Heard | None = decoded(Decoders.heard, line)
        if found is not None and found.event == HEARD:
            return {feed: told.ts_utc for feed, told in list(found.feeds.items())[:MAX_FEEDS]}
    return {}


def decoded(decoder: msgspec.json.Decoder[Any], line: bytes) -> Any:
    """Return what a line holds; None for one that is nothing of the kind."""
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
