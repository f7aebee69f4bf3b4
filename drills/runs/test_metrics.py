"""What is wrong with one run does not hide the others."""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from fixtures.broken_bundles import BrokenBundle, ways
from fixtures.scraping import Scraper, lines_of, serving, unreadable

from opslab.report.metrics import bundle as bundle_reader
from opslab.report.metrics import scan
from opslab.report.metrics.journal import JournalCount

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from opslab import Drill
    from opslab.store.reader import Bundle

RUNBOOK = "docs/runbooks/observability-no-data.md"


@dataclasses.dataclass(frozen=True)
class Stage:
    """A directory with copies of three real runs, one of which is about to be broken, and the server over it.

    Attributes:
        whole: the run that will be broken, elsewhere.
        victim: its copy.
        neighbours: the copies of the others: one completed, one failed.
        scraper: asks the server.
    """

    whole: Path
    victim: Path
    neighbours: tuple[Path, ...]
    scraper: Scraper


@pytest.fixture
def stage(run: Callable[..., Bundle], tmp_path: Path) -> Iterator[Stage]:
    """Serve copies of three runs."""
    made = [run(), run({"strategy.name": "drill_raises"}, may_fail=True), run({"seed": 2})]
    runs = tmp_path / "runs"
    copies = [shutil.copytree(bundle.path, runs / bundle.run_id) for bundle in made]
    with serving(runs) as scraper:
        yield Stage(made[0].path, copies[0], tuple(copies[1:]), scraper)


def _unguarded() -> AbstractContextManager[object]:
    """Let whatever is wrong with a bundle go through to the answer: the guard removed."""

    def throw(error: Exception) -> str:
        raise error

    stack = ExitStack()
    stack.enter_context(mock.patch.object(bundle_reader, "why", throw))
    stack.enter_context(mock.patch.object(scan, "why", throw))
    return stack


def _uncounted() -> AbstractContextManager[object]:
    """Pass over what cannot be read without a word."""
    gathered = scan.RunScan

    def silent(*args: Any, **kwargs: Any) -> scan.RunScan:
        return dataclasses.replace(gathered(*args, **kwargs), problems=())

    return mock.patch.object(scan, "RunScan", silent)


@pytest.mark.drill("metrics-bundle-broken", rehearses=["OP-12"], severity="critical", runbook=RUNBOOK)
@pytest.mark.mutant("one-bundle-stops-all", _unguarded)
@pytest.mark.mutant("unreadable-uncounted", _uncounted)
@pytest.mark.mutant("cut-journal-uncounted", lambda: mock.patch.object(JournalCount, "shortfall", return_value=None))
@pytest.mark.mutant("living-run-counted", lambda: mock.patch.object(bundle_reader, "_has_ended", return_value=True))
def test_a_broken_bundle_costs_only_itself_on_metrics(drill: Drill, stage: Stage) -> None:
    """A bundle broken in any way costs only itself on /metrics, and what cannot be read of it is counted."""
    names = [path.name for path in stage.neighbours]
    before = lines_of(stage.scraper.page()[1], names)
    scrapes: list[dict[str, Any]] = []

    def scrape(way: str, counted: tuple[str, ...]) -> None:
        status, text = stage.scraper.page()
        found = {"neighbours_before": before, "neighbours_now": lines_of(text, names), "counted": unreadable(text)}
        scrapes.append(
            {"way": way, "wanted": sorted(counted), "status": status, "health": stage.scraper.health(), **found}
        )

    scrape("whole", ())
    drill.record("scrapes", scrapes)
    drill.steady("exposition.isolated", "exposition.counted")
    for name, way in ways(stage.neighbours[0], drill.random).items():
        with drill.inject(BrokenBundle(name, way, stage.victim, stage.whole)):
            scrape(name, way.counted)
    scrape("healed", ())
    drill.record("scrapes", scrapes)
    drill.recovers("exposition.isolated", "exposition.counted")
