"""What is rendered of readiness checks and probes: blocks of ``metadata.json`` and sections of ``report.md``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opslab.report.plain_text import bullets
from opslab.store import layout

if TYPE_CHECKING:
    from collections.abc import Mapping

READINESS_EVENT = "connectivity_readiness_evaluated"
PROBE_EVENT = "connectivity_probe_evaluated"

_BLOCKS: dict[str, tuple[tuple[str, ...], str]] = {
    READINESS_EVENT: (("state", "enabled", "probe_performed"), layout.READINESS),
    PROBE_EVENT: (("state", "probe_performed", "network_scope"), layout.PROBE),
}
_SECTIONS = {
    READINESS_EVENT: (
        "connectivity_readiness",
        "Connectivity readiness",
        ("state", "enabled", "missing_required_count", "probe_performed"),
    ),
    PROBE_EVENT: (
        "connectivity_probe",
        "Connectivity probe",
        ("state", "network_scope", "probe_performed", "http_status", "latency_ms", "response_body_stored"),
    ),
}


def connectivity_block(events: Mapping[str, dict[str, Any]], name: str) -> dict[str, Any] | None:
    """Return the block that the last event ``name`` gives ``metadata.json``; None without any."""
    if (told := events.get(name)) is None:
        return None
    fields, artifact = _BLOCKS[name]
    return {**{field: told[field] for field in fields}, "artifact": artifact}


def connectivity_sections(events: Mapping[str, dict[str, Any]]) -> list[str]:
    """Return the sections of ``report.md``, between the contract's markers (4.11); none where nothing was asked."""
    return [_section(events[name], *words) for name, words in _SECTIONS.items() if name in events]


def _section(told: dict[str, Any], marker: str, title: str, fields: tuple[str, ...]) -> str:
    told = {**told, "response_body_stored": False}
    body = bullets((field, told[field]) for field in fields)
    return f"<!-- {marker}:start -->\n\n## {title}\n\n{body}\n\n<!-- {marker}:end -->"
