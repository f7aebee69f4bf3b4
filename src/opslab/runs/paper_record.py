"""What a paper run writes while it lives: event stream, views, and the venue's books at the end."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

from opslab.clock import to_stamp
from opslab.contract.encoding import compact_json, pretty_json, sha256_hex
from opslab.contract.events import BooksFacts, EventStreamFacts
from opslab.contract.paper_events import ViewsTaken
from opslab.errors import StoreError
from opslab.reconcile.three_views import differences
from opslab.store import layout
from opslab.store.durable import sync_directory
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.runs.life import Life
    from opslab.runs.plan import Plan
    from opslab.store.writer import BundleWriter


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
        self.lines = 0

    @property
    def sha256(self) -> str:
        """The digest of everything written."""
        return self._digest.hexdigest()

    def write(self, content: bytes) -> None:
        """Add lines.

        Raises:
            StoreError: they cannot be written whole.
        """
        try:
            written = self._file.write(content)
        except OSError as error:
            raise StoreError(f"cannot be written: {error.strerror}", where=self._path, fix="free some space") from error
        if written != len(content):
            raise StoreError("was written in part", where=self._path, fix="free some space")
        self._digest.update(content)
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
    """

    def __init__(self, writer: BundleWriter, life: Life) -> None:
        self._writer, self._life = writer, life
        self._events = GrowingFile(writer.path / layout.EVENTS)
        self._views = GrowingFile(writer.path / layout.VIEWS)

    def event(self, line: bytes) -> None:
        """Write a line of the event stream."""
        self._events.write(line)

    def views(self, phase: str, views: Mapping[str, Mapping[str, Any]]) -> None:
        """Write the views of a moment, one line each, and tell of them in the journal."""
        for name, rows in views.items():
            self._views.write((compact_json({"view": name, "phase": phase, **rows}) + "\n").encode())
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

    def books(self, books: Mapping[str, Any]) -> BooksFacts:
        """Write the venue's final books, and return what the journal says of them and of the wire log."""
        self._writer.write(layout.LEDGER, pretty_json(books))
        path = self._writer.path / layout.WIRE
        wire = read_regular(path) if path.is_file() else b""
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
