"""Sessions of drills on disk: their ids, their record, what passed when, and pruning.

Pruning never takes a failed session silently, and no session takes with it when a drill last passed: each record holds
what the ones before it knew.
"""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opslab.clock import from_stamp, to_stamp
from opslab.contract.drill import SessionReport, Verdict
from opslab.contract.encoding import pretty_json
from opslab.contract.upgrades import read_artifact
from opslab.errors import ContractError, StoreError
from opslab.ids import fitted_id, is_session_id
from opslab.root import confined
from opslab.store import layout
from opslab.store.durable import make_directory, remove_tree, write_bytes
from opslab.store.lock import Lock, is_alive
from opslab.store.regular import read_regular

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from opslab.root import Lab

SESSION_FILE = "session.json"
HARMLESS = frozenset({"pass", "known_defect", "caught", "skipped"})
NEWEST = 10
"""So many sessions are asked when each drill last passed: one may not know of those that ran beside it."""
MOST = 100
"""So many are asked at the most, where none knows of those before it."""


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
    belong to a session is told by their names alone, never by what a file says. What flattens wrote down about a run
    goes with it only if the run ended flat.

    Raises:
        StoreError: something cannot be removed.
    """
    from opslab.runs.flatten_logs import clear_flat  # noqa: PLC0415 - reads what most users of a session's ids need not

    removed: list[str] = []
    kept: list[str] = []
    for path in _newest_first(lab)[keep:]:
        if is_alive(path):
            continue
        report = _read(path)
        if not take_failed and (report is None or not has_passed(report)):
            kept.append(path.name)
            continue
        for run in runs_of(lab, path.name):
            if not is_alive(run):
                clear_flat(lab, run.name)
                remove_tree(run)
        if remove_tree(path):
            removed.append(path.name)
    return Pruning(tuple(removed), tuple(kept))


def has_passed(report: SessionReport) -> bool:
    """Whether the session ended, and no drill of it failed: a skipped one did not, though it did not pass either."""
    return report.status == "completed" and not any(
        count for verdict, count in report.verdicts.items() if verdict not in HARMLESS
    )


def read_session(lab: Lab, session_id: str | None = None) -> tuple[Path, SessionReport]:
    """Return a session's directory and its record.

    Args:
        lab: the lab.
        session_id: which; None: the newest.

    Raises:
        StoreError: there is no such session, or its record cannot be read.
        RootError: it is a symlink.
    """
    sessions = {path.name: path for path in _newest_first(lab)}
    if session_id not in sessions and (session_id is not None or not sessions):
        what = "there is no session of drills" + (f" {session_id!r:.60}" if session_id is not None else "")
        raise StoreError(what, where=lab.sessions, fix="run `pytest drills/` first, or look there for what there is")
    path = confined(lab.sessions, session_id or next(iter(sessions)))
    report = _read(path)
    if report is None:
        raise StoreError("cannot be read", where=path / SESSION_FILE, fix="name another session")
    return path, report


def last_passes(lab: Lab, now: datetime, rows: Iterable[Mapping[str, Any]] = ()) -> dict[str, str]:
    """Return when each drill last passed, by slug, as the newest sessions on disk and ``rows`` tell.

    A session that cannot be read costs only what it alone knew. A time in the future is passed over: it would say for
    years that all is well.

    Args:
        lab: the lab.
        now: the end of what can have happened.
        rows: the drills of a session that is about to be written, if what passed there counts.
    """
    known = passes_of(rows)
    is_inherited = False
    try:
        sessions = _newest_first(lab)[:MOST]
    except OSError:  # pruning says so
        sessions = []
    for place, path in enumerate(sessions):
        if is_inherited and place >= NEWEST:
            break
        report = _read(path)
        if report is None:
            continue
        is_inherited = is_inherited or report.last_passed is not None
        for slug, moment in _told_by(report).items():
            if moment <= now:
                known[slug] = max(moment, known.get(slug, moment))
    return {slug: to_stamp(known[slug]) for slug in sorted(known)}


def passes_of(rows: Iterable[Mapping[str, Any]]) -> dict[str, datetime]:
    """Return when each drill of one session passed: the drills of which every variant did, and their latest time."""
    passed: dict[str, datetime] = {}
    others: set[str] = set()
    for row in rows:
        slug, moment = str(row.get("drill")), _moment(row.get("ts_utc"))
        if moment is not None and row.get("verdict") in _PASSED and row.get("mutant") is None:
            passed[slug] = max(moment, passed.get(slug, moment))
        else:
            others.add(slug)
    return {slug: moment for slug, moment in passed.items() if slug not in others}


_PASSED = [verdict.value for verdict in Verdict if verdict.passed]


def _told_by(report: SessionReport) -> dict[str, datetime]:
    """Return when drills passed, as far as one record tells; one of an earlier lab knows only its own drills."""
    if report.last_passed is not None:
        moments = {slug: _moment(stamp) for slug, stamp in report.last_passed.items()}
        return {slug: moment for slug, moment in moments.items() if moment is not None}
    return passes_of(report.drills) if report.status == "completed" and not report.mutants else {}


def _moment(stamp: object) -> datetime | None:
    """Return a stamp's time; None for one that is malformed or from before there were Unix times."""
    try:
        moment = from_stamp(str(stamp))
    except (ValueError, OverflowError):
        return None
    return moment if moment.timestamp() >= 0 else None


def runs_of(lab: Lab, session_id: str) -> list[Path]:
    """Return the directories of the session's runs, told by their names alone."""
    effective = re.compile(rf".+-{re.escape(session_id)}-[a-z]+[0-9]*-[0-9]+")
    return [path for path in _directories(lab.runs) if effective.fullmatch(path.name)]


def _read(path: Path) -> SessionReport | None:
    file = path / SESSION_FILE
    try:
        return read_artifact(SessionReport, json.loads(read_regular(file)), str(file))
    except (ValueError, RecursionError, StoreError, ContractError):
        return None


def _newest_first(lab: Lab) -> list[Path]:
    found = (path for path in _directories(lab.sessions) if is_session_id(path.name))
    return sorted(found, key=lambda path: path.name, reverse=True)


def _directories(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return [
        path for path in parent.iterdir() if path.is_dir() and not path.is_symlink() and not path.name.startswith(".")
    ]
