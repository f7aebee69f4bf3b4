"""A run leaves evidence that nobody can doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest import mock

import pytest

from opslab import cut_tail, flip_byte, remove_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from opslab import Drill
    from opslab.store.reader import Bundle

RUNBOOK = "docs/runbooks/bundle-broken.md"


@pytest.mark.drill("bundle-complete", rehearses=["OP-11"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("event-stream-altered")
@pytest.mark.mutant("journal-tail-cut")
@pytest.mark.mutant("report-removed")
def test_a_backtest_leaves_a_complete_bundle(drill: Drill, run: Callable[..., Bundle]) -> None:
    """A backtest leaves a complete bundle, and any later change of it shows."""
    path = run().path
    tampering = {
        "event-stream-altered": flip_byte(path / "events.jsonl", drill.random.randrange(10_000)),
        "journal-tail-cut": cut_tail(path / "journal.jsonl", 40),
        "report-removed": remove_file(path / "report.md"),
    }
    if drill.mutant:
        tampering[drill.mutant].begin()
    drill.holds("run.completed", "bundle.complete", "bundle.evidence", "fills.some")


@pytest.mark.drill("strategy-raises", rehearses=["RS-16"], severity="critical", runbook="docs/runbooks/run-failed.md")
@pytest.mark.mutant("error-swallowed", lambda: mock.patch("opslab.engine.backtest._check_end"))
def test_a_strategy_that_raises_leaves_a_failed_run(drill: Drill, run: Callable[..., Bundle]) -> None:
    """A strategy that raises gives a failed run with its error, not a lost one."""
    bundle = run({"strategy.name": "drill_raises"}, may_fail=True)
    drill.record("error", bundle.metadata.error or "")
    drill.holds("run.failed", "bundle.complete", "bundle.evidence")
    assert "ValueError" in drill.facts["error"]
    assert "the indicator divided by nothing" in drill.facts["error"]
