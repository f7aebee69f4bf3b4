"""Cancels are sent again until the venue proves them."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from nautilus_trader.model.enums import OrderStatus
from tests.engine.guards.world import NAME, Client, Told

from opslab.contract.execution import Profile
from opslab.engine.guards import market_exit
from opslab.engine.guards.asking import Answer
from opslab.engine.guards.market_exit import MarketExit
from opslab.safety.ambiguity import Told as Said

LIVE = Answer(Said.THERE, "NEW", SimpleNamespace(order_status=OrderStatus.ACCEPTED))
GONE = Answer(Said.THERE, "CANCELED", SimpleNamespace(order_status=OrderStatus.CANCELED))
NOTHING = Answer(Said.NOTHING, "HttpError")


@pytest.fixture
def world(monkeypatch):
    """Return a client whose venue answers questions for orders as given."""
    monkeypatch.setitem(market_exit.PAUSES, Profile.FAST, (0.0, 0.0))

    def stand(*answers):
        told, client = Told(), Client()
        left, sent = list(answers), []

        async def ask(order):
            return left.pop(0) if len(left) > 1 else left[0]

        def adopt(_answer):
            told.orders["O-1"].is_closed = True
            return True

        monkeypatch.setattr(market_exit, "Asking", lambda *_: SimpleNamespace(ask=ask, adopt=adopt))
        for name in ("cancel_order", "cancel_all_orders", "batch_cancel_orders"):
            setattr(client, name, lambda command, name=name: sent.append((name, command)))
        told.site.kernel.cache.orders_open = lambda **_: [each for each in told.orders.values() if not each.is_closed]
        told.site.kernel.cache.orders_inflight = lambda **_: []
        MarketExit(Profile.FAST).on_exec_client(client, told.site)
        return told, client, sent

    return stand


def cancel_all(client):
    command = SimpleNamespace(instrument_id=NAME, strategy_id="S", ts_init=1)

    async def run():
        client.cancel_all_orders(command)
        await asyncio.gather(*client.tasks)

    asyncio.run(run())


def test_a_forgotten_cancel_is_sent_again_for_its_order_alone(world, monkeypatch):
    monkeypatch.setattr(market_exit, "_cancel_of", lambda order, _command: order)
    told, client, sent = world(LIVE, NOTHING, GONE)
    order = told.order(status=OrderStatus.ACCEPTED)
    cancel_all(client)
    assert [name for name, _ in sent] == ["cancel_all_orders", "cancel_order", "cancel_order"]
    assert sent[1][1] is order
    assert told.actions == ["installed", "retried", "corrected", "corrected"]


def test_an_order_that_did_not_arrive_yet_is_no_proof(world, monkeypatch):
    monkeypatch.setattr(market_exit, "_cancel_of", lambda order, _command: order)
    absent = Answer(Said.ABSENT, "Order does not exist.")
    told, client, sent = world(absent, absent, LIVE, GONE)
    told.order(status=OrderStatus.SUBMITTED)
    cancel_all(client)
    assert [name for name, _ in sent] == ["cancel_all_orders", *["cancel_order"] * 3]


def test_a_cancel_that_worked_asks_nothing(world):
    told, client, sent = world(LIVE)
    told.order(status=OrderStatus.ACCEPTED)
    command = SimpleNamespace(instrument_id=NAME, strategy_id="S", ts_init=1)

    async def run():
        client.cancel_all_orders(command)
        told.orders["O-1"].is_closed = True
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert len(sent) == 1
    assert told.actions == ["installed"]


def test_failures_of_the_repetitions_are_not_told_to_the_strategy(world, monkeypatch):
    monkeypatch.setattr(market_exit, "_cancel_of", lambda order, _command: order)
    told, client, _ = world(LIVE)
    order = told.order(status=OrderStatus.ACCEPTED)
    words = ("S", NAME, order.client_order_id, None, "why", 1)

    async def run():
        client.cancel_all_orders(SimpleNamespace(instrument_id=NAME, strategy_id="S", ts_init=1))
        client.generate_order_cancel_rejected(*words)
        order.status = OrderStatus.PENDING_CANCEL
        client.generate_order_cancel_rejected(*words)
        for task in client.tasks:
            task.cancel()

    asyncio.run(run())
    assert client.rejections == [("generate_order_cancel_rejected", "O-1")]


def test_an_order_whose_cancel_is_under_way_is_cancelled_again_once(world, monkeypatch):
    monkeypatch.setattr(market_exit, "_cancel_of", lambda order, _command: order)
    told, client, sent = world(LIVE, GONE)
    told.site.kernel.cache.orders_inflight = told.site.kernel.cache.orders_open
    told.order(status=OrderStatus.PENDING_CANCEL)
    cancel_all(client)
    assert [name for name, _ in sent] == ["cancel_all_orders", "cancel_order"]
