"""The picture of a drill's timeline as numbers: when each phase, fault and check was, in per cent of the whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslab.clock import from_stamp
from opslab.contract.drill import Phase
from opslab.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opslab.contract.drill import FaultRecord, PhaseTiming

LEAST = 0.4
"""Per cent that the shortest bar is wide, so that it can be seen."""
LABELLED = 9.0
"""Per cent from which on a bar can hold its name."""
LANES = 4
"""So many faults are drawn; a drill with more says so in its table."""


@dataclass(frozen=True)
class Bar:
    """A stretch of time.

    Attributes:
        name: what it was.
        kind: the phase, or ``fault``.
        x: where it begins, in per cent.
        width: in per cent.
        seconds: how long it took.
        is_labelled: whether its name fits into it.
    """

    name: str
    kind: str
    x: float
    width: float
    seconds: float
    is_labelled: bool


@dataclass(frozen=True)
class Mark:
    """A check that was asked.

    Attributes:
        x: when, in per cent.
        result: ``pass``, ``fail`` or ``unknown``.
        text: the check, its result and its code.
    """

    x: float
    result: str
    text: str


@dataclass(frozen=True)
class Picture:
    """Everything that is drawn.

    Attributes:
        seconds: from the first phase's begin to the end of what is drawn.
        phases: in order.
        faults: the first few, one below the other.
        marks: the checks.
    """

    seconds: float
    phases: tuple[Bar, ...]
    faults: tuple[Bar, ...]
    marks: tuple[Mark, ...]


type Span = tuple[str, float, float]
"""A name, and when it began and ended, in seconds."""


def drawn(
    phases: Sequence[PhaseTiming], faults: Sequence[FaultRecord], events: Iterable[Mapping[str, Any]]
) -> Picture | None:
    """Return the picture of a drill; None if no phase was entered.

    Args:
        phases: the phases as the drill's report has them.
        faults: its faults.
        events: its journal, for the moments of its checks.
    """
    if not phases:
        return None
    zero = min(_seconds(timing.started_at_utc) for timing in phases)
    spans = [_after(timing.phase.value, _seconds(timing.started_at_utc) - zero, timing.seconds) for timing in phases]
    end = max(end for _, _, end in spans)
    broken = [
        (fault.fault, _seconds(fault.injected_at_utc) - zero, _seconds(fault.healed_at_utc or "") - zero)
        if fault.healed_at_utc
        else (fault.fault, _seconds(fault.injected_at_utc) - zero, end)
        for fault in faults
    ]
    end = max([end, *(last for _, _, last in broken)])
    return _scaled(spans, broken, [mark for event in events for mark in _asked(event, zero)], end)


def sketched(phases: Mapping[str, float]) -> Picture | None:
    """Return what can be drawn without a report: the phases one after the other; None without any.

    Args:
        phases: seconds by phase, as the session's record has them.
    """
    order = [phase.value for phase in Phase]
    spans: list[Span] = []
    for name in sorted(phases, key=lambda name: order.index(name) if name in order else len(order)):
        spans.append(_after(name, spans[-1][2] if spans else 0.0, phases[name]))
    return _scaled(spans, [], [], spans[-1][2]) if spans else None


def _after(name: str, start: float, seconds: float) -> Span:
    return name, start, start + max(seconds, 0.0)


def _scaled(spans: list[Span], broken: list[Span], asked: list[tuple[float, str, str]], end: float) -> Picture:
    whole = end if end > 0 else 1.0
    known = {phase.value for phase in Phase}
    return Picture(
        seconds=end,
        phases=tuple(_bar(span, span[0] if span[0] in known else "other", whole) for span in spans),
        faults=tuple(_bar(span, "fault", whole) for span in broken[:LANES]),
        marks=tuple(Mark(_inside(at / whole * 100, 0), result, text) for at, result, text in asked),
    )


def _bar(span: Span, kind: str, whole: float) -> Bar:
    name, start, end = span
    width = min(max((end - start) / whole * 100, LEAST), 100.0)
    is_labelled = width > max(LABELLED, len(name) * 1.2)
    return Bar(one_line(name, 80), kind, _inside(start / whole * 100, width), width, max(end - start, 0.0), is_labelled)


def _inside(x: float, width: float) -> float:
    return min(max(x, 0.0), 100.0 - width)


def _asked(event: Mapping[str, Any], zero: float) -> list[tuple[float, str, str]]:
    if event.get("event") != "check_evaluated":
        return []
    try:
        at = _seconds(str(event.get("ts_utc"))) - zero
    except (ValueError, OverflowError):
        return []
    result = str(event.get("result"))
    text = f"{event.get('check')}: {result} {event.get('code') or ''}".strip()
    return [(at, result if result in {"pass", "fail"} else "unknown", one_line(text, 160))]


def _seconds(stamp: str) -> float:
    return from_stamp(stamp).timestamp()
