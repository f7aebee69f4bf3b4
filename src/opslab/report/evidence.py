"""``backtest_vs_paper_evidence.md``: a comparison for people. A pure rendering of the JSON beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.report.plain_text import bullets, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opslab.contract.evidence import Evidence, StreamOfSide

SHOWN = 50
"""How many differences a page shows; the JSON lists more."""

_DISCLAIMER = """## Disclaimer

This compares how two runs operated, on recorded or synthetic data. It claims nothing about profit, alpha or returns."""


def render_evidence(found: Evidence) -> bytes:
    """Return the page of a comparison."""
    sections = [
        _summary(found),
        _modes(found),
        _fields(found),
        _differences(found),
        _timings(found),
        _presence(found),
        _journals(found),
        _states(found),
        _named("Known gaps", found.known_gaps),
        _named("Non-goals", found.non_goals),
        "## Notes\n\n" + ("\n".join(f"- {plain(note)}" for note in found.notes) or "none"),
        _DISCLAIMER,
    ]
    return ("\n\n".join(section for section in sections if section) + "\n").encode()


def _summary(found: Evidence) -> str:
    pairs = [
        ("comparison_status", found.comparison_status),
        ("backtest_run_id", found.backtest_run_id),
        ("paper_run_id", found.paper_run_id),
        ("differences", found.differences_total),
        ("unexplained", found.unexplained_total),
        *_orders(found),
        ("created_at_utc", found.created_at_utc),
    ]
    title = f"# Backtest and paper run: {plain(found.backtest_run_id)}, {plain(found.paper_run_id)}"
    return f"{title}\n\n## Summary\n\n{bullets(pairs)}"


def _modes(found: Evidence) -> str:
    first, second = found.mode_summary.backtest, found.mode_summary.paper
    rows = [(name, first.get(name, ""), second.get(name, "")) for name in sorted({*first, *second})]
    return "## Mode summary\n\n" + _table(("", "backtest", "paper"), rows)


def _fields(found: Evidence) -> str:
    rows = [
        (one.area, one.backtest, one.paper, one.comparable, "" if one.match is None else one.match, one.note)
        for one in found.compared_fields
    ]
    return "## Compared fields\n\n" + _table(("area", "backtest", "paper", "comparable", "match", "note"), rows)


def _differences(found: Evidence) -> str:
    if found.event_streams is None:
        return ""
    streams = [(name, *_of_stream(found.event_streams.get(name))) for name in ("backtest", "paper")]
    told = "## Event streams\n\n" + _table(("side", "events", "orders", "fills", "position at the end"), streams)
    if found.not_compared:
        return f"{told}\n\nThe orders, their fills and their ends were not compared: {plain(found.not_compared)}."
    if not found.differences:
        return f"{told}\n\nThe orders, their fills and their ends are the same."
    rows = [
        (one.order or "", one.kind, _shown(one.backtest), _shown(one.paper), one.cause, one.note)
        for one in found.differences[:SHOWN]
    ]
    shown = f"{len(rows)} of {found.differences_total} differences" if found.differences_total > len(rows) else ""
    table = _table(("order", "differs", "backtest", "paper", "cause", "note"), rows)
    return "\n\n".join(part for part in (told, table, shown) if part)


def _of_stream(stream: StreamOfSide | None) -> tuple[object, object, object, object]:
    if stream is None:
        return ("no event stream", "none", "none", "none")
    held = ", ".join(f"{symbol} {amount}" for symbol, amount in stream.positions.items())
    return (stream.events, stream.orders, stream.fills, held or "flat")


def _orders(found: Evidence) -> list[tuple[str, object]]:
    """Return how many orders stand in both streams; none is said in so many words."""
    if found.event_streams is None:
        return []
    if found.not_compared:
        return [("orders compared", f"none: {found.not_compared}")]
    both = min((one.orders for one in found.event_streams.values()), default=0)
    return [("orders compared", both or "none: one of the runs made none")]


def _timings(found: Evidence) -> str:
    if found.timings is None:
        return ""
    first, second = found.timings.backtest, found.timings.paper
    rows = [(name, _told(first.get(name)), _told(second.get(name))) for name in sorted({*first, *second})]
    return "## Timings\n\nTold, not judged.\n\n" + _table(("", "backtest", "paper"), rows)


def _told(value: object) -> object:
    return "" if value is None else value


def _presence(found: Evidence) -> str:
    first, second = found.artifact_presence.backtest, found.artifact_presence.paper
    return "## Artifact presence\n\n" + _table(
        ("artifact", "backtest", "paper"), [(name, first[name], second.get(name)) for name in sorted(first)]
    )


def _journals(found: Evidence) -> str:
    summary = found.journal_summary
    pairs = [
        ("backtest events", summary.backtest.event_total),
        ("paper events", summary.paper.event_total),
        ("in both", ", ".join(summary.shared_events) or "none"),
    ]
    return f"## Journal summary\n\n{bullets(pairs)}"


def _states(found: Evidence) -> str:
    pairs = [*found.safety_summary, *found.connectivity_summary]
    return f"## Safety and connectivity\n\n{bullets(pairs)}"


def _named(title: str, items: Iterable[Any]) -> str:
    return f"## {title}\n\n" + (bullets((item.id, item.description) for item in items) or "none")


def _shown(value: object) -> object:
    """Return a value for a cell; of an order what it says."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {item}" for name, item in sorted(value.items()) if item not in (None, False))
    return value


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(plain(cell) if cell != '' else '' for cell in row)} |" for row in rows]
    return "\n".join(lines)
