"""YAML files as pytest items: ``*.run.yaml`` is a run spec, its item the drill that the run completes in evidence."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from opslab.errors import CheckFailed, OpsLabError, RootError, SpecError
from opslab.pytest_plugin.keys import DRILL, INFO, MUTANT, REHEARSAL, SPEC_PATH

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from opslab.contract.spec_file import SpecFile

STANDARD_CHECKS = ("run.completed", "bundle.complete", "bundle.evidence")
MUTANT_NAME = "journal-tail-cut"


@dataclass(frozen=True)
class Scenarios:
    """Brings the YAML scenarios below a directory into the module that names it.

    >>> scenarios = Scenarios("../scenarios")

    Attributes:
        directory: relative to the module.
    """

    directory: str


def collect_scenarios(collector: pytest.Module | pytest.Class, name: str, obj: Any) -> list[pytest.Collector]:
    """Return a collector of each ``*.run.yaml`` below the directory, sorted.

    Raises:
        pytest.UsageError: the directory is missing.
    """
    directory = (collector.path.parent / obj.directory).resolve()
    if not directory.is_dir():
        raise pytest.UsageError(f"{collector.path}: {name}: there is no directory {obj.directory!r}")
    files = sorted(path for path in directory.rglob("*.run.y*ml") if path.is_file())
    return [RunFile.from_parent(collector, path=path, nodeid=_nodeid(collector, path)) for path in files]


def _nodeid(collector: pytest.Collector, path: Path) -> str:
    root = collector.config.rootpath
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name


class RunFile(pytest.File):
    """A ``*.run.yaml`` file."""

    def collect(self) -> Iterable[pytest.Item]:
        """Yield the file's drill; with ``--opslab-mutants``, the drill under its mutant.

        Raises:
            pytest.UsageError: the file is not a run spec.
        """
        from opslab.contract.spec_file import read_spec

        try:
            spec_file = read_spec(self.path)
        except (SpecError, RootError) as error:
            # Raised again when all is collected: there it ends the session as the usage error that it is.
            yield RunItem.from_parent(self, name="run", spec_file=None, problem=str(error))
            return
        is_mutated = self.config.getoption("--opslab-mutants")
        name = f"run[mutant:{MUTANT_NAME}]" if is_mutated else "run"
        yield RunItem.from_parent(self, name=name, spec_file=spec_file, problem=None)


class RunItem(pytest.Item):
    """The drill of a run spec: it completes, and leaves a bundle that nobody can doubt."""

    def __init__(self, *, spec_file: SpecFile | None, problem: str | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.problem = problem
        self._spec_file = spec_file
        self.fixturenames: list[str] = []
        self._declare()

    def _declare(self) -> None:
        from opslab.drill.info import DrillInfo, Mutant

        words = re.sub(r"[^a-z0-9]+", "-", self.path.name.partition(".")[0].lower()).strip("-")
        self.stash[INFO] = DrillInfo(
            slug=f"run-{words}"[:120],
            area="runs",
            title=f"{self.path.name} completes and leaves a bundle that nobody can doubt",
            mutants=(Mutant(MUTANT_NAME),),
        )
        self.stash[SPEC_PATH] = self.path
        if "mutant:" in self.name:
            self.stash[MUTANT] = MUTANT_NAME

    def runtest(self) -> None:
        """Run the spec and hold the standard checks."""
        from opslab.pytest_plugin.lifecycle import judged

        with judged(self):
            self._rehearse()

    def _rehearse(self) -> None:
        from opslab.drill.faults import cut_tail
        from opslab.store import layout

        drill, rehearsal = self.stash[DRILL], self.stash[REHEARSAL]
        assert self._spec_file is not None  # noqa: S101 - a file with a problem never comes to run
        bundle = rehearsal.run(self._spec_file, may_fail=True)
        if drill.mutant == MUTANT_NAME:
            cut_tail(bundle.path / layout.JOURNAL, 2).begin()
        drill.holds(*STANDARD_CHECKS, *self._fill_checks())

    def _fill_checks(self) -> tuple[str, ...]:
        from opslab.contract.spec import Fill

        spec = self._spec_file.spec if self._spec_file else None
        return ("fills.next_open",) if spec and spec.execution.fill is Fill.NEXT_OPEN else ()

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Show what was found and the YAML line it belongs to, instead of a traceback through the lab."""
        if isinstance(excinfo.value, CheckFailed | OpsLabError):
            return f"{self.path}:{self._line(str(excinfo.value))}: {self.stash[INFO].title}\n\n{excinfo.value}"
        return super().repr_failure(excinfo, style)

    def _line(self, message: str) -> int:
        lines = self._spec_file.lines if self._spec_file else {}
        section = ("execution",) if "OPS-FILL" in message else ("strategy",) if "strategy" in message else ("run_id",)
        return lines.get(section, 1)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Return where the item stands: the file, its line of ``run_id``, and its name."""
        return self.path, self._line("") - 1, f"run spec {self.path.name}"
