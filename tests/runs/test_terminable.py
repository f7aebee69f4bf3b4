"""The first signal stops a run; none that comes while it is being ended, or told of, changes anything."""

from __future__ import annotations

import signal

import pytest

from opslab.runs.terminable import terminable

RAISED = {signal.SIGINT: KeyboardInterrupt, signal.SIGTERM: SystemExit}


@pytest.fixture(autouse=True)
def unhandled():
    """Give the signals what they meet where nobody handles them, whatever pytest does, and take it back."""
    mine = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in mine.items()}
    yield
    assert {number: signal.getsignal(number) for number in mine} == mine
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", RAISED)
def test_the_first_one_raises_and_a_second_one_is_not_heard(number):
    with terminable() as found:
        with pytest.raises(RAISED[number]):
            signal.raise_signal(number)
        for other in RAISED:
            signal.raise_signal(other)
        assert found.came is number


@pytest.mark.parametrize("number", RAISED)
def test_none_is_heard_once_the_end_is_written(number):
    with terminable() as found:
        assert found.end() is None
        signal.raise_signal(number)
        assert found.came is None


@pytest.mark.parametrize("number", RAISED)
def test_one_that_somebody_kept_to_themselves_is_told_before_the_end(number):
    with terminable() as found:
        with pytest.raises(RAISED[number]):
            signal.raise_signal(number)
        with pytest.raises(RAISED[number]):
            found.require_none()
        assert found.is_over


def test_what_ends_an_inner_one_holds_until_the_outer_ones_end():
    with terminable() as outer:
        with terminable() as inner:
            inner.end()
        assert inner is outer
        signal.raise_signal(signal.SIGINT)
        assert outer.came is None


def test_a_handler_of_somebody_elses_is_left_alone():
    heard = []
    signal.signal(signal.SIGTERM, lambda number, _frame: heard.append(number))
    with terminable() as found:
        signal.raise_signal(signal.SIGTERM)
    assert (heard, found.came) == ([signal.SIGTERM], None)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
