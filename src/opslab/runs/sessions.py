"""Sessions of drills on disk: their ids, their record, and pruning, which never takes a failed one silently."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opslab.contract.drill import SessionReport
from opslab.contract.encoding import pretty_json
from opslab.contract.upgrades import read_artifact
from opslab.errors import ContractError
from opslab.ids import fitted_id, is_session_id
from opslab.store import layout
from opslab.store.durable import make_directory, remove_tree, write_bytes
from opslab.store.lock import Lock, is_alive

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.root import Lab

SESSION_FILE = "session.json"
HARMLESS = frozenset({"pass", "known_defect", "caught", "skipped"})


@dataclass
class SessionIds:
    """Names a session's runs so that specs with a fixed id can run again and again.

    Attributes:
        session_id: the session.
        worker: ``main``, or the xdist worker.
    """

    session_id: str
    worker: str = "main"
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def effective(self, spec_run_id: str) -> str:
        """Return the next effective id: ``<spec run_id>-<session>-<worker>-<n>``."""
        return fitted_id(spec_run_id, f"{self.session_id}-{self.worker}-{next(self._numbers)}")


class SessionDirectory:
    """The directory of a living session, locked while it lives.

    Args:
        lab: the lab.
        session_id: the session.
    """

    def __init__(self, lab: Lab, session_id: str) -> None:
        self.path = lab.sessions / session_id
        self._lock = Lock(self.path / layout.LOCK)

    def open(self, report: SessionReport) -> None:
        """Make the directory and write the session down as running.

        Raises:
            StoreError: it cannot be written.
        """
        make_directory(self.path)
        self._lock.acquire()
        self.write(report)

    def write(self, report: SessionReport) -> None:
        """Write ``session.json``."""
        write_bytes(self.path / SESSION_FILE, pretty_json(report.to_dict()))

    def close(self) -> None:
        """Let go of the session."""
        self._lock.release()


@dataclass(frozen=True)
class Pruning:
    """What a pruning did.

    Attributes:
        removed: sessions that were removed, with their runs.
        kept_failed: older sessions that were kept because they failed or were interrupted.
    """

    removed: tuple[str, ...]
    kept_failed: tuple[str, ...]


def prune(lab: Lab, keep: int, *, take_failed: bool = False) -> Pruning:
    """Remove all but the newest ``keep`` sessions, with the runs that belong to them.

    Sessions that failed or never ended stay unless ``take_failed`` asks for them; a living one always stays. Which runs
    belong to a session is told by their names alone, never by what a file says.

    Raises:
        StoreError: something cannot be removed.
    """
    found = (path for path in _directories(lab.sessions) if is_session_id(path.name))
    sessions = sorted(found, key=lambda path: path.name, reverse=True)
    removed: list[str] = []
    kept: list[str] = []
    for path in sessions[keep:]:
        if is_alive(path):
            continue
        report = _read(path)
        if not take_failed and (report is None or not has_passed(report)):
            kept.append(path.name)
            continue
        for run in runs_of(lab, path.name):
            if not is_alive(run):
                remove_tree(run)
        if remove_tree(path):
            removed.append(path.name)
    return Pruning(tuple(removed), tuple(kept))


def has_passed(report: SessionReport) -> bool:
    """Whether the session ended, and no drill of it failed: a skipped one did not, though it did not pass either."""
    return report.status == "completed" and not any(
        count for verdict, count in report.verdicts.items() if verdict not in HARMLESS
    )


def runs_of(lab: Lab, session_id: str) -> list[Path]:
    """Return the directories of the session's runs, told by their names alone."""
    effective = re.compile(rf".+-{re.escape(session_id)}-[a-z]+[0-9]*-[0-9]+")
    return [path for path in _directories(lab.runs) if effective.fullmatch(path.name)]


def _read(path: Path) -> SessionReport | None:
    try:
        return read_artifact(SessionReport, json.loads((path / SESSION_FILE).read_bytes()), str(path / SESSION_FILE))
    except (OSError, ValueError, RecursionError, ContractError):
        return None


def _directories(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [
        path for path in parent.iterdir() if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
    ]
