"""Keeps each check in the run's bundle: a numbered file, its event, and the rendering of the latest.

A finished run's facts are not touched: the event goes to ``post.jsonl``. In a run that is not sealed it goes to the
journal, never after the terminal event. All of it happens under one lock of the bundle's directory, so that numbers
are unique and renderings follow the last event. A file that no event names is what a killed check left: it was never
acknowledged, and the next check removes it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from opslab.contract.encoding import pretty_json, sha256_hex
from opslab.contract.events import TERMINAL_EVENTS, ReconciliationChecked
from opslab.errors import StoreError
from opslab.root import confined
from opslab.store import layout
from opslab.store.durable import make_directory, sync_directory, write_bytes
from opslab.store.journal import Journal
from opslab.store.writer import append_post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.events import Event
    from opslab.contract.reconciliation import ReconciliationResult

DIRECTORY: Final = layout.RECONCILIATION
RESULT: Final = layout.RECONCILIATION_RESULT

_NUMBERED = re.compile(r"[0-9]{4,9}\.json")
_TAIL = 64 * 1024


@dataclass(frozen=True)
class Kept:
    """Where a check was kept.

    Attributes:
        name: the numbered file, below the bundle.
        told_in: the file that holds its event; null in a bundle without a chained journal, which cannot be continued.
    """

    name: str
    told_in: str | None


def keep(
    bundle: Path,
    result: ReconciliationResult,
    result_path: str,
    clock: Clock,
    render: Callable[[Path], None] = lambda _bundle: None,
) -> Kept:
    """Write a check into ``bundle`` and tell of it; when it raises, no event names anything that is not there.

    Args:
        bundle: the run's directory.
        result: what came out.
        result_path: what the event calls ``result_path``.
        clock: stamps repairs of a journal.
        render: renders what follows from ``post.jsonl``; called under the lock, for sealed runs only.

    Raises:
        StoreError: it cannot be written, or the run has ended and is not sealed.
        RootError: a symlink is in the way.
    """
    content = pretty_json(result.to_dict())
    folder = confined(bundle, DIRECTORY)
    confined(bundle, RESULT)
    with _alone(bundle):
        told_in = _teller(bundle)
        make_directory(folder)
        name = f"{DIRECTORY}/{_next_number(bundle, folder, told_in):04d}.json"
        write_bytes(confined(bundle, *name.split("/")), content)
        try:
            _tell(bundle, told_in, _event(result, result_path, name, content), clock)
        except BaseException:
            (bundle / name).unlink()
            sync_directory(folder)
            raise
        write_bytes(bundle / RESULT, content)
        if told_in == layout.POST:
            render(bundle)
    return Kept(name, told_in)


def latest(bundle: Path) -> bytes | None:
    """Return what ``reconciliation_result.json`` must hold: the kept check with the highest number, if there is one.

    Raises:
        StoreError: it cannot be read.
    """
    number = max(_numbers(bundle / DIRECTORY), default=None)
    if number is None:
        return None
    path = confined(bundle, DIRECTORY, f"{number:04d}.json")
    try:
        return path.read_bytes()
    except OSError as error:
        raise StoreError(f"cannot be read: {error.strerror}", where=path, fix="restore it from a copy") from error


@contextlib.contextmanager
def _alone(bundle: Path) -> Iterator[None]:
    """Hold the lock of the directory itself, so that no lock file is left in the bundle."""
    try:
        descriptor = os.open(bundle, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise StoreError(f"cannot be opened: {error.strerror}", where=bundle, fix="check the path") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    return [int(entry.name.split(".")[0]) for entry in folder.iterdir() if _NUMBERED.fullmatch(entry.name)]


def _next_number(bundle: Path, folder: Path, told_in: str | None) -> int:
    last = max(_numbers(folder), default=0)
    if told_in is None:
        return _adopt(bundle, last) + 1
    if last and not _is_told(bundle, f"{DIRECTORY}/{last:04d}.json"):
        (folder / f"{last:04d}.json").unlink()
        sync_directory(folder)
        return last
    return last + 1


def _adopt(bundle: Path, last: int) -> int:
    """Give the result that an earlier lab left a number of its own before it is replaced."""
    if last or not (bundle / RESULT).is_file():
        return last
    write_bytes(bundle / DIRECTORY / "0001.json", (bundle / RESULT).read_bytes())
    return 1


def _is_told(bundle: Path, name: str) -> bool:
    mark = f'"report_path":"{name}"'
    for file in (layout.POST, layout.JOURNAL):
        with contextlib.suppress(FileNotFoundError), (bundle / file).open(encoding="utf-8", errors="replace") as lines:
            if any(mark in line for line in lines):
                return True
    return False


def _teller(bundle: Path) -> str | None:
    """Return the file that takes the event: ``post.jsonl`` when sealed, else a journal with a chain, else none."""
    if (bundle / layout.MANIFEST).is_file():
        return layout.POST
    try:
        with confined(bundle, layout.JOURNAL).open("rb") as journal:
            first = json.loads(journal.readline(_TAIL))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise StoreError(
            "has a journal that cannot be continued", where=bundle, fix="`tc run verify` names what is broken"
        ) from error
    return layout.JOURNAL if isinstance(first, dict) and "seq" in first else None


def _event(result: ReconciliationResult, result_path: str, name: str, content: bytes) -> ReconciliationChecked:
    return ReconciliationChecked(
        ts_utc=result.ts_utc,
        run_id=result.run_id,
        status=result.status,
        summary=result.summary,
        result_path=result_path,
        report_path=name,
        report_sha256=sha256_hex(content),
    )


def _tell(bundle: Path, told_in: str | None, event: Event, clock: Clock) -> None:
    if told_in == layout.POST:
        append_post(bundle, event, clock)
    elif told_in == layout.JOURNAL:
        journal = _OpenJournal(bundle / layout.JOURNAL, bundle.name, clock=clock)
        try:
            journal.append(event.to_dict(), durable=True)
        finally:
            journal.close()


class _OpenJournal(Journal):
    """A journal of a run that may end at any moment: nothing is written after the terminal event."""

    def _write(self, descriptor: int, size: int, event: Mapping[str, Any]) -> int:
        # Judged here because here the journal is locked: nobody can write the terminal event in between.
        last = os.pread(descriptor, _TAIL, max(0, size - _TAIL)).rstrip(b"\n").rsplit(b"\n", 1)[-1]
        with contextlib.suppress(ValueError, RecursionError):
            told = json.loads(last)
            if isinstance(told, dict) and told.get("event") in sorted(TERMINAL_EVENTS):
                raise StoreError(
                    "the run has ended and is not sealed",
                    where=self.path,
                    fix="check again in a moment; `tc run recover` seals runs whose process is gone",
                )
        return super()._write(descriptor, size, event)
