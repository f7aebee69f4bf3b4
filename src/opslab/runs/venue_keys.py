"""The keys of a paper run's account at its own venue: from the environment, or made for the run and kept in a file.

Whoever empties the venue from outside needs them while the run lives. They never come into a bundle: the file lies
under ``runtime/``, only its owner may read it, and it goes with the run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opslab.errors import OpsLabError, SpecError, StoreError
from opslab.ids import checked_id
from opslab.root import confined
from opslab.store import layout
from opslab.store.durable import STAGING_PREFIX, make_directory, remove_tree
from opslab.store.orphans import stale_staging
from opslab.store.reader import Bundle
from opslab.store.regular import MISSING, open_regular, trouble_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from opslab.contract.spec import RunSpec
    from opslab.root import Lab

DIRECTORY = ("runtime", "venue_keys")
_MOST_BYTES = 4096
_KEY = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


@dataclass(frozen=True)
class VenueKeys:
    """A key and the secret that signs with it."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


def key_names(spec: RunSpec) -> tuple[str, str] | None:
    """Return the names of the variables that hold a spec's keys, ``…KEY`` and ``…SECRET``; None: it requires others."""
    readiness = spec.connectivity_readiness
    names = readiness.credential_placeholders.required_env if readiness is not None else ()
    key = [name for name in names if name.endswith("KEY")]
    secret = [name for name in names if name.endswith("SECRET")]
    return (key[0], secret[0]) if (len(names), len(key), len(secret)) == (2, 1, 1) else None


def named_keys(spec: RunSpec, environ: Mapping[str, str]) -> VenueKeys | None:
    """Return the keys that the environment holds under the two names that a spec requires, ``…KEY`` and ``…SECRET``.

    None when it requires others, or when one of them is not set; a blank one is not set.

    Raises:
        SpecError: one of them holds no key; its value is not repeated.
    """
    names = key_names(spec)
    if names is None:
        return None
    values = [environ.get(name, "").strip() for name in names]
    if not all(values):
        return None
    for name, value in zip(names, values, strict=True):
        if not _KEY.fullmatch(value):
            what = f"the environment variable {name} holds no key"
            raise SpecError(what, where="connectivity_readiness", fix="set letters, digits, '_' and '-', or unset it")
    return VenueKeys(values[0], values[1])


def forget_ended(lab: Lab) -> None:
    """Remove the keys of runs that have ended, and what a kill left of writing some; those of open runs stay."""
    with contextlib.suppress(OpsLabError):
        directory = confined(lab.root, *DIRECTORY)
        for path in sorted(directory.glob("*.json")):
            with contextlib.suppress(OpsLabError):
                if Bundle(confined(lab.runs, checked_id(path.stem))).has(layout.MANIFEST):
                    KeyFile(lab, path.stem).remove()
        for path in stale_staging(directory):
            remove_tree(path)


class KeyFile:
    """The file of one run.

    Args:
        lab: the lab.
        run_id: the run.

    Raises:
        IdError: ``run_id`` is unsafe.
    """

    def __init__(self, lab: Lab, run_id: str) -> None:
        self._root, self._name = lab.root, f"{checked_id(run_id)}.json"

    @property
    def path(self) -> Path:
        """Where it is.

        Raises:
            RootError: a symlink is in the way.
        """
        return confined(self._root, *DIRECTORY, self._name)

    def write(self, keys: VenueKeys) -> None:
        """Keep the keys, for the owner of this process alone.

        Raises:
            StoreError: they cannot be written.
            RootError: a symlink is in the way.
        """
        path = self.path
        make_directory(path.parent.parent)
        staged = f"{STAGING_PREFIX}{secrets.token_hex(4)}"
        content = json.dumps({"api_key": keys.api_key, "api_secret": keys.api_secret}).encode()
        with _told(path):
            path.parent.mkdir(mode=0o700, exist_ok=True)
        with _told(path), _opened(path.parent) as directory:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(staged, flags, 0o600, dir_fd=directory), "wb") as file:
                    file.write(content)
                os.replace(staged, self._name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(staged, dir_fd=directory)
                raise

    def read(self) -> VenueKeys | None:
        """Return the keys; None when there is no file.

        Raises:
            StoreError: it cannot be read, others may read it, or it holds no keys.
            RootError: a symlink is in the way.
        """
        path = self.path
        if trouble_of(path) == MISSING:
            return None
        with _told(path, "read"), os.fdopen(open_regular(path, os.O_RDONLY), "rb") as file:
            mode, content = os.fstat(file.fileno()).st_mode, file.read(_MOST_BYTES)
        if mode & 0o077:
            raise StoreError("others may read the keys", where=path, fix="give it mode 0600, and find out who did that")
        try:
            found = json.loads(content)
            keys = VenueKeys(found["api_key"], found["api_secret"])
        except (ValueError, KeyError, TypeError, RecursionError):
            keys = None
        if keys is None or not all(
            isinstance(value, str) and _KEY.fullmatch(value) for value in (keys.api_key, keys.api_secret)
        ):
            raise StoreError("holds no keys", where=path, fix="they went with the run; end its venue by hand")
        return keys

    def remove(self) -> None:
        """Remove the file, if it is there; what cannot be removed stays, since the run has ended anyhow."""
        with contextlib.suppress(OSError), _opened(self._root.joinpath(*DIRECTORY)) as directory:
            os.unlink(self._name, dir_fd=directory)


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _told(path: Path, verb: str = "written") -> Iterator[None]:
    try:
        yield
    except OSError as error:
        what = f"the venue's keys cannot be {verb}: {error.strerror or error}"
        raise StoreError(what, where=path, fix="check space, rights and the path") from error
