"""``report.md``: the contract's headings and bullets, no figures of profit, and values that cannot break it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.encoding import compact_json, sha256_hex
from opslab.report.markdown import render_report
from opslab.report.plain_text import plain as as_plain
from opslab.store.journal import GENESIS
from opslab.store.reader import Bundle

BULLETS = [
    *("status", "engine", "dataset", "scenario_name", "scenario_version", "strategy_registered"),
    *("input_candles_count", "bars_processed", "engine_duration_ms"),
]
RUNS = ["completed", "drilled", "failed", "interrupted"]


def report_of(bundle: Bundle) -> str:
    return render_report(bundle).decode()


def section(report: str, heading: str) -> str:
    return report.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("name", RUNS)
def test_headings_and_bullets_are_the_contracts(golden, name):
    report = report_of(golden(name))
    top, _, rest = report.partition("\n## ")
    assert top.startswith(f"# Backtest report: {name}\n")
    assert re.findall(r"^- (\w+):", top, re.MULTILINE)[: len(BULLETS)] == BULLETS
    headings = re.findall(r"^## (.*)$", "## " + rest, re.MULTILINE)
    for heading in ("Built-in Scenario Execution", "Smoke Backtest Summary", "Disclaimer"):
        assert headings.count(heading) == 1
    assert headings[-1] == "Disclaimer"


@pytest.mark.parametrize("name", RUNS)
def test_nothing_speaks_of_profit_but_the_disclaimer(golden, name):
    report, _, disclaimer = report_of(golden(name)).partition("## Disclaimer")
    assert not re.search(r"pnl|profit|sharpe|\breturns?\b|drawdown|alpha", report, re.IGNORECASE)
    assert "claims nothing about profit" in disclaimer


def test_a_failed_run_says_why(golden):
    report = report_of(golden("failed"))
    assert "- status: failed" in report
    assert "- error: lab/golden.run.yaml: dataset golden has the fingerprint" in report
    assert "- failure_reason: error" in report
    assert "The engine did not run." in report
    assert "- failure_reason: interrupted" in report_of(golden("interrupted"))


@pytest.mark.parametrize(
    ("fill", "told"), [("next_open", "at the open of the next one"), ("same_close", "nobody could still")]
)
def test_how_orders_were_filled_is_stated(golden, fill, told):
    bundle = golden("completed")
    path = bundle.path / "run_spec.yaml"
    path.write_bytes(path.read_bytes() + f"execution: {{fill: {fill}}}\n".encode())
    assert told in section(report_of(Bundle(bundle.path)), "Built-in Scenario Execution")


def test_drills_are_listed(golden):
    assert "- golden-drill: drills/golden-drill.json" in report_of(golden("drilled"))
    assert "## Drills" not in report_of(golden("completed"))


HOSTILE = "a|b\n## Forged\r\n| x | <script>alert(1)</script> `code` [l](javascript:x) \u2028 & \x00"


def test_hostile_values_stay_where_they_are(golden):
    bundle = golden("failed")
    path = bundle.path / "run_spec.yaml"
    name = compact_json(HOSTILE.replace("\x00", "")).encode()
    path.write_bytes(path.read_bytes().replace(b"ops_round_trip", name))
    before, lines = GENESIS, []
    for number, event in enumerate(bundle.journal, 1):
        changed = {**event, "seq": number, "prev_sha256": before}
        changed |= {"error": HOSTILE} if event["event"] == "run_failed" else {}
        lines.append(compact_json(changed))
        before = sha256_hex(lines[-1].encode())
    (bundle.path / "journal.jsonl").write_text("\n".join(lines) + "\n")
    report = report_of(Bundle(bundle.path))
    assert "<" not in report
    assert "Forged" in report
    assert not re.search(r"^(## Forged|\| x)", report, re.MULTILINE)
    assert {row.count("|") for row in section(report, "Timeline").splitlines() if row.startswith("|")} == {5}
    assert {row.count("|") for row in section(report, "Inputs").splitlines() if row.startswith("|")} == {5}


@given(st.text())
def test_any_value_is_one_line_without_markup(text):
    plain = as_plain(text)
    assert not set(plain) & set("<>|`[\n\r\u2028\u2029\x85\x0b\x0c")
    assert len(plain.splitlines()) <= 1


@pytest.mark.parametrize(
    ("value", "shown"), [(True, "true"), (False, "false"), (None, "none"), (0, "0"), ("a_b", "a_b")]
)
def test_plain_values_read_as_they_are(value, shown):
    assert as_plain(value) == shown
