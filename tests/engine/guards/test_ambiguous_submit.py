"""Orders whose fate is unknown are asked for, and told as what they are."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from types import SimpleNamespace

import pytest
from nautilus_trader.adapters.binance.http.error import BinanceClientError, BinanceServerError
from nautilus_trader.model.enums import OrderStatus
from tests.engine.guards.world import Client, Told

from opslab.contract.execution import Profile
from opslab.engine.guards import doubts as doubts_module
from opslab.engine.guards.ambiguous_submit import AmbiguousSubmit
from opslab.engine.guards.asking import Answer
from opslab.safety.ambiguity import Told as Said

UNKNOWN = BinanceServerError(503, {"code": -1007, "msg": "Timeout"}, {})
REFUSED = BinanceClientError(400, {"code": -2019, "msg": "Margin is insufficient."}, {})
SWITCHED_OFF = BinanceClientError(None, "KILL_SWITCH pulled", {})


class Asking:
    """Answers in the place of the venue."""

    def __init__(self, client, guard):
        self.client, self.answers, self.adopted = client, [], []

    async def ask(self, order):
        self.order = order
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def adopt(self, answer):
        self.adopted.append(answer)
        self.order.status = answer.report.order_status
        return True


def there(status=OrderStatus.ACCEPTED):
    return Answer(Said.THERE, "NEW", SimpleNamespace(order_status=status, quantity=None, price=None))


ABSENT, NOTHING = Answer(Said.ABSENT, "Order does not exist."), Answer(Said.NOTHING, "HttpError")


@pytest.fixture
def world(monkeypatch):
    """Return a client with the guard around it: what it sends raises, and what is asked is answered, as given."""
    monkeypatch.setattr(doubts_module, "Asking", Asking)
    monkeypatch.setitem(doubts_module.SETTLE_SECONDS, Profile.FAST, 0.0)
    monkeypatch.setitem(doubts_module.PAUSES, Profile.FAST, (0.0, 0.0))

    def stand(error, *answers):
        told, client = Told(), Client()

        async def send(**_words):
            if error is not None:
                raise error

        async def query(_command):
            client.generate_order_rejected(client_order_id=told.orders["O-1"].client_order_id)

        client._http_account = SimpleNamespace(new_order=send, modify_order=send, cancel_order=send)
        client.generate_order_status_report = query
        guard = AmbiguousSubmit(Profile.FAST)
        guard.on_exec_client(client, told.site)
        guard.on_node(told.site)
        doubts = guard._clients["BINANCE"]
        doubts._asking.answers = list(answers)
        return told, client, doubts

    return stand


def submit(client):
    async def run():
        await client._http_account.new_order(symbol="BTCUSDT-PERP", new_client_order_id="O-1")
        await asyncio.gather(*client.tasks)

    asyncio.run(run())


@pytest.mark.parametrize("error", [UNKNOWN, TimeoutError("late"), BinanceServerError(502, "<html>", {})])
def test_an_order_that_is_found_is_told_as_it_is(world, error):
    told, client, doubts = world(error, there())
    order = told.order()
    submit(client)
    assert order.status == OrderStatus.ACCEPTED
    assert len(doubts._asking.adopted) == 1
    assert client.rejections == []
    assert told.actions == ["installed", "asked", "corrected"]


@pytest.mark.parametrize("error", [REFUSED, SWITCHED_OFF])
def test_a_clear_refusal_stays_one(world, error):
    told, client, doubts = world(error, there())
    told.order()
    with pytest.raises(BinanceClientError):
        submit(client)
    assert doubts._asking.adopted == []


def test_an_order_that_never_arrived_is_told_as_rejected(world):
    told, client, _ = world(UNKNOWN, ABSENT)
    told.order()
    submit(client)
    assert client.rejections == [("generate_order_rejected", "O-1")]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((NOTHING, NOTHING, there()), "of every order it is known what became of it"),
        ((NOTHING, ABSENT, there()), "is asked further what became of O-1 (1 such orders)"),
    ],
)
def test_new_risk_is_held_while_the_venue_tells_nothing(world, answers, said):
    told, client, _ = world(UNKNOWN, *answers)
    told.order()
    submit(client)
    assert told.actions == ["installed", "asked", "held", "released", "corrected"]
    assert said in told.events[3]["detail"]
    assert not told.site.ask().blocked


def test_a_hold_ends_with_the_event_that_tells(world):
    told, client, doubts = world(UNKNOWN, NOTHING)
    order = told.order()

    held, hear = asyncio.Event(), told.hear
    told.hear = lambda facts: (hear(facts), held.set() if facts["action"] == "held" else None)

    async def run():
        await client._http_account.new_order(new_client_order_id="O-1")
        await held.wait()
        order.status = OrderStatus.ACCEPTED
        told.handlers[0](SimpleNamespace(client_order_id=order.client_order_id))
        assert not told.site.ask().blocked
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert doubts._asking.adopted == []


def test_what_the_user_stream_told_meanwhile_is_left_alone(world):
    told, client, doubts = world(UNKNOWN, there())
    order = told.order()

    async def run():
        await client._http_account.new_order(new_client_order_id="O-1")
        order.status = OrderStatus.FILLED
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert doubts._asking.adopted == []
    assert order.status == OrderStatus.FILLED


def test_the_engine_does_not_give_up_an_order_in_flight(world):
    told, client, _ = world(None, there())
    order = told.order()

    async def run():
        told.engine._resolve_inflight_order(order)
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert told.given_up == []
    assert order.status == OrderStatus.ACCEPTED


def test_a_query_that_fails_rejects_nothing(world):
    told, client, _ = world(None, there())
    told.order()

    async def run():
        await client.generate_order_status_report(None)
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert client.rejections == []


def test_the_venues_own_rejection_passes(world):
    told, client, _ = world(None, there())
    order = told.order()
    client.generate_order_rejected(client_order_id=order.client_order_id)
    assert client.rejections == [("generate_order_rejected", "O-1")]


def cancel(client, order):
    async def run():
        with pytest.raises(BinanceServerError if order else Exception):
            await client._http_account.cancel_order(symbol="BTCUSDT-PERP", orig_client_order_id="O-1")
        client.generate_order_cancel_rejected("S", order.instrument_id, order.client_order_id, None, "why", 1)
        await asyncio.gather(*client.tasks)

    asyncio.run(run())


@pytest.mark.parametrize("error", [UNKNOWN, ConnectionError("reset")])
def test_a_cancel_that_happened_is_told_as_such(world, error):
    told, client, _ = world(error, there(OrderStatus.CANCELED))
    order = told.order(status=OrderStatus.PENDING_CANCEL)
    cancel(client, order)
    assert order.status == OrderStatus.CANCELED
    assert client.rejections == []


def test_a_cancel_that_did_not_happen_is_told_as_failed(world):
    told, client, _ = world(UNKNOWN, there())
    cancel(client, told.order(status=OrderStatus.PENDING_CANCEL))
    assert client.rejections == [("generate_order_cancel_rejected", "O-1")]


def test_a_change_that_was_refused_on_this_side_is_told_at_once(world):
    told, client, _ = world(None, there())
    order = told.order(status=OrderStatus.PENDING_UPDATE)
    client.generate_order_modify_rejected("S", order.instrument_id, order.client_order_id, None, "why", 1)
    assert client.rejections == [("generate_order_modify_rejected", "O-1")]
    assert told.actions == ["installed"]


def change(client, order):
    async def run():
        with pytest.raises(BinanceServerError):
            await client._http_account.modify_order(
                symbol="BTCUSDT-PERP", order_id=7, quantity="0.020", price="30100.0"
            )
        client.generate_order_modify_rejected("S", order.instrument_id, order.client_order_id, None, "why", 1)
        await asyncio.gather(*client.tasks)

    asyncio.run(run())


def resting(told, status, quantity="0.010", price="30000.0"):
    order = told.order(status=status)
    order.is_open, order.quantity, order.price = True, Decimal(quantity), Decimal(price)
    return order


def as_it_is(order, status=OrderStatus.ACCEPTED):
    report = SimpleNamespace(order_status=status, quantity=order.quantity, price=order.price)
    return Answer(Said.THERE, "NEW", report)


@pytest.mark.parametrize("status", [OrderStatus.PENDING_UPDATE, OrderStatus.ACCEPTED])
def test_a_change_that_did_not_happen_is_told_as_failed(world, status):
    told, client, doubts = world(UNKNOWN)
    order = resting(told, status)
    doubts._asking.answers = [as_it_is(order)]
    change(client, order)
    assert client.rejections == [("generate_order_modify_rejected", "O-1")]
    assert told.actions[-2:] == ["asked", "corrected"]


def test_a_change_that_the_engine_found_is_told_by_nothing_else(world):
    told, client, _ = world(UNKNOWN, NOTHING)
    change(client, resting(told, OrderStatus.ACCEPTED, "0.020", "30100.0"))
    assert client.rejections == []
    assert told.actions == ["installed"]


@pytest.mark.parametrize("call", [cancel, change])
def test_what_the_engine_calls_accepted_meanwhile_is_told_as_failed(world, call):
    told, client, doubts = world(UNKNOWN)
    kind = "cancel" if call is cancel else "modify"
    order = resting(told, OrderStatus.PENDING_CANCEL if call is cancel else OrderStatus.PENDING_UPDATE)
    answer = as_it_is(order)

    async def ask(_order):
        order.status = OrderStatus.ACCEPTED  # the engine's own question was answered first
        return answer

    doubts._asking.ask = ask
    call(client, order)
    assert client.rejections == [(f"generate_order_{kind}_rejected", "O-1")]


def test_a_change_of_which_nothing_was_heard_is_told_as_failed(world):
    told, client, doubts = world(None)
    order = resting(told, OrderStatus.PENDING_UPDATE)
    doubts._asking.answers = [as_it_is(order)]

    async def run():
        told.engine._resolve_inflight_order(order)
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert client.rejections == [("generate_order_modify_rejected", "O-1")]
    assert told.given_up == []
