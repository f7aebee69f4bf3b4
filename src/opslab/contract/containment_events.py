"""Journal events of what kept risk small: containments, triggers, guards, and views that differed."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from opslab.contract.base import Artifact
from opslab.contract.events import Event
from opslab.contract.execution import Guard
from opslab.contract.left import LeftAtVenue


class ContainmentBegan(Event):
    """A node saw that new risk is forbidden, and began to empty the venue.

    Attributes:
        cause: why, in a line, as the deciding kill switch tells it.
        source: what led to it: ``switch`` (pulled while the node traded) or ``stop`` (``on_stop: flatten``).
        detect_ms: from the write of the switch's state to its reading by the node; null where nothing was written.
    """

    event: Literal["containment_began"] = "containment_began"
    cause: str
    source: Literal["switch", "stop"]
    detect_ms: float | None = None


class ContainmentEnded(Event):
    """The venue was asked until its books were flat, or until time was up.

    Attributes:
        is_flat: whether the venue's answers prove that nothing is left.
        orders_cancelled: orders that were open when it began or appeared meanwhile, and are not any more.
        positions_closed: positions that were open when it began or appeared meanwhile, and are not any more.
        rounds: how often the venue was asked what is left.
        contain_ms: from the detection until no order was open; null: not reached.
        flat_ms: from the detection until the books were flat; null: not reached.
        left: what remains, by the venue's own answers.
        unknown: what the venue would not tell, each in a line; what cannot be told counts as left.
    """

    event: Literal["containment_ended"] = "containment_ended"
    is_flat: bool
    orders_cancelled: int = 0
    positions_closed: int = 0
    rounds: int = 0
    contain_ms: float | None = None
    flat_ms: float | None = None
    left: LeftAtVenue = LeftAtVenue()
    unknown: tuple[str, ...] = ()


class TriggerFired(Event):
    """A limit of the spec was passed that pulls the kill switch; told once, the switch stays pulled.

    Attributes:
        trigger: the field of ``risk.limits``.
        value: what was measured, as text, in the limit's unit.
        limit: the limit, as text.
        detail: one line for people.
    """

    event: Literal["trigger_fired"] = "trigger_fired"
    trigger: str
    value: str
    limit: str
    detail: str


class GuardActed(Event):
    """A guard kept a weakness of the engine from doing harm, or let go again.

    Attributes:
        guard: which one.
        action: ``installed``, ``held`` (new risk is denied for now), ``released``, ``corrected`` (what the engine would
            have believed was put right), ``asked`` (the venue, before believing), ``retried``, ``reconnected``,
            ``refused`` (to start), or ``pulled`` (the kill switch).
        detail: one line for people.
        facts: what was measured.
    """

    event: Literal["guard_acted"] = "guard_acted"
    guard: Guard
    action: Literal[
        "installed", "held", "released", "corrected", "asked", "retried", "reconnected", "refused", "pulled"
    ]
    detail: str
    facts: dict[str, Any] = Field(default_factory=dict)


class DifferenceTold(Artifact):
    """One difference between two views.

    Attributes:
        view: whose belief differs from the venue's: ``engine``, ``strategy`` or ``wire``.
        kind: what differs, a word of ``reconcile``.
        subject: ``order``, ``position``, ``balance``, ``fill``.
        key: the row: a client order id, an instrument, a currency.
        expected: what the venue says; null where it has none.
        observed: what the view says; null where it has none.
    """

    view: str
    kind: str
    subject: str
    key: str
    expected: str | None = None
    observed: str | None = None


class ViewsDiffered(Event):
    """The views began to differ, differ otherwise than before, or agree again.

    Attributes:
        agree: whether all views agree now.
        since_ms: for how long they had differed, in ms; 0 when they begin to.
        differences: the first ones.
        differences_total: how many there were.
    """

    event: Literal["views_differed"] = "views_differed"
    agree: bool
    since_ms: int = 0
    differences: tuple[DifferenceTold, ...] = ()
    differences_total: int = 0


CONTAINMENT_EVENTS: dict[str, type[Event]] = {
    model.model_fields["event"].default: model
    for model in (ContainmentBegan, ContainmentEnded, TriggerFired, GuardActed, ViewsDiffered)
}
"""These events, by name."""
