"""Pulls of a kill switch, and who acknowledged each: clearing the switch, by name and with a reason.

Made of the events that the switch and its run's journal hold (``kill_activated``, ``kill_cleared``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opslab.clock import from_stamp
from opslab.contract.switch_rules import checked_event
from opslab.errors import one_line
from opslab.safety.layout import EVENTS_SUFFIX, LARGEST_JOURNAL, look
from opslab.safety.reading import parsed_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from opslab.safety.gate import GateDecision

ACTIVATED, CLEARED = "kill_activated", "kill_cleared"


@dataclass(frozen=True)
class Pull:
    """One pull.

    Attributes:
        at: when, UTC, as it is written.
        actor: who, or which program.
        reason: why.
        acknowledged_at: when it was cleared; None: it stands unacknowledged.
        acknowledged_by: who cleared it.
        acknowledged_for: the reason of that.
    """

    at: str
    actor: str
    reason: str
    acknowledged_at: str | None = None
    acknowledged_by: str | None = None
    acknowledged_for: str | None = None

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody cleared it."""
        return self.acknowledged_at is not None

    @property
    def told(self) -> str:
        """Who acknowledged it, in a line."""
        if not self.is_acknowledged:
            return "not acknowledged"
        return f"acknowledged by {self.acknowledged_by} at {self.acknowledged_at}: {self.acknowledged_for}"


def pulls_of(events: Iterable[Mapping[str, Any]]) -> tuple[Pull, ...]:
    """Return the pulls that events tell of, in order; a clear acknowledges every pull before it.

    Args:
        events: in order; those of other names are passed over, and one that is told twice counts once.
    """
    pulls, seen = list[Pull](), set[str]()
    for event in events:
        name, number = event.get("event"), str(event.get("event_id"))
        if name not in (ACTIVATED, CLEARED) or number in seen:
            continue
        seen.add(number)
        at, actor, reason = (str(event.get(field) or "") for field in ("ts_utc", "actor", "reason"))
        if name == ACTIVATED:
            pulls.append(Pull(at, actor, reason))
            continue
        words = {"acknowledged_at": at, "acknowledged_by": actor, "acknowledged_for": reason}
        pulls = [pull if pull.is_acknowledged else replace(pull, **words) for pull in pulls]
    return tuple(pulls)


def stands_for(record: Mapping[str, Any] | None, now: datetime) -> float | None:
    """Return for how many seconds a switch has stood active without an acknowledgement.

    Args:
        record: its state, if that is sound.
        now: the time.

    Returns:
        None when the switch is not active, or when nobody can tell since when.
    """
    since = record.get("active_since_utc") if record and record.get("state") == "active" else None
    return None if since is None else max(0.0, (now - from_stamp(since)).total_seconds())


def in_words(seconds: float) -> str:
    """Return a length of time in its two largest units: ``3d 4h``, ``12m 5s``."""
    left, parts = int(seconds), list[str]()
    for unit, length in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        count, left = divmod(left, length)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def pulls_in(root: Path, decision: GateDecision) -> tuple[Pull, ...]:
    """Return the pulls of the switch that decided, as its events tell; nothing of events that are not sound.

    Args:
        root: the switches' directory that was asked.
        decision: what the gate said of them.
    """
    decided = decision.decided_by
    place = Path(decided.elsewhere) if decided.elsewhere else root
    events, _, _ = parsed_lines(look(place / f"{decided.run_id}{EVENTS_SUFFIX}", LARGEST_JOURNAL), checked_event)
    return pulls_of(events)


def pull_facts(decision: GateDecision, pulls: tuple[Pull, ...], now: datetime) -> dict[str, Any]:
    """Return what ``shown`` says, for programs.

    Args:
        decision: what the gate said.
        pulls: those of the switch that decided.
        now: the time.

    Returns:
        ``unacknowledged_for`` in seconds (None: nobody can tell, or nothing stands so) and ``acknowledged``, the last
        pull's ``by``, ``at``, ``reason``, ``pulled_by``, ``pulled_at`` and ``pulled_for`` (None: nobody did).
    """
    if decision.state == "active":
        return {"unacknowledged_for": stands_for(decision.decided_by.record, now), "acknowledged": None}
    if not pulls or not pulls[-1].is_acknowledged:
        return {"unacknowledged_for": None, "acknowledged": None}
    last = pulls[-1]
    told = {"by": last.acknowledged_by, "at": last.acknowledged_at, "reason": last.acknowledged_for}
    pulled = {"pulled_by": last.actor, "pulled_at": last.at, "pulled_for": last.reason}
    return {"unacknowledged_for": None, "acknowledged": told | pulled}


def shown(decision: GateDecision, pulls: tuple[Pull, ...], now: datetime) -> list[str]:
    """Return the lines in which a status says whether a pull stands unacknowledged, or who acknowledged the last one.

    Args:
        decision: what the gate said.
        pulls: those of the switch that decided.
        now: the time.
    """
    if decision.state == "active":
        seconds = stands_for(decision.decided_by.record, now)
        return [f"unacknowledged_for={'unknown' if seconds is None else in_words(seconds)}"]
    if not pulls or not pulls[-1].is_acknowledged:
        return []
    last = pulls[-1]
    why = f"by {last.acknowledged_by} at {last.acknowledged_at}: {last.acknowledged_for}"
    return [f"acknowledged={one_line(f'{why} (pulled by {last.actor} at {last.at}: {last.reason})')}"]
