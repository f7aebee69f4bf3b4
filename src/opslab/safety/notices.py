"""Asks the kernel to say when files change, so that looking at each of them again can wait for a moment (inotify(7)).

A notice comes at once, before the call that made the change returns. It is no proof on its own: a file system in user
space or on another machine may change without one. So whoever asks looks at the files all the same, only less often.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE = 0x40, 0x80, 0x100, 0x200
_DELETE_SELF, _MOVE_SELF, _MASK_ADD = 0x400, 0x800, 0x20000000
_GONE = _DELETE_SELF | _MOVE_SELF
_APPEARED = _CREATE | _MOVED_TO
_CONTENT = _MODIFY | _ATTRIB | _CLOSE_WRITE | _GONE
_ENTRIES = _CONTENT | _APPEARED | _MOVED_FROM | _DELETE
"""Of a directory: whatever happens to its entries, or to itself."""

_BYTES = 1 << 16


class Notices:
    """Tells whether anything was done to paths, or to a directory above one, since it was made or last asked.

    Args:
        paths: the paths; what does not exist yet is noticed when it appears.

    Raises:
        OSError: the kernel cannot, or has no watch left.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify_init1 failed")
        self.close = weakref.finalize(self, os.close, self._descriptor)
        try:
            for path in paths:
                self._watch(path)
        except OSError:
            self.close()
            raise
        self._poll = select.poll()
        self._poll.register(self._descriptor, select.POLLIN)

    def heard(self) -> bool:
        """Return whether something was done; asked again, only what was done since then counts."""
        if not self._poll.poll(0):
            return False
        with contextlib.suppress(BlockingIOError):
            while os.read(self._descriptor, _BYTES):
                pass
        return True

    def _watch(self, path: Path) -> None:
        """Watch a path, its directory, and that the directories above stay where they are."""
        self._add(path, _CONTENT)
        is_missing = not self._add(path.parent, _ENTRIES)
        for above in path.parent.parents:
            is_there = self._add(above, _GONE | (_APPEARED if is_missing else 0))
            is_missing = is_missing and not is_there

    def _add(self, path: Path, mask: int) -> bool:
        """Return whether something lies there to be watched."""
        if self._library.inotify_add_watch(self._descriptor, os.fsencode(path), mask | _MASK_ADD) >= 0:
            return True
        error = ctypes.get_errno()
        if not os.path.lexists(path):
            return False
        raise OSError(error, "inotify_add_watch failed", str(path))
