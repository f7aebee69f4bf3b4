"""``tc metrics``: exact lines, exit codes, and errors that are one clear line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tracemalloc
import urllib.request
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from opslab.cli.metrics import app
from opslab.errors import OpsLabError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from click.testing import Result

PREFIX = "tradingchassis_ops_lab_"
CONSOLE = "from opslab.cli.main import main; main()"
EVENTS = '{"event":"run_started"}\n{"event":"run_completed"}\n'


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """A directory with one run, ``r1``."""
    run = tmp_path / "runs" / "r1"
    run.mkdir(parents=True)
    (run / "metadata.json").write_text(json.dumps({"run_id": "r1", "status": "completed", "mode": "backtest"}))
    (run / "metrics.json").write_text(json.dumps({"run_id": "r1", "bars_processed": 7}))
    (run / "journal.jsonl").write_text(EVENTS)
    return run.parent


def export(runs: Path, *words: object, run_id: str = "r1") -> Result:
    return CliRunner().invoke(app, ["export", "--run-id", run_id, "--artifacts-root", str(runs), *map(str, words)])


def error_of(result: Result) -> str:
    assert isinstance(result.exception, OpsLabError), (result.output, result.exception)
    assert str(result.exception).isprintable()
    assert result.stdout == ""
    return str(result.exception)


def names(text: str) -> set[str]:
    return {
        sample.name.removeprefix(PREFIX) for family in text_string_to_metric_families(text) for sample in family.samples
    }


def test_export_prints_the_runs_metrics(runs):
    result = export(runs)
    assert result.exit_code == 0
    assert {"run_info", "run_status", "backtest_bars_processed_total", "journal_events_total"} <= names(result.stdout)
    assert not {"runs", "scan_duration_seconds"} & names(result.stdout)


def test_export_leaves_the_journal_out_when_asked(runs):
    (runs / "r1" / "journal.jsonl").write_text("broken\n")
    result = export(runs, "--no-include-journal")
    assert result.exit_code == 0
    assert not {"journal_events_total", "journal_event_total"} & names(result.stdout)


def test_export_to_a_file_makes_its_parents_and_says_one_line(runs, tmp_path):
    target = tmp_path / "new" / "deep" / "metrics.prom"
    result = export(runs, "--output", target)
    assert (result.exit_code, result.stdout) == (0, f"metrics written to {target}\n")
    assert target.read_text() == export(runs).stdout
    assert [path.name for path in target.parent.iterdir()] == ["metrics.prom"]


def test_export_replaces_a_file_only_by_a_whole_one(runs, tmp_path):
    target = tmp_path / "metrics.prom"
    target.write_text("before")
    (runs / "r1" / "metadata.json").write_text("{")
    error_of(export(runs, "--output", target))
    assert target.read_text() == "before"


@pytest.mark.parametrize("place", ["file/metrics.prom", ".", "link"])
def test_an_output_that_cannot_be_written_is_one_line(runs, tmp_path, place):
    (tmp_path / "file").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert str(tmp_path) in error_of(export(runs, "--output", tmp_path / place))
    assert (tmp_path / "file").read_text() == ""


@pytest.mark.parametrize("run_id", ["other", "../runs/r1", "", "a/b", "r1\n", "."])
def test_a_run_that_is_not_there_is_one_line(runs, run_id):
    error_of(export(runs, run_id=run_id))


def test_a_run_that_is_a_symlink_is_refused(runs):
    (runs / "r2").symlink_to(runs / "r1")
    assert "symlink" in error_of(export(runs, run_id="r2"))


@pytest.mark.parametrize("file", ["metadata.json", "metrics.json"])
def test_a_missing_file_is_named(runs, file):
    (runs / "r1" / file).unlink()
    assert f"{runs / 'r1' / file}: is missing" in error_of(export(runs))


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"run_id": 5}', '{"run_id": "other", "status": "x"}', '{"event": 5}', "\x00", "NaN"]
)
@pytest.mark.parametrize(
    "file", ["metadata.json", "metrics.json", "journal.jsonl", "reconciliation_result.json", "connectivity_probe.json"]
)
def test_a_malformed_file_is_named(runs, file, content):
    if file == "journal.jsonl":
        content += "\n"
        if "other" in content:
            content = "{}\n"
    elif content == '{"event": 5}':
        content = '{"run_id": "r1", "status": 5, "schema_version": "v9"}'
    (runs / "r1" / file).write_text(content)
    assert str(runs / "r1" / file) in error_of(export(runs))


@pytest.mark.parametrize("size", [0, 5, len(EVENTS) - 1, 1 << 28], ids=["empty", "5", "cut", "256 MB of NULs"])
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_journal_that_is_not_whole_is_one_line_and_takes_little_memory(runs, size, is_sealed):
    if is_sealed:
        (runs / "r1" / "manifest.json").write_text(json.dumps({"run_id": "r1", "journal": {"lines": 2}}))
    assert export(runs).exit_code == 0
    os.truncate(runs / "r1" / "journal.jsonl", size)
    tracemalloc.start()
    told = error_of(export(runs))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(runs / "r1" / "journal.jsonl") in told
    assert peak < 16 << 20
    assert export(runs, "--no-include-journal").exit_code == 0


def test_a_sealed_journal_that_lost_whole_lines_is_one_line(runs):
    (runs / "r1" / "manifest.json").write_text(json.dumps({"run_id": "r1", "journal": {"lines": 3}}))
    assert "has 2 whole lines, 3 were sealed" in error_of(export(runs))


def test_a_malformed_report_of_a_drill_is_passed_over_with_a_comment(runs):
    (runs / "r1" / "drills").mkdir()
    (runs / "r1" / "drills" / "good.json").write_text('{"drill_name": "d", "pass": true}')
    (runs / "r1" / "drills" / "bad.json").write_text("{")
    result = export(runs)
    assert result.exit_code == 0
    assert "failure_drill_last_pass" in names(result.stdout)
    assert sum(line.startswith("# skipped drills/bad.json: ") for line in result.stdout.splitlines()) == 1


def test_a_directory_of_runs_that_is_not_there_is_one_line(tmp_path):
    assert "there is no run 'r1'" in error_of(export(tmp_path / "none"))


def test_export_of_a_long_journal_takes_constant_memory(runs):
    line = '{"event":"bar_seen","padding":"' + "x" * 200 + '"}\n'
    peaks = []
    for count in (10_000, 100_000):
        (runs / "r1" / "journal.jsonl").write_text(line * count)
        tracemalloc.start()
        assert "journal_events_total{" in export(runs).stdout
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 8 << 20
    assert peaks[1] < 1.5 * peaks[0]


@pytest.mark.parametrize(
    "words",
    [(), ("export",), ("serve", "--port", "-1"), ("serve", "--port", "65536"), ("serve", "--port", "x"), ("bogus",)],
)
def test_wrong_usage_is_exit_code_2(words):
    assert CliRunner().invoke(app, list(words)).exit_code == 2


def test_a_filter_that_is_no_run_id_is_one_line(runs):
    result = CliRunner().invoke(app, ["serve", "--artifacts-root", str(runs), "--run-id", "../x"])
    assert "not a safe name" in error_of(result)


@contextlib.contextmanager
def started(*words: object, root: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    named = ["--root", str(root)] if root else []
    command = [sys.executable, "-c", CONSOLE, *named, "metrics", "serve", *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_where_answers_and_ends_cleanly(runs, port, stop):
    with started("--artifacts-root", runs, "--port", port) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"serving http://127.0.0.1:{port}/metrics\n"
        assert "run_info" in names(get(f"http://127.0.0.1:{port}/metrics"))
        process.send_signal(stop)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_serve_shows_the_global_switch_of_the_lab_and_export_does_not(runs, port, tmp_path):
    lab = tmp_path / "lab"
    lab.mkdir()
    words = ["kill", "activate", "--all", "--reason", "drill", "--actor", "tester"]
    subprocess.run([sys.executable, "-c", CONSOLE, "--root", lab, *words], check=True, capture_output=True, timeout=60)
    with started("--artifacts-root", runs, "--port", port, root=lab) as process:
        assert process.stdout is not None
        process.stdout.readline()
        text = get(f"http://127.0.0.1:{port}/metrics")
    assert f'{PREFIX}kill_switch_global_state{{state="active"}} 2\n' in text
    assert "kill_switch_global_state" not in export(runs).stdout


def test_serve_names_what_it_cannot_read_and_shows_the_evidence(runs, port, tmp_path):
    (runs / "r1" / "metrics.json").write_text("{")
    pair = tmp_path / "evidence" / "a__b"
    pair.mkdir(parents=True)
    (pair / "backtest_vs_paper_evidence.json").write_text('{"comparison_status": "missing_artifacts"}')
    with started("--artifacts-root", runs, "--port", port, "--evidence-root", pair.parent) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert "evidence_backtest_vs_paper_status" in names(get(f"http://127.0.0.1:{port}/metrics"))
        process.terminate()
        _, err = process.communicate(timeout=20)
    assert err.startswith("skipped r1/metrics.json: ")
    assert err.count("\n") == 1


def test_a_port_in_use_is_one_line_and_exit_code_1(runs):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with started("--artifacts-root", runs, "--port", port) as process:
            out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "")
    fix = "choose another --port or --host; --port 0 takes a free one, and the command says which"
    assert err == f"error: 127.0.0.1:{port}: cannot listen: Address already in use; {fix}\n"


def test_the_default_roots_are_the_labs(runs, port, tmp_path):
    lab = tmp_path / "lab"
    (lab / "artifacts").mkdir(parents=True)
    (lab / "opslab.toml").write_text("")
    runs.rename(lab / "artifacts" / "runs")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("TRADINGCHASSIS_")}
    command = [sys.executable, "-c", CONSOLE, "metrics", "export", "--run-id", "r1"]
    done = subprocess.run(command, cwd=lab, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "run_info" in names(done.stdout)


def test_neither_command_loads_what_is_heavy(runs):
    look = (
        "import sys\nfrom pathlib import Path\nimport opslab.cli.metrics\n"
        "light = set(sys.modules)\n"
        "import opslab.report.metrics.exporter, opslab.report.metrics.server, opslab.report.metrics.global_switch\n"
        f"assert opslab.report.metrics.exporter.export_run(Path({str(runs)!r}), 'r1')\n"
        "print(sorted({'pydantic', 'pandas', 'numpy', 'pyarrow', 'nautilus_trader', 'prometheus_client', 'yaml'} & set(sys.modules)))\n"
        "print(sorted({'msgspec', 'http.server'} & light))"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n[]\n"
