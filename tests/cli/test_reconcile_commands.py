"""``tc reconcile check``: the contract's lines, exit codes, and errors that are one clear line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from opslab.cli.reconcile import app
from opslab.clock import SystemClock
from opslab.errors import OpsLabError
from opslab.root import Lab, find_lab

FIXTURES = Path(__file__).parents[2] / "fixtures" / "reconciliation"
EXPECTED = json.loads((FIXTURES / "expected_match.json").read_text())
RUN = EXPECTED["run_id"]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    root = tmp_path / "lab"
    root.mkdir()
    lab = find_lab(root, {}, [root])
    stub = SimpleNamespace(current_lab=lambda: lab, system_clock=SystemClock)
    monkeypatch.setitem(sys.modules, "opslab.cli.main", stub)
    (lab.runs / RUN).mkdir(parents=True)
    return lab


@pytest.fixture
def observed(tmp_path: Path):
    """Write an observed file of the run: a fixture, changed."""

    def write(name: str = "observed_match", **changes: object) -> Path:
        path = tmp_path / "observed.json"
        path.write_text(json.dumps(json.loads((FIXTURES / f"{name}.json").read_text()) | {"run_id": RUN} | changes))
        return path

    return write


def check(observed: object, expected: object = FIXTURES / "expected_match.json", run_id: str = RUN):
    words = ["check", "--run-id", run_id, "--expected", str(expected), "--observed", str(observed)]
    return CliRunner().invoke(app, words)


def files(lab: Lab) -> list[str]:
    return sorted(entry.relative_to(lab.root).as_posix() for entry in lab.root.rglob("*") if entry.is_file())


def test_a_match_prints_the_contracts_lines(lab, observed):
    result = check(observed())
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines() == [
        f"run_id={RUN}",
        "status=ok",
        "pass=true",
        "summary_ok=3",
        "summary_warning=0",
        "summary_mismatch=0",
        "summary_unknown=0",
        f"result_path=artifacts/runs/{RUN}/reconciliation_result.json",
        "check_position=ok matched=true details=the positions agree",
        "check_open_orders=ok matched=true details=the open orders agree",
        "check_freshness=ok matched=true details=nothing is older than max_age_seconds, and both files are of one time",
    ]
    assert json.loads((lab.root / f"artifacts/runs/{RUN}/reconciliation_result.json").read_text())["pass"] is True


def test_json_names_the_result_file_beside_what_it_holds(lab, observed):
    words = ["check", "--run-id", RUN, "--expected", str(FIXTURES / "expected_match.json"), "--observed"]
    document = json.loads(CliRunner().invoke(app, [*words, str(observed()), "--json"]).stdout)
    path = document.pop("result_path")
    assert document == json.loads((lab.root / path).read_text())


@pytest.mark.parametrize(
    ("name", "code", "status", "line"),
    [
        (
            "observed_stale_warning",
            0,
            "warning",
            "check_freshness=warning matched=true details=stale observed.position",
        ),
        ("observed_position_mismatch", 1, "mismatch", "check_position=mismatch matched=false details=quantity BTCUSDT"),
        (
            "observed_open_orders_mismatch",
            1,
            "mismatch",
            "check_open_orders=mismatch matched=false details=missing_obs",
        ),
        ("observed_missing_freshness_unknown", 1, "unknown", "check_freshness=unknown matched=false details=unknown"),
    ],
)
def test_what_came_out_decides_the_exit_code_and_is_always_kept(lab, observed, name, code, status, line):
    result = check(observed(name))
    assert result.exit_code == code
    lines = result.stdout.splitlines()
    assert lines[1:3] == [f"status={status}", f"pass={str(code == 0).lower()}"]
    assert len(lines) == 11
    assert any(told.startswith(line) for told in lines)
    assert f"artifacts/runs/{RUN}/reconciliation/0001.json" in files(lab)
    errors = [told for told in result.stderr.splitlines() if told.startswith("error: ")]
    assert len(errors) == code


@pytest.mark.parametrize(
    ("changes", "told"),
    [({"run_id": "other"}, "of another run"), ({"extra": 1}, "extra: unknown key"), ({"position": 5}, "position")],
)
def test_a_file_that_cannot_be_used_is_one_line_and_writes_nothing(lab, observed, changes, told):
    result = check(observed(**changes))
    assert result.exit_code == 1
    assert isinstance(result.exception, OpsLabError)
    assert told in str(result.exception)
    assert "\n" not in str(result.exception)
    assert (files(lab), result.stdout) == ([], "")


@pytest.mark.parametrize("run_id", ["absent", "../x", "", "a\nb"])
def test_a_run_that_is_not_there_is_one_line(lab, observed, run_id):
    result = check(observed(), run_id=run_id)
    assert result.exit_code == 1
    assert isinstance(result.exception, OpsLabError)
    assert "\n" not in str(result.exception)
    assert files(lab) == []


@pytest.mark.parametrize("missing", ["--run-id", "--expected", "--observed"])
def test_a_missing_option_is_wrong_usage(lab, missing):
    words = ["--run-id", RUN, "--expected", "x", "--observed", "y"]
    place = words.index(missing)
    assert CliRunner().invoke(app, ["check", *words[:place], *words[place + 2 :]]).exit_code == 2


def test_a_file_compared_with_itself_is_noted(lab):
    result = check(FIXTURES / "expected_match.json")
    assert result.exit_code == 0
    assert "could not have failed" in result.stderr


def test_a_sealed_run_is_rendered_again_from_its_facts(lab, observed, tmp_path):
    """``metadata.json`` must tell of the new line of ``post.jsonl``, as ``tc run verify`` demands."""
    from opslab.contract.spec_file import read_spec
    from opslab.runs.backtest import initialize
    from opslab.runs.finish import finish
    from opslab.store.reader import Bundle
    from opslab.store.writer import BundleWriter

    (lab.runs / RUN).rmdir()
    spec = Path(__file__).parents[2] / "scenarios" / "runs" / "btcusdt_backtest.run.yaml"
    path = initialize(lab, read_spec(spec), SystemClock()).path
    finish(BundleWriter(path, SystemClock()))
    manifest = (path / "manifest.json").read_bytes()
    for lines in (1, 2):
        assert check(observed()).exit_code == 0
        bundle = Bundle(path)
        assert bundle.metadata.post is not None
        assert (bundle.metadata.post.lines, bundle.metadata.post.head_sha256) == (lines, bundle.post_chain.head.sha256)
    assert (path / "manifest.json").read_bytes() == manifest


def test_importing_the_commands_imports_nothing_heavy():
    code = (
        "import sys, opslab.cli.reconcile; heavy = {'pydantic', 'pyarrow', 'pandas', 'numpy', 'nautilus_trader'}"
        "; print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_check_imports_no_engine():
    code = (
        "import sys, opslab.reconcile.checking, opslab.runs.finish; "
        "print(sorted({'pyarrow', 'pandas', 'numpy', 'nautilus_trader'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def views_of_a_run(lab: Lab, *, held: str) -> None:
    row = {"orders": [], "fills": [], "positions": [], "balances": []}
    position = {"instrument": "X\u2028Y", "signed_quantity": "1", "quantity": "1"}
    views = {name: {**row, "view": name, "phase": "end"} for name in ("venue", "engine", "strategy")}
    views[held] = {**views[held], "positions": [position]}
    (lab.runs / RUN / "views.jsonl").write_text("".join(json.dumps(view) + "\n" for view in views.values()))


def test_stored_views_that_differ_are_listed_and_exit_with_1(lab):
    views_of_a_run(lab, held="engine")
    result = CliRunner().invoke(app, ["views", "--run-id", RUN])
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert "status=mismatch" in lines
    assert [line for line in lines if line.startswith("difference=")] == [
        "difference=engine missing_venue position X\\u2028Y expected=None observed=long 1",
        "difference=wire unknown fill  expected=None observed=there is no wire.jsonl",
    ]
    assert len(result.stderr.splitlines()) == 1
    assert "`tc runbook views-differ`" in result.stderr


def test_the_json_of_stored_views_is_the_result_file(lab):
    views_of_a_run(lab, held="engine")
    result = CliRunner().invoke(app, ["views", "--run-id", RUN, "--json"])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["pass"], told["differences"][0]["view"]) == (1, False, "engine")
    assert set(told["views"]) == {"venue", "engine", "strategy"}


def test_a_run_that_wrote_no_views_is_one_clear_error(lab):
    result = CliRunner().invoke(app, ["views", "--run-id", RUN])
    assert isinstance(result.exception, OpsLabError)
    assert "holds no view of the venue" in str(result.exception)
