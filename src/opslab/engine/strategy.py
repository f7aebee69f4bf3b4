"""Makes a run's strategy from its factory, and counts the bars that it is handed. Backtests and live nodes alike."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from nautilus_trader.trading.strategy import Strategy

from opslab.errors import EngineError, OpsLabError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.engine.registry import StrategyContext, StrategyFactory


def make_strategy(factory: StrategyFactory, context: StrategyContext) -> tuple[Strategy, Callable[[], int]]:
    """Return a new strategy, and what tells how many bars reached it.

    Raises:
        EngineError: the factory raises, or returns something else.
    """
    name = getattr(factory, "__qualname__", repr(factory))
    try:
        strategy = factory(context)
    except OpsLabError:
        raise
    except (Exception, SystemExit) as error:
        raise EngineError(
            f"strategy factory {name} raised {type(error).__name__}: {one_line(error)}",
            fix="correct it or strategy.params",
        ) from error
    if not isinstance(strategy, Strategy):
        raise EngineError(
            f"strategy factory {name} returned {type(strategy).__name__}, not a NautilusTrader Strategy",
            fix="return a new Strategy at each call",
        )
    return strategy, _counter(strategy)


def _counter(strategy: Strategy) -> Callable[[], int]:
    """Return the strategy's own count of bars if it keeps one, else count the calls of ``on_bar``."""
    if _is_count(getattr(strategy, "bars_seen", None)):
        return lambda: strategy.bars_seen if _is_count(strategy.bars_seen) else 0
    calls = 0
    on_bar = strategy.on_bar

    def counted(bar: Any) -> None:
        nonlocal calls
        calls += 1
        on_bar(bar)

    with contextlib.suppress(AttributeError):  # a plain Strategy handles no bars, and takes no attributes
        strategy.on_bar = counted
    return lambda: calls


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
