"""Tells a run that its switch changed: in its journal while it lives, in ``post.jsonl`` once it is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.errors import OpsLabError
from opslab.root import confined
from opslab.store import layout
from opslab.store.adding import add, held_directory
from opslab.store.regular import MISSING, trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.root import Lab

WAIT_SECONDS = 15.0
"""How long to wait for somebody else who adds to the run; the run is then told without it, and not rendered again."""


def tell_run(
    lab: Lab,
    run_id: str,
    event: Mapping[str, Any],
    clock: Clock,
    render: Callable[[Path], None] = lambda _bundle: None,
) -> str | None:
    """Add a kill event to what a run recorded, if the run exists; the switch itself is durable by then.

    Args:
        lab: where the runs are.
        run_id: the run.
        event: the kill event.
        clock: stamps repairs of a journal.
        render: renders what follows from ``post.jsonl``; called under the bundle's lock, for sealed runs only.

    Returns:
        What went wrong; None when nothing did. It never raises: the artifact disk may be full.
    """
    try:
        bundle = confined(lab.runs, run_id)
        if not _has_record(bundle):
            return None
        with held_directory(bundle, WAIT_SECONDS) as is_alone:
            told_in = add(bundle, event, clock)
            trouble = _rendered(bundle, render, is_alone=is_alone) if told_in == layout.POST else None
    except (OpsLabError, OSError) as error:
        return f"run {run_id} was not told: {error}"
    if told_in is None:
        return f"run {run_id} was not told: an earlier lab wrote its journal, which cannot be continued"
    return f"run {run_id} was told, but not rendered again: {trouble}" if trouble else None


def _has_record(bundle: Path) -> bool:
    return bundle.is_dir() and any(trouble_of(bundle / name) != MISSING for name in (layout.JOURNAL, layout.MANIFEST))


def _rendered(bundle: Path, render: Callable[[Path], None], *, is_alone: bool) -> str | None:
    if not is_alone:
        return f"another process keeps {bundle}"
    try:
        render(bundle)
    except Exception as error:  # noqa: BLE001 - altered facts may trip anything, and the switch is what counts
        return str(error) if isinstance(error, OpsLabError) else f"{type(error).__name__}: {error}"
    return None
