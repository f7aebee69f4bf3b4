"""The lab uses its own plugin; what its drills share lies in ``fixtures/``."""

from __future__ import annotations

pytest_plugins = ["fixtures.labs", "fixtures.litter"]


def pytest_opslab_strategies() -> dict[str, str]:
    """Register the strategies that misbehave on purpose."""
    from fixtures.strategies import STRATEGIES  # noqa: PLC0415 - the engine is imported only with drills at hand

    return STRATEGIES
