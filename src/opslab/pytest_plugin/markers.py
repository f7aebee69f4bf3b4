"""Reads and validates what drills declare with markers; a malformed one is a usage error, before anything runs."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from opslab.errors import OpsLabError, SpecError
from opslab.pytest_plugin.keys import INFO, MUTANT, SPEC_PATH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opslab.contract.drill import KnownDefect
    from opslab.drill.info import DrillInfo, Mutant

MUTANT_FIXTURE = "opslab_mutant"
NO_MUTANT = "none-declared"


def mutate(metafunc: pytest.Metafunc) -> None:
    """Make one item of each mutant that the test's markers name; a drill without any becomes one toothless item."""
    if metafunc.definition.get_closest_marker("drill") is None:
        return
    names = [str(marker.args[0]) for marker in metafunc.definition.iter_markers("mutant") if marker.args] or [NO_MUTANT]
    metafunc.fixturenames.append(MUTANT_FIXTURE)
    metafunc.parametrize(MUTANT_FIXTURE, names, indirect=True, ids=[f"mutant:{name}" for name in names])


def declare(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Store each drill's declaration in its stash.

    Raises:
        pytest.UsageError: a declaration is malformed, its spec cannot be used, or a slug is taken twice.
    """
    for item in items:
        if INFO not in item.stash and (marker := item.get_closest_marker("drill")) is not None:
            _declare_function(item, marker)
    drills = [item for item in items if INFO in item.stash]
    _refuse_shared_slugs(drills)
    if config.getoption("--opslab-mutants"):
        others = [item for item in items if INFO not in item.stash]
        config.hook.pytest_deselected(items=others)
        items[:] = drills
    _ = session


def _declare_function(item: pytest.Item, marker: pytest.Mark) -> None:
    with usage_error(item):
        item.stash[INFO] = _info(item, marker)
        if callspec := getattr(item, "callspec", None):
            name = callspec.params.get(MUTANT_FIXTURE)
            if name is not None:
                item.stash[MUTANT] = name
        if spec := item.get_closest_marker("spec"):
            from opslab.contract.spec_file import read_spec

            item.stash[SPEC_PATH] = _spec_path(item, spec)
            read_spec(item.stash[SPEC_PATH])


@contextlib.contextmanager
def usage_error(item: pytest.Item) -> Iterator[None]:
    """Turn the lab's errors into pytest's usage error, naming the item."""
    try:
        yield
    except SpecError as error:
        raise pytest.UsageError(str(error)) from error
    except OpsLabError as error:
        path, line, _ = item.reportinfo()
        raise pytest.UsageError(f"{path}:{(line or 0) + 1}: {error}") from error


def _info(item: pytest.Item, marker: pytest.Mark) -> DrillInfo:
    import dataclasses

    from opslab.drill.info import declared
    from opslab.errors import DrillError

    if len(marker.args) != 1:
        raise DrillError("drill takes one slug", fix='write @pytest.mark.drill("fill-lost", severity="critical")')
    options = dict(marker.kwargs)
    title = _title(item)
    info = declared(marker.args[0], area=_area(item.path), title=title, **options)
    return dataclasses.replace(info, mutants=_mutants(item), known_defects=_known_defects(item))


def _title(item: pytest.Item) -> str:
    text = (getattr(getattr(item, "function", None), "__doc__", None) or "").strip()
    return text.partition("\n")[0].rstrip(".") or item.name.partition("[")[0].removeprefix("test_").replace("_", " ")


def _area(path: Path) -> str:
    """Return the drill's area: the directory below ``drills/`` it lies in, else its module's name."""
    parents = [part.lower() for part in path.parent.parts]
    if "drills" in parents[:-1]:
        return parents[len(parents) - parents[::-1].index("drills")]
    return path.name.partition(".")[0].lower().removeprefix("test_").strip("_") or "drills"


def _mutants(item: pytest.Item) -> tuple[Mutant, ...]:
    from opslab.drill.info import Mutant
    from opslab.errors import DrillError
    from opslab.ids import checked_slug

    mutants = []
    for marker in item.iter_markers("mutant"):
        name, enact = (*marker.args, *marker.kwargs.values(), None, None)[:2]
        if not callable(enact) and enact is not None:
            raise DrillError(
                f"mutant {name!r}: enact is not callable", fix="give a function that returns a context manager"
            )
        mutants.append(Mutant(checked_slug(name, "mutant name"), enact))
    names = [mutant.name for mutant in mutants]
    if len(set(names)) != len(names):
        raise DrillError("two mutants have one name", fix="rename one of them")
    return tuple(mutants)


def _known_defects(item: pytest.Item) -> tuple[KnownDefect, ...]:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    from opslab.contract.drill import KnownDefect
    from opslab.errors import DrillError

    defects = []
    for marker in item.iter_markers("known_defect"):
        try:
            (code,) = marker.args
            defect = KnownDefect(code=code, **marker.kwargs)
            SpecifierSet(defect.versions)
        except (ValueError, TypeError, InvalidSpecifier) as error:
            raise DrillError(
                f"known_defect is malformed: {error}",
                fix='write @pytest.mark.known_defect("OPS-X", versions=">=1.231,<1.232", reference="...")',
            ) from error
        defects.append(defect)
    return tuple(defects)


def _spec_path(item: pytest.Item, marker: pytest.Mark) -> Path:
    from pathlib import Path

    from opslab.errors import DrillError
    from opslab.pytest_plugin.keys import SESSION

    if len(marker.args) != 1:
        raise DrillError("spec takes one path", fix='write @pytest.mark.spec("scenarios/runs/x.run.yaml")')
    path = Path(str(marker.args[0]))
    beside = item.path.parent / path
    return beside if path.is_absolute() or beside.exists() else item.config.stash[SESSION].lab.root / path


def _refuse_shared_slugs(drills: list[pytest.Item]) -> None:
    homes: dict[str, str] = {}
    for item in drills:
        slug, home = item.stash[INFO].slug, item.nodeid.partition("[")[0]
        if homes.setdefault(slug, home) != home:
            raise pytest.UsageError(f"drill {slug!r} is declared twice: {homes[slug]} and {home}; rename one of them")
