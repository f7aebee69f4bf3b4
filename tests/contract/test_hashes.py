"""``config_sha256`` is the earlier lab's: computed here from literal JSON, without the lab's models."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from opslab.contract.spec import RunSpec
from opslab.contract.spec_file import read_spec

RUNS = Path(__file__).parents[2] / "scenarios" / "runs"

PLAIN = (
    '{"connectivity_readiness":null,"data":{"dataset":"btcusdt-sample","fingerprint":null},"engine":"nautilus",'
    '"instrument":"BTCUSDT","mode":"backtest","observability":{"journal":true,"metrics":false,"report":false},'
    '"risk":{"profile":"tiny"},"run_id":"r1","spec_version":"v1",'
    '"strategy":{"name":"ops_smoke_demo","version":"0.1.0"},"venue":"binance"}'
)
READY = PLAIN.replace(
    '"connectivity_readiness":null',
    '"connectivity_readiness":{"credential_placeholders":{"optional_env":["B"],"required_env":["A","C"]},'
    '"enabled":true,"notes":null,"target":"paper_testnet_probe","venue":"binance"}',
)
EMPTY_READY = PLAIN.replace(
    '"connectivity_readiness":null',
    '"connectivity_readiness":{"credential_placeholders":{"optional_env":[],"required_env":[]},'
    '"enabled":false,"notes":null,"target":null,"venue":null}',
)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def test_the_earlier_labs_example_has_its_hash():
    digest = "de3290d1e4b3e4d45750547071d23bbb21fdf26ab8c0c2a42482de0b88f58ac7"
    assert read_spec(RUNS / "btcusdt_backtest.run.yaml").spec.config_sha256() == digest


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, PLAIN),
        ({"data": {"dataset": "btcusdt-sample", "fingerprint": "  "}}, PLAIN),
        ({"data": {"dataset": " btcusdt-sample ", "fingerprint": None}}, PLAIN),
        ({"observability": {"journal": True}}, PLAIN),
        ({"observability": {"report": True}}, PLAIN.replace('"report":false', '"report":true')),
        ({"run_id": "r2"}, PLAIN.replace('"r1"', '"r2"')),
        ({"venue": "börse"}, PLAIN.replace('"binance"', '"b\\u00f6rse"')),
        ({"connectivity_readiness": {}}, EMPTY_READY),
        (
            {
                "connectivity_readiness": {
                    "enabled": True,
                    "target": "paper_testnet_probe",
                    "venue": "binance",
                    "credential_placeholders": {"required_env": ["A", " C"], "optional_env": ["B"]},
                    "notes": " ",
                }
            },
            READY,
        ),
    ],
    ids=["plain", "blank-fingerprint", "trimmed", "defaults", "observability", "run-id", "not-ascii", "empty", "ready"],
)
def test_a_spec_without_new_blocks_has_the_earlier_labs_hash(spec, changes, text):
    assert spec(**changes).config_sha256() == sha(text)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 0},
        {"seed": 1},
        {"execution": {}},
        {"execution": {"fill": "same_close"}},
        {"risk": {"profile": "tiny", "limits": {"max_open_orders": 1}}},
        {"strategy": {"name": "ops_smoke_demo", "version": "0.1.0", "params": {}}},
    ],
)
def test_a_set_new_block_changes_the_hash(spec, changes):
    assert spec(**changes).config_sha256() != sha(PLAIN)


def test_every_field_that_the_earlier_lab_did_not_know_is_an_addition(spec):
    known = {"spec_version", "run_id", "mode", "engine", "venue", "instrument", "strategy", "data", "risk"}
    assert set(RunSpec.model_fields) - RunSpec.additions() == known | {"observability", "connectivity_readiness"}


@pytest.mark.parametrize(
    "changes",
    [
        {"run_id": "other"},
        {"observability": {"journal": False, "metrics": True, "report": True}},
        {"connectivity_readiness": {"enabled": True}},
        {"risk": {"profile": "other"}},
        {"seed": 0},
        {"execution": {"fill": "next_open"}},
    ],
)
def test_what_only_names_or_restates_does_not_decide(spec, changes):
    assert spec(**changes).decisive() == spec().decisive()


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 1},
        {"execution": {"fill": "same_close"}},
        {"execution": {"starting_balance": 5}},
        {"risk": {"profile": "tiny", "limits": {"max_order_quantity": "0.5"}}},
        {"strategy": {"name": "ops_smoke_demo", "version": "0.2.0"}},
        {"strategy": {"name": "ops_round_trip", "version": "0.1.0"}},
        {"strategy": {"name": "ops_smoke_demo", "version": "0.1.0", "params": {"every": 2}}},
        {"venue": "other"},
        {"instrument": "ETHUSDT"},
    ],
)
def test_what_decides_the_result_is_decisive(spec, changes):
    assert spec(**changes).decisive() != spec().decisive()
