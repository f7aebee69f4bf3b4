"""What a paper run writes while it lives: event stream, views, and the venue's books at the end."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from typing import TYPE_CHECKING, Any

from opslab.clock import to_stamp
from opslab.contract.encoding import compact_json, pretty_json, sha256_hex
from opslab.contract.events import EventStreamFacts
from opslab.contract.left import BooksFacts
from opslab.contract.paper_events import ViewsTaken
from opslab.errors import StoreError
from opslab.reconcile.three_views import differences
from opslab.runs.masking import Masking
from opslab.store import layout
from opslab.store.durable import sync_directory
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opslab.runs.life import Life
    from opslab.runs.plan import Plan
    from opslab.store.writer import BundleWriter

_PLACED, _NOT_OURS = b'"type":"OrderInitialized"', b'"strategy_id":"EXTERNAL"'
"""Marks of the line that tells of a new order, and of one that no strategy placed."""


class GrowingFile:
    """A file of lines that grows while a run lives; durable when it is synced, digest and length always at hand.

    Args:
        path: a file that is not there yet.
    """

    def __init__(self, path: Any) -> None:
        try:
            self._file = path.open("xb", buffering=0)
        except OSError as error:
            raise StoreError(f"cannot be created: {error.strerror}", where=path, fix="free some space") from error
        self._path = path
        self._digest = hashlib.sha256()
        self._alone = threading.Lock()
        self._size = 0
        self.lines = 0

    @property
    def sha256(self) -> str:
        """The digest of everything written."""
        return self._digest.hexdigest()

    def write(self, content: bytes) -> None:
        """Add lines; from any thread.

        Raises:
            StoreError: they cannot be written whole; nothing of them is left in the file.
        """
        with self._alone:
            try:
                what = None if self._file.write(content) == len(content) else "the disk took only a part of it"
            except OSError as error:
                what = str(error.strerror)
            if what is not None:
                with contextlib.suppress(OSError):
                    self._file.truncate(self._size)
                    self._file.seek(self._size)
                raise StoreError(f"cannot be written: {what}", where=self._path, fix="free some space")
            self._digest.update(content)
            self._size += len(content)
            self.lines += content.count(b"\n")

    def sync(self) -> None:
        """Make what was written durable."""
        if not self._file.closed:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Make it durable and end."""
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()
            sync_directory(self._path.parent)


class PaperRecord:
    """Writes down what a paper run says.

    Args:
        writer: the run's bundle.
        life: the run's identity.

    Attributes:
        masking: keeps keys out of what is written.
        trouble: why an event could not be written; None while all are.
    """

    def __init__(self, writer: BundleWriter, life: Life) -> None:
        self._writer, self._life = writer, life
        self._events = GrowingFile(writer.path / layout.EVENTS)
        self._views = GrowingFile(writer.path / layout.VIEWS)
        self._placed: set[str] = set()
        self.masking = Masking()
        self.trouble: StoreError | None = None

    def event(self, line: bytes) -> None:
        """Write a line of the event stream.

        What keeps it from being written is the disk's affair, not that of the engine or strategy it comes from: it is
        kept for ``require_whole``.
        """
        try:
            self._events.write(self.masking.line(line))
        except StoreError as error:
            self.trouble = self.trouble or error
        if _PLACED in line and _NOT_OURS not in line:
            self._placed.add(json.loads(line)["client_order_id"])

    def require_whole(self) -> None:
        """Refuse to go on without the event stream.

        Raises:
            StoreError: an event could not be written.
        """
        if self.trouble is not None:
            raise self.trouble

    def placed_before(self, orders: Iterable[Mapping[str, Any]]) -> dict[str, list[str]]:
        """Return which orders the run's strategies placed that the strategy's view does not have: of nodes before.

        Args:
            orders: rows of the strategy's view.

        Returns:
            ``placed_before``, client ids; nothing where there are none.
        """
        forgotten = sorted(self._placed - {row["client_order_id"] for row in orders})
        return {"placed_before": forgotten} if forgotten else {}

    def views(self, phase: str, views: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the views of a moment, one line each, and tell of them in the journal."""
        for name, rows in views.items():
            line = compact_json({"view": name, "phase": phase, **rows}) + "\n"
            self._views.write(self.masking.line(line.encode()))
        self._views.sync()
        self._writer.append(
            ViewsTaken(
                ts_utc=to_stamp(self._life.clock.now()),
                run_id=self._life.run_id,
                phase=phase,
                lines=self._views.lines,
                sha256=self._views.sha256,
                agree=not differences(views),
            )
        )

    def event_stream(self, plan: Plan) -> EventStreamFacts:
        """Return what the journal says of the event stream; the market data is told by the datasets' fingerprints."""
        self._events.sync()
        played = compact_json([facts.fingerprint for facts in plan.inputs.datasets])
        return EventStreamFacts(
            events=self._events.lines, sha256=self._events.sha256, market_data_sha256=sha256_hex(played.encode())
        )

    def books(self, books: Mapping[str, Any], recorded: int | None = None) -> BooksFacts:
        """Write the venue's final books, and return what the journal says of them and of the wire log.

        Args:
            books: a snapshot of the venue's books.
            recorded: how many records the venue's wire log had by then; None: nobody knows, and whatever there is goes.

        Raises:
            StoreError: the wire log is not whole, or the books cannot be written.
        """
        self._writer.write(layout.LEDGER, self.masking.line(pretty_json(books)))
        path = self._writer.path / layout.WIRE
        wire = read_regular(path) if path.is_file() else b""
        if recorded is not None:
            _require_whole(path, wire, recorded)
        return BooksFacts(
            ledger_sha256=books["digest"],
            ledger_events=books["events"],
            wire_records=wire.count(b"\n"),
            wire_sha256=sha256_hex(wire),
        )

    def close(self) -> None:
        """Close the files."""
        self._events.close()
        self._views.close()


def _require_whole(path: Any, wire: bytes, recorded: int) -> None:
    lines = wire.count(b"\n")
    if wire and not wire.endswith(b"\n"):
        raise StoreError("ends in the middle of a line", where=path, fix="free some space")
    if lines < recorded:
        raise StoreError(f"has {lines} records, the venue made {recorded}", where=path, fix="free some space")
