"""When each drill last passed, told by a session from those before it."""

from __future__ import annotations

import json

import pytest

FAMILY = "tradingchassis_ops_lab_drill_last_pass_timestamp_seconds"
BODY = "@pytest.mark.drill('{0}'){2}\ndef test_{0}(drill):\n    {1}\n"
PASSES, FAILS = "drill.holds('demo.passes')", "drill.holds('demo.fails')"
KNOWN = "\n@pytest.mark.known_defect('OPS-DEMO-BAD', versions='>=1', reference='r')"


def drills(**bodies: str) -> str:
    return "".join(BODY.format(slug, body, "\n@pytest.mark.mutant('m')") for slug, body in bodies.items())


def last(ops) -> tuple[dict[str, str], set[str]]:
    """Return what the newest session's record knows, and which drills have a sample."""
    path = ops.sessions[-1]
    lines = (path / "metrics.prom").read_text().splitlines() if (path / "metrics.prom").is_file() else []
    shown = {line.partition('drill="')[2].partition('"')[0] for line in lines if line.startswith(f"{FAMILY}{{")}
    return json.loads((path / "session.json").read_text())["last_passed"], shown


def aged(ops) -> None:
    """Move the sessions there are to earlier ids: those of one second do not sort by time."""
    for number, path in enumerate(ops.sessions):
        path.rename(path.with_name(f"20260101t00000{number}z-0000"))


def times(ops) -> dict[str, str]:
    return {row["drill"]: row["ts_utc"] for row in ops.rows().values()}


def test_a_pass_is_kept_while_the_drill_fails(ops) -> None:
    ops.drills(drills(a=PASSES, never=FAILS))
    ops.run()
    passed = times(ops)["a"]
    assert last(ops) == ({"a": passed}, {"a"})
    aged(ops)
    ops.drills(drills(a=FAILS, never=FAILS))
    ops.run()
    assert last(ops) == ({"a": passed}, {"a"})


def test_a_session_of_some_drills_passes_the_others_on(ops) -> None:
    ops.drills(drills(a=PASSES, b=PASSES))
    ops.run()
    passed = times(ops)
    aged(ops)
    ops.run("-k", "test_b", "-o", "opslab_keep_sessions=1")
    assert last(ops) == ({"a": passed["a"], "b": times(ops)["b"]}, {"b"})
    assert len(ops.sessions) == 1


@pytest.mark.parametrize(
    ("body", "mark", "counts"),
    [
        (FAILS, KNOWN, True),
        (FAILS, "", False),
        ("pytest.skip('no venue')", "", False),
        ("drill.holds('demo.unknown')", "", False),
        ("1 / 0", "", False),
    ],
    ids=["known defect", "fail", "skipped", "unknown", "error"],
)
def test_what_counts_as_a_pass(ops, body, mark, counts) -> None:
    ops.drills(BODY.format("a", body, mark))
    ops.run()
    assert last(ops) == ((times(ops), {"a"}) if counts else ({}, set()))


@pytest.mark.parametrize("other", [FAILS, "pytest.skip('x')"], ids=["fails", "skips"])
def test_every_variant_must_pass(ops, other) -> None:
    ops.drills(
        "@pytest.mark.drill('a')\n@pytest.mark.parametrize('n', [1, 2])\ndef test_a(drill, n):\n"
        f"    {PASSES} if n == 1 else {other}\n"
    )
    ops.run()
    assert last(ops) == ({}, set())
    aged(ops)
    ops.run("-k", "1")
    assert last(ops)[1] == {"a"}


def test_mutants_add_nothing_and_pass_on_what_there_is(ops) -> None:
    ops.drills(drills(a=PASSES))
    ops.run()
    passed = times(ops)["a"]
    aged(ops)
    ops.drills(drills(a="drill.holds('demo.fails' if drill.mutant else 'demo.passes')"))
    ops.run("--opslab-mutants", "-o", "opslab_keep_sessions=1")
    assert last(ops) == ({"a": passed}, set())


def test_an_interrupted_session_adds_nothing(ops) -> None:
    ops.drills(drills(a=PASSES, b="raise KeyboardInterrupt"))
    assert ops.run(apart=True).ret == pytest.ExitCode.INTERRUPTED
    assert last(ops) == ({}, set())


def test_a_session_that_dies_passes_on_what_there_was(ops) -> None:
    ops.drills(drills(a=PASSES))
    ops.run()
    passed = times(ops)["a"]
    aged(ops)
    ops.drills(drills(b="import os; os._exit(9)"))
    ops.run(apart=True)
    record = json.loads((ops.sessions[-1] / "session.json").read_text())
    assert (record["status"], record["last_passed"]) == ("running", {"a": passed})


def test_a_broken_record_costs_only_itself(ops) -> None:
    ops.drills(drills(a=PASSES))
    ops.run()
    passed = times(ops)["a"]
    aged(ops)
    ops.drills(drills(b=PASSES))
    ops.run()
    (ops.sessions[-1] / "session.json").write_text("{")
    aged(ops)
    ops.drills(drills(a=FAILS, b=FAILS))
    ops.run()
    assert last(ops) == ({"a": passed}, {"a"})


def test_workers_tell_the_same(ops) -> None:
    ops.drills(drills(a=PASSES, b=FAILS))
    ops.run("-n", "2", apart=True)
    assert last(ops) == ({"a": times(ops)["a"]}, {"a"})
