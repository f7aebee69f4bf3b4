"""Pulls a run's kill switch on behalf of a program: once, whoever asks first, and the run is told of it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from opslab.errors import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opslab.safety.switches import KillSwitches

ACTOR = "opslab"
EVENT = "kill_activated"


def puller(
    switches: KillSwitches, run_id: str, tell: Callable[[str, Mapping[str, Any]], object], source: str = "run"
) -> Callable[[str], None]:
    """Return what pulls the switch of ``run_id``; a further reason adds nothing while it is active.

    Args:
        switches: the lab's kill switches.
        run_id: whose switch it is.
        tell: writes into the run's journal: is given ``kill_activated`` and the event, as `tc kill activate` adds it.
            The switch is what counts: an error of its is ignored.
        source: which program pulls it.

    Returns:
        A function of the reason. It raises what ``KillSwitches.activate`` does, and is to be asked again then.
    """

    def pull(reason: str) -> None:
        if switches.gate(run_id).blocked:
            return
        change = switches.activate(run_id, one_line(reason), ACTOR, source)
        with contextlib.suppress(Exception):  # the switch is durable, and must not be pulled again for a full disk
            tell(EVENT, change.event)

    return pull
