"""A paper run compares its views while it lives and at its end; what differs is in journal, bundle and report."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from opslab.clock import SystemClock
from opslab.contract.spec_file import read_spec
from opslab.data.prepare import prepare
from opslab.engine.registry import standard_registry
from opslab.errors import VenueError
from opslab.reconcile.checking import check_files
from opslab.reconcile.stored_views import check_views
from opslab.root import find_lab
from opslab.runs.finish import problems_of, render
from opslab.runs.paper import begin_paper
from opslab.runs.paper_record import PaperRecord
from opslab.runs.reconciled import interval_of
from opslab.runs.spec_edit import edited
from opslab.runs.venue_host import thread_host
from opslab.samples import paper_spec
from opslab.store import layout
from opslab.store.reader import Bundle
from opslab.store.writer import BundleWriter

FIXTURES = Path(__file__).parents[2] / "fixtures" / "reconciliation"
FAST = {"execution.pace": 600, "execution.max_bars": 6, "execution.max_seconds": 20}
TRADES = {**FAST, "strategy.name": "ops_round_trip", "strategy.params": {"every": 1}}


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    root = tmp_path_factory.mktemp("reconciled")
    (root / "opslab.toml").touch()
    found = find_lab(root, {}, [root])
    prepare(found, "btcusdt-sample")
    return found


def begun(lab, run_id, **changes):
    return begin_paper(
        lab, edited(read_spec(paper_spec()), changes), standard_registry(), run_id=run_id, host_of=thread_host
    )


def test_its_end_is_reconciled_with_the_wire_and_the_views_kept(lab):
    with begun(lab, "completed", **TRADES) as run:
        run.start()
        completed = run.complete(run.run_to_bound())
    kept = json.loads((completed.path / "reconciliation_result.json").read_text())
    assert (kept["status"], kept["pass"], kept["differences_total"]) == ("ok", True, 0)
    assert [check["name"] for check in kept["checks"]] == [
        *("position", "open_orders", "fills", "balances", "freshness", "wire")
    ]
    assert set(kept["views"]) == {"venue", "engine", "strategy", "wire"}
    wire, venue = kept["views"]["wire"], kept["views"]["venue"]
    assert wire["orders_sent"] == wire["client_order_ids"] == len(venue["orders"]) > 0
    assert len(wire["fills"]) == len(venue["fills"]) > 0
    assert wire["used_weight"] > 0
    assert "## Reconciliation" in (completed.path / "report.md").read_text()


def test_what_differs_while_it_lives_is_told_kept_and_shown(lab):
    with begun(lab, "differs", **{"execution.reconcile_seconds": 0.1}) as run:
        run.start()
        order = {"account": "main", "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010"}
        run.host.venue.faults.manual_order(**order).begin()
        while "views_differed" not in Bundle(run.writer.path).read("journal.jsonl").decode():
            run.pump(0.1)
        bundle = run.complete()
    (change,) = [event for event in bundle.journal if event["event"] == "views_differed"]
    told = {(row["view"], row["kind"], row["subject"]) for row in change["differences"]}
    assert told == {("strategy", "missing_local", "position"), ("strategy", "unattributed", "order")}
    results = [json.loads((bundle.path / "reconciliation" / f"000{number}.json").read_text()) for number in (1, 2)]
    assert [result["status"] for result in results] == ["mismatch", "mismatch"]
    assert "unattributed order" in (bundle.path / "report.md").read_text()
    assert problems_of(bundle) == []


def test_files_that_agree_do_not_speak_for_views_that_differ(lab, tmp_path):
    with begun(lab, "both-sources") as run:
        run.start()
        order = {"account": "main", "symbol": "BTCUSDT", "side": "BUY", "quantity": "0.010", "price": "29000"}
        run.host.venue.faults.manual_order(**order).begin()
        path = run.complete().path
    content = json.loads((FIXTURES / "expected_match.json").read_text()) | {"run_id": "both-sources"}
    (tmp_path / "same.json").write_text(json.dumps(content))
    writer = BundleWriter(path, SystemClock())
    checked = check_files(
        lab,
        "both-sources",
        tmp_path / "same.json",
        tmp_path / "same.json",
        SystemClock(),
        lambda _bundle: render(writer, sorted(layout.RENDERED)),
    )
    assert (checked.result.status, checked.result.other.status) == ("ok", "mismatch")
    report = (path / "report.md").read_text()
    assert "result of the files is **ok**" in report
    assert "result of the views is **mismatch**" in report
    assert problems_of(Bundle(path)) == []


def failed(lab, run_id, *, answers: bool, monkeypatch):
    """A run that fails while its venue answers, or does not any more."""
    with begun(lab, run_id) as run:
        run.start()
        if not answers:

            def hangs():
                raise VenueError("does not answer")

            monkeypatch.setattr(run.host, "books", hangs)
        return run.fail(VenueError("it broke"))


@pytest.mark.parametrize(("answers", "status"), [(True, "ok"), (False, "unknown")])
def test_a_failed_run_keeps_the_comparison_of_its_end(lab, monkeypatch, answers, status):
    bundle = failed(lab, f"failed-{status}", answers=answers, monkeypatch=monkeypatch)
    kept = json.loads((bundle.path / "reconciliation_result.json").read_text())
    assert (bundle.metadata.status, kept["status"], kept["source"]) == ("failed", status, "views")
    assert ("Nothing differed" in (bundle.path / "report.md").read_text()) == answers
    assert check_views(lab, bundle.path.name, SystemClock().now()).status == status
    assert problems_of(bundle) == []


def test_an_order_of_an_earlier_node_of_the_run_is_not_nobodys(tmp_path):
    record = PaperRecord(SimpleNamespace(path=tmp_path), SimpleNamespace())
    for name, strategy in (("O-1", "S-1"), ("O-2", "S-1"), ("web", "EXTERNAL")):
        line = {"client_order_id": name, "strategy_id": strategy, "type": "OrderInitialized"}
        record.event(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    assert record.placed_before([{"client_order_id": "O-2"}]) == {"placed_before": ["O-1"]}
    assert record.placed_before([{"client_order_id": name} for name in ("O-1", "O-2")]) == {}
    record.close()


@pytest.mark.parametrize(
    ("seconds", "limit", "interval"),
    [(None, None, None), (2.0, None, 2.0), (None, 10.0, 1.0), (None, 1.0, 0.5), (60.0, 4.0, 2.0), (0.2, 4.0, 0.2)],
)
def test_a_limit_is_never_longer_than_nobody_looks(seconds, limit, interval):
    assert interval_of(seconds, limit) == interval


def test_views_that_cannot_be_compared_are_unknown_at_the_end(lab, monkeypatch):
    def broken(_views):
        raise KeyError("no such row")

    monkeypatch.setattr("opslab.runs.reconciled.all_differences", broken)
    with begun(lab, "odd-views") as run:
        run.start()
        bundle = run.complete()
    kept = json.loads((bundle.path / "reconciliation_result.json").read_text())
    assert (bundle.metadata.status, kept["status"], kept["pass"]) == ("completed", "unknown", False)
