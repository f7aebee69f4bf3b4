"""JSON Schemas of everything the lab writes, generated from the models and committed beside this module.

``schemas/v1/`` holds what ``render`` returns; a test says when the two differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.contract.connectivity import ConnectivityProbe, ConnectivityReadiness
from opslab.contract.dataset import DatasetRecord, Fingerprint, Instrument
from opslab.contract.drill import DrillReport, SessionReport
from opslab.contract.encoding import pretty_json
from opslab.contract.evidence import Evidence
from opslab.contract.kill_switch import KillSwitchAnchor, KillSwitchMark, KillSwitchRoots, KillSwitchState
from opslab.contract.manifest import Manifest
from opslab.contract.metadata import Metadata, RunMetrics
from opslab.contract.reconciliation import ReconciliationInput, ReconciliationResult
from opslab.contract.registry import EVENTS
from opslab.contract.spec import RunSpec

if TYPE_CHECKING:
    from opslab.contract.base import Artifact

DIALECT = "https://json-schema.org/draft/2020-12/schema"

ARTIFACTS: dict[str, type[Artifact]] = {
    "connectivity_probe": ConnectivityProbe,
    "connectivity_readiness": ConnectivityReadiness,
    "dataset": DatasetRecord,
    "drill": DrillReport,
    "evidence": Evidence,
    "fingerprint": Fingerprint,
    "instrument": Instrument,
    "kill_switch_anchor": KillSwitchAnchor,
    "kill_switch_mark": KillSwitchMark,
    "kill_switch_roots": KillSwitchRoots,
    "kill_switch_state": KillSwitchState,
    "manifest": Manifest,
    "metadata": Metadata,
    "metrics": RunMetrics,
    "reconciliation_input": ReconciliationInput,
    "reconciliation_result": ReconciliationResult,
    "run_spec": RunSpec,
    "session": SessionReport,
}
"""The models of whole files, by the name of their schema."""

_CHAIN: dict[str, Any] = {
    "seq": {"type": "integer", "minimum": 1, "description": "The line's number in its journal."},
    "prev_sha256": {
        "type": "string",
        "pattern": "^[0-9a-f]{64}$",
        "description": "Digest of the line before, or what the journal hangs on.",
    },
}


def render() -> dict[str, bytes]:
    """Return every schema by file name; those of events, ``event.<event>.schema.json``, describe a journal line."""
    schemas = {f"{name}.schema.json": _schema(model) for name, model in ARTIFACTS.items()}
    for name, model in EVENTS.items():
        line = _schema(model)
        line["properties"] |= _CHAIN
        line["required"] = [*line.get("required", ()), "event", *_CHAIN]
        schemas[f"event.{name}.schema.json"] = line
    return {name: pretty_json(schema) for name, schema in sorted(schemas.items())}


def _schema(model: type[Artifact]) -> dict[str, Any]:
    return {"$schema": DIALECT, **model.model_json_schema()}
