from __future__ import annotations

import asyncio
import socket
import threading
from dataclasses import replace
from decimal import Decimal

import pytest
from tests.venue.small import small

from opslab.safety.flatten.account import Account
from opslab.safety.flatten.drive import flatten, flatten_async, remains, remains_async
from opslab.safety.flatten.talk import KeysRefusedError
from opslab.venue.orders import Market, NewOrder, OrderType, Side, TimeInForce
from opslab.venue.thread import VenueThread


@pytest.fixture(params=list(Market), ids=str)
def venue(request):
    with VenueThread(small(request.param)) as thread:
        yield thread


def trade(venue):
    def act(inner):
        buy = NewOrder(symbol="BTCUSDT", side=Side.BUY, type=OrderType.LIMIT, quantity=Decimal("0.01"))
        for price in (60_010, 59_000, 58_000):
            inner.exchange.submit("main", replace(buy, price=Decimal(price), time_in_force=TimeInForce.GTC))

    venue.call(act)


def account_of(venue, **changes):
    inner = venue.accounts[0]
    market = venue.endpoint.market
    symbols = ("BTCUSDT",) if market == "spot" else ()
    return replace(Account(venue.endpoint.http, market, inner.api_key, inner.api_secret, symbols), **changes)


def test_it_empties_a_venue_over_http(venue):
    trade(venue)
    account = account_of(venue)
    assert not remains(account).is_flat
    done = flatten(account, flatten_id="fl-a", seconds=10)
    assert done.is_flat
    assert remains(account).is_flat
    assert venue.call(lambda inner: inner.exchange.open_orders("main")) == []


def test_it_empties_a_venue_on_an_event_loop(venue):
    trade(venue)
    account = account_of(venue)

    async def act():
        before = await remains_async(account)
        return before, await flatten_async(account, flatten_id="fl-a", seconds=10), await remains_async(account)

    before, done, after = asyncio.run(act())
    assert not before.is_flat
    assert done.is_flat
    assert after.is_flat


@pytest.mark.parametrize("changes", [{"api_key": "wrong"}, {"api_secret": "wrong"}])
def test_wrong_keys_are_told(venue, changes):
    with pytest.raises(KeysRefusedError):
        flatten(account_of(venue, **changes), flatten_id="fl-a", seconds=5)


def test_a_listener_that_raises_does_not_stop_it(venue):
    trade(venue)
    heard = []

    def listen(step):
        heard.append(step)
        raise OSError("closed pipe")

    assert flatten(account_of(venue), flatten_id="fl-a", seconds=10, on_step=listen).is_flat
    assert len(heard) == 1


def test_a_venue_that_is_gone_is_unknown():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    account = Account(f"http://127.0.0.1:{port}", "futures", "k", "s")
    done = flatten(account, flatten_id="fl-a", seconds=0.5)
    assert not done.is_flat
    assert any("ConnectError" in what for what in done.left.unknown)


@pytest.mark.parametrize("reply", [b"", b"garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[]"])
def test_a_venue_that_speaks_no_http_is_unknown(reply):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(65536)
                    peer.sendall(reply)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        account = Account(f"http://127.0.0.1:{server.getsockname()[1]}", "futures", "k", "s")
        done = flatten(account, flatten_id="fl-a", seconds=0.6)
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
    assert not done.is_flat
    assert done.left.unknown


def test_a_venue_that_never_answers_is_unknown_in_time():
    with socket.create_server(("127.0.0.1", 0)) as server:
        account = Account(f"http://127.0.0.1:{server.getsockname()[1]}", "futures", "k", "s")
        done = flatten(account, flatten_id="fl-a", seconds=0.6, request_seconds=0.2)
    assert not done.is_flat
    assert done.left.unknown


def test_no_proxy_of_the_environment_is_used(venue, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert remains(account_of(venue)).unknown == ()
