"""What a run's reconciliation came to: the worse of what files and views came to."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opslab.evidence.side import Side


def _side(result: Any) -> Side:
    bundle: Any = SimpleNamespace(has=lambda _name: result is not None, json=lambda _name: result)
    return Side(bundle)


@pytest.mark.parametrize(
    ("latest", "other", "worse"),
    [
        ("ok", "mismatch", "mismatch"),
        ("mismatch", "ok", "mismatch"),
        ("ok", "unknown", "unknown"),
        ("unknown", "warning", "unknown"),
        ("warning", "ok", "warning"),
        ("ok", "ok", "ok"),
        ("mismatch", "of a later version", "of a later version"),
    ],
)
def test_the_worse_of_both_sources_is_told(latest, other, worse):
    assert _side({"status": latest, "other": {"source": "files", "status": other}}).reconciliation == worse


@pytest.mark.parametrize(
    ("result", "told"),
    [({"status": "warning"}, "warning"), ({"status": "ok", "other": None}, "ok"), ({}, None), ([], None), (None, None)],
)
def test_one_source_speaks_for_itself(result, told):
    assert _side(result).reconciliation == told
