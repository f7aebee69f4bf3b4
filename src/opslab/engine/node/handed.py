"""Counts the market data that a node's strategies and actors are handed, of whatever kind."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_HANDLERS = tuple(
    f"handle_{name}"
    for name in (
        "bar",
        "quote_tick",
        "trade_tick",
        "order_book",
        "order_book_deltas",
        "order_book_depth",
        "mark_price",
        "index_price",
        "funding_rate",
        "data",
        "historical_bar",
        "historical_quote_tick",
        "historical_trade_tick",
        "historical_order_book_deltas",
        "historical_order_book_depth",
        "historical_funding_rate",
        "historical_data",
    )
)
_LAB = "opslab."
_STRATEGIES = "opslab.engine.strategies."


class Handed:
    """Counts what reaches the handlers; set around them before the node starts.

    Attributes:
        count: how many items of market data were handed over.
    """

    def __init__(self) -> None:
        self.count = 0

    def around(self, receivers: Iterable[Any]) -> None:
        """Count what strategies and actors are handed from now on; the lab's own actors are no users."""
        for receiver in receivers:
            module = type(receiver).__module__
            if module.startswith(_LAB) and not module.startswith(_STRATEGIES):
                continue
            for name in _HANDLERS:
                handler = getattr(receiver, name, None)
                if handler is not None:
                    with contextlib.suppress(AttributeError):  # a plain Strategy handles nothing, and takes none
                        setattr(receiver, name, self._counting(handler))

    def _counting(self, handler: Callable[..., None]) -> Callable[..., None]:
        def counting(*words: Any, **named: Any) -> None:
            self.count += 1
            handler(*words, **named)

        return counting
