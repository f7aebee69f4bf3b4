"""Reads a bundle, of this lab or an earlier one; it never writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from opslab.contract.drill import DrillReport
from opslab.contract.encoding import sha256_hex
from opslab.contract.events import TERMINAL_EVENTS
from opslab.contract.manifest import Manifest
from opslab.contract.metadata import Metadata, RunMetrics
from opslab.contract.spec_file import parse_spec
from opslab.contract.upgrades import read_artifact
from opslab.errors import StoreError
from opslab.ids import checked_id
from opslab.root import confined
from opslab.store import layout
from opslab.store.durable import STAGING_PREFIX
from opslab.store.journal import Chain, read_chain
from opslab.store.regular import read_regular, trouble_of

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.spec import RunSpec


@dataclass(frozen=True)
class Bundle:
    """One run's directory; each file is read when asked for, and errors name it.

    Attributes:
        path: the directory.
    """

    path: Path

    @property
    def run_id(self) -> str:
        """The run's id, which is its directory's name."""
        return self.path.name

    @cached_property
    def spec(self) -> RunSpec:
        """The run spec, from the copy in the bundle."""
        return parse_spec(self.read(layout.RUN_SPEC), str(self.path / layout.RUN_SPEC))[0]

    @cached_property
    def metadata(self) -> Metadata:
        """``metadata.json``."""
        return read_artifact(Metadata, self.json(layout.METADATA), str(self.path / layout.METADATA))

    @cached_property
    def metrics(self) -> RunMetrics:
        """``metrics.json``."""
        return read_artifact(RunMetrics, self.json(layout.METRICS), str(self.path / layout.METRICS))

    @cached_property
    def manifest(self) -> Manifest:
        """``manifest.json``."""
        return read_artifact(Manifest, self.json(layout.MANIFEST), str(self.path / layout.MANIFEST))

    @cached_property
    def journal_chain(self) -> Chain:
        """The journal as it stands, broken or not."""
        return read_chain(self.read(layout.JOURNAL))

    @cached_property
    def post_chain(self) -> Chain:
        """What became known after the terminal event; empty without ``post.jsonl``."""
        if not self.has(layout.POST):
            return read_chain(b"")
        return read_chain(self.read(layout.POST), sha256_hex(self.read(layout.MANIFEST)))

    @property
    def journal(self) -> tuple[dict[str, Any], ...]:
        """Every event, what came after the end included, in order."""
        return self.journal_chain.events + self.post_chain.events

    @cached_property
    def events(self) -> tuple[dict[str, Any], ...]:
        """The event stream: canonical order, position and account events."""
        return tuple(self._lines(layout.EVENTS))

    @cached_property
    def views(self) -> tuple[dict[str, Any], ...]:
        """What venue, engine and strategy believed, one line a view."""
        return tuple(self._lines(layout.VIEWS))

    @cached_property
    def wire(self) -> tuple[dict[str, Any], ...]:
        """The venue's wire log: requests, replies, sockets and messages, in order."""
        return tuple(self._lines(layout.WIRE))

    @cached_property
    def drills(self) -> tuple[DrillReport, ...]:
        """The reports of drills that used this run, by name."""
        names = sorted(entry.name for entry in (self.path / layout.DRILLS).glob("*.json"))
        return tuple(
            read_artifact(DrillReport, self.json(f"{layout.DRILLS}/{name}"), f"{self.path / layout.DRILLS / name}")
            for name in names
        )

    @property
    def terminal(self) -> dict[str, Any] | None:
        """The event that ended the run, if it ended."""
        return next((event for event in self.journal_chain.events if event.get("event") in TERMINAL_EVENTS), None)

    def has(self, name: str) -> bool:
        """Whether the bundle holds the regular file ``name``."""
        return trouble_of(self.path / name) is None

    def read(self, name: str) -> bytes:
        """Return a file's bytes.

        Raises:
            StoreError: it is missing, cannot be read, or is no regular file.
            RootError: it is a symlink, or outside the bundle.
        """
        return read_regular(confined(self.path, *name.split("/")))

    def json(self, name: str) -> object:
        """Return a file's JSON value.

        Raises:
            StoreError: it is missing or not JSON.
        """
        try:
            return json.loads(self.read(name))
        except (ValueError, RecursionError) as error:
            raise StoreError(f"is not JSON: {error}", where=self.path / name, fix="restore it from a copy") from error

    def _lines(self, name: str) -> list[dict[str, Any]]:
        if not self.has(name):
            return []
        try:
            return [json.loads(line) for line in self.read(name).splitlines()]
        except (ValueError, RecursionError) as error:
            raise StoreError(
                f"is not JSON lines: {error}", where=self.path / name, fix="restore it from a copy"
            ) from error


def open_bundle(runs: Path, run_id: str) -> Bundle:
    """Return the bundle of ``run_id``.

    Raises:
        IdError: ``run_id`` is unsafe.
        StoreError: there is no such run.
        RootError: it, or ``runs``, is a symlink.
    """
    path = confined(confined(runs.parent, runs.name), checked_id(run_id))
    if not path.is_dir():
        raise StoreError(f"there is no run {run_id!r}", where=runs, fix="`tc run list` names the runs there are")
    return Bundle(path)


def list_bundles(runs: Path) -> list[Bundle]:
    """Return every bundle below ``runs``, by name; staging directories and symlinks are passed over.

    Raises:
        StoreError: ``runs`` is there and cannot be listed.
        RootError: it is a symlink.
    """
    try:
        entries = sorted(confined(runs.parent, runs.name).iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StoreError(f"cannot be listed: {error.strerror}", where=runs, fix="make it a directory") from error
    return [
        Bundle(path)
        for path in entries
        if path.is_dir() and not path.is_symlink() and not path.name.startswith((STAGING_PREFIX, "."))
    ]
