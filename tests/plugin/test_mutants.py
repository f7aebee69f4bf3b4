"""``--opslab-mutants``: each drill must be able to fail, and a check of it must say so."""

from __future__ import annotations

import pytest

BODIES = {
    "caught": ("drill.holds('demo.fails' if drill.mutant else 'demo.passes')", "caught", "passed"),
    "survived": ("drill.holds('demo.passes')", "toothless", "failed"),
    "unknown": ("drill.holds('demo.unknown' if drill.mutant else 'demo.passes')", "toothless", "failed"),
    "plain-assert": ("drill.holds('demo.passes')\n    assert not drill.mutant", "toothless", "failed"),
    "run-failed": ("drill.holds('demo.passes')\n    run_fails(drill.mutant)", "toothless", "failed"),
    "crashed": ("drill.holds('demo.passes')\n    1 / (drill.mutant is None)", "error", "errors"),
    "known-only": ("drill.holds('demo.fails')", "toothless", "failed"),
    "known-and-caught": (
        "drill.holds('demo.fails')\n    drill.holds('demo.fails_otherwise' if drill.mutant else 'demo.passes')",
        "caught",
        "passed",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_what_becomes_of_a_mutant(ops, name) -> None:
    body, outcome, counted = BODIES[name]
    known = (
        "@pytest.mark.known_defect('OPS-DEMO-BAD', versions='>=1', reference='r')\n" if name.startswith("known") else ""
    )
    ops.drills(
        "from opslab.errors import CheckFailed\n"
        "def run_fails(mutant):\n"
        "    if mutant: raise CheckFailed('OPS-RUN-FAILED: run x failed', ('OPS-RUN-FAILED',))\n"
        f"@pytest.mark.drill('{name}')\n@pytest.mark.mutant('m')\n{known}def test_it(drill):\n    {body}"
    )
    result = ops.run("--opslab-mutants")
    result.assert_outcomes(**{counted: 1})
    assert result.ret == (0 if outcome == "caught" else 1)
    (row,) = ops.session()["drills"]
    assert (row["outcome"], row["mutant"]) == (outcome, "m")
    assert ops.session()["mutants"] is True
    assert not (ops.sessions[0] / "metrics.prom").exists()


def test_unmutated_all_of_them_pass(ops) -> None:
    for name, (body, _, _) in BODIES.items():
        if name != "run-failed":
            known = (
                "@pytest.mark.known_defect('OPS-DEMO-BAD', versions='>=1', reference='r')"
                if name.startswith("known")
                else ""
            )
            ops.drills(
                f"@pytest.mark.drill('{name}')\n@pytest.mark.mutant('m')\n{known}\ndef test_it(drill):\n    {body}",
                f"test_{name}.py",
            )
    ops.run().assert_outcomes(passed=len(BODIES) - 1)


@pytest.mark.parametrize("body", ["passes", "fails"])
def test_a_drill_without_a_mutant_is_toothless(ops, body) -> None:
    ops.drills(f"@pytest.mark.drill('bare')\ndef test_it(drill):\n    drill.holds('demo.{body}')")
    result = ops.run("--opslab-mutants")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*OPS-TOOTHLESS: the drill declares no mutant*", "1 mutant: 1 survived"])


def test_only_drills_are_run_and_each_once_per_mutant(ops) -> None:
    ops.drills(
        "@pytest.mark.drill('two')\n@pytest.mark.mutant('one')\n@pytest.mark.mutant('other')\n"
        "def test_it(drill):\n    drill.holds('demo.fails')\n"
        "def test_plain():\n    raise SystemExit('ran')\n"
    )
    result = ops.run("--opslab-mutants", "-v")
    result.assert_outcomes(passed=2, deselected=1)
    result.stdout.fnmatch_lines(["*test_it?mutant:other? PASSED*", "*test_it?mutant:one? PASSED*"])
    assert sorted(row["mutant"] for row in ops.session()["drills"]) == ["one", "other"]


def test_classes_and_parameters(ops) -> None:
    ops.drills(
        "@pytest.mark.mutant('m')\nclass TestIt:\n    @pytest.mark.drill('in-class')\n"
        "    @pytest.mark.parametrize('x', ['a', 'b'])\n"
        "    def test_it(self, drill, x, opslab_mutant):\n        assert opslab_mutant == drill.mutant\n"
        "        drill.holds('demo.fails' if drill.mutant else 'demo.passes')\n"
    )
    ops.run("--opslab-mutants").assert_outcomes(passed=2)
    ops.run().assert_outcomes(passed=2)


GUARD = """
import contextlib, guard

@contextlib.contextmanager
def lifted():
    guard.on, guard.order = False, guard.order + ["lifted"]
    try:
        yield
    finally:
        guard.on, guard.order = True, guard.order + ["back"]

@pytest.fixture
def system():
    guard.order.append(f"set up {guard.on}")
    yield guard.on
    guard.order.append(f"torn down {guard.on}")
    BROKEN

@pytest.mark.drill("guarded")
@pytest.mark.mutant("guard-removed", lifted)
def test_it(drill, system):
    drill.record("healthy", system)
    drill.holds("demo.needs_fact")

@pytest.mark.drill("next")
@pytest.mark.mutant("m")
def test_next(drill):
    assert guard.on
    drill.holds("demo.fails" if drill.mutant else "demo.passes")
"""


@pytest.mark.parametrize("broken", ["pass", "raise RuntimeError('teardown')"], ids=["clean", "broken teardown"])
def test_a_mutant_is_in_force_for_fixtures_and_lifted_whatever_happens(ops, broken) -> None:
    ops.write("guard.py", "on, order = True, []\n")
    ops.drills(GUARD.replace("BROKEN", broken) + "\ndef test_last(): pass")
    ops.write(
        "conftest.py",
        (ops.path / "conftest.py").read_text()
        + "\nimport guard\n\ndef pytest_sessionfinish():\n    print('ORDER', guard.on, guard.order)\n",
    )
    result = ops.run("--opslab-mutants", "-s", apart=True)
    result.stdout.fnmatch_lines(["*ORDER True ?'lifted', 'set up False', 'torn down False', 'back'?*"])
    result.assert_outcomes(passed=2, deselected=1, errors=0 if broken == "pass" else 1)


def test_a_mutant_that_cannot_be_put_in_force_is_an_error(ops) -> None:
    ops.drills(
        "def enact(): raise OSError('no')\n@pytest.mark.drill('a')\n@pytest.mark.mutant('m', enact)\ndef test_it(drill):\n    drill.holds('demo.fails')"
    )
    ops.run("--opslab-mutants").assert_outcomes(errors=1)
    assert ops.session()["verdicts"] == {"error": 1}


def test_a_mutant_is_lifted_when_set_up_fails(ops) -> None:
    ops.write("guard.py", "on, order = True, []\n")
    text = GUARD.replace("    yield guard.on\n", "    raise RuntimeError('x')\n    yield\n").replace("BROKEN", "")
    ops.drills(text)
    ops.run("--opslab-mutants", apart=True).assert_outcomes(passed=1, errors=1)


def test_a_caught_mutant_tells_which_check_caught_it(ops) -> None:
    ops.drills("@pytest.mark.drill('a')\n@pytest.mark.mutant('m')\ndef test_it(drill):\n    drill.holds('demo.fails')")
    result = ops.run("--opslab-mutants", "--junitxml=j.xml")
    result.stdout.fnmatch_lines(["CAUGHT*a[[]mutant:m[]]*", "1 mutant: 1 caught"])
    (row,) = ops.session()["drills"]
    assert row["message"] == "caught by OPS-DEMO-BAD: demo.fails: bad"
    junit = (ops.path / "j.xml").read_text()
    assert 'name="opslab.mutant" value="m"' in junit
    assert 'name="opslab.outcome" value="caught"' in junit
