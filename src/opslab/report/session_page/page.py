"""Renders ``index.html`` of a session, and writes it."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING, Any

import jinja2

from opslab.clock import from_stamp
from opslab.contract.drill import Phase
from opslab.errors import printable
from opslab.report.outcomes import WORDS
from opslab.report.session_page.facts import areas_of, counted
from opslab.store.durable import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.contract.drill import SessionReport
    from opslab.report.session_page.links import Places

PAGE = "index.html"


def write_page(report: SessionReport, places: Places) -> Path:
    """Write the session's page beside its record, and return where it is.

    Raises:
        StoreError: it cannot be written.
    """
    path = places.page / PAGE
    write_bytes(path, render_page(report, places))
    return path


def render_page(report: SessionReport, places: Places) -> bytes:
    """Return the page, UTF-8: a pure function of the session's record and of what its drills left.

    Args:
        report: the session's record; rows of an earlier lab may lack what was not known then.
        places: where links lead, and where drills left their reports.
    """
    areas = areas_of(report, places)
    outcomes = [drill.outcome for area in areas for drill in area.drills]
    text = (
        _environment()
        .get_template("page.html")
        .render(
            session=report,
            took=_took(report),
            areas=areas,
            counts=counted(outcomes),
            total=len(outcomes),
            words=WORDS,
            noun="mutant" if report.mutants else "drill",
            phases=[phase.value for phase in Phase],
            style=_style(),
        )
    )
    return text.encode("utf-8", "backslashreplace")


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, "."),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": duration, "plural": _plural}
    return environment


def _shown(value: Any) -> Any:
    """Return a value for the page; of text what a reader would not see, or see turned around, escaped."""
    if not isinstance(value, str) or (text := printable(value)) == value:
        return value
    return type(value)(text) if hasattr(value, "__html__") else text  # marked as escaped: it stays so


@functools.cache
def _style() -> str:
    return resources.files(__package__).joinpath("page.css").read_text(encoding="utf-8")


def duration(seconds: float | None) -> str:
    """Return a time as people read it: ms below a second."""
    if seconds is None:
        return "not reached"
    if seconds < 1:
        ms = seconds * 1000
        return f"{ms:.1f} ms" if ms < 10 else f"{ms:.0f} ms"  # noqa: PLR2004 - digits for people
    return f"{seconds:.2f} s"


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _took(report: SessionReport) -> Any:
    if report.completed_at_utc is None:
        return None
    return (from_stamp(report.completed_at_utc) - from_stamp(report.started_at_utc)).total_seconds()
