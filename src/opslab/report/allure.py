"""Allure: labels from a drill's declaration, a step a phase, typed attachments. Called inside the test's process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import allure

from opslab.contract.drill import Phase, Severity, Verdict
from opslab.contract.events import CheckEvaluated, Event, FaultHealed, FaultInjected
from opslab.store import layout

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.drill import DrillReport

MAX_ATTACHMENT_BYTES = 256 * 1024
_TITLES = {
    Phase.STEADY: "steady: health before",
    Phase.INJECT: "inject: break it",
    Phase.OBSERVE: "observe: detect and contain",
    Phase.HEAL: "heal: undo it",
    Phase.VERIFY: "verify: what remains",
}
_TYPES = {".json": "application/json", ".jsonl": "text/plain", ".yaml": "application/yaml", ".md": "text/markdown"}
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

    def entered(self, phase: Phase) -> None:
        """Close the phase before and open the next."""
        self.ended()
        self._step = allure.step(_TITLES[phase])
        self._step.__enter__()

    def told(self, event: Event) -> None:
        """Show a fault or an answer as a step inside the phase."""
        match event:
            case FaultInjected():
                title = f"fault {event.fault}"
            case FaultHealed():
                title = f"fault {event.fault} {'took effect' if event.fired else 'NEVER took effect'}"
            case CheckEvaluated():
                title = f"{event.check}: {event.result}{f' {event.code}' if event.code else ''}: {event.details}"
            case _:
                return
        with allure.step(title):
            pass

    def ended(self) -> None:
        """Close the open phase, if any."""
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None


def describe(info: Declared, *, module: str, runbook_base: str) -> None:
    """Label the running test: epic, feature and story, severity, tags, runbook."""
    allure.dynamic.epic(info.area.replace("_", " ").replace("-", " ").capitalize())
    allure.dynamic.feature(module)
    allure.dynamic.story(info.slug)
    allure.dynamic.title(info.title)
    allure.dynamic.severity(info.severity.value)
    allure.dynamic.tag(*info.rehearses)
    if info.runbook:
        is_address = "://" in info.runbook
        allure.dynamic.link(info.runbook if is_address else runbook_base + info.runbook, name="runbook")


def attach_evidence(report: DrillReport, path: Path, journal: Path, bundles: list[Path]) -> None:
    """Attach the drill's report and journal, and what each of its runs left (of many runs, the first three)."""
    if report.verdict is Verdict.KNOWN_DEFECT:
        allure.dynamic.tag("known engine defect")
    allure.dynamic.parameter("seed", report.seed, excluded=True)
    _attach(path, f"drill {path.name}")
    _attach(journal, f"drill {journal.name}")
    for bundle in bundles[:3]:
        prefix = f"{bundle.name}/" if len(bundles) > 1 else ""
        for name in _EVIDENCE:
            _attach(bundle / name, f"{prefix}{name}")


def _attach(path: Path, name: str) -> None:
    if not path.is_file() or path.is_symlink():
        return
    content = path.read_bytes()
    if len(content) > MAX_ATTACHMENT_BYTES:
        rest = f"\n[cut here: {len(content)} bytes in all, see {path.name} in the bundle]\n"
        content = content[:MAX_ATTACHMENT_BYTES] + rest.encode()
    kind = _TYPES.get(path.suffix, "text/plain")
    allure.attach(content, name=name, attachment_type=kind, extension=path.suffix.lstrip("."))
