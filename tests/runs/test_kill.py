"""``kill -9`` at every step of a run: afterwards there is nothing, or a bundle that recovery closes without a problem."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass

import pytest

from opslab.clock import SystemClock
from opslab.runs import backtest, recovery
from opslab.runs.finish import problems_of
from opslab.store import orphans
from opslab.store.reader import list_bundles

CALLS = ("write", "fsync", "ftruncate")
WATCHED = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.replace")


@dataclass
class Death:
    """Kills the process at its ``at``-th step: before a call that changes the file system, or half-way in a write."""

    at: int
    below: str
    torn: bool = False
    steps: int = 0

    def step(self) -> bool:
        self.steps += 1
        return self.steps == self.at

    def die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, event: str, arguments: tuple) -> None:
        if event in WATCHED and str(arguments[0]).startswith(self.below) and self.step():
            self.die()

    def wrap(self, name: str):
        real = getattr(os, name)

        def call(*arguments):
            if self.step():
                if name == "write" and self.torn:
                    real(arguments[0], arguments[1][: len(arguments[1]) // 2])
                self.die()
            return real(*arguments)

        return call


def in_a_child(death: Death, work) -> bool:
    """Fork, let ``work`` run until death strikes, and return whether it came to its end."""
    child = os.fork()
    if child == 0:
        code = 9
        try:
            sys.addaudithook(death.watch)
            for name in CALLS:
                setattr(os, name, death.wrap(name))
            work()
            code = 0
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


# Other tests of this process may have left threads of libraries behind, which the children never touch.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    monkeypatch.setattr(orphans, "STAGING_AGE_SECONDS", -60)


def sweep(lab, work, after, torn) -> int:
    for step in range(1, 300):
        run_id = f"r{step}"
        ended = in_a_child(Death(step, str(lab.root), torn), lambda run_id=run_id: work(run_id))
        done = recovery.recover(lab, SystemClock())
        assert done.failed == ()
        assert (
            [path.name for path in lab.runs.iterdir() if path.name.startswith(".")] == [] if lab.runs.exists() else True
        )
        after(run_id, ended, done)
        if ended:
            return step
    pytest.fail("the sweep did not reach the end")


@pytest.mark.parametrize("torn", [False, True], ids=["before-a-call", "within-a-write"])
def test_a_run_killed_at_any_step_is_absent_or_closed(lab, run, torn):
    states: dict[str, int] = {}

    def after(run_id, ended, done):
        bundles = [bundle for bundle in list_bundles(lab.runs) if bundle.run_id == run_id]
        if not bundles:
            states["absent"] = states.get("absent", 0) + 1
            assert not ended
            return
        (bundle,) = bundles
        assert problems_of(bundle) == []
        assert bundle.metadata.status in {"completed", "failed"}
        assert (bundle.metadata.failure_reason == "interrupted") == (bundle.metadata.status == "failed")
        assert not list(bundle.path.rglob(".staging-*"))
        states[bundle.metadata.status] = states.get(bundle.metadata.status, 0) + 1
        assert recovery.recover(lab, SystemClock()) == recovery.Recovery((), (), ())

    assert sweep(lab, run, after, torn) > 40
    assert states["absent"] > 5
    assert states["failed"] > 10
    assert states["completed"] > 5


def test_an_initialization_killed_at_any_step_is_absent_or_complete(lab, spec_file, clock, monkeypatch):
    own = backtest.Life.__init__

    def work(run_id):
        monkeypatch.setattr(
            backtest.Life, "__init__", lambda self, lab, spec, _, clock: own(self, lab, spec, run_id, clock)
        )
        backtest.initialize(lab, spec_file, clock)

    def after(run_id, ended, done):
        assert done.closed == ()
        if (lab.runs / run_id).exists():
            (bundle,) = [bundle for bundle in list_bundles(lab.runs) if bundle.run_id == run_id]
            assert bundle.metadata.status == "initialized"
        else:
            assert not ended

    assert sweep(lab, work, after, torn=False) > 10


def test_a_recovery_killed_at_any_step_can_be_done_again(lab, run, engine):
    class Gone(BaseException):
        pass

    for step in range(1, 200):
        engine.raises = Gone()
        with pytest.raises(Gone):
            run(f"r{step}")
        ended = in_a_child(Death(step, str(lab.root), torn=True), lambda: recovery.recover(lab, SystemClock()))
        assert recovery.recover(lab, SystemClock()).failed == ()
        (bundle,) = [bundle for bundle in list_bundles(lab.runs) if bundle.run_id == f"r{step}"]
        assert problems_of(bundle) == []
        assert [event["event"] for event in bundle.journal].count("run_failed") == 1
        if ended:
            break
    assert step > 15
