"""The drill: phases, injections that always heal, checks over the history, budgets. It judges nothing itself."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
from typing import TYPE_CHECKING, Any

from opslab.contract.drill import BudgetRecord, FaultRecord, Finding, Phase, PhaseTiming, Result
from opslab.contract.drill_events import CheckEvaluated, FactRecorded, FaultHealed, FaultInjected
from opslab.contract.encoding import compact_json, sha256_hex
from opslab.drill.budgets import budget_finding
from opslab.drill.checks.registry import find_check
from opslab.drill.course import Course
from opslab.drill.verdict import told_in_full
from opslab.errors import CheckFailed, CheckUnknown, DrillError, OpsLabError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opslab.clock import Clock
    from opslab.contract.spec import RunSpec
    from opslab.drill.checks.registry import Check
    from opslab.drill.course import Listener
    from opslab.drill.faults import Fault
    from opslab.drill.history import History, HistorySource
    from opslab.drill.info import DrillInfo


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
        known_codes: codes of the declared defects that the installed engine version has: such a finding is written
            down and the drill goes on, so that a further one shows.
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
        known_codes: frozenset[str] = frozenset(),
    ) -> None:
        self.info = info
        self.mutant = mutant
        self.seed = derived_seed(session_seed, info.slug)
        self.random = random.Random(self.seed)  # noqa: S311 - choices of a rehearsal, replayable from the seed
        self.facts: dict[str, Any] = {}
        self.findings: list[Finding] = []
        self.faults: list[FaultRecord] = []
        self.budgets: list[BudgetRecord] = []
        self._source, self._clock, self._known_codes = source, clock, known_codes
        self._course = Course(info.slug, run_id, listeners, clock)
        self._injected: float | None = None
        self._healed: float | None = None
        self._open = 0

    @property
    def phase(self) -> Phase | None:
        """The phase that the drill is in; ``None`` before the first."""
        return self._course.phase

    @property
    def phases(self) -> list[PhaseTiming]:
        """The phases that the drill went through, in order, with their times."""
        return self._course.timings

    @property
    def history(self) -> History:
        """Everything that the drill knows by now."""
        return self._source.history(self.facts)

    def record(self, name: str, value: Any) -> None:
        """Write down a fact for checks to judge, as it is now.

        Args:
            name: what checks ask for with ``history.fact(name)``.
            value: JSON types.

        Raises:
            DrillError: ``name`` is no printable text, or ``value`` is not made of JSON types.
        """
        if not isinstance(name, str) or not name or not name.isprintable():
            raise DrillError(f"fact name {name!r:.60} is no printable text", fix="use words like 'open_orders'")
        try:
            copied = json.loads(compact_json(value))
        except (TypeError, ValueError, RecursionError) as error:
            raise DrillError(
                f"fact {name!r} cannot be written: {error}", fix="use plain, finite JSON values"
            ) from error
        self.facts[name] = copied
        self._course.tell(FactRecorded, name=name, value=copied)

    def steady(self, *checks: str | Check) -> None:
        """Prove health before anything is broken.

        Raises:
            CheckFailed: a check found something.
            DrillError: something was injected already, or no check is named.
        """
        __tracebackhide__ = True
        if self.phase not in (None, Phase.STEADY):
            raise DrillError(f"steady() comes first, the drill is in phase {self.phase}", where=self.info.slug)
        self._course.enter(Phase.STEADY)
        self._conclude(self._ask(checks))

    @contextlib.contextmanager
    def inject(self, fault: Fault) -> Iterator[Fault]:
        """Break something for the length of a ``with`` block; it is healed whatever happens in the block.

        Injections may lie inside one another and follow one another.

        Raises:
            DrillError: the fault cannot be healed.
        """
        self._course.enter(Phase.INJECT)
        injected_at = self._course.stamp()
        self._course.tell(FaultInjected, fault=fault.name)
        self._injected = self._clock.monotonic()
        self._open += 1
        try:
            fault.begin()
            self._course.enter(Phase.OBSERVE)
            yield fault
        finally:
            self._open -= 1
            self._heal(fault, injected_at)
            if self._open:
                self._course.enter(Phase.OBSERVE)

    def detects(self, *checks: str | Check) -> None:
        """Hold that the system noticed the fault, within ``detect_within`` of the last injection.

        Raises:
            CheckFailed: it did not, or too late.
            DrillError: nothing was injected, or no check is named.
        """
        __tracebackhide__ = True
        self._within("detect_within", self._since_injection("detects"), checks)

    def contains(self, *checks: str | Check) -> None:
        """Hold that the damage stopped, within ``contain_within`` of the last injection.

        Raises:
            CheckFailed: it did not, or too late.
            DrillError: nothing was injected, or no check is named.
        """
        __tracebackhide__ = True
        self._within("contain_within", self._since_injection("contains"), checks)

    def recovers(self, *checks: str | Check) -> None:
        """Hold that everything is well again, within ``recover_within`` of the last healing.

        A drill that broke something without ``inject`` is measured from the beginning of the phase verify.

        Raises:
            CheckFailed: it is not, or was too late.
            DrillError: what was injected last is not healed yet, or no check is named.
        """
        __tracebackhide__ = True
        if self._open and (self._healed is None or self._healed < (self._injected or 0.0)):
            raise DrillError(
                "recovers() comes after the healing", where=self.info.slug, fix="move it below the `with` block"
            )
        self._enter_asking()
        self._within("recover_within", self._course.began if self._healed is None else self._healed, checks)

    def holds(self, *checks: str | Check) -> None:
        """Hold the checks now: inside an injection what is observed, else what remains.

        Raises:
            CheckFailed: a check found something.
            DrillError: no check is named.
        """
        __tracebackhide__ = True
        self._enter_asking()
        self._conclude(self._ask(checks))

    def end(self) -> None:
        """Close the last phase; done twice, the second has no effect."""
        self._course.end()

    def facts_sha256(self) -> str | None:
        """Return the digest of the recorded facts, if there are any."""
        return sha256_hex(compact_json(self.facts).encode()) if self.facts else None

    def _heal(self, fault: Fault, injected_at: str) -> None:
        fired, healed_at = False, None
        try:
            try:
                self._course.enter(Phase.HEAL)
                fired = bool(fault.fired)
            finally:  # whatever a full disk or the fault itself says, it is healed
                fault.heal()
                healed_at = self._course.stamp()
        except OpsLabError:
            raise
        except Exception as error:
            what = f"healing fault {fault.name} failed: {type(error).__name__}: {error}"
            raise DrillError(what, where=self.info.slug, fix="undo by hand what it broke") from error
        finally:
            self._healed = self._clock.monotonic()
            record = FaultRecord(fault=fault.name, fired=fired, injected_at_utc=injected_at, healed_at_utc=healed_at)
            self.faults.append(record)
            self._course.tell(FaultHealed, fault=fault.name, fired=fired)

    def _since_injection(self, verb: str) -> float:
        if self._injected is None:
            raise DrillError(
                f"{verb}() comes after an injection",
                where=self.info.slug,
                fix="break something: with drill.inject(...)",
            )
        self._enter_asking()
        return self._injected

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
            if not self._explains(findings):
                findings.append(budget_finding(record, self.phase or Phase.VERIFY, findings))
        self._conclude(findings)

    def _explains(self, findings: list[Finding]) -> bool:
        """Whether a known defect, and nothing else, is why a budget was not reached."""
        others = [finding for finding in findings if finding.result is not Result.PASS]
        return bool(others) and all(self._is_known(finding) for finding in others)

    def _is_known(self, finding: Finding) -> bool:
        return finding.result is Result.FAIL and finding.code in self._known_codes

    def _ask(self, checks: tuple[str | Check, ...]) -> list[Finding]:
        if not checks:
            raise DrillError("no check is named", where=self.info.slug, fix='name one: drill.holds("run.completed")')
        history = self.history
        spec = _spec_of(history)
        return [find_check(check).ask(history, spec, self.phase or Phase.VERIFY) for check in checks]

    def _conclude(self, findings: list[Finding]) -> None:
        __tracebackhide__ = True
        self.findings += findings
        for finding in findings:
            told = finding.model_dump(include={"phase", "check", "result", "code", "details"})
            self._course.tell(CheckEvaluated, **told)
        failures = [item for item in findings if item.result is Result.FAIL and not self._is_known(item)]
        doubts = [finding for finding in findings if finding.result is Result.UNKNOWN]
        if failures:
            raise CheckFailed(told_in_full(failures), tuple(finding.code for finding in failures))
        if doubts:
            raise CheckUnknown(told_in_full(doubts), tuple(finding.code for finding in doubts))

    def _enter_asking(self) -> None:
        self._course.enter(Phase.OBSERVE if self._open else Phase.VERIFY)


def _spec_of(history: History) -> RunSpec | None:
    """Return the first run's spec; checks that need a broken one say unknown themselves."""
    try:
        return history.runs[0].spec if history.runs else None
    except OpsLabError:
        return None


def derived_seed(session_seed: int, slug: str) -> int:
    """Return a drill's own seed: the same for one session seed and slug, whatever else runs."""
    return int.from_bytes(hashlib.sha256(f"{session_seed}:{slug}".encode()).digest()[:8]) >> 1
