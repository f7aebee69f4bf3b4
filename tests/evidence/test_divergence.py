"""Orders that differ since the strategy had been told otherwise: by the lines of two event streams, never by a guess."""

from __future__ import annotations

from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.test_comparison import compared, rewrite

from opslab.evidence.deeds import add, begun
from opslab.evidence.stream import stream_of
from opslab.evidence.told import Teller

SECOND = 10**9
PACE = 600
"""Of the fixture's paper run."""
STEP = 300 * SECOND
"""Between two decisions, in the market's time; half a second of the paper run."""


def made(name, at, side="SELL", quantity="0.010", **more):
    return {"type": "OrderInitialized", "client_order_id": name, "instrument_id": "BTCUSDT.BINANCE", "order_side": side,
            "order_type": "MARKET", "quantity": quantity, "ts_event": at, "ts_init": at, **more}  # fmt: skip


def became(name, kind, at, **more):
    return {"type": f"Order{kind}", "client_order_id": name, "ts_event": at, "ts_init": at, **more}


def filled(name, at, quantity="0.010"):
    return became(name, "Filled", at, last_qty=quantity, last_px="43916.2")


def limit(name, at):
    return made(name, at, order_type="LIMIT", price="40000.0")


@pytest.fixture
def causes(lab, bundles):
    """Return the causes of all differences between two streams, in order."""

    def ask(backtest, paper):
        rewrite(bundles[0], lambda _: backtest)
        rewrite(bundles[1], lambda _: paper)
        found = compared(lab)
        ask.found = found
        return [(item.order, item.kind, str(item.cause)) for item in found.differences]

    return ask


BACKTEST = [made("a", 0), filled("a", 1), made("b", STEP), filled("b", STEP + 1)]


def paper(told, *, is_before=False):
    """Return a run in which the first order's fill was told at ``told`` (ns), after the second was made."""
    second, fill = made("b", STEP // PACE, side="BUY"), filled("a", told)
    return [made("a", 0), *((fill, second) if is_before else (second, fill)), filled("b", told + SECOND)]


def test_an_order_made_before_an_answer_that_the_backtest_had_is_the_paces(causes):
    assert causes(BACKTEST, paper(6 * SECOND // 10))[0] == (2, "intent", "pace")
    (note,) = {item.note for item in causes.found.differences if item.kind == "intent"}
    assert note == "order 1 was not answered yet when it was made: 600 ms are 360 s of the market at pace 600"
    assert causes.found.comparison_status == "differences_expected"
    assert causes.found.unexplained_total == 0
    assert any("played too fast" in note for note in causes.found.notes)


def test_an_answer_that_would_have_been_late_at_the_markets_own_pace_is_not(causes):
    assert causes(BACKTEST, paper(STEP))[0] == (2, "intent", "unknown")
    assert causes(BACKTEST, paper(STEP - 1))[0] == (2, "intent", "pace")


def test_an_answer_that_had_come_is_not(causes):
    assert causes(BACKTEST, paper(SECOND // 10, is_before=True))[0] == (2, "intent", "unknown")


def test_an_answer_that_never_came_is_not(causes):
    silent = [event for event in paper(SECOND) if event["type"] != "OrderFilled"]
    assert causes(BACKTEST, silent)[0][2] == "unknown"


def test_an_answer_that_the_backtest_did_not_have_either_is_not(causes):
    late = [made("a", 0), made("b", STEP), filled("a", STEP + 1), filled("b", STEP + 2)]
    assert causes(late, paper(6 * SECOND // 10))[0] == (2, "intent", "unknown")


def third(at, side, quantity, told):
    return [made("c", at, side=side, quantity=quantity), filled("c", told, quantity)]


def test_what_follows_from_it_bears_its_name(causes):
    backtest = [*BACKTEST, *third(2 * STEP, "BUY", "0.020", 2 * STEP + 1)]
    late = [*paper(6 * SECOND // 10), *third(2 * SECOND, "SELL", "0.015", 3 * SECOND)]
    assert {cause for _, _, cause in causes(backtest, late)} == {"pace"}
    notes = [item.note for item in causes.found.differences if item.order == 3]
    assert "the runs parted at order 2" in notes[0]


def test_an_order_made_on_the_same_knowledge_is_not_explained_by_it(causes):
    """The runs part, and meet again with nothing held and nothing resting: what differs then has another reason."""
    backtest = [*BACKTEST, *third(2 * STEP, "BUY", "0.020", 2 * STEP + 1), made("d", 3 * STEP)]
    given_up = [limit("c", 2 * SECOND), became("c", "Accepted", 2 * SECOND), became("c", "Canceled", 3 * SECOND)]
    late = [*paper(6 * SECOND // 10), *given_up, made("d", 4 * SECOND, side="BUY")]
    found = causes(backtest, late)
    assert {cause for order, _, cause in found if 0 < order < 4} == {"pace"}
    assert (4, "intent", "unknown") in found


@pytest.mark.parametrize(("pause", "cause"), [((), "pace"), (("Accepted",), "unknown")])
def test_an_order_made_at_one_go_with_another_bears_its_cause(causes, pause, cause):
    """The fourth order is made on the same knowledge as in the backtest, right after one that is another there."""
    backtest = [*BACKTEST, *third(2 * STEP, "BUY", "0.020", 2 * STEP + 1), made("d", 3 * STEP)]
    late = [*paper(6 * SECOND // 10), made("c", 2 * SECOND, side="SELL", quantity="0.015")]
    late += [became("c", kind, 3 * SECOND) for kind in pause] + [made("d", 2 * SECOND, side="BUY")]
    if pause:
        late.insert(-1, became("c", "Canceled", 3 * SECOND))
    assert (4, "intent", cause) in causes(backtest, late)


def test_only_an_order_that_waits_is_late(causes):
    """The first order is never answered in either run; the second was, in time."""
    backtest = [made("a", 0), made("b", 0), filled("b", 1), made("c", STEP)]
    in_time = [made("a", 0), made("b", 0), filled("b", SECOND // 10), made("c", STEP // PACE, side="BUY")]
    assert causes(backtest, in_time) == [(3, "intent", "unknown")]


def test_the_answer_to_another_order_says_nothing(causes):
    other = [made("a", 0, quantity="0.020"), *paper(6 * SECOND // 10)[1:]]
    found = causes(BACKTEST, other)
    assert (1, "intent", "unknown") in found
    assert (2, "intent", "unknown") in found


def test_nothing_follows_from_a_doubt(causes):
    backtest = [*BACKTEST, *third(2 * STEP, "BUY", "0.020", 2 * STEP + 1)]
    doubtful = [*paper(6 * SECOND // 10), *third(2 * SECOND, "SELL", "0.015", 3 * SECOND)]
    doubtful[2] = filled("a", 6 * SECOND // 10, "0.004")
    found = causes(backtest, doubtful)
    assert (1, "fill_quantity", "unknown") in found
    assert (3, "intent", "unknown") in found


def resting(ending, told, cancels):
    """Return an order that is answered at ``told``, between two others that say when the candles were due."""
    ends = [became("l", "Canceled", cancels)] if ending == "Canceled" else []
    return [limit("l", 0), became("l", "Accepted", told), *ends]


def test_an_order_that_rested_too_late_to_be_canceled_is_the_paces(causes):
    backtest = resting("Canceled", 1, STEP)
    assert causes(backtest, resting("Accepted", 6 * SECOND // 10, None)) == [(1, "ending", "pace")]


def test_one_that_rested_in_time_and_was_not_canceled_is_not(causes):
    backtest = resting("Canceled", 1, STEP)
    assert causes(backtest, resting("Accepted", 4 * SECOND // 10, None)) == [(1, "ending", "unknown")]


def test_an_order_that_differs_does_not_say_when_candles_were_due(causes):
    backtest = [
        made("a", 0),
        filled("a", 1),
        limit("l", STEP),
        became("l", "Accepted", STEP),
        became("l", "Canceled", 2 * STEP),
    ]
    held_up = 5 * SECOND
    other = [
        made("a", 0, side="BUY"),
        filled("a", 1),
        limit("l", held_up),
        became("l", "Accepted", held_up + 3 * SECOND // 10),
    ]
    assert (2, "ending", "unknown") in causes(backtest, other)


NAMES = st.sampled_from("abcde")
KINDS = st.sampled_from(["Submitted", "Accepted", "Filled", "Canceled", "Rejected", "PendingCancel", "Initialized"])


@given(st.lists(st.tuples(NAMES, KINDS, st.sampled_from(["BUY", "SELL"])), max_size=40))
def test_what_was_known_is_what_stands_before(script):
    teller, deeds, before = Teller(), {}, []
    numbers = count(1)
    for name, kind, side in script:
        event = made(name, 0, side) if kind == "Initialized" else became(name, kind, 0, last_qty="0.001", last_px="1")
        line = next(numbers)
        if kind == "Initialized":
            if name in deeds:
                continue
            deeds[name] = deed = begun(event)
            teller.made(deed, name, len(deeds), line)
            assert deed.known == naive(before, deeds)
        elif name in deeds:
            add(deeds[name], event["type"], event)
            teller.heard(deeds[name], name, event, line)
        else:
            continue
        before.append((name, kind, side))


def naive(before, deeds):
    """Work out from the whole past what was known."""
    answers = {"Accepted", "Filled", "Canceled", "Rejected"}
    told = {name for name, kind, _ in before if kind in answers}
    waiting = [number for number, name in enumerate(deeds, 1) if name not in told][:-1]
    held, last, rests = Decimal(0), {}, set()
    sides = {name: deeds[name].asked["order_side"] for name in deeds}
    parts = dict.fromkeys(deeds, 0)
    for name, kind, _ in before:
        if kind == "Filled":
            held += Decimal("0.001") * (1 if sides[name] == "BUY" else -1)
            parts[name] += 1
        if kind == "Accepted":
            rests.add(name)
        elif kind in {"Canceled", "Rejected"} or (kind == "Filled" and parts[name] >= 10):
            rests.discard(name)
        last[name] = kind
    return ((("BTCUSDT", held),) if held else ()), len(rests), (waiting[0] if waiting else 0)


def test_the_engines_streams_say_when_the_strategy_was_told(bundles):
    for bundle in bundles:
        stream = stream_of(bundle)
        answered = [deed for deed in stream.deeds if deed.answer is not None]
        assert answered
        for deed in answered:
            assert deed.line < deed.answer.line
            assert deed.made <= deed.answer.at
