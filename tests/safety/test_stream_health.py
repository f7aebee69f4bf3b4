"""Whether a user stream tells what happens at the venue."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from opslab.safety.stream_health import Account, Hearing, unheard

ONE, TWO = Decimal(1), Decimal(2)
AMOUNTS = st.dictionaries(st.sampled_from("abc"), st.sampled_from([Decimal(0), ONE, TWO]))


def kinds(venue, heard):
    return sorted(each[0] for each in unheard(venue, heard))


def test_an_order_that_is_over_at_the_venue_only():
    assert kinds(Account({}), Account({"a": ONE}, known=frozenset("a"))) == ["over"]


def test_a_fill_that_was_not_told():
    assert kinds(Account({"a": TWO}), Account({"a": ONE}, known=frozenset("a"))) == ["fill"]


def test_a_fill_that_the_query_does_not_show_yet():
    assert kinds(Account({"a": ONE}), Account({"a": TWO}, known=frozenset("a"))) == []


def test_an_order_that_nobody_was_told_of():
    assert kinds(Account({"a": ONE}), Account({})) == ["order"]


def test_an_order_that_was_told_as_over_is_no_matter_of_the_stream():
    assert kinds(Account({"a": ONE}), Account({}, known=frozenset("a"))) == []


def test_a_position_that_differs():
    assert kinds(Account({}, {"x": ONE}), Account({})) == ["position"]
    assert kinds(Account({}), Account({}, {"x": ONE})) == ["position"]


def test_an_order_in_flight_that_the_venue_was_asked_for_by_name():
    assert kinds(Account({}, answers={"a": "FILLED"}), Account({})) == ["order"]
    assert kinds(Account({}, answers={"a": "FILLED"}), Account({}, known=frozenset("a"))) == []


def test_a_balance_that_differs():
    assert kinds(Account({}, balances={"BTC": ONE}), Account({}, balances={"BTC": TWO})) == ["balance"]
    assert kinds(Account({}, balances={"BTC": ONE}), Account({})) == ["balance"]


@given(AMOUNTS, AMOUNTS)
def test_who_believes_what_the_venue_says_has_heard_everything(orders, positions):
    assert not unheard(Account(orders, positions), Account(orders, positions, frozenset(orders)))


def test_a_difference_must_last():
    hearing, found = Hearing(1.0), frozenset({("over", "a", "over", "open")})
    assert hearing.hear(0.0, found) == ()
    assert hearing.hear(0.9, found) == ()
    assert hearing.hear(1.0, found) == tuple(found)


def test_a_difference_that_went_away_begins_anew():
    hearing, found = Hearing(1.0), frozenset({("over", "a", "over", "open")})
    hearing.hear(0.0, found)
    hearing.hear(0.5, frozenset())
    assert hearing.hear(1.1, found) == ()


def test_what_a_new_stream_does_not_explain_counts_no_more_while_it_lasts():
    hearing, found = Hearing(0.0), frozenset({("position", "x", "1", "2")})
    hearing.excuse(found)
    assert hearing.hear(0.0, found) == ()
    hearing.hear(1.0, frozenset())
    assert hearing.hear(2.0, found) == tuple(found)


def test_another_difference_of_the_same_order_counts():
    hearing = Hearing(0.0)
    hearing.excuse(frozenset({("fill", "a", "1 filled", "0 filled")}))
    assert hearing.hear(0.0, frozenset({("fill", "a", "2 filled", "0 filled")}))
