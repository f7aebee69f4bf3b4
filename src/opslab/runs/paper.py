"""The life of a paper run: the gate is asked before anything else; what it forbids is recorded as blocked."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from opslab.clock import Clock, SystemClock
from opslab.contract.events import (
    LifecycleOutcome,
    PaperSafetyBlocked,
    PaperSafetyChecked,
    RunCompleted,
    RunStarted,
    Status,
    SwitchFacts,
)
from opslab.contract.spec import Mode
from opslab.errors import EngineError, RootError, SpecError
from opslab.root import MARKER_FILE
from opslab.runs.finish import finish
from opslab.runs.gate import asked_switches
from opslab.runs.life import Life
from opslab.safety.switches import KillSwitches
from opslab.store.writer import BundleWriter

if TYPE_CHECKING:
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab
    from opslab.store.reader import Bundle


def run_paper(
    lab: Lab,
    spec_file: SpecFile,
    *,
    clock: Clock | None = None,
    run_id: str | None = None,
    session_id: str | None = None,
    switches: KillSwitches | None = None,
) -> Bundle:
    """Run a paper spec and return its sealed bundle; one that the gate blocks has the status ``safety_blocked``.

    Args:
        lab: where the bundle is written; it must have a marker, so that nobody misses its switches elsewhere.
        spec_file: the spec.
        clock: stamps the record.
        run_id: the effective id, when it is not the spec's own.
        session_id: the session that the run belongs to.
        switches: the kill switches that are asked, when they are not the lab's.

    Raises:
        SpecError: the mode is not paper; nothing was written.
        RootError: the lab has no marker; nothing was written.
        EngineError: the gate lets the run through; nothing was written, since this version has no live node yet.
        RunExistsError: the run id is taken; nothing was written.
        StoreError: the bundle could not be written to its end; ``tc run recover`` closes it.
    """
    _require_paper(spec_file)
    if not lab.is_marked:
        fix = f"put an empty {MARKER_FILE} into the lab's root, or start inside the lab"
        raise RootError("a paper run needs a lab with a marker", where=lab.root, fix=fix)
    clock = clock or SystemClock()
    life = Life(lab, spec_file, run_id or spec_file.spec.run_id, clock)
    asked = asked_switches(switches or KillSwitches.of(lab, clock), life.run_id, clock)
    if asked.state != "active":
        fix = "`tc run backtest` runs a spec with mode: backtest"
        raise EngineError("the gate is open, but this version has no live node yet", where=spec_file.path, fix=fix)
    return _blocked(life, asked, session_id)


def _blocked(life: Life, asked: SwitchFacts, session_id: str | None) -> Bundle:
    """Record a run that the gate let nowhere; nothing of its data or strategy is looked at."""
    started = RunStarted(
        **life.base(Status.RUNNING),
        **life.origin(),
        session_id=session_id,
        python_version=platform.python_version(),
        kill_switch=asked,
    )
    with BundleWriter.create(life.lab.runs, life.run_id, life.spec_file.content, started, life.clock) as writer:
        writer.append(
            PaperSafetyChecked(
                **life.base(Status.RUNNING),
                kill_switch_state=asked.state,
                lifecycle_outcome=LifecycleOutcome.BLOCKED,
                limits=life.spec_file.spec.risk.limits,
            )
        )
        writer.append(PaperSafetyBlocked(**life.base(Status.SAFETY_BLOCKED)))
        writer.append(RunCompleted(**life.base(Status.SAFETY_BLOCKED)))
        return finish(writer)


def _require_paper(spec_file: SpecFile) -> None:
    mode = spec_file.spec.mode
    if mode is not Mode.PAPER:
        where = f"{spec_file.path}:{spec_file.lines.get(('mode',), 1)}"
        raise SpecError(f"mode is {mode.value!r}, not 'paper'", where=where, fix="set mode: paper")
