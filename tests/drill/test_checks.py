"""Checks: their registry, and that no answer of theirs is lost or mistaken for a pass."""

from __future__ import annotations

import math

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import Check, Judgement, check, failed, find_check, known_checks, passed, unknown
from opslab.drill.history import History
from opslab.errors import DrillError


def _ask(judge) -> object:
    return Check("demo.check", judge, "").ask(History(), None, Phase.VERIFY)


def _raising(error: BaseException):
    def judge(history, spec):
        raise error

    return judge


class Outcome(BaseException):
    """Like pytest's own outcomes, which are no Exceptions."""


@pytest.mark.parametrize("error", [ValueError("x"), AssertionError(), RecursionError(), Outcome("skip")], ids=repr)
def test_a_check_that_crashes_is_unknown(error) -> None:
    finding = _ask(_raising(error))
    assert (finding.result, finding.code) == (Result.UNKNOWN, "OPS-CHECK-CRASHED")
    assert type(error).__name__ in finding.details


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_goes_through_a_check(error) -> None:
    with pytest.raises(error):
        _ask(_raising(error()))


@pytest.mark.parametrize("answer", [None, True, "pass", Result.PASS, (Result.PASS, "x")], ids=repr)
def test_an_answer_that_is_none_is_unknown(answer) -> None:
    assert _ask(lambda h, s: answer).code == "OPS-CHECK-CRASHED"


def test_a_missing_fact_is_unknown() -> None:
    finding = _ask(lambda h, s: passed(h.fact("absent")))
    assert (finding.result, finding.code) == (Result.UNKNOWN, "OPS-FACTS-MISSING")


def test_a_check_of_one_run_needs_exactly_one() -> None:
    assert _ask(lambda h, s: passed(h.run.run_id)).code == "OPS-FACTS-MISSING"


@pytest.mark.parametrize("make", [failed, unknown])
@pytest.mark.parametrize("code", ["", "ops-low", "OPS", "OPS LATE", None, 5], ids=repr)
def test_a_finding_needs_a_stable_code(make, code) -> None:
    with pytest.raises(DrillError, match="malformed"):
        make(code, "x")
    assert _ask(lambda h, s: make(code, "x")).result is Result.UNKNOWN


def test_a_judgement_needs_a_result() -> None:
    with pytest.raises(DrillError, match="is no result"):
        Judgement("pass", "x")


@pytest.mark.parametrize(
    "value", [math.nan, object(), {1: math.inf}, b"x", {1, 2}], ids=["nan", "object", "inf", "bytes", "set"]
)
def test_evidence_that_is_no_json_does_not_lose_the_finding(value) -> None:
    finding = _ask(lambda h, s: failed("OPS-X-Y", "bad", expected=value, observed=[1]))
    assert (finding.result, finding.observed) == (Result.FAIL, [1])
    assert isinstance(finding.expected, str)


def test_details_are_one_line() -> None:
    assert "\n" not in _ask(lambda h, s: failed("OPS-X-Y", "a\nb" * 1000)).details


@pytest.mark.parametrize("name", ["plain", "Upper.case", "a.", ".a", "a b.c", "a.b\n", ""])
def test_a_check_needs_a_dotted_name(name) -> None:
    with pytest.raises(DrillError, match="check name"):
        check(name)


def test_two_checks_of_one_name_are_refused_and_one_reloaded_is_not() -> None:
    def one(history, spec):
        return passed()

    def two(history, spec):
        return passed()

    check("testonly.twice")(one)
    check("testonly.twice")(one)
    with pytest.raises(DrillError, match="registered twice"):
        check("testonly.twice")(two)


def test_an_unknown_check_suggests_the_nearest() -> None:
    with pytest.raises(DrillError, match=r"did you mean 'run\.completed'\?"):
        find_check("run.complete")


def test_every_built_in_check_says_what_it_holds() -> None:
    built_in = {name: one for name, one in known_checks().items() if one.judge.__module__.startswith("opslab.")}
    assert {"run.completed", "bundle.complete", "fills.next_open"} <= set(built_in)
    assert [name for name, one in built_in.items() if not one.summary] == []


def test_no_built_in_check_passes_on_nothing() -> None:
    built_in = [one for one in known_checks().values() if one.judge.__module__.startswith("opslab.")]
    vacuous = [one.name for one in built_in if one.ask(History(), None, Phase.VERIFY).result is Result.PASS]
    assert vacuous == []
