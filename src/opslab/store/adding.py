"""Adds to a bundle from outside its run: one process at a time, and never to a journal that has come to its end.

Whoever adds a fact to a sealed run renders it again from all of its facts. Both belong under ``alone``: of two who add
at once, the slower would else write what it read before the faster one came.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import sha256_hex
from opslab.errors import StoreError
from opslab.store import layout
from opslab.store.journal import Journal
from opslab.store.lock import is_alive
from opslab.store.regular import MISSING, open_regular, read_regular, trouble_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from opslab.clock import Clock

ALONE_SECONDS = 60.0
"""How long somebody waits for a bundle before giving up: its keeper may be stopped."""

SEAL_SECONDS = 2.0
"""How long a living run may take from its terminal event to its manifest before nothing can be added to it."""

TERMINAL_EVENTS = ("run_completed", "run_failed")
"""As in the contract, whose models would cost the light commands more than everything else they do."""

PAUSE_SECONDS = 0.005
_TAIL = 64 * 1024


def waited(attempt: Callable[[], bool], seconds: float) -> bool:
    """Try until ``attempt`` is true, at least once; false when ``seconds`` are over."""
    deadline = time.monotonic() + seconds
    while not attempt():
        if time.monotonic() > deadline:
            return False
        time.sleep(PAUSE_SECONDS)
    return True


@contextlib.contextmanager
def held_directory(directory: Path, seconds: float, *, shared: bool = False) -> Iterator[bool]:
    """Hold the lock of a directory itself inside the block, so that no lock file is left in it.

    Args:
        directory: the directory; a symlink is not followed.
        seconds: how long to wait for it.
        shared: whether others that ask for it shared may hold it too.

    Yields:
        Whether it is held; it is not when another process keeps it.

    Raises:
        StoreError: the directory cannot be opened or locked.
    """
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"cannot be opened: {error.strerror}", where=directory, fix="check the path") from error
    how = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB

    def taken() -> bool:
        try:
            fcntl.flock(descriptor, how)
        except BlockingIOError:
            return False
        except OSError as error:
            raise StoreError(f"cannot be locked: {error.strerror}", where=directory, fix="use a local disk") from error
        return True

    try:
        yield waited(taken, seconds)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def alone(bundle: Path) -> Iterator[None]:
    """Be the only one who adds to ``bundle`` inside the block.

    Raises:
        StoreError: it cannot be opened, or another process keeps it.
    """
    with held_directory(bundle, ALONE_SECONDS) as is_alone:
        if not is_alone:
            raise StoreError("another process keeps it", where=bundle, fix="let that process end, and try again")
        yield


def place_for(bundle: Path) -> str | None:
    """Return the file that takes a later fact: ``post.jsonl`` behind a manifest, else a journal with a chain.

    Returns:
        None when there is no journal, or one that an earlier lab wrote, which cannot be continued.

    Raises:
        StoreError: what is there is broken, or no regular file.
    """
    if _is_there(bundle, layout.MANIFEST):
        return layout.POST
    if not _is_there(bundle, layout.JOURNAL):
        return None
    try:
        with os.fdopen(open_regular(bundle / layout.JOURNAL, os.O_RDONLY), "rb") as journal:
            first = json.loads(journal.readline(_TAIL))
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            "has a journal that cannot be continued", where=bundle, fix="`tc run verify` names what is broken"
        ) from error
    return layout.JOURNAL if isinstance(first, dict) and "seq" in first else None


def add(bundle: Path, event: Mapping[str, Any], clock: Clock) -> str | None:
    """Add an event, durably, to what a run recorded, and return the file that took it; see ``place_for``.

    A living run that has just come to its end is waited for until it is sealed.

    Args:
        bundle: the run's directory.
        event: the event.
        clock: stamps repairs of a journal.

    Raises:
        StoreError: it cannot be written, or the run has ended and is not sealed.
    """
    place = place_for(bundle)
    if place == layout.JOURNAL:
        try:
            _append(_OpenJournal(bundle / place, bundle.name, clock=clock), event)
        except _RunHasEndedError:
            waited(lambda: _is_there(bundle, layout.MANIFEST) or not is_alive(bundle), SEAL_SECONDS)
            if not _is_there(bundle, layout.MANIFEST):
                raise
            place = layout.POST
    if place == layout.POST:
        _is_there(bundle, place)  # or nothing else either
        anchor = sha256_hex(read_regular(bundle / layout.MANIFEST))
        _append(Journal(bundle / place, bundle.name, anchor=anchor, clock=clock), event)
    return place


def _is_there(bundle: Path, name: str) -> bool:
    """Whether the regular file ``name`` is there.

    Raises:
        StoreError: something else bears its name.
    """
    what = trouble_of(bundle / name)
    if what not in (None, MISSING):
        raise StoreError(what or "", where=bundle / name, fix="`tc run verify` names what is broken")
    return what is None


def _append(journal: Journal, event: Mapping[str, Any]) -> None:
    try:
        journal.append(event, durable=True)
    finally:
        journal.close()


class _RunHasEndedError(StoreError):
    """The journal has its terminal event, and the run no manifest."""


class _OpenJournal(Journal):
    """A journal of a run that may end at any moment: nothing is written after the terminal event."""

    def _write(self, descriptor: int, size: int, event: Mapping[str, Any]) -> int:
        # Judged here because here the journal is locked: nobody can write the terminal event in between.
        if _is_terminal(os.pread(descriptor, _TAIL, max(0, size - _TAIL))):
            raise _RunHasEndedError(
                "the run has ended and is not sealed",
                where=self.path,
                fix="try again in a moment; `tc run recover` seals runs whose process is gone",
            )
        return super()._write(descriptor, size, event)


def _is_terminal(tail: bytes) -> bool:
    with contextlib.suppress(ValueError, RecursionError):
        told = json.loads(tail.rstrip(b"\n").rsplit(b"\n", 1)[-1])
        return isinstance(told, dict) and told.get("event") in TERMINAL_EVENTS
    return False
