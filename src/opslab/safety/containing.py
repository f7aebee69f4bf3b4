"""What a node does next while it empties its venue: pure decisions of the containment inside a node.

The engine comes first: what its strategies own is cancelled and closed in their names, so that every fill belongs to
somebody. It is given a few tries. Whatever is left then, or is not known to it, is ended at the venue itself, whose
answer alone says whether the books are flat.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

TRY_SECONDS = 0.1
"""How long the engine is given to do what it was told, before it is told again."""

TRIES = 3
"""How often the engine is told, until the venue is asked without it."""

SHORTEST_PAUSE_SECONDS = 0.05
FIRST_PAUSE_SECONDS = 0.25
LAST_PAUSE_SECONDS = 5.0


class Step(Enum):
    """What is done next."""

    TELL = "tell"
    """Tell the engine to cancel and to close."""
    WAIT = "wait"
    """Let it do so."""
    ASK = "ask"
    """Ask the venue."""


@dataclass(frozen=True)
class Held:
    """A position that a strategy owns, as the engine has it.

    Attributes:
        signed_quantity: in base units, negative for a short.
        closing: what orders that are under way may take off it yet, in base units.
        largest: the most that one order may trade; None: any quantity.
    """

    signed_quantity: Decimal
    closing: Decimal = Decimal(0)
    largest: Decimal | None = None


def closes(held: Held) -> tuple[Decimal, ...]:
    """Return the quantities of the orders that close what nothing closes yet; together never more than that."""
    left = abs(held.signed_quantity) - held.closing
    if left <= 0:
        return ()
    if held.largest is None or held.largest <= 0 or left <= held.largest:
        return (left,)
    whole, rest = divmod(left, held.largest)
    return (held.largest,) * int(whole) + ((rest,) if rest else ())


def next_step(tries: int, waited: float, *, is_engine_done: bool) -> Step:
    """Return what is done next.

    Args:
        tries: how often the engine was told already.
        waited: seconds since it was told last.
        is_engine_done: whether it has neither order nor position left that a strategy owns.
    """
    if is_engine_done:
        return Step.ASK
    if tries and waited < TRY_SECONDS:
        return Step.WAIT
    return Step.TELL if tries < TRIES else Step.ASK


def pause_after(looks: int) -> float:
    """Return how many seconds pass until the venue is asked once more, after it was asked ``looks`` times in a row.

    The pauses grow: to ask is dear at the venue, and what the engine learns by itself needs no question.
    """
    return min(FIRST_PAUSE_SECONDS * 2.0 ** min(looks, 16), LAST_PAUSE_SECONDS)


def pause_between(rounds: int) -> float:
    """Return how many seconds pass within an attempt, after ``rounds`` rounds in a row that learned nothing new."""
    return min(SHORTEST_PAUSE_SECONDS * 2.0 ** min(rounds, 16), LAST_PAUSE_SECONDS)


def is_new(known: Mapping[str, str], before: Mapping[str, str]) -> bool:
    """Return whether the engine knows of something that it did not know of when the venue was flat.

    What it still believed then and the venue did not have is wrong, and no reason to begin again.

    Args:
        known: what is open by the engine's cache, quantity by name.
        before: the same, when the venue said last that nothing is left.
    """
    return any(before.get(name) != quantity for name, quantity in known.items())
