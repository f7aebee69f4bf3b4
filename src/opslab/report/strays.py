"""What is rendered of threads and processes that a run left: a line for people, and the report's section."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.report.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opslab.store.reader import Bundle

_SHOWN = 5


def strays_line(bundle: Bundle) -> str | None:
    """Return in a line what a run left running; None when it left nothing."""
    told = [part for event in _events(bundle) for part in _parts(event)]
    more = [f"{len(told) - _SHOWN} more"] if len(told) > _SHOWN else []
    return ", ".join([*told[:_SHOWN], *more]) or None


def strays_section(bundle: Bundle) -> str:
    """Return the section ``Left Running``; nothing for a run that left nothing."""
    told = [part for event in _events(bundle) for part in _parts(event)]
    rows = "\n".join(f"- {plain(part)}" for part in told)
    head = "## Left Running\n\nStarted by a strategy, and still there when its node was gone:"
    return f"{head}\n\n{rows}" if rows else ""


def _events(bundle: Bundle) -> list[Mapping[str, Any]]:
    return [event for event in bundle.journal if event["event"] == "strays_found"]


def _parts(event: Mapping[str, Any]) -> Iterator[str]:
    for thread in event.get("threads", ()):
        facts = {"started": thread.get("started_at"), "stands": thread.get("stands_at")}
        known = ", ".join(f"{what} at {place}" for what, place in facts.items() if place)
        yield f"thread {thread['name']}" + (f" ({known})" if known else "")
    for process in event.get("processes", ()):
        left = "not ended" if event.get("is_own") else "left alone"
        ended = f"ended by {process['ended_by']}" if process.get("ended_by") else left
        yield f"process {process['pid']} {process['command']} ({ended})"
    if event.get("unknown"):
        yield f"processes are not known: {event['unknown']}"
