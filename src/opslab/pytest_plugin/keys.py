"""What the plugin keeps in pytest's stashes: here, so that its modules need not import each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

    from opslab.drill.drill import Drill
    from opslab.drill.info import DrillInfo
    from opslab.pytest_plugin.session import OpsSession
    from opslab.runs.rehearsal import Rehearsal

SESSION: pytest.StashKey[OpsSession] = pytest.StashKey()
INFO: pytest.StashKey[DrillInfo] = pytest.StashKey()
SPEC_PATH: pytest.StashKey[Path] = pytest.StashKey()
MUTANT: pytest.StashKey[str] = pytest.StashKey()
DRILL: pytest.StashKey[Drill] = pytest.StashKey()
REHEARSAL: pytest.StashKey[Rehearsal] = pytest.StashKey()
BEGAN: pytest.StashKey[float] = pytest.StashKey()
CLEANUP: pytest.StashKey[ExitStack] = pytest.StashKey()
ROW: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
RAISED: pytest.StashKey[Exception] = pytest.StashKey()
"""What the lab itself raised to make a verdict a failed test: shown without a traceback through the lab."""

LAB_TROUBLE = "drill"
"""What a report's ``when`` becomes when the lab itself failed, so that pytest counts an error, not a failed test."""

USAGE_ERROR = "opslab_usage_error"
"""Where a worker leaves the usage error that it met, in what xdist hands to the controller."""

DRILLS = "opslab_drills"
"""Where a worker leaves what to write down of each drill should the worker that runs it die."""
