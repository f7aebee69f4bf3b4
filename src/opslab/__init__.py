"""TradingChassis Ops Lab: rehearse the operations of a NautilusTrader system under pytest.

Importing this package imports nothing else; each public name is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opslab.contract.drill import Finding, Severity, Verdict
    from opslab.contract.spec import RunSpec
    from opslab.drill.checks import check, failed, passed, unknown
    from opslab.drill.drill import Drill
    from opslab.drill.faults import AttributeFault, Fault, FileFault, cut_tail, flip_byte, remove_file
    from opslab.drill.history import History, RunHistory
    from opslab.engine.guards.install import install_guards
    from opslab.engine.registry import StrategyContext
    from opslab.errors import CheckFailed, OpsLabError
    from opslab.pytest_plugin.scenarios import Scenarios
    from opslab.store.reader import Bundle

__all__ = [
    "AttributeFault",
    "Bundle",
    "CheckFailed",
    "Drill",
    "Fault",
    "FileFault",
    "Finding",
    "History",
    "OpsLabError",
    "RunHistory",
    "RunSpec",
    "Scenarios",
    "Severity",
    "StrategyContext",
    "Verdict",
    "__version__",
    "check",
    "cut_tail",
    "failed",
    "flip_byte",
    "install_guards",
    "passed",
    "remove_file",
    "unknown",
]

__version__ = "0.9.0"

_HOMES = {
    "AttributeFault": "opslab.drill.faults",
    "Bundle": "opslab.store.reader",
    "CheckFailed": "opslab.errors",
    "Drill": "opslab.drill.drill",
    "Fault": "opslab.drill.faults",
    "FileFault": "opslab.drill.faults",
    "Finding": "opslab.contract.drill",
    "History": "opslab.drill.history",
    "OpsLabError": "opslab.errors",
    "RunHistory": "opslab.drill.history",
    "RunSpec": "opslab.contract.spec",
    "Scenarios": "opslab.pytest_plugin.scenarios",
    "Severity": "opslab.contract.drill",
    "StrategyContext": "opslab.engine.registry",
    "Verdict": "opslab.contract.drill",
    "check": "opslab.drill.checks",
    "cut_tail": "opslab.drill.faults",
    "failed": "opslab.drill.checks",
    "flip_byte": "opslab.drill.faults",
    "install_guards": "opslab.engine.guards.install",
    "passed": "opslab.drill.checks",
    "remove_file": "opslab.drill.faults",
    "unknown": "opslab.drill.checks",
}


def __getattr__(name: str) -> Any:
    """Load a public name from its home (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'opslab' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
