"""The catalogue as a page of the documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opslab.report.metrics.catalogue import FAMILIES, SESSION
from opslab.report.metrics.family import OTHER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opslab.report.metrics.family import Family

_SESSIONS = """\
Written to `artifacts/sessions/<session>/metrics.prom`, and pushed where `--opslab-pushgateway` says so. A session of
mutants says nothing about the drills: it writes and pushes none."""
_HEAD = "| Metric | Type | Unit | Labels | Meaning |\n|---|---|---|---|---|\n"


def reference() -> str:
    """Return every family as Markdown: those of ``/metrics`` and of ``tc metrics export``, then a session's."""
    return (
        f"## Runs and evidence\n\n{_HEAD}{_rows(FAMILIES)}\n## Drill sessions\n\n{_SESSIONS}\n\n{_HEAD}{_rows(SESSION)}"
    )


def _rows(families: Iterable[Family]) -> str:
    return "".join(
        f"| `{family.name}` | {family.kind.value} | {family.unit} | {_labels(family)} | {_meaning(family)} |\n"
        for family in families
    )


def _labels(family: Family) -> str:
    needed = len(family.labels) - family.optional
    names = [f"`{name}`" if place < needed else f"(`{name}`)" for place, name in enumerate(family.labels)]
    return ", ".join(names)


def _meaning(family: Family) -> str:
    codes = ", ".join(f"{state} {code}" for state, code in family.encoding.items())
    text = f"{family.help} Values: {codes}, anything else {OTHER}." if codes else family.help
    return f"{text} (Not in the earlier lab.)" if family.is_addition else text
