"""The wire log on disk: one JSON object a line, in the order of the records."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import compact_json
from opslab.errors import StoreError
from opslab.store.durable import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.venue.wire import WireRecord


_CHUNK = 1 << 16


def line_of(record: WireRecord) -> str:
    """Return a record as it stands in the file, without the line's end."""
    entry: dict[str, Any] = {"seq": record.seq, "time_ms": record.time_ms, "kind": record.kind, "facts": record.facts}
    try:
        return compact_json(entry)
    except (TypeError, ValueError):  # a fact that is no JSON must not stop a venue in the middle of a drill
        return compact_json({**entry, "facts": {"unwritable": repr(record.facts)}})


def cut_torn(path: Path) -> None:
    """Cut a last line that was not written whole off a file.

    Raises:
        OSError: it cannot be read or cut.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        whole = size
        while whole:
            start = max(0, whole - _CHUNK)
            file.seek(start)
            found = file.read(whole - start).rfind(b"\n")
            if found >= 0:
                whole = start + found + 1
                break
            whole = start
        if whole != size:
            file.truncate(whole)


class WireFile:
    """Writes records as they come; ``flush`` hands them to the system, ``close`` makes them durable.

    Args:
        path: a file that is not there yet.

    Raises:
        StoreError: it is there already, or cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("x", encoding="ascii", newline="\n")
        except OSError as error:
            raise StoreError(
                f"cannot be created: {error.strerror}", where=path, fix="name a new file in a writable directory"
            ) from error

    def write(self, record: WireRecord) -> None:
        """Take a record."""
        self._file.write(line_of(record) + "\n")

    def flush(self) -> None:
        """Let other processes see what was written."""
        self._file.flush()

    def abandon(self) -> None:
        """End without making anything durable, after a write failed; half a line is cut off."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            cut_torn(self._path)

    def close(self) -> None:
        """Make what was written durable and end."""
        if self._file.closed:
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sync_directory(self._path.parent)
