"""Standard output and error of ``tc``: what cannot be written is told once, in one line, and never as a traceback.

A reader who closes the pipe has seen enough: nothing is told then. Errors that nobody can be told of are dropped.
Where standard output is kept for one document, whatever else is printed goes to standard error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from pathlib import Path
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
        is_own: whether closing closes the descriptor.

    Attributes:
        number: the descriptor.
        is_told: as given.
        is_patient: whether a failure waits: it is raised by the first write after that.
    """

    def __init__(self, number: int, *, is_told: bool, is_own: bool = False) -> None:
        self.number, self.is_told, self._is_own, self._has_failed = number, is_told, is_own, False
        self._waiting: OSError | None = None
        self.is_patient = False

    def write(self, content: ReadableBuffer, /) -> int:
        size = memoryview(content).nbytes
        if self._has_failed:
            if self._waiting is not None and not self.is_patient:
                error, self._waiting = self._waiting, None
                raise OutputError(error) from error
            return size
        try:
            if self.number < 0:
                raise OSError(errno.EBADF, os.strerror(errno.EBADF))  # noqa: TRY301 - told like the others
            return os.write(self.number, content)
        except OSError as error:
            self._has_failed = True
            if self.is_told and not self.is_patient:
                raise OutputError(error) from error
            self._waiting = error if self.is_told else None
            return size

    def close(self) -> None:
        if self._is_own and not self.closed and self.number >= 0:
            os.close(self.number)
        super().close()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        if self.number < 0:
            raise io.UnsupportedOperation("the process was started without it")
        return self.number

    def isatty(self) -> bool:
        return self.number >= 0 and os.isatty(self.number)


@contextlib.contextmanager
def guarded_output(*, gives_back: bool = True) -> Iterator[None]:
    """Let standard output raise ``OutputError``, and standard error nothing, inside the block.

    Args:
        gives_back: whether a descriptor that was kept for a document is standard output again after the block. A
            process that ends then does not want that: libraries print late.

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
        while _kept:
            number, document = _kept.pop()
            if gives_back and number >= 0:
                os.dup2(document.fileno(), number)
            document.close()


def keep_for_document() -> None:
    """Keep standard output for the document that ``document_stream`` takes, until the process ends.

    Whatever else writes to it goes to standard error, Python or not: that is what its descriptor leads to from now on.
    Outside of ``guarded_output`` nothing is done.
    """
    raw = _descriptor_of(sys.stdout)
    if _kept or raw is None:
        return
    sys.stdout.flush()
    number, errors = raw.number, _number_of(sys.stderr)
    kept = -1 if number < 0 else os.dup(number)
    _kept.append((number, _stream(_Descriptor(kept, is_told=True, is_own=True), sys.stdout)))
    if number >= 0:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno() if errors < 0 else errors, number)
    sys.stdout = _stream(_Descriptor(errors, is_told=False), sys.stdout)


def document_stream() -> TextIO:
    """Return where a document goes: what was kept for it, else standard output."""
    return _kept[-1][1] if _kept else sys.stdout


@contextlib.contextmanager
def patient_output() -> Iterator[None]:
    """Let no print fail inside the block; a failure is raised by what is printed after it."""
    raw, stream = _descriptor_of(sys.stdout), sys.stdout
    if raw is None:
        yield
        return
    raw.is_patient = True
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # user code may close it
            stream.flush()
        raw.is_patient = False


_kept: list[tuple[int, TextIO]] = []
"""The descriptor that was standard output, and where its document goes."""


def _descriptor_of(stream: TextIO) -> _Descriptor | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Descriptor) else None


def _guarded(stream: TextIO | None, *, is_told: bool) -> TextIO:
    number = _number_of(stream)
    if number < 0 and stream is not None:  # in memory, as a test has it
        return stream
    return _stream(_Descriptor(number, is_told=is_told), stream)


def _number_of(stream: TextIO | None) -> int:
    number = -1
    with contextlib.suppress(OSError, ValueError):
        if stream is not None:
            number = stream.fileno()
            stream.flush()
    return number


def _stream(raw: _Descriptor, like: TextIO | None) -> TextIO:
    encoding, errors = getattr(like, "encoding", None) or "utf-8", "backslashreplace"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, errors, line_buffering=raw.isatty() or not raw.is_told)
