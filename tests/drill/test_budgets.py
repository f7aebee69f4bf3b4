"""Budgets: measured from the injection or the healing, on a clock that the test moves."""

from __future__ import annotations

import pytest

from opslab.errors import CheckFailed, CheckUnknown


@pytest.mark.parametrize(("verb", "budget"), [("detects", "detect_within"), ("contains", "contain_within")])
def test_kept_from_the_injection_on(make_drill, checks, world, clock, make_fault, verb, budget) -> None:
    drill = make_drill(**{budget: "5s"})
    clock.seconds, world.well_at = 100.0, 103.0
    with drill.inject(make_fault()):
        getattr(drill, verb)(checks["well"])
    (record,) = drill.budgets
    assert (record.budget, record.limit_seconds, record.seconds) == (budget, 5.0, 3.0)
    assert [(finding.check, finding.result.value) for finding in drill.findings] == [
        ("world.well", "pass"),
        (f"budget.{budget}", "pass"),
    ]


def test_recovery_is_measured_from_the_healing_on(make_drill, checks, world, clock, make_fault) -> None:
    drill = make_drill(recover_within="5s")
    with drill.inject(make_fault()):
        clock.seconds += 60
    world.well_at = 64.0
    drill.recovers(checks["well"])
    assert drill.budgets[0].seconds == 4.0


def test_nothing_in_time_is_a_finding_of_check_and_budget(make_drill, checks, world, clock, make_fault) -> None:
    drill = make_drill(recover_within="5s")
    world.well_at = 1000.0
    with drill.inject(make_fault()):
        pass
    with pytest.raises(CheckFailed, match=r"OPS-BUDGET-RECOVER: budget\.recover_within: was not reached") as caught:
        drill.recovers(checks["well"])
    assert caught.value.codes == ("OPS-DEMO-ILL", "OPS-BUDGET-RECOVER")
    assert drill.budgets[0].seconds is None
    assert clock.seconds == 5.0


def test_asked_too_late_is_a_finding_though_all_is_well(make_drill, checks, clock, make_fault) -> None:
    drill = make_drill(recover_within="5s")
    with drill.inject(make_fault()):
        pass
    clock.seconds += 7
    with pytest.raises(CheckFailed, match=r"took 7\.000 s, allowed are 5 s") as caught:
        drill.recovers(checks["well"])
    assert caught.value.codes == ("OPS-BUDGET-RECOVER",)


def test_exactly_the_limit_is_kept(make_drill, checks, clock, make_fault) -> None:
    drill = make_drill(recover_within="5s")
    with drill.inject(make_fault()):
        pass
    clock.seconds += 5
    drill.recovers(checks["well"])
    assert drill.budgets[0].seconds == 5.0


def test_a_doubt_stays_a_doubt(make_drill, checks, make_fault) -> None:
    drill = make_drill(detect_within="2s")
    with drill.inject(make_fault()), pytest.raises(CheckUnknown):
        drill.detects(checks["doubt"])
    assert {finding.result.value for finding in drill.findings} == {"unknown"}


def test_a_known_defect_explains_its_budget(make_drill, checks, make_fault) -> None:
    drill = make_drill(known=frozenset({"OPS-DEMO-BAD"}), recover_within="2s")
    with drill.inject(make_fault()):
        pass
    drill.recovers(checks["fail"])
    assert [finding.code for finding in drill.findings] == ["OPS-DEMO-BAD"]
    assert drill.budgets[0].seconds is None


def test_without_a_budget_it_is_asked_once(drill, checks, world, clock, make_fault) -> None:
    world.well_at = 1.0
    with drill.inject(make_fault()):
        pass
    with pytest.raises(CheckFailed):
        drill.recovers(checks["well"])
    assert clock.seconds == 0.0
    assert drill.budgets == []


def test_a_history_that_never_changes_is_not_waited_for(make_drill, checks, world, clock, make_fault) -> None:
    world.wait = lambda _seconds: False
    world.well_at = 1.0
    drill = make_drill(detect_within="1h")
    with drill.inject(make_fault()), pytest.raises(CheckFailed):
        drill.detects(checks["well"])
    assert clock.seconds == 0.0


def test_the_budget_of_a_nested_injection_runs_from_its_own_begin(make_drill, checks, clock, make_fault) -> None:
    drill = make_drill(detect_within="5s")
    with drill.inject(make_fault("outer")):
        clock.seconds += 60
        with drill.inject(make_fault("inner")):
            drill.detects(checks["well"])
    assert drill.budgets[0].seconds == 0.0
