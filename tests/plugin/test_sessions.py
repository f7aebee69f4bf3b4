"""A session on disk: its record, what an interrupt or a crash leaves, repetition and pruning."""

from __future__ import annotations

import pytest

from opslab.store.journal import read_chain

DRILL = "@pytest.mark.drill('{0}')\ndef test_{1}(drill):\n    {2}\n"


def test_a_session_is_recorded_whole(ops) -> None:
    ops.drills(
        DRILL.format("one", "one", "drill.holds('demo.passes')")
        + DRILL.format("two", "two", "drill.holds('demo.fails')")
    )
    ops.run("--opslab-seed", "7").assert_outcomes(passed=1, failed=1)
    session = ops.session()
    assert session["status"] == "completed"
    assert session["completed_at_utc"] >= session["started_at_utc"]
    assert (session["seed"], session["mutants"]) == (7, False)
    assert session["verdicts"] == {"pass": 1, "fail": 1}
    assert ops.sessions[0].name == session["session_id"]
    assert not [path.name for path in ops.sessions[0].rglob(".staging-*")]


def test_a_drill_s_journal_is_a_chain_of_what_happened(ops) -> None:
    ops.drills(
        "@pytest.mark.drill('a')\ndef test_it(drill):\n    drill.steady('demo.passes')\n    drill.record('healthy', True)\n"
        "    with drill.inject(Fault()):\n        drill.detects('demo.needs_fact')\n    drill.recovers('demo.passes')\n"
    )
    ops.run().assert_outcomes(passed=1)
    chain = read_chain(ops.journal("a"))
    assert chain.problems == ()
    assert [event["event"] for event in chain.events] == [
        "drill_phase_entered",
        "check_evaluated",
        "fact_recorded",
        "drill_phase_entered",
        "fault_injected",
        "drill_phase_entered",
        "check_evaluated",
        "drill_phase_entered",
        "fault_healed",
        "drill_phase_entered",
        "check_evaluated",
    ]
    report = ops.report("a")
    assert [timing["phase"] for timing in report["phases"]] == ["steady", "inject", "observe", "heal", "verify"]
    assert report["facts_sha256"]
    assert report["faults"][0]["fired"] is True


@pytest.mark.parametrize("how", ["raise KeyboardInterrupt", "pytest.exit('enough')"])
def test_an_interrupted_drill_is_written_down_as_an_error(ops, how) -> None:
    ops.drills(
        DRILL.format("one", "one", "drill.holds('demo.passes')")
        + f"HEALED = []\n@pytest.mark.drill('two')\ndef test_two(drill):\n    class Loud(Fault):\n"
        f"        def heal(self): print('HEALED')\n    with drill.inject(Loud()):\n        {how}\n"
    )
    result = ops.run("-s", apart=True)
    assert result.ret == pytest.ExitCode.INTERRUPTED
    session = ops.session()
    assert session["verdicts"] == {"pass": 1, "error": 1}
    assert session["status"] == "interrupted"
    assert session["completed_at_utc"] >= session["started_at_utc"]
    result.stdout.fnmatch_lines(["*HEALED*", "*2 drills: 1 error, 1 passed*"])
    assert read_chain(ops.journal("two")).problems == ()


def test_an_interrupt_of_the_first_drill_is_written_down_too(ops) -> None:
    ops.drills(DRILL.format("one", "one", "raise KeyboardInterrupt"))
    ops.run(apart=True)
    assert ops.session()["verdicts"] == {"error": 1}


RUNS = """
def ran(lab, request):
    from opslab.pytest_plugin.keys import SESSION
    name = request.config.stash[SESSION].ids.effective("demo")
    (lab.runs / name).mkdir(parents=True)
    return name
"""


def test_an_interrupt_finds_the_runs_that_no_drill_could_tell_of(ops) -> None:
    ops.drills(
        f"import os, signal\n{RUNS}\n@pytest.fixture\ndef sent(lab, request):\n    ran(lab, request)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "@pytest.mark.drill('one')\ndef test_it(drill, sent):\n    drill.holds('demo.passes')\n"
    )
    assert ops.run(apart=True).ret == pytest.ExitCode.INTERRUPTED
    session = ops.session()
    assert (session["status"], session["drills"]) == ("interrupted", [])
    assert session["runs"] == [f"demo-{session['session_id']}-main-1"]


def test_an_exit_with_a_code_of_its_own_is_an_interrupt_too(ops) -> None:
    ops.drills(DRILL.format("one", "one", "pytest.exit('enough', returncode=3)"))
    assert ops.run(apart=True).ret == 3
    assert ops.session()["status"] == "interrupted"


def test_an_interrupted_session_is_kept(ops) -> None:
    interrupts = "@pytest.fixture(autouse=True)\ndef stops(): raise KeyboardInterrupt\n"
    ops.drills(interrupts + DRILL.format("one", "one", "drill.holds('demo.passes')"))
    ops.run(apart=True)
    assert ops.session()["verdicts"] == {}
    (interrupted,) = ops.sessions
    target = interrupted.rename(interrupted.with_name("20260101t000000z-0000"))
    ops.drills(DRILL.format("one", "one", "drill.holds('demo.passes')"))
    ops.run("-o", "opslab_keep_sessions=1").stdout.fnmatch_lines(["kept 1 older sessions that failed*"])
    assert target in ops.sessions


def test_a_session_starts_before_its_drills(ops) -> None:
    ops.drills(
        "from opslab.clock import SystemClock, to_stamp\nCOLLECTED = to_stamp(SystemClock().now())\n"
        + DRILL.format(
            "one", "one", "drill.record('collected', COLLECTED); print(COLLECTED); drill.holds('demo.passes')"
        )
    )
    result = ops.run("-s")
    (collected,) = [word for line in result.outlines for word in line.split() if word.endswith("Z") and word[4] == "-"]
    assert ops.session()["started_at_utc"] < collected


def test_a_process_that_dies_leaves_a_session_that_never_ended(ops) -> None:
    ops.drills(
        DRILL.format("one", "one", "drill.holds('demo.passes')") + DRILL.format("two", "two", "import os; os._exit(9)")
    )
    assert ops.run(apart=True).ret == 9
    assert ops.session()["status"] == "running"


def test_a_lab_that_cannot_be_written_any_more_is_an_error_not_a_crash(ops) -> None:
    ops.drills(
        "from pathlib import Path\ndef test_plain():\n    Path('artifacts').write_text('a file')\n"
        + DRILL.format("one", "one", "drill.holds('demo.passes')")
    )
    result = ops.run()
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "INTERNALERROR" not in result.stdout.str()
    result.stdout.fnmatch_lines(["ERROR *", "*artifacts*", "*the session cannot be written*"])


def test_a_session_of_skips_is_no_failure(ops) -> None:
    ops.drills(DRILL.format("one", "one", "pytest.skip('absent')"))
    result = ops.run()
    result.assert_outcomes(skipped=1)
    assert result.ret == 0
    assert (ops.session()["status"], ops.session()["verdicts"]) == ("completed", {"skipped": 1})


def test_old_sessions_are_pruned_and_failed_ones_kept_with_a_note(ops) -> None:
    ops.drills("import os\n" + DRILL.format("one", "one", "drill.holds('demo.' + os.environ.get('CHECK', 'passes'))"))
    names = []
    for stamp in range(3):
        ops.run("-o", "opslab_keep_sessions=99")
        path = ops.sessions[-1]
        target = path.with_name(f"2026010{stamp + 1}t000000z-000{stamp}")
        path.rename(target)
        names.append(target.name)
    record = ops.sessions[1] / "session.json"
    record.write_text(record.read_text().replace('"pass": 1', '"fail": 1'))
    result = ops.run("-o", "opslab_keep_sessions=1")
    left = [path.name for path in ops.sessions]
    assert left[:-1] == [names[1]]
    result.stdout.fnmatch_lines(["pruned 2 older sessions", "kept 1 older sessions that failed*"])


@pytest.mark.parametrize("value", ["0", "-1", "many", ""])
def test_a_malformed_number_of_sessions_is_a_usage_error(ops, refused, value) -> None:
    ops.drills("def test_plain(): pass")
    assert "opslab_keep_sessions" in refused("-o", f"opslab_keep_sessions={value}")


def test_a_drill_run_again_in_one_session_counts_once(ops) -> None:
    ops.write(
        "conftest.py",
        (ops.path / "conftest.py").read_text() + "\nfrom _pytest.runner import runtestprotocol\n"
        "def pytest_runtest_protocol(item, nextitem):\n"
        "    for _ in range(2):\n        runtestprotocol(item, nextitem=nextitem)\n    return True\n",
    )
    ops.drills(DRILL.format("one", "one", "drill.holds('demo.passes')"))
    ops.run().assert_outcomes(passed=2)
    assert len(ops.session()["drills"]) == 1
    assert read_chain(ops.journal("one")).problems == ()
    assert [check["check"] for check in ops.report("one")["checks"]] == ["demo.passes"]
