"""What the terminal shows: the plan, the header, the summary; and the options behind them."""

from __future__ import annotations

import pytest

DRILLS = """
@pytest.mark.drill('one', rehearses=['OL-06'], severity='critical', detect_within='5s', runbook='docs/one.md')
@pytest.mark.mutant('m')
@pytest.mark.known_defect('OPS-X-Y', versions='<1', reference='r')
def test_one(drill):
    '''The first.'''
    drill.holds('demo.passes')

@pytest.mark.drill('two')
def test_two(drill):
    drill.holds('demo.fails')

def test_plain():
    raise SystemExit('ran')
"""


UNTOLD = """
from opslab.drill.checks import check, failed

@check("lost.fill")
def lost(history, spec):
    return failed("OPS-FILL-UNTOLD", "a fill was not told")

@pytest.mark.drill('lost')
def test_lost(drill):
    drill.holds('lost.fill')

@pytest.mark.drill('own')
def test_own(drill):
    drill.holds('demo.fails')
"""


def test_a_drill_without_a_runbook_is_led_to_that_of_its_code(ops) -> None:
    ops.drills(UNTOLD)
    result = ops.run()
    result.stdout.fnmatch_lines(["*OPS-FILL-UNTOLD: lost.fill*", "*runbook: `tc runbook OPS-FILL-UNTOLD`"])
    assert str(result.stdout).count("runbook:") == 1  # nobody explains the code of the other one


@pytest.mark.parametrize("words", [(), ("-q",), ("-p", "no:xdist"), ("--opslab-seed", "3")], ids=str)
def test_a_plan_shows_and_runs_nothing(ops, words) -> None:
    ops.drills(DRILLS)
    result = ops.run("--opslab-plan", *words)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        [
            "*ops drills: plan*",
            "it * one * ?critical?",
            "*The first",
            "*test: test_it.py::test_one",
            "*rehearses: OL-06",
            "*budgets: detect_within 5 s",
            "*mutants: m",
            "*known defects: OPS-X-Y",
            "*runbook: docs/one.md",
            "*mutants: NONE: the drill is toothless",
            "2 drills would run, and 1 other tests; nothing was run",
        ]
    )
    assert not (ops.path / "artifacts").exists()


def test_a_plan_without_a_terminal_runs_nothing_either(ops) -> None:
    ops.drills(DRILLS)
    assert ops.run("--opslab-plan", "-p", "no:terminal").ret == 0
    assert not (ops.path / "artifacts").exists()


def test_a_plan_of_mutants(ops) -> None:
    ops.drills(DRILLS)
    result = ops.run("--opslab-plan", "--opslab-mutants")
    result.stdout.fnmatch_lines(["*one *under mutant m*", "*two *under mutant none-declared*", "2 drills would run*"])


def test_a_plan_of_what_cannot_be_collected_fails(ops) -> None:
    ops.write("test_broken.py", "import absent_module")
    assert ops.run("--opslab-plan").ret == pytest.ExitCode.INTERRUPTED


def test_header(ops) -> None:
    ops.drills("def test_plain(): pass")
    result = ops.run("--opslab-seed", "7")
    result.stdout.fnmatch_lines([f"opslab: *, engine nautilus_trader 1.*, seed 7, root {ops.path}"])
    assert "opslab: " not in ops.run("-q").stdout.str()


def test_quiet_summary(ops) -> None:
    ops.drills(DRILLS.replace("raise SystemExit('ran')", "pass"))
    out = ops.run("-q").stdout.str().partition("ops drills")[2]
    assert "FAILED" in out
    assert "PASSED" not in out
    assert "2 drills: 1 failed, 1 passed" in out
    assert "session " not in out


VARIANTS = """
@pytest.mark.drill("many")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_many(drill, n):
    drill.holds("demo.fails" if n == 3 else "demo.passes")
"""


def test_good_variants_of_a_drill_share_a_line_and_others_do_not(ops) -> None:
    ops.drills(VARIANTS)
    section = ops.run().stdout.str().partition("ops drills")[2]
    assert "many (2 variants)" in section
    assert "many[3]" in section
    assert "many[1]" not in section
    assert "3 drills: 1 failed, 2 passed" in section


def test_each_variant_is_told_when_asked(ops) -> None:
    ops.drills(VARIANTS)
    section = ops.run("-v").stdout.str().partition("ops drills")[2]
    assert "many[1]" in section
    assert "many[2]" in section
    assert "variants" not in section


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "", "1e3"])
def test_a_bad_seed_is_a_usage_error(ops, refused, value) -> None:
    ops.drills(DRILLS)
    assert f"--opslab-seed: '{value}' is not a whole number" in refused(f"--opslab-seed={value}")


@pytest.mark.parametrize(
    ("words", "seed"),
    [((), 0), (("--opslab-seed", "7"), 7), (("-o", "opslab_seed=5"), 5)],
    ids=["default", "option", "ini"],
)
def test_the_seed_is_the_session_s(ops, words, seed) -> None:
    from opslab.drill.drill import derived_seed

    ops.drills(DRILLS)
    ops.run("-k", "one", *words)
    assert ops.session()["seed"] == seed
    assert ops.rows()["one"]["seed"] == ops.report("one")["seed"] == derived_seed(seed, "one")


def test_a_random_seed_is_told_and_differs(ops) -> None:
    ops.drills(DRILLS)
    for _ in range(2):
        ops.run("--opslab-seed", "random", "-k", "one")
    import json

    seeds = [json.loads((path / "session.json").read_text())["seed"] for path in ops.sessions]
    assert seeds[0] != seeds[1]


def test_the_option_beats_the_variable_and_the_marker(ops, monkeypatch) -> None:
    for name in ("by-option", "by-variable"):
        (ops.path / name).mkdir()
    monkeypatch.setenv("TRADINGCHASSIS_OPS_LAB_ROOT", str(ops.path / "by-variable"))
    ops.drills(DRILLS)
    ops.run("-k", "one", "--opslab-root", "by-option")
    assert (ops.path / "by-option" / "artifacts").is_dir()
    ops.run("-k", "one")
    assert (ops.path / "by-variable" / "artifacts").is_dir()
    assert not (ops.path / "artifacts").exists()


def test_a_root_that_is_missing_is_a_usage_error_for_drills(ops, refused) -> None:
    ops.drills(DRILLS)
    assert "absent: the lab's root is not a directory" in refused("--opslab-root", "absent")


def test_every_option_and_setting_is_shown_by_help(ops) -> None:
    from opslab.pytest_plugin.options import known_names

    out = ops.run("--help").stdout.str()
    assert [name for name in known_names() if name not in out] == []
