"""With ``--json`` standard output holds one document, whatever user code, the engine's logger or a child prints."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from opslab.data.prepare import prepare
from opslab.root import find_lab
from opslab.runs.finish import problems_of
from opslab.store.reader import Bundle

TC = (sys.executable, "-c", "from opslab.cli.main import main; main()")
MODULE = """
import atexit, contextlib, os, subprocess

from nautilus_trader.common.component import Logger, init_logging
from nautilus_trader.model.data import BarType
from nautilus_trader.trading.strategy import Strategy

print("printed at import")
atexit.register(print, "printed at exit")


def logged():
    global guard
    guard = init_logging()
    Logger("mine").info("logged by the engine")


class Prints(Strategy):
    def __init__(self, context):
        super().__init__()
        self.bar_type = BarType.from_str(context.bar_types[0])

    def on_start(self):
        self.subscribe_bars(self.bar_type)
        print("printed on start", flush=True)
        subprocess.run(["echo", "printed by a child"], check=False)
        with contextlib.suppress(OSError):
            os.write(1, b"written to descriptor 1\\n")

    def on_bar(self, bar):
        print("printed on a bar" * 100)


def node():
    from nautilus_trader.live.config import TradingNodeConfig

    print("printed in the function")
    logged()
    return TradingNodeConfig()
"""
SPEC = """\
spec_version: v1
engine: nautilus
venue: binance
run_id: {run_id}
mode: {mode}
instrument: BTCUSDT
strategy: {{name: prints, version: 0.1.0}}
data: {{dataset: btcusdt-sample}}
risk: {{profile: tiny}}
{execution}observability: {{journal: true, metrics: true, report: true}}
"""
PAPER = "execution: {market: futures, pace: 600, max_bars: 4, max_seconds: 20}\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A lab, and beside it a package whose strategy and node function print."""
    root = tmp_path_factory.mktemp("alone")
    package = root / "package" / "printing-1.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: printing\nVersion: 1\n")
    (package / "entry_points.txt").write_text("[opslab.strategies]\nprints=printing_module:Prints\n")
    (root / "package" / "printing_module.py").write_text(MODULE)
    (root / "opslab.toml").touch()
    prepare(find_lab(root, {}, [root]), "btcusdt-sample")
    return root


def words_of(home, run_id, mode):
    spec = home / f"{run_id}.yaml"
    spec.write_text(SPEC.format(run_id=run_id, mode=mode, execution=PAPER if mode == "paper" else ""))
    return ("run", mode, "--spec", str(spec))


def environment(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRADINGCHASSIS_")}
    return kept | {"PYTHONPATH": str(home / "package")}


def told(home, *words, shell='exec "$@"'):
    return subprocess.run(
        ["sh", "-c", shell, "sh", *TC, *words],
        cwd=home,
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


@pytest.mark.parametrize("mode", ["backtest", "paper"])
def test_what_a_strategy_prints_goes_to_standard_error(home, mode):
    done = told(home, *words_of(home, mode, mode), "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (0, "completed"), done.stderr
    for line in ("at import", "on start", "by a child", "on a bar", "at exit"):
        assert f"printed {line}" in done.stderr
    assert "written to descriptor 1" in done.stderr


def test_what_a_node_function_prints_and_the_engine_logs_goes_to_standard_error(home):
    done = told(home, "lint", "--node", "printing_module:node", "--json")
    assert (done.returncode, json.loads(done.stdout)["node"]) == (0, "printing_module:node"), done.stderr
    for line in ("printed at import", "printed in the function", "logged by the engine", "printed at exit"):
        assert line in done.stderr


def test_without_json_a_strategy_prints_where_it_always_did(home):
    done = told(home, *words_of(home, "plain", "backtest"))
    assert done.returncode == 0
    assert "printed on a bar" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("run_id", "as_json", "shell"),
    [
        ("left-json", ("--json",), '("$@"; echo $? >code) | true'),
        ("left-text", (), '("$@"; echo $? >code) | head -n 1'),
        ("left-at-once", (), '("$@"; echo $? >code) | true'),
        ("no-errors", ("--json",), '"$@" 2>&-; echo $? >code'),
    ],
)
def test_a_reader_who_leaves_fails_no_run(home, run_id, as_json, shell):
    done = told(home, *words_of(home, run_id, "backtest"), *as_json, shell=shell)
    bundle = Bundle(home / "artifacts" / "runs" / run_id)
    assert (bundle.metadata.status, problems_of(bundle)) == ("completed", [])
    assert (home / "code").read_text() == "0\n"
    assert "error" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_full_disk_behind_the_output_fails_the_command_and_not_the_run(home, as_json):
    run_id = f"full-{len(as_json)}"
    done = told(home, *words_of(home, run_id, "backtest"), *as_json, shell='exec "$@" >/dev/full')
    assert done.returncode == 1
    assert "error: standard output cannot be written: No space left on device" in done.stderr
    assert Bundle(home / "artifacts" / "runs" / run_id).metadata.status == "completed"
