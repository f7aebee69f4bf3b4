"""How impatient a node is: NautilusTrader's own intervals, or shortened ones so that a drill takes seconds.

Timings of the fast profile are no production timings; which one was in force is a fact of the bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opslab.contract.spec import Profile

EXECUTION: dict[str, dict[str, Any]] = {
    "production": {},
    "fast": {
        "reconciliation_startup_delay_secs": 0.1,
        "inflight_check_interval_ms": 500,
        "inflight_check_threshold_ms": 1_000,
        "open_check_threshold_ms": 1_000,
        "position_check_threshold_ms": 1_000,
    },
}
"""Settings of ``LiveExecEngineConfig`` that differ from its defaults, by profile."""

NODE: dict[str, dict[str, float]] = {
    "production": {},
    "fast": {
        "timeout_connection": 10.0,
        "timeout_reconciliation": 10.0,
        "timeout_portfolio": 10.0,
        "timeout_disconnection": 5.0,
        "timeout_post_stop": 0.05,
    },
}
"""Settings of ``TradingNodeConfig`` that differ from its defaults, by profile; seconds."""


def settings_of(profile: Profile) -> dict[str, Any]:
    """Return what the profile changes, as facts for the bundle."""
    return {**NODE[profile], **EXECUTION[profile]}
