"""Reads and validates what drills declare with markers; a malformed one is a usage error, before anything runs."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING

import pytest

from opslab.errors import DrillError, OpsLabError, SpecError, StoreError
from opslab.pytest_plugin.keys import INFO, MUTANT, SESSION, SPEC_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

    from opslab.drill.info import DrillInfo

MUTANT_FIXTURE = "opslab_mutant"
_OF_DRILLS = ("mutant", "known_defect")
_NEEDING_A_DRILL = frozenset({"drill", "run", "bundle"})
_OURS = tuple(f"opslab.pytest_plugin.{name}" for name in ("fixtures", "connectivity_fixtures", "evidence_fixtures"))


def mutate(metafunc: pytest.Metafunc) -> None:
    """Make one item of each mutant that the test's markers name; a drill without any becomes one toothless item."""
    from opslab.drill.verdict import NO_MUTANT

    if metafunc.definition.get_closest_marker("drill") is None:
        return
    marked = [(*marker.args, marker.kwargs.get("name")) for marker in metafunc.definition.iter_markers("mutant")]
    names = list(dict.fromkeys(str(name) for name, *_ in marked)) or [NO_MUTANT]
    if MUTANT_FIXTURE not in metafunc.fixturenames:
        metafunc.fixturenames.append(MUTANT_FIXTURE)
    metafunc.parametrize(MUTANT_FIXTURE, names, indirect=True, ids=[f"mutant:{name}" for name in names])


def declare(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Store each drill's declaration in its stash; with ``--opslab-mutants``, leave out what is no drill.

    On an xdist worker a usage error is handed to the controller, which ends the session with it.

    Raises:
        pytest.UsageError: a declaration is malformed, its spec cannot be used, or a slug is taken twice.
    """
    session = config.stash[SESSION]
    try:
        _drop_doubles(items)
        for item in items:
            _declare_item(item)
        drills = [item for item in items if INFO in item.stash]
        session.require_usable(is_used=bool(drills))
        for item in drills:
            if (validate := getattr(item, "require_known_names", None)) is not None:
                validate()
        _refuse_shared_slugs(drills)
    except pytest.UsageError as error:
        if not session.is_worker:
            raise
        session.hand_back(str(error))
        items.clear()
        return
    if config.getoption("--opslab-mutants") and len(drills) < len(items):
        config.hook.pytest_deselected(items=[item for item in items if INFO not in item.stash])
        items[:] = drills


@contextlib.contextmanager
def usage_error(item: pytest.Item) -> Iterator[None]:
    """Turn the lab's errors into pytest's usage error, naming the item."""
    try:
        yield
    except (SpecError, StoreError) as error:
        raise pytest.UsageError(str(error)) from error
    except OpsLabError as error:
        path, line, _ = item.reportinfo()
        raise pytest.UsageError(f"{path}:{(line or 0) + 1}: {error}") from error


def spec_path(item: pytest.Item, named: str | Path) -> Path:
    """Return the spec that a test names: absolute, beside the test, or below the lab's root."""
    beside = item.path.parent / named  # an absolute path stays what it is
    return beside if beside.exists() else item.config.stash[SESSION].lab.root / named


def _drop_doubles(items: list[pytest.Item]) -> None:
    """Drop a scenario that was collected twice: where pytest was pointed at it, and through ``Scenarios``."""
    seen: set[tuple[Path, str]] = set()
    for item in [item for item in items if INFO in item.stash]:
        if (item.path, item.name) in seen:
            items.remove(item)
        seen.add((item.path, item.name))


def _declare_item(item: pytest.Item) -> None:
    if INFO in item.stash:
        return
    names = {marker.name for marker in item.iter_markers()}
    with usage_error(item):
        if "spec" in names:
            item.stash[SPEC_PATH] = _read_spec_path(item)
        if "drill" in names:
            _refuse_unfit(item, names)
            item.stash[INFO] = _info(item)
            params = item.callspec.params if hasattr(item, "callspec") else {}
            if (mutant := params.get(MUTANT_FIXTURE)) is not None:
                item.stash[MUTANT] = mutant
        else:
            _require_drill(item, names)


def _refuse_unfit(item: pytest.Item, names: set[str]) -> None:
    cls, unittest = getattr(item, "cls", None), sys.modules.get("unittest")
    if not isinstance(item, pytest.Function) or (cls and unittest and issubclass(cls, unittest.TestCase)):
        raise DrillError(
            "a drill is a test function or a method of a plain class", fix="take the marker off, or move it"
        )
    if "xfail" in names:
        raise DrillError(
            "xfail would hide what a drill finds", fix="use known_defect(code, versions=..., reference=...)"
        )
    marks = {mark.name for mark in item.callspec.marks} if hasattr(item, "callspec") else set()
    if misplaced := sorted(marks & {"drill", *_OF_DRILLS}):
        raise DrillError(f"the marker {misplaced[0]} stands on a parameter", fix="put it on the test function")


def _require_drill(item: pytest.Item, names: set[str]) -> None:
    for name in _OF_DRILLS:
        if name in names:
            raise DrillError(f"the marker {name} belongs to a drill", fix="add @pytest.mark.drill(slug)")
    for name in sorted(_NEEDING_A_DRILL.intersection(getattr(item, "fixturenames", ()))):
        # No public way tells whether the name is the lab's fixture or one that a conftest put in its place.
        known = getattr(item, "_fixtureinfo").name2fixturedefs.get(name, ())  # noqa: B009
        if known and known[-1].func.__module__ in _OURS:
            raise DrillError(f"uses the fixture {name}, which only a drill has", fix="add @pytest.mark.drill(slug)")


def _info(item: pytest.Item) -> DrillInfo:
    import dataclasses

    from opslab.drill.info import declared, declared_defect, declared_mutant

    marker = item.get_closest_marker("drill")
    if marker is None or len(marker.args) != 1:
        raise DrillError("drill takes one slug", fix='write @pytest.mark.drill("fill-lost", severity="critical")')
    info = declared(marker.args[0], marker.kwargs, area=_area(item), title=_title(item))
    mutants = _made(item, "mutant", declared_mutant)
    names = [mutant.name for mutant in mutants]
    if len(set(names)) != len(names):
        raise DrillError("two mutants have one name", fix="rename one of them")
    return dataclasses.replace(info, mutants=mutants, known_defects=_made(item, "known_defect", declared_defect))


def _made(item: pytest.Item, name: str, make: Callable[..., Any]) -> tuple[Any, ...]:
    """Return what each marker ``name`` of the item declares; its arguments are those of ``make``."""
    made = []
    for marker in item.iter_markers(name):
        try:
            made.append(make(*marker.args, **marker.kwargs))
        except TypeError as error:
            wrong = str(error).partition("() ")[2] or error
            raise DrillError(f"{name} {wrong}", fix=f"`pytest --markers` shows how {name} is written") from error
    return tuple(made)


def _title(item: pytest.Item) -> str:
    text = (getattr(getattr(item, "function", None), "__doc__", None) or "").strip()
    return text.partition("\n")[0].rstrip(".") or item.name.partition("[")[0].removeprefix("test_").replace("_", " ")


def _area(item: pytest.Item) -> str:
    """Return the drill's area: the directory below ``drills/`` it lies in, else its module's name."""
    root = item.config.rootpath
    *parents, module = (item.path.relative_to(root) if item.path.is_relative_to(root) else item.path).parts
    if "drills" in parents[:-1]:
        module = parents[parents.index("drills") + 1]
    words = module.partition(".")[0].lower().removeprefix("test_")
    return re.sub(r"[^a-z0-9]+", "-", words.replace("_", "-")).strip("-") or "drills"


def _read_spec_path(item: pytest.Item) -> Path:
    from opslab.contract.spec_file import read_spec

    marker = item.get_closest_marker("spec")
    if marker is None or len(marker.args) != 1 or marker.kwargs:
        raise DrillError("spec takes one path", fix='write @pytest.mark.spec("scenarios/runs/x.run.yaml")')
    path = spec_path(item, str(marker.args[0]))
    read_spec(path)
    return path


def _refuse_shared_slugs(drills: list[pytest.Item]) -> None:
    homes: dict[str, str] = {}
    for item in drills:
        slug, home = item.stash[INFO].slug, item.nodeid.partition("[")[0]
        if homes.setdefault(slug, home) != home:
            raise pytest.UsageError(f"drill {slug!r} is declared twice: {homes[slug]} and {home}; rename one of them")
