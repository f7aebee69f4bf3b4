"""Clears what killed writers left half written beside the switches; what a living one writes is never touched.

Writers under the lock exclude each other. One that had to go on without it holds the lock of the switches' directory
itself, together with others of its kind; whoever sweeps needs that lock for itself alone.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from opslab.errors import StoreError
from opslab.safety.layout import ANCHOR_SUFFIX
from opslab.store.adding import held_directory
from opslab.store.durable import STAGING_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MARK_SECONDS = 1.0
"""How long a writer without the lock waits for one that sweeps, which takes as long as removing a few files."""


@contextlib.contextmanager
def unswept(root: Path) -> Iterator[None]:
    """Keep others from sweeping inside the block; for a writer that goes on without the lock."""
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(StoreError):
            stack.enter_context(held_directory(root, MARK_SECONDS, shared=True))
        yield


def sweep(root: Path) -> None:
    """Remove what is half written in ``root``, and its anchor's beside it; to be called under the lock."""
    with contextlib.suppress(StoreError), held_directory(root, 0) as is_alone:
        if is_alone:
            sweep_names(root, "")
            sweep_names(root.parent, f"-{root.name}{ANCHOR_SUFFIX}")


def sweep_names(directory: Path, suffix: str) -> None:
    """Remove the staged files in ``directory`` whose names end in ``suffix``; what cannot be removed stays."""
    with contextlib.suppress(OSError):
        for name in os.listdir(directory):  # noqa: PTH208 - names only
            if name.startswith(STAGING_PREFIX) and name.endswith(suffix):
                with contextlib.suppress(OSError):
                    (directory / name).unlink()
