"""Every command has ``--json``: one document on stdout and nothing else, errors on stderr."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
import typer

from opslab.cli.main import app
from opslab.samples.generator import sample_csv

REPOSITORY = Path(__file__).parents[2]
SPEC = REPOSITORY / "scenarios/runs/btcusdt_backtest.run.yaml"
RUN = "2026-05-20-btcusdt-backtest-001"
PAPER = "2026-05-20-btcusdt-paper-001"
"""Blocked by its kill switch, it is over at once."""
ELSEWHERE = {
    "drill stale-market-data",
    "drill reconciliation-mismatch",
    "drill restart-recovery",
    "kill flatten",
    "lint",
    "metrics serve",
    "reconcile views",
    "run page",
    "venue serve",
}
"""What needs more than a backtest; each has a test of its own with --json, here or in its module."""


def leaves(command, words=()):
    children = getattr(command, "commands", {})
    if not children:
        yield " ".join(words), command
    for name, child in children.items():
        yield from leaves(child, (*words, name))


COMMANDS = dict(leaves(typer.main.get_command(app)))
ASKED: dict[str, list[tuple[object, ...]]] = {
    "new": [("../mine",)],
    "spec validate": [("--spec", SPEC)],
    "spec schema": [()],
    "data prepare": [("--dataset", "btcusdt-sample")],
    "data import": [
        (
            "--source",
            "candles.csv",
            "--dataset",
            "own",
            "--interval",
            "1m",
            "--instrument",
            "BTCUSDT",
            "--stamp",
            "open",
        )
    ],
    "data fingerprint": [("--dataset", "btcusdt-sample")],
    "data check": [("--dataset", "btcusdt-sample")],
    "data list": [()],
    "run init": [("--spec", "init.yaml")],
    "run backtest": [("--spec", SPEC)],
    "run list": [(), ("--all",)],
    "run show": [("--run-id", RUN)],
    "run verify": [("--run-id", RUN)],
    "run recover": [(), ("--run-id", RUN)],
    "run prune": [()],
    "connectivity readiness": [("--spec", SPEC)],
    "connectivity probe": [("--spec", SPEC, "--url", "http://127.0.0.1:9/", "--timeout-ms", "200")],
    "metrics export": [("--run-id", RUN), ("--run-id", RUN, "--output", "metrics.prom")],
    "kill activate": [
        ("--run-id", RUN, "--reason", "a\nb"),
        ("--all", "--reason", "r"),
        ("--run-id", PAPER, "--reason", "r"),
    ],
    "kill status": [("--run-id", RUN), ("--all",)],
    "kill clear": [("--all", "--reason", "r"), ("--run-id", RUN, "--reason", "r")],
    "run paper": [("--spec", "paper.yaml")],
    "evidence compare": [("--backtest-run-id", RUN, "--paper-run-id", PAPER)],
    "reconcile check": [("--run-id", RUN, "--expected", "files.json", "--observed", "files.json")],
    "runbook": [(), ("OPS-NO-CHECK",), ("docs/runbooks/user-stream.md",)],
    "version": [()],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_json(name):
    has = any("--json" in option.opts for option in COMMANDS[name].params)
    assert has


def test_every_command_is_asked_here_or_elsewhere():
    assert set(COMMANDS) == set(ASKED) | ELSEWHERE
    assert not set(ASKED) & ELSEWHERE


def test_each_prints_one_document_and_nothing_else(command, place):
    """In the order of a first session; each finds what those before it left."""
    (place / "candles.csv").write_text("".join(sample_csv("btcusdt-sample").splitlines(keepends=True)[:40]))
    (place / "init.yaml").write_text(SPEC.read_text().replace(RUN, "only-initialized"))
    (place / "paper.yaml").write_text((SPEC.parent / "btcusdt_paper.yaml").read_text())
    files = json.loads((REPOSITORY / "fixtures/reconciliation/expected_match.json").read_text())
    (place / "files.json").write_text(json.dumps(files | {"run_id": RUN}))
    for name, calls in ASKED.items():
        for words in calls:
            told = command(*name.split(), *words, "--json")
            assert told.code == 0, (name, told.err)
            document = json.loads("\n".join(told.out))
            assert document or name == "run list", name


@pytest.mark.parametrize(
    "words",
    [
        ("run", "show", "--run-id", "nope"),
        ("run", "init", "--spec", "nope.yaml"),
        ("run", "page"),
        ("data", "prepare", "--dataset", "nope"),
        ("data", "check", "--dataset", "nope"),
        ("metrics", "export", "--run-id", "nope"),
        ("runbook", "OPS-NOT-THERE"),
        ("runbook", "../index"),
        ("runbook", "x" * 5000),
        ("kill", "flatten", "--run-id", "nope"),
    ],
)
def test_an_error_leaves_stdout_empty(command, place, words):
    told = command(*words, "--json")
    assert told.code == 1
    assert told.out == []
    assert len(told.err) == 1
    assert told.err[0].startswith("error: ")


def test_a_broken_bundle_is_one_document_and_an_error(command, place):
    command("data", "prepare", "--dataset", "btcusdt-sample")
    assert command("run", "backtest", "--spec", SPEC).code == 0
    (place / "artifacts/runs" / RUN / "metrics.json").write_text("{}")
    told = command("run", "verify", "--run-id", RUN, "--json")
    assert told.code == 1
    assert json.loads("\n".join(told.out))["verified"] is False


def test_a_comparison_names_its_files_beside_what_it_found(command, place):
    (place / "paper.yaml").write_text((SPEC.parent / "btcusdt_paper.yaml").read_text())
    command("data", "prepare", "--dataset", "btcusdt-sample")
    command("kill", "activate", "--run-id", PAPER, "--reason", "r")
    command("run", "backtest", "--spec", SPEC)
    command("run", "paper", "--spec", "paper.yaml")
    words = ("evidence", "compare", "--backtest-run-id", RUN, "--paper-run-id", PAPER)
    document = json.loads("\n".join(command(*words, "--json").out))
    files = {name: document.pop(name) for name in ("evidence_dir", "json", "report")}
    assert document == json.loads(Path(files["json"]).read_text())
    assert [f"{name}={path}" for name, path in files.items()] == command(*words).out[1:]


def test_recover_of_a_run_that_is_not_there_is_one_error(command, place):
    told = command("run", "recover", "--run-id", "nope", "--json")
    assert (told.code, told.out, len(told.err)) == (1, [], 1)


TC = (sys.executable, "-c", "from opslab.cli.main import main; main()")


def test_a_server_says_at_once_where_it_is(place):
    words = [*TC, "metrics", "serve", "--port", "0", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        url = json.loads(process.stdout.readline())["url"]
        with urllib.request.urlopen(url) as answer:
            assert b"artifacts_root_readable" in answer.read()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("words", [("metrics", "serve"), ("venue", "serve", "--market", "futures")])
def test_a_port_in_use_names_the_way_out(place, words):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        told = subprocess.run([*TC, *words, "--port", port], capture_output=True, text=True, timeout=60, check=False)
    assert (told.returncode, told.stdout) == (1, "")
    (line,) = told.stderr.splitlines()
    assert port in line
    assert "free one" in line
