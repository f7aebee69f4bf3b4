"""A live node with its strategy, its tap and its views: what a paper run drives."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nautilus_trader.model.identifiers import InstrumentId, StrategyId

from opslab.contract.events import PaperCounters
from opslab.contract.execution import OnKill, OnStop
from opslab.engine.guards.catalogue import guards_of
from opslab.engine.guards.containment import Containment
from opslab.engine.guards.dead_man import DeadMan
from opslab.engine.guards.site import untold
from opslab.engine.guards.storm import Storms
from opslab.engine.guards.triggers import triggers_of
from opslab.engine.limits import LimitGate
from opslab.engine.node.belief import Belief
from opslab.engine.node.hearing import Hearing
from opslab.engine.node.live_tap import LiveTap
from opslab.engine.node.names import instrument_id
from opslab.engine.node.session import NodeSession
from opslab.engine.node.settings import adjusted, node_config
from opslab.engine.strategy import make_strategy
from opslab.engine.views import engine_fills, engine_view, netted
from opslab.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal
    from pathlib import Path

    from opslab.contract.execution import Guard, Profile
    from opslab.contract.spec import Limits
    from opslab.engine.guards.site import Tell
    from opslab.engine.node.own import OwnNode
    from opslab.engine.node.settings import VenueAddress
    from opslab.engine.registry import StrategyContext, StrategyFactory
    from opslab.safety.gate import GateDecision

CONTAIN_MARGIN_SECONDS = 5.0
"""How much longer a node that stops waits for two containments, one under way and one of its own, than they take."""

BESIDE_TAG = "OPSLAB"
"""The order id tag of the lab's strategy in a user's node, so that it never is one of theirs."""


@dataclass(frozen=True)
class NodeOrder:
    """What a node is asked to run.

    Attributes:
        factory: makes the strategy.
        context: what the strategy is told.
        is_futures: USD-M futures, else spot.
        profile: the node's intervals.
        limits: what the strategy may do at most.
        redis_port: port on 127.0.0.1 of the Redis server that keeps the node's cache; None: it is kept nowhere.
        engine: further settings of ``LiveExecEngineConfig``.
        own: the user's node, which the strategy is then added to; it keeps its own settings.
        guards: the lab's guards that stand around it.
        on_kill: what a pulled switch leads to.
        on_stop: what becomes of orders and positions when it stops.
        keep: of spot: base units by asset that a containment leaves, because the account held them before.
        dead_man_seconds: of futures: the venue cancels every order when it heard nothing of the node for so long.
        intents: of spot: the directory in which whoever empties the account writes its closes down before.
    """

    factory: StrategyFactory
    context: StrategyContext
    is_futures: bool
    profile: Profile
    limits: Limits | None
    redis_port: int | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)
    own: OwnNode | None = None
    guards: tuple[Guard, ...] = ()
    on_kill: OnKill = OnKill.FLATTEN
    on_stop: OnStop = OnStop.LEAVE
    keep: Mapping[str, Decimal] = field(default_factory=dict)
    dead_man_seconds: float | None = None
    intents: Path | None = None


class LiveNode:
    """One node on one venue, with one strategy.

    Args:
        address: the venue.
        order: what is run.
        ask: reads the kill switch before every submit and modify.
        write: is given each line of the event stream.
        pull: pulls the run's kill switch, for a guard; is given the reason.
        tell: hears what guards did.

    Raises:
        EngineError: an address is not loopback, or strategy or node cannot be made.
    """

    def __init__(
        self,
        address: VenueAddress,
        order: NodeOrder,
        *,
        ask: Callable[[], GateDecision],
        write: Callable[[bytes], None],
        pull: Callable[[str], None] = lambda _reason: None,
        tell: Tell = untold,
    ) -> None:
        self.order = order
        self.strategy, self._bars_seen = make_strategy(order.factory, order.context)
        config = adjusted(_settings(address, order, self.strategy), order.redis_port, order.engine)
        follows = order.on_kill is OnKill.FLATTEN
        self._containment = Containment(order.profile, follows=follows, keep=order.keep)
        triggers = triggers_of(order.limits, order.profile)
        guards = [self._containment, Storms(), *triggers, *guards_of(order.guards, order.profile), Hearing()]
        if order.dead_man_seconds is not None:
            names = order.context.instruments
            guards.append(DeadMan(order.dead_man_seconds, names, lambda: self._containment.unfinished))
        doors: dict[str, Any] = {"pull": pull, "tell": tell, "intents": order.intents}
        self._session = NodeSession(config, [self.strategy], ask, guards=guards, **doors)
        self._tap = LiveTap(write, self._session.notify)
        self._tap.attach(self._session.msgbus)
        self._belief = Belief(*self._session.strategy_ids)
        self._belief.attach(self._session.msgbus)
        if order.limits is not None:
            LimitGate(order.limits, self._session.node.kernel).install()
        self._started: float | None = None
        self._trading_ms = 0

    @property
    def cache(self) -> Any:
        """The node's cache."""
        return self._session.cache

    @property
    def holds(self) -> dict[str, str]:
        """Why new risk is denied for now, by the name of the guard that says so; a pulled switch is none of them."""
        return self._session.site.held()

    def name_of(self, symbol: str) -> str:
        """Return how the engine names one of the venue's symbols."""
        return instrument_id(symbol, is_futures=self.order.is_futures)

    def start(self) -> None:
        """Connect, reconcile, start the strategy; raises as ``NodeSession.start``.

        Raises:
            EngineError: the node loads none of the venue's instruments.
        """
        self._session.start()
        names = self.order.context.instruments
        if not any(self.cache.instrument(InstrumentId.from_str(name)) for name in names):
            fix = "let the instrument provider load what the venue plays"
            raise EngineError(f"the node loaded none of {', '.join(names)}", fix=fix)
        self._started = time.monotonic()

    def adopt(self) -> None:
        """Let the strategy believe what the cache held when it started: of that it is told by no event."""
        held = engine_view(self.cache)
        self._belief.adopt(held["orders"], held["positions"], engine_fills(self.cache))

    def pump(self, seconds: float) -> bool:
        """Let the node work until something changed; raises as ``NodeSession.pump``."""
        return self._session.pump(seconds)

    def pump_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Let the node work until ``condition`` holds, at most ``seconds``; return whether it does."""
        return self._session.pump_until(condition, seconds)

    def allow(self, seconds: float) -> None:
        """Let a turn block so long from now on before it is interrupted; see ``NodeSession.allow``."""
        self._session.allow(seconds)

    def at_last(self, resort: Callable[[str], None]) -> None:
        """Have ``resort`` called, with where the main thread stands, when that cannot be interrupted any more."""
        self._session.turns.watchdog.last_resort = resort

    def settle(self, seconds: float) -> None:
        """Let the node work until no event came for ``seconds``, at most ten times as long."""
        deadline = time.monotonic() + 10 * seconds
        while time.monotonic() < deadline and self._session.pump(seconds):
            pass

    def notify(self) -> None:
        """Wake whoever pumps, from any thread."""
        self._session.notify()

    def require_trading(self) -> None:
        """Refuse to go on when the node or its strategy stopped by itself.

        Raises:
            EngineError: saying why.
        """
        if not self._session.is_trading:
            idle = self._session.idle_strategies
            stopped = f"strategy {idle[0]} stopped" if idle else "it does not run any more"
            why = [why for name, why in self._session.site.stopped.items() if name in idle]
            reason = self._session.trouble or (why[0] if why else stopped)
            raise EngineError(f"the node stopped trading: {reason}", fix="correct the strategy, or look at the venue")

    def views(self) -> dict[str, dict[str, Any]]:
        """Return what engine and strategy believe now."""
        engine = {**engine_view(self.cache), "fills": engine_fills(self.cache)}
        if self.order.own is not None:
            engine["positions"] = netted(engine["positions"], self._session.strategy_ids)
        return {"engine": engine, "strategy": self._belief.view()}

    def counters(self) -> PaperCounters:
        """Return what the node did so far."""
        return PaperCounters(
            bars_seen=self._bars_seen(),
            orders_stopped=self._session.stopped,
            strategy_started=self._started is not None,
            trading_ms=self._trading_ms or self._elapsed_ms(),
            data_seen=self._session.handed.count,
            **self._tap.counts,
        )

    def contain(self) -> None:
        """End what a pulled switch began, and what the run wants ended when it stops; the node trades no more then."""
        if self.order.on_stop is OnStop.FLATTEN:
            work = self._containment.empty("the node stops, and its run leaves nothing behind")
        else:
            work = self._containment.settle()
        self._session.work(work, 2 * self._containment.seconds + CONTAIN_MARGIN_SECONDS)

    def stop(self) -> None:
        """Contain what is to be contained; stop strategy, clients and engines; raises as ``NodeSession.stop``."""
        self._trading_ms = self._elapsed_ms()
        if self._started is not None:
            with contextlib.suppress(Exception):  # the node is stopped in any case; its run sees what is left
                self.contain()
        self._session.stop()

    def dispose(self) -> None:
        """Free everything, whatever state it is in."""
        self._trading_ms = self._trading_ms or self._elapsed_ms()
        self._session.dispose()

    def require_disposed(self) -> None:
        """Refuse to go on when something raised or blocked while it was freed; see ``NodeSession.require_disposed``."""
        self._session.require_disposed()

    def _elapsed_ms(self) -> int:
        return 0 if self._started is None else int((time.monotonic() - self._started) * 1000)


def _settings(address: VenueAddress, order: NodeOrder, strategy: Any) -> Any:
    """Return the node's settings; beside the strategies of a user's node ours gets a name of its own."""
    if order.own is not None:
        order.own.require_instruments(order.context.instruments)
        strategy.change_id(StrategyId(f"{type(strategy).__name__}-{BESIDE_TAG}"))
        strategy.change_order_id_tag(BESIDE_TAG)
        return order.own.on(address, order.profile)
    return node_config(
        address,
        is_futures=order.is_futures,
        instrument_ids=order.context.instruments,
        profile=order.profile,
    )
