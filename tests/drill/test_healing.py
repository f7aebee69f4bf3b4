"""An injection always heals, whatever happens inside or on the way."""

from __future__ import annotations

import pytest

from opslab.errors import CheckFailed, DrillError, StoreError


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, CheckFailed])
def test_a_body_that_raises_is_healed_and_heard(drill, make_fault, error) -> None:
    fault = make_fault()
    with pytest.raises(error), drill.inject(fault):
        raise error("x")
    assert fault.calls == ["begin", "heal"]
    assert drill.faults[0].healed_at_utc is not None


def test_a_failed_check_inside_heals(drill, checks, make_fault) -> None:
    fault = make_fault()
    with pytest.raises(CheckFailed), drill.inject(fault):
        drill.holds(checks["fail"])
    assert fault.calls == ["begin", "heal"]


def test_a_fault_that_breaks_while_it_begins_is_healed(drill, make_fault) -> None:
    class Half(make_fault):
        def begin(self) -> None:
            super().begin()
            raise OSError("half way")

    fault = Half()
    with pytest.raises(OSError, match="half way"), drill.inject(fault):
        pytest.fail("the body ran")
    assert fault.calls == ["begin", "heal"]


def test_a_fault_that_cannot_say_whether_it_fired_is_healed(drill, make_fault) -> None:
    class Mute(make_fault):
        @property
        def fired(self) -> bool:
            raise RuntimeError("no idea")

        @fired.setter
        def fired(self, value: bool) -> None:
            pass

    fault = Mute()
    with pytest.raises(DrillError, match="no idea"), drill.inject(fault):
        pass
    assert fault.calls == ["begin", "heal"]
    assert not drill.faults[0].fired


def test_a_journal_that_is_full_does_not_keep_a_fault_from_being_healed(make_drill, make_fault) -> None:
    class Full:
        def entered(self, phase) -> None:
            pass

        def told(self, event) -> None:
            if getattr(event, "phase", None) == "heal":
                raise StoreError("disk full")

        def ended(self) -> None:
            pass

    fault = make_fault()
    with pytest.raises(StoreError, match="disk full"), make_drill(listeners=(Full(),)).inject(fault):
        pass
    assert fault.calls == ["begin", "heal"]


def test_a_fault_that_cannot_be_healed_is_trouble_and_written_down(drill, make_fault) -> None:
    class Stuck(make_fault):
        def heal(self) -> None:
            raise RuntimeError("stuck")

    with pytest.raises(DrillError, match="healing fault demo failed: RuntimeError: stuck"), drill.inject(Stuck()):
        pass
    assert drill.faults[0].healed_at_utc is None


def test_the_inner_fault_is_healed_first(drill, make_fault) -> None:
    order = []

    class Noted(make_fault):
        def heal(self) -> None:
            order.append(self.name)

    with drill.inject(Noted("outer")), drill.inject(Noted("inner")):
        pass
    assert order == ["inner", "outer"]


def test_healing_is_told_with_whether_it_fired(drill, recorder, make_fault) -> None:
    with drill.inject(make_fault(fired=False)):
        pass
    (healed,) = [event for event in recorder.events if event.event == "fault_healed"]
    assert (healed.fault, healed.fired) == ("demo", False)
