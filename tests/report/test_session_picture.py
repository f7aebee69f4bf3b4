"""The picture of a drill's timeline: everything lies inside, and the short can be seen."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from opslab.clock import to_stamp
from opslab.contract.drill import FaultRecord, Phase, PhaseTiming
from opslab.report.session_page.picture import LANES, LEAST, drawn, sketched

moments = st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)).map(to_stamp)  # noqa: DTZ001 - hypothesis adds the zone
phases = st.builds(PhaseTiming, phase=st.sampled_from(Phase), started_at_utc=moments, seconds=st.floats(0, 1e6))
faults = st.builds(
    FaultRecord,
    fault=st.text(max_size=9),
    fired=st.booleans(),
    injected_at_utc=moments,
    healed_at_utc=st.none() | moments,
)
asked = st.builds(lambda ts, result: {"event": "check_evaluated", "ts_utc": ts, "result": result}, moments, st.text())


@example([PhaseTiming(phase=Phase.STEADY, started_at_utc="2026-01-01T00:00:00Z", seconds=1e-308)], [], [])
@given(st.lists(phases, min_size=1, max_size=6), st.lists(faults, max_size=6), st.lists(asked, max_size=3))
def test_everything_lies_inside(phases, faults, asked):
    picture = drawn(phases, faults, asked)
    assert len(picture.phases) == len(phases)
    assert len(picture.faults) == min(len(faults), LANES)
    for bar in (*picture.phases, *picture.faults):
        assert bar.width >= LEAST
        assert bar.x >= 0
        assert bar.x + bar.width <= 100.0001
    assert all(0 <= mark.x <= 100 for mark in picture.marks)


def test_a_fault_that_was_never_healed_lasts_to_the_end():
    begun = PhaseTiming(phase=Phase.INJECT, started_at_utc="2026-01-01T00:00:00Z", seconds=4.0)
    fault = FaultRecord(fault="f", fired=True, injected_at_utc="2026-01-01T00:00:01Z", healed_at_utc=None)
    (bar,) = drawn([begun], [fault], []).faults
    assert (bar.x, bar.width, bar.seconds) == (25.0, 75.0, 3.0)


def test_without_phases_there_is_no_picture():
    assert drawn([], [], []) is None
    assert sketched({}) is None


def test_a_drill_that_took_no_time_can_be_drawn():
    assert [bar.width for bar in sketched({"steady": 0.0, "of a later lab": 0.0}).phases] == [LEAST, LEAST]
