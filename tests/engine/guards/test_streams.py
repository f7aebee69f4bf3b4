"""Guards at the user stream: keys and sockets that are asked for again, callbacks that wake the loop, phantoms."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

import pytest
from nautilus_trader.adapters.binance.http.error import BinanceClientError, BinanceServerError
from tests.engine.guards.world import Client, Told

from opslab.contract.execution import Guard, Profile
from opslab.engine.guards import listen_key
from opslab.engine.guards.catalogue import guards_of
from opslab.engine.guards.listen_key import ListenKey
from opslab.engine.guards.phantom_position import PhantomPosition
from opslab.engine.guards.user_stream import _on_loop
from opslab.errors import EngineError

MINE = (
    Guard.PHANTOM_POSITION,
    Guard.AMBIGUOUS_SUBMIT,
    Guard.USER_STREAM,
    Guard.LISTEN_KEY,
    Guard.HTTP_DEADLINE,
    Guard.RATE_LIMIT,
    Guard.MARKET_EXIT,
)


@pytest.mark.parametrize("name", MINE)
def test_an_adapter_without_the_names_is_refused_in_one_line(name):
    told = Told()
    (guard,) = guards_of([name], Profile.FAST)
    with pytest.raises(EngineError, match=f"has no .*guard {name.value} cannot stand there"):
        guard.on_exec_client(SimpleNamespace(venue="BINANCE"), told.site)
    assert told.events == []


def test_each_symbol_is_asked_for_once_and_told_once():
    told, client = Told(), Client()
    client._get_cache_active_symbols = lambda: {"BTCUSDT-PERP", "BTCUSDT", "ETHUSDT"}
    PhantomPosition(Profile.FAST).on_exec_client(client, told.site)
    assert [client._get_cache_active_symbols() for _ in range(2)] == [{"BTCUSDT", "ETHUSDT"}] * 2
    assert told.actions == ["installed", "corrected"]


def test_names_that_agree_are_left_alone():
    told, client = Told(), Client()
    client._get_cache_active_symbols = lambda: {"BTCUSDT"}
    PhantomPosition(Profile.FAST).on_exec_client(client, told.site)
    assert client._get_cache_active_symbols() == {"BTCUSDT"}
    assert told.actions == ["installed"]


@pytest.fixture
def keyed(monkeypatch):
    """Return a client whose listen key is refused with the errors given."""
    monkeypatch.setitem(listen_key.PAUSES, Profile.FAST, (0.0, 0.0))

    def stand(*errors):
        left, told, client = list(errors), Told(), Client()

        async def create():
            if left:
                raise left.pop(0)
            return "key"

        async def nothing(*_):
            return None

        user = SimpleNamespace(create_listen_key=create, keepalive_listen_key=create)
        stream = SimpleNamespace(_http_user=user, _resubscribe=nothing, _connect_stream=nothing)
        client._ws_client, client._connect, client._disconnect = stream, nothing, nothing
        ListenKey(Profile.FAST).on_exec_client(client, told.site)
        return client, told

    return stand


def test_a_refused_key_is_asked_for_until_it_is_granted(keyed):
    client, told = keyed(BinanceServerError(500, {"code": -1001}, {}), ConnectionError("reset"))
    assert asyncio.run(client._ws_client._http_user.create_listen_key()) == "key"
    assert told.actions == ["installed", "held", "retried", "released"]


def test_a_key_that_is_gone_is_not_kept(keyed):
    client, told = keyed(BinanceClientError(400, {"code": -1125, "msg": "This listenKey does not exist."}, {}))
    with pytest.raises(BinanceClientError):
        asyncio.run(client._ws_client._http_user.keepalive_listen_key())
    assert told.actions == ["installed"]


def test_a_key_that_expired_silently_is_replaced_before_new_risk_is_taken(keyed, monkeypatch):
    monkeypatch.setitem(listen_key.LOOK_SECONDS, Profile.FAST, 0.0)
    client, told = keyed(BinanceClientError(400, {"code": -1125, "msg": "This listenKey does not exist."}, {}))
    stream, seen = client._ws_client, asyncio.Event()
    stream._recovery_lock, stream._subscription_id = asyncio.Lock(), "key"
    held = []

    async def resubscribe():
        await stream._http_user.create_listen_key()
        held.append(told.site.ask().blocked)
        seen.set()

    stream._resubscribe = resubscribe

    async def run():
        await client._connect()
        await seen.wait()
        await client._disconnect()
        await asyncio.gather(*client.tasks)

    asyncio.run(run())
    assert held == [True]
    assert told.actions[1:] == ["held", "reconnected", "released"]
    assert not told.site.ask().blocked


def test_a_node_that_stops_asks_no_more(keyed):
    client, _ = keyed(ConnectionError("reset"))

    async def run():
        await client._disconnect()
        with pytest.raises(ConnectionError):
            await client._ws_client._http_user.create_listen_key()

    asyncio.run(run())


def test_a_callback_of_another_thread_runs_on_the_loop_and_wakes_it():
    async def run():
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        threads = []

        def callback():
            threads.append(threading.current_thread())
            called.set()

        threading.Thread(target=_on_loop(loop, callback)).start()
        await asyncio.wait_for(called.wait(), 5)
        return threads

    assert asyncio.run(run()) == [threading.current_thread()]


def test_a_closed_loop_hears_nothing():
    loop = asyncio.new_event_loop()
    loop.close()
    _on_loop(loop, lambda: pytest.fail("nobody listens"))()
