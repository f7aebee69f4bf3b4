"""What an answer proves, and when an absent order proves that there is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.ambiguity import Belief, Doubt, Fate, Told, fate_of, pause


@pytest.mark.parametrize(
    ("status", "code", "message", "fate"),
    [
        (400, -2019, "Margin is insufficient.", Fate.REFUSED),
        (400, -2010, "Account has insufficient balance.", Fate.REFUSED),
        (400, -2010, "Duplicate order sent.", Fate.OPEN),
        (400, -4116, "ClientOrderId is duplicated.", Fate.OPEN),
        (429, None, "", Fate.REFUSED),
        (418, -1003, "banned", Fate.REFUSED),
        (503, -1008, "overloaded", Fate.REFUSED),
        (503, -1007, "Timeout", Fate.OPEN),
        (500, None, "<html>", Fate.OPEN),
        (403, None, "<html>", Fate.OPEN),
        (408, -1007, "Timeout", Fate.OPEN),
        (400, -1006, "Unexpected response", Fate.OPEN),
        (200, None, "Non-JSON response", Fate.OPEN),
        (None, None, "KILL_SWITCH", Fate.REFUSED),
    ],
)
def test_only_a_clear_no_is_a_refusal(status, code, message, fate):
    assert fate_of(status, code, message) is fate


@given(st.integers(500, 599), st.one_of(st.none(), st.integers(-9999, -1)).filter(lambda code: code != -1008))
def test_no_error_of_a_server_is_a_refusal(status, code):
    assert fate_of(status, code) is Fate.OPEN


def test_an_order_that_is_there_is_believed_at_once():
    assert Doubt(0.0, 5.0).hear(Told.THERE, 0.0) is Belief.THERE


def test_an_absent_order_proves_nothing_before_its_request_must_have_arrived():
    doubt = Doubt(0.0, 5.0)
    assert [doubt.hear(Told.ABSENT, now) for now in (1.0, 2.0, 4.9, 5.0, 5.5)] == [Belief.OPEN] * 4 + [Belief.ABSENT]


def test_a_question_without_an_answer_begins_the_proof_anew():
    doubt = Doubt(0.0, 1.0)
    said = [doubt.hear(told, 2.0) for told in (Told.ABSENT, Told.NOTHING, Told.ABSENT, Told.ABSENT)]
    assert said == [Belief.OPEN, Belief.OPEN, Belief.OPEN, Belief.ABSENT]


@given(st.lists(st.tuples(st.sampled_from(Told), st.floats(0, 100)), max_size=30))
def test_absence_is_never_believed_early_or_against_an_answer(answers):
    doubt, in_a_row = Doubt(0.0, 10.0), 0
    for told, now in sorted(answers, key=lambda each: each[1]):
        in_a_row = in_a_row + 1 if told is Told.ABSENT and now >= 10.0 else in_a_row if told is Told.ABSENT else 0
        belief = doubt.hear(told, now)
        if told is Told.THERE:
            assert belief is Belief.THERE
            break
        assert (belief is Belief.ABSENT) == (told is Told.ABSENT and in_a_row >= doubt.proofs)


@given(st.integers(1, 10**9), st.floats(0.001, 10), st.floats(10, 1000))
def test_pauses_grow_up_to_a_bound(attempt, first, most):
    assert first <= pause(attempt, first, most) <= pause(attempt + 1, first, most) <= most
