"""When countdowns are renewed and believed in: compared with a venue that counts for itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.dead_man import MOST_WEIGHT, RENEWALS, refusal, weight_per_minute
from opslab.safety.dead_man import Renewals, may_end

BTC, ETH = "BTCUSDT", "ETHUSDT"


@pytest.fixture
def renewals():
    found = Renewals(1.0)
    found.add([BTC])
    return found


def test_each_symbol_is_renewed_several_times_within_a_countdown(renewals):
    renewals.add([ETH, BTC])
    sent = [renewals.due(step / 100) for step in range(100)]
    assert [one for one in sent if one] == [(BTC, ETH)] * RENEWALS


def test_a_symbol_that_comes_later_is_due_at_once(renewals):
    renewals.due(5.0)
    renewals.add([ETH])
    assert renewals.due(5.0) == (ETH,)


def test_nothing_is_believed_before_the_venue_confirms(renewals):
    renewals.due(0.0)
    assert renewals.unarmed(0.1) == (BTC,)
    assert renewals.lost(9.0) == ()
    assert renewals.confirm(BTC, 0.0, 0.1)
    assert renewals.unarmed(0.1) == ()


def test_an_answer_that_comes_after_the_countdown_proves_nothing(renewals):
    assert not renewals.confirm(BTC, 0.0, 1.0)
    assert renewals.unarmed(1.0) == (BTC,)


def test_a_countdown_is_lost_once_and_regained(renewals):
    renewals.confirm(BTC, 0.0, 0.1)
    assert [renewals.lost(now) for now in (0.9, 1.0, 1.1)] == [(), (BTC,), ()]
    assert renewals.confirm(BTC, 1.1, 1.2)
    assert not renewals.confirm(BTC, 1.3, 1.4)
    assert renewals.lost(2.3) == (BTC,)


def test_only_the_first_failure_in_a_row_is_told(renewals):
    assert [renewals.fail(BTC) for _ in range(3)] == [True, False, False]
    renewals.confirm(BTC, 0.0, 0.1)
    assert renewals.fail(BTC)
    assert (renewals.confirmed, renewals.failed, renewals.weight) == (1, 4, 50)


def test_an_old_answer_takes_nothing_back(renewals):
    renewals.confirm(BTC, 0.5, 0.6)
    renewals.confirm(BTC, 0.0, 0.7)
    assert renewals.unarmed(1.4) == ()


MS = st.integers(0, 3000)


@given(st.lists(st.tuples(MS, MS, MS, st.booleans()), max_size=20), MS)
def test_what_is_believed_runs_at_the_venue(trips, look):
    """Requests are sent, arrive and are answered at any time, or never are: no countdown is believed that is over."""
    renewals, heard = Renewals(1.0), []
    renewals.add([BTC])
    for sent, there, back, is_answered in sorted(trips):
        arrives = sent + there
        if arrives <= look:
            heard.append(arrives)
        if is_answered and arrives + back <= look:
            renewals.confirm(BTC, sent / 1000, (arrives + back) / 1000)
    # Milliseconds at the venue: it counts from each renewal that it heard.
    runs_until = max(heard, default=-10_000) + 1000
    if not renewals.unarmed(look / 1000):
        assert runs_until > look


def test_any_trouble_keeps_the_countdown_running():
    assert may_end([None, None]) is None
    assert may_end([None, "it hangs", "it shut itself down"]) == "it hangs"


@given(st.floats(1, 86_400), st.integers(1, 100), st.floats(0.1, 86_400))
def test_what_is_refused_would_use_up_the_limit_and_the_advice_helps(seconds, symbols, runs):
    why = refusal(seconds, symbols, runs)
    assert (why is not None) == (weight_per_minute(seconds, symbols, runs) > MOST_WEIGHT)
    least = weight_per_minute(1.0, symbols, runs) / MOST_WEIGHT
    assert refusal(max(1.0, least * 1.001), symbols, runs) is None
