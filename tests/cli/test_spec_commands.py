"""``tc spec``: one line naming the run, or one clear line and exit code 1."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opslab.contract.schemas import render

SCENARIOS = Path(__file__).parents[2] / "scenarios" / "runs"
GOOD = (SCENARIOS / "btcusdt_backtest.run.yaml").read_bytes()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("btcusdt_backtest.run.yaml", "run_id=2026-05-20-btcusdt-backtest-001 mode=backtest engine=nautilus"),
        ("btcusdt_paper.yaml", "run_id=2026-05-20-btcusdt-paper-001 mode=paper engine=nautilus"),
        ("two_instruments.run.yaml", "run_id=two-instruments mode=backtest engine=nautilus"),
    ],
)
def test_a_valid_spec_is_one_line(command, written, name, line):
    told = command("spec", "validate", "--spec", SCENARIOS / name)
    assert (told.code, told.err) == (0, [])
    assert told.out == [f"valid run spec: {line}"]
    assert written() == ["opslab.toml"]


BAD = [
    pytest.param(None, "", "No such file", id="missing"),
    pytest.param(b"", "", "is empty", id="empty"),
    pytest.param(b"\x7fELF\x00\x01\xff", ":1", "UTF-8", id="binary"),
    pytest.param(GOOD + b"a: [", ":2", "not valid YAML", id="invalid"),
    pytest.param(GOOD + b"mode: paper\n", ":20", "given twice", id="twice"),
    pytest.param(GOOD + b"sed: 1\n", ":20", "did you mean 'seed'?", id="unknown-key"),
    pytest.param(b"#" * 10_000_000, "", "larger than", id="10-MB"),
    pytest.param(GOOD.replace(b"run_id: 2026", b"run_id: ../2026"), ":3", "not a safe name", id="traversal"),
    pytest.param(
        GOOD.replace(b"ops_smoke_demo", b"ops_smoke_dem"), ":9", "did you mean 'ops_smoke_demo'?", id="strategy"
    ),
    pytest.param(GOOD.replace(b"venue: binance", b"venue: binanse"), ":6", "did you mean 'binance'?", id="venue"),
    pytest.param(GOOD.replace(b"BTCUSDT", b"BTCUSD"), ":7", "unknown instrument 'BTCUSD'", id="instrument"),
    pytest.param(GOOD.replace(b"BTCUSDT", b'"a\\nb\\u2028c"'), ":7", "unknown instrument", id="newline"),
]


@pytest.mark.parametrize("words", [("spec", "validate"), ("run", "init"), ("run", "backtest")], ids=" ".join)
@pytest.mark.parametrize(("content", "line", "what"), BAD)
def test_a_bad_spec_is_one_line_and_nothing_is_written(command, written, tmp_path, words, content, line, what):
    path = tmp_path / "my.yaml"
    if content is not None:
        path.write_bytes(content)
    told = command(*words, "--spec", path)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert told.err[0].startswith(f"error: {path}{line}")
    assert what in told.err[0]
    assert written() == ["opslab.toml"]


def test_a_directory_is_no_spec(command, place):
    told = command("spec", "validate", "--spec", place)
    assert told.err == [f"error: {place}: is a directory; name a run spec file"]


def test_the_schema_is_the_committed_one(command, place):
    told = command("spec", "schema")
    assert (told.code, told.err) == (0, [])
    printed = json.loads("\n".join(told.out))
    committed = json.loads(render()["run_spec.schema.json"])
    assert printed == committed
