"""What the report of a paper run says of one that never traded: the gate is named only where it forbade the run."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opslab.report.markdown_paper import paper_sections

METRICS = SimpleNamespace(heartbeat_count=0, connectivity="none", paper_lifecycle=None, synthetic_duration_seconds=0)


@pytest.mark.parametrize(("status", "blames_gate"), [("safety_blocked", True), ("failed", False), ("completed", False)])
def test_only_a_blocked_run_was_forbidden_by_the_gate(status, blames_gate):
    names = dict.fromkeys(("mode", "engine", "config_sha256", "run_id", "error", "failure_reason"), "x")
    bundle = SimpleNamespace(journal=[])
    text = "\n".join(paper_sections(SimpleNamespace(**names, status=status), METRICS, bundle))
    assert "No order was sent" in text
    assert ("the gate forbade new risk" in text) is blames_gate
    assert ("the run ended before its node started" in text) is not blames_gate
