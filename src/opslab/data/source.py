"""A source file before it is parsed: opened once, digested, its encoding checked."""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from opslab.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Progress = Callable[[int, int], None]
"""Called with the bytes that were worked through and the bytes in all (each is read twice: digest, parse)."""

CHUNK_BYTES = 1 << 20
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class SourceFile:
    """A regular file, open for reading.

    Attributes:
        path: as the caller named it.
        file: the open descriptor; digest and parse read the same file even when the name is replaced meanwhile.
        size: bytes when it was opened.
    """

    path: Path
    file: IO[bytes]
    size: int

    @property
    def is_parquet(self) -> bool:
        """Whether it claims to be Parquet, by its first bytes or its name."""
        self.file.seek(0)
        return self.file.read(4) == PARQUET_MAGIC or self.path.suffix.lower() in {".parquet", ".pq"}


@dataclass(frozen=True)
class Scan:
    """What one pass over the bytes told: the digest, and the first line that is not UTF-8 text, if any."""

    sha256: str
    bad_line: int | None
    reason: str


@contextlib.contextmanager
def opened(path: Path) -> Iterator[SourceFile]:
    """Open a source, closing it afterwards.

    Raises:
        DataError: it is missing, a symlink, no regular file, unreadable, or it changed while it was read.
    """
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode):
            raise DataError("is a symlink, which the lab does not follow", where=path, fix="name the file itself")
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "not a regular file"
            raise DataError(f"is {kind}", where=path, fix="name a CSV or Parquet file")
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"source cannot be read: {reason}", where=path, fix="check the path and its rights") from error
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        yield SourceFile(path=path, file=file, size=before.st_size)
        after = os.fstat(descriptor)
        if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
            raise DataError("changed while it was read", where=path, fix="import it when it is complete")


def scan(source: SourceFile, progress: Progress, *, text: bool) -> Scan:
    """Digest ``source`` in chunks and, when it is ``text``, look for the first byte that is not UTF-8 or is NUL."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    source.file.seek(0)
    done, lines, bad_line, reason = 0, 1, None, ""
    if text and source.file.peek(2)[:2] in _UTF16:  # type: ignore[attr-defined]
        bad_line, reason = 1, "is UTF-16, not UTF-8: save the file as UTF-8"
    while chunk := source.file.read(CHUNK_BYTES):
        digest.update(chunk)
        if text and bad_line is None:
            bad, reason = _first_bad(decoder, chunk, final=done + len(chunk) >= source.size)
            if bad is not None:
                bad_line = lines + chunk.count(b"\n", 0, bad)
            lines += chunk.count(b"\n")
        done += len(chunk)
        progress(done, 2 * source.size)
    return Scan(sha256=digest.hexdigest(), bad_line=bad_line, reason=reason)


def _first_bad(decoder: codecs.IncrementalDecoder, chunk: bytes, *, final: bool) -> tuple[int | None, str]:
    nul = chunk.find(b"\0")
    pending = len(decoder.getstate()[0])
    try:
        decoder.decode(chunk if nul < 0 else chunk[:nul], final and nul < 0)
    except UnicodeDecodeError as error:
        return max(0, error.start - pending), "is not UTF-8 text: save the file as UTF-8"
    return (nul, "has a NUL byte: the file is binary or damaged") if nul >= 0 else (None, "")
