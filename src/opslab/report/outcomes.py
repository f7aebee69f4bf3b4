"""How a drill can come out: the order and the words in which people are told. It imports nothing heavy."""

from __future__ import annotations

WORST_FIRST = ("unknown", "error", "fail", "toothless", "skipped", "known_defect", "caught", "pass")
"""Outcomes of drills and of mutants."""
WORDS = {
    "pass": "passed",
    "known_defect": "known defect",
    "fail": "failed",
    "error": "error",
    "unknown": "unknown",
    "caught": "caught",
    "toothless": "survived",
    "skipped": "skipped",
}
"""An outcome as people read it."""
