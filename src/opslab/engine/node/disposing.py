"""The end of a node: strategies and actors are disposed of one by one, so that what one of them raises is known.

NautilusTrader 1.231 disposes of them in a row that the first exception breaks, and keeps some exceptions to itself.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from opslab.engine.node.turns import because

if TYPE_CHECKING:
    from collections.abc import Callable

    from nautilus_trader.live.node import TradingNode

    from opslab.engine.node.turns import Turns
    from opslab.errors import EngineError

DRAIN_TURNS = 10
"""Turns of the loop that a stopped node's tasks have to end by themselves: they were told to end before."""


def disposed(node: TradingNode, turns: Turns, seconds: float) -> EngineError | None:
    """Free a node whose loop does not run, and return what went wrong first; None: nothing did.

    Args:
        node: is stopped; whatever raises or blocks keeps nothing else from being freed.
        turns: bounds each step, and the signals' owner meanwhile.
        seconds: how long the node's own part may take.
    """
    found = [_tried(lambda: turns.run(_drained(), seconds), "the node's tasks did not end")]
    trader = node.trader
    for part in (*trader.strategies(), *trader.actors(), *trader.exec_algorithms()):
        if part.is_disposed or part.is_running:  # one that still runs cannot be disposed of, and that is known by now
            continue
        found.append(_tried(partial(turns.call, part.dispose, 0.0), f"{part.id.value} was not disposed of"))
    found.append(_tried(lambda: turns.call(node.dispose, seconds), "the node was not disposed of"))
    return next((error for error in found if error is not None), None)


def _tried(action: Callable[[], Any], what: str) -> EngineError | None:
    try:
        action()
    except BaseException as error:  # noqa: BLE001 - whatever it is, it is told, and the next thing is freed
        return because(what, error)
    return None


async def _drained() -> None:
    """Let the engines' queue tasks come to their end, and cancel what does not: a loop must not die under a task."""
    for _ in range(DRAIN_TURNS):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
