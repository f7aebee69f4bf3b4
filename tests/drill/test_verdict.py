"""The verdict is a pure function, and the worst wins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.drill import FaultRecord, Finding, KnownDefect, Phase, Result, Verdict
from opslab.drill.verdict import NO_MUTANT, judge, judge_mutant, recorded

STAMP = "2026-01-05T00:00:00.000000Z"
CODES = ("OPS-A-ONE", "OPS-B-TWO", "OPS-C-THREE")


def _finding(result: Result, code: str) -> Finding:
    return Finding(check="x.y", phase=Phase.VERIFY, result=result, code="" if result is Result.PASS else code)


findings = st.lists(st.builds(_finding, st.sampled_from(Result), st.sampled_from(CODES)), max_size=6)
faults = st.lists(
    st.builds(
        lambda fired, healed: FaultRecord(
            fault="f", fired=fired, injected_at_utc=STAMP, healed_at_utc=STAMP if healed else None
        ),
        st.booleans(),
        st.booleans(),
    ),
    max_size=3,
)
known = st.sets(st.sampled_from(CODES)).map(
    lambda codes: [KnownDefect(code=code, versions=">=1", reference="r") for code in sorted(codes)]
)
trouble = st.none() | st.just("Trouble: x")


def _expected(found, broken, declared, error, assertion) -> Verdict:
    """The table of design 6, said in sets."""
    failed = {finding.code for finding in found if finding.result is Result.FAIL}
    codes = {defect.code for defect in declared}
    if error or any(fault.healed_at_utc is None for fault in broken):
        return Verdict.ERROR
    if failed - codes or assertion:
        return Verdict.FAIL
    if not found or any(finding.result is Result.UNKNOWN for finding in found) or not all(f.fired for f in broken):
        return Verdict.UNKNOWN
    if codes - failed:
        return Verdict.FAIL
    return Verdict.KNOWN_DEFECT if failed else Verdict.PASS


@given(findings, faults, known, trouble, trouble)
def test_the_table(found, broken, declared, error, assertion) -> None:
    judged = judge(found, broken, declared, error=error, assertion=assertion)
    assert judged.verdict is _expected(found, broken, declared, error, assertion)
    assert judged.message
    assert "\n" not in judged.message


@given(findings, faults, known, trouble, trouble)
def test_nothing_passes_with_a_failed_finding(found, broken, declared, error, assertion) -> None:
    found = [*found, _finding(Result.FAIL, "OPS-Z-LAST")]
    assert judge(found, broken, declared, error=error, assertion=assertion).verdict in {Verdict.FAIL, Verdict.ERROR}


@given(findings, faults, known, st.sampled_from(Result), st.sampled_from(CODES))
def test_a_further_finding_never_makes_it_a_pass(found, broken, declared, result, code) -> None:
    order = [Verdict.PASS, Verdict.KNOWN_DEFECT, Verdict.UNKNOWN, Verdict.FAIL, Verdict.ERROR]
    before = judge(found, broken, declared).verdict
    after = judge([*found, _finding(result, code)], broken, declared).verdict
    if before in order[3:] and not declared:
        assert order.index(after) >= order.index(before)
    if result is not Result.PASS:
        assert after is not Verdict.PASS


def test_a_doubt_does_not_prove_a_defect_absent() -> None:
    defect = KnownDefect(code=CODES[0], versions=">=1", reference="r")
    judged = judge([_finding(Result.UNKNOWN, CODES[1])], [], [defect])
    assert judged.verdict is Verdict.UNKNOWN


@given(findings, known, trouble, trouble)
def test_only_a_check_that_says_fail_catches_a_mutant(found, declared, error, assertion) -> None:
    judged, outcome = judge_mutant("m", found, declared, error=error, assertion=assertion)
    codes = {defect.code for defect in declared}
    is_caught = any(finding.result is Result.FAIL and finding.code not in codes for finding in found) and not error
    assert (outcome == "caught") is is_caught
    assert (judged.verdict is Verdict.PASS) is is_caught
    assert (outcome == "error") is bool(error)


@given(findings, trouble, trouble)
def test_a_drill_without_mutants_is_toothless_whatever_it_finds(found, error, assertion) -> None:
    judged, outcome = judge_mutant(NO_MUTANT, found, [], error=error, assertion=assertion)
    assert (judged.verdict, outcome) == (Verdict.FAIL, "toothless")
    assert "declares no mutant" in judged.message


@pytest.mark.parametrize(
    ("found", "assertion", "why"),
    [
        ([], None, "no check said fail"),
        ([], "assert 1 == 2", "only this, no check: assert 1 == 2"),
        ([_finding(Result.UNKNOWN, CODES[0])], None, "only a doubt"),
    ],
)
def test_a_survivor_says_why(found, assertion, why) -> None:
    judged, _ = judge_mutant("m", found, [], assertion=assertion)
    assert why in judged.message


@pytest.mark.parametrize("outcome", ["known_defect", "fail", "unknown", "error", "skipped", "caught", "toothless"])
def test_only_a_pass_has_another_word(outcome) -> None:
    assert recorded("pass", "expected_warning") == "expected_warning"
    assert recorded("pass", None) == "pass"
    assert recorded(outcome, "expected_warning") == outcome
