"""What ``tc metrics`` costs: scrapes of many runs again and again, the first answer, memory, and a long journal."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.ratio import Ratio, ratio
from opslab.report.metrics.exporter import Exporter
from opslab.report.metrics.server import MetricsServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVE = "from opslab.cli.metrics import app; app()"
IMPORTS = "import prometheus_client, pydantic"
MEMORY_MB = 100
CORE = {"mode": "backtest", "engine": "nautilus", "venue": "binance", "instrument": "BTCUSDT"}
STAMP = "2026-01-01T00:00:{:02d}.000001Z"
EVENTS = ("run_started", "backtest_started", "backtest_completed", "run_completed")
SEALED = ("events.jsonl", "journal.jsonl", "metadata.json", "metrics.json", "report.md", "run_spec.yaml", "views.jsonl")


def measure(quick: bool) -> list[Ratio]:  # noqa: FBT001 - the one switch of every benchmark
    """Return the ratios of times, and of memory to what is allowed."""
    rounds = 5 if quick else 15
    with tempfile.TemporaryDirectory() as directory:
        small, large, one = (Path(directory, name) for name in ("small", "large", "one"))
        for place, count in ((small, 1000), (large, 4000), (one, 1)):
            for number in range(count):
                _write_run(place / f"btcusdt-round-trip-20260101t000000z-0000-main-{number}")
        time.sleep(0.1)  # what was written just now is read twice, to be safe
        scrapes = [_scrapes(small) for _ in range(rounds)]
        first = [row[0] for row in scrapes]
        per_run = [_scrapes(large)[0] / 4 for _ in range(rounds)]
        return [
            ratio("second scrape of 1,000 runs / first", [row[1] for row in scrapes], first, 0.05, "ms"),
            ratio("tenth scrape of 1,000 runs / first", [row[-1] for row in scrapes], first, 0.05, "ms"),
            ratio("first scrape, a run of 4,000 / a run of 1,000", per_run, first, 1.5, "ms"),
            *_first_answer(one, rounds),
            _memory(small),
            _journal(one),
        ]


def _write_run(path: Path, events: int = 0) -> None:
    path.mkdir(parents=True, exist_ok=True)
    head = {"schema_version": "v1", "run_id": path.name, "status": "completed", **CORE}
    times = {f"{name}_at_utc": STAMP.format(place) for place, name in enumerate(("created", "started", "completed"))}
    names = {"scenario_name": "ops_round_trip", "scenario_version": "0.1.0", "dataset": "btcusdt-sample"}
    counts = dict.fromkeys(("input_candles_count", "bars_processed", "bars_seen", "engine_duration_ms"), 20)
    flags = {"engine_executed": True, "strategy_registered": True, "deterministic_action_triggered": True}
    metrics = {**head, **names, **counts, **flags, "orders_submitted": 8, "fills_count": 4}
    (path / "metadata.json").write_text(json.dumps({**head, **times, "is_placeholder": False}, indent=2))
    (path / "metrics.json").write_text(json.dumps(metrics, indent=2))
    chain = {"config_sha256": "0" * 64, "prev_sha256": "0" * 64, "artifacts_dir": str(path), **head}
    lines = [json.dumps({"event": name, **chain}) + "\n" for name in EVENTS]
    (path / "journal.jsonl").write_text("".join(lines) + lines[1] * events)
    sealed = [{"path": name, "sha256": "0" * 64, "size_bytes": 0} for name in SEALED]
    digests = {"schema_version": "v1", "created_at_utc": STAMP.format(3), "content_sha256": "0" * 64, "files": sealed}
    end = {"lines": len(EVENTS) + events, "head_sha256": "0" * 64}
    (path / "manifest.json").write_text(json.dumps({"run_id": path.name, **digests, "journal": end}, indent=2))


def _scrapes(runs: Path, count: int = 10) -> list[float]:
    """Return the seconds of each of ``count`` scrapes over HTTP, of a server that has seen nothing yet."""
    exporter = Exporter(runs, runs / "no evidence", only=None, tell=_fail)
    with MetricsServer("127.0.0.1", 0, exporter.scrape) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            return [_scrape(server.url) for _ in range(count)]
        finally:
            server.shutdown()


def _scrape(url: str) -> float:
    """Return the CPU seconds of one scrape in this process, client and server together."""
    begun = time.process_time()
    with urllib.request.urlopen(url) as answer:
        assert answer.read().startswith(b"# HELP")
    return time.process_time() - begun


def _fail(line: str) -> None:
    raise AssertionError(line)


def _first_answer(runs: Path, rounds: int) -> list[Ratio]:
    answers, imports = [], []
    for _ in range(rounds + 1):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-c", IMPORTS], check=True)
        imports.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        with _serving(runs) as (_, url):
            _scrape(url)
            answers.append(time.perf_counter() - begun)
    return [ratio(f"first answer of serve / python -c '{IMPORTS}'", answers[1:], imports[1:], 3.0, "ms")]


@contextlib.contextmanager
def _serving(runs: Path) -> Iterator[tuple[int, str]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", SERVE, "serve", "--artifacts-root", str(runs), "--port", str(port)]
    with subprocess.Popen([*command, "--evidence-root", str(runs)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.pid, process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def _memory(runs: Path) -> Ratio:
    with _serving(runs) as (pid, url):
        for _ in range(5):
            _scrape(url)
        status = Path(f"/proc/{pid}/status").read_text()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) / 1024
    return Ratio(
        f"memory of serve, 1,000 runs / {MEMORY_MB} MB", peak / MEMORY_MB, 1.0, f"{peak:.0f} MB at most, 5 scrapes"
    )


def _journal(runs: Path) -> Ratio:
    """Compare the peak memory of exports of runs whose journals differ a hundredfold in length."""
    peaks = []
    for events in (1_000, 100_000):
        _write_run(runs / "long", events)
        command = [sys.executable, "-c", SERVE, "export", "--run-id", "long", "--artifacts-root", str(runs)]
        look = f"import resource,subprocess;subprocess.run({command!r},check=True,stdout=-3);"
        look += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", look], check=True, capture_output=True, text=True)
        peaks.append(int(done.stdout) / 1024)
    detail = f"{peaks[1]:.1f} MB over {peaks[0]:.1f} MB"
    return Ratio("memory of export, 100,000 events / 1,000", peaks[1] / peaks[0], 1.15, detail)
