"""Tells a run that its switch changed: in its journal while it lives, in ``post.jsonl`` once it is sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.encoding import sha256_hex
from opslab.errors import OpsLabError
from opslab.root import confined
from opslab.store import layout
from opslab.store.journal import GENESIS, Journal
from opslab.store.lock import is_alive

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opslab.clock import Clock
    from opslab.root import Lab


def tell_run(lab: Lab, run_id: str, event: Mapping[str, Any], clock: Clock) -> str | None:
    """Add a kill event to what a run recorded, if the run exists; the switch itself is durable by then.

    Returns:
        What went wrong, in one line; None when nothing did. It never raises: the artifact disk may be full.
    """
    try:
        bundle = confined(lab.runs, run_id)
        if not bundle.is_dir():
            return None
        manifest = confined(bundle, layout.MANIFEST)
        is_over = manifest.is_file() and not is_alive(bundle)
        path = confined(bundle, layout.POST if is_over else layout.JOURNAL)
        if not is_over and not path.is_file():
            return None
        anchor = sha256_hex(manifest.read_bytes()) if is_over else GENESIS
        journal = Journal(path, run_id, anchor=anchor, clock=clock)
        try:
            journal.append(event, durable=True)
        finally:
            journal.close()
    except (OpsLabError, OSError) as error:
        return f"run {run_id} was not told: {error}"
    return None
