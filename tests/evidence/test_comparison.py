"""Two real runs compared: what the contract asks for, what differs and why, and what cannot be compared."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from functools import partial

import pytest
from tests.evidence.conftest import BACKTEST, PAPER

from opslab.contract.evidence import OF_THE_MODES, Comparable, Evidence
from opslab.errors import IdError, OpsLabError, RootError, StoreError
from opslab.evidence.comparison import compare
from opslab.runs.evidence import market_of
from opslab.store.reader import Bundle

NOW = datetime(2026, 1, 5, tzinfo=UTC)
AREAS = {
    "direct": {
        "engine",
        "instrument",
        "metrics_artifact_presence",
        "report_presence",
        "journal_shared_events",
    },
    "contextual": {"venue", "strategy_scenario_identity", "config_hash", "status"},
    "mode_specific": {"engine_executed", "is_placeholder", "backtest_bars_vs_paper_heartbeat"},
    "gap": {"safety_state"},
    "future_candidate": {"readiness_state", "probe_state"},
}


def compared(lab, first=BACKTEST, second=PAPER) -> Evidence:
    return compare(lab.runs, first, second, NOW, market_of=partial(market_of, lab))


def rewrite(bundle, change):
    """Change the event stream, and what the metadata say of its digest: a run that went otherwise."""
    path = bundle.path / "events.jsonl"
    events = change([json.loads(line) for line in path.read_text().splitlines()])
    content = "".join(json.dumps(event) + "\n" for event in events).encode()
    path.write_bytes(content)
    metadata = json.loads((bundle.path / "metadata.json").read_text())
    metadata["event_stream"]["sha256"] = hashlib.sha256(content).hexdigest()
    (bundle.path / "metadata.json").write_text(json.dumps(metadata))


def test_every_area_of_the_contract_is_compared(lab):
    found = compared(lab)
    told = {}
    for field in found.compared_fields:
        told.setdefault(str(field.comparable), set()).add(field.area)
    assert told == AREAS
    assert all(field.match for field in found.compared_fields if field.comparable is Comparable.DIRECT)


def test_a_document_reads_back_as_it_was(lab):
    found = compared(lab)
    assert Evidence.model_validate_json(json.dumps(found.to_dict())) == found


def test_streams_are_counted_from_the_events(lab, bundles):
    found = compared(lab)
    for name, bundle in zip(("backtest", "paper"), bundles, strict=True):
        stream = found.event_streams[name]
        fills = sum(event["type"] == "OrderFilled" for event in bundle.events)
        assert (stream.events, stream.fills) == (len(bundle.events), fills)
        assert stream.fills > 0


def test_what_the_bound_cut_off_is_explained(lab):
    found = compared(lab)
    missing = [item for item in found.differences if item.kind == "order_missing"]
    assert missing
    assert {item.cause for item in missing} == {"bound"}


def test_a_run_compared_with_its_own_doing_matches(lab, bundles):
    """The paper run is given the backtest's stream and bars: then nothing but the modes differs."""
    backtest, paper = bundles
    rewrite(paper, lambda _: [dict(event) for event in backtest.events])
    found = compared(lab)
    assert found.differences == ()
    assert found.comparison_status == "matched_operational_context"


def _larger(events):
    changed = [dict(event) for event in events]
    filled = next(event for event in changed if event["type"] == "OrderFilled")
    filled["last_qty"] = "9.000"
    return changed


def _dearer(events):
    changed = [dict(event) for event in events]
    next(event for event in changed if event["type"] == "OrderFilled")["last_px"] = "1.0"
    return changed


def _a_little_dearer(events):
    changed = [dict(event) for event in events]
    filled = next(event for event in changed if event["type"] == "OrderFilled")
    filled["last_px"] = f"{float(filled['last_px']) * 1.005:.1f}"
    return changed


def _elsewhere_in_the_candle(events):
    changed = [dict(event) for event in events]
    next(event for event in changed if event["type"] == "OrderFilled")["last_px"] = "43920.0"
    return changed


def _an_hour_late(events):
    """Fill at a price that the market came to within the hour, in a run that says that it filled at once."""
    changed = [dict(event) for event in events]
    next(event for event in changed if event["type"] == "OrderFilled")["last_px"] = "43969.0"
    return changed


def _after_an_hour(events):
    changed = _an_hour_late(events)
    next(event for event in changed if event["type"] == "OrderFilled")["ts_event"] += 6 * 10**9  # at 600 times the pace
    return changed


def _in_parts(events):
    changed = [dict(event) for event in events]
    number = next(place for place, event in enumerate(changed) if event["type"] == "OrderFilled")
    part = changed[number] | {"last_qty": "0.001"}
    changed[number] = changed[number] | {"last_qty": f"{float(changed[number]['last_qty']) - 0.001:.3f}"}
    return [*changed[:number], part, *changed[number:]]


def _without_an_order(events):
    name = next(event["client_order_id"] for event in events if event["type"] == "OrderInitialized")
    return [event for event in events if event.get("client_order_id") != name]


def _rejected(events):
    changed = [dict(event) for event in events]
    name = next(event["client_order_id"] for event in changed if event["type"] == "OrderFilled")
    changed = [
        e for e in changed if not (e["type"] in {"OrderFilled", "OrderAccepted"} and e["client_order_id"] == name)
    ]
    return [*changed, {"type": "OrderRejected", "client_order_id": name, "reason": "-2010"}]


@pytest.mark.parametrize(
    ("change", "kind", "is_explained"),
    [
        (_larger, "fill_quantity", False),
        (_a_little_dearer, "fill_price", False),
        (_elsewhere_in_the_candle, "fill_price", True),
        (_an_hour_late, "fill_price", False),
        (_after_an_hour, "fill_price", True),
        (_in_parts, "fill_parts", True),
        (_dearer, "fill_price", False),
        (_without_an_order, "intent", False),
        (_rejected, "refused", False),
    ],
)
def test_each_way_to_differ_is_found_and_explained_only_by_facts(lab, bundles, change, kind, is_explained):
    backtest, paper = bundles
    rewrite(paper, lambda _: change(list(backtest.events)))
    found = compared(lab)
    causes = {item.cause for item in found.differences if item.kind == kind}
    assert causes, found.differences
    assert (causes <= OF_THE_MODES) is is_explained
    assert (found.comparison_status == "matched_operational_context") is is_explained
    assert (found.unexplained_total == 0) is is_explained


def test_fewer_parts_than_in_the_backtest_are_no_books_doing(lab, bundles):
    backtest, paper = bundles
    events = list(backtest.events)
    rewrite(paper, lambda _: events)
    rewrite(backtest, lambda _: _in_parts(events))
    assert {(item.kind, str(item.cause)) for item in compared(lab).differences} == {("fill_parts", "unknown")}


def test_without_the_candles_no_other_price_is_explained(lab, bundles):
    backtest, paper = bundles
    rewrite(paper, lambda _: _elsewhere_in_the_candle(list(backtest.events)))
    found = compare(lab.runs, BACKTEST, PAPER, NOW)
    assert {(item.kind, str(item.cause)) for item in found.differences} == {("fill_price", "unknown")}


def test_other_inputs_keep_runs_from_matching(lab, bundles):
    backtest, paper = bundles
    rewrite(paper, lambda _: [dict(event) for event in backtest.events])
    metadata = json.loads((paper.path / "metadata.json").read_text())
    metadata["inputs"]["datasets"][0]["fingerprint"] = "0" * 64
    (paper.path / "metadata.json").write_text(json.dumps(metadata))
    found = compared(lab)
    assert found.comparison_status == "differences_expected"
    assert any("datasets" in note for note in found.notes)


@pytest.mark.parametrize("name", ["metadata.json", "metrics.json", "journal.jsonl", "report.md"])
@pytest.mark.parametrize("run", [BACKTEST, PAPER])
def test_a_missing_artifact_is_an_outcome(lab, name, run):
    (lab.runs / run / name).unlink()
    found = compared(lab)
    assert found.comparison_status == "missing_artifacts"
    assert found.compared_fields == ()
    assert found.mode_summary.to_dict()["backtest" if run == BACKTEST else "paper"] == {"status": "unknown"}
    side = found.artifact_presence.backtest if run == BACKTEST else found.artifact_presence.paper
    assert side[name] is False


@pytest.mark.parametrize(("first", "second"), [(PAPER, BACKTEST), (PAPER, PAPER), (BACKTEST, BACKTEST)])
def test_other_modes_are_an_outcome(lab, first, second):
    found = compared(lab, first, second)
    assert found.comparison_status == "incompatible_runs"
    assert found.compared_fields == ()
    assert found.not_compared == found.notes[0]


@pytest.mark.parametrize("name", ["../one-paper", "a/b", "", ".", "a\nb", "/etc", "nope"])
def test_ids_that_are_none_are_refused(lab, name):
    with pytest.raises((IdError, StoreError, RootError)):
        compared(lab, BACKTEST, name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("metadata.json", b"{"),
        ("metadata.json", b"[]"),
        ("metrics.json", b"\xff\xfe"),
        ("events.jsonl", b"{}\n"),
        ("events.jsonl", b"not json\n"),
        ("events.jsonl", b'{"type":"OrderInitialized","client_order_id":"x"}\n'),
        ("events.jsonl", b'{"type":"OrderFilled","client_order_id":"x","last_qty":"NaN"}\n'),
        ("journal.jsonl", b'{"event":1}\nx'),
        ("run_spec.yaml", b"{"),
    ],
)
def test_a_malformed_file_is_one_error(lab, name, content):
    (lab.runs / PAPER / name).write_bytes(content)
    with pytest.raises(OpsLabError) as refused:
        compared(lab)
    assert "\n" not in str(refused.value)


def test_a_symlink_is_not_followed(lab, tmp_path):
    path = lab.runs / PAPER / "events.jsonl"
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    try:
        found = compared(lab)
    except OpsLabError:
        return
    assert found.event_streams.keys() == {"backtest"}
    assert found.comparison_status != "matched_operational_context"


def test_an_altered_stream_is_told(lab):
    path = lab.runs / PAPER / "events.jsonl"
    path.write_bytes(path.read_bytes() + path.read_bytes()[: path.read_bytes().index(b"\n") + 1])
    with pytest.raises(StoreError, match="not the event stream"):
        compared(lab)


def test_a_run_of_the_earlier_lab_can_be_compared(lab):
    paper = Bundle(lab.runs / PAPER)
    metadata = json.loads((paper.path / "metadata.json").read_text())
    for name in ("inputs", "inputs_sha256", "event_stream"):
        metadata.pop(name, None)
    (paper.path / "metadata.json").write_text(json.dumps(metadata))
    (paper.path / "events.jsonl").unlink()
    later = {"seq", "prev_sha256", "event_stream"}
    events = [{name: event[name] for name in event.keys() - later} for event in paper.journal]
    (paper.path / "journal.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    found = compared(lab)
    assert found.comparison_status == "differences_expected"
