"""Reads what earlier labs wrote: each artifact is brought to the form of today, or refused by name.

Within ``v1`` there were only additions, so an upgrade fills in what an earlier writer could not know. A bundle of the
earlier lab (0.8.0) has no chain, no manifest and stamps with fewer digits; its facts stay what they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from opslab.contract.base import SCHEMA_VERSION, Artifact
from opslab.contract.drill import DrillReport, Phase, Result, Severity, Verdict
from opslab.contract.encoding import compact_json
from opslab.contract.metadata import Metadata
from opslab.errors import ContractError, one_line

if TYPE_CHECKING:
    from collections.abc import Callable

Raw = dict[str, Any]


def _metadata_0_8(raw: Raw) -> Raw:
    """The earlier lab did not keep the id apart from the spec's, and had no error outside ``engine_execution``."""
    if "lab" in raw:
        return raw
    execution = raw.get("engine_execution") or raw.get("paper_execution")
    error = execution.get("error") if isinstance(execution, dict) else None
    return {"spec_run_id": raw.get("run_id"), "error": error, **raw}


def _drill_report_0_8(raw: Raw) -> Raw:
    """The earlier lab's checks had a severity instead of a result; fields of single drills become inputs."""
    checks, summary, inputs = (raw.get(name) for name in ("checks", "summary", "inputs"))
    if "verdict" in raw or not (isinstance(checks, list) and isinstance(summary, dict) and isinstance(inputs, dict)):
        return raw
    verdict = Verdict.PASS if raw.get("pass") is True else Verdict.FAIL if raw.get("pass") is False else Verdict.UNKNOWN
    own = {name: value for name, value in raw.items() if name not in _DRILL_0_8}
    return {
        **_UNKNOWN_IN_0_8,
        **{name: value for name, value in raw.items() if name in _DRILL_0_8},
        "inputs": {**inputs, **own},
        "checks": [_finding_0_8(check) for check in checks],
        "summary": {str(name): int(count) if isinstance(count, int) else count for name, count in summary.items()},
        "verdict": verdict,
        "message": raw.get("statement") or raw.get("outcome"),
        "runs": [raw.get("run_id")],
    }


def _finding_0_8(check: object) -> Raw:
    told = check if isinstance(check, dict) else {}
    results = {"ok": Result.PASS, "warning": Result.PASS, "mismatch": Result.FAIL}
    return {
        "check": told.get("name"),
        "phase": Phase.VERIFY,
        "result": results.get(str(told.get("severity")), Result.UNKNOWN),
        "details": told.get("details"),
    }


_DRILL_0_8 = frozenset(
    [
        "schema_version",
        "run_id",
        "drill_name",
        "ts_utc",
        "status",
        "outcome",
        "pass",
        "inputs",
        "checks",
        "summary",
        "limitations",
    ]
)
_UNKNOWN_IN_0_8: Raw = {
    "area": "",
    "severity": Severity.NORMAL,
    "rehearses": [],
    "runbook": None,
    "seed": 0,
    "session_id": "",
    "nodeid": "",
    "phases": [],
    "faults": [],
    "budgets": [],
    "known_defects": [],
    "mutants": [],
    "mutant": None,
    "facts_sha256": None,
}

UPGRADES: dict[type[Artifact], Callable[[Raw], Raw]] = {Metadata: _metadata_0_8, DrillReport: _drill_report_0_8}
"""How what the earlier lab wrote becomes an artifact of today; what this lab wrote stays as it is."""


def read_artifact[Model: Artifact](model: type[Model], raw: object, where: str) -> Model:
    """Return ``raw`` as ``model``, upgraded where an earlier lab wrote it.

    Raises:
        ContractError: no mapping, another schema version, or fields that the contract does not know.
    """
    if not isinstance(raw, dict):
        raise ContractError("is not a JSON object", where=where, fix="restore it from a copy")
    version = raw.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ContractError(
            f"has schema_version {version!r:.40}, expected {SCHEMA_VERSION!r}",
            where=where,
            fix="read it with a newer lab",
        )
    upgrade = UPGRADES.get(model)
    try:
        if upgrade is not None:
            raw = upgrade(raw)
        return model.model_validate_json(compact_json(raw), strict=True)
    except ValidationError as error:  # first: it is a ValueError too
        first = error.errors(include_url=False)[0]
        name = one_line(".".join(str(part) for part in first["loc"]), 80)
        raise ContractError(f"{name}: {first['msg']}", where=where, fix="restore it from a copy") from error
    except ValueError as error:
        raise ContractError(f"holds no plain JSON: {error}", where=where, fix="restore it from a copy") from error
