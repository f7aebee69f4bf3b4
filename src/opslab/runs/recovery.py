"""Closes runs whose process is gone, and clears what dead processes left half made; the living are left alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.clock import Clock, to_stamp
from opslab.contract.events import RunFailed, Status
from opslab.errors import OpsLabError, StoreError, one_line
from opslab.runs.finish import finish, render
from opslab.runs.flatten_logs import clear_all_flat
from opslab.runs.venue_keys import forget_ended
from opslab.store import layout
from opslab.store.durable import remove_tree
from opslab.store.integrity import contradictions
from opslab.store.orphans import stale_staging, unsealed
from opslab.store.reader import Bundle, open_bundle
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    """Close every orphaned run of ``lab``; one broken run costs only itself.

    A run without a terminal event becomes ``failed``, reason ``interrupted``; one that came to its end is only sealed.
    The keys of its venue, which went with it, are forgotten; so is what flattens wrote down about runs that ended flat.

    Raises:
        StoreError: the directory of the runs cannot be listed.
        RootError: it is a symlink.
    """
    closed, failed = _closed(unsealed(lab.runs), clock)
    stale = (*stale_staging(lab.runs), *stale_staging(lab.sessions))
    removed = [path.name for path in stale if remove_tree(path)]
    forget_ended(lab)
    clear_all_flat(lab)
    return Recovery(closed, tuple(removed), failed)


def recover_one(lab: Lab, run_id: str, clock: Clock) -> Recovery:
    """Close one run, as ``recover``; nothing is done to a run that is closed, that lives or that was never started.

    Raises:
        StoreError: there is no such run.
    """
    open_bundle(lab.runs, run_id)
    closed, failed = _closed([bundle for bundle in unsealed(lab.runs) if bundle.run_id == run_id], clock)
    forget_ended(lab)
    return Recovery(closed, (), failed)


def _closed(bundles: Iterable[Bundle], clock: Clock) -> tuple[tuple[str, ...], tuple[tuple[str, OpsLabError], ...]]:
    """Close what can be closed; return the ids of that, and what cannot, with its error."""
    closed, failed = [], []
    for bundle in bundles:
        try:
            if close_orphan(bundle, clock):
                closed.append(bundle.run_id)
        except OpsLabError as error:
            failed.append((bundle.run_id, error))
    return tuple(closed), tuple(failed)


def close_orphan(bundle: Bundle, clock: Clock) -> bool:
    """Close one run whose process is gone; false when it is alive, closed already, or was never started.

    Raises:
        StoreError: its journal is broken beyond an unfinished last line, its files contradict the journal, or nothing
            can be written.
    """
    writer = BundleWriter(bundle.path, clock)
    if not writer.acquire():
        return False
    with writer:
        fresh = Bundle(bundle.path)
        if fresh.has(layout.MANIFEST):  # it came to its end in the meantime
            return False
        chain = fresh.journal_chain
        if chain.broken or not chain.events:
            what = chain.broken[0] if chain.broken else "is empty"
            raise StoreError(f"journal {what}", where=bundle.path, fix="restore it from a copy")
        try:
            return _close(fresh, writer, clock)
        except (KeyError, TypeError, ValueError) as error:  # a valid chain of events that are none of ours
            what = f"journal does not tell of a run: {type(error).__name__}: {one_line(error)}"
            raise StoreError(what, where=bundle.path, fix="restore it from a copy") from error


def _close(bundle: Bundle, writer: BundleWriter, clock: Clock) -> bool:
    first = bundle.journal_chain.events[0]
    if not any(event["event"] == "run_started" for event in bundle.journal_chain.events):
        if not bundle.has(layout.METADATA):
            render(writer, (layout.METADATA,))
        return False
    if problems := contradictions(bundle):
        raise StoreError(
            f"is not sealed: {problems[0].path} {problems[0].what}"
            + (f", and {len(problems) - 1} more" if len(problems) > 1 else ""),
            where=bundle.path,
            fix="restore it from a copy; `tc run verify` names what is wrong",
        )
    if bundle.terminal is None:
        writer.append(
            RunFailed(
                ts_utc=to_stamp(clock.now()),
                status=Status.FAILED,
                error=INTERRUPTED,
                reason="interrupted",
                **{key: first[key] for key in ("run_id", "mode", "engine", "config_sha256", "artifacts_dir")},
            )
        )
    writer.clear_staging()
    finish(writer, recovered=True)
    return True
