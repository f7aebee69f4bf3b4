"""The door and the guards around a node: the lab's own nodes get them here, and a user's own node in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nautilus_trader.adapters.binance import BinanceLiveDataClientFactory, BinanceLiveExecClientFactory

from opslab.contract.dead_man import LEAST_SECONDS, MOST_SECONDS, refusal
from opslab.contract.execution import Guard, Profile
from opslab.engine.guards.catalogue import guards_of
from opslab.engine.guards.containment import Containment
from opslab.engine.guards.dead_man import DeadMan
from opslab.engine.guards.site import Site, untold
from opslab.engine.guards.storm import Storms
from opslab.engine.guards.triggers import triggers_of
from opslab.engine.limits import LimitGate
from opslab.engine.node.door import SwitchDoor
from opslab.engine.node.own_parts import instruments_asked
from opslab.errors import EngineError
from opslab.safety.pulling import puller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from nautilus_trader.live.node import TradingNode

    from opslab.contract.spec import Limits
    from opslab.engine.guards.site import GuardLike, Tell
    from opslab.safety.switches import KillSwitches


class Surroundings:
    """What stands around the clients of a node: the door first, then the guards in their order.

    Args:
        site: the node.
        guards: what stands around it, beside the door.
        before: is given each execution client before anything stands around it.

    Attributes:
        doors: the doors, one for each execution client.
    """

    def __init__(
        self, site: Site, guards: Sequence[GuardLike], before: Callable[[Any], None] = lambda _client: None
    ) -> None:
        self.site, self._guards, self._before = site, tuple(guards), before
        self.doors: list[SwitchDoor] = []

    def enclose(self, node: TradingNode) -> None:
        """Register the Binance adapter's factories, so that every client is met when it is made."""
        config = self.site.config
        for name in _factory_names(config.data_clients):
            node.add_data_client_factory(name, _watched(BinanceLiveDataClientFactory, self._beside_data))
        for name in _factory_names(config.exec_clients):
            node.add_exec_client_factory(name, _watched(BinanceLiveExecClientFactory, self._before_orders))

    def built(self) -> None:
        """Let the guards see the node, which is built and not started."""
        for guard in self._guards:
            guard.on_node(self.site)

    def _beside_data(self, client: Any) -> None:
        self.site.data_clients.append(client)
        for guard in self._guards:
            guard.on_data_client(client, self.site)

    def _before_orders(self, client: Any) -> None:
        """Put the door before a client first: what a guard adds lies before the door, and cannot get around it."""
        site = self.site
        self._before(client)
        door = SwitchDoor(client, site.kernel.cache, site.kernel.clock, site.ask, site.intents)
        door.install()
        self.doors.append(door)
        site.exec_clients.append(client)
        for guard in self._guards:
            guard.on_exec_client(client, site)


def install_guards(
    node: TradingNode,
    *,
    switches: KillSwitches,
    run_id: str,
    guards: Iterable[Guard | str] = (),
    limits: Limits | None = None,
    profile: Profile = Profile.PRODUCTION,
    tell: Tell = untold,
    dead_man_seconds: float | None = None,
) -> Site:
    """Put the kill switch's door, its containment and named guards around your own node, before ``node.build()``.

    It registers the factories of the Binance adapter under the names of the node's clients: do not add them yourself.
    From then on every submit and modify asks the switch ``run_id`` and the global one; when one of them is active,
    every order of every strategy is cancelled and every position closed through the engine. What the engine does not
    know or cannot end is ended at the venue over plain HTTP only if the venue is on loopback. A node that trades
    elsewhere is contained through its engine alone, and nothing then proves that the venue's books are flat.

    Args:
        node: not built yet.
        switches: the kill switches that are asked; ``KillSwitches.of(lab, SystemClock())`` for those of a lab.
        run_id: the name of the node's own switch.
        guards: names of guards that stand around it as well.
        limits: the most that its strategies may do, as ``risk.limits`` of a spec has it: an order beyond is denied, and
            the limits that pull a switch pull this one. ``max_mismatch_seconds`` is refused: only a run compares views.
        profile: how impatient the guards are.
        tell: is given what the guards did, and that they pulled the switch: an event's name and its fields.
        dead_man_seconds: of USD-M futures: the venue, wherever it is, is told again and again to cancel every order of
            the instruments that the node's settings name, when it heard nothing of the node for so long. Orders of
            others in these symbols are cancelled, too. None: it is told nothing of the kind.

    Returns:
        The node as its guards see it.

    Raises:
        EngineError: the node is built already, there is no guard of a name, a limit needs a comparison of views, or the
            countdown is too short for so many instruments.
        IdError: ``run_id`` is unsafe.
    """
    if node.is_built():
        raise EngineError("the node is built already", fix="install the guards before node.build()")
    wanted = [_guard(name) for name in guards]
    if limits is not None and limits.max_mismatch_seconds is not None:
        raise EngineError("nobody compares views here: max_mismatch_seconds is of paper runs", fix="leave it out")
    pull = puller(switches, run_id, tell, "node")
    site = Site(node._config, node.kernel, switches.watch(run_id).decision, pull, tell)  # noqa: SLF001 - the node shows its settings in no other way
    containment = Containment(profile)
    all_guards = [containment, Storms(), *triggers_of(limits, profile), *guards_of(wanted, profile)]
    if dead_man_seconds is not None:
        all_guards.append(_dead_man(node, dead_man_seconds, containment))
    around = Surroundings(site, all_guards)
    around.enclose(node)
    build = node.build

    def built() -> None:
        build()
        around.built()
        if limits is not None:
            LimitGate(limits, node.kernel).install()

    node.build = built
    return site


def _guard(name: Guard | str) -> Guard:
    try:
        return Guard(name)
    except ValueError:
        raise EngineError(f"there is no guard {name!s:.60}", fix=f"use one of {', '.join(Guard)}") from None


def _dead_man(node: TradingNode, seconds: float, containment: Containment) -> DeadMan:
    """Return the dead man's switch of a user's node; the venue is told of every instrument that its settings name."""
    config = node._config  # noqa: SLF001 - as above
    asked = {str(item) for client in config.exec_clients.values() for item in client.instrument_provider.load_ids or ()}
    names = sorted(asked | set(instruments_asked(config)))
    if not LEAST_SECONDS <= seconds <= MOST_SECONDS:  # NaN, too
        what = f"{seconds!r:.40} is no length of a countdown"
        raise EngineError(what, where="dead_man_seconds", fix=f"use {LEAST_SECONDS:g} to {MOST_SECONDS:g}")
    if why := refusal(seconds, max(1, len(names))):
        raise EngineError(f"is too small: {why}", where="dead_man_seconds", fix="use more")
    return DeadMan(seconds, names, lambda: containment.unfinished)


def _factory_names(clients: dict[str, Any]) -> list[str]:
    """Return the names under which the node looks for the factories of its clients: what stands before a hyphen."""
    return sorted({name.partition("-")[0] for name in clients})


def _watched(factory: type[Any], made: Callable[[Any], None]) -> type[Any]:
    """Return one of the adapter's own factories, which tells of each client that it makes."""

    class Watched(factory):  # type: ignore[misc]
        @staticmethod
        def create(*args: Any, **kwargs: Any) -> Any:
            client = factory.create(*args, **kwargs)
            made(client)
            return client

    return Watched
