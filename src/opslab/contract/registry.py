"""Every event that a journal may hold, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.contract.connectivity import CONNECTIVITY_EVENTS
from opslab.contract.containment_events import CONTAINMENT_EVENTS
from opslab.contract.drill_events import DRILL_EVENTS
from opslab.contract.events import RUN_EVENTS
from opslab.contract.kill_switch import KILL_EVENTS
from opslab.contract.paper_events import PAPER_EVENTS
from opslab.contract.strays import STRAY_EVENTS

if TYPE_CHECKING:
    from opslab.contract.events import Event

EVENTS: dict[str, type[Event]] = {
    **RUN_EVENTS,
    **PAPER_EVENTS,
    **STRAY_EVENTS,
    **CONTAINMENT_EVENTS,
    **CONNECTIVITY_EVENTS,
    **DRILL_EVENTS,
    **KILL_EVENTS,
}
"""The models of journal lines; a line of another name is a later addition of v1."""
