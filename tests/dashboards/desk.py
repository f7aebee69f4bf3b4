"""A lab with everything that a panel or a rule may ask for: made by its own commands, as a user would."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from tests.dashboards.conftest import REPOSITORY
from tests.dashboards.server import until

from opslab.errors import OpsLabError
from opslab.root import find_lab
from opslab.runs.flattening import account_of

if TYPE_CHECKING:
    from pathlib import Path

    from opslab.safety.flatten.account import Account

TC = "from opslab.cli.main import main; main()"
FIXTURES = REPOSITORY / "fixtures" / "reconciliation"
SPEC = """
spec_version: v1
run_id: {run_id}
mode: {mode}
engine: nautilus
venue: binance
instrument: BTCUSDT
strategy: {{name: ops_round_trip, version: 0.1.0}}
data: {{dataset: btcusdt-sample}}
risk: {{profile: tiny{limits}}}
observability: {{journal: true}}
connectivity_readiness:
  enabled: true
  credential_placeholders: {{required_env: [OPSLAB_TEST_KEY]}}
"""
PAPER = "execution: {{market: futures, profile: fast, pace: 60, max_seconds: {seconds}{more}}}\n"
GUARDED = ", guards: [stale_feed], reconcile_seconds: 0.2"
LIMITS = "limits: {max_mismatch_seconds: 3}"
DRILLS = '''
import pytest
from opslab.drill.checks import check, failed, passed, unknown

@check("desk.agrees")
def agrees(history, spec):
    return passed("fine")

@check("desk.differs")
def differs(history, spec):
    return failed("OPS-DESK-BAD", "bad", expected=1, observed=2)

@check("desk.doubts")
def doubts(history, spec):
    return unknown("OPS-DESK-DOUBT", "nobody can tell")

class Fault:
    name = "desk_fault"
    fired = True
    healed = False
    def begin(self):
        pass
    def heal(self):
        self.healed = True

@pytest.mark.drill("desk-recovers", severity="critical", recover_within="5s")
def test_recovers(drill, run):
    """A desk recovers."""
    run()
    drill.steady("desk.agrees")
    with drill.inject(Fault()):
        pass
    drill.recovers("desk.agrees")

@pytest.mark.drill("desk-fails", severity="normal")
def test_fails(drill):
    """A desk fails."""
    drill.holds("desk.differs")

@pytest.mark.drill("desk-doubts", severity="normal")
def test_doubts(drill):
    """A desk doubts."""
    drill.holds("desk.doubts")
'''


class Answer(BaseHTTPRequestHandler):
    """Answers every GET with the server's content, as a text file collector or a Pushgateway would."""

    def do_GET(self) -> None:
        content = self.server.content
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Pages(ThreadingHTTPServer):
    """One page on loopback."""

    def __init__(self, content: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = content
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"


@dataclass
class Desk:
    """A lab in ``root``; every process that it starts is ended by ``end``."""

    root: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root.mkdir()
        (self.root / "opslab.toml").write_text("")
        self.environ = {name: value for name, value in os.environ.items() if not name.startswith("TRADINGCHASSIS_")}
        self.environ.pop("PYTEST_ADDOPTS", None)

    def start(self, *words: object, output: int | None = subprocess.PIPE) -> subprocess.Popen[str]:
        command = [sys.executable, *map(str, words)]
        process = subprocess.Popen(
            command, cwd=self.root, env=self.environ, stdout=output, stderr=subprocess.STDOUT, text=True
        )
        self.started.append(process)
        return process

    def tc(self, *words: object) -> subprocess.Popen[str]:
        return self.start("-c", TC, *words)

    def done(self, *words: object, code: int = 0) -> None:
        self.ends(self.tc(*words), code)

    def ends(self, process: subprocess.Popen[str], code: int = 0) -> None:
        told, _ = process.communicate(timeout=60)
        assert process.returncode == code, told

    def spec(self, run_id: str, mode: str = "backtest", seconds: int = 60, *, is_guarded: bool = False) -> Path:
        path = self.root / f"{run_id}.yaml"
        text = SPEC.format(run_id=run_id, mode=mode, limits=f", {LIMITS}" if is_guarded else "")
        more = GUARDED if is_guarded else ""
        path.write_text(text + (PAPER.format(seconds=seconds, more=more) if mode == "paper" else ""))
        return path

    def trade_as_another(self, run_id: str) -> None:
        """Place an order in a paper run's account behind the back of its node, as another program with its keys."""
        lab = find_lab(self.root, {}, [self.root])

        def account() -> Account | None:
            try:
                return account_of(lab, run_id, self.environ)
            except OpsLabError:
                return None  # it is still starting

        found = until(account, 30, lambda: f"{run_id} has no venue")
        asked = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010"}
        asked |= {"price": "30000.0", "timestamp": str(time.time_ns() // 1_000_000)}
        query = urlencode(asked)
        signature = hmac.new(found.api_secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = f"{found.http}/fapi/v1/order?{query}&signature={signature}"
        with urlopen(Request(url, method="POST", headers={"X-MBX-APIKEY": found.api_key})) as answer:
            assert json.load(answer)["status"] == "NEW"

    def reconcile(self, run_id: str, name: str, code: int) -> None:
        files = []
        for kind in ("expected_match", name):
            path = self.root / f"{run_id}-{kind}.json"
            path.write_text(json.dumps(json.loads((FIXTURES / f"{kind}.json").read_text()) | {"run_id": run_id}))
            files.append(path)
        words = ("--run-id", run_id, "--expected", files[0], "--observed", files[1])
        self.done("reconcile", "check", *words, code=code)

    def session(self) -> bytes:
        """Return what the one session of drills tells."""
        (path,) = (self.root / "artifacts" / "sessions").glob("*/metrics.prom")
        return path.read_bytes()

    def kill(self, process: subprocess.Popen[str]) -> None:
        process.send_signal(signal.SIGKILL)
        process.wait(10)

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
                process.wait(10)
            if process.stdout is not None:
                process.stdout.close()


def make(desk: Desk) -> subprocess.Popen[str]:
    """Make the lab, and return the paper run that still lives."""
    desk.done("data", "prepare", "--dataset", "btcusdt-sample")
    (desk.root / "test_desk.py").write_text(DRILLS)
    living = desk.tc("run", "paper", "--spec", desk.spec("desk-lives", "paper"))
    pulled = desk.tc("run", "paper", "--spec", desk.spec("desk-pulled", "paper", seconds=9, is_guarded=True))
    drills = desk.start("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", "test_desk.py")
    paper, backtest = desk.spec("desk-paper", "paper", seconds=2), desk.spec("desk-backtest")
    short = desk.tc("run", "paper", "--spec", paper)
    desk.done("run", "backtest", "--spec", backtest)
    desk.reconcile("desk-backtest", "observed_position_mismatch", 1)
    desk.trade_as_another("desk-pulled")
    desk.ends(short)
    desk.reconcile("desk-paper", "observed_stale_warning", 0)
    page = Pages(b"")
    desk.done("kill", "activate", "--run-id", "desk-blocked", "--reason", "rehearsed")
    side_by_side = [
        desk.tc("connectivity", "readiness", "--spec", backtest),
        desk.tc("connectivity", "probe", "--spec", backtest, "--url", f"http://{page.address}/"),
        desk.tc("evidence", "compare", "--backtest-run-id", "desk-backtest", "--paper-run-id", "desk-paper"),
        desk.tc("run", "paper", "--spec", desk.spec("desk-blocked", "paper")),
        desk.tc("kill", "activate", "--run-id", "desk-lives", "--reason", "rehearsed"),
    ]
    for process in side_by_side:
        desk.ends(process)
    page.shutdown()
    page.server_close()
    desk.ends(drills, 1)
    desk.ends(pulled)
    broken = desk.root / "artifacts" / "runs" / "broken"
    broken.mkdir()
    (broken / "metadata.json").write_text("{")
    return living
