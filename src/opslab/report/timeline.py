"""The timeline of ``report.md``: what happened in a run and when, one row for each step; the journal holds the rest.

Checks that held and repeated events are counted instead of listed, so that the table stays readable.
"""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from opslab.clock import from_stamp
from opslab.contract.drill import Result
from opslab.report.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from opslab.store.reader import Bundle

    type Happened = Mapping[str, Any]

MOST_ROWS = 200
"""A longer table is cut in its middle."""
KEPT_AT_END = 50
_MOMENTS = ("error", "note", "drill_name", "phase", "outcome", "result", "reason", "detail")
_LEFT_OUT = "(left out)"


class Row(NamedTuple):
    """One row of the table.

    Attributes:
        at: ms since the run's first event; None where the time cannot be read.
        what: the event, in few words.
        took: ms, of what lasts.
        detail: what is worth knowing of it.
    """

    at: float | None
    what: str
    took: float | None = None
    detail: str = ""


def timeline_section(bundle: Bundle) -> str:
    """Return the section ``Timeline`` of ``report.md``; a pure function of the journal, later events included."""
    events = bundle.journal
    rows = _shortened(rows_of(events))
    lines = [f"| {_ms(row.at)} | {plain(row.what)} | {_ms(row.took)} | {plain(row.detail)} |" for row in rows]
    since = plain(events[0].get("ts_utc")) if events else "none"
    table = "\n".join(["| ms | event | took ms | |", "|---:|---|---:|---|", *lines])
    return (
        f"## Timeline\n\nThe times count from {since}; every event is in `journal.jsonl` and `post.jsonl`.\n\n{table}"
    )


def rows_of(events: Sequence[Happened]) -> list[Row]:
    """Return the rows of a journal's events, in order."""
    zero = _moment(events[0]) if events else None
    timed = [(event, _elapsed(zero, _moment(event))) for event in events]
    ends = _ends(timed)
    rows: list[Row] = []
    for _, group in groupby(enumerate(timed), key=lambda numbered: _kind(numbered[1][0])):
        gathered = list(group)
        number, (_, at) = gathered[0]
        what, detail = _told([event for _, (event, _) in gathered])
        rows.append(Row(at, what, _between(at, ends.get(number)), detail))
    return rows


def _kind(event: Happened) -> tuple[object, ...]:
    """Return what makes neighbours one row: checks that held, heartbeats, and events of which the same is told."""
    name = str(event.get("event"))
    if name == "paper_heartbeat" or _has_held(event):
        return (name,)
    if name == "drill_phase_entered" or name in _LASTING:
        return (name, event.get("seq"))
    return (name, *_tell(event))


def _has_held(event: Happened) -> bool:
    return event.get("event") == "check_evaluated" and event.get("result") == Result.PASS


def _told(events: Sequence[Happened]) -> tuple[str, str]:
    """Return what is told of neighbours of one kind."""
    count = len(events)
    if _has_held(events[0]):
        names = dict.fromkeys(str(event.get("check")) for event in events)
        return f"{count} check{'s' if count > 1 else ''} held", ", ".join(names)
    what, detail = _tell(events[-1])
    is_counted = count > 1 and events[0].get("event") != "paper_heartbeat"
    return f"{what} ({count} times)" if is_counted else what, detail


def _ends(timed: Sequence[tuple[Happened, float | None]]) -> dict[int, float | None]:
    """Return when what lasts ended, by the number of the event that began it: phases, faults, containments."""
    ends: dict[int, float | None] = {}
    phases: dict[object, int] = {}
    opened: dict[tuple[str, object], int] = {}
    for number, (event, at) in enumerate(timed):
        name, drill = str(event.get("event")), str(event.get("drill_name"))
        if drill in phases and name != "failure_drill_executed":
            ends[phases[drill]] = at
        if name == "drill_phase_entered":
            phases[drill] = number
        elif name in _LASTING:
            opened[_LASTING[name], _subject(event)] = number
        elif (begun := opened.pop((name, _subject(event)), None)) is not None:
            ends[begun] = at
    return ends


_LASTING = {
    "fault_injected": "fault_healed",
    "containment_began": "containment_ended",
    "backtest_started": "backtest_completed",
    "paper_started": "paper_completed",
    "node_started": "node_ended",
}
"""What begins something, and what ends it."""


def _subject(event: Happened) -> str:
    return str(event.get("fault") or event.get("number"))


def _tell(event: Happened) -> tuple[str, str]:
    """Return an event's name in the table, and its detail."""
    name = str(event.get("event"))
    if name in _TELLERS:
        return _TELLERS[name](event)
    return name, ", ".join(str(event[key]) for key in _MOMENTS if event.get(key))


def _check(event: Happened) -> tuple[str, str]:
    said = " ".join(str(event[key]) for key in ("code", "details") if event.get(key))
    return f"check {event.get('check')}: {event.get('result')}", said


def _views(event: Happened) -> tuple[str, str]:
    return f"views taken: {event.get('phase')}", "the three agree" if event.get("agree") else "**they differ**"


def _healed(event: Happened) -> tuple[str, str]:
    return "fault ends", f"{event.get('fault')}{'' if event.get('fired') else ' (never took effect)'}"


def _contained(event: Happened) -> tuple[str, str]:
    keys = ("orders_cancelled", "positions_closed", "contain_ms", "flat_ms")
    facts = ", ".join(f"{key} {event[key]}" for key in keys if event.get(key) is not None)
    return "containment ends", f"{'flat' if event.get('is_flat') else '**not flat**'}, {facts}"


def _differed(event: Happened) -> tuple[str, str]:
    if event.get("agree"):
        return "views agree again", f"differed for {event.get('since_ms')} ms"
    return "views differ", f"{event.get('differences_total')} differences"


def _node_ended(event: Happened) -> tuple[str, str]:
    how = event.get("signal") if event.get("how") == "signal" else event.get("exit_code")
    return f"node {event.get('number')} ended", f"{event.get('how')} {how}"


def _reconciled(event: Happened) -> tuple[str, str]:
    source = f"{event['source']}: " if event.get("source") else ""
    return "reconciliation checked", f"{source}{event.get('status')}"


_TELLERS: dict[str, Callable[[Happened], tuple[str, str]]] = {
    "drill_phase_entered": lambda event: (f"phase {event.get('phase')}", f"drill {event.get('drill_name')}"),
    "check_evaluated": _check,
    "fault_injected": lambda event: ("fault begins", str(event.get("fault"))),
    "fault_healed": _healed,
    "fact_recorded": lambda event: ("fact recorded", str(event.get("name"))),
    "views_taken": _views,
    "views_differed": _differed,
    "reconciliation_checked": _reconciled,
    "paper_heartbeat": lambda event: (
        "heartbeats",
        f"{event.get('heartbeat_index')} of {event.get('heartbeat_total')} told",
    ),
    "paper_safety_checked": lambda event: (
        "gate asked",
        f"{event.get('lifecycle_outcome')}, kill switch {event.get('kill_switch_state')}",
    ),
    "containment_began": lambda event: ("containment begins", f"{event.get('source')}: {event.get('cause')}"),
    "containment_ended": _contained,
    "strategy_stopped": lambda event: (f"strategy {event.get('strategy')} stopped", str(event.get("detail"))),
    "trigger_fired": lambda event: (f"trigger {event.get('trigger')}", str(event.get("detail"))),
    "guard_acted": lambda event: (f"guard {event.get('guard')}: {event.get('action')}", str(event.get("detail"))),
    "node_started": lambda event: (f"node {event.get('number')} started", ""),
    "node_ended": _node_ended,
}


def _shortened(rows: list[Row]) -> list[Row]:
    if len(rows) <= MOST_ROWS:
        return rows
    first = MOST_ROWS - KEPT_AT_END - 1
    cut = Row(None, _LEFT_OUT, None, f"{len(rows) - MOST_ROWS + 1} rows")
    return [*rows[:first], cut, *rows[-KEPT_AT_END:]]


def _moment(event: Happened) -> datetime | None:
    try:
        return from_stamp(str(event.get("ts_utc")))
    except (ValueError, OverflowError):
        return None


def _elapsed(zero: datetime | None, moment: datetime | None) -> float | None:
    return None if zero is None or moment is None else (moment - zero).total_seconds() * 1000


def _between(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


def _ms(value: float | None) -> str:
    """Return milliseconds with the digits that matter: one below ten."""
    if value is None:
        return ""
    return f"{value:.1f}" if abs(value) < 10 else f"{value:.0f}"  # noqa: PLR2004 - digits for people
