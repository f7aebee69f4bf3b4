"""What may leave while new risk is forbidden: nothing but what makes a position smaller."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.gate import decide
from opslab.safety.guard import MARK, Leaving, cause_of, reason_to_stop, refusal
from opslab.safety.reading import SwitchReading
from opslab.store.journal import Head

AMOUNTS = st.none() | st.decimals(min_value=-10, max_value=10, places=3)
ORDERS = st.builds(
    Leaving,
    signed_quantity=AMOUNTS,
    is_reduce_only=st.booleans(),
    position=AMOUNTS,
    closing=st.decimals(min_value=0, max_value=10, places=3),
)
HEAD = Head(0, "")
CAUSE = "pulled by ann: enough"


def reading(state, *doubts):
    return SwitchReading(run_id="k1", state=state, doubts=doubts, record=None, head=HEAD, has_sound_events=True)


@given(ORDERS)
def test_everything_leaves_while_nothing_forbids_it(order):
    assert reason_to_stop(None, order) is None


@given(ORDERS)
def test_what_leaves_a_closed_gate_makes_the_position_smaller(order):
    if reason_to_stop(CAUSE, order) is not None:
        return
    assert order.is_reduce_only
    after = order.position + order.signed_quantity
    assert abs(after) < abs(order.position)
    assert after * order.position >= 0
    assert abs(order.signed_quantity) + order.closing <= abs(order.position)


@given(st.decimals(min_value="0.001", max_value=10, places=3), st.booleans(), st.data())
def test_a_close_within_the_position_leaves(held, is_long, data):
    quantity = data.draw(st.decimals(min_value="0.001", max_value=held, places=3))
    position = held if is_long else -held
    closing = data.draw(st.decimals(min_value=0, max_value=held - quantity, places=3))
    signed = -quantity if is_long else quantity
    assert reason_to_stop(CAUSE, Leaving(signed, is_reduce_only=True, position=position, closing=closing)) is None


@pytest.mark.parametrize(
    ("order", "why"),
    [
        (Leaving(None, is_reduce_only=True, position=Decimal(1)), "not known"),
        (Leaving(Decimal(-1), is_reduce_only=True, position=None), "not known"),
        (Leaving(Decimal(-1), is_reduce_only=True, position=Decimal(0)), "no position"),
        (Leaving(Decimal(0), is_reduce_only=True, position=Decimal(1)), "nothing left"),
        (Leaving(Decimal(1), is_reduce_only=True, position=Decimal(1)), "add to the position"),
        (Leaving(Decimal(-1), is_reduce_only=False, position=Decimal(1)), "not reduce-only"),
        (Leaving(Decimal(-2), is_reduce_only=True, position=Decimal(1)), "larger than"),
        (Leaving(Decimal(-1), is_reduce_only=True, position=Decimal(1), closing=Decimal("0.001")), "larger than"),
    ],
)
def test_each_reason_is_told_with_its_cause(order, why):
    told = reason_to_stop(CAUSE, order)
    assert told is not None
    assert told.startswith(f"{MARK} {CAUSE} (")
    assert why in told


def test_an_open_gate_has_no_cause():
    assert cause_of(decide(reading("cleared"), reading("absent"))) is None


def test_a_closed_gate_says_why():
    cause = cause_of(decide(reading("active", "the index is broken"), reading("absent")))
    assert cause is not None
    assert "the index is broken" in cause


def test_a_refusal_names_both():
    assert refusal("a", "b") == f"{MARK} a (b)"
