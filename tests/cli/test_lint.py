"""``tc lint``: a line for each finding; 0 unless --strict; bad input is one line."""

from __future__ import annotations

import json
import sys

import pytest

NODE = """
from nautilus_trader.config import LiveExecEngineConfig, TradingNodeConfig

def config():
    return TradingNodeConfig(exec_engine=LiveExecEngineConfig(reconciliation=False))

def raises():
    raise RuntimeError("no keys here")

def wrong():
    return 7
"""


@pytest.fixture(autouse=True)
def _node(place, monkeypatch):
    (place / "linted_node.py").write_text(NODE)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    sys.modules.pop("linted_node", None)


def test_each_finding_is_a_line(command):
    told = command("lint", "--node", "linted_node:config")
    assert (told.code, told.err) == (0, [])
    assert told.out[0].startswith("LINT-RECONCILIATION-OFF exec_engine.reconciliation=False: ")
    assert told.out[-1] == f"findings={len(told.out) - 1}"


def test_strict_exits_with_one_line(command):
    told = command("lint", "--node", "linted_node:config", "--strict")
    assert (told.code, len(told.err)) == (1, 1)
    assert told.err[0].startswith("error: node linted_node:config: LINT-RECONCILIATION-OFF")


def test_json_is_one_line(command):
    told = command("lint", "--node", "linted_node:config", "--json")
    assert (told.code, told.err, len(told.out)) == (0, [], 1)
    found = json.loads(told.out[0])
    assert found["node"] == "linted_node:config"
    assert set(found["findings"][0]) == {"code", "setting", "value", "why", "fix"}


@pytest.mark.parametrize(
    ("reference", "what"),
    [
        ("linted_node", "names no function"),
        ("no_such_module:config", "cannot be imported: ModuleNotFoundError"),
        ("linted_node:nothing", "module linted_node has no nothing"),
        ("linted_node:raises", "raised RuntimeError: no keys here"),
        ("linted_node:wrong", "gives a int, not a TradingNodeConfig"),
    ],
)
def test_bad_input_is_one_line(command, reference, what):
    told = command("lint", "--node", reference)
    assert (told.code, told.out, len(told.err)) == (1, [], 1)
    assert told.err[0].startswith("error: node")
    assert what in told.err[0]
