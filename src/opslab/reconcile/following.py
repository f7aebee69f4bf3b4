"""Views that are compared again and again: what differs for longer than it takes to arrive is told, once. Pure.

A difference is known by whose it is, its kind and its row: a number that goes on changing is the same difference.
What is over and has left nothing to be cleared up is told once and does not count from then on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opslab.contract.reconciliation import DifferenceKind, Subject
from opslab.reconcile.diff import Difference
from opslab.reconcile.view_difference import ViewDifference

if TYPE_CHECKING:
    from collections.abc import Sequence

type _Name = tuple[str, str, str, str]


class Change(NamedTuple):
    """What differs now is not what differed before.

    Attributes:
        agree: whether nothing differs any more.
        since_ms: for how long something has differed, or had until now.
        differences: what differs; of what agrees again nothing.
    """

    agree: bool
    since_ms: int
    differences: tuple[ViewDifference, ...]


class Following:
    """Follows the differences of one run; time is an argument, in ms of any clock that only goes forward.

    Args:
        grace_ms: how long a difference may be on its way before it counts.
    """

    def __init__(self, grace_ms: int) -> None:
        self._grace_ms = grace_ms
        self._first: dict[_Name, int] = {}
        self._last: tuple[ViewDifference, ...] = ()
        self._told: frozenset[_Name] = frozenset()
        self._since: int | None = None
        self._ended: set[_Name] = set()

    @property
    def differences(self) -> tuple[ViewDifference, ...]:
        """What counts as different now."""
        return tuple(item for item in self._last if _name(item) in self._told)

    @property
    def has_pending(self) -> bool:
        """Whether something differs that may yet be on its way."""
        return any(name not in self._told for name in self._first)

    def differ_ms(self, now_ms: int) -> int | None:
        """Return for how long the views have differed without a break, or None while they agree."""
        return None if self._since is None else max(0, now_ms - self._since)

    def take(self, now_ms: int, found: Sequence[ViewDifference]) -> Change | None:
        """Take a comparison; return what changed of it for those who were told of the last change, if anything did."""
        self._ended |= {name for name in self._told if name[1] == DifferenceKind.UNATTRIBUTED_ENDED}
        found = [item for item in found if _name(item) not in self._ended]
        names = {_name(item) for item in found}
        self._first = {name: self._first.get(name, now_ms) for name in names}
        self._last = tuple(found)
        told = frozenset(
            name for name, first in self._first.items() if name in self._told or now_ms - first >= self._grace_ms
        )
        if told == self._told:
            return None
        since = min((self._first[name] for name in told), default=now_ms)
        self._since = since if self._since is None else min(self._since, since)
        self._told, differed_ms = told, max(0, now_ms - self._since)
        if not told:
            self._since = None
        return Change(not told, differed_ms, self.differences)

    def cannot_tell(self, now_ms: int, who: str, why: str) -> Change | None:
        """Take that somebody did not answer: nothing that differed is taken for agreed, and that counts as differing.

        Args:
            now_ms: the time.
            who: whose view could not be had: ``venue`` or ``engine``.
            why: one line.
        """
        unknown = ViewDifference(who, Difference(DifferenceKind.UNKNOWN, Subject.FRESHNESS, who, None, why))
        others = [item for item in self._last if _name(item) != _name(unknown)]
        return self.take(now_ms, [*others, unknown])


def _name(item: ViewDifference) -> _Name:
    return (item.view, item.difference.kind, item.difference.subject, item.difference.key)
