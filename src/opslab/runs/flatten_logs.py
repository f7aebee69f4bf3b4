"""What flattens wrote down about a run goes with the run, once its record proves that nothing was left."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from opslab.errors import OpsLabError
from opslab.root import confined
from opslab.runs.flattening import FLATTENS, flatten_directory
from opslab.safety.flatten.log import FlattenLog
from opslab.store import layout
from opslab.store.durable import remove_tree
from opslab.store.orphans import stale_staging
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from opslab.root import Lab

_ENDED = ("paper_completed", "run_failed")
_CONTAINED = ("containment_began", "containment_ended")


def clear_flat(lab: Lab, run_id: str) -> bool:
    """Remove what flattens wrote down about a run that is sealed and flat, and return whether that was done.

    It stays where anything remains or may remain: an order or a position, a close whose fate is open, a flatten at
    work, a record that does not say or cannot be read. What cannot be removed stays too: nobody waits for it.
    """
    with contextlib.suppress(OpsLabError):
        directory = flatten_directory(lab, run_id)
        bundle = Bundle(confined(lab.runs, run_id))
        if not (directory.is_dir() and bundle.has(layout.MANIFEST) and is_flat(bundle.journal)):
            return False
        with FlattenLog(directory) as log:
            intents = (*log.intents(), *log.others())
            over = {intent.attempt for intent in intents if intent.is_settled}  # whoever found it out wrote it down
            return over.issuperset(intent.attempt for intent in intents) and remove_tree(directory)
    return False


def clear_all_flat(lab: Lab) -> tuple[str, ...]:
    """Do what ``clear_flat`` does for every run that a flatten wrote of, and return their ids.

    What a kill left of removing one is removed as well.
    """
    with contextlib.suppress(OpsLabError, OSError):
        home = confined(lab.root, *FLATTENS)
        for path in stale_staging(home):
            remove_tree(path)
        return tuple(path.name for path in sorted(home.iterdir()) if clear_flat(lab, path.name))
    return ()


def is_flat(events: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a run's record says that nothing was left at its venue.

    What the run found there when it ended decides. A run that was killed found nothing: then its last containment
    does, if the run's own switch was active from then on, so that its node could not trade again.

    Args:
        events: the run's events, in order.
    """
    is_forbidden = was_flat = False
    for event in events:
        name, left = event.get("event"), event.get("left")
        if name in _ENDED and left is not None:
            return isinstance(left, dict) and not any(left.values())
        if name == "kill_activated":
            is_forbidden = True
        elif name == "kill_cleared":
            is_forbidden = was_flat = False
        elif name in _CONTAINED:
            was_flat = is_forbidden and event.get("is_flat") is True
    return was_flat
