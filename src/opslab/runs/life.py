"""What every event of one run's life says, whatever its mode."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslab import __version__
from opslab.clock import to_stamp
from opslab.contract.events import LabFacts, RunStarted, Status

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.contract.events import SwitchFacts
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab
    from opslab.runs.plan import Plan


@dataclass(frozen=True)
class Life:
    """The identity of a run.

    Attributes:
        lab: where it is written.
        spec_file: its spec.
        run_id: its effective id.
        clock: stamps its events.
    """

    lab: Lab
    spec_file: SpecFile
    run_id: str
    clock: Clock

    def base(self, status: Status) -> dict[str, Any]:
        """Return what each life-cycle event begins with."""
        spec = self.spec_file.spec
        return {
            "ts_utc": to_stamp(self.clock.now()),
            "run_id": self.run_id,
            "mode": spec.mode,
            "engine": spec.engine,
            "status": status,
            "config_sha256": spec.config_sha256(),
            "artifacts_dir": str(self.lab.runs / self.run_id),
        }

    def started(self, plan: Plan | None, session_id: str | None, asked: SwitchFacts) -> RunStarted:
        """Return the event that a run begins with.

        Args:
            plan: what is run, resolved; None for a run that the gate let nowhere.
            session_id: the session that it belongs to.
            asked: what its kill switches said.
        """
        return RunStarted(
            **self.base(Status.RUNNING),
            **self.origin(),
            session_id=session_id,
            python_version=platform.python_version(),
            inputs=plan.inputs if plan else None,
            inputs_sha256=plan.inputs_sha256 if plan else None,
            kill_switch=asked,
        )

    def origin(self) -> dict[str, Any]:
        """Return what the first event says of where the run comes from."""
        return {
            "spec_path": str(self.spec_file.path),
            "spec_run_id": self.spec_file.spec.run_id,
            "lab": LabFacts(root=str(self.lab.root), root_source=self.lab.source, version=__version__),
        }
