"""The names of the switch files, in one place, and what lies at a path."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opslab.contract.switch_rules import switch_name

if TYPE_CHECKING:
    from pathlib import Path

STATE_SUFFIX = ".state.json"
EVENTS_SUFFIX = ".events.jsonl"
SUFFIXES = (STATE_SUFFIX, EVENTS_SUFFIX)
INDEX = "index.jsonl"
LOCK = "switches.lock"
ANCHOR_SUFFIX = ".anchor.json"
"""Added to the name of the switches' directory; the anchor lies beside it, so that it survives the directory."""

ROOTS = "kill_switch.roots.json"
ASIDE = ".aside-"
"""Marks what was broken and is kept as evidence: ``<name>.aside-<time>-<hex>``."""

TRIP = ".trip-"
"""Marks an activation that is under way or was cut short: ``<run_id>.trip-<its event id, without dashes>``."""

_TRIP_END = re.compile(re.escape(TRIP) + r"[0-9a-f]{32}$")
_ASIDE_END = re.compile(re.escape(ASIDE) + r"[0-9]{8}t[0-9]{6}z-[0-9a-f]{4}$")

LINE_SECONDS = 1.0
"""How long to wait for somebody who is adding a line to the same file, and may be stopped."""

LARGEST_STATE = 1024 * 1024
LARGEST_JOURNAL = 64 * 1024 * 1024


@dataclass(frozen=True)
class Found:
    """What lies at a path.

    Attributes:
        name: the file's name, for messages.
        content: the bytes; None when nothing is there, or nothing that can be read.
        trouble: why it cannot be read, if something is there.
        is_file: whether a regular file is there, readable or not.
    """

    name: str
    content: bytes | None = None
    trouble: str | None = None
    is_file: bool = False

    @property
    def is_absent(self) -> bool:
        """Whether nothing is there at all."""
        return self.content is None and self.trouble is None


def look(path: Path, largest: int) -> Found:
    """Return what lies at ``path``, without following a symlink, waiting on a pipe, or reading what is too large."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return Found(path.name)
    except OSError as error:
        trouble = "is a symlink" if error.errno == errno.ELOOP else f"cannot be opened ({error.strerror})"
        return Found(path.name, trouble=trouble, is_file=_is_file(path))
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            return Found(path.name, trouble="is not a file")
        if facts.st_size > largest:
            return Found(path.name, trouble=f"is too large ({facts.st_size} bytes)", is_file=True)
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return Found(path.name, content=file.read(largest), is_file=True)
    except OSError as error:
        return Found(path.name, trouble=f"cannot be read ({error.strerror})", is_file=True)
    finally:
        os.close(descriptor)


def trip_name(run_id: str, event_id: str) -> str:
    """Return the name of the mark of an activation, whose event will be ``event_id``."""
    return f"{run_id}{TRIP}{event_id.replace('-', '')}"


def trips_in(root: Path) -> dict[str, list[str]]:
    """Return the names of the trip marks in ``root``, sorted, by the switch that they are of.

    Raises:
        OSError: ``root`` cannot be listed.
    """
    found: dict[str, list[str]] = {}
    for entry in sorted(_entries(root)):
        stem = _TRIP_END.sub("", entry)
        if stem != entry:
            found.setdefault(stem, []).append(entry)
    return found


def names_in(root: Path, *, with_trips: bool = False) -> list[str]:
    """Return the switches that files in ``root`` are named for, evidence included, sorted.

    Args:
        root: the switches' directory.
        with_trips: whether a trip mark counts too; it comes before everything else of a switch.

    Raises:
        OSError: ``root`` cannot be listed.
    """
    plain = [_ASIDE_END.sub("", entry) for entry in _entries(root)]
    stems = {entry.removesuffix(suffix) for entry in plain for suffix in SUFFIXES if entry.endswith(suffix)}
    if with_trips:
        stems |= {_TRIP_END.sub("", entry) for entry in plain if _TRIP_END.search(entry)}
    return sorted(stem for stem in stems if _is_name(stem))


def _entries(root: Path) -> list[str]:
    try:
        return os.listdir(root)  # noqa: PTH208 - names only
    except FileNotFoundError:
        return []


def _is_name(stem: str) -> bool:
    try:
        switch_name(stem)
    except ValueError:
        return False
    return True


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except OSError:
        return False
