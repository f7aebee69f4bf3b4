"""What a drill declares of itself, checked when it is collected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from opslab.contract.drill import KnownDefect, Severity
from opslab.errors import DrillError
from opslab.ids import checked_slug

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_INCIDENT = re.compile(r"[A-Z]{2,4}-\d{1,3}")
BUDGETS = ("detect_within", "contain_within", "recover_within")

Enact = Callable[[], AbstractContextManager[Any]]
"""Returns a context manager in which the mutant is in force."""


@dataclass(frozen=True)
class Mutant:
    """Something that must make one of the drill's checks say ``fail``: a guard removed, a fault made worse.

    Attributes:
        name: a slug.
        enact: puts it in force around the test, fixtures included; without it the drill's body asks ``drill.mutant``.
    """

    name: str
    enact: Enact | None = None


@dataclass(frozen=True)
class DrillInfo:
    """A drill's declaration.

    Attributes:
        slug: the drill's own name, stable over the years: reports, metrics and runbooks use it.
        area: which part of operations it rehearses: ``data``, ``runs``, ``safety``...
        title: one sentence for people.
        rehearses: ids of the incident catalogue.
        severity: how bad it is when it fails.
        runbook: path or address of the page to read when it fails.
        budgets: seconds by budget name.
        known_defects: declared defects of the engine.
        mutants: what must make it fail.
    """

    slug: str
    area: str
    title: str
    rehearses: tuple[str, ...] = ()
    severity: Severity = Severity.NORMAL
    runbook: str | None = None
    budgets: tuple[tuple[str, float], ...] = ()
    known_defects: tuple[KnownDefect, ...] = ()
    mutants: tuple[Mutant, ...] = ()

    def budget(self, name: str) -> float | None:
        """Return a budget's seconds, if the drill has it."""
        return dict(self.budgets).get(name)


def declared(slug: object, *, area: str, title: str, **options: Any) -> DrillInfo:
    """Return the declaration that a ``drill`` marker makes.

    Args:
        slug: lower-case words joined by ``-``.
        area: taken from where the drill stands, unless ``options`` names one.
        title: taken from the docstring, unless ``options`` names one.
        options: ``rehearses``, ``severity``, ``runbook``, ``area``, ``title`` and the three budgets.

    Raises:
        DrillError: an option is unknown or malformed.
        IdError: the slug is malformed.
    """
    known = {"rehearses", "severity", "runbook", "area", "title", *BUDGETS}
    if extra := sorted(set(options) - known):
        raise DrillError(f"unknown option {extra[0]!r}", fix=f"use {', '.join(sorted(known))}")
    try:
        severity = Severity(options.get("severity", Severity.NORMAL))
    except ValueError as error:
        raise DrillError(f"severity {options['severity']!r} is unknown", fix=f"use {', '.join(Severity)}") from error
    return DrillInfo(
        slug=checked_slug(slug),
        area=checked_slug(options.get("area", area), "area"),
        title=str(options.get("title", title)),
        rehearses=_incidents(options.get("rehearses", ())),
        severity=severity,
        runbook=_runbook(options.get("runbook")),
        budgets=tuple((name, seconds(options[name])) for name in BUDGETS if options.get(name) is not None),
    )


def seconds(value: object) -> float:
    """Return the seconds of ``5``, ``"5s"``, ``"250ms"``, ``"2m"`` or ``"1h"``.

    Raises:
        DrillError: it is neither, or not positive.
    """
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        value = float(match[1]) * _UNITS[match[2]]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        raise DrillError(f"duration {value!r:.40} is malformed", fix="use seconds, or text like '5s', '250ms', '2m'")
    return float(value)


def _incidents(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise DrillError("rehearses is not a list", fix='write rehearses=["OL-06"]')
    for item in value:
        if not isinstance(item, str) or not _INCIDENT.fullmatch(item):
            raise DrillError(f"incident id {item!r:.40} is malformed", fix="use ids like OL-06")
    return tuple(value)


def _runbook(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DrillError("runbook is not text", fix="give a path such as docs/runbooks/x.md, or an address")
    return value
