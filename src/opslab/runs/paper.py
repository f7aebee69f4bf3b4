"""The life of a paper run: the gate is asked before anything else; what it forbids is recorded as blocked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.clock import Clock, SystemClock
from opslab.contract.events import LifecycleOutcome, RunCompleted, Status, SwitchFacts
from opslab.contract.paper_events import PaperSafetyBlocked, PaperSafetyChecked
from opslab.contract.spec import Mode
from opslab.errors import RootError, SpecError
from opslab.root import MARKER_FILE
from opslab.runs.alerting import Alerting
from opslab.runs.finish import finish, render
from opslab.runs.gate import asked_switches
from opslab.runs.life import Life
from opslab.runs.plan import Plan, plan_paper, require_mode
from opslab.runs.terminable import terminable
from opslab.safety.switches import KillSwitches
from opslab.store import layout
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab.contract.spec_file import SpecFile
    from opslab.engine.registry import StrategyRegistry
    from opslab.root import Lab
    from opslab.runs.paper_run import PaperRun
    from opslab.runs.terminable import Termination
    from opslab.runs.venue_host import HostOf


def run_paper(  # noqa: PLR0913 - words of their own, each with a default
    lab: Lab,
    spec_file: SpecFile,
    registry: StrategyRegistry,
    *,
    clock: Clock | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    switches: KillSwitches | None = None,
    expect_inputs: str | None = None,
    alert: Callable[[str], None] = lambda _line: None,
    may_exit: bool = False,
) -> Bundle:
    """Run a paper spec to its bound, on a venue in a process of its own, and return its sealed bundle.

    ``bundle.metadata`` says how it ended: ``completed``, ``failed``, or ``safety_blocked`` by the gate.

    Args:
        lab: where the bundle is written; it must have a marker, so that nobody misses its switches elsewhere.
        spec_file: the spec.
        registry: the strategies that a spec may name.
        clock: stamps the record.
        run_id: the effective id, when it is not the spec's own.
        session_id: the session that the run belongs to.
        switches: the kill switches that are asked, when they are not the lab's.
        expect_inputs: the ``inputs_sha256`` that the run must have, such as that of the run beside it; None: any.
        alert: is given a line when a limit of the spec pulls the run's switch, once for each limit.
        may_exit: whether the process may be ended, with exit code 1 and the bundle sealed, when a strategy blocks it
            and cannot be interrupted.

    Raises:
        SpecError: the mode is not paper, the spec names something unknown, or the run's inputs are not those that are
            expected; nothing was written.
        RootError: the lab has no marker; nothing was written.
        DataError: a dataset is unknown or quarantined; nothing was written.
        RunExistsError: the run id is taken; nothing was written.
        StoreError: the bundle could not be written to its end; ``tc run recover`` closes it.
    """
    begun = begin_paper(
        lab,
        spec_file,
        registry,
        clock=clock,
        run_id=run_id,
        session_id=session_id,
        switches=switches,
        expect_inputs=expect_inputs,
    )
    if isinstance(begun, Bundle):
        return begun
    with terminable() as termination, begun as run:
        run.may_exit = may_exit
        name = run.life.run_id
        run.tell = Alerting(  # type: ignore[method-assign]
            run.tell, alert, name, lambda: run.switches.gate(name).blocked, run.plan.spec.risk.owner
        )
        return _lived(run, termination)


def _lived(run: PaperRun, termination: Termination) -> Bundle:
    """Run to the bound, and give the run its end however it came; what came from outside is raised on."""
    run.before_end = termination.require_none
    try:
        run.start()
        return run.complete(run.run_to_bound())
    except (KeyboardInterrupt, SystemExit) as stop:
        termination.end()
        run.fail(stop)
        raise
    except Exception as error:  # noqa: BLE001 - whatever ended it, the run gets its end
        if (told := termination.end()) is None:
            return run.fail(error)
        run.fail(told)
        raise told from None


def begin_paper(  # noqa: PLR0913 - as of run_paper
    lab: Lab,
    spec_file: SpecFile,
    registry: StrategyRegistry,
    *,
    clock: Clock | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    switches: KillSwitches | None = None,
    expect_inputs: str | None = None,
    host_of: HostOf | None = None,
) -> PaperRun | Bundle:
    """Ask the gate and claim the run id; return the run, not started yet, or the sealed bundle of a blocked one.

    Errors as of ``run_paper``.

    Args:
        lab: where the bundle is written.
        spec_file: the spec.
        registry: the strategies that a spec may name.
        clock: stamps the record.
        run_id: the effective id, when it is not the spec's own.
        session_id: the session that the run belongs to.
        switches: the kill switches that are asked, when they are not the lab's.
        expect_inputs: as of ``run_paper``.
        host_of: makes the run's venue from the plan and the path of its wire log; a process of its own by default.
    """
    require_mode(spec_file, Mode.PAPER)
    _require_marker(lab)
    clock = clock or SystemClock()
    switches = switches or KillSwitches.of(lab, clock)
    life = Life(lab, spec_file, run_id or spec_file.spec.run_id, clock)
    asked = asked_switches(switches, life.run_id, clock)
    if asked.state == "active":
        return _blocked(life, asked, session_id)
    plan = plan_paper(lab, spec_file, registry)
    _require_expected(plan, expect_inputs)
    return _begun(plan, life, asked, session_id, switches, host_of)


def _require_expected(plan: Plan, expected: str | None) -> None:
    """Refuse a run that is decided by another config, other data, code or versions than whoever starts it means."""
    if expected is not None and expected.strip().lower() != plan.inputs_sha256:
        raise SpecError(
            f"its inputs_sha256 is {plan.inputs_sha256}, expected was {expected.strip()!r:.80}",
            where=plan.spec_file.path,
            fix="find out what differs: `inputs` in metadata.json has spec, data, code and versions",
        )


def _begun(
    plan: Plan, life: Life, asked: SwitchFacts, session_id: str | None, switches: KillSwitches, host_of: HostOf | None
) -> PaperRun:
    # Imports engine and venue, which blocked runs must not pay for.
    from opslab.runs.paper_run import PaperRun  # noqa: PLC0415
    from opslab.runs.venue_host import process_host  # noqa: PLC0415

    writer = _create(life, asked, session_id, plan)
    try:
        writer.append(_checked(life, asked, LifecycleOutcome.CONTINUE))
        render(writer, (layout.METADATA,))
        host = (host_of or process_host)(plan, life.lab, writer.path / layout.WIRE)
        return PaperRun(plan, life, writer, host, switches)
    except BaseException:
        writer.close()
        raise


def _blocked(life: Life, asked: SwitchFacts, session_id: str | None) -> Bundle:
    """Record a run that the gate let nowhere; nothing of its data or strategy is looked at."""
    with _create(life, asked, session_id, None) as writer:
        writer.append(_checked(life, asked, LifecycleOutcome.BLOCKED))
        writer.append(PaperSafetyBlocked(**life.base(Status.SAFETY_BLOCKED)))
        writer.append(RunCompleted(**life.base(Status.SAFETY_BLOCKED)))
        return finish(writer)


def _create(life: Life, asked: SwitchFacts, session_id: str | None, plan: Plan | None) -> BundleWriter:
    started = life.started(plan, session_id, asked)
    return BundleWriter.create(life.lab.runs, life.run_id, life.spec_file.content, started, life.clock)


def _checked(life: Life, asked: SwitchFacts, outcome: LifecycleOutcome) -> PaperSafetyChecked:
    return PaperSafetyChecked(
        **life.base(Status.RUNNING),
        kill_switch_state=asked.state,
        lifecycle_outcome=outcome,
        limits=life.spec_file.spec.risk.limits,
    )


def _require_marker(lab: Lab) -> None:
    if not lab.is_marked:
        fix = f"put an empty {MARKER_FILE} into the lab's root, or start inside the lab"
        raise RootError("a paper run needs a lab with a marker", where=lab.root, fix=fix)
