"""A lab with a session on disk whose drills ended as a test wants it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opslab.contract.drill import SessionReport
from opslab.report.session_page.links import Places
from opslab.root import Lab

if TYPE_CHECKING:
    from pathlib import Path

SESSION = "20260101t000000z-00aa"
STARTED = "2026-01-01T00:00:00.000000Z"


def stamp(seconds: float) -> str:
    return f"2026-01-01T00:00:{seconds:09.6f}Z"


def row(drill: str = "a-drill", outcome: str = "pass", **changes: object) -> dict[str, Any]:
    verdicts = {"caught": "fail", "toothless": "pass", "skipped": "unknown"}
    return {
        "drill": drill,
        "name": drill,
        "title": drill,
        "area": "runs",
        "severity": "normal",
        "verdict": verdicts.get(outcome, outcome),
        "outcome": outcome,
        "message": "1 check held",
        "mutant": None,
        "nodeid": f"drills/test_it.py::{drill}",
        "runs": [],
        "report": "",
        "seed": 7,
        "ts_utc": STARTED,
        "seconds": 1.5,
        "phases": {"steady": 0.5, "verify": 0.25},
        "budgets": {},
        "known_defects": [],
        "runbook": None,
        **changes,
    }


def session(*rows: dict[str, Any], **changes: object) -> SessionReport:
    fields = {
        "session_id": SESSION,
        "started_at_utc": STARTED,
        "completed_at_utc": stamp(3),
        "status": "completed",
        "seed": 7,
        "lab_version": "0.9.0",
        "engine_version": "1.231.0",
        "mutants": False,
        "verdicts": {},
        "drills": rows,
        "runs": (),
    }
    return SessionReport(**{**fields, **changes})


def drill_report(name: str, **changes: object) -> dict[str, Any]:
    return {
        "schema_version": "v1",
        "run_id": name,
        "drill_name": name,
        "ts_utc": stamp(2),
        "status": "completed",
        "outcome": "fail",
        "pass": False,
        "inputs": {},
        "summary": {},
        "limitations": [],
        "verdict": "fail",
        "message": "m",
        "area": "runs",
        "severity": "normal",
        "rehearses": ["OL-06"],
        "runbook": None,
        "seed": 7,
        "session_id": SESSION,
        "nodeid": "n",
        "runs": [],
        "known_defects": [],
        "mutants": ["guard-off"],
        "mutant": None,
        "facts_sha256": None,
        "budgets": [],
        "checks": [{"check": "orders.true", "phase": "verify", "result": "fail", "code": "OPS-X", "details": "bad"}],
        "phases": [
            {"phase": "steady", "started_at_utc": stamp(0), "seconds": 0.5},
            {"phase": "verify", "started_at_utc": stamp(0.5), "seconds": 1.5},
        ],
        "faults": [{"fault": "drop", "fired": True, "injected_at_utc": stamp(0.25), "healed_at_utc": stamp(0.75)}],
        **changes,
    }


class World:
    """The lab's directories, and what is put there."""

    def __init__(self, root: Path) -> None:
        places = {name: root / name for name in ("data", "evidence", "kill_switch")}
        self.lab = Lab(root=root, source="marker", runs=root / "runs", sessions=root / "sessions", **places)
        self.page = self.lab.sessions / SESSION
        (self.page / "drills").mkdir(parents=True)
        self.places = Places(self.lab, self.page)

    def keep(self, name: str, *events: dict[str, Any], **changes: object) -> dict[str, str]:
        """Write a drill's report and journal, and return what its row says of them."""
        (self.page / "drills" / f"{name}.json").write_text(json.dumps(drill_report(name, **changes)))
        lines = "".join(json.dumps(event) + "\n" for event in events)
        (self.page / "drills" / f"{name}.journal.jsonl").write_text(lines)
        return {"name": name, "report": f"sessions/{SESSION}/drills/{name}.json"}

    def run(self, run_id: str) -> str:
        (self.lab.runs / run_id).mkdir(parents=True)
        (self.lab.runs / run_id / "report.md").write_text("# report\n")
        return run_id
