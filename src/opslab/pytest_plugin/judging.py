"""From how a drill's body ended to its verdict, and from the verdict to what pytest is told."""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from opslab.errors import CheckFailed, CheckUnknown, DrillError, one_line
from opslab.pytest_plugin.keys import DRILL, INFO, LAB_TROUBLE, MUTANT, RAISED, REHEARSAL, ROW, SESSION
from opslab.pytest_plugin.reporting import report_drill, row_of

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from opslab.drill.verdict import Judged


class Judging:
    """Judges a drill's body: a known defect passes, a doubt fails, a mutant passes when it is caught.

    A skip is written down with its reason, but it hides nothing that a check found; under a mutant it proves nothing,
    and fails. An interrupt is written down as an error, because pytest makes no report of it.

    Args:
        item: the drill.
    """

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __enter__(self) -> None:
        """Let the body run."""

    def __exit__(
        self, _kind: type[BaseException] | None, caught: BaseException | None, _trace: TracebackType | None
    ) -> bool:
        """Judge it; what the body raised goes on if it says what the verdict says.

        Raises:
            CheckFailed: the verdict is fail or unknown, or a mutant survived.
            DrillError: the verdict is error, and the body did not say so.
        """
        __tracebackhide__ = True
        item = self._item
        item.stash[DRILL].end()
        own, caught = caught, _ended(item, caught)
        judged, outcome = _judge(item, caught)
        row = item.stash[ROW] = report_drill(item, judged, outcome)
        if isinstance(caught, KeyboardInterrupt | pytest.exit.Exception):
            item.config.stash[SESSION].take(row)
            return False
        if row["outcome"] in {"pass", "known_defect", "caught"}:
            return True
        if caught is not None and _says(caught, row):
            if caught is own:
                return False
            raise caught  # the body went well, the end of its run did not
        item.stash[RAISED] = _exception(row)
        raise item.stash[RAISED] from caught


def _ended(item: pytest.Item, caught: BaseException | None) -> BaseException | None:
    """End the drill's living run before anything is written down; what the body raised counts before its failure."""
    try:
        item.stash[REHEARSAL].end()
    except CheckFailed as failure:
        return caught or failure
    return caught


def mark_report(item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport) -> None:
    """Put the drill's row on its report, once there is one; what fails outside the body makes the verdict an error."""
    if call.excinfo is not None and report.failed and (report.when != "call" or ROW not in item.stash):
        told = one_line(f"{report.when}: {call.excinfo.typename}: {call.excinfo.value}")
        item.stash[ROW] = _written(item, _error(told), "error")
    elif call.excinfo is not None and report.when == "setup" and report.skipped:
        item.stash[ROW] = _written(item, *_judge_skip(item, call.excinfo.value))
        _refuse_skip(item, report)
    elif report.when == "setup":
        report.opslab = None  # type: ignore[attr-defined]
        return
    row = report.opslab = item.stash.get(ROW, None)  # type: ignore[attr-defined]
    if row is None:
        return
    report.user_properties = [*report.user_properties, *_properties(row)]
    if report.when == "setup" and call.excinfo is not None and isinstance(call.excinfo.value, pytest.UsageError):
        report.longrepr = told_repr(item, call.excinfo)  # it says what and where; a traceback leads through the lab
    if report.failed and report.when == "call":
        raised = item.stash.get(RAISED, None)
        if call.excinfo is not None and call.excinfo.value is raised and isinstance(item, pytest.Function):
            report.longrepr = told_repr(item, call.excinfo)  # a scenario shows its own line
        if row["outcome"] == "error":
            report.when = LAB_TROUBLE  # type: ignore[assignment]


def lost_row(item: pytest.Item) -> dict[str, Any]:
    """Return what is written down of a drill whose worker process dies while it runs."""
    return row_of(item, _error("the worker process died while the drill ran"), "error", None)


def told_repr(item: pytest.Item, excinfo: pytest.ExceptionInfo[BaseException], line: int | None = None) -> Any:
    """Return how a finding is shown where a traceback would only lead through the lab: what, and which drill."""
    shown = excinfo.getrepr(style="value")
    path, at, _ = item.reportinfo()
    shown.addsection("drill", f"{path}:{line or (at or 0) + 1}: {item.stash[INFO].title}")
    return shown


def _judge(item: pytest.Item, caught: BaseException | None) -> tuple[Judged, str]:
    from opslab.drill.info import defects_of
    from opslab.drill.verdict import judge, judge_mutant

    drill, mutant = item.stash[DRILL], item.stash.get(MUTANT, None)
    if _is_skip(caught) and not any(finding.result == "fail" for finding in drill.findings):
        return _judge_skip(item, caught)
    known = defects_of(item.stash[INFO].known_defects, version("nautilus_trader"))
    if item.stash[REHEARSAL].own is not None:  # a mark tells of the defaults: other settings may not have the defect
        known = [defect for defect in known if defect.code in {finding.code for finding in drill.findings}]
    is_finding = isinstance(caught, AssertionError | pytest.fail.Exception) or _is_skip(caught)
    error = None if caught is None or is_finding else one_line(f"{type(caught).__name__}: {caught}").rstrip(": ")
    assertion = _assertion(item, caught) if caught is not None and is_finding else None
    if mutant is not None:
        return judge_mutant(mutant, drill.findings, known, error=error, assertion=assertion)
    judged = judge(drill.findings, drill.faults, known, error=error, assertion=assertion)
    return judged, judged.verdict.value


def _judge_skip(item: pytest.Item, caught: BaseException | None) -> tuple[Judged, str]:
    """Return the verdict and outcome of a drill that was skipped before any check failed."""
    from opslab.contract.drill import SKIPPED, Verdict
    from opslab.drill.verdict import Judged, judge_mutant

    reason, mutant = one_line(f"skipped: {caught}"), item.stash.get(MUTANT, None)
    if mutant is not None:
        return judge_mutant(mutant, (), (), assertion=reason)
    faults = item.stash[DRILL].faults if DRILL in item.stash else []
    if unhealed := [fault.fault for fault in faults if fault.healed_at_utc is None]:
        return _error(f"fault {unhealed[0]} was not healed"), "error"
    return Judged(Verdict.UNKNOWN, reason), SKIPPED


def _refuse_skip(item: pytest.Item, report: pytest.TestReport) -> None:
    """Make a skip before the body a failure where the drill was not just skipped: a mutant was not caught."""
    row = item.stash[ROW]
    if row["outcome"] != "skipped":
        report.outcome, report.longrepr = "failed", row["message"]
        report.when = "call" if row["outcome"] == "toothless" else report.when


def _is_skip(caught: BaseException | None) -> bool:
    skip = getattr(sys.modules.get("unittest"), "SkipTest", pytest.skip.Exception)
    return isinstance(caught, pytest.skip.Exception | skip)


def _written(item: pytest.Item, judged: Judged, outcome: str) -> dict[str, Any]:
    """Write down a drill whose body did not run, or was over; one that was not even begun has no report."""
    if DRILL not in item.stash:
        return row_of(item, judged, outcome, None)
    item.stash[DRILL].end()
    return report_drill(item, judged, outcome)


def _assertion(item: pytest.Item, caught: BaseException) -> str | None:
    """Return what failed without a check of the drill: a run, or a plain assertion in the body."""
    if isinstance(caught, pytest.xfail.Exception):
        return "OPS-ASSERTION: xfail would hide what was found; use the marker known_defect"
    if _is_skip(caught):
        return "OPS-ASSERTION: a skip would hide what was found"
    codes = getattr(caught, "codes", ())
    if any(finding.code in codes for finding in item.stash[DRILL].findings):
        return None
    return one_line(caught if codes else f"OPS-ASSERTION: {caught}")


def _says(caught: BaseException, row: dict[str, Any]) -> bool:
    """Whether what the body raised already tells pytest, Allure and JUnit the verdict."""
    if _is_skip(caught):
        return bool(row["outcome"] == "skipped")
    if isinstance(caught, pytest.xfail.Exception) or row["outcome"] == "toothless":
        return False
    is_finding = isinstance(caught, AssertionError | pytest.fail.Exception)
    is_error = bool(row["outcome"] == "error")
    if is_error or not is_finding:
        return is_error and not is_finding
    return isinstance(caught, CheckUnknown) is bool(row["verdict"] == "unknown")


def _exception(row: dict[str, Any]) -> Exception:
    kinds: dict[str, type[Exception]] = {"unknown": CheckUnknown, "error": DrillError}
    return kinds.get(row["outcome"], CheckFailed)(row["message"])


def _error(message: str) -> Judged:
    from opslab.contract.drill import Verdict
    from opslab.drill.verdict import Judged

    return Judged(Verdict.ERROR, message)


def _properties(row: dict[str, Any]) -> list[tuple[str, str]]:
    names = ("drill", "area", "severity", "verdict", "outcome", "mutant", "report", "seed")
    told = [(f"opslab.{name}", str(row[name])) for name in names if row.get(name) not in (None, "")]
    return [*told, *(("opslab.run_id", run_id) for run_id in row["runs"])]
