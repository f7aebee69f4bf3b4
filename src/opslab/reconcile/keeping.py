"""Keeps each check in the run's bundle: a numbered file, its event, and the rendering of the latest.

A finished run's facts are not touched: the event goes to ``post.jsonl``. In a run that is not sealed it goes to the
journal, never after the terminal event. All of it happens under one lock of the bundle's directory, so that numbers
are unique and renderings follow the last event. A file that no event names is what a killed check left: it was never
acknowledged, and the next check removes it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from opslab.contract.encoding import pretty_json, sha256_hex
from opslab.contract.events import ReconciliationChecked
from opslab.contract.reconciliation import OtherResult
from opslab.errors import StoreError
from opslab.root import confined
from opslab.store import layout
from opslab.store.adding import add, alone, place_for
from opslab.store.durable import make_directory, sync_directory, write_bytes
from opslab.store.regular import open_regular, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.reconciliation import ReconciliationResult

DIRECTORY: Final = layout.RECONCILIATION
RESULT: Final = layout.RECONCILIATION_RESULT

_NUMBERED = re.compile(r"[0-9]{4,9}\.json")


@dataclass(frozen=True)
class Kept:
    """Where a check was kept.

    Attributes:
        name: the numbered file, below the bundle.
        told_in: the file that holds its event; null in a bundle without a chained journal, which cannot be continued.
        result: what was kept: what came out, and beside it the latest result of the other source.
    """

    name: str
    told_in: str | None
    result: ReconciliationResult | None = None


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
        StoreError: it cannot be written, the run has ended and is not sealed, or another process keeps its bundle.
        RootError: a symlink is in the way.
    """
    folder = confined(bundle, DIRECTORY)
    confined(bundle, RESULT)
    with alone(bundle):
        can_be_told = place_for(bundle) is not None
        make_directory(folder)
        name = f"{DIRECTORY}/{_next_number(bundle, folder, can_be_told=can_be_told):04d}.json"
        result = result.model_copy(update={"other": _other(bundle, result)})
        content = pretty_json(result.to_dict())
        write_bytes(confined(bundle, *name.split("/")), content)
        try:
            told_in = add(bundle, _event(result, result_path, name, content).to_dict(), clock) if can_be_told else None
        except BaseException:
            _take_back(bundle / name)
            raise
        write_bytes(bundle / RESULT, content)
        if told_in == layout.POST:
            render(bundle)
    return Kept(name, told_in, result)


def _other(bundle: Path, result: ReconciliationResult) -> OtherResult | None:
    """Return the latest result of the source that ``result`` is not of, by what was kept before it.

    What was kept and cannot be read says nothing here: verifying the bundle names it.
    """
    try:
        found = json.loads(latest(bundle) or b"null")
    except (StoreError, ValueError):
        return None
    if not isinstance(found, dict):
        return None
    source = found.get("source") or ("views" if "views" in found else "files")
    told = {**found, "source": source} if source != result.source else found.get("other")
    try:
        return OtherResult.model_validate({name: told[name] for name in OtherResult.model_fields}) if told else None
    except (KeyError, TypeError, ValueError):
        return None


def latest(bundle: Path) -> bytes | None:
    """Return what ``reconciliation_result.json`` must hold: the kept check with the highest number, if there is one.

    Raises:
        StoreError: it cannot be read, or is no regular file.
        RootError: it is a symlink.
    """
    number = max(_numbers(bundle / DIRECTORY), default=None)
    if number is None:
        return None
    return read_regular(confined(bundle, DIRECTORY, f"{number:04d}.json"))


def _numbers(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    try:
        return [int(entry.name.split(".")[0]) for entry in folder.iterdir() if _NUMBERED.fullmatch(entry.name)]
    except OSError as error:
        raise StoreError(f"cannot be listed: {error.strerror}", where=folder, fix="check rights") from error


def _next_number(bundle: Path, folder: Path, *, can_be_told: bool) -> int:
    last = max(_numbers(folder), default=0)
    if not can_be_told:
        return _adopt(bundle, last) + 1
    if last and not _is_told(bundle, f"{DIRECTORY}/{last:04d}.json"):
        _take_back(folder / f"{last:04d}.json")
        return last
    return last + 1


def _adopt(bundle: Path, last: int) -> int:
    """Give the result that an earlier lab left a number of its own before it is replaced."""
    if last or not (bundle / RESULT).is_file():
        return last
    write_bytes(bundle / DIRECTORY / "0001.json", read_regular(bundle / RESULT))
    return 1


def _take_back(path: Path) -> None:
    try:
        path.unlink()
        sync_directory(path.parent)
    except OSError as error:
        raise StoreError(f"cannot be removed: {error.strerror}", where=path, fix="move it out of the bundle") from error


def _is_told(bundle: Path, name: str) -> bool:
    mark = f'"report_path":"{name}"'.encode()
    for file in (layout.POST, layout.JOURNAL):
        try:
            with os.fdopen(open_regular(bundle / file, os.O_RDONLY), "rb") as lines:
                if any(mark in line for line in lines):
                    return True
        except FileNotFoundError:
            continue
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            raise StoreError(what, where=bundle / file, fix="`tc run verify` names what is broken") from error
    return False


def _event(result: ReconciliationResult, result_path: str, name: str, content: bytes) -> ReconciliationChecked:
    return ReconciliationChecked(
        ts_utc=result.ts_utc,
        run_id=result.run_id,
        status=result.status,
        summary=result.summary,
        result_path=result_path,
        report_path=name,
        report_sha256=sha256_hex(content),
        source=result.source,
    )
