"""The checks on flattens from outside: what passes, and each finding alone."""

from __future__ import annotations

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import find_check
from opslab.drill.history import History

NOTHING = {"orders": [], "positions": {}}
HELD = {"orders": ["O-1"], "positions": {"BTCUSDT": "0.010"}}


def attempt(**changes):
    close = {"id": "fl-1", "symbol": "BTCUSDT", "quantity": "0.010", "executed": "0.010"}
    usual = {
        "is_flat": True,
        **NOTHING,
        "unknown": [],
        "error": None,
        "held": {"BTCUSDT": "0.010"},
        "books": NOTHING,
        "closes": [close],
        "requests": [{"time_ms": 1000, "route": "GET /x", "status": 200, "retry_after": None}],
    }
    return usual | changes


def ask(name, *attempts, **facts):
    finding = find_check(name).ask(History((), {"flattens": list(attempts), **facts}), None, Phase.VERIFY)
    return finding.result, finding.code


@pytest.mark.parametrize(
    "told",
    [
        attempt(),
        attempt(is_flat=False, **HELD, books=HELD),
        attempt(is_flat=False, unknown=["positions: no answer"], books=HELD),
        attempt(is_flat=False, error="the venue refuses the keys", books=HELD),
    ],
)
def test_the_truth_passes(told):
    assert ask("flatten.truthful", told) == (Result.PASS, "")


@pytest.mark.parametrize(
    "told",
    [
        attempt(books=HELD),
        attempt(is_flat=False, books=HELD),
        attempt(is_flat=False, orders=["O-1"], books=HELD),
        attempt(is_flat=False, orders=["O-2"], positions={"BTCUSDT": "0.010"}, books=HELD),
        attempt(is_flat=False),
    ],
)
def test_another_tale_is_found(told):
    assert ask("flatten.truthful", told) == (Result.FAIL, "OPS-FLATTEN-MISTOLD")


def test_what_is_left_at_last_is_found():
    assert ask("flatten.done", attempt(is_flat=False), attempt()) == (Result.PASS, "")
    assert ask("flatten.done", attempt(is_flat=False)) == (Result.FAIL, "OPS-FLATTEN-LEFT")
    assert ask("flatten.done", attempt(books=HELD)) == (Result.FAIL, "OPS-FLATTEN-LEFT")


def test_a_flat_that_nobody_could_know_is_found():
    assert ask("flatten.not_flat", attempt(is_flat=False)) == (Result.PASS, "")
    assert ask("flatten.not_flat", attempt()) == (Result.FAIL, "OPS-FLATTEN-BLIND")


def close(name, quantity, executed):
    return {"id": name, "symbol": "BTCUSDT", "quantity": quantity, "executed": executed}


@pytest.mark.parametrize(
    "closes",
    [
        [close("a", "0.010", "0.010")],
        [close("a", "0.010", "0"), close("b", "0.010", "0.010")],
        [close("a", "0.004", "0.004"), close("b", "0.006", "0.006")],
    ],
)
def test_closes_within_what_is_held_pass(closes):
    assert ask("flatten.closed_once", attempt(closes=closes)) == (Result.PASS, "")


@pytest.mark.parametrize(
    "closes",
    [
        [close("a", "0.011", "0.010")],
        [close("a", "0.010", "0.010"), close("b", "0.010", "0")],
        [close("a", "0.004", "0.004"), close("a", "0.004", "0.004")],
        [{**close("a", "0.010", "0"), "symbol": "ETHUSDT"}],
    ],
)
def test_a_close_sent_twice_is_found(closes):
    assert ask("flatten.closed_once", attempt(closes=closes)) == (Result.FAIL, "OPS-FLATTEN-TWICE")


def requests(*rows):
    return [
        {"time_ms": time_ms, "route": "GET /x", "status": status, "retry_after": after}
        for time_ms, status, after in rows
    ]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([(1000, 429, "1"), (2000, 200, None)], (Result.PASS, "")),
        ([(1000, 418, "2"), (2000, 200, None)], (Result.FAIL, "OPS-FLATTEN-IMPATIENT")),
        ([(1000, 200, None), (2000, 200, None)], (Result.UNKNOWN, "OPS-FLATTEN-NOTHING")),
    ],
)
def test_a_request_before_its_time_is_found(rows, expected):
    assert ask("flatten.patient", attempt(requests=requests(*rows))) == expected


def test_a_close_above_the_largest_lot_is_found():
    assert ask("flatten.in_parts", attempt(), most="0.010") == (Result.PASS, "")
    assert ask("flatten.in_parts", attempt(), most="0.005") == (Result.FAIL, "OPS-FLATTEN-TOO-LARGE")


@pytest.mark.parametrize(
    ("status", "books", "expected"),
    [
        ("DENIED", NOTHING, (Result.PASS, "")),
        ("REJECTED", NOTHING, (Result.PASS, "")),
        ("ACCEPTED", HELD, (Result.FAIL, "OPS-FLATTEN-REOPENED")),
        ("DENIED", HELD, (Result.FAIL, "OPS-FLATTEN-REOPENED")),
        ("", NOTHING, (Result.FAIL, "OPS-FLATTEN-REOPENED")),
    ],
)
def test_a_node_that_trades_again_is_found(status, books, expected):
    assert ask("flatten.stays_flat", woken={"status": status, "books": books}) == expected


@pytest.mark.parametrize("name", ["truthful", "done", "not_flat", "closed_once", "patient"])
def test_without_a_flatten_nobody_can_tell(name):
    assert ask(f"flatten.{name}") == (Result.UNKNOWN, "OPS-FLATTEN-NOTHING")
