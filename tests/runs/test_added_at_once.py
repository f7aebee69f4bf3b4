"""Kill events, drill reports and reconciliations added to one sealed run at once: no rendering is older than a fact."""

from __future__ import annotations

import importlib.util
import itertools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from opslab.reconcile.checking import check_files
from opslab.runs import rehearsal
from opslab.runs.finish import RENDERERS, problems_of, render
from opslab.runs.rehearsal import keep_report
from opslab.safety.switches import KillSwitches
from opslab.safety.telling import tell_run
from opslab.store import layout
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture(scope="module")
def report_of():
    specification = importlib.util.spec_from_file_location("make_current", FIXTURES / "bundles" / "make_current.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module._report


@pytest.fixture
def side(tmp_path):
    content = json.loads((FIXTURES / "reconciliation" / "expected_match.json").read_text())
    path = tmp_path / "side.json"
    path.write_text(json.dumps({**content, "run_id": "r1"}))
    return path


@pytest.fixture
def bundle(run):
    return run("r1")


@pytest.fixture
def writers(lab, bundle, clock, report_of, side, monkeypatch):
    """Whoever adds to a sealed run, by kind; each takes the function that renders."""
    report = report_of(bundle)
    event = KillSwitches.of(lab, clock).activate("r1", "why", "ann").event
    numbers = itertools.count()

    def both(rendering):
        return lambda path: rendering(BundleWriter(path, clock), sorted(layout.RENDERED))

    def pulled(rendering):
        told = {**event, "event_id": str(next(numbers))}
        assert tell_run(lab, "r1", told, clock, both(rendering)) is None

    def drilled(rendering):
        name = f"drill-{next(numbers)}"
        monkeypatch.setattr(rehearsal, "render", rendering)
        mine = report.model_copy(update={"drill_name": name})
        keep_report(mine, name, [bundle.path], lab.sessions, clock)

    def reconciled(rendering):
        check_files(lab, "r1", side, side, clock, both(rendering))

    return {"pulled": pulled, "drilled": drilled, "reconciled": reconciled}


@pytest.mark.parametrize(
    ("slow", "quick"), [("pulled", "drilled"), ("drilled", "reconciled"), ("reconciled", "pulled")]
)
def test_who_renders_slowly_does_not_write_over_who_came_meanwhile(bundle, writers, slow, quick):
    others = []

    def slowly(writer, names):
        facts = Bundle(writer.path)
        contents = {name: RENDERERS[name](facts) for name in names}
        others.append(threading.Thread(target=writers[quick], args=(render,)))
        others[0].start()
        others[0].join(0.3)  # long enough for one that does not wait for its turn
        for name, content in contents.items():
            writer.write(name, content)

    writers[slow](slowly)
    others[0].join()
    after = Bundle(bundle.path)
    assert problems_of(after) == []
    assert after.metadata.post.lines == 2


def test_many_of_each_kind_at_once_lose_nothing(bundle, writers):
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda write: write(render), list(writers.values()) * 6))
    after = Bundle(bundle.path)
    assert problems_of(after) == []
    assert after.metadata.post.lines == 18
    assert len(after.metadata.drills) == 6
