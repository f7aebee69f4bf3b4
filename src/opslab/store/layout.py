"""The names in a bundle, in one place."""

from __future__ import annotations

RUN_SPEC = "run_spec.yaml"
METADATA = "metadata.json"
JOURNAL = "journal.jsonl"
METRICS = "metrics.json"
REPORT = "report.md"
EVENTS = "events.jsonl"
VIEWS = "views.jsonl"
WIRE = "wire.jsonl"
LEDGER = "ledger.json"
MANIFEST = "manifest.json"
POST = "post.jsonl"
DRILLS = "drills"
RECONCILIATION = "reconciliation"
RECONCILIATION_RESULT = "reconciliation_result.json"
READINESS = "connectivity_readiness.json"
PROBE = "connectivity_probe.json"
LOCK = "run.lock"

RENDERED = frozenset({METADATA, REPORT})
"""Renderings of the merged facts: later facts change them, so `verify` renders them again."""

UNSEALED = frozenset({MANIFEST, POST, LOCK, RECONCILIATION_RESULT, READINESS, PROBE})
"""Files that the manifest does not fix: itself, what comes later, and the mark of a living process."""

LATER = (f"{DRILLS}/", f"{RECONCILIATION}/")
"""Where reports go that are made of a run, each named by an event with its digest."""
