"""The log: complete, in order, the same for the same commands; and the books as JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from tests.venue.core.rig import BUY, SELL, SYMBOL, Rig

from opslab.data.instruments import built_in
from opslab.errors import DataError
from opslab.venue.events import AccountChanged, OrderChanged, SettingChanged
from opslab.venue.exchange import Exchange
from opslab.venue.listing import Listing
from opslab.venue.orders import AccountSetup, Market

D = Decimal


def test_the_log_begins_with_what_the_accounts_have(futures: Rig) -> None:
    first = futures.exchange.log[0]
    assert isinstance(first, AccountChanged)
    assert (first.account, first.reason, first.balances[0].wallet) == ("ann", "DEPOSIT", 100000)


def test_futures_report_the_account_before_the_order_and_spot_after_it(futures: Rig, spot: Rig) -> None:
    for rig, kinds in (
        (futures, [OrderChanged, AccountChanged, OrderChanged]),
        (spot, [OrderChanged, OrderChanged, AccountChanged]),
    ):
        before = len(rig.exchange.log)
        rig.market(BUY, "1")
        assert [type(event) for event in rig.exchange.log[before:]] == kinds


def test_a_command_bears_one_time(futures: Rig) -> None:
    ticks = iter(range(100))
    exchange = Exchange(
        Market.FUTURES,
        [futures.exchange.listings[SYMBOL]],
        [AccountSetup("ann", "k", "s", {"USDT": D(1000)})],
        lambda: next(ticks),
    )
    futures.exchange = exchange
    futures.quote("100", "101", "10")
    futures.market(BUY, "1")
    assert {event.time_ms for event in exchange.log[1:]} == {exchange.log[-1].time_ms}


def test_the_digest_changes_with_every_event_and_not_by_asking(futures: Rig) -> None:
    seen = {futures.exchange.digest()}
    assert futures.exchange.digest() in seen
    for _ in range(3):
        futures.buy("1", "90")
        seen.add(futures.exchange.digest())
    assert len(seen) == 4


def test_settings_are_in_the_log(futures: Rig) -> None:
    futures.exchange.set_leverage("ann", SYMBOL, 7)
    event = futures.exchange.log[-1]
    assert isinstance(event, SettingChanged)
    assert (event.setting, event.symbol, event.value) == ("leverage", SYMBOL, "7")


@pytest.mark.parametrize("market", list(Market))
def test_the_snapshot_is_json_and_holds_the_books(market: Market) -> None:
    rig = Rig(market)
    rig.quote("100", "101", "10")
    rig.market(BUY, "1")
    rig.sell("1", "110")
    taken = json.loads(json.dumps(rig.exchange.snapshot()))
    assert taken["digest"] == rig.exchange.digest()
    mine = taken["accounts"]["ann"]
    assert [order["status"] for order in mine["orders"]] == ["FILLED", "NEW"]
    assert mine["fills"][0]["price"] == "101"
    assert D(mine["balances"]["USDT"]["wallet"]) == rig.wallet()
    assert len(mine["positions"]) == (1 if market is Market.FUTURES else 0)
    assert "secret" not in json.dumps(taken)


def test_ids_of_different_seeds_never_meet() -> None:
    def first(seed: int) -> Any:
        listing = Listing(instrument=built_in("BTCUSDT"))
        setup = AccountSetup("ann", "k", "s", {"USDT": D(10**6)})
        rig = Rig(Market.FUTURES)
        rig.exchange = Exchange(Market.FUTURES, [listing], [setup], lambda: 1, seed=seed)
        rig.quote("60000", "60000.1", "5")
        return rig.market(SELL, "0.1").order_id, rig.exchange.fills("ann")[0].trade_id

    assert first(0) == (1, 1)
    assert first(2) == (2_000_001, 2_000_001)


def made(market: Market = Market.FUTURES, **changes: Any) -> Exchange:
    facts: dict[str, Any] = {
        "listings": [Listing(instrument=built_in("BTCUSDT"))],
        "accounts": [AccountSetup("ann", "k", "s", {"USDT": D(1)})],
    }
    return Exchange(market, now_ms=lambda: 1, **(facts | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"listings": []}, "no symbol is listed"),
        ({"market": Market.SPOT}, "BTCUSDT is a perpetual instrument"),
        ({"listings": [Listing(instrument=built_in("BTCUSDT"))] * 2}, "a symbol comes twice"),
        ({"accounts": [AccountSetup("ann", name, "s", {}) for name in "kl"]}, "a account comes twice"),
        ({"accounts": [AccountSetup(name, "k", "s", {}) for name in "ab"]}, "a API key comes twice"),
    ],
)
def test_a_venue_that_makes_no_sense_is_refused_in_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        made(**changes)


def test_a_listing_of_another_symbol_is_refused(futures: Rig) -> None:
    with pytest.raises(DataError, match="the listing is of ETHUSDT"):
        futures.exchange.relist(SYMBOL, Listing(instrument=built_in("ETHUSDT")))
