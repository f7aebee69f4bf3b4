"""Under xdist there is one session: workers run drills, the controller writes them down."""

from __future__ import annotations

import json

import pytest

DRILLS = "".join(
    f"@pytest.mark.drill('d{number}')\ndef test_{number}(drill, lab, request):\n"
    f"    drill.record('seed', [drill.seed, request.config.stash and 0])\n"
    f"    drill.holds('demo.{'fails' if number == 3 else 'passes'}')\n"
    for number in range(8)
)


@pytest.fixture(scope="module")
def session(tmp_path_factory, checks_text, apart):
    path = tmp_path_factory.mktemp("xdist")
    (path / "opslab.toml").write_text("")
    (path / "conftest.py").write_text(
        checks_text + "\ndef pytest_opslab_drill_ended(report):\n    import os\n"
        "    open(f'by-{os.environ[\"PYTEST_XDIST_WORKER\"]}', 'a').write(report.session_id + '\\n')\n"
    )
    (path / "test_it.py").write_text("import pytest\n" + DRILLS)
    done = apart(path, "-n", "2", "--opslab-seed", "random", "--junitxml=j.xml")
    return path, done


def test_one_session_with_every_row(session) -> None:
    path, done = session
    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    (directory,) = (path / "artifacts" / "sessions").iterdir()
    record = json.loads((directory / "session.json").read_text())
    assert record["verdicts"] == {"pass": 7, "fail": 1}
    assert [row["name"] for row in record["drills"]] == [f"d{number}" for number in range(8)]
    assert "8 drills: 1 failed, 7 passed" in done.stdout
    assert f"seed {record['seed']}" in done.stdout


def test_workers_share_session_and_seed(session) -> None:
    from opslab.drill.drill import derived_seed

    path, _ = session
    (directory,) = (path / "artifacts" / "sessions").iterdir()
    record = json.loads((directory / "session.json").read_text())
    heard = {line for file in path.glob("by-gw*") for line in file.read_text().split()}
    assert heard == {record["session_id"]}
    assert len(list(path.glob("by-gw*"))) == 2
    for row in record["drills"]:
        assert row["seed"] == derived_seed(record["seed"], row["drill"])


def test_verdicts_reach_junit(session) -> None:
    path, _ = session
    text = (path / "j.xml").read_text()
    assert text.count('name="opslab.verdict"') == 8
    assert text.count('name="opslab.verdict" value="fail"') == 1


def test_a_worker_that_dies_leaves_the_others_rows_and_one_of_its_own(ops) -> None:
    ops.drills(
        DRILLS
        + "@pytest.mark.drill('deadly', severity='blocker')\ndef test_deadly(drill):\n    import os; os._exit(9)\n"
    )
    result = ops.run("-n", "2", apart=True)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    session = ops.session()
    assert session["verdicts"] == {"pass": 7, "fail": 1, "error": 1}
    (row,) = [row for row in session["drills"] if row["drill"] == "deadly"]
    assert (row["severity"], row["message"]) == ("blocker", "the worker process died while the drill ran")
    result.stdout.fnmatch_lines(["ERROR * deadly *", "*9 drills: 1 error, 1 failed, 7 passed*"])


def test_a_plain_test_that_kills_its_worker_is_no_drill(ops) -> None:
    ops.drills(
        "@pytest.mark.drill('a')\ndef test_a(drill):\n    drill.holds('demo.passes')\ndef test_z():\n    import os; os._exit(9)\n"
    )
    ops.run("-n", "1", apart=True)
    assert ops.session()["verdicts"] == {"pass": 1}


@pytest.mark.parametrize("words", [("-n", "2"), ("-n", "2", "--opslab-mutants")], ids=["plain", "mutants"])
def test_a_plan_starts_no_worker(ops, words) -> None:
    ops.drills(DRILLS)
    result = ops.run("--opslab-plan", *words)
    assert result.ret == 0
    assert "bringing up nodes" not in result.stdout.str()
    assert "workers" not in result.stdout.str()
    result.stdout.fnmatch_lines(["8 drills would run, and 0 other tests; nothing was run"])
    assert not (ops.path / "artifacts").exists()


def test_a_relative_root_means_the_same_on_workers(ops) -> None:
    (ops.path / "elsewhere").mkdir()
    ops.drills(DRILLS)
    ops.run("-n", "2", "--opslab-root", "elsewhere", apart=True)
    assert not (ops.path / "artifacts").exists()
    assert len(list((ops.path / "elsewhere" / "artifacts" / "sessions").glob("*/drills/*.json"))) == 8


def test_an_interrupt_of_the_controller_leaves_a_record(ops) -> None:
    ops.drills(
        "import os, signal\n@pytest.fixture\ndef sent(lab, request):\n"
        "    from opslab.pytest_plugin.keys import SESSION\n"
        "    name = request.config.stash[SESSION].ids.effective('demo')\n"
        "    (lab.runs / name).mkdir(parents=True)\n    os.kill(os.getppid(), signal.SIGINT)\n"
        "@pytest.mark.drill('one')\ndef test_it(drill, sent):\n    drill.holds('demo.passes')\n"
    )
    assert ops.run("-n", "2", apart=True).ret == pytest.ExitCode.INTERRUPTED
    session = ops.session()
    assert session["status"] == "interrupted"
    assert session["completed_at_utc"] >= session["started_at_utc"]
    (run,) = session["runs"]
    assert run.removesuffix("-1") in {f"demo-{session['session_id']}-{worker}" for worker in ("gw0", "gw1")}
