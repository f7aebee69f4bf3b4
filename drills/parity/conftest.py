"""The strategy of the parity drills."""

from __future__ import annotations


def pytest_opslab_strategies() -> dict[str, str]:
    """Register a strategy whose draws do not hang on what an engine calls an instrument."""
    return {"parity_round_trip": "drills.parity.round_trip:create"}
