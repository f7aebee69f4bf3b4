"""The fixtures. Their docstrings are what ``pytest --fixtures`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from opslab.pytest_plugin.connectivity_fixtures import probe, readiness
from opslab.pytest_plugin.evidence_fixtures import evidence
from opslab.pytest_plugin.keys import DRILL, REHEARSAL, SESSION, SPEC_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from freezegun.api import FrozenDateTimeFactory, StepTickTimeFactory, TickingDateTimeFactory

    from opslab.contract.spec_file import SpecFile
    from opslab.data.catalog import Dataset
    from opslab.drill.drill import Drill
    from opslab.root import Lab
    from opslab.runs.by_hand import DrillVenue, Paper
    from opslab.runs.by_hand_process import PaperProcess
    from opslab.runs.by_hand_renewed import PaperRenewed
    from opslab.runs.redis_server import RedisServer
    from opslab.safety.flatten.course import Flattened
    from opslab.safety.switches import KillSwitches
    from opslab.store.reader import Bundle

__all__ = [
    "bundle",
    "dataset",
    "drill",
    "evidence",
    "flatten",
    "frozen_clock",
    "kill_switch",
    "lab",
    "opslab_mutant",
    "own_node",
    "paper",
    "paper_process",
    "paper_with",
    "probe",
    "readiness",
    "redis_server",
    "run",
    "run_spec",
    "stepped",
    "venue",
]

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
def stepped(request: pytest.FixtureRequest, run_spec: SpecFile) -> Callable[..., Bundle]:
    """Run the spec as a paper run, candle by candle as the node works them off: ``stepped({"seed": 7})``.

    The market waits at each open for the node, so that the run can be compared with ``run()``, the backtest of the same
    candles. ``balances={"BTC": Decimal(1)}`` gives the account more than the spec does.
    """
    from functools import partial

    from opslab.runs.parity import run_stepped

    if REHEARSAL not in request.node.stash:
        raise pytest.UsageError(f"{request.node.nodeid} uses the fixture stepped: mark it with @pytest.mark.drill")
    return partial(run_stepped, request.node.stash[REHEARSAL], run_spec)


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


@pytest.fixture(scope="session")
def own_node(pytestconfig: pytest.Config) -> Any:
    """Your own node, if ``--opslab-node`` names one: the fixture ``paper`` then runs it in place of the lab's.

    Define a fixture of this name in your ``conftest.py`` to give it there: it returns ``package.module:function``, such
    a function, or its ``TradingNodeConfig``. Asked for in a test it tells ``name``, ``market`` and ``config``.
    """
    return pytestconfig.stash[SESSION].own_node


@pytest.fixture
def paper(request: pytest.FixtureRequest, run_spec: SpecFile, own_node: Any) -> Paper:
    """A living paper run of the spec: a real node on the lab's own venue, with orders by hand (``paper.buy_limit``).

    It ends with the drill. Without a marker ``spec`` the packaged paper sample is run. Where your own node is named,
    its strategies trade, and the lab's strategy for orders by hand is added to them.
    """
    started: Paper = request.node.stash[REHEARSAL].begin(_paper_spec(request, run_spec, own_node))
    return started


def _paper_spec(request: pytest.FixtureRequest, run_spec: SpecFile, own_node: Any) -> SpecFile:
    """Return the spec of the drill's paper run, and let the drill run the user's node if there is one."""
    from opslab.contract.spec import Mode
    from opslab.contract.spec_file import read_spec
    from opslab.samples import paper_spec

    if REHEARSAL not in request.node.stash:
        raise pytest.UsageError(
            f"{request.node.nodeid} uses the fixture {request.fixturename}: mark it with @pytest.mark.drill(slug)"
        )
    chosen = run_spec if run_spec.spec.mode is Mode.PAPER else read_spec(paper_spec())
    if own_node is not None:
        _put_in_place(own_node, request, chosen)
    return chosen


def _put_in_place(own: Any, request: pytest.FixtureRequest, chosen: SpecFile) -> None:
    """Let the drill run the user's node; one that rehearses the other market is skipped."""
    from opslab.engine.node.own import own_node
    from opslab.pytest_plugin.markers import usage_error

    with usage_error(request.node):
        found = request.node.stash[REHEARSAL].own = own_node(own, request.config.invocation_params.dir)
    asked = chosen.spec.execution.market.value
    if SPEC_PATH in request.node.stash and asked != found.market:
        pytest.skip(f"rehearses {asked}; the own node {found.name} trades {found.market}")
    with usage_error(request.node):
        request.node.stash[REHEARSAL].require_instruments(chosen)


@pytest.fixture
def paper_process(request: pytest.FixtureRequest, run_spec: SpecFile, own_node: Any) -> Callable[..., PaperProcess]:
    """Start a paper run whose node is a process of its own, which a drill may kill, freeze and start again.

    ``paper = paper_process()`` is driven as ``paper``; ``paper_process(redis_port=port)`` keeps the node's cache in a
    Redis server on loopback, and further words are settings of ``LiveExecEngineConfig``.
    """
    from opslab.runs.by_hand_process import PaperProcess, node_processes

    chosen = _paper_spec(request, run_spec, own_node)
    rehearsal = request.node.stash[REHEARSAL]

    def started(*, redis_port: int | None = None, **engine: Any) -> PaperProcess:
        __tracebackhide__ = True
        node_of = node_processes(rehearsal.switches, redis_port=redis_port, engine=engine)
        begun: PaperProcess = rehearsal.begin(chosen, node_of=node_of, paper_of=PaperProcess)
        return begun

    return started


@pytest.fixture
def paper_with(request: pytest.FixtureRequest, run_spec: SpecFile, own_node: Any) -> Callable[..., PaperRenewed]:
    """Start a paper run with other settings of the engine, on a venue that something happened on before.

    ``paper = paper_with(open_check_interval_secs=0.3)`` is driven as ``paper``; the words are settings of
    ``LiveExecEngineConfig``. ``paper_with(before=act)`` calls ``act(venue)`` before the node is made, and
    ``paper_with(instruments=1)`` lets it load only so many of the run's. The node can end (``paper.ended()``, a fault)
    and be followed by another one that knows what it knew (``paper.renew()``).
    """
    from opslab.runs.by_hand_renewed import PaperRenewed, renewed_nodes

    chosen = _paper_spec(request, run_spec, own_node)
    rehearsal = request.node.stash[REHEARSAL]

    def started(*, before: Callable[[DrillVenue], None] | None = None, **words: Any) -> PaperRenewed:
        __tracebackhide__ = True
        begun: PaperRenewed = rehearsal.begin(chosen, node_of=renewed_nodes(before, **words), paper_of=PaperRenewed)
        return begun

    return started


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """A Redis server of the test's own on a free port of loopback, ``redis_server.port``; skips where there is none."""
    from opslab.runs.redis_server import PROGRAM, RedisServer, redis_program

    if redis_program() is None:
        pytest.skip(f"no {PROGRAM} on the PATH: a node's cache database cannot be rehearsed (Debian: redis-server)")
    with RedisServer() as server:
        yield server


@pytest.fixture
def venue(paper: Paper) -> DrillVenue:
    """The venue of the paper run: its faults (``venue.faults.drop_user_stream()``), its books, its tape."""
    return paper.venue


@pytest.fixture
def flatten(request: pytest.FixtureRequest) -> Callable[..., Flattened]:
    """Empty the venue of the drill's living paper run from outside, past its node: ``flatten(seconds=5)``.

    It returns what became of it: ``is_flat``, ``left``, ``cancelled``, ``closed``, ``why``.
    """
    from opslab.errors import DrillError
    from opslab.runs.flattening import flatten_run

    def flattened(seconds: float = 10.0) -> Flattened:
        __tracebackhide__ = True
        living = request.node.stash[REHEARSAL].living
        if living is None:
            raise DrillError("there is no living paper run to empty", fix="ask for the fixture paper first")
        return flatten_run(living.paper.run, seconds)

    return flattened


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
