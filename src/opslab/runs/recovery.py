"""Closes runs whose process is gone, and clears what dead processes left half made; the living are left alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.clock import Clock, to_stamp
from opslab.contract.events import RunFailed, Status
from opslab.errors import OpsLabError, StoreError
from opslab.runs.finish import finish
from opslab.store.orphans import orphaned, stale_staging
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from opslab.root import Lab

INTERRUPTED = "the run's process is gone; it did not reach its end"


@dataclass(frozen=True)
class Recovery:
    """What a recovery did.

    Attributes:
        closed: ids of runs that were closed.
        removed: names of half-made directories that were removed.
        failed: runs that could not be closed, each with its error.
    """

    closed: tuple[str, ...]
    removed: tuple[str, ...]
    failed: tuple[tuple[str, OpsLabError], ...]


def recover(lab: Lab, clock: Clock) -> Recovery:
    """Close every orphaned run of ``lab`` as ``failed``, reason ``interrupted``; one broken run costs only itself."""
    closed, failed = [], []
    for bundle in orphaned(lab.runs):
        try:
            if close_orphan(bundle, clock):
                closed.append(bundle.run_id)
        except OpsLabError as error:
            failed.append((bundle.run_id, error))
    removed = []
    for path in stale_staging(lab.runs):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
        removed.append(path.name)
    return Recovery(tuple(closed), tuple(removed), tuple(failed))


def close_orphan(bundle: Bundle, clock: Clock) -> bool:
    """Close one run whose process is gone; false when it turns out to be alive or closed already.

    Raises:
        StoreError: its journal is broken beyond an unfinished last line, or nothing can be written.
    """
    writer = BundleWriter(bundle.path, clock)
    if not writer.acquire():
        return False
    with writer:
        fresh = Bundle(bundle.path)
        broken = [problem for problem in fresh.journal_chain.problems if "unfinished" not in problem]
        if broken:
            raise StoreError(f"journal {broken[0]}", where=bundle.path, fix="restore it from a copy")
        if fresh.terminal is None:
            first = fresh.journal_chain.events[0]
            writer.append(
                RunFailed(
                    ts_utc=to_stamp(clock.now()),
                    status=Status.FAILED,
                    error=INTERRUPTED,
                    reason="interrupted",
                    **{key: first[key] for key in ("run_id", "mode", "engine", "config_sha256", "artifacts_dir")},
                )
            )
        finish(writer)
    return True
