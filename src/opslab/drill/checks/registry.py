"""The registry of checks, and the three answers that a check can give."""

from __future__ import annotations

import difflib
import importlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslab.contract.drill import Finding, Phase, Result
from opslab.contract.encoding import compact_json
from opslab.drill.history import FactMissing
from opslab.errors import DrillError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.spec import RunSpec
    from opslab.drill.history import History

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
_MODULES = (
    "bundles",
    "containment",
    "connectivity",
    "crashes",
    "data",
    "dead_man",
    "differences",
    "door",
    "engine_rows",
    "exposition",
    "fills",
    "flatten",
    "guarding",
    "loopback",
    "market",
    "node",
    "paper",
    "parity",
    "parity_ends",
    "reconciliation",
    "recovery",
    "requests",
    "runs",
    "safety",
    "storms",
    "stream",
    "triggers",
    "views",
)
_BUILT_IN = tuple(f"opslab.drill.checks.{name}" for name in _MODULES)
CRASHED = "OPS-CHECK-CRASHED"
FACTS_MISSING = "OPS-FACTS-MISSING"


@dataclass(frozen=True)
class Judgement:
    """A check's answer.

    Attributes:
        result: pass, fail or unknown.
        details: one line for people.
        code: stable code of what was found, such as ``OPS-FILL-SAME-BAR``; empty on a pass.
        expected: what should have been, if it can be shown.
        observed: what was, if it can be shown.
    """

    result: Result
    details: str
    code: str = ""
    expected: Any = None
    observed: Any = None

    def __post_init__(self) -> None:
        """Refuse a finding without a stable code.

        Raises:
            DrillError: ``result`` is no result, or ``code`` has another form.
        """
        if not isinstance(self.result, Result):
            raise DrillError(f"{self.result!r:.40} is no result", fix="return passed(), failed() or unknown()")
        if self.result is not Result.PASS and not (isinstance(self.code, str) and _CODE.fullmatch(self.code)):
            fix = "use upper-case words joined by '-': OPS-FILL-LATE"
            raise DrillError(f"finding code {self.code!r:.60} is malformed", fix=fix)


@dataclass(frozen=True)
class Check:
    """A registered check.

    Attributes:
        name: dotted lower-case words: ``fills.next_open``.
        judge: the pure function.
        summary: what it holds, from the function's docstring.
    """

    name: str
    judge: Callable[[History, RunSpec | None], Judgement]
    summary: str

    def ask(self, history: History, spec: RunSpec | None, phase: Phase) -> Finding:
        """Return the check's finding; a crash or a missing fact is unknown, never a pass."""
        try:
            judgement: object = self.judge(history, spec)
        except FactMissing as missing:
            judgement = unknown(FACTS_MISSING, str(missing))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as crash:  # noqa: BLE001 - whatever a check raises (a skip, too), it has not said pass
            judgement = unknown(CRASHED, f"{type(crash).__name__}: {crash}")
        if not isinstance(judgement, Judgement):
            judgement = unknown(CRASHED, f"returned {type(judgement).__name__}, not passed(), failed() or unknown()")
        return Finding(
            check=self.name,
            phase=phase,
            result=judgement.result,
            code=judgement.code,
            details=one_line(judgement.details, 600),
            expected=_shown(judgement.expected),
            observed=_shown(judgement.observed),
        )


def passed(details: str = "") -> Judgement:
    """Return a pass; ``details`` says on how much it rests."""
    return Judgement(Result.PASS, details)


def failed(code: str, details: str, *, expected: Any = None, observed: Any = None) -> Judgement:
    """Return a finding.

    Args:
        code: stable and upper-case: reports, categories and ``known_defect`` refer to it.
        details: one line for people.
        expected: what should have been, JSON types.
        observed: what was, JSON types.

    Raises:
        DrillError: ``code`` has another form.
    """
    return Judgement(Result.FAIL, details, code, expected, observed)


def unknown(code: str, details: str) -> Judgement:
    """Return that nobody can tell.

    Raises:
        DrillError: ``code`` is not upper-case words joined by ``-``.
    """
    return Judgement(Result.UNKNOWN, details, code)


_checks: dict[str, Check] = {}


def check(name: str) -> Callable[[Callable[[History, RunSpec | None], Judgement]], Check]:
    """Register a function ``(history, spec) -> passed() | failed() | unknown()`` under ``name``.

    Raises:
        DrillError: the name is malformed, or another function has it.
    """
    if not _NAME.fullmatch(name):
        raise DrillError(f"check name {name!r:.60} is malformed", fix="use dotted lower-case words: fills.next_open")

    def register(judge: Callable[[History, RunSpec | None], Judgement]) -> Check:
        registered = Check(name, judge, (judge.__doc__ or "").strip().partition("\n")[0])
        taken = _checks.get(name)
        if taken is not None and _origin(taken.judge) != _origin(judge):
            raise DrillError(
                f"check {name!r} is registered twice: {_origin(taken.judge)} and {_origin(judge)}",
                fix="rename one of them",
            )
        _checks[name] = registered
        return registered

    return register


def find_check(name: str | Check) -> Check:
    """Return the check ``name``.

    Raises:
        DrillError: there is no such check; the nearest is suggested.
    """
    if isinstance(name, Check):
        return name
    checks = known_checks()
    if name not in checks:
        near = difflib.get_close_matches(str(name), checks, n=1)
        suggestion = f"did you mean {near[0]!r}? " if near else ""
        raise DrillError(f"unknown check {name!r:.60}", fix=f"{suggestion}known checks: {', '.join(sorted(checks))}")
    return checks[name]


def known_checks() -> dict[str, Check]:
    """Return every registered check by name, the built-in ones included."""
    for module in _BUILT_IN:
        importlib.import_module(module)
    return dict(_checks)


def _shown(value: Any) -> Any:
    """Return a value as evidence: JSON as it is, anything else as its text, so that a finding is never lost."""
    try:
        return json.loads(compact_json(value))
    except (TypeError, ValueError, RecursionError):
        return one_line(repr(value), 300)


def _origin(judge: Callable[..., Judgement]) -> str:
    return f"{judge.__module__}.{judge.__qualname__}"
