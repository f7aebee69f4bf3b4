"""A strategy that blocks its run: it is named, and the run is ended and sealed, whatever it does."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from tests.runs.acting import FAST, LONG, begun, run

from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.node import watchdog
from opslab.engine.registry import standard_registry
from opslab.root import find_lab
from opslab.runs import giving_up, paper
from opslab.runs.finish import problems_of
from opslab.runs.giving_up import give_up
from opslab.runs.paper import begin_paper, run_paper
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec
from opslab.store.reader import Bundle


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("paper")
    (root / "opslab.toml").touch()
    found = find_lab(root, {}, [root])
    prepare(found, "btcusdt-sample")
    return found


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(watchdog, "PATIENCE_SECONDS", 0.5)
    monkeypatch.setattr(watchdog, "HURRY_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
def test_a_strategy_that_blocks_is_ended_after_the_bound_and_named(lab):
    changes = {"execution.max_seconds": 2, "execution.max_bars": None}
    began = time.monotonic()
    bundle = run(lab, "blocks", lambda _: time.sleep(LONG), "bar", **changes)
    assert time.monotonic() - began < LONG / 3
    assert "the node was blocked: it stands at " in bundle.metadata.error
    assert f"{__file__}:" in bundle.metadata.error
    assert problems_of(bundle) == []


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("number", "raised"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_ends_a_strategy_that_blocks(lab, number, raised):
    def blocks(_strategy):
        os.kill(os.getpid(), number)
        time.sleep(LONG)

    run_id = f"blocks-{number.name.lower()}"
    with pytest.raises(raised):
        run(lab, run_id, blocks, "bar")
    found = Bundle(lab.runs / run_id)
    assert (found.metadata.status, found.metadata.failure_reason) == ("failed", "interrupted")
    assert problems_of(found) == []


def test_a_run_that_cannot_be_interrupted_is_sealed_before_the_process_ends(lab, monkeypatch, capfd):
    class Ended(BaseException):
        pass

    def ended(code):
        raise Ended(code)

    monkeypatch.setattr(giving_up.os, "_exit", ended)
    living = begun(lab, "given-up", lambda _: None)
    with living:
        living.start()
        with pytest.raises(Ended, match="1"):
            give_up(living, "strategy.py:7 in on_bar")
        bundle = Bundle(lab.runs / "given-up")
        assert "cannot be interrupted: it stands at strategy.py:7 in on_bar" in bundle.metadata.error
        assert problems_of(bundle) == []
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith("error: run given-up failed: the node was blocked")
    assert line.endswith(f"; see {bundle.path / 'report.md'}")
    assert json.loads((bundle.path / "metadata.json").read_text())["status"] == "failed"


def in_a_factory(lab, run_id, act):
    """Run a spec whose strategy's factory calls ``act``."""
    registry = standard_registry()
    registry.register("acts", lambda _context: act(), "tests")
    changes = {**FAST, "strategy.name": "acts", "strategy.params": None}
    living = begin_paper(lab, edited(read_spec(paper_spec()), changes), registry, run_id=run_id, host_of=thread_host)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paper, "begin_paper", lambda *_, **__: living)
        return run_paper(lab, living.life.spec_file, registry)


def test_a_signal_before_the_node_is_there_is_recorded_too(lab):
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def blocks():
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(LONG)

    try:
        with pytest.raises(SystemExit):
            in_a_factory(lab, "terminated-early", blocks)
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
    found = Bundle(lab.runs / "terminated-early")
    assert (found.metadata.status, found.metadata.failure_reason) == ("failed", "interrupted")
    assert found.metadata.error == "stopped by SIGTERM"
    assert problems_of(found) == []
