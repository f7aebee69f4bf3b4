"""Which refusals of a venue are its filters', its balance's or its margin's: told by Binance's codes and texts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.evidence.test_comparison import compared, rewrite

from opslab.evidence.refusals import rule_of
from opslab.venue import futures_filters, spot_filters


def told(code, words=""):
    """Return the reason of a rejection as the engine's Binance client writes it."""
    return str({"code": code, "msg": words})


@pytest.mark.parametrize(
    "code",
    [-1111, -4001, -4002, -4003, -4004, -4005, -4006, -4007, -4013, -4014, -4016, -4023, -4024, -4131, -4164,
     -2018, -2019, -2027, -2028, -4050, -4051],
)  # fmt: skip
def test_the_codes_of_filters_and_margin_are_rules(code):
    assert rule_of(told(code, "Order's notional must be no smaller than 100.")) == str(code)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-1013, "Filter failure: NOTIONAL"),
        (-1013, "Invalid quantity."),
        (-2010, "Account has insufficient balance for requested action."),
    ],
)
def test_codes_that_spot_shares_are_told_apart_by_their_texts(code, words):
    assert rule_of(told(code, words)) == str(code)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (-1013, "Market is closed."),
        (-2010, "Duplicate order sent."),
        (-2010, "Order would immediately match and take."),
        (-1003, "Too many requests"),
        (-1021, "Timestamp for this request is outside of the recvWindow."),
        (-2022, "ReduceOnly Order is rejected."),
        (-5022, "Post Only"),
    ],
)
def test_other_refusals_are_none(code, words):
    assert rule_of(told(code, words)) is None


@pytest.mark.parametrize("reason", ["", "-4164", "UNKNOWN", "{'code': 4164}", "the code is -41640", "{'code': -41640}"])
def test_a_reason_without_a_code_is_none(reason):
    assert rule_of(reason) is None


@given(st.text())
def test_any_text_is_read(reason):
    assert rule_of(reason) is None or f"{rule_of(reason)}" in reason


def test_every_filter_of_the_labs_venue_is_known():
    """What the venue's own filters answer must be typed: a code that is added there is missed here otherwise."""
    sources = [Path(module.__file__).read_text(encoding="utf-8") for module in (futures_filters, spot_filters)]
    codes = {int(code) for source in sources for code in re.findall(r"Refusal\((-\d+)", source)}
    assert len(codes) > 10
    assert {code for code in codes if rule_of(told(code, "Filter failure: X")) is None} == set()


def rejected(reason, events):
    """Refuse the first order that was filled."""
    events = [dict(event) for event in events]
    place = next(number for number, event in enumerate(events) if event["type"] == "OrderFilled")
    name = events[place]["client_order_id"]
    events[place] = {"type": "OrderRejected", "client_order_id": name, "reason": reason, "ts_event": 1}
    return events


@pytest.mark.parametrize(("code", "cause"), [(-4164, "venue_filter"), (-1003, "unknown")])
def test_a_refusal_by_a_rule_is_typed_and_the_runs_do_not_match(lab, bundles, code, cause):
    backtest, paper = bundles
    rewrite(paper, lambda _: rejected(told(code), backtest.events))
    found = compared(lab)
    assert {str(item.cause) for item in found.differences if item.kind == "refused"} == {cause}
    assert {str(item.cause) for item in found.differences if item.kind == "position"} == {cause}
    assert found.comparison_status == "differences_expected"
    assert (found.unexplained_total == 0) is (cause == "venue_filter")
