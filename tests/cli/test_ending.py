"""A ``tc`` process ends with its command's exit code: soon, whatever a strategy left, and whatever signals come late."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from opslab.cli.ending import LEAVE_SECONDS
from opslab.data.prepare import prepare
from opslab.root import find_lab
from opslab.runs.finish import problems_of
from opslab.store.reader import Bundle

TC = (sys.executable, "-c", "from opslab.cli.main import main; main()")
IMPATIENT = """
from opslab.engine.node import session, watchdog
session.STOP_MARGIN_SECONDS = watchdog.PATIENCE_SECONDS = 0.5
from opslab.cli.main import main; main()
"""
STRATEGY = """
import atexit, concurrent.futures, subprocess, threading, time
from pathlib import Path

from nautilus_trader.model.data import BarType
from nautilus_trader.trading.strategy import Strategy


class Leaves(Strategy):
    def __init__(self, context):
        super().__init__()
        self.bar_type, self.what = BarType.from_str(context.bar_types[0]), context.params["what"]

    def on_start(self):
        self.subscribe_bars(self.bar_type)
        if self.what == "strays":
            threading.Thread(target=time.sleep, args=(100000,), name="sleeper").start()
            subprocess.Popen(["sh", "-c", "sleep 4711 & echo $! > orphan"]).wait()
        if self.what == "pool":
            self.pool = concurrent.futures.ThreadPoolExecutor(1)
            self.pool.submit(time.sleep, 100000)
        if self.what == "executor":
            self.run_in_executor(time.sleep, (100000,))
        if self.what == "handler":
            atexit.register(time.sleep, 100000)
        Path("trades").touch()
"""
ENTRY = "[opslab.strategies]\nleaves=leaving_strategy:Leaves\n"
SECONDS = 60


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lab, and beside it a package with a strategy that leaves things."""
    root = tmp_path_factory.mktemp("ending")
    package = root / "package" / "leaving_strategy-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: leaving-strategy\nVersion: 1\n")
    (package / "entry_points.txt").write_text(ENTRY)
    (root / "package" / "leaving_strategy.py").write_text(STRATEGY)
    (root / "opslab.toml").touch()
    prepare(find_lab(root, {}, [root]), "btcusdt-sample")
    return root


def started(home, run_id, what, bound="max_bars: 4, max_seconds: 20", command=TC):
    spec = home / f"{run_id}.yaml"
    spec.write_text(
        "\n".join(
            [
                "spec_version: v1",
                "engine: nautilus",
                "venue: binance",
                f"run_id: {run_id}",
                "mode: paper",
                "instrument: BTCUSDT",
                f"strategy: {{name: leaves, version: 0.1.0, params: {{what: {what}}}}}",
                "data: {dataset: btcusdt-sample}",
                "risk: {profile: tiny}",
                f"execution: {{market: futures, pace: 600, {bound}}}",
                "observability: {journal: true, metrics: true, report: true}",
            ]
        )
    )
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRADINGCHASSIS_")}
    environment["PYTHONPATH"] = str(home / "package")
    (home / "trades").unlink(missing_ok=True)
    return subprocess.Popen(
        [*command, "run", "paper", "--spec", str(spec)],
        cwd=home,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_what_a_strategy_leaves_is_named_and_ended_and_the_exit_code_is_the_runs(home):
    with started(home, "strays", "strays") as process:
        out, err = process.communicate(timeout=SECONDS)
    assert (process.returncode, "status=completed" in out) == (0, True)
    bundle = Bundle(home / "artifacts" / "runs" / "strays")
    orphan = int((home / "orphan").read_text())
    (event,) = [event for event in bundle.journal if event["event"] == "strays_found"]
    assert [row["name"] for row in event["threads"]] == ["sleeper"]
    assert event["processes"] == [{"pid": orphan, "command": "sleep", "ended_by": "SIGTERM"}]
    with pytest.raises(ProcessLookupError):
        os.kill(orphan, 0)
    (line,) = err.splitlines()
    assert line.startswith("warning: run strays left running: thread sleeper (started at ")
    assert f"leaving_strategy.py:{STRATEGY.splitlines().index(_line('Thread(')) + 1} in on_start" in line
    assert line.endswith(f"process {orphan} sleep (ended by SIGTERM)")
    assert "4711" not in err
    assert problems_of(bundle) == []


def test_signals_that_go_on_coming_end_a_run_with_1_and_its_bundle_is_whole(home):
    with started(home, "signals", "nothing", "max_seconds: 60") as process:
        until = time.monotonic() + SECONDS
        while not (home / "trades").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        while process.poll() is None:
            assert time.monotonic() < until
            process.send_signal(signal.SIGINT)
            time.sleep(0.005)
        _, err = process.communicate()
    assert process.returncode == 1
    assert err.startswith("error: run signals was stopped by Ctrl-C; it is recorded as failed, reason interrupted")
    assert len(err.splitlines()) == 1
    bundle = Bundle(home / "artifacts" / "runs" / "signals")
    assert (bundle.metadata.status, bundle.metadata.failure_reason) == ("failed", "interrupted")
    assert problems_of(bundle) == []


@pytest.mark.parametrize(
    ("what", "stream", "last", "code"),
    [("pool", "stdout", "status=", 0), ("handler", "stdout", "status=", 0), ("executor", "stderr", "error: ", 1)],
)
def test_whatever_a_strategy_leaves_the_process_ends_soon_after_its_last_word(home, what, stream, last, code):
    with started(home, what, what, command=(sys.executable, "-c", IMPATIENT)) as process:
        try:
            said = next(line for line in getattr(process, stream) if line.startswith(last))
            process.wait(LEAVE_SECONDS + 5)
        finally:
            process.kill()
    assert process.returncode == code
    if what == "executor":
        line = STRATEGY.splitlines().index(_line("run_in_executor(")) + 1
        assert "was blocked: it stands at the join of thread ThreadPoolExecutor-" in said
        assert f"leaving_strategy.py:{line} in on_start" in said


def ended(tmp_path, code):
    """Run a program that ends its process with the code 7, quickly; return its exit code and what it printed."""
    head = "import atexit, sys, threading, time\nfrom opslab.cli import ending\nending.LEAVE_SECONDS = 0.3\n"
    done = subprocess.run(
        [sys.executable, "-c", head + code], cwd=tmp_path, timeout=SECONDS, check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout


def test_a_process_whose_thread_does_not_end_ends_in_time_with_its_code(tmp_path):
    code = (
        "threading.Thread(target=time.sleep, args=(100000,)).start()\n"
        "ending.end_deaf(); ending.end_in_time(7); raise SystemExit(7)\n"
    )
    assert ended(tmp_path, code) == (7, "")


def test_what_exit_handlers_print_is_written_before_the_process_is_ended(tmp_path):
    code = "atexit.register(lambda: (print('late'), time.sleep(100000)))\nending.end_in_time(7); raise SystemExit(7)\n"
    assert ended(tmp_path, code) == (7, "late\n")


def test_a_program_that_lives_on_is_let_alone(tmp_path):
    code = (
        "ending.end_in_time(7); time.sleep(0.4)\n"
        "atexit.register(lambda: (time.sleep(1), print('done')))\nraise SystemExit(5)\n"
    )
    assert ended(tmp_path, code) == (5, "done\n")


def test_a_caller_that_is_not_the_main_module_is_let_alone(tmp_path):
    (tmp_path / "caller.py").write_text("from opslab.cli import ending\ndef call(): ending.end_in_time(7)\n")
    code = (
        "sys.path.insert(0, '.'); import caller; caller.call()\n"
        "atexit.register(lambda: (time.sleep(1), print('done')))\nraise SystemExit(5)\n"
    )
    assert ended(tmp_path, code) == (5, "done\n")


def test_of_two_calls_the_last_one_counts(tmp_path):
    code = "atexit.register(time.sleep, 100000)\nending.end_in_time(7); ending.end_in_time(8); raise SystemExit(8)\n"
    assert ended(tmp_path, code) == (8, "")


def _line(part):
    return next(line for line in STRATEGY.splitlines() if part in line)
