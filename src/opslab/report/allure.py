"""Allure: labels from a drill's declaration, a step a phase, typed attachments. Called inside the test's process."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import allure
import allure_commons
from allure_commons.model2 import Status, StatusDetails

from opslab.contract.drill import Phase, Result, Severity, Verdict
from opslab.contract.drill_events import CheckEvaluated, FaultHealed, FaultInjected
from opslab.errors import CheckFailed
from opslab.store import layout

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.drill import DrillReport
    from opslab.contract.events import Event

MAX_ATTACHMENT_BYTES = 256 * 1024
_TITLES = {
    Phase.STEADY: "steady: health before",
    Phase.INJECT: "inject: break it",
    Phase.OBSERVE: "observe: detect and contain",
    Phase.HEAL: "heal: undo it",
    Phase.VERIFY: "verify: what remains",
}
_TYPES = {".json": "application/json", ".jsonl": "text/plain", ".yaml": "application/yaml", ".md": "text/markdown"}
_STATUSES = {
    Verdict.PASS: Status.PASSED,
    Verdict.KNOWN_DEFECT: Status.PASSED,
    Verdict.UNKNOWN: Status.FAILED,
    Verdict.FAIL: Status.FAILED,
    Verdict.ERROR: Status.BROKEN,
}
_PREFIXES = {Verdict.KNOWN_DEFECT: "known engine defect: ", Verdict.UNKNOWN: "unknown: "}
_EVIDENCE = (layout.RUN_SPEC, layout.METADATA, layout.JOURNAL, layout.METRICS, layout.REPORT)


class Declared(Protocol):
    """What of a drill's declaration is shown."""

    @property
    def slug(self) -> str:
        """The drill's own name."""
        ...

    @property
    def area(self) -> str:
        """Which part of operations it rehearses."""
        ...

    @property
    def title(self) -> str:
        """One sentence for people."""
        ...

    @property
    def rehearses(self) -> tuple[str, ...]:
        """Incident ids."""
        ...

    @property
    def severity(self) -> Severity:
        """How bad it is when it fails."""
        ...

    @property
    def runbook(self) -> str | None:
        """Path or address of the page to read when it fails."""
        ...


class Steps:
    """Turns phases into steps while they happen, with what was broken and asked inside: a drill's listener."""

    def __init__(self) -> None:
        self._step: Any = None
        self._finding: CheckFailed | None = None

    def entered(self, phase: Phase) -> None:
        """Close the phase before and open the next."""
        self.ended()
        self._step = allure.step(_TITLES[phase])
        self._step.__enter__()

    def told(self, event: Event) -> None:
        """Show a fault or an answer as a step inside the phase; a finding fails its step and its phase."""
        finding = None
        match event:
            case FaultInjected():
                title = f"fault {event.fault}"
            case FaultHealed():
                title = f"fault {event.fault} {'took effect' if event.fired else 'NEVER took effect'}"
            case CheckEvaluated():
                title = f"{event.check}: {event.result}{f' {event.code}' if event.code else ''}: {event.details}"
                finding = None if event.result == Result.PASS else CheckFailed(f"{event.code}: {event.details}")
            case _:
                return
        self._finding = self._finding or finding
        with contextlib.suppress(CheckFailed), allure.step(title):
            if finding is not None:
                raise finding

    def ended(self) -> None:
        """Close the open phase, if any."""
        step, finding, self._step, self._finding = self._step, self._finding, None, None
        if step is not None:
            step.__exit__(type(finding) if finding else None, finding, None)


class Ending:
    """Corrects each result before it is written: Allure judges by the exception, a drill by its verdict.

    Its title is set here too, because Allure's pytest listener puts the test's name in its place.
    """

    def __init__(self) -> None:
        self._name, self._verdict, self._message = "", Verdict.PASS, ""
        self._is_told = False

    def tell(self, report: DrillReport, name: str) -> None:
        """Keep how the running drill ended until its result is written."""
        self._name, self._verdict, self._message, self._is_told = name, report.verdict, report.message, True

    @allure_commons.hookimpl(tryfirst=True)  # type: ignore[untyped-decorator]
    def report_result(self, result: Any) -> None:
        """Give the result the drill's title, status and message."""
        if not self._is_told:
            return
        self._is_told = False
        result.name, result.status = self._name, _STATUSES[self._verdict]
        details = result.statusDetails or StatusDetails()
        code = self._message.partition(":")[0]
        if self._verdict is not Verdict.FAIL or code not in (details.message or ""):
            details.message = f"{_PREFIXES.get(self._verdict, '')}{self._message}"
        result.statusDetails = details


_ending = Ending()


def describe(info: Declared, *, module: str, runbook_base: str) -> None:
    """Label the running test: epic, feature and story, severity, tags, runbook."""
    if not allure_commons.plugin_manager.is_registered(_ending):
        allure_commons.plugin_manager.register(_ending)
    allure.dynamic.epic(info.area.replace("_", " ").replace("-", " ").capitalize())
    allure.dynamic.feature(module)
    allure.dynamic.story(info.slug)
    allure.dynamic.severity(info.severity.value)
    allure.dynamic.tag(*info.rehearses)
    if info.runbook:
        is_address = "://" in info.runbook
        allure.dynamic.link(info.runbook if is_address else runbook_base + info.runbook, name="runbook")


def attach_evidence(report: DrillReport, title: str, path: Path, journal: Path, bundles: list[Path]) -> None:
    """Attach the drill's report and journal, and what each of its runs left (of many runs, the first three).

    Args:
        report: how the drill ended.
        title: what the result is called.
        path: the report's file.
        journal: the drill's journal.
        bundles: the runs' directories.
    """
    _ending.tell(report, title)
    if report.verdict is Verdict.KNOWN_DEFECT:
        allure.dynamic.tag("known engine defect")
    allure.dynamic.parameter("seed", report.seed, excluded=True)
    _attach(path, f"drill {path.name}")
    _attach(journal, f"drill {journal.name}")
    for bundle in bundles[:3]:
        prefix = f"{bundle.name}/" if len(bundles) > 1 else ""
        for name in _EVIDENCE:
            _attach(bundle / name, f"{prefix}{name}")


def attach_comparison(directory: Path) -> None:
    """Attach what the comparison of two runs came to: the page and the JSON of its directory."""
    for path in sorted(directory.glob("backtest_vs_paper_evidence.*")):
        _attach(path, f"{directory.name}/{path.name}")


def _attach(path: Path, name: str) -> None:
    if not path.is_file() or path.is_symlink():
        return
    content = path.read_bytes()
    if len(content) > MAX_ATTACHMENT_BYTES:
        rest = f"\n[cut here: {len(content)} bytes in all, see {path.name} in the bundle]\n"
        content = content[:MAX_ATTACHMENT_BYTES] + rest.encode()
    kind = _TYPES.get(path.suffix, "text/plain")
    allure.attach(content, name=name, attachment_type=kind, extension=path.suffix.lstrip("."))
