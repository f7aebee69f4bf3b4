"""The ends of a backtest and a paper run: what no fill tells is seen all the same."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import pytest

from opslab.contract.drill import Phase, Result
from opslab.contract.spec import Mode
from opslab.drill.checks import find_check
from opslab.drill.history import History
from opslab.evidence.deeds import LAST_OPEN

FUTURES = "BTCUSDT-PERP.BINANCE"


def fill(instrument, fee="0.1 USDT", quantity="2", name="1"):
    order = {"client_order_id": name, "instrument_id": instrument}
    asked = {"order_side": "BUY", "order_type": "MARKET", "quantity": quantity}
    filled = {"last_qty": quantity, "last_px": "100", "commission": fee}
    return [{"type": kind, **order, **words} for kind, words in (("OrderInitialized", asked), ("OrderFilled", filled))]


def balances(**totals):
    return [{"currency": currency, "total": total} for currency, total in totals.items()]


def position(amount, instrument=FUTURES):
    return {"instrument": instrument, "signed_quantity": amount, "quantity": amount.lstrip("-")}


def view(name, positions, money):
    return {"view": name, "orders": [], "positions": positions, "balances": money}


def run(mode, events, views):
    latest = {row["view"]: row for row in views}
    return SimpleNamespace(
        run_id=mode.value, spec=SimpleNamespace(mode=mode), events=events, views=views, latest_views=latest
    )


def futures():
    """A backtest and a paper run that end the same."""
    start, end = balances(USDT="1000"), balances(USDT="999.9")
    backtest = run(
        Mode.BACKTEST,
        [{"type": "AccountState", "balances": start}, *fill("BTCUSDT.BINANCE")],
        [view("engine", [position("2", "BTCUSDT.BINANCE")], end)],
    )
    rows = [
        view(name, held, copy.deepcopy(money))
        for held, money in (([], start), ([position("2")], end))
        for name in ("venue", "engine", "strategy")
    ]
    return backtest, run(Mode.PAPER, fill(FUTURES), copy.deepcopy(rows))


def ask(*runs):
    finding = find_check("parity.same_end").ask(History(runs, {}), None, Phase.VERIFY)
    return finding.result, finding.code


def test_the_same_end_passes():
    assert ask(*futures()) == (Result.PASS, "")


def test_an_engine_that_booked_the_same_fill_otherwise_is_seen():
    backtest, paper = futures()
    backtest.views[0]["positions"][0]["signed_quantity"] = "1"
    assert ask(backtest, paper) == (Result.FAIL, "OPS-PARITY-END")


@pytest.mark.parametrize(("total", "result"), [("999.9", "pass"), ("999.90000001", "pass"), ("999.8", "fail")])
def test_a_balance_that_no_fee_explains_is_seen(total, result):
    backtest, paper = futures()
    backtest.views[0]["balances"] = balances(USDT=total)
    assert ask(backtest, paper)[0] == result


def test_a_fee_charged_twice_in_both_engines_is_seen_at_the_ledger():
    backtest, paper = futures()
    for found in (backtest.views[-1], paper.latest_views["engine"]):
        found["balances"] = balances(USDT="999.8")
    assert ask(backtest, paper) == (Result.FAIL, "OPS-PARITY-VIEWS")


def test_a_ledger_that_stands_alone_is_seen():
    backtest, paper = futures()
    paper.views[0]["balances"] = balances(USDT="1001")
    assert ask(backtest, paper) == (Result.FAIL, "OPS-PARITY-END")


def test_views_that_do_not_agree_at_the_end_are_seen():
    backtest, paper = futures()
    paper.latest_views["strategy"]["positions"] = []
    assert ask(backtest, paper) == (Result.FAIL, "OPS-PARITY-VIEWS")


def test_on_spot_the_fee_may_be_taken_from_what_was_bought():
    start, instrument = balances(USDT="1000", BTC="0"), "BTCUSDT.BINANCE"
    backtest = run(
        Mode.BACKTEST,
        [{"type": "AccountState", "balances": start}, *fill(instrument)],
        [view("engine", [position("2", instrument)], balances(USDT="799.9", BTC="2"))],
    )
    begun, end = balances(USDT="1000", BTC="5"), balances(USDT="800", BTC="6.998")
    rows = []
    for held, money in (([], begun), ([position("2", instrument)], end)):
        rows += [view(name, held, money) for name in ("venue", "engine", "strategy")]
    paper = run(Mode.PAPER, fill(instrument, "0.002 BTC"), copy.deepcopy(rows))
    for row in paper.views:
        if row["view"] == "venue":
            del row["positions"]
    assert ask(backtest, paper) == (Result.PASS, "")
    paper.latest_views["venue"]["balances"] = paper.latest_views["engine"]["balances"] = balances(USDT="800", BTC="7")
    assert ask(backtest, paper) == (Result.FAIL, "OPS-PARITY-END")


def test_an_order_after_the_last_open_explains_another_end_than_the_backtests():
    backtest, paper = futures()
    late = fill(FUTURES, name="2", quantity="3")
    backtest.events += [{**late[0], "instrument_id": "BTCUSDT.BINANCE"}]
    backtest.events.append({"type": "OrderSubmitted", "client_order_id": "2"})
    paper.events += late
    for name in ("venue", "engine", "strategy"):
        paper.latest_views[name]["positions"] = [position("5")]
        paper.latest_views[name]["balances"] = balances(USDT="999.8")
    finding = find_check("parity.same_end").ask(History((backtest, paper), {}), None, Phase.VERIFY)
    assert finding.result is Result.PASS
    assert LAST_OPEN in finding.details


def test_without_one_run_of_each_mode_nothing_is_known():
    backtest, paper = futures()
    assert ask(paper) == ask(backtest, paper, paper) == (Result.UNKNOWN, "OPS-FACTS-MISSING")
    backtest.views.clear()
    assert ask(backtest, paper) == (Result.UNKNOWN, "OPS-FACTS-MISSING")
