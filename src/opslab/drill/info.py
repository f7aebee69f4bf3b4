"""What a drill declares of itself, checked when it is collected."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from opslab.contract.drill import SKIPPED, KnownDefect, Severity, Verdict
from opslab.errors import DrillError, one_line
from opslab.ids import checked_slug

_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)", re.ASCII)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_INCIDENT = re.compile(r"[A-Z]{2,4}-\d{1,3}", re.ASCII)
_CODE = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)+")
BUDGETS = ("detect_within", "contain_within", "recover_within")
_TAKEN = frozenset({*Verdict, SKIPPED, "caught", "toothless"})
"""Outcomes that say something else than a pass with a name of its own."""

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
        outcome: the word that its report has for a pass, where a reader of reports looks for another than ``pass``.
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
    outcome: str | None = None

    def budget(self, name: str) -> float | None:
        """Return a budget's seconds, if the drill has it."""
        return dict(self.budgets).get(name)


def declared(slug: object, options: Mapping[str, Any], *, area: str, title: str) -> DrillInfo:
    """Return the declaration that a ``drill`` marker makes.

    Args:
        slug: lower-case words joined by ``-`` or ``_``.
        options: ``rehearses``, ``severity``, ``runbook``, ``area``, ``title``, ``outcome`` and the three budgets.
        area: taken from where the drill stands, unless ``options`` names one.
        title: taken from the docstring, unless ``options`` names one.

    Raises:
        DrillError: an option is unknown or malformed.
        IdError: the slug, the area or the outcome is malformed.
    """
    known = {"rehearses", "severity", "runbook", "area", "title", "outcome", *BUDGETS}
    if extra := sorted(set(options) - known):
        raise DrillError(f"unknown option {extra[0]!r}", fix=f"use {', '.join(sorted(known))}")
    try:
        severity = Severity(options.get("severity", Severity.NORMAL))
    except ValueError as error:
        raise DrillError(f"severity {options['severity']!r} is unknown", fix=f"use {', '.join(Severity)}") from error
    return DrillInfo(
        slug=checked_slug(slug),
        area=checked_slug(options.get("area") or area, "area"),
        title=one_line(options.get("title") or title, 200),
        rehearses=_incidents(options.get("rehearses", ())),
        severity=severity,
        runbook=_runbook(options.get("runbook")),
        budgets=tuple((name, seconds(options[name])) for name in BUDGETS if options.get(name) is not None),
        outcome=_outcome(options.get("outcome")),
    )


def declared_mutant(name: object, enact: object = None) -> Mutant:
    """Return the mutant that a ``mutant`` marker declares.

    Raises:
        IdError: the name is no slug.
        DrillError: ``enact`` cannot be called.
    """
    if enact is not None and not callable(enact):
        fix = "give a function that returns a context manager"
        raise DrillError(f"mutant {name!r:.40}: enact is not callable", fix=fix)
    return Mutant(checked_slug(name, "mutant name"), enact)


def declared_defect(code: object, *, versions: object, reference: object) -> KnownDefect:
    """Return the defect that a ``known_defect`` marker declares.

    Args:
        code: the finding's stable code.
        versions: the engine versions that have it, as a PEP 440 specifier: ``>=1.231,<1.232``.
        reference: where it is described.

    Raises:
        DrillError: the code, the versions or the reference are malformed.
    """
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise DrillError(f"known_defect: {code!r:.40} is no finding's code", fix="use a code such as OPS-FILL-LATE")
    if not isinstance(reference, str) or not reference.strip():
        raise DrillError(f"known_defect {code}: reference is empty", fix="say where the defect is described")
    stated = versions if isinstance(versions, str) and versions.strip() else "none"
    try:
        SpecifierSet(stated)
    except InvalidSpecifier as error:
        fix = 'write versions=">=1.231,<1.232"'
        raise DrillError(f"known_defect {code}: versions {versions!r:.40} are malformed", fix=fix) from error
    return KnownDefect(code=code, versions=stated, reference=reference)


def defects_of(known_defects: Iterable[KnownDefect], engine_version: str) -> list[KnownDefect]:
    """Return the declared defects that ``engine_version`` has; in other versions the mark is inert."""
    return [
        defect for defect in known_defects if SpecifierSet(defect.versions).contains(engine_version, prereleases=True)
    ]


def seconds(value: object) -> float:
    """Return the seconds of ``5``, ``"5s"``, ``"250ms"``, ``"2m"`` or ``"1h"``.

    Raises:
        DrillError: it is neither, or not positive.
    """
    number = _number(value)
    if not 0 < number < math.inf:  # false for NaN too
        raise DrillError(f"duration {value!r:.40} is malformed", fix="use seconds, or text like '5s', '250ms', '2m'")
    return number


def _number(value: object) -> float:
    if isinstance(value, str) and (match := _DURATION.fullmatch(value.strip())):
        return float(match[1]) * _UNITS[match[2]]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _incidents(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise DrillError("rehearses is not a list", fix='write rehearses=["OL-06"]')
    for item in value:
        if not isinstance(item, str) or not _INCIDENT.fullmatch(item):
            raise DrillError(f"incident id {item!r:.40} is malformed", fix="use ids like OL-06")
    return tuple(value)


def _outcome(value: object) -> str | None:
    if value is None:
        return None
    word = checked_slug(value, "outcome")
    if word in _TAKEN:
        raise DrillError(f"outcome {word!r} says how a drill ended", fix="give a word of its own for a pass, or none")
    return word


def _runbook(value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        raise DrillError("runbook is not text", fix="give a path such as docs/runbooks/x.md, or an address")
    return value
