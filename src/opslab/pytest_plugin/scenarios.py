"""YAML files as pytest items: ``*.run.yaml`` is a run spec, its item the drill that the run completes in evidence."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from opslab.errors import CheckFailed, OpsLabError, RootError, SpecError
from opslab.pytest_plugin.judging import Judging, told_repr
from opslab.pytest_plugin.keys import DRILL, INFO, MUTANT, REHEARSAL, SESSION, SPEC_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opslab.contract.spec import RunSpec
    from opslab.contract.spec_file import SpecFile

STANDARD_CHECKS = ("run.completed", "bundle.complete", "bundle.evidence")
PAPER_CHECKS = ("engine.trading", "views.agree", "orders.no_duplicates", "positions.no_phantoms", "orders.told_truly")
"""What is held of a paper run's end besides; its fills lie between the candles, so ``fills.next_open`` says nothing."""

MUTANT_NAME = "journal-tail-cut"
SUFFIXES = (".run.yaml", ".run.yml")


@dataclass(frozen=True)
class Scenarios:
    """Brings the YAML scenarios below a directory into the module that names it.

    >>> scenarios = Scenarios("../scenarios")

    Attributes:
        directory: relative to the module.
    """

    directory: str


def collect_scenarios(collector: pytest.Module | pytest.Class, name: str, obj: Scenarios) -> list[pytest.Collector]:
    """Return a collector of each ``*.run.yaml`` below the directory, sorted; a missing one ends the session later."""
    directory = (collector.path.parent / str(obj.directory)).resolve()
    if not directory.is_dir():
        problem = f"{collector.path}: {name}: there is no directory {obj.directory!r}; name it relative to this file"
        collector.config.stash[SESSION].problems.append(problem)
        return []
    files = sorted(path for path in directory.rglob("*.run.y*ml") if path.is_file() and path.name.endswith(SUFFIXES))
    return [
        RunScenario.from_parent(collector, name=path.relative_to(directory).as_posix(), path=path) for path in files
    ]


class RunFile(pytest.File):
    """A ``*.run.yaml`` file that pytest was pointed at."""

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the file's drill; with ``--opslab-mutants``, the drill under its mutant."""
        return _items(self)


class RunScenario(pytest.Collector):
    """A ``*.run.yaml`` file that a module brought in: part of that module, so that ``--lf`` finds it there.

    Args:
        path: the file.
        fields: what pytest gives every node.
    """

    def __init__(self, *, path: Path, **fields: Any) -> None:
        super().__init__(**fields)
        self.path = path

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the file's drill; with ``--opslab-mutants``, the drill under its mutant."""
        return _items(self)


def _items(collector: RunFile | RunScenario) -> Iterator[pytest.Item]:
    """Yield the file's drill; what is wrong with the file ends the session as a usage error when all is collected."""
    from opslab.contract.spec_file import read_spec

    try:
        spec_file = read_spec(collector.path)
    except (SpecError, RootError) as error:
        collector.config.stash[SESSION].problems.append(str(error))
        return
    is_mutated = collector.config.getoption("--opslab-mutants")
    name = f"run[mutant:{MUTANT_NAME}]" if is_mutated else "run"
    yield RunItem.from_parent(collector, name=name, spec_file=spec_file)


class RunItem(pytest.Item):
    """The drill of a run spec: it completes, and leaves a bundle that nobody can doubt.

    Args:
        spec_file: the spec.
        fields: what pytest gives every item.
    """

    def __init__(self, *, spec_file: SpecFile, **fields: Any) -> None:
        super().__init__(**fields)
        self.path = spec_file.path
        self.fixturenames: list[str] = []
        self._spec_file = spec_file
        self._declare()

    def _declare(self) -> None:
        from opslab.drill.info import DrillInfo, Mutant

        name = self.path.name.partition(".")[0]
        words = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or hashlib.sha256(name.encode()).hexdigest()[:8]
        self.stash[INFO] = DrillInfo(
            slug=f"run-{words}"[:120].rstrip("-"),
            area="runs",
            title=f"{self.path.name} completes and leaves a bundle that nobody can doubt",
            mutants=(Mutant(MUTANT_NAME),),
        )
        self.stash[SPEC_PATH] = self.path
        if "[mutant:" in self.name:
            self.stash[MUTANT] = MUTANT_NAME

    def require_known_names(self) -> None:
        """Refuse a spec that names a strategy, venue or instrument nobody knows.

        Raises:
            pytest.UsageError: with the YAML line.
        """
        from opslab.runs.names import require_known_names

        session = self.config.stash[SESSION]
        try:
            require_known_names(session.lab, self._spec_file, session.registry)
        except OpsLabError as error:
            raise pytest.UsageError(str(error)) from error

    def runtest(self) -> None:
        """Run the spec and hold the standard checks."""
        with Judging(self):
            self._rehearse()

    def _rehearse(self) -> None:
        from opslab.drill.faults import cut_tail
        from opslab.store import layout

        drill = self.stash[DRILL]
        bundle = self.stash[REHEARSAL].run(self._spec_file, may_fail=True)
        if drill.mutant == MUTANT_NAME:
            cut_tail(bundle.path / layout.JOURNAL, 2).begin()
        drill.holds(*STANDARD_CHECKS, *_checks_of(self._spec_file.spec))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what was found and the YAML line it belongs to, instead of a traceback through the lab."""
        if isinstance(excinfo.value, CheckFailed | OpsLabError):
            return told_repr(self, excinfo, self._line(str(excinfo.value)))
        return super().repr_failure(excinfo, style)

    def _line(self, message: str) -> int:
        section = ("execution",) if "OPS-FILL" in message else ("strategy",) if "strategy" in message else ("run_id",)
        return self._spec_file.lines.get(section, 1)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the item stands: the file, its line of ``run_id``, and its name."""
        return self.path, self._line("") - 1, f"run spec {self.path.name}"


def _checks_of(spec: RunSpec) -> tuple[str, ...]:
    """Return what is held beside the standard checks."""
    from opslab.contract.spec import Fill, Mode

    if spec.mode is Mode.PAPER:
        return PAPER_CHECKS
    return ("fills.next_open",) if spec.execution.fill is Fill.NEXT_OPEN else ()
