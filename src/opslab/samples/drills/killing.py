"""Kills a run in a process of its own while a position is open, and recovers what it left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any

from opslab.errors import DrillError
from opslab.runs.recovery import close_orphan
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from opslab.clock import Clock
    from opslab.contract.spec_file import SpecFile
    from opslab.data.candles import Candles
    from opslab.runs.rehearsal import Rehearsal

CHILD_SECONDS = 120


class KilledRun:
    """The fault that a run's process gets SIGKILL with a position open; its healing is the recovery of the record.

    Args:
        rehearsal: names the run, and says where it goes.
        spec: the run spec, as its file holds it.
        candles: the market data; the run is killed in the second half of them.
        clock: stamps the recovery.
    """

    name = "kill -9 with a position open"

    def __init__(self, rehearsal: Rehearsal, spec: SpecFile, candles: Candles, clock: Clock) -> None:
        self.bundle = rehearsal.lab.runs / rehearsal.ids.effective(spec.spec.run_id)
        self.acknowledged: list[dict[str, Any]] = []
        self.death: dict[str, Any] = {"signal": None, "position": None, "at_ns": None}
        closes = candles.ts_close_ns
        self.death |= {"first_ns": int(closes[0]), "last_ns": int(closes[-1])}
        self._clock, self._middle_ns = clock, int(closes[len(closes) // 2])
        lab = rehearsal.lab
        self._root, self._spec = lab.root, spec.path
        names = (self.bundle.name, rehearsal.ids.session_id, rehearsal.switches.root)
        self._words = [*map(str, (lab.root, lab.data, lab.runs, spec.path, *names, self._middle_ns))]

    @property
    def fired(self) -> bool:
        """Whether the process died of the signal, with a position open."""
        return self.death["signal"] == "SIGKILL" and self.death["position"] is not None

    def begin(self) -> None:
        """Start the run, wait until it tells of the position, and kill it.

        Raises:
            DrillError: it came to its end before.
        """
        hearing, telling = os.pipe()
        with tempfile.TemporaryFile() as complaints:
            with self._started(telling, complaints) as process, os.fdopen(hearing, "rb") as told:
                os.close(telling)
                guard = threading.Timer(CHILD_SECONDS, process.kill)
                guard.start()
                for line in told:
                    if self._hear(json.loads(line)):
                        process.kill()
                process.wait()
                guard.cancel()
            complaints.seek(0)
            tail = complaints.read().decode(errors="replace").strip()[-300:]
        if process.returncode >= 0:
            raise DrillError(
                f"the run ended with {process.returncode} and never held a position to be killed with: {tail}",
                where=self._spec,
                fix="name a spec whose strategy opens a position in the second half of its data",
            )
        self.death["signal"] = signal.Signals(-process.returncode).name

    def _started(self, telling: int, complaints: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", f"{__package__}.held_run", *self._words, str(telling)],
            cwd=self._root,
            pass_fds=[telling],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=complaints,
        )

    def heal(self) -> None:
        """Close the dead run's record, as ``tc run recover`` does."""
        if self.bundle.is_dir():
            close_orphan(Bundle(self.bundle), self._clock)

    def _hear(self, told: dict[str, Any]) -> bool:
        if "acknowledged" in told:
            self.acknowledged.append(told["acknowledged"])
            return False
        self.death |= told
        return True
