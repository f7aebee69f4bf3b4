"""One live node from its building to its end, driven from the main thread: it works only while it is pumped.

What NautilusTrader does silently becomes an ``EngineError``: a node that runs without its strategy, one that shuts
itself down, a connection that leaves loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance import BinanceLiveDataClientFactory, BinanceLiveExecClientFactory
from nautilus_trader.live.node import TradingNode

from opslab.engine.node.account import add_reported_account
from opslab.engine.node.door import SwitchDoor
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.loopback import remote_addresses, require_loopback
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nautilus_trader.config import TradingNodeConfig
    from nautilus_trader.trading.strategy import Strategy

    from opslab.safety.gate import GateDecision

LOOK_SECONDS = 0.25
"""How often the process's remote addresses are looked at while the node runs."""

STOP_MARGIN_SECONDS = 10.0
"""How much longer a stop may take than the node's own timeouts for it."""

DRAIN_TURNS = 10
"""Turns of the loop that a stopped node's tasks have to end by themselves: they were told to end before."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGABRT)
SHUTDOWN_TOPIC = "commands.system.shutdown"


class NodeSession:
    """A node, its own event loop, and its strategies.

    Args:
        config: the node's settings; refused unless all of it is on loopback.
        strategies: what trades, beside the strategies that the settings bring along.
        ask: reads the kill switch before every submit and modify.

    Raises:
        EngineError: the settings lead out of loopback, or the engine refuses them.
    """

    def __init__(
        self, config: TradingNodeConfig, strategies: Sequence[Strategy], ask: Callable[[], GateDecision]
    ) -> None:
        require_loopback(config)
        self._handlers = {number: signal.getsignal(number) for number in _SIGNALS}
        self._config, self._strategies, self._ask = config, tuple(strategies), ask
        self._door: SwitchDoor | None = None
        self.shutdown_reason: str | None = None
        self._signalled: signal.Signals | None = None
        self._looked = 0.0
        self._loop = NodeLoop()
        self._changed = asyncio.Event()
        try:
            self.node = self._built()
        except BaseException:
            self._loop.close()
            raise

    @property
    def cache(self) -> Any:
        """The node's cache."""
        return self.node.kernel.cache

    @property
    def msgbus(self) -> Any:
        """The node's message bus."""
        return self.node.kernel.msgbus

    @property
    def is_trading(self) -> bool:
        """Whether the node and all its strategies run, and nothing asked the node to shut down."""
        return not self.idle_strategies and self.shutdown_reason is None and self.node.kernel.is_running()

    @property
    def strategy_ids(self) -> tuple[str, ...]:
        """Names of all strategies, those of the settings first."""
        return tuple(strategy.id.value for strategy in self._strategies)

    @property
    def idle_strategies(self) -> tuple[str, ...]:
        """Names of the strategies that do not run."""
        return tuple(strategy.id.value for strategy in self._strategies if not strategy.is_running)

    @property
    def stopped(self) -> int:
        """Orders and changes that the kill switch kept from leaving."""
        return 0 if self._door is None else self._door.stopped

    def notify(self) -> None:
        """Wake whoever pumps; may be called from any thread, a closed session hears nothing."""
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._changed.set)

    def start(self) -> None:
        """Connect, reconcile and start the strategies.

        Raises:
            EngineError: a strategy does not run afterwards, which the node itself takes for a success.
        """
        try:
            self._loop.run_until_complete(self.node.kernel.start_async())
        except Exception as error:
            raise EngineError(f"the node did not start: {type(error).__name__}: {one_line(error)}") from error
        self.require_loopback_only()
        if not self.is_trading:
            raise EngineError(
                f"the node started without its strategy: {self._why_not()}",
                fix="look at the venue's wire log for what it refused",
            )

    def pump(self, seconds: float) -> bool:
        """Let the node work until something changed, at most ``seconds``; false when nothing did.

        Raises:
            EngineError: the process has a connection that is not on loopback.
            KeyboardInterrupt: SIGINT came.
            SystemExit: SIGTERM or SIGABRT came.
        """
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            self._loop.run_until_complete(asyncio.wait_for(self._changed.wait(), seconds))
        if self._signalled is not None:
            raise KeyboardInterrupt if self._signalled is signal.SIGINT else SystemExit(128 + self._signalled)
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self.require_loopback_only()
        return self._changed.is_set()

    def pump_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Let the node work until ``condition`` holds, at most ``seconds``; return whether it does."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self.pump(min(left, LOOK_SECONDS))
        return True

    def require_loopback_only(self) -> None:
        """Refuse to go on once any connection of the process leads out of loopback.

        Raises:
            EngineError: naming it.
        """
        self._looked = time.monotonic()
        if found := remote_addresses():
            raise EngineError(
                f"a connection leads out of loopback: {min(found)}", fix="stop everything and find out why"
            )

    def stop(self) -> None:
        """Stop strategies, clients and engines.

        Raises:
            EngineError: it did not end within the node's own timeouts and a margin, or something raised.
        """
        seconds = self._config.timeout_post_stop + self._config.timeout_disconnection + STOP_MARGIN_SECONDS
        try:
            self._loop.run_until_complete(asyncio.wait_for(self.node.stop_async(), seconds))
        except TimeoutError as error:
            raise EngineError(f"the node did not stop within {seconds:g} s") from error
        except Exception as error:
            raise EngineError(f"the node did not stop: {type(error).__name__}: {one_line(error)}") from error

    def dispose(self) -> None:
        """Free everything, whatever state it is in, and give the process its signals back."""
        if self._loop.is_closed():
            return
        if self.node.kernel.is_running():  # it failed to start, or nobody stopped it: disposing would only wait
            with contextlib.suppress(EngineError):
                self.stop()
        with contextlib.suppress(Exception):
            self._loop.run_until_complete(_drained())
        with contextlib.suppress(Exception):
            self.node.dispose()
        self._loop.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _built(self) -> TradingNode:
        try:
            node = TradingNode(config=self._config, loop=self._loop)
            watched = _watched(lambda client: self._stand_before(client, node.kernel))
            for name in _factory_names(self._config.data_clients):
                node.add_data_client_factory(name, BinanceLiveDataClientFactory)
            for name in _factory_names(self._config.exec_clients):
                node.add_exec_client_factory(name, watched)
            node.build()
            for strategy in self._strategies:
                node.trader.add_strategy(strategy)
            self._strategies = tuple(node.trader.strategies())
        except Exception as error:
            raise EngineError(f"the node cannot be built: {type(error).__name__}: {one_line(error)}") from error
        node.kernel.msgbus.subscribe(topic=SHUTDOWN_TOPIC, handler=self._shut_down)
        for number in _SIGNALS:  # the node's own handler would only stop it, and nobody would be told why
            self._loop.add_signal_handler(number, self._hear, number)
        return node

    def _hear(self, number: signal.Signals) -> None:
        self._signalled = number
        self._changed.set()

    def _stand_before(self, client: Any, kernel: Any) -> None:
        add_reported_account(client, kernel.cache, self._config)
        self._door = SwitchDoor(client, kernel.cache, kernel.clock, self._ask)
        self._door.install()

    def _shut_down(self, command: Any) -> None:
        self.shutdown_reason = self.shutdown_reason or one_line(command.reason)
        self._changed.set()

    def _why_not(self) -> str:
        if self.shutdown_reason:
            return self.shutdown_reason
        kernel = self.node.kernel
        if not kernel.data_engine.check_connected():
            return "the data client did not connect"
        if not kernel.exec_engine.check_connected():
            return "the execution client did not connect"
        if len(idle := self.idle_strategies) < len(self._strategies):
            return f"strategy {idle[0]} stopped"
        return "reconciliation or the portfolio did not come to an end"


def _factory_names(clients: dict[str, Any]) -> list[str]:
    """Return the names under which the node looks for the factories of its clients: what stands before a hyphen."""
    return sorted({name.partition("-")[0] for name in clients})


def _watched(made: Callable[[Any], None]) -> type[BinanceLiveExecClientFactory]:
    """Return the adapter's own factory, which tells of each client that it makes."""

    class Watched(BinanceLiveExecClientFactory):  # type: ignore[misc]
        @staticmethod
        def create(*args: Any, **kwargs: Any) -> Any:
            client = BinanceLiveExecClientFactory.create(*args, **kwargs)
            made(client)
            return client

    return Watched


async def _drained() -> None:
    """Let the engines' queue tasks come to their end, and cancel what does not: a loop must not die under a task."""
    for _ in range(DRAIN_TURNS):
        await asyncio.sleep(0)
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
