"""Which strategies a spec may name: built-in ones, those of installed packages, and those that a caller adds.

A spec never imports code: it names an entry here. Listing names imports nothing; a strategy's module is imported when
its factory is asked for.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from opslab.engine.code import code_sha256
from opslab.errors import EngineError, IdError, SpecError, one_line
from opslab.ids import checked_id

__all__ = [
    "ENTRY_POINT_GROUP",
    "StrategyContext",
    "StrategyFactory",
    "StrategyRegistry",
    "code_sha256",
    "standard_registry",
]

ENTRY_POINT_GROUP = "opslab.strategies"
BUILT_IN = "opslab (built in)"
_BUILT_INS = {
    "ops_by_hand": "opslab.engine.strategies.ops_by_hand:create",
    "ops_round_trip": "opslab.engine.strategies.ops_round_trip:create",
    "ops_smoke_demo": "opslab.engine.strategies.ops_smoke_demo:create",
}


@dataclass(frozen=True)
class StrategyContext:
    """What a strategy is told about the run that it is made for.

    Attributes:
        instruments: instrument ids, such as ``BTCUSDT.BINANCE``; the spec's own first.
        bar_types: one bar type for each instrument, such as ``BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL``.
        seed: the run's seed; whatever a strategy draws at random comes from it.
        params: the spec's ``strategy.params``.
    """

    instruments: tuple[str, ...]
    bar_types: tuple[str, ...]
    seed: int = 0
    params: Mapping[str, bool | int | float | str] = MappingProxyType({})


StrategyFactory = Callable[[StrategyContext], Any]
"""Returns a new NautilusTrader ``Strategy`` at each call."""


@dataclass(frozen=True)
class _Entry:
    name: str
    origin: str
    source: StrategyFactory | str | importlib.metadata.EntryPoint


class StrategyRegistry:
    """Strategies by name; names are compared without regard to case.

    >>> registry = StrategyRegistry()
    >>> registry.register("mean_reversion", "my_package.strategies:mean_reversion", "my_package")
    >>> registry.names()
    ('mean_reversion',)
    """

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def register(self, name: str, factory: StrategyFactory | str, origin: str) -> None:
        """Add a strategy.

        Args:
            name: what a spec calls it.
            factory: a callable taking a ``StrategyContext``, or ``module:callable`` imported on first use.
            origin: who registers it, for messages.

        Raises:
            EngineError: the name is unsafe or taken, or ``factory`` is neither of the two.
        """
        if not callable(factory) and not (isinstance(factory, str) and _is_reference(factory)):
            raise EngineError(
                f"strategy {name!r} has no factory: {factory!r:.80}",
                where=origin,
                fix="register a callable that takes a StrategyContext, or the text 'module:callable'",
            )
        self._add(_Entry(name, origin, factory))

    def names(self) -> tuple[str, ...]:
        """Return the registered names, sorted."""
        return tuple(sorted(entry.name for entry in self._entries.values()))

    def origin(self, name: str) -> str:
        """Return who registered ``name``.

        Raises:
            SpecError: no strategy has that name.
        """
        return self._entry(name).origin

    def factory(self, name: str) -> StrategyFactory:
        """Return the factory of the strategy ``name``, importing its module.

        Raises:
            SpecError: no strategy has that name; the message lists the known ones.
            EngineError: its module cannot be imported, or does not hold what was registered.
        """
        entry = self._entry(name)
        source = entry.source
        if callable(source) and not isinstance(source, importlib.metadata.EntryPoint):
            return source
        reference = source.value if isinstance(source, importlib.metadata.EntryPoint) else str(source)
        try:
            loaded = _load(reference)
        except Exception as error:  # whatever a foreign module raises is told in one line
            raise EngineError(
                f"strategy {entry.name!r} cannot be loaded from {reference!r}: "
                f"{type(error).__name__}: {one_line(error)}",
                where=entry.origin,
                fix="correct that module, or remove the package that registers it",
            ) from error
        if not callable(loaded):
            raise EngineError(
                f"strategy {entry.name!r}: {reference!r} is not callable",
                where=entry.origin,
                fix="name a function or class that takes a StrategyContext",
            )
        checked: StrategyFactory = loaded
        return checked

    def _add(self, entry: _Entry) -> None:
        try:
            key = checked_id(entry.name, "strategy name").casefold()
        except IdError as error:
            raise EngineError(error.what, where=entry.origin, fix=error.fix) from error
        if taken := self._entries.get(key):
            raise EngineError(
                f"strategy {entry.name!r} is registered twice: by {taken.origin} and by {entry.origin}",
                fix="rename one of them",
            )
        self._entries[key] = entry

    def _entry(self, name: str) -> _Entry:
        if entry := self._entries.get(name.strip().casefold()):
            return entry
        close = difflib.get_close_matches(name.casefold(), self._entries, n=1)
        meant = f"did you mean {self._entries[close[0]].name!r}? " if close else ""
        raise SpecError(
            f"unknown strategy {name!r:.80}",
            fix=f"{meant}known strategies: {', '.join(self.names()) or 'none'}; "
            f"others register through the entry point group {ENTRY_POINT_GROUP!r}",
        )


def standard_registry() -> StrategyRegistry:
    """Return a registry of the built-in strategies and of those that installed packages offer.

    A package offers them as entry points of the group ``opslab.strategies``, ``name = "module:callable"``.

    Raises:
        EngineError: two of them have one name.
    """
    registry = StrategyRegistry()
    for name, reference in _BUILT_INS.items():
        registry.register(name, reference, BUILT_IN)
    found = importlib.metadata.entry_points(group=ENTRY_POINT_GROUP)
    for point in sorted(set(found), key=lambda point: (point.name, point.value)):
        package = f"{point.dist.name} {point.dist.version}" if point.dist else "an unnamed package"
        registry._add(_Entry(point.name, f"entry point {point.name!r} of {package}", point))  # noqa: SLF001 - same module
    return registry


def _is_reference(text: str) -> bool:
    module, separator, attribute = text.partition(":")
    return bool(separator) and all(part.isidentifier() for part in (*module.split("."), *attribute.split(".")))


def _load(reference: str) -> object:
    module, _, path = reference.partition(":")
    found: object = importlib.import_module(module.strip())
    for attribute in filter(None, path.strip().split(".")):
        found = getattr(found, attribute)
    return found
