"""The end of a paper run that its own main thread cannot give it: it stands where nothing interrupts it."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from opslab.errors import EngineError
from opslab.report.strays import strays_line
from opslab.store import layout

if TYPE_CHECKING:
    from opslab.runs.paper_run import PaperRun


def give_up(run: PaperRun, place: str) -> NoReturn:
    """Seal what can be, say why, and end the process at once with exit code 1; called in another thread.

    Args:
        run: the run; its node is left as it is.
        place: where the main thread stands.
    """
    error = EngineError(
        f"the node was blocked and cannot be interrupted: it stands at {place}", fix="let the strategy return"
    )
    told, seen, left = str(error), "", None
    try:
        bundle = run.fail_without_node(error)
        told, seen = bundle.metadata.error or told, f"; see {bundle.path / layout.REPORT}"
        left = strays_line(bundle)
    except BaseException as trouble:  # noqa: BLE001 - whatever it is, the process has to end now
        told = f"{told}; and it could not be sealed: {type(trouble).__name__}"
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        if left is not None:
            os.write(2, f"warning: run {run.life.run_id} left running: {left}\n".encode(errors="replace"))
        os.write(2, f"error: run {run.life.run_id} failed: {told}{seen}\n".encode(errors="replace"))
    os._exit(1)
