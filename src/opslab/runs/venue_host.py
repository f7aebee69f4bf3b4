"""Where a paper run's venue lives: in a thread beside the node, or in a process that outlives it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from opslab.contract.execution import MarketKind
from opslab.contract.paper_events import VenueFacts
from opslab.errors import VenueError
from opslab.root import Lab
from opslab.runs.plan import Plan, recorded_files
from opslab.runs.venue_keys import KeyFile, VenueKeys, named_keys
from opslab.venue.orders import Market
from opslab.venue.process import VenueProcess
from opslab.venue.serve import AccountPlan, RecordingPlan
from opslab.venue.serve import Plan as VenuePlan
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from opslab.contract.execution import Recording
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
        api_secret: signs requests; never in a bundle.
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

    def begin(self) -> None:
        """Let the market go on: until then it stands at its first moment, and nothing is missed while a node starts.

        Raises:
            OpsLabError: it does not answer.
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

    def recorded(self) -> int:
        """Return how many records its wire log has by now.

        Raises:
            OpsLabError: it does not answer.
        """
        ...

    def require_alive(self) -> None:
        """Refuse to go on without it.

        Raises:
            OpsLabError: it died, or cannot be a witness any more; saying how.
        """
        ...

    def stop(self) -> None:
        """End it; the wire log is whole afterwards.

        Raises:
            OpsLabError: it did not end well; it is gone all the same.
        """
        ...


class ThreadHost:
    """A venue in a thread of this process.

    Args:
        setup: what it begins with.
        kept: where the account's keys are kept while it runs; None: nowhere.
    """

    def __init__(self, setup: VenueSetup, kept: KeyFile | None = None) -> None:
        self.venue, self._kept, self._waits = VenueThread(setup), kept, setup.is_opened

    def start(self) -> NodeAddress:
        """Start it."""
        endpoint = self.venue.start()
        account = self.venue.accounts[0]
        return _kept(_address(endpoint, account.api_key, account.api_secret, account.name), self._kept)

    def begin(self) -> None:
        """Let the market go on, unless somebody steps it."""
        if self._waits:
            self.venue.call(lambda venue: venue.player.resume() if venue.player is not None else None)

    def facts(self) -> VenueFacts:
        """Return what a bundle may hold of it."""
        return _facts(self.venue.endpoint, "thread", self.venue.accounts[0].name)

    def books(self) -> dict[str, Any]:
        """Return a snapshot of its books."""
        return self.venue.call(lambda venue: venue.exchange.snapshot())

    def recorded(self) -> int:
        """Return how many records its wire log has by now."""
        return self.venue.wire.last

    def require_alive(self) -> None:
        """Refuse to go on when its thread ended, or its loop or wire log failed."""
        self.venue.require_alive()

    def stop(self) -> None:
        """End it."""
        _forget(self._kept)
        self.venue.stop()


class ProcessHost:
    """A venue in a process of its own.

    Args:
        plan: what it serves.
        kept: where the account's keys are kept while it runs; None: nowhere.
    """

    def __init__(self, plan: VenuePlan, kept: KeyFile | None = None) -> None:
        self._account, self._kept = plan.accounts[0].name, kept
        self.process = VenueProcess(plan)

    def start(self) -> NodeAddress:
        """Start it."""
        endpoint = self.process.start()
        return _kept(_address(endpoint, self.process.api_key, self.process.api_secret, self._account), self._kept)

    def begin(self) -> None:
        """Let the market go on."""
        self.process.control.post("tape", do="resume")

    def facts(self) -> VenueFacts:
        """Return what a bundle may hold of it."""
        return _facts(self.process.endpoint, "process", self._account, self.process.pid)

    def books(self) -> dict[str, Any]:
        """Return a snapshot of its books."""
        found: dict[str, Any] = self.process.control.get("ledger")
        return found

    def recorded(self) -> int:
        """Return how many records its wire log has by now."""
        return int(self.process.control.get("witness")["wire_records"])

    def require_alive(self) -> None:
        """Refuse to go on when its process ended."""
        if (how := self.process.death) is not None:
            raise VenueError(f"the venue died: its process {how}", fix="start the run again under another run_id")

    def stop(self) -> None:
        """End it."""
        _forget(self._kept)
        self.process.stop()
        if (how := self.process.death) is not None:
            fix = "correct that, and start the run again under another run_id"
            raise VenueError(f"the venue's process {how}", fix=fix)


def _kept(address: NodeAddress, file: KeyFile | None) -> NodeAddress:
    """Keep the account's keys for whoever must empty the venue from outside, and return the address."""
    if file is not None:
        file.write(VenueKeys(address.api_key, address.api_secret))
    return address


def _forget(file: KeyFile | None) -> None:
    if file is not None:
        file.remove()


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


START_SECONDS = 10.0
"""What a node may need until it trades, and to stop: so long the tape is watched beyond the run's own bound."""

type HostOf = Callable[[Plan, Lab, Path], VenueHost]
"""Makes the venue of a run from its plan, the lab, and the path of its wire log."""


def process_host(plan: Plan, lab: Lab, wire_path: Path) -> VenueHost:
    """Return a venue in a process of its own that plays the run's datasets."""
    return ProcessHost(venue_plan(plan, lab, wire_path), _key_file(plan, lab, wire_path))


def thread_host(plan: Plan, lab: Lab, wire_path: Path) -> ThreadHost:
    """Return a venue in a thread of this process that plays the run's datasets."""
    return ThreadHost(venue_plan(plan, lab, wire_path).setup(lab), _key_file(plan, lab, wire_path))


def _key_file(plan: Plan, lab: Lab, wire_path: Path) -> KeyFile | None:
    """Return where a run's keys are kept; keys that the environment holds are kept there alone."""
    return None if named_keys(plan.spec, os.environ) else KeyFile(lab, wire_path.parent.name)


def venue_plan(plan: Plan, lab: Lab, wire_path: Path) -> VenuePlan:
    """Return what a paper run's venue serves; its account begins with the spec's balance, and the environment's keys.

    Raises:
        SpecError: the environment holds no keys where the spec says that it does.
    """
    execution, keys = plan.spec.execution, named_keys(plan.spec, os.environ)
    is_futures = execution.market is MarketKind.FUTURES
    quotes = {
        (dataset.instrument.settlement if is_futures else None) or dataset.instrument.quote for dataset in plan.datasets
    }
    return VenuePlan(
        market=Market.FUTURES if is_futures else Market.SPOT,
        datasets=tuple(data.dataset for data in plan.spec.datasets),
        lab_root=lab.root,
        recordings=tuple(_recording(one, lab) for one in execution.recordings),
        pace=execution.pace,
        is_opened=True,
        horizon_seconds=execution.max_seconds + START_SECONDS,
        history=execution.history,
        seed=plan.spec.seed,
        wire_path=wire_path,
        accounts=(
            AccountPlan(
                api_key=keys.api_key if keys else "",
                api_secret=keys.api_secret if keys else "",
                balances=dict.fromkeys(sorted(quotes), f"{execution.starting_balance:f}"),
            ),
        ),
    )


def _recording(recording: Recording, lab: Lab) -> RecordingPlan:
    """Return a recording with its files where they lie below the lab's root; raises as ``recorded_files``."""
    paths = recorded_files(lab, recording)
    return RecordingPlan(kind=recording.kind, symbol=recording.symbol, paths=paths, may_round=recording.may_round)
