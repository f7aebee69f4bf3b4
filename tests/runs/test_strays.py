"""What a strategy leaves running is named in its run; in a process that is not the run's own it is left alone."""

from __future__ import annotations

import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.runs.acting import begun, run

from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.node import descendants as kernel
from opslab.engine.node import stray_threads, strays
from opslab.engine.node.strays import Strays
from opslab.engine.registry import standard_registry
from opslab.errors import EngineError
from opslab.report.strays import strays_line
from opslab.root import find_lab
from opslab.runs.by_hand_process import node_processes
from opslab.runs.finish import problems_of
from opslab.runs.paper import begin_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    (root / "opslab.toml").touch()
    found = find_lab(root, {}, [root])
    prepare(found, "btcusdt-sample")
    return found


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    for module in (stray_threads, strays):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)


@pytest.fixture
def over():
    found = threading.Event()
    yield found
    found.set()
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith("left ")]:
        thread.join()


def told(bundle):
    return [event for event in bundle.journal if event["event"] == "strays_found"]


def test_a_thread_that_is_left_is_named_and_the_run_is_complete(lab, over):
    start = threading.Thread.start
    bundle = run(lab, "thread", lambda _: threading.Thread(target=over.wait, name="left here").start())
    assert bundle.metadata.status == "completed"
    (event,) = told(bundle)
    (row,) = event["threads"]
    assert row["name"] == "left here"
    assert f"{__file__}:" in row["started_at"]
    assert (event["processes"], event["is_own"], event["unknown"]) == ([], False, None)
    assert "thread left here (started at " in strays_line(bundle)
    assert "## Left Running" in (bundle.path / "report.md").read_text()
    assert problems_of(bundle) == []
    assert threading.Thread.start is start


def test_a_failed_run_names_it_too(lab, over):
    def act(strategy):
        threading.Thread(target=over.wait, name="left here").start()
        strategy.breaks()

    bundle = run(lab, "thread-failed", act, "bar")
    assert bundle.metadata.status == "failed"
    assert "nobody hears this" in bundle.metadata.error
    assert [row["name"] for event in told(bundle) for row in event["threads"]] == ["left here"]


def test_threads_that_hold_nobody_up_are_not_told(lab, over):
    pools = []

    def act(_strategy):
        threading.Thread(target=over.wait, name="left daemon", daemon=True).start()
        threading.Thread(target=lambda: None, name="left at once").start()
        pools.append(ThreadPoolExecutor(1))
        pools[0].submit(int).result()

    bundle = run(lab, "harmless", act)
    pools[0].shutdown()
    assert (bundle.metadata.status, told(bundle), strays_line(bundle)) == ("completed", [], None)


def test_a_process_is_named_without_its_arguments_and_left_to_whoever_started_it(lab):
    started = []
    bundle = run(lab, "process", lambda _: started.append(subprocess.Popen(["sleep", "1234567"])))
    try:
        (event,) = told(bundle)
        assert event["processes"] == [{"pid": started[0].pid, "command": "sleep", "ended_by": None}]
        assert strays_line(bundle) == f"process {started[0].pid} sleep (left alone)"
        assert started[0].poll() is None
        assert not [path for path in bundle.path.rglob("*.*") if b"1234567" in path.read_bytes()]
    finally:
        started[0].kill()
        started[0].wait()


def test_a_process_of_the_runs_own_that_cannot_be_ended_is_a_failed_run(lab, monkeypatch):
    monkeypatch.setattr(strays, "end_all", lambda before: dict.fromkeys(strays.descendants() - before))
    children = []
    living = begun(lab, "immortal", lambda _: children.append(subprocess.Popen(["sleep", "100"])))
    living.may_exit = True
    try:
        with living:
            living.start()
            with pytest.raises(EngineError, match="a process outlives the run: sleep") as error:
                living.complete(living.run_to_bound())
            bundle = living.fail(error.value)
    finally:
        children[0].kill()
        children[0].wait()
    assert bundle.metadata.error.startswith(f"process {children[0].pid}: a process outlives the run: sleep")
    assert len(told(bundle)) == 1
    assert problems_of(bundle) == []


def test_a_kernel_that_does_not_tell_is_said(monkeypatch, tmp_path):
    monkeypatch.setattr(kernel, "_PROC", tmp_path / "none")
    with Strays(is_own=True) as found:
        facts = found.look()
        found.require_none()
    assert "processes cannot be looked at" in facts["unknown"]
    assert facts["processes"] == []


def test_it_is_told_once():
    with Strays(is_own=False) as found:
        assert (found.look(), found.look()) == (None, None)


def test_a_node_in_a_process_of_its_own_ends_what_its_strategy_left(lab):
    registry = standard_registry()
    registry.register("leaves", "tests.runs.leaving:Leaves", "tests")
    spec = edited(read_spec(paper_spec()), {"strategy.name": "leaves"})
    living = begin_paper(lab, spec, registry, run_id="child", host_of=thread_host)
    living.node_of = node_processes(living.switches)
    with living:
        living.start()
        bundle = living.complete()
    assert bundle.metadata.status == "completed"
    (event,) = told(bundle)
    (row,) = event["processes"]
    assert (row["command"], row["ended_by"], event["is_own"]) == ("sleep", "SIGTERM", True)
    with pytest.raises(ProcessLookupError):
        os.kill(row["pid"], 0)
