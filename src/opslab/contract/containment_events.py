"""Journal events of what kept risk small: containments, triggers, guards, countdowns, and views that differed."""

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
        detect_ms: from the write of the switch's state to its reading by the node; null where nothing was written, and
            in all but the first attempt of one pull, which noticed it.
        attempt: the number of this one, of those that one pull led to: the venue was not flat after the one before, or
            something came up again.
    """

    event: Literal["containment_began"] = "containment_began"
    cause: str
    source: Literal["switch", "stop"]
    detect_ms: float | None = None
    attempt: int = 1


class ContainmentEnded(Event):
    """The venue was asked until its books were flat, or until time was up.

    Its times are counted from the detection of the pull by the first attempt, as long as none has found the venue flat;
    what comes up again after that has times of its own, from when it was found.

    Attributes:
        is_flat: whether the venue's answers prove that nothing is left.
        orders_cancelled: orders that were open when it began or appeared meanwhile, and are not any more.
        positions_closed: positions that were open when it began or appeared meanwhile, and are not any more.
        rounds: how often the venue was asked what is left.
        contain_ms: until no order was open; null: not reached.
        flat_ms: until the books were flat; null: not reached.
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
        owner: who is called, as the spec names it; null: it names nobody.
    """

    event: Literal["trigger_fired"] = "trigger_fired"
    trigger: str
    value: str
    limit: str
    detail: str
    owner: str | None = None


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


class StrategyStopped(Event):
    """A strategy was stopped: it went on sending while the kill switch was active, and left nothing else a turn.

    Attributes:
        strategy: its name.
        detail: one line for people.
    """

    event: Literal["strategy_stopped"] = "strategy_stopped"
    strategy: str
    detail: str


class DeadManActed(Event):
    """What became of the countdown at the end of which the venue cancels every order by itself.

    Attributes:
        action: ``armed`` (the venue counts down), ``failed`` (a renewal was not answered, the first in a row), ``lost``
            (none was answered for as long as the countdown is: the venue may have cancelled everything), ``regained``
            (it counts down again), ``ended`` (the node stopped well: what is left stays) or ``left_running`` (the venue
            cancels what is left).
        symbols: the venue's symbols that it is told of.
        countdown_ms: the length of the countdown.
        detail: one line for people.
        renewals: how many the venue has confirmed so far, of all symbols together.
        failures: how many it has not.
        weight: what all of them used up of the venue's limit.
    """

    event: Literal["dead_man_acted"] = "dead_man_acted"
    action: Literal["armed", "failed", "lost", "regained", "ended", "left_running"]
    symbols: tuple[str, ...]
    countdown_ms: int
    detail: str
    renewals: int = 0
    failures: int = 0
    weight: int = 0


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
    for model in (
        ContainmentBegan,
        ContainmentEnded,
        TriggerFired,
        GuardActed,
        StrategyStopped,
        DeadManActed,
        ViewsDiffered,
    )
}
"""These events, by name."""
