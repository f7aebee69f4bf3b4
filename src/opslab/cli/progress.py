"""Shows on a terminal's stderr that a long command is at work; says nothing into files and pipes."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO

SILENT_SECONDS = 1.0
"""A command that is done by then shows nothing."""


NARROW = 76
"""With fewer columns Typer's tables of options cut the options' names."""


def is_shown(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether ``stream`` takes colours and what moves: a terminal that can, and that nobody asked to keep plain."""
    return stream.isatty() and not _is_plain(environ)


def has_room(environ: Mapping[str, str]) -> bool:
    """Whether help and usage errors may be tables with styles: nobody asked for plain text, and there are columns."""
    return not _is_plain(environ) and shutil.get_terminal_size().columns >= NARROW


def _is_plain(environ: Mapping[str, str]) -> bool:
    """Whether ``NO_COLOR`` is set and not empty (no-color.org), or the terminal is ``dumb``."""
    return bool(environ.get("NO_COLOR")) or environ.get("TERM") in {"dumb", "unknown"}


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
