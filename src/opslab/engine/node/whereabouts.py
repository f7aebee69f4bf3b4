"""Where a thread stands: the innermost line that belongs to the user, else the innermost line at all."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import nautilus_trader

import opslab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

_LAB = str(Path(opslab.__file__).parent)
_STRATEGIES = str(Path(_LAB) / "engine" / "strategies")
_TURNS = str(Path(_LAB) / "engine" / "node" / "turns.py")
_ENGINE = str(Path(nautilus_trader.__file__).parent)
_STANDARD = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib")})
_INSTALLED = ("site-packages", "dist-packages")


def is_users(filename: str) -> bool:
    """Whether a line of ``filename`` is a strategy's, installed or not: nobody else's that is known here."""
    if filename.startswith("<") or filename.endswith((".pyx", ".pxd")):
        return False
    if filename.startswith(_LAB):
        return filename.startswith(_STRATEGIES)
    is_standard = filename.startswith(_STANDARD) and not any(f"/{name}/" in filename for name in _INSTALLED)
    return not (is_standard or filename.startswith(_ENGINE))


def is_at_users(frame: FrameType | None) -> bool:
    """Whether a frame stands in a line of a strategy, or in what one called."""
    return any(is_users(one.f_code.co_filename) for one in _outwards(frame))


def place_of(frame: FrameType | None) -> str:
    """Return where a frame stands, as ``file:line in function``; empty when there is none."""
    return _told((one.f_code.co_filename, one.f_lineno, one.f_code.co_name) for one in _outwards(frame))


def raised_at(trace: TracebackType | None) -> str:
    """Return where an exception was raised, as ``file:line in function``; empty when nobody knows."""
    rows = []
    while trace is not None:
        rows.append((trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_frame.f_code.co_name))
        trace = trace.tb_next
    return _told(reversed(rows))


def is_users_fault(error: BaseException) -> bool:
    """Whether an exception went through a line of a strategy."""
    trace = error.__traceback__
    while trace is not None:
        if is_users(trace.tb_frame.f_code.co_filename):
            return True
        trace = trace.tb_next
    return False


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    """Return a frame and those that called it, up to the lab's that turns the node: its callers are no strategies."""
    while frame is not None and frame.f_code.co_filename != _TURNS:
        yield frame
        frame = frame.f_back


def _told(rows: Iterator[tuple[str, int, str]]) -> str:
    """Return the first row that is the user's, else the first at all: innermost come first."""
    first = ""
    for filename, line, name in rows:
        told = f"{filename}:{line} in {name}"
        if is_users(filename):
            return told
        first = first or told
    return first
