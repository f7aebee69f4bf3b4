"""Fills at the next open: what a strategy decides on bar t is executed at the open of bar t+1 of that instrument.

NautilusTrader fills a market order that a bar caused at that very bar's close. A latency model alone moves it to the
next bar's close, and with several instruments to a stale one. Here the venue's side of the execution client keeps each
command back until the first open of its instrument that is not before the decision. One nanosecond after that open the
venue's book is moved to the open price, then the commands arrive in the order in which they were sent. The alert for
that is set only when a command waits, so a run pays for its orders and not for its bars.

What follows from it:

* Orders, changes and cancels wait alike: a cancel reaches the venue after the open, which may have filled the order.
* A whole market order fills at the open price: the book holds as much as the largest waiting order.
* A strategy sees no synthetic market data. One that subscribes to trades sees none; bars are all there is.
* An instrument with a gap, or whose data starts later, executes at its own next open, however late.
* Without a further open (the last bar) commands stay in flight: orders remain ``SUBMITTED``.
* A command that is sent while filling at an open waits for the open after that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from nautilus_trader.backtest.config import SimulationModuleConfig
from nautilus_trader.backtest.execution_client import BacktestExecClient
from nautilus_trader.backtest.modules import SimulationModule
from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import AggressorSide
from nautilus_trader.model.identifiers import TradeId

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nautilus_trader.backtest.engine import BacktestEngine, SimulatedExchange
    from nautilus_trader.model.identifiers import InstrumentId
    from nautilus_trader.model.instruments import Instrument
    from nautilus_trader.model.objects import Quantity

    from opslab.data.candles import Candles

ARRIVAL_NS = 1
"""How long after an open the commands that wait for it arrive, in nanoseconds."""


class ExchangeDoor(SimulationModule):  # type: ignore[misc]  # the engine ships no types
    """Hands over the exchange that ``BacktestEngine.add_venue`` makes and keeps to itself."""

    def __init__(self) -> None:
        super().__init__(SimulationModuleConfig())

    def process(self, ts_now: int) -> None:
        """Do nothing."""

    def log_diagnostics(self, logger: Any) -> None:
        """Do nothing."""

    def reset(self) -> None:
        """Do nothing."""


class OpenPrices:
    """The opens of one instrument's candles.

    Args:
        instrument: the engine's instrument.
        candles: its candles.
    """

    def __init__(self, instrument: Instrument, candles: Candles) -> None:
        self.instrument = instrument
        self._times = candles.ts_close_ns - np.uint64(candles.interval_ns)
        self._prices = candles.open

    def next_after(self, ts_ns: int) -> int | None:
        """Return the time of the first open at or after ``ts_ns``, UTC nanoseconds, or None."""
        row = int(np.searchsorted(self._times, np.uint64(ts_ns)))
        return int(self._times[row]) if row < len(self._times) else None

    def tick(self, open_ns: int, size: Quantity) -> TradeTick:
        """Return a trade of ``size`` at the open at ``open_ns``, stamped when commands arrive."""
        row = int(np.searchsorted(self._times, np.uint64(open_ns)))
        at = open_ns + ARRIVAL_NS
        price = self.instrument.make_price(self._prices[row])
        return TradeTick(
            self.instrument.id, price, size, AggressorSide.NO_AGGRESSOR, TradeId(f"open-{open_ns}"), at, at
        )


class NextOpenClient(BacktestExecClient):  # type: ignore[misc]  # the engine ships no types
    """An execution client that keeps commands back until the next open of their instrument.

    Args:
        exchange: the simulated venue.
        engine: the engine that it belongs to.
        opens: the opens of each instrument of the venue.
    """

    def __init__(
        self, exchange: SimulatedExchange, engine: BacktestEngine, opens: Mapping[InstrumentId, OpenPrices]
    ) -> None:
        kernel = engine.kernel
        super().__init__(exchange=exchange, msgbus=kernel.msgbus, cache=kernel.cache, clock=kernel.clock)
        self._venue = exchange
        self._timer = kernel.clock
        self._opens = opens
        self._waiting: dict[int, list[Any]] = {}
        self.prints = 0
        """How often a book was moved to an open price."""

    def submit_order(self, command: Any) -> None:
        """Report the order as submitted and keep it until the next open."""
        self._report_submitted(command.order)
        self._keep(command)

    def submit_order_list(self, command: Any) -> None:
        """Report the orders as submitted and keep the list whole until the next open."""
        for order in command.order_list.orders:
            self._report_submitted(order)
        self._keep(command)

    def modify_order(self, command: Any) -> None:
        """Keep the change until the next open."""
        self._keep(command)

    def cancel_order(self, command: Any) -> None:
        """Keep the cancel until the next open."""
        self._keep(command)

    def cancel_all_orders(self, command: Any) -> None:
        """Keep the cancel until the next open."""
        self._keep(command)

    def batch_cancel_orders(self, command: Any) -> None:
        """Keep the cancels until the next open."""
        self._keep(command)

    def _report_submitted(self, order: Any) -> None:
        self.generate_order_submitted(
            strategy_id=order.strategy_id,
            instrument_id=order.instrument_id,
            client_order_id=order.client_order_id,
            ts_event=self._timer.timestamp_ns(),
        )

    def _keep(self, command: Any) -> None:
        opens = self._opens.get(command.instrument_id)
        open_ns = opens.next_after(self._timer.timestamp_ns()) if opens else None
        if open_ns is None:
            return
        waiting = self._waiting.get(open_ns)
        if waiting is None:
            waiting = self._waiting[open_ns] = []
            name = f"opslab-open-{self._venue.id}-{open_ns}"
            self._timer.set_time_alert_ns(name, open_ns + ARRIVAL_NS, self._open)
        waiting.append(command)

    def _open(self, event: Any) -> None:
        """Move the books to the open, then let the commands through; the engine settles the venue afterwards."""
        open_ns = event.ts_event - ARRIVAL_NS
        commands = self._waiting.pop(open_ns)
        sizes: dict[InstrumentId, Quantity] = {}
        for command in commands:
            least = self._opens[command.instrument_id].instrument.size_increment
            sizes[command.instrument_id] = max(sizes.get(command.instrument_id, least), _size(command, least))
        for instrument_id, size in sizes.items():
            self._venue.process_trade_tick(self._opens[instrument_id].tick(open_ns, size))
            self.prints += 1
        for command in commands:
            self._venue.send(command)


def _size(command: Any, least: Quantity) -> Quantity:
    """Return the largest order quantity in a command."""
    if hasattr(command, "order"):
        return max(least, command.order.quantity)
    if hasattr(command, "order_list"):
        return max([least, *(order.quantity for order in command.order_list.orders)])
    return least


def install(engine: BacktestEngine, door: ExchangeDoor, opens: Mapping[InstrumentId, OpenPrices]) -> NextOpenClient:
    """Replace the execution client of the venue behind ``door`` by one that fills at the next open."""
    exchange = door.exchange
    exchange.modules.clear()  # the door has done its work; a module left in place is called at every bar
    execution = engine.kernel.exec_engine
    client = NextOpenClient(exchange, engine, opens)
    execution.deregister_client(exchange.exec_client)
    exchange.register_client(client)
    execution.register_client(client)
    return client
