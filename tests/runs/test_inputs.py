"""``inputs_sha256``: everything that decides a run's result, and nothing that only names or watches it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from opslab.contract.dataset import InstrumentKind
from opslab.data.importing import import_file
from opslab.data.instruments import built_in
from opslab.engine.registry import StrategyRegistry
from opslab.errors import DataError, SpecError
from opslab.runs import plan as plan_module
from opslab.runs.plan import plan_backtest
from opslab.runs.spec_edit import edited


def strategy(_context):
    """A factory whose module is this one."""


def bring(lab, path, dataset, symbol="BTCUSDT", price=100):
    first = datetime(2024, 1, 1, tzinfo=UTC)
    rows = [
        f"{first + timedelta(minutes=i):%Y-%m-%dT%H:%M:%SZ},{price}.1,{price}.9,{price}.0,{price}.5,3" for i in range(9)
    ]
    path.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows, ""]))
    instrument = built_in(symbol, InstrumentKind.PERPETUAL)
    import_file(lab, path, dataset, instrument=instrument, interval=60, stamp="open")


@pytest.fixture
def plan(lab, spec_file, tmp_path):
    """Return a planner of changed copies of the sample spec over small data."""
    bring(lab, tmp_path / "a.csv", "mine")
    bring(lab, tmp_path / "b.csv", "same")
    bring(lab, tmp_path / "c.csv", "other", price=200)
    bring(lab, tmp_path / "d.csv", "eth", "ETHUSDT")
    registry = StrategyRegistry()
    registry.register("ops_smoke_demo", strategy, "test")
    registry.register("second_one", lambda context: None, "test")

    def make(changes=None, **more):
        chosen = edited(spec_file, {"data.dataset": "mine", **(changes or {}), **more})
        return plan_backtest(lab, chosen, registry)

    return make


@pytest.mark.parametrize(
    "changes",
    [
        {"run_id": "other-name"},
        {"observability": {"report": True}},
        {"risk.profile": "other"},
        {"connectivity_readiness": {"enabled": True}},
        {"data.fingerprint": None},
        {"execution": {"fill": "next_open"}},
        {"seed": 0},
    ],
    ids=str,
)
def test_what_only_names_or_watches_leaves_it_alone(plan, changes):
    assert plan(changes).inputs_sha256 == plan().inputs_sha256


def test_where_the_spec_lies_leaves_it_alone(plan, lab, spec_file, tmp_path):
    moved = replace(spec_file, path=tmp_path / "elsewhere.yaml")
    registry = StrategyRegistry()
    registry.register("ops_smoke_demo", strategy, "somebody else")
    assert plan_backtest(lab, edited(moved, {"data.dataset": "mine"}), registry).inputs_sha256 == plan().inputs_sha256


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"execution": {"fill": "same_close"}},
        {"execution": {"starting_balance": 7}},
        {"execution": {"more_data": [{"dataset": "eth"}]}},
        {"risk.limits": {"max_open_orders": 3}},
        {"strategy.params": {"every": 2}},
        {"strategy.version": "9"},
        {"strategy.name": "second_one"},
        {"data.dataset": "other"},
    ],
    ids=str,
)
def test_what_decides_the_result_changes_it(plan, changes):
    assert plan(changes).inputs_sha256 != plan().inputs_sha256


@pytest.mark.parametrize(
    "patch",
    [("code_sha256", lambda factory: "0" * 64), ("version", lambda name: "9.9"), ("__version__", "9.9")],
    ids=["code", "engine", "lab"],
)
def test_strategy_code_and_versions_change_it(plan, monkeypatch, patch):
    before = plan().inputs_sha256
    monkeypatch.setattr(plan_module, *patch)
    assert plan().inputs_sha256 != before


def test_a_stated_fingerprint_is_enforced(plan):
    measured = plan().inputs.datasets[0].fingerprint
    plan({"data.fingerprint": measured}).require_inputs()
    with pytest.raises(DataError, match=f"has the fingerprint {measured}, the spec states {'a' * 64}"):
        plan({"data.fingerprint": "a" * 64}).require_inputs()


def test_the_fingerprint_of_further_data_is_enforced_too(plan):
    more = [{"dataset": "eth", "fingerprint": "a" * 64}]
    with pytest.raises(DataError, match="dataset eth has the fingerprint"):
        plan({"execution": {"more_data": more}}).require_inputs()


def test_an_altered_dataset_is_refused(plan, lab):
    (candles,) = (lab.data / "canonical" / "mine").rglob("*.parquet")
    candles.chmod(0o644)
    candles.write_bytes(candles.read_bytes() + b"x")
    with pytest.raises(DataError, match="mine"):
        plan().require_inputs()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"execution": {"more_data": [{"dataset": "same"}]}}, "two datasets hold the instrument BTCUSDT"),
        ({"instrument": "ETHUSDT"}, "dataset mine holds BTCUSDT of binance"),
        ({"strategy.name": "second_on"}, "did you mean 'second_one'"),
    ],
)
def test_a_plan_that_cannot_be_made_is_told_with_its_line(plan, spec_file, changes, told):
    with pytest.raises(SpecError, match=told) as caught:
        plan(changes)
    assert str(caught.value).startswith(f"{spec_file.path}:")
