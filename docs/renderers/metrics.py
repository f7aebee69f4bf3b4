"""``docs/reference/metrics.md``: every metric family, from the one catalogue."""

from __future__ import annotations

from opslab.report.metrics.reference import reference

from .markdown import page

LEAD = """\
`tc metrics serve` shows the runs of a lab to Prometheus at `http://127.0.0.1:8000/metrics`, `tc metrics export` prints
those of one run; what a session of drills leaves comes last. Labels of runs stand in the order in which they are
written; one in brackets may be absent."""


def render() -> str:
    """Return the page."""
    return page("Metrics", LEAD, reference())
