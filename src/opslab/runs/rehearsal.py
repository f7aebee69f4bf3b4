"""What one drill uses: runs under effective ids, its own journal, and the history that its checks read."""

from __future__ import annotations

import fcntl
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from opslab.contract.drill_events import FailureDrillExecuted
from opslab.contract.encoding import pretty_json, sha256_hex
from opslab.contract.spec import Mode
from opslab.data.catalog import open_dataset
from opslab.data.prepare import prepare_missing
from opslab.drill.history import History, RunHistory
from opslab.errors import CheckFailed, DrillError
from opslab.runs.backtest import run_backtest
from opslab.runs.finish import problems_of, render
from opslab.runs.paper import run_paper
from opslab.runs.spec_edit import edited
from opslab.safety.switches import KillSwitches
from opslab.store import layout
from opslab.store.adding import alone
from opslab.store.durable import make_directory, write_bytes
from opslab.store.journal import Journal
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter, append_post

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from opslab.clock import Clock
    from opslab.contract.drill import DrillReport, Phase
    from opslab.contract.events import Event
    from opslab.contract.spec import RunSpec
    from opslab.contract.spec_file import SpecFile
    from opslab.data.candles import Candles
    from opslab.engine.node.own import OwnNode
    from opslab.engine.registry import StrategyRegistry
    from opslab.root import Lab
    from opslab.runs.living import LivingRun
    from opslab.runs.sessions import SessionIds

OWN_BESIDE = "ops_by_hand"
"""The strategy beside those of a user's node: it places what a drill orders by hand."""


class Rehearsal:
    """Runs specs for one drill and remembers their bundles; it is the drill's history source.

    Args:
        lab: where everything is.
        ids: names the session and each of its runs.
        registry: the strategies that specs may name.
        clock: stamps the record.
        switches: the kill switches that its runs ask; a drill has its own, so that neighbours do not stop each other.
        on_sealed: is told of each run that was sealed.
    """

    def __init__(
        self,
        lab: Lab,
        ids: SessionIds,
        registry: StrategyRegistry,
        clock: Clock,
        switches: KillSwitches | None = None,
        on_sealed: Callable[[Bundle], None] = lambda _bundle: None,
    ) -> None:
        self.lab, self.ids, self.registry, self.clock, self._on_sealed = lab, ids, registry, clock, on_sealed
        self.switches = switches or KillSwitches.of(lab, clock)
        self.bundles: list[Path] = []
        self.living: LivingRun | None = None
        self.own: OwnNode | None = None
        """The user's node, which trades in place of the lab's in living runs."""

    def run(self, spec_file: SpecFile, changes: Mapping[str, Any] | None = None, *, may_fail: bool = False) -> Bundle:
        """Run a spec under an effective id and return its bundle; packaged samples it needs are installed first.

        Args:
            spec_file: the spec.
            changes: what to change first, by dotted key: ``{"execution.fill": "same_close"}``.
            may_fail: return the bundle of a failed run too.

        Raises:
            CheckFailed: the run failed, and ``may_fail`` is not set.
            SpecError: the changed spec is none.
        """
        chosen = edited(spec_file, changes) if changes else spec_file
        run_id = self.ids.effective(chosen.spec.run_id)
        prepare_samples(self.lab, chosen.spec)
        to_its_end = run_backtest if chosen.spec.mode is Mode.BACKTEST else run_paper
        bundle = to_its_end(
            self.lab,
            chosen,
            self.registry,
            clock=self.clock,
            run_id=run_id,
            session_id=self.ids.session_id,
            switches=self.switches,
        )
        self.adopt(bundle)
        if bundle.metadata.error and not may_fail:
            __tracebackhide__ = True
            raise CheckFailed(f"OPS-RUN-FAILED: run {run_id} failed: {bundle.metadata.error}", ("OPS-RUN-FAILED",))
        return bundle

    def begin(self, spec_file: SpecFile, changes: Mapping[str, Any] | None = None, **makers: Any) -> Any:
        """Start a paper run that lives until the drill ends, and return what drives it: a ``Paper``, unless told else.

        Args:
            spec_file: the spec.
            changes: what to change first, by dotted key.
            makers: ``node_of`` and ``paper_of`` of ``LivingRun.begun``; errors as there.
        """
        # Imports engine and venue, which drills without a paper run must not pay for.
        from opslab.runs.living import LivingRun  # noqa: PLC0415

        if self.living is not None:
            raise DrillError("the drill has a living paper run already", fix="complete it first")
        wanted = dict(changes or {})
        if self.own is not None:
            wanted["execution.market"] = self.own.market
            if spec_file.spec.strategy.name != OWN_BESIDE:
                wanted |= {"strategy.name": OWN_BESIDE, "strategy.params": None}
        chosen = edited(spec_file, wanted) if wanted else spec_file
        prepare_samples(self.lab, chosen.spec)
        self.living = LivingRun.begun(self, chosen, **makers)
        self.bundles.append(self.living.path)
        return self.living.paper

    def require_instruments(self, spec_file: SpecFile) -> None:
        """Refuse a user's node that asks for other instruments than the spec's datasets hold.

        Raises:
            EngineError: naming one, and where the node asks for it.
            DataError: a dataset is unknown or quarantined.
        """
        from opslab.engine.node.names import instrument_id  # noqa: PLC0415 - drills without a node need no engine

        if self.own is not None:
            prepare_samples(self.lab, spec_file.spec)
            found = [open_dataset(self.lab, data.dataset).instrument.symbol for data in spec_file.spec.datasets]
            is_futures = self.own.market == "futures"
            self.own.require_instruments([instrument_id(symbol, is_futures=is_futures) for symbol in found])

    def end(self) -> None:
        """Complete the living run, if there is one.

        Raises:
            CheckFailed: it did not end well: a failed run is left.
        """
        living, self.living = self.living, None
        if living is not None:
            self._require_success(living.end())

    def adopt(self, bundle: Bundle) -> Bundle:
        """Count a run that another process made as one of this drill's."""
        self.bundles.append(bundle.path)
        self._on_sealed(bundle)
        return bundle

    def history(self, facts: Mapping[str, Any]) -> History:
        """Return what the bundles hold now, with the drill's facts."""
        return History(tuple(self._run_history(path) for path in self.bundles), dict(facts))

    def wait(self, seconds: float) -> bool:
        """Let a living run go on until something changed; sealed bundles do not change any more.

        Raises:
            CheckFailed: its node stopped trading.
        """
        if self.living is None:
            return False
        self.living.pump(seconds)
        return True

    def _run_history(self, path: Path) -> RunHistory:
        found, living = run_history(self.lab, Bundle(path)), self.living
        return found if living is None or path != living.path else replace(found, look=living.views)

    def _require_success(self, bundle: Bundle) -> None:
        __tracebackhide__ = True
        self._on_sealed(bundle)
        if error := bundle.metadata.error:
            raise CheckFailed(f"OPS-RUN-FAILED: run {bundle.run_id} failed: {error}", ("OPS-RUN-FAILED",))


def prepare_samples(lab: Lab, spec: RunSpec) -> None:
    """Install what of the spec's datasets is a packaged sample that this lab does not have yet.

    Of several workers that need one at once, one installs it and the others wait for it.

    Raises:
        DataError: a sample cannot be installed.
        StoreError: the data root cannot be written.
    """
    locks = lab.data / ".locks"
    make_directory(locks)
    with (locks / ".samples.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for data in spec.datasets:
            prepare_missing(lab, data.dataset)


def run_history(lab: Lab, bundle: Bundle) -> RunHistory:
    """Return the history of a stored run."""

    def candles() -> dict[str, Candles]:
        datasets = [open_dataset(lab, data.dataset) for data in bundle.spec.datasets]
        return {f"{item.instrument.symbol}.{item.instrument.venue.upper()}": item.load() for item in datasets}

    return RunHistory(
        bundle=bundle,
        find_problems=lambda: tuple(f"{problem.path} {problem.what}" for problem in problems_of(bundle)),
        load_candles=candles,
    )


class DrillJournal:
    """Writes a drill's events to a journal of its own: a listener.

    Args:
        path: the journal's file.
        run_id: what a repair line would bear.
        clock: stamps repairs.
    """

    def __init__(self, path: Path, run_id: str, clock: Clock) -> None:
        if path.exists():  # an earlier try of this session
            path.unlink()
        self._directory = path.parent
        self._journal = Journal(path, run_id, clock=clock)

    def entered(self, phase: Phase) -> None:
        """A phase boundary is told as an event too."""

    def told(self, event: Event) -> None:
        """Write the event; the first one makes the directory."""
        if not self._directory.is_dir():
            make_directory(self._directory)
        self._journal.append(event.to_dict())

    def ended(self) -> None:
        """Close the file."""
        self._journal.close()


def keep_report(report: DrillReport, name: str, bundles: list[Path], directory: Path, clock: Clock) -> Path:
    """Write a drill's report beside its only run, else into the session's ``directory``, and return where.

    The run's own facts are not touched: the report is a new file, told in ``post.jsonl``, and the renderings follow.

    Raises:
        StoreError: it cannot be written.
    """
    content = pretty_json(report.to_dict())
    sealed = [path for path in bundles if (path / layout.MANIFEST).is_file()]
    if len(bundles) != 1 or not sealed or report.mutant is not None:
        make_directory(directory)
        write_bytes(directory / f"{name}.json", content)
        return directory / f"{name}.json"
    (path,) = sealed
    relative = f"{layout.DRILLS}/{name}.json"
    writer = BundleWriter(path, clock)
    told = told_of_drill(report, path.name, relative, content)
    with alone(path):
        writer.write(relative, content)
        append_post(path, told, clock)
        render(writer, layout.RENDERED)
    return path / relative


def told_of_drill(report: DrillReport, run_id: str, relative: str, content: bytes) -> FailureDrillExecuted:
    """Return the event that tells a run of a drill's report, which lies at ``relative`` in its bundle."""
    return FailureDrillExecuted(
        ts_utc=report.ts_utc,
        run_id=run_id,
        drill_name=report.drill_name,
        outcome=report.outcome,
        report_path=relative,
        report_sha256=sha256_hex(content),
        reconciliation_status=report.reconciliation_status,
        simulated=None if report.statement is None else True,
    )
