"""The order of phases, and that it is told."""

from __future__ import annotations

import pytest

from opslab.contract.drill import Phase
from opslab.errors import CheckFailed, DrillError


def test_a_drill_goes_through_its_phases_in_order(drill, checks, recorder, make_fault) -> None:
    drill.steady(checks["pass"])
    with drill.inject(make_fault()):
        drill.detects(checks["pass"])
        drill.contains(checks["pass"])
    drill.recovers(checks["pass"])
    drill.holds(checks["pass"])
    drill.end()
    assert recorder.phases == ["steady", "inject", "observe", "heal", "verify"]
    assert [timing.phase.value for timing in drill.phases] == recorder.phases
    assert [event.phase for event in recorder.events if event.event == "drill_phase_entered"] == recorder.phases
    assert recorder.heard[-1] == "ended"


def test_steady_comes_first(drill, checks, make_fault) -> None:
    with drill.inject(make_fault()), pytest.raises(DrillError, match=r"steady\(\) comes first"):
        drill.steady(checks["pass"])
    with pytest.raises(DrillError, match=r"steady\(\) comes first"):
        drill.steady(checks["pass"])


def test_steady_twice_is_one_phase(drill, checks, recorder) -> None:
    drill.steady(checks["pass"])
    drill.steady(checks["pass"])
    assert recorder.phases == ["steady"]


@pytest.mark.parametrize("verb", ["detects", "contains"])
def test_nothing_is_detected_where_nothing_was_injected(drill, checks, verb) -> None:
    with pytest.raises(DrillError, match=rf"{verb}\(\) comes after an injection"):
        getattr(drill, verb)(checks["pass"])


def test_recovery_comes_after_the_healing(drill, checks, make_fault) -> None:
    with drill.inject(make_fault()), pytest.raises(DrillError, match="comes after the healing"):
        drill.recovers(checks["pass"])


def test_recovery_without_an_injection_is_verified(drill, checks, recorder) -> None:
    drill.recovers(checks["pass"])
    assert recorder.phases == ["verify"]


@pytest.mark.parametrize("verb", ["steady", "detects", "contains", "recovers", "holds"])
def test_asking_nothing_is_refused(make_drill, make_fault, verb) -> None:
    drill = make_drill(detect_within=5, contain_within=5, recover_within=5)
    if verb != "steady":
        with drill.inject(make_fault()):
            pass
    with pytest.raises(DrillError, match="no check is named"):
        getattr(drill, verb)()
    assert drill.findings == []


def test_injections_may_follow_one_another(drill, checks, recorder, make_fault) -> None:
    for name in ("one", "two"):
        with drill.inject(make_fault(name)):
            drill.holds(checks["pass"])
        drill.recovers(checks["pass"])
    assert recorder.phases == ["inject", "observe", "heal", "verify"] * 2
    assert [fault.fault for fault in drill.faults] == ["one", "two"]


def test_injections_may_lie_inside_one_another(drill, checks, recorder, make_fault) -> None:
    with drill.inject(make_fault("outer")):
        with drill.inject(make_fault("inner")):
            drill.holds(checks["pass"])
        drill.recovers(checks["pass"])
        drill.holds(checks["pass"])
        assert drill.phase is Phase.OBSERVE
    drill.recovers(checks["pass"])
    told = ["inject", "observe", "inject", "observe", "heal", "observe", "heal", "verify"]
    assert recorder.phases == told
    assert [fault.fault for fault in drill.faults] == ["inner", "outer"]


def test_phases_are_timed(drill, checks, clock, make_fault) -> None:
    drill.steady(checks["pass"])
    clock.seconds += 2
    with drill.inject(make_fault()):
        clock.seconds += 3
    drill.holds(checks["pass"])
    clock.seconds += 4
    drill.end()
    assert {timing.phase.value: timing.seconds for timing in drill.phases} == {
        "steady": 2,
        "inject": 0,
        "observe": 3,
        "heal": 0,
        "verify": 4,
    }


def test_findings_bear_the_phase_that_they_were_asked_in(drill, checks, make_fault) -> None:
    drill.steady(checks["pass"])
    with drill.inject(make_fault()):
        drill.holds(checks["pass"])
    drill.detects(checks["pass"])
    assert [finding.phase.value for finding in drill.findings] == ["steady", "observe", "verify"]


def test_an_ended_drill_is_over(drill, checks, make_fault) -> None:
    drill.holds(checks["pass"])
    drill.end()
    drill.end()
    for use in (lambda: drill.holds(checks["pass"]), lambda: drill.record("x", 1)):
        with pytest.raises(DrillError, match="has ended"):
            use()
    assert len(drill.findings) == 1


def test_an_injection_that_outlives_the_drill_is_healed_and_told(drill, make_fault) -> None:
    fault = make_fault()
    injection = drill.inject(fault)
    injection.__enter__()
    drill.end()
    with pytest.raises(DrillError, match="has ended"):
        injection.__exit__(None, None, None)
    assert fault.calls == ["begin", "heal"]


def test_a_finding_stops_the_drill_with_every_code(drill, checks) -> None:
    with pytest.raises(CheckFailed, match=r"OPS-DEMO-BAD: demo\.fails: bad") as caught:
        drill.holds(checks["pass"], checks["fail"], checks["doubt"])
    assert caught.value.codes == ("OPS-DEMO-BAD",)
    assert [finding.result.value for finding in drill.findings] == ["pass", "fail", "unknown"]
    assert "expected: 1" in str(caught.value)


def test_a_known_defect_is_written_down_and_the_drill_goes_on(make_drill, checks) -> None:
    drill = make_drill(known=frozenset({"OPS-DEMO-BAD"}))
    drill.holds(checks["fail"])
    drill.holds(checks["pass"])
    assert [finding.code for finding in drill.findings] == ["OPS-DEMO-BAD", ""]
