"""What is rendered of containments: the report's section, the run's numbers, and what was left at the venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.report.plain_text import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opslab.store.reader import Bundle

BEGAN, ENDED, STOPPED = "containment_began", "containment_ended", "strategy_stopped"
_ENDS = ("paper_completed", "run_failed")
_SHOWN = 5


def left_line(bundle: Bundle) -> str | None:
    """Return in a line what a run left at its venue; None for a run whose venue was not asked."""
    left = _left(bundle)
    return None if left is None else _told(left)


def containment_section(bundle: Bundle) -> str:
    """Return the section ``Containment`` of a paper run; nothing when nothing was contained and nobody asked."""
    rows = [event for event in bundle.journal if event["event"] in (BEGAN, ENDED, STOPPED)]
    left = left_line(bundle)
    if not rows and left is None:
        return ""
    parts = ["## Containment"]
    if rows:
        lines = "\n".join(f"| {row['ts_utc']} | {_what(row)} |" for row in rows)
        parts.append(f"| time (UTC) | what |\n|---|---|\n{lines}")
    if left is not None:
        parts.append(f"Left at the venue when the run ended: {plain(left)}.")
    return "\n\n".join(parts)


def containment_metrics(journal: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the numbers of a run's last containment, and when its pull was noticed first; nothing where none ended.

    Args:
        journal: the run's events, in order.
    """
    began = [event for event in journal if event["event"] == BEGAN]
    ended = [event for event in journal if event["event"] == ENDED]
    if not began or not ended:
        return {}
    # Whoever empties the venue once more, from outside or as the node stops, noticed nothing.
    noticed = [event["detect_ms"] for event in began if event.get("detect_ms") is not None]
    return {
        "containment_flat": ended[-1]["is_flat"],
        "containment_detect_ms": noticed[-1] if noticed else None,
        "containment_contain_ms": ended[-1].get("contain_ms"),
        "containment_flat_ms": ended[-1].get("flat_ms"),
    }


def _what(event: Mapping[str, Any]) -> str:
    if event["event"] == STOPPED:
        return f"strategy {plain(event['strategy'])} stopped: {plain(event['detail'])}"
    if event["event"] == BEGAN:
        detect_ms = event.get("detect_ms")
        noticed = "" if detect_ms is None else f", noticed after {detect_ms:g} ms"
        again = f" again, attempt {event['attempt']}" if event.get("attempt", 1) > 1 else ""
        return f"began{again} ({event['source']}): {plain(event['cause'])}{noticed}"
    counts = f"{event.get('orders_cancelled', 0)} orders cancelled, {event.get('positions_closed', 0)} positions closed"
    if event["is_flat"]:
        after = "" if event.get("flat_ms") is None else f" after {event['flat_ms']:g} ms"
        return f"**flat**{after}: {counts}"
    unknown = "".join(f"; unknown: {plain(what)}" for what in event.get("unknown", ())[:_SHOWN])
    return f"**not flat**: {counts}; left: {plain(_told(event.get('left', {})))}{unknown}"


def _left(bundle: Bundle) -> dict[str, Any] | None:
    ended = [event for event in bundle.journal if event["event"] in _ENDS]
    found: dict[str, Any] | None = ended[-1].get("left") if ended else None
    return found


def _told(left: Mapping[str, Any]) -> str:
    orders = list(left.get("orders", ()))
    parts = [f"order {name}" for name in orders[:_SHOWN]]
    if len(orders) > _SHOWN:
        parts.append(f"{len(orders) - _SHOWN} more orders")
    parts += [f"{amount} {name}" for name, amount in left.get("positions", {}).items()]
    return ", ".join(parts) or "nothing"
