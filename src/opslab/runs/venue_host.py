"""Where a paper run's venue lives: in a thread beside the node, or in a process that outlives it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from opslab.contract.execution import MarketKind
from opslab.contract.paper_events import VenueFacts
from opslab.root import Lab
from opslab.runs.plan import Plan
from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import AccountPlan
from opslab.venue.serve import Plan as VenuePlan
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from opslab.venue.setup import Endpoint, VenueSetup


@dataclass(frozen=True)
class NodeAddress:
    """Where the venue is, and the keys of the account that trades there.

    Attributes:
        http: REST base.
        ws: market streams.
        ws_api: the WebSocket API.
        ws_stream: user streams.
        api_key: the key.
        api_secret: signs requests; never written anywhere.
        account: the ledger's name of the account.
    """

    http: str
    ws: str
    ws_api: str
    ws_stream: str
    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)
    account: str


class VenueHost(Protocol):
    """A venue that a paper run starts, looks at and stops."""

    def start(self) -> NodeAddress:
        """Start the venue and return where its first account trades.

        Raises:
            OpsLabError: it cannot start.
        """
        ...

    def facts(self) -> VenueFacts:
        """Return what a bundle may hold of it."""
        ...

    def books(self) -> dict[str, Any]:
        """Return a snapshot of its books.

        Raises:
            OpsLabError: it does not answer.
        """
        ...

    def stop(self) -> None:
        """End it; the wire log is whole afterwards."""
        ...


class ThreadHost:
    """A venue in a thread of this process.

    Args:
        setup: what it begins with.
    """

    def __init__(self, setup: VenueSetup) -> None:
        self.venue = VenueThread(setup)

    def start(self) -> NodeAddress:
        """Start it."""
        endpoint = self.venue.start()
        account = self.venue.accounts[0]
        return _address(endpoint, account.api_key, account.api_secret, account.name)

    def facts(self) -> VenueFacts:
        """Return what a bundle may hold of it."""
        return _facts(self.venue.endpoint, "thread", self.venue.accounts[0].name)

    def books(self) -> dict[str, Any]:
        """Return a snapshot of its books."""
        return self.venue.call(lambda venue: venue.exchange.snapshot())

    def stop(self) -> None:
        """End it."""
        self.venue.stop()


class ProcessHost:
    """A venue in a process of its own.

    Args:
        plan: what it serves.
    """

    def __init__(self, plan: VenuePlan) -> None:
        self._account = plan.accounts[0].name
        self.process = VenueProcess(plan)

    def start(self) -> NodeAddress:
        """Start it."""
        endpoint = self.process.start()
        return _address(endpoint, self.process.api_key, self.process.api_secret, self._account)

    def facts(self) -> VenueFacts:
        """Return what a bundle may hold of it."""
        return _facts(self.process.endpoint, "process", self._account, self.process.pid)

    def books(self) -> dict[str, Any]:
        """Return a snapshot of its books."""
        found: dict[str, Any] = self.process.control.get("ledger")
        return found

    def stop(self) -> None:
        """End it."""
        self.process.stop()


def _address(endpoint: Endpoint, api_key: str, api_secret: str, account: str) -> NodeAddress:
    return NodeAddress(
        http=endpoint.http,
        ws=endpoint.ws,
        ws_api=endpoint.ws_api,
        ws_stream=endpoint.ws_stream,
        api_key=api_key,
        api_secret=api_secret,
        account=account,
    )


def _facts(endpoint: Endpoint, host: Literal["thread", "process"], account: str, pid: int | None = None) -> VenueFacts:
    return VenueFacts.model_validate({**endpoint.facts(), "host": host, "account": account, "pid": pid})


type HostOf = Callable[[Plan, Lab, Path], VenueHost]
"""Makes the venue of a run from its plan, the lab, and the path of its wire log."""


def process_host(plan: Plan, lab: Lab, wire_path: Path) -> VenueHost:
    """Return a venue in a process of its own that plays the run's datasets."""
    return ProcessHost(venue_plan(plan, lab, wire_path))


def thread_host(plan: Plan, lab: Lab, wire_path: Path) -> ThreadHost:
    """Return a venue in a thread of this process that plays the run's datasets."""
    return ThreadHost(venue_plan(plan, lab, wire_path).setup(lab))


def venue_plan(plan: Plan, lab: Lab, wire_path: Path) -> VenuePlan:
    """Return what a paper run's venue serves; its account begins with the spec's balance."""
    execution = plan.spec.execution
    is_futures = execution.market is MarketKind.FUTURES
    quotes = {
        (dataset.instrument.settlement if is_futures else None) or dataset.instrument.quote for dataset in plan.datasets
    }
    return VenuePlan(
        market=Market.FUTURES if is_futures else Market.SPOT,
        datasets=tuple(data.dataset for data in plan.spec.datasets),
        lab_root=lab.root,
        pace=execution.pace,
        seed=plan.spec.seed,
        wire_path=wire_path,
        accounts=(AccountPlan(balances=dict.fromkeys(sorted(quotes), f"{execution.starting_balance:f}")),),
    )
