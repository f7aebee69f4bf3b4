"""Positions of several strategies are taken together where the venue nets them."""

from __future__ import annotations

from opslab.engine.views import netted


def row(strategy, amount, instrument="BTCUSDT-PERP.BINANCE"):
    return {
        "position_id": f"{instrument}-{strategy}",
        "instrument": instrument,
        "side": "LONG",
        "quantity": str(amount).lstrip("-"),
        "signed_quantity": amount,
        "average_open_price": "1.0",
    }


def test_positions_of_the_nodes_own_strategies_become_one():
    (one,) = netted([row("A-1", "0.010"), row("B-2", "-0.025")], ["A-1", "B-2"])
    assert (one["signed_quantity"], one["quantity"], one["side"]) == ("-0.015", "0.015", "SHORT")
    assert one["position_id"] == "BTCUSDT-PERP.BINANCE-A-1 + BTCUSDT-PERP.BINANCE-B-2"


def test_positions_of_nobodys_and_of_other_instruments_stay_apart():
    rows = [row("A-1", "1"), row("EXTERNAL", "-1"), row("B-2", "1", "ETHUSDT-PERP.BINANCE")]
    assert sorted(map(str, netted(rows, ["A-1", "B-2"]))) == sorted(map(str, rows))
