"""Whether a user stream tells what happens at the venue. Pure.

A quiet stream proves nothing: an account on which nothing happens has one too. What proves it deaf is something that
the venue's queries tell and that the stream has not told, although there was time to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


@dataclass(frozen=True)
class Account:
    """An account as one side sees it.

    Attributes:
        orders: what was filled of each open order, by client order id.
        positions: what is held, by instrument, negative for a short; without those that are flat.
        known: client order ids of which this side was told, open or not; without those that it sent and that nobody
            answered yet. Empty for the venue.
        balances: what is owned, by asset; without those of which nothing is. Empty where positions tell it.
        answers: of the venue: what it says of orders that it was asked for by name, beside those that are open.
    """

    orders: Mapping[str, Decimal]
    positions: Mapping[str, Decimal] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    balances: Mapping[str, Decimal] = field(default_factory=dict)
    answers: Mapping[str, str] = field(default_factory=dict)


type Difference = tuple[str, str, str, str]
"""What kind, of which order, instrument or asset, what the venue says, what was heard."""


def unheard(venue: Account, heard: Account) -> frozenset[Difference]:
    """Return what the venue tells that was not heard.

    An order that is heard to be over and open at the venue is not among it: no stream was silent about it.

    Args:
        venue: what the venue's queries say.
        heard: what the node believes.
    """
    found: set[Difference] = set()
    for name, filled in heard.orders.items():
        if name not in venue.orders:
            found.add(("over", name, "over", f"open, {filled:f} filled"))
    for name, filled in venue.orders.items():
        if name not in heard.known:
            found.add(("order", name, f"open, {filled:f} filled", "nothing"))
        elif name in heard.orders and filled > heard.orders[name]:
            found.add(("fill", name, f"{filled:f} filled", f"{heard.orders[name]:f} filled"))
    found.update(("order", name, told, "nothing") for name, told in venue.answers.items() if name not in heard.known)
    found.update(_amounts("position", venue.positions, heard.positions))
    found.update(_amounts("balance", venue.balances, heard.balances))
    return frozenset(found)


def _amounts(kind: str, venue: Mapping[str, Decimal], heard: Mapping[str, Decimal]) -> Iterator[Difference]:
    for name in venue.keys() | heard.keys():
        true, believed = venue.get(name, Decimal(0)), heard.get(name, Decimal(0))
        if true != believed:
            yield kind, name, f"{true:f}", f"{believed:f}"


@dataclass
class Hearing:
    """Judges a stream by readings of both sides, one after the other.

    Attributes:
        lag_seconds: how long the stream may take to tell; a difference that lasted for longer proves it deaf.
    """

    lag_seconds: float
    _first: dict[Difference, float] = field(default_factory=dict, init=False)
    _excused: frozenset[Difference] = field(default=frozenset(), init=False)

    def hear(self, now: float, differences: frozenset[Difference]) -> tuple[Difference, ...]:
        """Return what proves the stream deaf, sorted; nothing while it may still be on its way.

        Args:
            now: when the venue was asked, in seconds of a monotonic clock.
            differences: what both sides differ in.
        """
        self._first = {each: self._first.get(each, now) for each in differences}
        self._excused &= differences
        return tuple(
            sorted(
                each for each, first in self._first.items() if now - first >= self.lag_seconds and self._counts(each)
            )
        )

    def excuse(self, differences: frozenset[Difference]) -> None:
        """Count these no more while they last: they remained when the stream was new and everything was asked for."""
        self._excused |= differences

    def forget(self) -> None:
        """Begin anew: the stream is another one."""
        self._first = {}

    def _counts(self, difference: Difference) -> bool:
        return difference not in self._excused
