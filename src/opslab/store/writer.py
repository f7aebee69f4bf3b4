"""Makes a bundle: claims the run id, holds the lock of a living run, seals at the end."""

from __future__ import annotations

import secrets
import shutil
from typing import TYPE_CHECKING, Self

from opslab.clock import Clock, to_stamp
from opslab.contract.encoding import pretty_json, sha256_hex
from opslab.contract.manifest import FileDigest, JournalHead, Manifest
from opslab.errors import RunExistsError, StoreError
from opslab.ids import checked_id
from opslab.root import confined
from opslab.store import layout
from opslab.store.durable import STAGING_PREFIX, install_directory, make_directory, remove_tree, write_bytes
from opslab.store.journal import Journal, read_chain
from opslab.store.lock import Lock
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.events import Event


class BundleWriter:
    """The one writer of a run's bundle while the run lives.

    Args:
        path: the bundle's directory.
        clock: stamps the manifest.
    """

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self.run_id = path.name
        self._clock = clock
        self._lock = Lock(path / layout.LOCK)
        self.journal = Journal(path / layout.JOURNAL, self.run_id, clock=clock)

    @classmethod
    def create(cls, runs: Path, run_id: str, spec: bytes, first: Event, clock: Clock) -> BundleWriter:
        """Claim ``run_id`` and return the writer of its new bundle, which already holds the spec and ``first``.

        The bundle appears in one rename with both in it: one of several processes wins, and a crash leaves either no
        bundle or one that can be recovered.

        Raises:
            IdError: ``run_id`` is unsafe.
            RunExistsError: the id is taken.
            StoreError: nothing can be written there.
            RootError: ``runs`` is a symlink.
        """
        target = confined(confined(runs.parent, runs.name), checked_id(run_id))
        if target.exists():
            raise _taken(target)
        make_directory(runs)
        staged = runs / f"{STAGING_PREFIX}{run_id[:64]}-{secrets.token_hex(4)}"
        lock = Lock(staged / layout.LOCK)
        try:
            make_directory(staged)
            lock.acquire()
            write_bytes(staged / layout.RUN_SPEC, spec)
            journal = Journal(staged / layout.JOURNAL, run_id, clock=clock)
            journal.append(first.to_dict(), durable=True)
            journal.close()
            install_directory(staged, target)
        except BaseException as error:
            lock.release()
            shutil.rmtree(staged, ignore_errors=True)
            if isinstance(error, FileExistsError):
                raise _taken(target) from error
            raise
        writer = cls(target, clock)
        # The lock belongs to the open file, not to its path, so it came along with the rename.
        writer._lock = lock
        return writer

    def acquire(self) -> bool:
        """Take the lock of a run whose process is gone; false while somebody holds it."""
        return self._lock.acquire()

    def append(self, event: Event) -> None:
        """Write an event to the journal, durably."""
        self.journal.append(event.to_dict(), durable=True)

    def write(self, name: str, content: bytes) -> None:
        """Write one of the bundle's files, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        path = confined(self.path, *name.split("/"))
        make_directory(path.parent)
        write_bytes(path, content)

    def clear_staging(self) -> None:
        """Remove what a dead writer left half written.

        Raises:
            StoreError: it cannot be removed.
        """
        for path in sorted(self.path.rglob(f"{STAGING_PREFIX}*")):
            remove_tree(path)

    def seal(self, *, recovered: bool = False) -> Manifest:
        """Fix the journal's head and every file's digest in ``manifest.json``.

        Args:
            recovered: whether the run's own process is gone and another one seals.

        Raises:
            StoreError: a file cannot be read, or the manifest not written.
        """
        try:
            head = read_chain(read_regular(self.path / layout.JOURNAL)).head
            files = tuple(file_digests(self.path))
        except OSError as error:
            raise StoreError(f"cannot be sealed: {error}", where=self.path, fix="`tc run recover` seals it") from error
        manifest = Manifest.sealed(
            self.run_id,
            to_stamp(self._clock.now()),
            JournalHead(lines=head.lines, head_sha256=head.sha256),
            files,
            recovered=recovered,
        )
        self.write(layout.MANIFEST, pretty_json(manifest.to_dict()))
        return manifest

    def close(self) -> None:
        """Let go of the journal and the lock."""
        self.journal.close()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def file_digests(path: Path) -> list[FileDigest]:
    """Return the digest of every file of the bundle at ``path`` that a manifest fixes, by path."""
    return [
        FileDigest(path=name, sha256=sha256_hex(content := read_regular(path / name)), size_bytes=len(content))
        for name in sealed_names(path)
    ]


def sealed_names(path: Path) -> list[str]:
    """Return the paths below the bundle that a manifest fixes, sorted."""
    return [name for name in files_below(path) if name not in layout.UNSEALED and not name.startswith(layout.LATER)]


def files_below(path: Path) -> list[str]:
    """Return the paths of everything below the bundle that is no directory and not half written, sorted."""
    entries = (entry for entry in path.rglob("*") if entry.is_symlink() or not entry.is_dir())
    return sorted(entry.relative_to(path).as_posix() for entry in entries if not entry.name.startswith(STAGING_PREFIX))


def append_post(path: Path, event: Event, clock: Clock) -> None:
    """Add what became known after the terminal event to ``post.jsonl``, whose chain hangs on the manifest.

    Raises:
        StoreError: the bundle has no manifest, or the line cannot be written.
    """
    manifest = path / layout.MANIFEST
    if not manifest.is_file():
        raise StoreError("has no manifest", where=path, fix="`tc run recover` closes runs whose process is gone")
    journal = Journal(path / layout.POST, path.name, anchor=sha256_hex(read_regular(manifest)), clock=clock)
    try:
        journal.append(event.to_dict(), durable=True)
    finally:
        journal.close()


def _taken(target: Path) -> RunExistsError:
    return RunExistsError(
        f"run id {target.name!r} is taken", where=target, fix="a run directory is never reused: choose another run_id"
    )
