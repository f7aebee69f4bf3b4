"""Shows on a terminal's stderr that a long command is at work; says nothing into files and pipes."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

SILENT_SECONDS = 1.0
"""A command that is done by then shows nothing."""


def is_shown(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether ``stream`` takes colours and what moves: a terminal that can, and that nobody asked to keep plain.

    ``NO_COLOR`` asks for that when it is set and not empty (no-color.org), ``TERM`` when it is ``dumb``.
    """
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") not in {"dumb", "unknown"}


@contextlib.contextmanager
def working(what: str) -> Iterator[None]:
    """Show ``what`` and how long it has taken, from ``SILENT_SECONDS`` on until the block's end.

    Args:
        what: a few words: ``running first-run``.
    """
    if not is_shown(sys.stderr, os.environ):
        yield
        return
    is_over = threading.Event()
    shower = threading.Thread(target=_show, args=(what, is_over), daemon=True)
    shower.start()
    try:
        yield
    finally:
        is_over.set()
        shower.join()


def _show(what: str, is_over: threading.Event) -> None:
    if is_over.wait(SILENT_SECONDS):
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task(what, total=None)
        is_over.wait()
