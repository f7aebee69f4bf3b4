"""The wire log on disk: one JSON object a line, in the order of the records.

A record is with the operating system before anything that it tells of can leave the venue: whoever kills the venue or
the node finds every answer in the file that a client can have seen. Only the machine's own end, before ``close``, can
take them back. A venue that is killed within a write can leave half a last line; readers must expect that.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import msgspec

from opslab.contract.encoding import compact_json
from opslab.errors import StoreError
from opslab.store.durable import sync_directory

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.venue.wire import WireRecord


_CHUNK = 1 << 16
_encode = msgspec.json.Encoder(order="sorted").encode


def line_of(record: WireRecord) -> bytes:
    """Return a record as it stands in the file: JSON in ASCII with sorted keys, without the line's end.

    Facts are written as the venue's messages are (``writing.written``): what JSON has no type for as text, a number
    that is none as null. What cannot be written at all is told by its representation.
    """
    try:
        line = _encode(record)
        if line.isascii():
            return line
    except (ValueError, TypeError, OverflowError, RecursionError):
        pass
    return _slow_line_of(record)


def _slow_line_of(record: WireRecord) -> bytes:
    entry: dict[str, Any] = {"seq": record.seq, "time_ms": record.time_ms, "kind": record.kind, "facts": record.facts}
    try:
        line = compact_json(entry)
    except (TypeError, ValueError, RecursionError):  # facts that are no JSON must not stop a venue in a drill
        line = compact_json({**entry, "facts": {"unwritable": _shown(record.facts)}})
    return line.encode("ascii")


def _shown(facts: dict[str, Any]) -> str:
    try:
        return repr(facts)
    except Exception as error:  # noqa: BLE001 - whatever a fact's own code raises, and numbers of thousands of digits
        return f"facts that cannot even be shown: {type(error).__name__}"


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
    """Writes records as they come; ``close`` makes them durable.

    Args:
        path: a file that is not there yet.

    Raises:
        StoreError: it is there already, or cannot be created.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise StoreError(
                f"cannot be created: {error.strerror}", where=path, fix="name a new file in a writable directory"
            ) from error

    def write(self, record: WireRecord) -> None:
        """Hand a record to the system; from then on other processes see it, and it outlives this one.

        Raises:
            OSError: it was not taken whole.
        """
        line = line_of(record) + b"\n"
        taken = self._file.write(line)
        while taken < len(line):  # a disk that is about to be full takes a part, and refuses the rest
            line = line[taken:]
            taken = self._file.write(line)

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
        os.fsync(self._file.fileno())
        self._file.close()
        sync_directory(self._path.parent)
