"""The checks on a run that was killed and recovered: each finding, one at a time, on a bundle on disk."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from opslab.contract.drill import Phase, Result
from opslab.contract.encoding import sha256_hex
from opslab.drill.checks import find_check
from opslab.drill.history import History, RunHistory
from opslab.store.reader import Bundle

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parents[2] / "fixtures" / "bundles" / "v1-lab-0.9"
POSITION = {"side": "LONG", "quantity": "0.003", "instrument": "BTCUSDT.BINANCE"}
FLAGS = ["run_dir_exists", "metadata_present", "run_spec_present", "journal_present", "metrics_present"]


@pytest.fixture
def bundle(tmp_path) -> Path:
    """A run whose process died, as recovery closed it."""
    return shutil.copytree(GOLDEN / "interrupted", tmp_path / "interrupted")


@pytest.fixture
def facts(bundle) -> dict[str, Any]:
    first = (bundle / "journal.jsonl").read_bytes().split(b"\n")[0]
    inputs = Bundle(bundle).metadata.inputs_sha256
    return {
        "acknowledged": [{"event": "run_started", "line": 1, "sha256": sha256_hex(first)}],
        "death": {"signal": "SIGKILL", "position": POSITION, "at_ns": 5, "first_ns": 1, "last_ns": 9},
        "again": {"run_id": "other", "status": "completed", "inputs_sha256": inputs, "problems": []},
    }


@pytest.fixture
def ask(bundle, facts) -> Callable[[str], Any]:
    def judge(name: str) -> Any:
        run = RunHistory(Bundle(bundle), lambda: (), dict)
        return find_check(f"recovery.{name}").ask(History((run,), copy.deepcopy(facts)), None, Phase.VERIFY)

    return judge


@pytest.mark.parametrize("name", ["required_artifacts", "nothing_lost", "closed", "simulation_scope", "runs_again"])
def test_a_run_that_was_recovered_passes(ask, name):
    finding = ask(name)
    assert (finding.result, finding.code) == (Result.PASS, "")


def test_what_was_not_recovered_is_said(ask):
    details = ask("simulation_scope").details
    assert "long 0.003 BTCUSDT.BINANCE" in details
    assert "no live position was" in details


def test_every_artifact_is_looked_at(ask):
    assert ask("required_artifacts").observed == dict.fromkeys(FLAGS, True)


@pytest.mark.parametrize("name", ["metadata.json", "run_spec.yaml", "journal.jsonl", "metrics.json"])
@pytest.mark.parametrize("change", ["missing", "empty", "directory", "not utf-8"])
def test_an_artifact_that_cannot_be_read_is_named(ask, bundle, name, change):
    path = bundle / name
    content = {"empty": b"", "not utf-8": b"\xff\xfe"}.get(change)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    elif change == "directory":
        path.mkdir()
    finding = ask("required_artifacts")
    wrong = [flag for flag in FLAGS if not finding.observed[flag]]
    assert (finding.result, finding.code) == (Result.FAIL, "OPS-RECOVERY-ARTIFACT")
    assert wrong == [f"{name.partition('.')[0]}_present"]


@pytest.mark.parametrize("name", ["metadata.json", "metrics.json", "journal.jsonl"])
def test_an_artifact_of_another_run_is_named(ask, bundle, name):
    shutil.copy(GOLDEN / "completed" / name, bundle / name)
    assert ask("required_artifacts").code == "OPS-RECOVERY-ARTIFACT"


def test_an_empty_directory_has_no_artifact(ask, bundle):
    shutil.rmtree(bundle)
    bundle.mkdir()
    assert ask("required_artifacts").observed == {**dict.fromkeys(FLAGS, False), "run_dir_exists": True}
    assert {ask(name).code for name in ("nothing_lost", "closed")} == {"OPS-RECOVERY-LOST", "OPS-RECOVERY-OPEN"}


def test_no_directory_is_named(ask, bundle):
    shutil.rmtree(bundle)
    assert ask("required_artifacts").observed == dict.fromkeys(FLAGS, False)


@pytest.mark.parametrize("entry", [{"line": 9}, {"sha256": "0" * 64}], ids=["line", "digest"])
def test_a_line_that_is_gone_is_named(ask, facts, entry):
    facts["acknowledged"][0] |= entry
    finding = ask("nothing_lost")
    assert finding.code == "OPS-RECOVERY-LOST"
    assert "run_started" in finding.details


def test_a_run_that_is_still_open_is_named(ask, bundle):
    journal = bundle / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().split(b"\n")[0] + b"\n")
    assert ask("closed").code == "OPS-RECOVERY-OPEN"


def test_a_run_that_failed_for_another_reason_was_not_closed(ask, bundle):
    shutil.copytree(GOLDEN / "failed", bundle, dirs_exist_ok=True)
    finding = ask("closed")
    assert finding.code == "OPS-RECOVERY-OPEN"
    assert finding.observed[0] == "failed"


@pytest.mark.parametrize(
    "changes",
    [{"signal": None}, {"signal": "SIGTERM"}, {"position": None}, {"at_ns": 1}, {"at_ns": 9}],
    ids=["alive", "asked to stop", "flat", "at the beginning", "at the end"],
)
def test_a_death_that_rehearses_nothing_is_named(ask, facts, changes):
    facts["death"] |= changes
    finding = ask("simulation_scope")
    assert (finding.result, finding.code) == (Result.FAIL, "OPS-RECOVERY-NOT-KILLED")


def test_a_death_before_anything_was_acknowledged_is_named(ask, facts):
    facts["acknowledged"].clear()
    assert ask("nothing_lost").code == "OPS-RECOVERY-NOT-KILLED"


@pytest.mark.parametrize(
    "claims",
    [{"fills": 3}, {"events": ({"type": "OrderFilled"},)}, {"views": ({"positions": []},)}],
    ids=["fills", "events", "views"],
)
def test_a_record_that_claims_the_position_is_named(facts, claims):
    run = SimpleNamespace(
        metrics=SimpleNamespace(fills_count=claims.get("fills", 0)),
        events=claims.get("events", ()),
        views=claims.get("views", ()),
    )
    finding = find_check("recovery.simulation_scope").ask(History((run,), facts), None, Phase.VERIFY)
    assert finding.code == "OPS-RECOVERY-CLAIM"


@pytest.mark.parametrize(
    "again",
    [{"status": "failed"}, {"problems": ["x"]}, {"run_id": "interrupted"}, {"inputs_sha256": "0" * 64}],
    ids=["failed", "broken", "same id", "another spec"],
)
def test_a_second_run_that_is_none_is_named(ask, facts, again):
    facts["again"] |= again
    assert ask("runs_again").code == "OPS-RECOVERY-NOT-AGAIN"
