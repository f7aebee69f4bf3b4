"""An order whose fate is unknown is not called rejected: the venue is asked for it first.

The adapter tells ``OrderRejected`` whenever a request did not succeed, whatever the error says, and after queries that
failed; the engine does so after five queries without a result. The guard stands at all these places. Found: the order
is told as the venue has it, with its fills. Absent, asked so long that the request cannot arrive any more: told as
rejected. In between the order stays in flight; while the venue tells nothing, new risk is denied.

It stands before the kill switch's look at each request: what that refuses never left, and is told as refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from opslab.contract.execution import Guard
from opslab.engine.guards.doubts import Doubts
from opslab.engine.guards.standing import Standing, reach

if TYPE_CHECKING:
    from opslab.contract.execution import Profile
    from opslab.engine.guards.site import Site

RESOLVED_BY = "_resolve_inflight_order"
"""Where the engine gives up an order in flight."""

_BEFORE_OTHERS = 10


class AmbiguousSubmit(Standing):
    """Asks before a rejection is believed."""

    guard: ClassVar[Guard] = Guard.AMBIGUOUS_SUBMIT

    def __init__(self, profile: Profile) -> None:
        super().__init__(profile)
        self._clients: dict[str, Doubts] = {}

    def on_exec_client(self, client: Any, site: Site) -> None:
        """Stand at what it sends, and at what it tells as rejected.

        Raises:
            EngineError: the adapter does so in another way.
        """
        doubts = Doubts(self, self.balance, client, site.kernel.cache)
        doubts.install()
        self._clients[client.venue.value] = doubts
        self.stand(site, "the venue is asked before an order of unknown fate is told as rejected")

    def on_node(self, site: Site) -> None:
        """Stand where the engine resolves orders in flight by itself.

        Raises:
            EngineError: the engine does so in another way.
        """
        engine = site.kernel.exec_engine
        original = reach(engine, RESOLVED_BY, self.guard)

        def resolve(order: Any) -> None:
            doubts = self._clients.get(order.instrument_id.venue.value)
            if doubts is None or not doubts.take_over(order):
                original(order)

        setattr(engine, RESOLVED_BY, resolve)
        # Before the strategies: what they send in answer to such an event must not meet a hold that has no reason left.
        site.kernel.msgbus.subscribe(topic="events.order.*", handler=self._on_event, priority=_BEFORE_OTHERS)

    def _on_event(self, event: Any) -> None:
        for doubts in self._clients.values():
            doubts.heard(event.client_order_id)

    def balance(self) -> None:
        """Deny new risk while the venue tells nothing of some order, and let go when it does."""
        names = sorted(name for doubts in self._clients.values() for name in doubts.untold)
        if names:
            self.hold(
                f"the venue does not tell what became of {names[0]} ({len(names)} such orders)", orders=names[:20]
            )
            return
        if undecided := sorted(name for doubts in self._clients.values() for name in doubts.undecided):
            count = f"{len(undecided)} such orders"
            self.release(f"the venue answers, and is asked further what became of {undecided[0]} ({count})")
        else:
            self.release("of every order it is known what became of it")
