"""The checks on nodes that end: each says pass of what is right, fail of what is not, unknown where nothing was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from opslab.contract.drill import Phase, Result
from opslab.drill.checks import find_check
from opslab.drill.history import History, RunHistory

PERP = "BTCUSDT-PERP.BINANCE"
LEFT = {"orders": ["A"], "positions": {PERP: "0.012"}}
CLEAN = {"event": "node_ended", "number": 1, "how": "exit", "exit_code": 0, "signal": None, "sent": "SIGTERM"}
ENDED = {**CLEAN, "left": LEFT}
STARTED = {"event": "node_started", "number": 1}


def _order(name: str, status: str, filled: str = "0") -> dict[str, str]:
    return {"client_order_id": name, "status": status, "filled_quantity": filled}


def _ask(name: str, journal=(), venue=(), engine=(), positions=None, held=(), **facts: Any):
    true = [{"instrument": PERP, "signed_quantity": "0.012"}] if positions is None else positions
    views = {"venue": {"orders": list(venue)}, "engine": {"orders": list(engine), "positions": list(held)}}
    if positions != SPOT:
        views["venue"]["positions"] = true
    bundle: Any = SimpleNamespace(journal=tuple(journal))
    run = RunHistory(bundle, find_problems=tuple, load_candles=dict, look=lambda: views)
    finding = find_check(name).ask(History((run,), facts), None, Phase.VERIFY)
    return finding.result, finding.code


PASS = (Result.PASS, "")
LOST = (Result.FAIL, "OPS-POSITION-LOST")
SPOT = "no positions"


@pytest.mark.parametrize(
    ("journal", "expected"),
    [
        ([STARTED, ENDED, STARTED], PASS),
        ([STARTED, ENDED], (Result.FAIL, "OPS-NODE-DOWN")),
        ([STARTED, ENDED, STARTED, ENDED], (Result.FAIL, "OPS-NODE-DOWN")),
        ([STARTED], (Result.UNKNOWN, "OPS-NODE-NOT-ENDED")),
    ],
)
def test_restarted(journal, expected):
    assert _ask("node.restarted", journal) == expected


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, PASS),
        ({"exit_code": 1}, (Result.FAIL, "OPS-NODE-NOT-CLEAN")),
        ({"sent": None}, (Result.FAIL, "OPS-NODE-NOT-CLEAN")),
        ({"how": "signal", "exit_code": None, "signal": "SIGTERM"}, (Result.FAIL, "OPS-NODE-NOT-CLEAN")),
    ],
)
def test_ended_by_itself(change, expected):
    assert _ask("node.ended_by_itself", [{**ENDED, **change}]) == expected


@pytest.mark.parametrize(
    ("venue", "positions", "expected"),
    [
        ([_order("A", "NEW"), _order("B", "FILLED")], None, PASS),
        ([_order("A", "FILLED")], None, (Result.FAIL, "OPS-NODE-LEFT-UNNAMED")),
        ([_order("A", "NEW"), _order("B", "PARTIALLY_FILLED")], None, (Result.FAIL, "OPS-NODE-LEFT-UNNAMED")),
        ([_order("A", "NEW")], [], (Result.FAIL, "OPS-NODE-LEFT-UNNAMED")),
        (
            [_order("A", "NEW")],
            [{"instrument": PERP, "signed_quantity": "0.013"}],
            (Result.FAIL, "OPS-NODE-LEFT-UNNAMED"),
        ),
    ],
)
def test_left_named(venue, positions, expected):
    assert _ask("node.left_named", [ENDED], venue, positions=positions) == expected


@pytest.mark.parametrize("name", ["node.ended_by_itself", "node.left_named"])
def test_without_an_end_nobody_can_tell(name):
    assert _ask(name, [STARTED]) == (Result.UNKNOWN, "OPS-NODE-NOT-ENDED")


@pytest.mark.parametrize(
    ("frozen", "expected"),
    [
        ({"told": 3, "heard": []}, PASS),
        ({"told": 3, "heard": ["/fapi/v1/order"]}, (Result.FAIL, "OPS-NODE-NOT-FROZEN")),
        ({"told": 0, "heard": []}, (Result.UNKNOWN, "OPS-NODE-NOT-ASKED")),
    ],
)
def test_silent(frozen, expected):
    assert _ask("node.silent", frozen=frozen) == expected


@pytest.mark.parametrize(
    ("status", "resting", "expected"),
    [
        ("NEW", ["A"], PASS),
        ("PARTIALLY_FILLED", ["A"], PASS),
        ("CANCELED", ["A"], (Result.FAIL, "OPS-ORDER-GONE")),
        ("NEW", ["A", "B"], (Result.FAIL, "OPS-ORDER-GONE")),
        ("NEW", [], (Result.UNKNOWN, "OPS-ORDER-NONE-RESTS")),
    ],
)
def test_rest(status, resting, expected):
    assert _ask("orders.rest", venue=[_order("A", status)], resting=resting) == expected


def _held(*amounts: str) -> list[dict[str, str]]:
    return [{"instrument": PERP, "signed_quantity": amount} for amount in amounts]


@pytest.mark.parametrize(
    ("engine", "expected"),
    [(["0.012"], PASS), (["0.024", "-0.012"], PASS), ([], LOST), (["0.012", "-0.012"], LOST), (["0.0121"], LOST)],
    ids=str,
)
def test_kept_of_futures(engine, expected):
    assert _ask("positions.kept", held=_held(*engine)) == expected


@pytest.mark.parametrize(
    ("engine", "expected"), [(["0.022"], PASS), (["0.02198"], PASS), (["0.0217"], LOST), ([], LOST)], ids=str
)
def test_kept_of_spot(engine, expected):
    bought = {"instrument": PERP, "side": "BUY", "status": "FILLED"}
    sold = {"instrument": PERP, "side": "SELL", "status": "CANCELED"}
    orders = [
        {**bought, "client_order_id": "A", "filled_quantity": "0.03"},
        {**sold, "client_order_id": "B", "filled_quantity": "0.008"},
    ]
    assert _ask("positions.kept", venue=orders, positions=SPOT, held=_held(*engine)) == expected


def test_kept_of_nothing_held_anywhere():
    assert _ask("positions.kept", positions=[]) == PASS


def test_kept_sees_a_position_that_the_venue_has_not():
    assert _ask("positions.kept", positions=[], held=_held("0.1")) == LOST


@pytest.mark.parametrize(
    ("venue", "engine", "expected"),
    [
        ([_order("A", "NEW")], [_order("A", "ACCEPTED", "0.000")], PASS),
        ([_order("A", "PARTIALLY_FILLED", "0.1")], [_order("A", "PARTIALLY_FILLED", "0.10")], PASS),
        ([_order("A", "CANCELED")], [_order("A", "CANCELED"), _order("B", "DENIED")], PASS),
        ([_order("A", "NEW")], [], (Result.FAIL, "OPS-ORDER-NOT-ADOPTED")),
        ([_order("A", "FILLED", "1")], [_order("A", "ACCEPTED")], (Result.FAIL, "OPS-ORDER-NOT-ADOPTED")),
        (
            [_order("A", "PARTIALLY_FILLED", "0.1")],
            [_order("A", "ACCEPTED")],
            (Result.FAIL, "OPS-ORDER-NOT-ADOPTED"),
        ),
    ],
)
def test_adopted(venue, engine, expected):
    assert _ask("orders.adopted", venue=venue, engine=engine) == expected
