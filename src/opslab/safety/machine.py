"""The state machine: which event a command makes, and which state the event leaves. Pure."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any, Literal

from opslab.clock import to_stamp
from opslab.errors import OpsLabError, one_line

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from opslab.safety.change import Words
    from opslab.safety.reading import SwitchReading

Command = Literal["kill_activated", "kill_cleared"]

LONGEST_TEXT = 4000
"""Characters of a reason or an actor that are kept: an activation is not refused for being wordy."""

MOST_DOUBTS = 8

_BLANK_LETTERS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0"
"""What Unicode calls letters, marks or symbols, and shows as nothing."""


def event_of(command: Command, reading: SwitchReading, event_id: str, words: Words, now: datetime) -> dict[str, Any]:
    """Return the event of ``command`` on a switch that reads as ``reading``: the contract's fields, and its doubts.

    An earlier activation that was cut short is told among the doubts: nothing else will record it.
    """
    event = {
        "schema_version": "v1",
        "event": command,
        "event_id": event_id,
        "ts_utc": to_stamp(now),
        "run_id": reading.run_id,
        **words._asdict(),
        "previous_state": reading.state,
        "new_state": "active" if command == "kill_activated" else "cleared",
    }
    doubts = [one_line(doubt, 200) for doubt in (*reading.doubts, *reading.trips.values())[:MOST_DOUBTS]]
    return {**event, "doubts": doubts} if doubts else event


def state_after(reading: SwitchReading, event: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state that ``event`` leaves.

    An activation of an active switch keeps ``active_since_utc``; clearing keeps it too.
    """
    record, now = reading.record, event["ts_utc"]
    since = record["active_since_utc"] if record else None
    is_active = event["new_state"] == "active"
    if is_active and not (record and record["state"] == "active"):
        since = now
    return {
        "schema_version": "v1",
        "run_id": event["run_id"],
        "state": event["new_state"],
        "updated_at_utc": now,
        "last_event_id": event["event_id"],
        "last_reason": event["reason"],
        "last_actor": event["actor"],
        "active_since_utc": since,
        "cleared_at_utc": None if is_active else now,
    }


def said(words: str, noun: str) -> str:
    """Return what a person said, trimmed, writable and not endless.

    Raises:
        OpsLabError: it is blank, or made of characters that nobody sees.
    """
    kept = words.encode("utf-8", "backslashreplace").decode().strip()
    if not any(_shows(letter) for letter in kept):
        raise OpsLabError(f"the {noun} is blank", fix=f"say it with --{noun}")
    return kept if len(kept) <= LONGEST_TEXT else kept[: LONGEST_TEXT - 1] + "…"


def _shows(letter: str) -> bool:
    return unicodedata.category(letter)[0] not in "CZ" and letter not in _BLANK_LETTERS
