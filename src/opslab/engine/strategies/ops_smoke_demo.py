"""``ops_smoke_demo``: counts bars and does one deterministic thing, without an order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.trading.strategy import Strategy

if TYPE_CHECKING:
    from opslab.engine.registry import StrategyContext

ACTION_AT_BAR = 5
"""The bar, counted from 1 over all instruments, at which the action happens (contract 4.2)."""


class OpsSmokeDemo(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Proves that an engine runs a strategy.

    Args:
        context: the run; no ``params`` are used.

    Attributes:
        bars_seen: bars received so far.
        deterministic_action_triggered: whether the fifth bar has been seen.
    """

    def __init__(self, context: StrategyContext) -> None:
        super().__init__()
        self._bar_types = [BarType.from_str(text) for text in context.bar_types]
        self.bars_seen = 0
        self.deterministic_action_triggered = False

    def on_start(self) -> None:
        """Subscribe to every instrument's bars."""
        for bar_type in self._bar_types:
            self.subscribe_bars(bar_type)

    def on_bar(self, bar: Bar) -> None:  # noqa: ARG002 - the engine's signature
        """Count the bar."""
        self.bars_seen += 1
        if self.bars_seen == ACTION_AT_BAR:
            self.deterministic_action_triggered = True


create = OpsSmokeDemo
