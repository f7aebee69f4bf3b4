"""One live node from its building to its end, driven from the main thread: it works only while it is pumped.

What NautilusTrader does silently becomes an ``EngineError``: a node that runs without its strategy, one that shuts
itself down, a connection that leaves loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from nautilus_trader.live.node import TradingNode

from opslab.engine.guards.install import Surroundings
from opslab.engine.guards.site import Site, untold
from opslab.engine.node.account import add_reported_account
from opslab.engine.node.connecting import Connecting
from opslab.engine.node.disposing import disposed
from opslab.engine.node.handed import Handed
from opslab.engine.node.loop import NodeLoop
from opslab.engine.node.loopback import remote_addresses, require_loopback
from opslab.engine.node.lost_errors import LostErrors
from opslab.engine.node.turns import Turns, because
from opslab.engine.node.whereabouts import is_users_fault
from opslab.errors import EngineError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

    from nautilus_trader.config import TradingNodeConfig
    from nautilus_trader.trading.strategy import Strategy

    from opslab.engine.guards.site import GuardLike, Tell
    from opslab.safety.gate import GateDecision

LOOK_SECONDS = 0.25
"""How often the process's remote addresses are looked at while the node runs."""

STOP_MARGIN_SECONDS = 10.0
"""How much longer a stop may take than the node's own timeouts for it."""

SHUTDOWN_TOPIC = "commands.system.shutdown"


class NodeSession:
    """A node, its own event loop, and its strategies.

    Args:
        config: the node's settings; refused unless all of it is on loopback.
        strategies: what trades, beside the strategies that the settings bring along.
        ask: reads the kill switch before every submit and modify.
        guards: what else stands around the node.
        pull: pulls the run's kill switch, for a guard; is given the reason.
        tell: hears what guards did.
        intents: of spot: where closes are written down; see ``Site``.

    Raises:
        EngineError: the settings lead out of loopback, or the engine refuses them.
    """

    def __init__(
        self,
        config: TradingNodeConfig,
        strategies: Sequence[Strategy],
        ask: Callable[[], GateDecision],
        *,
        guards: Sequence[GuardLike] = (),
        pull: Callable[[str], None] = lambda _reason: None,
        tell: Tell = untold,
        intents: Path | None = None,
    ) -> None:
        require_loopback(config)
        self._config, self._strategies, self._guards = config, tuple(strategies), tuple(guards)
        self._read, self._pull, self._tell, self._intents = ask, pull, tell, intents
        self.shutdown_reason: str | None = None
        self._undisposed: EngineError | None = None
        self._looked = self._may_take = 0.0
        self._connecting = Connecting()
        self._loop = NodeLoop()
        self.turns = Turns(self._loop)
        self.lost, self.handed = LostErrors(self.notify), Handed()
        try:
            self.lost.listen(self._loop)
            self.node = self._built()
        except BaseException:
            self._close()
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
        return not (self.idle_strategies or self.trouble) and self.node.kernel.is_running()

    @property
    def trouble(self) -> str | None:
        """Why the node must not go on: it shuts down, an exception was lost, a timer blocks; None: nothing is wrong."""
        return self.turns.timers.blocked or self.shutdown_reason or self.lost.first

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
        return sum(door.stopped for door in self._around.doors)

    def notify(self) -> None:
        """Wake whoever pumps; may be called from any thread, a closed session hears nothing."""
        self.turns.notify()

    def allow(self, seconds: float) -> None:
        """Let every turn from now on block so long before it is interrupted; never less than what it is given."""
        self._may_take = seconds

    def start(self) -> None:
        """Connect, reconcile and start the strategies.

        Raises:
            EngineError: a strategy does not run afterwards, which the node itself takes for a success.
        """
        config = self._config
        seconds = config.timeout_connection + config.timeout_reconciliation + config.timeout_portfolio
        try:
            self.turns.run(self.node.kernel.start_async(), seconds, may_cut=True)
        except BaseException as error:
            self.turns.raise_signal()
            raise because("the node did not start", error) from error
        self.require_loopback_only()
        self._require_nothing_lost()
        if not self.is_trading:
            raise EngineError(
                f"the node started without its strategy: {self._why_not()}",
                fix="look at the venue's wire log for what it refused",
            )

    def pump(self, seconds: float) -> bool:
        """Let the node work until something changed, at most ``seconds``; false when nothing did.

        Raises:
            EngineError: the process has a connection that is not on loopback, a strategy blocked the node or wanted to
                end the process, or an exception was raised where nobody handles it.
            KeyboardInterrupt: SIGINT came.
            SystemExit: SIGTERM or SIGABRT came.
        """
        self.turns.changed.clear()
        try:
            self.turns.run(asyncio.wait_for(self.turns.changed.wait(), seconds), max(seconds, self._may_take))
        except TimeoutError:
            pass
        except EngineError:
            self.turns.raise_signal()
            raise
        self.turns.raise_signal()
        self._require_nothing_lost()
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self.require_loopback_only()
        return self.turns.changed.is_set()

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

    def work(self, coroutine: Coroutine[Any, Any, None], seconds: float) -> bool:
        """Let the node work until ``coroutine`` ended, at most ``seconds``; return whether it did."""
        if self._loop.is_closed():
            coroutine.close()
            return False
        try:
            self.turns.run(asyncio.wait_for(coroutine, seconds), seconds)
        except TimeoutError:
            return False
        return True

    def stop(self) -> None:
        """Stop strategies, clients and engines.

        Raises:
            EngineError: it did not end within the node's own timeouts and a margin, something raised, or something had
                been raised that nobody handled.
        """
        seconds = self._config.timeout_post_stop + self._config.timeout_disconnection + STOP_MARGIN_SECONDS
        self.turns.let_timers_return()
        try:
            self.turns.run(asyncio.wait_for(self.node.stop_async(), seconds), seconds)
        except TimeoutError as error:
            raise EngineError(f"the node did not stop within {seconds:g} s") from error
        except BaseException as error:
            raise because("the node did not stop", error) from error
        for name, lost in self._loop.unheard():
            if is_users_fault(lost):
                self.lost.lose(f"task {name}", lost)
        self.turns.let_timers_return()
        self._require_nothing_lost()

    def dispose(self) -> None:
        """Free everything, whatever state it is in, and give the process its signals back."""
        if self._loop.is_closed():
            return
        if self.node.kernel.is_running():  # it failed to start, or nobody stopped it: disposing would only wait
            with contextlib.suppress(EngineError):
                self.stop()
        self._undisposed = disposed(self.node, self.turns, STOP_MARGIN_SECONDS)
        self._close()

    def require_disposed(self) -> None:
        """Refuse to call a node's end a good one when something raised or blocked while it was disposed of.

        Raises:
            EngineError: saying what.
        """
        if self._undisposed is not None:
            raise self._undisposed

    def _built(self) -> TradingNode:
        try:
            node = TradingNode(config=self._config, loop=self._loop)
            self.site = Site(self._config, node.kernel, self._read, self._pull, self._tell, intents=self._intents)
            self.site.trouble = lambda: self.trouble or self.turns.stalled
            self.turns.hold = lambda told: self.site.hold("blocked_timer", told)
            self._around = Surroundings(self.site, self._guards, self._before_doors)
            self._around.enclose(node)
            node.build()
            for strategy in self._strategies:
                node.trader.add_strategy(strategy)
            self._strategies = tuple(node.trader.strategies())
            self._around.built()
        except (Exception, SystemExit) as error:
            raise because("the node cannot be built", error) from error
        self.handed.around((*self._strategies, *node.trader.actors()))
        node.kernel.msgbus.subscribe(topic=SHUTDOWN_TOPIC, handler=self._shut_down)
        self.turns.take_signals()
        return node

    def _close(self) -> None:
        self._loop.close()
        self.lost.deafen()
        self.turns.close()

    def _require_nothing_lost(self) -> None:
        self.turns.timers.require_returning()
        if (lost := self.lost.first) is not None:
            raise EngineError(f"an exception was lost: {lost}", fix="correct the strategy")

    def _before_doors(self, client: Any) -> None:
        self._connecting.around(client)
        add_reported_account(client, self.site.kernel.cache, self._config)

    def _shut_down(self, command: Any) -> None:
        self.shutdown_reason = self.shutdown_reason or one_line(command.reason)
        self.turns.changed.set()

    def _why_not(self) -> str:
        if self.trouble:
            return self.trouble
        kernel = self.node.kernel
        if not kernel.data_engine.check_connected():
            return "the data client did not connect"
        if not kernel.exec_engine.check_connected():
            return f"the execution client did not connect{self._connecting.why}"
        if len(idle := self.idle_strategies) < len(self._strategies):
            return f"strategy {idle[0]} stopped"
        return "reconciliation or the portfolio did not come to an end"
