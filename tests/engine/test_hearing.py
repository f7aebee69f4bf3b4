"""A node's market data are noted, and told now and then while they come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.test_kit.stubs.data import TestDataStubs

from opslab.contract.paper_events import MarketDataHeard
from opslab.engine.node.hearing import EVENT, TOPIC, Hearing

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


class Desk:
    """A node's bus and clock by hand, and what was told."""

    def __init__(self) -> None:
        self.seconds, self.told, self.handlers = 0.0, [], {}
        self.hearing = Hearing(lambda: self.seconds, lambda: BEGIN + timedelta(seconds=self.seconds), 5.0)
        bus = SimpleNamespace(subscribe=self.subscribe)
        tell = lambda event, facts: self.told.append((event, facts["feeds"]))  # noqa: E731
        self.hearing.on_node(SimpleNamespace(kernel=SimpleNamespace(msgbus=bus), tell=tell))

    def subscribe(self, topic: str, handler: object) -> None:
        self.handlers[topic] = handler

    def comes(self, datum: object, at: float) -> None:
        self.seconds = at
        self.handlers[TOPIC](datum)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_it_is_told_at_most_every_few_seconds(desk):
    quote = TestDataStubs.quote_tick()
    for at in (0.1, 4.9, 5.0, 5.1, 9.9, 10.0):
        desk.comes(quote, at)
    assert [event for event, _ in desk.told] == [EVENT] * 2
    assert [feeds["quotes"]["count"] for _, feeds in desk.told] == [3, 6]
    assert desk.told[1][1]["quotes"]["ts_utc"] == "2026-01-01T00:00:10.000000Z"


def test_each_kind_has_its_own_time(desk):
    desk.comes(TestDataStubs.quote_tick(), 1.0)
    desk.comes(TestDataStubs.bar_5decimal(), 6.0)
    ((_, feeds),) = desk.told
    assert {name: feed["ts_utc"][17:19] for name, feed in feeds.items()} == {"quotes": "01", "bars": "06"}


def test_an_adapters_own_kind_of_bar_is_a_bar(desk):
    class Bars(type(TestDataStubs.bar_5decimal())):
        pass

    bar = TestDataStubs.bar_5decimal()
    desk.comes(Bars(bar.bar_type, bar.open, bar.high, bar.low, bar.close, bar.volume, 0, 0), 6.0)
    assert list(desk.told[0][1]) == ["bars"]


def test_what_is_no_market_data_is_not_heard(desk):
    desk.comes(object(), 6.0)
    assert desk.told == []


def test_what_is_told_is_an_event_of_the_contract(desk):
    desk.comes(TestDataStubs.quote_tick(), 6.0)
    assert isinstance(TestDataStubs.quote_tick(), QuoteTick)
    facts = {"ts_utc": "2026-01-01T00:00:00.000000Z", "run_id": "r", "feeds": desk.told[0][1]}
    assert MarketDataHeard.model_validate(facts).feeds["quotes"].count == 1
