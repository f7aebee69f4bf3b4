"""The text that Prometheus reads: both formats parse, nothing can be forged, no digit is lost."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from prometheus_client import Metric, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_families
from prometheus_client.parser import text_string_to_metric_families as text_families

from opslab.contract.drill import SessionReport
from opslab.report.metrics import catalogue as of
from opslab.report.metrics.exposition import Format, block_of, document, label, number, page_of
from opslab.report.metrics.values import Sample
from opslab.report.session_metrics import render

ANY_TEXT = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=300)
VALUES = st.one_of(
    st.integers(min_value=-(2**63), max_value=2**63), st.floats(allow_nan=False, allow_infinity=False)
)  # fmt: skip


def text_of(*samples: Sample, core: tuple[str, ...] = ("r", "m", "e", "v", "i"), form: Format = Format.TEXT) -> str:
    return document([page_of([block_of(samples, core)])], form).content().decode()


@pytest.fixture
def full(place):
    """A place that shows every family there is."""
    place.run("r1", safety={"kill_switch": {"state": "active"}})
    place.write("r1/drills/d.json", {"drill_name": "d", "pass": True, "outcome": "expected_warning"})
    place.write("r1/drills/broken.json", "{")
    place.write("r1/reconciliation_result.json", {"status": "ok", "ts_utc": "2026-01-01T00:00:00.5Z"})
    readiness = {"state": "configured", "enabled": True, "probe_performed": False, "missing_required_count": 0}
    place.write("r1/connectivity_readiness.json", readiness)
    probe = {"state": "probe_http_error", "network_scope": "x", "http_status": 500, "latency_ms": 1}
    place.write("r1/connectivity_probe.json", {**probe, "probe_performed": True})
    place.run('hostile "\n\\', heartbeat_count=1)
    paper = {"run_id": "paper", "heartbeat_count": 3, "synthetic_duration_seconds": 3, "engine_executed": False}
    place.run("paper", mode="paper")
    place.write("paper/metrics.json", {**paper, "containment_detect_ms": 4.5})
    change = {"event": "views_differed", "ts_utc": "2026-01-01T00:00:00.5Z", "since_ms": 1}
    change["differences"] = [{"view": "engine", "kind": "quantity"}]
    with (place.runs / "paper" / "journal.jsonl").open("a") as journal:
        journal.write(json.dumps(change) + "\n")
        journal.write(json.dumps({"event": "trigger_fired", "trigger": "max_mismatch_seconds"}) + "\n")
        heard = {"event": "market_data_heard", "feeds": {"quotes": {"count": 2, "ts_utc": "2026-01-01T00:00:02.5Z"}}}
        journal.write(json.dumps(heard) + "\n")
    evidence = place.evidence / "a__b" / "backtest_vs_paper_evidence.json"
    evidence.parent.mkdir(parents=True)
    presence = {"backtest": {"report.md": True}}
    fields = {"comparison_status": "missing_artifacts", "compared_fields": [{"comparable": "gap"}]}
    evidence.write_text(json.dumps({**fields, "artifact_presence": presence}))
    return place


@pytest.fixture
def session():
    """The textfile of a session that shows every family there is."""
    row = {"drill": 'd"\n', "area": "a", "severity": "normal", "verdict": "pass", "ts_utc": "2026-01-01T00:00:00.5Z"}
    report = SessionReport(
        session_id="s",
        started_at_utc="2026-01-01T00:00:00Z",
        completed_at_utc=None,
        status="completed",
        seed=1,
        lab_version="1",
        engine_version="1",
        mutants=False,
        verdicts={},
        drills=({**row, "phases": {"steady": 1.0}, "budgets": {"recover_within": [5.0, 1.0]}},),
        runs=(),
        last_passed={row["drill"]: row["ts_utc"]},
    )
    return render(report).decode()


def test_every_family_has_help_and_type_once_before_its_samples(full):
    lines = full.text().splitlines()
    assert [line.split()[2] for line in lines if line.startswith("# TYPE")] == [family.name for family in of.FAMILIES]
    assert [line.split()[2] for line in lines if line.startswith("# HELP")] == [family.name for family in of.FAMILIES]
    current = ""
    for line in lines:
        if line.startswith("# TYPE"):
            current = line.split()[2]
        elif not line.startswith("#"):
            assert line.partition("{")[0].partition(" ")[0] == current


def test_names_that_end_in_total_are_counters(full):
    types = dict(line.split()[2:4] for line in full.text().splitlines() if line.startswith("# TYPE"))
    assert {kind for name, kind in types.items() if name.endswith("_total")} == {"counter"}
    assert {kind for name, kind in types.items() if not name.endswith("_total")} == {"gauge"}


def test_openmetrics_has_the_same_samples(full):
    full.text()
    found = full.text(Format.OPENMETRICS)
    assert found.endswith("# EOF\n")
    open_samples = {(s.name, *s.labels.items()): s.value for f in open_families(found) for s in f.samples}
    text_samples = {(s.name, *s.labels.items()): s.value for f in text_families(full.text()) for s in f.samples}
    changing = {of.SCAN_DURATION.name, of.SCAN_READ.name}
    assert {key: value for key, value in open_samples.items() if key[0] not in changing} == {
        key: value for key, value in text_samples.items() if key[0] not in changing
    }


def test_openmetrics_families_do_not_share_a_name(full):
    families = {family.name: family.type for family in open_families(full.text(Format.OPENMETRICS))}
    assert len(families) == len(of.FAMILIES)
    assert families["tradingchassis_ops_lab_evidence_backtest_vs_paper_status"] == "gauge"
    assert families["tradingchassis_ops_lab_evidence_backtest_vs_paper_status_total"] == "unknown"
    assert families["tradingchassis_ops_lab_run"] == "info"
    assert families["tradingchassis_ops_lab_journal_events"] == "counter"


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: apt install prometheus)"
)
@pytest.mark.parametrize("kind", ["page", "session"])
def test_promtool_accepts_every_family(full, session, kind):
    text = {"page": full.text(), "session": session}[kind]
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@given(ANY_TEXT, ANY_TEXT)
@example("\ud800", "\udfff")
def test_no_label_forges_a_sample(name, event):
    text = text_of(Sample(of.JOURNAL_EVENT, 1, (label(event),)), core=(label(name), "m", "e", "v", "i"))
    (family,) = text_families(text)
    (sample,) = family.samples
    assert (sample.labels["run_id"], sample.labels["event"]) == (label(name), label(event))
    is_valid = not any("\ud800" <= sign <= "\udfff" for sign in event)
    assert label(event) == event or not (is_valid and 0 < len(event) <= 200)


@given(VALUES)
def test_numbers_keep_every_digit(value):
    assert float(number(value)) == float(value)
    if isinstance(value, int) or value.is_integer():
        assert int(number(value)) == value


@given(st.dictionaries(st.text(max_size=5), VALUES.map(float), max_size=5))
def test_it_says_what_prometheus_clients_own_writer_says(events):
    named = {label(event): value for event, value in events.items()}
    text = text_of(*(Sample(of.JOURNAL_EVENT, value, (event,)) for event, value in named.items()))
    metric = Metric(of.JOURNAL_EVENT.name.removesuffix("_total"), of.JOURNAL_EVENT.help, "counter")
    for event, value in named.items():
        core = dict(zip(of.Scope.CORE.value, ("r", "m", "e", "v", "i"), strict=True))
        metric.add_sample(of.JOURNAL_EVENT.name, {**core, "event": event}, value)

    class Source:
        def collect(self):
            return [metric] if named else []

    theirs = list(text_families(generate_latest(Source()).decode()))
    assert list(text_families(text)) == theirs


def test_of_two_samples_with_the_same_labels_one_stays():
    text = text_of(Sample(of.JOURNAL_EVENT, 1, ("a",)), Sample(of.JOURNAL_EVENT, 2, ("a",)))
    assert [line.rpartition(" ")[2] for line in text.splitlines() if line[0] != "#"] == ["2"]


@given(ANY_TEXT)
@example("x" * 5000)
@example("\ud800" * 5000)
def test_labels_are_bounded_and_valid(value):
    found = label(value)
    assert 0 < len(found) <= 200 * len("\\udfff")
    assert found.encode()


def test_long_labels_that_begin_alike_stay_apart():
    assert label("x" * 300 + "a") != label("x" * 300 + "b")


def test_comments_stay_on_their_line_and_are_bounded():
    comments = ["skipped a\n# TYPE forged counter\nforged 1"] * 150
    text = document([], Format.TEXT, comments).content().decode()
    assert len(text.splitlines()) == 101
    assert text.endswith("# and 50 more\n")
    assert list(text_families(text)) == []
    assert document([], Format.OPENMETRICS, comments).content() == b"# EOF\n"


def test_a_page_too_large_to_join_says_the_same(full, monkeypatch):
    joined = full.text()
    monkeypatch.setattr("opslab.report.metrics.exposition.MAX_JOINED", 0)
    monkeypatch.setattr("opslab.report.metrics.exposition._PIECE", 7)
    full.run("r0")
    full.text()
    shutil.rmtree(full.runs / "r0")
    assert [line for line in full.text().splitlines() if "scan_" not in line] == [
        line for line in joined.splitlines() if "scan_" not in line
    ]
