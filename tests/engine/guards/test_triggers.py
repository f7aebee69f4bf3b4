"""What the triggers see of a node: orders, rejections, market data, equity, and what they do with it."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest
from nautilus_trader.core.uuid import UUID4
from nautilus_trader.model.data import Bar, BarType
from nautilus_trader.model.events import OrderDenied
from nautilus_trader.model.identifiers import ClientOrderId, StrategyId, TraderId
from nautilus_trader.model.objects import Price, Quantity
from nautilus_trader.test_kit.stubs.events import TestEventStubs
from tests.engine.guards.market_world import NAME, World, quote

from opslab.contract.execution import Profile
from opslab.contract.spec import Limits
from opslab.engine.guards.equity import Equity
from opslab.engine.guards.triggers import Triggers, triggers_of
from opslab.errors import EngineError, StoreError


def denied(number):
    return OrderDenied(TraderId("T-1"), StrategyId("S-1"), NAME, ClientOrderId(f"O-{number}"), "no", UUID4(), ts_init=0)


class Account:
    """A futures account that says what it is told to."""

    def __init__(self):
        self.wallet, self.margin, self.trouble = "1000", "1000", None

    async def query_futures_account_info(self, **_words):
        if self.trouble:
            raise self.trouble
        return SimpleNamespace(totalWalletBalance=self.wallet, totalMarginBalance=self.margin, assets=[])


class Watched(World):
    """A world with triggers on it."""

    def __init__(self, **limits):
        super().__init__()
        self.data_client(quote_ticks=[NAME])
        self.account = Account()
        self.site.exec_clients.append(SimpleNamespace(_http_account=self.account, _http_market=self.market))
        (self.triggers,) = triggers_of(Limits(**limits), Profile.FAST)
        self.triggers.on_node(self.site)

    def happens(self, event):
        self.bus["events.order.*"](event)

    def data(self, item):
        self.bus["data.*"](item)

    @property
    def fired(self):
        return [facts["trigger"] for event, facts in self.told if event == "trigger_fired"]


@pytest.fixture
def watched():
    made = []

    def of(**limits):
        made.append(Watched(**limits))
        return made[-1]

    yield of
    for world in made:
        world.close()


@pytest.fixture
def submitted(monkeypatch):
    monkeypatch.setattr("opslab.engine.guards.triggers.OrderInitialized", SimpleNamespace)
    return lambda number: SimpleNamespace(client_order_id=f"O-{number}")


def test_a_spec_without_such_limits_needs_nothing():
    assert triggers_of(None, Profile.FAST) == triggers_of(Limits(max_open_orders=3), Profile.FAST) == ()


def test_orders_are_counted_before_they_leave(watched, submitted):
    world = watched(max_orders_per_minute=2)
    for number in range(2):
        world.happens(submitted(number))
    assert world.pulled == []
    world.happens(submitted(2))
    assert (world.fired, len(world.pulled)) == (["max_orders_per_minute"], 1)


def test_once_a_person_has_cleared_the_switch_counting_begins_anew(watched, submitted, monkeypatch):
    world = watched(max_orders_per_minute=2)
    switch = SimpleNamespace(blocked=False)
    monkeypatch.setattr(world.site, "read", lambda: switch)
    monkeypatch.setattr(world.triggers._firing, "_pull", lambda reason: switch.__setattr__("blocked", True))
    for number in range(4):
        world.happens(submitted(number))
    assert len(world.fired) == 1
    switch.blocked = False
    for number in (4, 5):
        world.happens(submitted(number))
    assert (len(world.fired), switch.blocked) == (1, False)
    world.happens(submitted(6))
    assert (len(world.fired), switch.blocked) == (2, True)


def test_one_that_is_denied_and_told_again_counts_once(watched):
    world = watched(max_rejects_per_minute=1)
    for number in (1, 1, 1):
        world.happens(denied(number))
    assert world.fired == []
    world.happens(denied(2))
    assert world.fired == ["max_rejects_per_minute"]


def test_what_else_happens_to_orders_counts_for_nothing(watched):
    world = watched(max_rejects_per_minute=1, max_orders_per_minute=1, max_orders_between_data=1)
    for _ in range(5):
        world.happens(TestEventStubs.order_expired)
    assert world.fired == []


def bar(source):
    price = Price.from_str("1.0")
    kind = BarType.from_str(f"{NAME}-1-MINUTE-LAST-{source}")
    return Bar(kind, price, price, price, price, Quantity.from_str("1"), 0, 0)


@pytest.mark.parametrize(
    ("item", "is_market"),
    [(quote(1), True), (bar("EXTERNAL"), True), (bar("INTERNAL"), False), (SimpleNamespace(), False)],
)
def test_only_what_the_venue_sent_ends_a_row_of_orders(watched, submitted, item, is_market):
    world = watched(max_orders_between_data=1)
    world.happens(submitted(1))
    world.data(item)
    world.happens(submitted(2))
    assert (world.fired == []) is is_market


def test_data_that_never_came_are_as_old_as_the_subscription(watched):
    world = watched(max_feed_age_seconds=0.2)
    assert world.until(lambda: world.fired)
    assert "BTCUSDT-PERP.BINANCE" in world.pulled[0]


def test_age_is_told_by_the_venues_time(watched):
    world = watched(max_feed_age_seconds=5)
    world.market.offset_ms = 60_000
    assert world.until(lambda: world.market.asked.count("time") >= 3)
    world.data(quote(world.clock.ms + 58_000))
    world.run(0.2)
    assert world.fired == []
    world.clock.ms += 4_000
    assert world.until(lambda: world.fired)


def read(world, times):
    before = len(world.readings)
    assert world.until(lambda: len(world.readings) >= before + times)


@pytest.fixture
def worth(watched, monkeypatch):
    """A world whose readings of equity are counted."""
    readings, ask = [], Equity.ask

    async def counted(self):
        readings.append(1)
        return await ask(self)

    monkeypatch.setattr(Equity, "ask", counted)
    monkeypatch.setattr("opslab.engine.guards.triggers._EQUITY_SECONDS", {Profile.FAST: 0.0})
    monkeypatch.setattr("opslab.engine.guards.triggers._LOOK_SECONDS", {Profile.FAST: 0.002})
    world = watched(max_loss_from_peak=Decimal(100))
    world.readings = readings
    return world


def test_a_loss_beyond_the_limit_fires_and_one_at_it_does_not(worth):
    read(worth, 6)
    worth.account.margin = "900"
    read(worth, 7)
    assert worth.fired == []
    worth.account.margin = "899"
    assert worth.until(lambda: worth.fired)


def test_a_loss_that_is_read_while_the_switch_is_cleared_begins_the_new_count(worth):
    read(worth, 6)
    firing, was = worth.triggers._firing, worth.triggers._loss
    firing.fired.append("max_orders_per_minute")  # another trigger pulled the switch, and a person cleared it
    firing._is_pulled = firing._is_latched = True
    assert worth.until(lambda: worth.triggers._loss is not was)
    assert firing.fired == []
    read(worth, 6)
    worth.account.margin = "899"
    assert worth.until(lambda: worth.fired == ["max_loss_from_peak"])
    assert len(worth.pulled) == 1


def test_an_empty_wallet_is_a_doubt_that_holds(worth):
    read(worth, 6)
    worth.account.wallet, worth.account.margin = "0", "-50"
    assert worth.until(lambda: "max_loss_from_peak" in worth.site.holds)
    worth.account.wallet, worth.account.margin = "1000", "1000"
    assert worth.until(lambda: not worth.site.holds)
    assert worth.fired == []


@pytest.mark.parametrize("trouble", [ConnectionError("gone"), ValueError("nonsense")])
def test_a_venue_that_does_not_tell_is_a_doubt_that_holds(worth, trouble):
    worth.account.trouble = trouble
    assert worth.until(lambda: "max_loss_from_peak" in worth.site.holds)
    assert worth.fired == []


def test_a_switch_that_cannot_be_pulled_is_pulled_again_while_new_risk_is_held(watched):
    world = watched(max_rejects_per_minute=1)
    refuse = [True]

    def pull(reason):
        if refuse:
            raise StoreError("no space left on device")
        world.pulled.append(reason)

    world.triggers._firing._pull = pull
    world.happens(denied(1))
    world.happens(denied(2))
    assert "cannot be pulled" in world.site.holds["triggers"]
    refuse.clear()
    assert world.until(lambda: world.pulled)
    assert world.site.holds == {}


def test_a_mismatch_is_told_from_outside(watched):
    world = watched(max_mismatch_seconds=2)
    for since in (None, 1_000, 2_000):
        world.triggers.mismatch(since)
    assert world.fired == []
    world.triggers.mismatch(2_001)
    assert world.fired == ["max_mismatch_seconds"]


def test_a_look_that_fails_holds_until_one_succeeds(watched, monkeypatch):
    world = watched(max_feed_age_seconds=60)
    world.data(quote(world.clock.ms))
    monkeypatch.setattr(Triggers, "_look_at_age", lambda *_args: 1 / 0)
    assert world.until(lambda: "ZeroDivisionError" in str(world.site.holds))
    monkeypatch.undo()
    assert world.until(lambda: not world.site.holds)


class SpotAccount:
    """A spot account."""

    def __init__(self, **held):
        self._held = held

    async def query_spot_account_info(self, **_words):
        rows = [SimpleNamespace(asset=name, free=free, locked="1") for name, free in self._held.items()]
        return SimpleNamespace(balances=rows)


def spot_worth(**held):
    from nautilus_trader.test_kit.providers import TestInstrumentProvider

    world = World()
    world.market.answers["ticker"] = [SimpleNamespace(bidPrice="100")]
    client = SimpleNamespace(_http_account=SpotAccount(**held), _http_market=world.market)
    cache = SimpleNamespace(instruments=lambda: [TestInstrumentProvider.btcusdt_binance()])
    try:
        return world.loop.run_until_complete(Equity(client, cache, "triggers", 1.0).ask())
    finally:
        world.close()


def test_spot_is_worth_its_quote_and_its_base_at_the_venues_bid():
    assert spot_worth(USDT="10", BTC="2", DOGE="9") == Decimal(11) + 3 * 100


def test_spot_with_nothing_that_counts_is_worth_nothing():
    assert spot_worth(USDT="-1", BTC="-1") == 0


def test_an_adapter_that_cannot_be_asked_is_refused():
    with pytest.raises(EngineError, match="cannot stand before it"):
        Equity(SimpleNamespace(), None, "triggers", 1.0)
