"""The pure decision: what a switch reads as, from the bytes that were found. Whatever is doubtful reads as active."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from opslab.contract.encoding import compact_json
from opslab.contract.switch_rules import (
    checked_event,
    checked_mark,
    checked_state,
    moment_of,
    strict_object,
)
from opslab.store.journal import GENESIS, Head, read_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from opslab.safety.index import IndexReading
    from opslab.safety.layout import Found

State = Literal["absent", "active", "cleared"]

TOLERANCE = timedelta(seconds=5)
"""How far a stamp may lie in the future, or behind the one before it: clocks are stepped by a little all the time."""

CHAIN = ("seq", "prev_sha256")
_NO_EVENTS = Head(0, GENESIS)


@dataclass(frozen=True)
class SwitchReading:
    """What a switch reads as.

    Attributes:
        run_id: the run, or ``_global``.
        state: ``absent``, ``active`` or ``cleared``; ``active`` whenever there is a doubt.
        doubts: everything that does not fit, each in one line, the index's first; empty when the files agree.
        record: the state file's nine fields, if it is sound in itself, whether or not it fits the rest.
        head: the end of the events file.
        has_sound_events: whether the events file can be continued (it is sound in itself, or absent).
        trips: activations that are under way or were cut short, each in one line by the name of its mark; they make the
            switch active without being a doubt.
        since: when it was activated, as it is written: in the state file, or in the first mark while that does not say
            so yet; None where it is not active, or nothing tells.
        elsewhere: the root that the switch was read in, when that is not the one that was asked.
    """

    run_id: str
    state: State
    doubts: tuple[str, ...]
    record: Mapping[str, Any] | None
    head: Head
    has_sound_events: bool
    trips: Mapping[str, str] = field(default_factory=dict)
    elsewhere: str = ""
    since: str | None = None

    @property
    def is_trusted(self) -> bool:
        """Whether state, events, index and anchor agree."""
        return not self.doubts


def read_switch(
    run_id: str, state: Found, events: Found, index: IndexReading, now: datetime, marks: Sequence[Found] | None = ()
) -> SwitchReading:
    """Decide what the switch ``run_id`` reads as.

    Args:
        run_id: the run, or ``_global``.
        state: what lies at ``<run_id>.state.json``.
        events: what lies at ``<run_id>.events.jsonl``.
        index: what the index says.
        now: stamps beyond it are from the future.
        marks: the trip marks of the switch, listed before everything else was looked at; None when they could not be.
    """
    record, doubts = _read_state(run_id, state, now)
    history, head, broken = _read_events(run_id, events, now)
    doubts += broken
    entry = index.entries.get(run_id)
    is_known = not (state.is_absent and events.is_absent and entry is None)
    if is_known and not doubts:
        doubts += _disagreements(state, events, record, history, head, entry)
    unlisted = ("the switches' directory cannot be listed",) if marks is None else ()
    everything = tuple(dict.fromkeys((*index.doubts, *unlisted, *doubts)))
    trips = {mark.name: _told(mark, run_id) for mark in marks or ()}
    since = _since(run_id, record, marks or ())
    calm: State = "absent" if record is None else record["state"]
    is_calm = not (everything or trips)
    return SwitchReading(
        run_id, calm if is_calm else "active", everything, record, head, not broken, trips, since=since
    )


def _told(mark: Found, run_id: str) -> str:
    document, doubts = parsed(mark, checked_mark)
    if document is None or document["run_id"] != run_id:
        return f"{run_id} activated, which {mark.name} alone records{f' ({doubts[0]})' if doubts else ''}"
    return f"{run_id} activated by {document['actor']}, which {mark.name} alone records: {document['reason']}"


def _since(run_id: str, record: Mapping[str, Any] | None, marks: Sequence[Found]) -> str | None:
    """Return when the switch was activated, by its state, or by the marks of activations that are under way."""
    if record is not None and record["state"] == "active":
        return str(record["active_since_utc"])
    read = (parsed(mark, checked_mark)[0] for mark in marks)
    stamps = [document["ts_utc"] for document in read if document is not None and document["run_id"] == run_id]
    return min(stamps, key=moment_of, default=None)


def _read_state(run_id: str, found: Found, now: datetime) -> tuple[Mapping[str, Any] | None, list[str]]:
    document, doubts = parsed(found, checked_state)
    if document is None:
        return None, doubts
    if document["run_id"] != run_id:
        return None, [f"{found.name} is of another run ({document['run_id']})"]
    stamps = [document[name] for name in ("updated_at_utc", "active_since_utc", "cleared_at_utc") if document[name]]
    if any(moment_of(stamp) > now + TOLERANCE for stamp in stamps):
        return None, [f"{found.name} is from the future"]
    if any(moment_of(stamp) > moment_of(document["updated_at_utc"]) + TOLERANCE for stamp in stamps):
        return None, [f"{found.name} has times in an order that cannot be"]
    return document, []


def parsed(found: Found, check: Callable[[Mapping[str, Any]], None]) -> tuple[dict[str, Any] | None, list[str]]:
    """Return the JSON object that ``check`` accepts, or None and why not; nothing at all is no reason."""
    if found.content is None:
        return None, [f"{found.name} {found.trouble}"] if found.trouble else []
    try:
        document = strict_object(found.content)
        check(document)
    except ValueError as error:
        return None, [f"{found.name} {error}"]
    if not found.content.endswith(b"\n"):
        return None, [f"{found.name} is cut short by its closing newline"]
    return document, []


def parsed_lines(
    found: Found, check: Callable[[Mapping[str, Any]], None], *, may_be_torn: bool = False
) -> tuple[list[dict[str, Any]], Head, list[str]]:
    """Return the lines of a chained file without their chain fields, its head, and the first thing that is wrong.

    Each line must be byte for byte what the lab writes, so that a key twice, a NaN or a space shows.

    Args:
        found: the file.
        check: refuses a line's fields.
        may_be_torn: whether an unfinished last line is fine.
    """
    if found.content is None:
        return [], _NO_EVENTS, [f"{found.name} {found.trouble}"] if found.trouble else []
    *lines, torn = found.content.split(b"\n")
    if torn and not may_be_torn:
        return [], _NO_EVENTS, [f"{found.name} ends in an unfinished line of {len(torn)} bytes"]
    chain = read_chain(b"".join(line + b"\n" for line in lines))
    if chain.problems:
        return [], chain.head, [f"{found.name} {chain.problems[0]}"]
    events = []
    for number, (event, line) in enumerate(zip(chain.events, lines, strict=True), 1):
        fields = {name: value for name, value in event.items() if name not in CHAIN}
        try:
            if compact_json(event).encode() != line or type(event["seq"]) is not int:
                raise ValueError("is not what the lab writes")  # noqa: TRY301 - told like the others
            check(fields)
        except ValueError as error:
            return [], chain.head, [f"{found.name} line {number} {error}"]
        events.append(fields)
    return events, chain.head, []


def _read_events(run_id: str, found: Found, now: datetime) -> tuple[list[dict[str, Any]], Head, list[str]]:
    events, head, doubts = parsed_lines(found, checked_event)
    if not doubts and not found.is_absent:
        doubts = [f"{found.name} {what}" for what in _event_doubts(run_id, events, now)]
    return events, head, doubts


def _event_doubts(run_id: str, events: list[dict[str, Any]], now: datetime) -> list[str]:
    if not events:
        return ["is empty"]
    if strangers := [event["run_id"] for event in events if event["run_id"] != run_id]:
        return [f"holds an event of another run ({strangers[0]})"]
    if len({event["event_id"] for event in events}) != len(events):
        return ["holds an event twice"]
    moments = [moment_of(event["ts_utc"]) for event in events]
    if max(moments) > now + TOLERANCE:
        return ["is from the future"]
    if any(later < earlier - TOLERANCE for earlier, later in pairwise(moments)):
        return ["goes back in time"]
    for before, event in pairwise(events):
        # An activation that had doubts says what the switch read as, which is not what the event before it left.
        if not event.get("doubts") and event["previous_state"] != before["new_state"]:
            return [f"goes on from {event['previous_state']} where it stood at {before['new_state']}"]
    return []


def _disagreements(
    state: Found,
    events: Found,
    record: Mapping[str, Any] | None,
    history: list[dict[str, Any]],
    head: Head,
    entry: Mapping[str, Any] | None,
) -> list[str]:
    if record is None:
        return [f"{state.name} is missing though the switch existed"]
    if not history:
        return [f"{events.name} is missing though the switch existed"]
    last = history[-1]
    fields = {"last_event_id": "event_id", "updated_at_utc": "ts_utc", "last_reason": "reason", "last_actor": "actor"}
    if record["state"] != last["new_state"] or any(record[name] != last[source] for name, source in fields.items()):
        return [f"{state.name} disagrees with the latest event"]
    if entry is None:
        return ["the index does not name the switch"]
    if entry["event"] != "switch_changed":
        return ["the switch was adopted when the index was lost: nobody cleared it since"]
    if (entry["events_lines"], entry["events_sha256"]) != (head.lines, head.sha256):
        return [f"{events.name} is not as the index knows it"]
    if (entry["event_id"], entry["new_state"]) != (last["event_id"], last["new_state"]):
        return ["the index disagrees with the latest event"]
    return []
