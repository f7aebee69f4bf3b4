"""A strategy that does one thing at one place, and runs with it, their venue in a thread."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.trading.strategy import Strategy

from opslab.contract.spec_file import read_spec
from opslab.engine.registry import standard_registry
from opslab.runs import paper
from opslab.runs.paper import begin_paper, run_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec

if TYPE_CHECKING:
    from opslab.store.reader import Bundle

FAST = {"execution.pace": 600, "execution.max_bars": 6, "execution.max_seconds": 20}
LONG = 60.0


class Acts(Strategy):  # type: ignore[misc]  # the engine ships no types
    """Does one thing at one place."""

    def __init__(self, context: Any, act: Any, place: str = "start") -> None:
        super().__init__()
        self.bar_type, self._act, self._place = BarType.from_str(context.bar_types[0]), act, place
        self.held: list[Any] = []

    def on_start(self) -> None:
        self.subscribe_bars(self.bar_type)
        self._do("start")

    def on_bar(self, _bar: Bar) -> None:
        self._do("bar")

    def on_order_filled(self, _event: Any) -> None:
        self._do("filled")

    def buy(self, quantity: str = "0.010") -> None:
        instrument = self.cache.instrument(self.bar_type.instrument_id)
        self.submit_order(self.order_factory.market(instrument.id, OrderSide.BUY, instrument.make_qty(quantity)))

    def breaks(self, *_: Any) -> None:
        raise ValueError("nobody hears this")

    def _do(self, place: str) -> None:
        if place == "start" and self._place == "filled":
            self.clock.set_time_alert("buy", self.clock.utc_now() + timedelta(seconds=0.1), lambda _: self.buy())
        if place == self._place:
            self._act(self)


class Idle(Strategy):  # type: ignore[misc]
    """Subscribes to nothing and sends no order."""

    def __init__(self, _context: Any) -> None:
        super().__init__()


def begun(lab, run_id, act=None, place="start", *, host_of=thread_host, **changes):
    registry = standard_registry()
    registry.register("acts", (lambda context: Acts(context, act, place)) if act else Idle, "tests")
    wanted = {**FAST, "strategy.name": "acts", "strategy.params": None, **changes}
    return begin_paper(lab, edited(read_spec(paper_spec()), wanted), registry, run_id=run_id, host_of=host_of)


def run(lab, run_id, act=None, place="start", *, host_of=thread_host, **changes) -> Bundle:
    living = begun(lab, run_id, act, place, host_of=host_of, **changes)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "begin_paper", lambda *_, **__: living)
        return run_paper(lab, living.life.spec_file, standard_registry())
