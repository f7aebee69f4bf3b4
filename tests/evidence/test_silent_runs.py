"""A run that made no order: what was not compared, and why, in the document, on the page and on the terminal."""

from __future__ import annotations

import json

import pytest
from tests.evidence.conftest import BACKTEST, PAPER
from tests.evidence.test_comparison import compared, rewrite

from opslab.cli.main import main
from opslab.report.evidence import render_evidence

WHY = "orders, fills and ends were not compared: "
BLOCKED = {"lifecycle_outcome": "blocked_kill_switch", "at_start": {"state": "active", "last_reason": "a drill"}}


def edit(run, **changes):
    """Let a run's metadata say something else."""
    path = run.path / "metadata.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def silence(run, **changes):
    """Take a run's event stream away, and every word about it."""
    (run.path / "events.jsonl").unlink()
    path = run.path / "journal.jsonl"
    events = [json.loads(line) for line in path.read_text().splitlines()]
    kept = [{name: event[name] for name in event.keys() - {"seq", "prev_sha256", "event_stream"}} for event in events]
    path.write_text("".join(json.dumps(event) + "\n" for event in kept))
    edit(run, event_stream=None, **changes)


def without_orders(events):
    return [event for event in events if "client_order_id" not in event]


def rows(page, side):
    table = page[page.index("## Event streams") :]
    return next(line for line in table.splitlines() if line.startswith(f"| {side} |"))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"status": "safety_blocked", "safety": BLOCKED}, "was blocked by the kill switch (a drill)"),
        ({"status": "safety_blocked", "safety": {}}, "was blocked by the kill switch"),
        ({"status": "failed", "error": "no venue"}, "failed (no venue) and left no event stream"),
        ({"status": "completed"}, "left no event stream (status completed)"),
    ],
)
@pytest.mark.parametrize("side", ["backtest", "paper"])
def test_a_run_without_a_stream_is_named_with_its_reason(lab, bundles, side, changes, why):
    silence(bundles[side == "paper"], **changes)
    found = compared(lab)
    name = "paper run" if side == "paper" else "backtest"
    assert found.not_compared == f"the {name} {why}"
    assert f"{WHY}the {name} {why}" in found.notes
    assert (found.differences, found.comparison_status) == ((), "differences_expected")
    page = render_evidence(found).decode()
    assert rows(page, side) == f"| {side} | no event stream | none | none | none |"
    assert f"were not compared: the {name} {why}." in page
    assert "are the same" not in page


def test_both_are_named_when_both_are_silent(lab, bundles):
    for bundle in bundles:
        silence(bundle, status="failed", error="disk full")
    told = "failed (disk full) and left no event stream"
    assert compared(lab).not_compared == f"the backtest {told}; the paper run {told}"


def test_no_order_on_either_side_is_told(lab, bundles):
    for bundle in bundles:
        rewrite(bundle, without_orders)
    found = compared(lab)
    assert found.not_compared == "neither run made an order"
    assert f"{WHY}neither run made an order" in found.notes


@pytest.mark.parametrize(("side", "kind"), [("backtest", "order_extra"), ("paper", "order_missing")])
def test_no_order_on_one_side_is_a_difference_for_each_of_the_other(lab, bundles, side, kind):
    rewrite(bundles[side == "paper"], without_orders)
    found = compared(lab)
    name = "paper run" if side == "paper" else "backtest"
    assert found.not_compared is None
    assert f"the {name} made no order" in found.notes
    orders = {found.event_streams["backtest"].orders, found.event_streams["paper"].orders} - {0}
    assert {sum(item.kind == kind for item in found.differences)} == orders
    assert "are the same" not in render_evidence(found).decode()


def test_a_run_that_failed_on_its_way_is_compared_and_told(lab, bundles):
    edit(bundles[1], status="failed", error="the venue went away")
    found = compared(lab)
    assert found.not_compared is None
    assert "the paper run failed (the venue went away): what it did until then is compared" in found.notes
    assert found.comparison_status == "differences_expected"


def test_the_command_says_so(lab, bundles, monkeypatch, capfd):
    silence(bundles[1], status="safety_blocked", safety=BLOCKED)
    for name in ("manifest.json", "post.jsonl"):
        (bundles[1].path / name).unlink(missing_ok=True)
    words = ["evidence", "compare", "--backtest-run-id", BACKTEST, "--paper-run-id", PAPER]
    monkeypatch.setattr("sys.argv", ["tc", "--root", str(lab.root), *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert f"note: {WHY}the paper run was blocked by the kill switch (a drill)" in capfd.readouterr().err


def test_a_run_compared_with_itself_is_an_outcome(lab, monkeypatch, capfd):
    words = ["evidence", "compare", "--backtest-run-id", BACKTEST, "--paper-run-id", BACKTEST]
    monkeypatch.setattr("sys.argv", ["tc", "--root", str(lab.root), *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    told = capfd.readouterr()
    assert (stopped.value.code, told.out.splitlines()[0]) == (0, "comparison_status=incompatible_runs")
