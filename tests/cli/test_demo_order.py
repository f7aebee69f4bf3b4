"""The demo of the earlier lab: its commands, typed in its order, in a lab that `tc new` made."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from opslab.runs.finish import problems_of
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

SCENARIOS = Path(__file__).parents[2] / "scenarios" / "runs"
TC = Path(sys.executable).with_name("tc")
BACKTEST, PAPER, BLOCKED = "2026-05-20-btcusdt-backtest-001", "2026-05-20-btcusdt-paper-001", "blocked-paper-001"
BOUND = "execution: {pace: 1200, max_bars: 10}\n"
"""So that the paper run takes seconds; the earlier lab's example has no bound."""

SEEN = {
    "schema_version": "v1",
    "run_id": BACKTEST,
    "as_of_utc": "2026-05-20T00:00:00Z",
    "position": {"symbol": "BTCUSDT", "side": "flat", "qty": "0", "avg_entry_price": None},
    "open_orders": [],
    "freshness": {
        "position_ts_utc": "2026-05-20T00:00:00Z",
        "orders_ts_utc": "2026-05-20T00:00:00Z",
        "max_age_seconds": 60,
    },
}


class Demo:
    """Types `tc` commands in a lab."""

    def __init__(self, lab: Path) -> None:
        self.lab = lab
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADINGCHASSIS")}
        self.environ = {**kept, "TRADINGCHASSIS_PAPER_API_KEY": "k", "TRADINGCHASSIS_PAPER_API_SECRET": "s"}

    def __call__(self, *words: str) -> dict[str, str]:
        """Type a command that must succeed; return its ``name=value`` lines."""
        ran = subprocess.run(
            [TC, *words], cwd=self.lab, env=self.environ, capture_output=True, text=True, check=False, timeout=120
        )
        assert ran.returncode == 0, (words, ran.stdout, ran.stderr)
        return dict(line.split("=", 1) for line in ran.stdout.splitlines() if "=" in line)


@contextlib.contextmanager
def answering() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_words: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def scraped(demo: Demo) -> str:
    """Serve the lab's metrics on a free port, read them once, and stop."""
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as taken:
        port = taken.server_port
    words = [TC, "metrics", "serve", "--port", str(port)]
    with subprocess.Popen(words, cwd=demo.lab, env=demo.environ, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split()[1]
            with urllib.request.urlopen(address, timeout=30) as answer:
                return str(answer.read().decode())
        finally:
            server.terminate()


@pytest.fixture
def demo(tmp_path) -> Demo:
    Demo(tmp_path)("new", "my-lab")
    lab = tmp_path / "my-lab"
    shutil.copy(SCENARIOS / "btcusdt_backtest.run.yaml", lab / "backtest.yaml")
    paper = (SCENARIOS / "btcusdt_paper.yaml").read_text() + BOUND
    (lab / "paper.yaml").write_text(paper)
    (lab / "blocked.yaml").write_text(paper.replace(PAPER, BLOCKED))
    (lab / "seen.json").write_text(json.dumps(SEEN))
    return Demo(lab)


def test_the_demo_works_in_the_order_of_the_earlier_lab(demo):
    demo("data", "prepare", "--dataset", "btcusdt-sample")
    assert len(demo("data", "fingerprint", "--dataset", "btcusdt-sample")["dataset_sha256"]) == 64
    assert demo("run", "backtest", "--spec", "backtest.yaml")["status"] == "completed"
    assert demo("connectivity", "readiness", "--spec", "backtest.yaml")["state"] == "disabled"
    with answering() as url:
        assert demo("connectivity", "probe", "--spec", "backtest.yaml", "--url", url)["state"] == "probe_ok"
    assert demo("run", "paper", "--spec", "paper.yaml")["status"] == "completed"
    assert demo("connectivity", "readiness", "--spec", "paper.yaml")["state"] == "configured"
    assert demo("kill", "activate", "--run-id", BLOCKED, "--reason", "demo")["state"] == "active"
    assert demo("run", "paper", "--spec", "blocked.yaml")["status"] == "safety_blocked"
    files = ("--expected", "seen.json", "--observed", "seen.json")
    assert demo("reconcile", "check", "--run-id", BACKTEST, *files)["status"] == "ok"
    for name in ("stale-market-data", "reconciliation-mismatch", "restart-recovery"):
        assert demo("drill", name, "--run-id", BACKTEST)["status"] == "completed"
    compared = demo("evidence", "compare", "--backtest-run-id", BACKTEST, "--paper-run-id", PAPER)
    assert compared["comparison_status"] in {"differences_expected", "matched_operational_context"}
    demo("metrics", "export", "--run-id", BACKTEST, "--output", "metrics.prom")
    exported, served = (demo.lab / "metrics.prom").read_text(), scraped(demo)
    for text in (exported, served):
        assert f'failure_drill_last_pass{{run_id="{BACKTEST}",drill_name="restart_recovery"}} 1' in text
        assert f'reconciliation_status{{run_id="{BACKTEST}"' in text
    assert f'run_info{{run_id="{BLOCKED}"' in served
    assert "evidence_backtest_vs_paper_status" in served
    for run_id in (BACKTEST, PAPER, BLOCKED):
        assert problems_of(Bundle(demo.lab / "artifacts" / "runs" / run_id)) == []
