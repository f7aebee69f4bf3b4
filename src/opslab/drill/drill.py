"""The drill: phases, injections that always heal, checks over the history, budgets. It judges nothing itself."""

from __future__ import annotations

import contextlib
import hashlib
import random
from typing import TYPE_CHECKING, Any, Protocol

from opslab.clock import to_stamp
from opslab.contract.base import compact_json, sha256_hex
from opslab.contract.drill import BudgetRecord, FaultRecord, Finding, Phase, PhaseTiming, Result
from opslab.contract.events import CheckEvaluated, DrillPhaseEntered, Event, FactRecorded, FaultHealed, FaultInjected
from opslab.drill.checks.registry import find_check
from opslab.errors import CheckFailed, CheckUnknown, DrillError, OpsLabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.clock import Clock
    from opslab.contract.spec import RunSpec
    from opslab.drill.checks.registry import Check
    from opslab.drill.faults import Fault
    from opslab.drill.history import History, HistorySource
    from opslab.drill.info import DrillInfo

_BUDGET_CODES = {
    "detect_within": "OPS-BUDGET-DETECT",
    "contain_within": "OPS-BUDGET-CONTAIN",
    "recover_within": "OPS-BUDGET-RECOVER",
}


class Listener(Protocol):
    """Somebody who follows a drill while it goes on: a journal, Allure's steps."""

    def entered(self, phase: Phase) -> None:
        """The drill crossed into ``phase``."""
        ...

    def told(self, event: Event) -> None:
        """Something happened: a fault, a check, a fact."""
        ...

    def ended(self) -> None:
        """The last phase is over."""
        ...


class Drill:
    """A rehearsal as its test writes it.

    Args:
        info: what the drill declares.
        run_id: what journal lines of the drill bear as their run.
        source: where its history comes from.
        listeners: who follows it.
        clock: stamps and durations.
        session_seed: the session's seed; the drill's own is derived from it and the slug.
        mutant: the mutant that is in force, if any.
    """

    def __init__(
        self,
        info: DrillInfo,
        *,
        run_id: str,
        source: HistorySource,
        listeners: tuple[Listener, ...],
        clock: Clock,
        session_seed: int = 0,
        mutant: str | None = None,
    ) -> None:
        self.info = info
        self.mutant = mutant
        self.seed = derived_seed(session_seed, info.slug)
        self.random = random.Random(self.seed)  # noqa: S311 - choices of a rehearsal, replayable from the seed
        self.facts: dict[str, Any] = {}
        self.findings: list[Finding] = []
        self.faults: list[FaultRecord] = []
        self.budgets: list[BudgetRecord] = []
        self.phases: list[PhaseTiming] = []
        self._run_id, self._source, self._listeners, self._clock = run_id, source, listeners, clock
        self._phase_began = self._injected = self._healed = 0.0
        self._phase: Phase | None = None
        self._has_ended = False

    @property
    def phase(self) -> Phase | None:
        """The phase that the drill is in; ``None`` before the first."""
        return self._phase

    @property
    def history(self) -> History:
        """Everything that the drill knows by now."""
        return self._source.history(self.facts)

    def record(self, name: str, value: Any) -> None:
        """Write down a fact for checks to judge.

        Args:
            name: what checks ask for with ``history.fact(name)``.
            value: JSON types.

        Raises:
            DrillError: ``value`` is not made of JSON types.
        """
        try:
            compact_json(value)
        except (TypeError, ValueError) as error:
            raise DrillError(
                f"fact {name!r} cannot be written: {error}", fix="use plain, finite JSON values"
            ) from error
        self.facts[name] = value
        self._tell(FactRecorded(**self._base(), name=name, value=value))

    def steady(self, *checks: str | Check) -> None:
        """Prove health before anything is broken.

        Raises:
            CheckFailed: a check found something.
            DrillError: something was injected already.
        """
        __tracebackhide__ = True
        if self._phase not in (None, Phase.STEADY):
            raise DrillError(f"steady() comes first, the drill is in phase {self._phase}", where=self.info.slug)
        self._enter(Phase.STEADY)
        self._hold(checks)

    @contextlib.contextmanager
    def inject(self, fault: Fault) -> Iterator[Fault]:
        """Break something for the length of a ``with`` block; it is healed whatever happens in the block.

        Raises:
            DrillError: the fault can be neither begun nor healed.
        """
        self._enter(Phase.INJECT)
        injected_at = to_stamp(self._clock.now())
        self._tell(FaultInjected(**self._base(), fault=fault.name))
        self._injected = self._clock.monotonic()
        try:
            fault.begin()
            self._enter(Phase.OBSERVE)
            yield fault
        finally:
            self._enter(Phase.HEAL)
            fired = fault.fired
            healed_at = None
            try:
                fault.heal()
                healed_at = to_stamp(self._clock.now())
            except OpsLabError:
                raise
            except Exception as error:
                raise DrillError(f"fault {fault.name} could not be healed: {error}", where=self.info.slug) from error
            finally:
                self._healed = self._clock.monotonic()
                self.faults.append(
                    FaultRecord(fault=fault.name, fired=fired, injected_at_utc=injected_at, healed_at_utc=healed_at)
                )
                self._tell(FaultHealed(**self._base(), fault=fault.name, fired=fired))

    def detects(self, *checks: str | Check) -> None:
        """Hold that the system noticed the fault, within ``detect_within`` of its injection.

        Raises:
            CheckFailed: it did not, or too late.
        """
        __tracebackhide__ = True
        self._within("detect_within", self._injected, checks)

    def contains(self, *checks: str | Check) -> None:
        """Hold that the damage stopped, within ``contain_within`` of the injection.

        Raises:
            CheckFailed: it did not, or too late.
        """
        __tracebackhide__ = True
        self._within("contain_within", self._injected, checks)

    def recovers(self, *checks: str | Check) -> None:
        """Hold that everything is well again, within ``recover_within`` of the healing.

        Raises:
            CheckFailed: it is not, or was too late.
        """
        __tracebackhide__ = True
        self._enter_verify()
        self._within("recover_within", self._healed or self._phase_began, checks)

    def holds(self, *checks: str | Check) -> None:
        """Hold the checks now: inside an injection what is observed, else what remains.

        Raises:
            CheckFailed: a check found something.
        """
        __tracebackhide__ = True
        self._enter_verify()
        self._hold(checks)

    def end(self) -> None:
        """Close the last phase; done twice, the second has no effect."""
        if self._has_ended:
            return
        self._has_ended = True
        self._leave()
        for listener in self._listeners:
            listener.ended()

    def facts_sha256(self) -> str | None:
        """Return the digest of the recorded facts, if there are any."""
        return sha256_hex(compact_json(self.facts).encode()) if self.facts else None

    def _hold(self, checks: tuple[str | Check, ...]) -> None:
        __tracebackhide__ = True
        if not checks:
            raise DrillError("no check is named", where=self.info.slug, fix='name one: drill.holds("run.completed")')
        self._conclude(self._ask(checks))

    def _within(self, budget: str, since: float, checks: tuple[str | Check, ...]) -> None:
        __tracebackhide__ = True
        limit = self.info.budget(budget)
        findings = self._ask(checks)
        while any(finding.result is not Result.PASS for finding in findings):
            left = 0.0 if limit is None else limit - (self._clock.monotonic() - since)
            if left <= 0 or not self._source.wait(left):
                break
            findings = self._ask(checks)
        took = self._clock.monotonic() - since
        if limit is not None:
            is_reached = all(finding.result is Result.PASS for finding in findings)
            record = BudgetRecord(budget=budget, limit_seconds=limit, seconds=took if is_reached else None)
            self.budgets.append(record)
            findings.append(self._budget_finding(record))
        self._conclude(findings)

    def _budget_finding(self, record: BudgetRecord) -> Finding:
        is_kept = record.seconds is not None and record.seconds <= record.limit_seconds
        took = "was not reached" if record.seconds is None else f"took {record.seconds:.3f} s"
        return Finding(
            check=f"budget.{record.budget}",
            phase=self._phase or Phase.VERIFY,
            result=Result.PASS if is_kept else Result.FAIL,
            code="" if is_kept else _BUDGET_CODES[record.budget],
            details=f"{took}, allowed are {record.limit_seconds:g} s",
            expected=record.limit_seconds,
            observed=record.seconds,
        )

    def _ask(self, checks: tuple[str | Check, ...]) -> list[Finding]:
        history = self.history
        spec = _spec_of(history)
        return [find_check(check).ask(history, spec, self._phase or Phase.VERIFY) for check in checks]

    def _conclude(self, findings: list[Finding]) -> None:
        __tracebackhide__ = True
        self.findings += findings
        for finding in findings:
            self._tell(
                CheckEvaluated(
                    **self._base(),
                    phase=finding.phase,
                    check=finding.check,
                    result=finding.result,
                    code=finding.code,
                    details=finding.details,
                )
            )
        failures = [finding for finding in findings if finding.result is Result.FAIL]
        doubts = [finding for finding in findings if finding.result is Result.UNKNOWN]
        if failures:
            raise CheckFailed(_lines(failures), tuple(finding.code for finding in failures))
        if doubts:
            raise CheckUnknown(_lines(doubts), tuple(finding.code for finding in doubts))

    def _enter_verify(self) -> None:
        if self._phase not in (Phase.OBSERVE, Phase.VERIFY):
            self._enter(Phase.VERIFY)

    def _enter(self, phase: Phase) -> None:
        if phase is self._phase:
            return
        self._leave()
        self._phase = phase
        self._phase_began = self._clock.monotonic()
        self.phases.append(PhaseTiming(phase=phase, started_at_utc=to_stamp(self._clock.now()), seconds=0.0))
        self._tell(DrillPhaseEntered(**self._base(), phase=phase))
        for listener in self._listeners:
            listener.entered(phase)

    def _leave(self) -> None:
        if self.phases:
            took = round(self._clock.monotonic() - self._phase_began, 6)
            self.phases[-1] = self.phases[-1].model_copy(update={"seconds": took})

    def _base(self) -> dict[str, Any]:
        return {"ts_utc": to_stamp(self._clock.now()), "run_id": self._run_id, "drill_name": self.info.slug}

    def _tell(self, event: Event) -> None:
        for listener in self._listeners:
            listener.told(event)


def _spec_of(history: History) -> RunSpec | None:
    """Return the first run's spec; checks that need a broken one say unknown themselves."""
    try:
        return history.runs[0].spec if history.runs else None
    except OpsLabError:
        return None


def derived_seed(session_seed: int, slug: str) -> int:
    """Return a drill's own seed: the same for one session seed and slug, whatever else runs."""
    return int.from_bytes(hashlib.sha256(f"{session_seed}:{slug}".encode()).digest()[:8]) >> 1


def _lines(findings: list[Finding]) -> str:
    lines = []
    for finding in findings:
        lines.append(f"{finding.code}: {finding.check}: {finding.details}")
        if finding.expected is not None or finding.observed is not None:
            lines.append(f"  expected: {finding.expected!r:.300}")
            lines.append(f"  observed: {finding.observed!r:.300}")
    return "\n".join(lines)
