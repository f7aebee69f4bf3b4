"""A drill as a pytest item: begun before its fixtures, judged after its body, cleaned up after them."""

from __future__ import annotations

import contextlib
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from opslab.errors import CheckFailed
from opslab.pytest_plugin.keys import BEGAN, CLEANUP, DRILL, INFO, MUTANT, REHEARSAL, SESSION
from opslab.pytest_plugin.reporting import variant_name

if TYPE_CHECKING:
    import pytest

    from opslab.drill.course import Listener


def begin(item: pytest.Item) -> None:
    """Make the item's drill and put its mutant in force."""
    from opslab.clock import SystemClock
    from opslab.drill.drill import Drill
    from opslab.drill.info import defects_of
    from opslab.runs.rehearsal import Rehearsal
    from opslab.safety.switches import KillSwitches

    session, info, clock = item.config.stash[SESSION], item.stash[INFO], SystemClock()
    item.stash[BEGAN] = time.clock_gettime(time.CLOCK_MONOTONIC)  # freezegun does not move this one
    mutant = item.stash.get(MUTANT, None)
    rehearsal = item.stash[REHEARSAL] = Rehearsal(
        session.lab,
        session.ids,
        session.registry,
        clock,
        switches=KillSwitches(session.drills / "kill_switch" / variant_name(item), clock),
        on_sealed=lambda bundle: item.config.hook.pytest_opslab_run_ended(bundle=bundle),
    )
    item.stash[DRILL] = Drill(
        info,
        run_id=variant_name(item),
        source=rehearsal,
        listeners=_listeners(item),
        clock=clock,
        session_seed=session.seed,
        mutant=mutant,
        known_codes=frozenset(defect.code for defect in defects_of(info.known_defects, version("nautilus_trader"))),
    )
    stack = item.stash[CLEANUP] = contextlib.ExitStack()
    if enact := next((each.enact for each in info.mutants if each.name == mutant), None):
        stack.enter_context(enact())


def end(item: pytest.Item) -> None:
    """Lift the mutant; a paper run that still lives, because the drill never got to its end, is ended."""
    if REHEARSAL in item.stash:
        with contextlib.suppress(CheckFailed):
            item.stash[REHEARSAL].end()
    if CLEANUP in item.stash:
        item.stash[CLEANUP].close()


def _listeners(item: pytest.Item) -> tuple[Listener, ...]:
    from opslab.runs.follower import Follower
    from opslab.runs.rehearsal import DrillJournal

    name, rehearsal = variant_name(item), item.stash[REHEARSAL]
    directory = item.config.stash[SESSION].drills
    journal = DrillJournal(directory / f"{name}.journal.jsonl", name, rehearsal.clock)
    follower = Follower(rehearsal)
    if not item.config.getoption("allure_report_dir", None):
        return journal, follower
    from opslab.report.allure import Steps, describe

    describe(item.stash[INFO], module=_module_title(item), runbook_base=item.config.getini("opslab_runbook_base"))
    return journal, follower, Steps()


def _module_title(item: pytest.Item) -> str:
    text = (getattr(getattr(item, "module", None), "__doc__", None) or "").strip().partition("\n")[0].rstrip(".")
    return text or item.path.name.partition(".")[0].removeprefix("test_").replace("_", " ")
