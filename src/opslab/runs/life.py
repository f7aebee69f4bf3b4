"""What every event of one run's life says, whatever its mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opslab import __version__
from opslab.clock import to_stamp
from opslab.contract.events import LabFacts

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.contract.events import Status
    from opslab.contract.spec_file import SpecFile
    from opslab.root import Lab


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

    def origin(self) -> dict[str, Any]:
        """Return what the first event says of where the run comes from."""
        return {
            "spec_path": str(self.spec_file.path),
            "spec_run_id": self.spec_file.spec.run_id,
            "lab": LabFacts(root=str(self.lab.root), root_source=self.lab.source, version=__version__),
        }
