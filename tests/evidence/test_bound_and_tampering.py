"""What the end of a paper run explains and what it does not; bundles that are not what they were."""

from __future__ import annotations

import json
import shutil
from functools import partial

import pytest
from tests.evidence.conftest import BACKTEST, PAPER
from tests.evidence.test_comparison import compared, rewrite

from opslab.clock import SystemClock
from opslab.errors import OpsLabError, StoreError
from opslab.evidence.bound import Bound
from opslab.evidence.comparison import compare
from opslab.report.evidence import render_evidence
from opslab.runs.evidence import compare_runs, market_of


def _silent_after(count, events):
    """Keep the first orders of a run, as of a strategy that went silent while its bars went on."""
    names = [event["client_order_id"] for event in events if event["type"] == "OrderInitialized"]
    late = set(names[count:])
    return [event for event in events if event.get("client_order_id") not in late]


def _bars(bundle, count):
    path = bundle.path / "metrics.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"bars_seen": count}))


def test_a_run_that_went_silent_is_not_explained_by_its_end(lab, bundles):
    backtest, paper = bundles
    rewrite(paper, lambda _: _silent_after(1, list(backtest.events)))
    closes = market_of(lab, backtest).closes
    made = [event["ts_event"] for event in backtest.events if event["type"] == "OrderInitialized"]
    bars = closes.index(made[3]) + 1
    _bars(paper, bars)
    found = compared(lab)
    causes = {item.order: str(item.cause) for item in found.differences if item.kind == "order_missing"}
    assert [causes[order] for order in (2, 3, 4, 5)] == ["unknown", "unknown", "bound", "bound"]
    assert found.comparison_status == "differences_expected"


def test_what_came_after_the_last_bar_alone_matches(lab, bundles):
    backtest, paper = bundles
    rewrite(paper, lambda _: _silent_after(3, list(backtest.events)))
    made = [event["ts_event"] for event in backtest.events if event["type"] == "OrderInitialized"]
    _bars(paper, market_of(lab, backtest).closes.index(made[3]) + 1)
    found = compared(lab)
    assert {str(item.cause) for item in found.differences} == {"bound"}
    assert found.comparison_status == "matched_operational_context"


def test_without_the_candles_nothing_is_cut_off(lab):
    shutil.rmtree(lab.data)
    found = compared(lab)
    assert "bound" not in {str(item.cause) for item in found.differences}
    assert found.unexplained_total > 0
    assert any("candles are not here" in note for note in found.notes)


@pytest.mark.parametrize(("made", "is_cut"), [(119, False), (120, True), (121, True), (None, False)])
def test_the_last_candle_itself_is_grace(made, is_cut):
    assert Bound(last=120, before=60).cuts(made) is is_cut


def test_a_backtest_that_fills_at_the_same_close_was_given_something_else(lab, bundles):
    backtest, paper = bundles
    rewrite(paper, lambda _: [dict(event) for event in backtest.events])
    path = backtest.path / "metadata.json"
    metadata = json.loads(path.read_text())
    metadata["inputs"]["spec"]["execution"]["fill"] = "same_close"
    path.write_text(json.dumps(metadata))
    found = compared(lab)
    assert found.comparison_status == "differences_expected"
    assert any("spec.execution.fill" in note for note in found.notes)


@pytest.mark.parametrize("name", ["metadata.json", "metrics.json", "report.md", "events.jsonl", "journal.jsonl"])
@pytest.mark.parametrize("run", [BACKTEST, PAPER])
def test_a_sealed_bundle_that_was_altered_is_refused(lab, run, name):
    path = lab.runs / run / name
    path.write_bytes(path.read_bytes().replace(b"e", b"E", 1))
    with pytest.raises(OpsLabError) as refused:
        compare_runs(lab.runs, lab.evidence, BACKTEST, PAPER, SystemClock(), lab)
    assert "\n" not in str(refused.value)
    assert not lab.evidence.exists()


def _torn(content):
    return content[:-5]


def _garbled(content):
    first, second, *rest = content.split(b"\n")
    return b"\n".join([first, b"{" + second, *rest])


def _unlinked(content):
    first, _, *rest = content.split(b"\n")
    return b"\n".join([first, *rest])


@pytest.mark.parametrize("change", [_torn, _garbled, _unlinked])
def test_a_journal_that_is_broken_is_an_error_without_a_seal_too(lab, change):
    path = lab.runs / PAPER / "journal.jsonl"
    (path.parent / "manifest.json").unlink()
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(StoreError, match="no event"):
        compared(lab)


def test_a_stream_that_is_named_must_be_there(lab):
    (lab.runs / PAPER / "events.jsonl").unlink()
    with pytest.raises(StoreError, match="missing"):
        compared(lab)


def test_one_run_under_another_name_is_refused(lab):
    shutil.copytree(lab.runs / PAPER, lab.runs / "other")
    with pytest.raises(StoreError, match="of another run"):
        compared(lab, BACKTEST, "other")


def test_runs_without_orders_are_not_called_the_same(lab, bundles):
    for bundle in bundles:
        rewrite(bundle, partial(_silent_after, 0))
    page = render_evidence(compare(lab.runs, BACKTEST, PAPER, SystemClock().now())).decode()
    assert "are the same" not in page
    assert "orders compared: none: neither run made an order" in page


def test_a_run_that_was_never_sealed_is_compared_and_told(lab):
    (lab.runs / PAPER / "manifest.json").unlink()
    found = compare_runs(lab.runs, lab.evidence, BACKTEST, PAPER, SystemClock(), lab).found
    assert any(f"{PAPER} was never sealed" in note for note in found.notes)
