"""Checks on what the user stream owes a node see each way in which it may fail, and nothing else."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opslab.contract.drill import Phase, Result
from opslab.drill.checks.registry import find_check
from opslab.drill.checks.stream import REACTION_MS
from opslab.drill.history import History, RunHistory

if TYPE_CHECKING:
    from opslab.contract.drill import Finding

VENUE_STATUS = st.sampled_from(["NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED"])
TOLD_STATUS = st.sampled_from(["SUBMITTED", "ACCEPTED", "PARTIALLY_FILLED", "FILLED", "CANCELED", "REJECTED"])
AMOUNT = st.integers(0, 10).map(lambda number: str(Decimal(number) / 1000))


def _order(status: str, filled: str) -> dict[str, Any]:
    return {
        "client_order_id": "O-1",
        "instrument": "BTCUSDT-PERP.BINANCE",
        "side": "BUY",
        "quantity": "0.010",
        "status": status,
        "filled_quantity": filled,
    }


def _asked(
    check: str,
    venue: tuple[str, str] = ("NEW", "0"),
    told: tuple[str, str] = ("ACCEPTED", "0"),
    held: tuple[str, str] = ("ACCEPTED", "0"),
    balances: tuple[str, str] = ("100", "100"),
    **facts: Any,
) -> Finding:
    views = {
        name: {
            "orders": [_order(*order)],
            "positions": [],
            "balances": [{"currency": "USDT", "total": total, "account": "", "locked": "0", "free": total}],
        }
        for name, order, total in zip(
            ("venue", "strategy", "engine"), (venue, told, held), (balances[0], "0", balances[1]), strict=True
        )
    }
    run = RunHistory(bundle=None, find_problems=tuple, load_candles=dict, look=lambda: views)  # type: ignore[arg-type]
    return find_check(check).ask(History((run,), facts), None, Phase.VERIFY)


@pytest.mark.parametrize(
    ("venue", "told", "code"),
    [
        (("FILLED", "0.010"), ("ACCEPTED", "0"), "OPS-FILL-UNTOLD"),
        (("PARTIALLY_FILLED", "0.004"), ("PARTIALLY_FILLED", "0.008"), "OPS-FILL-OVERTOLD"),
        (("CANCELED", "0.004"), ("PARTIALLY_FILLED", "0.004"), "OPS-ORDER-TOLD-OPEN"),
        (("FILLED", "0.010"), ("ACCEPTED", "0.010"), "OPS-ORDER-TOLD-OPEN"),
    ],
)
def test_what_a_strategy_was_not_told_is_found(venue, told, code):
    assert _asked("orders.told_fully", venue, told).code == code


@given(VENUE_STATUS, TOLD_STATUS, AMOUNT, AMOUNT)
def test_a_strategy_told_of_another_amount_never_passes(true_status, told_status, true, told):
    finding = _asked("orders.told_fully", (true_status, true), (told_status, told))
    assert (finding.result is Result.PASS) <= (Decimal(true) == Decimal(told))


@given(AMOUNT)
def test_a_strategy_that_was_told_everything_passes(amount):
    digits = f"{amount}00"[:7] if "." in amount else amount
    assert _asked("orders.told_fully", ("CANCELED", amount), ("CANCELED", digits)).result is Result.PASS


def test_an_order_that_the_engine_opened_again_is_found():
    assert _asked("orders.stay_over", ("CANCELED", "0.004"), held=("PARTIALLY_FILLED", "0.004")).code == (
        "OPS-ORDER-HELD-OPEN"
    )


def test_an_order_that_is_open_at_the_venue_may_be_open_in_the_engine():
    assert _asked("orders.stay_over", ("NEW", "0"), held=("ACCEPTED", "0")).result is Result.PASS


def test_an_old_balance_is_found():
    assert _asked("balances.true", balances=("99.9", "100")).code == "OPS-BALANCE-STALE"


def test_equal_balances_pass_however_they_are_written():
    assert _asked("balances.true", balances=("100", "100.000")).result is Result.PASS


@pytest.mark.parametrize(("sockets", "result"), [(0, Result.FAIL), (1, Result.PASS)])
def test_a_user_stream_lives_while_the_venue_has_it_open(sockets, result):
    fact = {"sockets": sockets, "asked": 1, "seconds": 2.0}
    assert _asked("stream.alive", user_stream=fact).result is result


@pytest.mark.parametrize(("took", "result"), [(REACTION_MS, Result.PASS), (REACTION_MS + 1, Result.FAIL)])
def test_a_late_reaction_is_found(took, result):
    assert _asked("stream.noticed", reaction_ms=took).result is result


def test_a_fact_that_was_not_recorded_is_unknown():
    assert _asked("stream.noticed").result is Result.UNKNOWN
