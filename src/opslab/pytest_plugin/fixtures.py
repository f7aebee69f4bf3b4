"""The fixtures. Their docstrings are what ``pytest --fixtures`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opslab.pytest_plugin.keys import DRILL, REHEARSAL, SESSION, SPEC_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from freezegun.api import FrozenDateTimeFactory, StepTickTimeFactory, TickingDateTimeFactory

    from opslab.contract.spec_file import SpecFile
    from opslab.data.catalog import Dataset
    from opslab.drill.drill import Drill
    from opslab.root import Lab
    from opslab.safety.switches import KillSwitches
    from opslab.store.reader import Bundle

FROZEN_AT = "2026-01-05T00:00:00Z"


@pytest.fixture(scope="session")
def lab(pytestconfig: pytest.Config) -> Lab:
    """The lab: its root and the roots below it (``lab.data``, ``lab.runs``, ...)."""
    return pytestconfig.stash[SESSION].lab


@pytest.fixture
def drill(request: pytest.FixtureRequest) -> Drill:
    """The drill of a test marked with ``@pytest.mark.drill``: phases, faults, checks, facts, seed."""
    if DRILL not in request.node.stash:
        raise pytest.UsageError(f"{request.node.nodeid} uses the fixture drill: mark it with @pytest.mark.drill(slug)")
    found: Drill = request.node.stash[DRILL]
    return found


@pytest.fixture
def run_spec(request: pytest.FixtureRequest, lab: Lab) -> SpecFile:
    """The run spec: of the test's ``spec`` marker, else of the ini setting ``opslab_spec``, else a packaged sample."""
    from opslab.contract.spec_file import read_spec
    from opslab.samples import sample_spec

    named = request.config.getini("opslab_spec")
    path: Path = request.node.stash.get(SPEC_PATH, None) or (lab.root / named if named else sample_spec())
    return read_spec(path)


@pytest.fixture
def dataset(run_spec: SpecFile, lab: Lab) -> Dataset:
    """The canonical dataset that the run spec names; a packaged sample is prepared when it is missing."""
    from opslab.data.catalog import open_dataset
    from opslab.runs.rehearsal import prepare_samples

    prepare_samples(lab, run_spec.spec)
    return open_dataset(lab, run_spec.spec.data.dataset)


@pytest.fixture
def run(request: pytest.FixtureRequest, run_spec: SpecFile) -> Callable[..., Bundle]:
    """Run the spec and return its sealed bundle: ``run()``, ``run({"seed": 7})``, ``run(spec="other.run.yaml")``.

    A spec is named by its path beside the test or below the lab's root. A failed run fails the drill, unless
    ``may_fail=True``.
    """
    from opslab.contract.spec_file import read_spec
    from opslab.pytest_plugin.markers import spec_path

    if REHEARSAL not in request.node.stash:
        raise pytest.UsageError(f"{request.node.nodeid} uses the fixture run: mark it with @pytest.mark.drill(slug)")
    rehearsal = request.node.stash[REHEARSAL]

    def run_once(
        changes: Mapping[str, Any] | None = None, *, spec: str | Path | None = None, may_fail: bool = False
    ) -> Bundle:
        __tracebackhide__ = True
        chosen = run_spec if spec is None else read_spec(spec_path(request.node, spec))
        sealed: Bundle = rehearsal.run(chosen, changes, may_fail=may_fail)
        return sealed

    return run_once


@pytest.fixture
def bundle(run: Callable[..., Bundle]) -> Bundle:
    """The sealed bundle of one run of the spec."""
    return run()


@pytest.fixture
def kill_switch(request: pytest.FixtureRequest) -> KillSwitches:
    """The kill switches that the drill's runs ask: a root of its own, so that neighbours do not stop each other."""
    if REHEARSAL not in request.node.stash:
        raise pytest.UsageError(f"{request.node.nodeid} uses the fixture kill_switch: mark it with @pytest.mark.drill")
    switches: KillSwitches = request.node.stash[REHEARSAL].switches
    return switches


@pytest.fixture
def frozen_clock() -> Iterator[FrozenDateTimeFactory | StepTickTimeFactory | TickingDateTimeFactory]:
    """The lab's Python clock, frozen at 2026-01-05T00:00:00Z; move it with ``.tick()`` and ``.move_to()``.

    NautilusTrader's clocks do not follow it: a backtest has its own time.
    """
    import freezegun

    with freezegun.freeze_time(FROZEN_AT, ignore=["nautilus_trader", "pandas", "pyarrow"], real_asyncio=True) as frozen:
        yield frozen


@pytest.fixture
def opslab_mutant(request: pytest.FixtureRequest) -> str | None:
    """The mutant that is in force, if any (``--opslab-mutants``)."""
    name: str | None = getattr(request, "param", None)
    return name
