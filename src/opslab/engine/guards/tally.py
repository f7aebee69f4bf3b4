"""What a containment ended at the venue: each order and each position once, by what the venue told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opslab.engine.guards.engine_path import EnginePath
    from opslab.engine.guards.outside import Looked
    from opslab.safety.flatten.course import Flattened


class Tally:
    """Counts what was at the venue when a containment began, or came meanwhile, and is not there any more.

    The venue told of it by the engine's events, by its answers to a look, or to a flatten past the engine. A position
    in which only the engine believes, and whose closes the venue all refused, was never there.

    Args:
        engine: the way through the engine.
    """

    def __init__(self, engine: EnginePath) -> None:
        self._engine, self._since = engine, engine.mark()
        self._orders: set[str] = set()
        self._seen: set[str] = set()
        self._believed: set[str] = set()

    def note(self) -> None:
        """Take in what the engine was told of so far."""
        self._orders |= self._engine.orders_at_venue()
        self._believed |= self._engine.positions_at_venue()

    def looked(self, looked: Looked) -> None:
        """Take in what a look saw."""
        self._orders |= set(looked.orders)
        self._seen |= looked.positions.keys()

    def flattened(self, ended: Flattened, names: dict[str, str]) -> None:
        """Take in what a flatten past the engine saw.

        Args:
            ended: what became of it.
            names: how the engine names the venue's symbols.
        """
        self._orders |= set(ended.saw_orders)
        self._seen |= {names.get(name, name) for name in ended.saw_positions}

    def orders(self, last: Looked | None) -> int:
        """Return how many orders are gone; of what the last look could not tell, as the engine believes."""
        engine = self._engine
        met = (self._orders | engine.cancelled_since(self._since)) - engine.closes_sent(self._since)
        left = set(last.orders) if last else set[str]()
        return len(met - left - (set[str]() if _is_whole(last) else engine.orders_at_venue()))

    def positions(self, last: Looked | None) -> int:
        """Return how many positions are gone; of what the last look could not tell, as the engine believes."""
        met = self._seen | (self._believed - self._engine.refused_closes(self._since))
        left = set(last.positions) if last else set[str]()
        return len(met - left - (set[str]() if _is_whole(last) else self._engine.positions_at_venue()))


def _is_whole(last: Looked | None) -> bool:
    return last is not None and not last.unknown
