"""A drill as a pytest item: begun before its fixtures, judged after its body, reported, cleaned up."""

from __future__ import annotations

import contextlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from opslab.errors import CheckFailed, CheckUnknown, DrillError, one_line
from opslab.pytest_plugin.keys import BEGAN, CLEANUP, DRILL, INFO, LAB_TROUBLE, MUTANT, REHEARSAL, ROW, SESSION
from opslab.pytest_plugin.markers import NO_MUTANT
from opslab.pytest_plugin.reporting import report_drill, variant_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

    from opslab.contract.drill import KnownDefect
    from opslab.drill.drill import Listener
    from opslab.drill.verdict import Judged


def begin(item: pytest.Item) -> None:
    """Make the item's drill and put its mutant in force.

    Raises:
        DrillError: the mutant cannot be put in force.
    """
    from opslab.clock import SystemClock
    from opslab.drill.drill import Drill
    from opslab.runs.rehearsal import DrillJournal, Rehearsal

    session, info, clock = item.config.stash[SESSION], item.stash[INFO], SystemClock()
    item.stash[BEGAN] = clock.monotonic()
    name = variant_name(item)
    rehearsal = item.stash[REHEARSAL] = Rehearsal(
        session.lab,
        session.ids,
        session.registry,
        clock,
        on_sealed=lambda bundle: item.config.hook.pytest_opslab_run_ended(bundle=bundle),
    )
    journal = DrillJournal(session.lab.sessions / session.session_id / "drills" / f"{name}.journal.jsonl", name, clock)
    listeners: list[Listener] = [journal]
    if item.config.getoption("allure_report_dir", None):
        from opslab.report.allure import Steps, describe

        describe(info, module=_module_title(item), runbook_base=item.config.getini("opslab_runbook_base"))
        listeners.append(Steps())
    item.stash[DRILL] = Drill(
        info,
        run_id=name,
        source=rehearsal,
        listeners=tuple(listeners),
        clock=clock,
        session_seed=session.seed,
        mutant=item.stash.get(MUTANT, None),
    )
    stack = item.stash[CLEANUP] = contextlib.ExitStack()
    if enact := next((mutant.enact for mutant in info.mutants if mutant.name == item.stash.get(MUTANT, None)), None):
        stack.enter_context(enact())


def end(item: pytest.Item) -> None:
    """Lift the mutant."""
    if CLEANUP in item.stash:
        item.stash[CLEANUP].close()


@contextlib.contextmanager
def judged(item: pytest.Item) -> Iterator[None]:
    """Run a drill's body and judge it: a known defect passes, a doubt fails, a mutant passes when it is caught.

    Raises:
        CheckFailed: the verdict is fail or unknown, or a mutant survived.
    """
    caught: Exception | None = None
    try:
        yield
    except Exception as error:  # noqa: BLE001 - skips, exits and interrupts are no Exceptions and pass through
        caught = error
    drill = item.stash[DRILL]
    drill.end()
    if drill.mutant is None:
        _conclude(item, caught)
    else:
        _conclude_mutant(item, caught)


def mark_report(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Put the drill's row on its report; a failed set-up or teardown makes the verdict an error."""
    from opslab.contract.drill import Verdict

    if report.failed and report.when != "call" and call.excinfo is not None and DRILL in item.stash:
        item.stash[DRILL].end()
        message = one_line(f"{report.when}: {call.excinfo.typename}: {call.excinfo.value}")
        item.stash[ROW] = report_drill(item, _error(message), _outcome(item, Verdict.ERROR.value))
    elif report.when != "call":
        return
    row = item.stash.get(ROW, None)
    if row is None:
        return
    report.opslab = row  # type: ignore[attr-defined]
    report.user_properties = [*report.user_properties, *_properties(row)]
    if report.failed and row["outcome"] == Verdict.ERROR.value and report.when == "call":
        report.when = LAB_TROUBLE  # type: ignore[assignment]


def _conclude(item: pytest.Item, caught: Exception | None) -> None:
    from opslab.contract.drill import Verdict
    from opslab.drill.verdict import judge

    drill = item.stash[DRILL]
    is_finding = isinstance(caught, AssertionError)
    # Findings that no check made: a failed run, or a plain assert in the body.
    is_plain = is_finding and not any(finding.code in getattr(caught, "codes", ()) for finding in drill.findings)
    judgement = judge(
        drill.findings,
        drill.faults,
        _known_here(item),
        error=None if caught is None or is_finding else one_line(f"{type(caught).__name__}: {caught}"),
        assertion=one_line(caught) if is_plain else None,
    )
    item.stash[ROW] = report_drill(item, judgement, judgement.verdict.value)
    if judgement.verdict.passed:
        return
    if caught is not None:
        raise caught
    raise (CheckUnknown if judgement.verdict is Verdict.UNKNOWN else CheckFailed)(judgement.message)


def _conclude_mutant(item: pytest.Item, caught: Exception | None) -> None:
    from opslab.contract.drill import Result, Verdict
    from opslab.drill.verdict import Judged, told

    drill = item.stash[DRILL]
    known = {defect.code for defect in _known_here(item)}
    catches = [finding for finding in drill.findings if finding.result is Result.FAIL and finding.code not in known]
    if catches and isinstance(caught, CheckFailed):
        judgement, outcome = Judged(Verdict.PASS, f"caught by {told(catches)}"), "caught"
    elif drill.mutant == NO_MUTANT:
        judgement, outcome = Judged(Verdict.FAIL, "OPS-TOOTHLESS: the drill declares no mutant"), "toothless"
    elif caught is None or isinstance(caught, AssertionError):
        why = "no check said fail" if caught is None else f"only this, no check: {one_line(caught, 200)}"
        judgement, outcome = Judged(Verdict.FAIL, f"OPS-TOOTHLESS: mutant {drill.mutant} survived: {why}"), "toothless"
    else:
        crash = one_line(f"{type(caught).__name__}: {caught}", 200)
        judgement, outcome = Judged(Verdict.ERROR, f"mutant {drill.mutant} crashed the drill: {crash}"), "error"
    item.stash[ROW] = report_drill(item, judgement, outcome)
    if outcome == "toothless":
        raise CheckFailed(judgement.message) from caught
    if outcome == "error":
        raise DrillError(judgement.message) from caught


def _known_here(item: pytest.Item) -> list[KnownDefect]:
    """Return the declared defects that the installed engine version has; in other versions the mark is inert."""
    from packaging.specifiers import SpecifierSet

    installed = version("nautilus_trader")
    return [
        defect
        for defect in item.stash[INFO].known_defects
        if SpecifierSet(defect.versions).contains(installed, prereleases=True)
    ]


def _error(message: str) -> Judged:
    from opslab.contract.drill import Verdict
    from opslab.drill.verdict import Judged

    return Judged(Verdict.ERROR, message)


def _outcome(item: pytest.Item, verdict: str) -> str:
    return "error" if item.stash.get(MUTANT, None) else verdict


def _properties(row: dict[str, Any]) -> list[tuple[str, str]]:
    names = ("drill", "area", "severity", "verdict", "outcome", "mutant", "report", "seed")
    pairs = [(f"opslab.{name}", str(row[name])) for name in names if row.get(name) not in (None, "")]
    return [*pairs, *(("opslab.run_id", run_id) for run_id in row["runs"])]


def _module_title(item: pytest.Item) -> str:
    text = (getattr(getattr(item, "module", None), "__doc__", None) or "").strip().partition("\n")[0].rstrip(".")
    return text or item.path.stem.removeprefix("test_").replace("_", " ")
