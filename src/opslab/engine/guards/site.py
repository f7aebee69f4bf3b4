"""Where guards stand: one node, what it may be told, and who hears of what a guard did."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from nautilus_trader.config import TradingNodeConfig
    from nautilus_trader.system.kernel import NautilusKernel

    from opslab.safety.gate import GateDecision

type Tell = Callable[[str, Mapping[str, Any]], None]
"""Is given what a run's journal shall hold: the event's name and its own fields, as JSON types."""


def untold(_event: str, _facts: Mapping[str, Any]) -> None:
    """Keep it from everybody: there is no journal."""


@dataclass
class Site:
    """One node as its guards see it.

    Attributes:
        config: the node's settings.
        kernel: its kernel.
        read: reads the kill switches.
        pull: pulls the run's kill switch; is given the reason, one line. It does so once, whoever asks first.
        tell: writes into the run's journal; see ``opslab.contract.containment_events``.
        exec_clients: the execution clients, as they were made.
        data_clients: the data clients, as they were made.
        trouble: says in a line what went wrong in the node, so that nobody can trust it to end well; None: nothing did.
        intents: of spot: where whoever empties the account writes its closes down; None: nowhere.
        holds: why new risk is denied for now, by the name of who says so: a line, or what returns it when it is asked
            for; empty when it is not.
        stopped: why a strategy was stopped by a guard, in a line, by its name.
    """

    config: TradingNodeConfig
    kernel: NautilusKernel
    read: Callable[[], GateDecision]
    pull: Callable[[str], None]
    tell: Tell = untold
    exec_clients: list[Any] = field(default_factory=list)
    data_clients: list[Any] = field(default_factory=list)
    trouble: Callable[[], str | None] = lambda: None
    intents: Path | None = None
    holds: dict[str, str | Callable[[], str]] = field(default_factory=dict)
    stopped: dict[str, str] = field(default_factory=dict)

    def ask(self) -> GateDecision:
        """Return whether new risk may be taken now: as the kill switches say, and no guard holds."""
        decision = self.read()
        if decision.blocked or not self.holds:
            return decision
        return dataclasses.replace(decision, blocked=True, reasons=tuple(self.held().values()))

    def held(self) -> dict[str, str]:
        """Return why new risk is denied now, in a line each, by the name of who says so; from any thread."""
        return {name: f"{name}: {why if isinstance(why, str) else why()}" for name, why in self._holding()}

    def _holding(self) -> tuple[tuple[str, str | Callable[[], str]], ...]:
        # A timer's callback places its orders in a thread of its own, and the line may be made when it is asked for.
        return tuple(self.holds.items())

    def hold(self, name: str, why: str | Callable[[], str]) -> bool:
        """Deny new risk until ``release``; return whether this is new.

        Args:
            name: who says so.
            why: one line, or what returns it at each denial, such as how long it lasts yet.
        """
        is_new = name not in self.holds
        self.holds[name] = why
        return is_new

    def release(self, name: str) -> bool:
        """Let go again; return whether it was held."""
        return self.holds.pop(name, None) is not None


class GuardLike(Protocol):
    """What stands around a node. Each method is called once, in this order; none may wait."""

    def on_data_client(self, client: Any, site: Site) -> None:
        """Stand around a data client, which was made and is not connected."""
        ...

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand around an execution client, which was made and is not connected."""
        ...

    def on_node(self, site: Site) -> None:
        """The node is built and not started: add actors, subscribe, set timers."""
        ...


class Bystander:
    """A guard that does nothing; the others do what they need."""

    def on_data_client(self, client: Any, site: Site) -> None:
        """Leave the data client alone."""

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Leave the execution client alone."""

    def on_node(self, site: Site) -> None:
        """Leave the node alone."""
