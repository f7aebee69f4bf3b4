"""What the tests of the monitoring stack share: the generated boards, and every query that they and the rules ask."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[2]
STACK = REPOSITORY / "dashboards"
PROMETHEUS = STACK / "prometheus"


class Query(NamedTuple):
    """A query, and where it stands."""

    where: str
    expr: str

    @property
    def of_any_run(self) -> str:
        return self.expr.replace('run_id="$run_id"', 'run_id=~".+"')


def boards() -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((STACK / "grafana").glob("*.json"))}


def rules() -> dict[str, dict]:
    groups = [yaml.safe_load(path.read_text())["groups"] for path in sorted((PROMETHEUS / "rules").glob("*.yml"))]
    found = [rule for file in groups for group in file for rule in group["rules"]]
    named = {rule.get("alert") or rule["record"]: rule for rule in found}
    assert len(named) == len(found)
    return named


def queries() -> list[Query]:
    """Every query there is: of panels, variables, recording rules and alerts."""
    found = [
        Query(f"{name}/{panel['title']}/{number}", target["expr"])
        for name, board in boards().items()
        for panel in board["panels"]
        for number, target in enumerate(panel["targets"])
    ]
    return found + [Query(name, rule["expr"]) for name, rule in rules().items()]


def metrics_in(expr: str) -> set[str]:
    """The lab's own metrics that a query names."""
    bare = re.sub(r'"[^"]*"', '""', expr)
    return set(re.findall(r"tradingchassis_ops_lab[a-z_:]+", bare))


@pytest.fixture(scope="session")
def stack() -> Path:
    return STACK


@pytest.fixture(scope="session")
def writer() -> Iterator[ModuleType]:
    """The program that writes the boards."""
    pytest.importorskip("grafana_foundation_sdk", reason="the boards are made with it; it is in the group dev")
    sys.path.insert(0, str(STACK))
    try:
        yield importlib.import_module("write_boards")
    finally:
        sys.path.remove(str(STACK))
