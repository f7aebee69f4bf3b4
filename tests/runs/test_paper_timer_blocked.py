"""A strategy whose timer's callback does not return: the run fails with its line, and does what its spec says."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from tests.runs.acting import LONG, run

from opslab.data.prepare import prepare
from opslab.engine.node import watchdog
from opslab.root import find_lab
from opslab.runs.finish import problems_of

FEW = {"execution.max_bars": None, "execution.max_seconds": 1, "execution.pace": 600}


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


class Waits:
    """Buys, and waits in a timer's callback for ``seconds`` or until the test is over."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.is_over, self._ended = seconds, threading.Event(), threading.Event()

    def __call__(self, strategy) -> None:
        strategy.buy()
        strategy.clock.set_time_alert("waits", strategy.clock.utc_now() + timedelta(milliseconds=50), self._wait)

    def _wait(self, _event: object) -> None:
        try:
            self.is_over.wait(self._seconds)
        finally:
            self._ended.set()

    def end(self) -> None:
        self.is_over.set()
        assert self._ended.wait(LONG)


@pytest.fixture
def waits():
    """Return a maker of what waits: a thread of the engine's must be free again for the tests after this one."""
    made = []
    yield lambda seconds=LONG: made.append(Waits(seconds)) or made[-1]
    for each in made:
        each.end()


def actions(bundle):
    return [event["action"] for event in bundle.journal if event["event"] == "dead_man_acted"]


@pytest.mark.usefixtures("impatient")
def test_it_is_named_and_nothing_is_left_where_the_spec_says_so(lab, waits):
    bundle = run(lab, "timer-blocks", waits(), **FEW, **{"execution.on_stop": "flatten"})
    assert bundle.metadata.status == "failed"
    assert f"the node was blocked: a timer's callback stood at {__file__}:" in bundle.metadata.error
    assert " in _wait, where no signal interrupts it" in bundle.metadata.error
    (ended,) = (event for event in bundle.journal if event["event"] == "containment_ended")
    assert (ended["is_flat"], ended["positions_closed"]) == (True, 1)
    assert problems_of(bundle) == []


@pytest.mark.usefixtures("impatient")
def test_the_venue_goes_on_counting_down(lab, waits):
    bundle = run(lab, "timer-blocks-counted", waits(), **FEW, **{"execution.dead_man_seconds": 5})
    assert actions(bundle)[-1] == "left_running"
    assert "a timer's callback stood at" in bundle.metadata.error


def test_a_callback_that_returns_in_time_does_no_harm(lab, waits):
    """It is under way when the bound comes: the node waits for it before it stops."""
    bundle = run(lab, "timer-slow", waits(1.5), **FEW, **{"execution.dead_man_seconds": 5})
    assert (bundle.metadata.status, bundle.metadata.error) == ("completed", None)
    assert actions(bundle)[-1] == "ended"
