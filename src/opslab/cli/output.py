"""Standard output and error of ``tc``: what cannot be written is told once, in one line, and never as a traceback.

A reader who closes the pipe has seen enough: nothing is told then. Errors that nobody can be told of are dropped.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import TYPE_CHECKING

from opslab.errors import OpsLabError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from _typeshed import ReadableBuffer


class OutputError(OpsLabError):
    """Standard output takes nothing.

    Args:
        error: why.
    """

    def __init__(self, error: OSError) -> None:
        self.is_closed_pipe = error.errno == errno.EPIPE
        super().__init__(
            f"standard output cannot be written: {error.strerror or error}",
            fix="free some space, or send it elsewhere",
        )


class _Descriptor(io.RawIOBase):
    """A descriptor of this process; after the first failure everything that is written to it is dropped.

    Args:
        number: the descriptor; negative when the process was started without it.
        is_told: whether the first failure is raised.
    """

    def __init__(self, number: int, *, is_told: bool) -> None:
        self._number, self._is_told, self._has_failed = number, is_told, False

    def write(self, content: ReadableBuffer, /) -> int:
        size = memoryview(content).nbytes
        if self._has_failed:
            return size
        try:
            if self._number < 0:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # noqa: TRY301 - told like the others
            return os.write(self._number, content)
        except OSError as error:
            self._has_failed = True
            if self._is_told:
                raise OutputError(error) from error
            return size

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self._number < 0:
            raise io.UnsupportedOperation("the process was started without it")
        return self._number

    def isatty(self) -> bool:
        return self._number >= 0 and os.isatty(self._number)


@contextlib.contextmanager
def guarded_output() -> Iterator[None]:
    """Let standard output raise ``OutputError``, and standard error nothing, inside the block.

    Raises:
        OutputError: what was printed could not be written at the block's end.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _guarded(before[0], is_told=True), _guarded(before[1], is_told=False)
    try:
        yield
        sys.stdout.flush()
    finally:
        with contextlib.suppress(OutputError):
            sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def _guarded(stream: TextIO | None, *, is_told: bool) -> TextIO:
    number = -1
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            number = stream.fileno()
            stream.flush()
    raw = _Descriptor(number, is_told=is_told)
    encoding, errors = getattr(stream, "encoding", None) or "utf-8", "backslashreplace"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=raw.isatty() or not is_told)
