"""What a run that stops tells of emptying its venue from outside."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from opslab.runs import containing

PULL, CLEAR, BEGAN, ENDED = "kill_activated", "kill_cleared", "containment_began", "containment_ended"


@pytest.mark.parametrize(
    ("names", "count"),
    [
        ([], 0),
        ([PULL, BEGAN, ENDED, BEGAN, ENDED], 2),
        ([PULL, BEGAN, ENDED, CLEAR], 0),
        ([PULL, BEGAN, ENDED, CLEAR, PULL, BEGAN, ENDED], 1),
    ],
)
def test_attempts_are_counted_from_the_last_clear(monkeypatch, names, count):
    journal = [{"event": name} for name in names]
    monkeypatch.setattr(containing, "Bundle", lambda _path: SimpleNamespace(journal=journal))
    assert containing._attempts(SimpleNamespace(writer=SimpleNamespace(path="run"))) == count
