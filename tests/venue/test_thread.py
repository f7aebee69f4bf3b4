from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from tests.venue.client import ask, signed
from tests.venue.small import small

from opslab.data.instruments import built_in
from opslab.errors import OpsLabError, VenueError
from opslab.venue.listing import Listing
from opslab.venue.orders import Market
from opslab.venue.thread import VenueThread

if TYPE_CHECKING:
    from pathlib import Path


ETH = Listing(instrument=built_in("ETHUSDT"))


@pytest.mark.parametrize("market", list(Market))
def test_an_order_over_http_stands_in_the_books_and_in_the_wire_log(market: Market):
    path = "/fapi/v1/order" if market is Market.FUTURES else "/api/v3/order"
    with VenueThread(small(market)) as venue:
        order = {
            "symbol": "BTCUSDT",
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "0.01",
            "price": "59900",
        }
        status, answer = signed(venue.endpoint.http, venue.accounts[0], "POST", path, **order)
        assert status == 200, answer
        found = venue.call(lambda one: one.exchange.open_orders("main"))
        assert [one.order_id for one in found] == [answer["orderId"]]
        kinds = [record.kind for record in venue.wire.records()]
        assert kinds == ["request", "reply"]
        text = repr(venue.wire.records())
        assert venue.accounts[0].api_key not in text
        assert venue.accounts[0].api_secret not in text


def test_the_wire_log_wakes_who_waits_for_a_request():
    with VenueThread(small()) as venue:
        asking = threading.Thread(target=ask, args=(venue.endpoint.http, "GET", "/fapi/v1/time"))
        asking.start()
        found = venue.wire.wait_for(lambda record: record.facts.get("path") == "/fapi/v1/time", 10)
        asking.join()
        assert found is not None


def test_what_a_call_raises_is_raised_here():
    with VenueThread(small()) as venue, pytest.raises(ZeroDivisionError):
        venue.call(lambda _: 1 // 0)


def test_an_error_that_nobody_handled_on_the_loop_is_raised_at_the_next_call():
    async def spoil(_: object) -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 // 0)
        await asyncio.sleep(0)

    with VenueThread(small()) as venue:
        venue.run(spoil)
        with pytest.raises(VenueError, match="ZeroDivisionError"):
            venue.call(lambda _: None)


def test_a_loop_that_is_blocked_is_told_and_does_not_hang_who_calls():
    release = threading.Event()
    with VenueThread(small()) as venue:
        try:
            with pytest.raises(VenueError, match=r"did not answer within 0\.1 s"):
                venue.call(lambda _: release.wait(10), seconds=0.1)
        finally:
            release.set()


def test_calling_from_the_venues_own_loop_is_refused():
    with VenueThread(small()) as venue, pytest.raises(VenueError, match="cannot wait for itself"):
        venue.call(lambda _: venue.call(lambda _: None))


def test_stopping_twice_and_without_a_start_does_nothing():
    never = VenueThread(small())
    never.stop()
    venue = VenueThread(small())
    venue.start()
    venue.stop()
    venue.stop()
    with pytest.raises(VenueError, match="not running"):
        venue.call(lambda _: None)


def test_stopping_leaves_no_thread_and_no_port():
    before = set(threading.enumerate())
    with VenueThread(small()) as venue:
        port = int(venue.endpoint.http.rpartition(":")[2])
        assert ask(venue.endpoint.http, "GET", "/fapi/v1/ping") == (200, {})
    assert set(threading.enumerate()) == before
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_in_use_is_told_to_who_starts():
    with VenueThread(small()) as venue:
        port = int(venue.endpoint.http.rpartition(":")[2])
        with pytest.raises(VenueError, match="Address already in use"):
            VenueThread(small(), port=port).start()


@pytest.mark.parametrize(
    ("settings", "words"),
    [({"pace": 0.0}, "pace of 0"), ({"pace": float("nan")}, "pace"), ({"listings": (ETH,)}, "does not list BTCUSDT")],
)
def test_a_tape_that_cannot_be_played_is_told_in_one_line_and_nothing_is_left(settings: dict[str, object], words: str):
    before = set(threading.enumerate())
    with pytest.raises(OpsLabError, match=words):
        VenueThread(small(**settings)).start()
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert set(threading.enumerate()) == before


def test_two_venues_beside_each_other_have_books_of_their_own():
    with VenueThread(small()) as one, VenueThread(small()) as other:
        order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
        status, _ = signed(one.endpoint.http, one.accounts[0], "POST", "/fapi/v1/order", **order)
        assert status == 200
        status, refused = signed(other.endpoint.http, one.accounts[0], "POST", "/fapi/v1/order", **order)
        assert (status, refused["code"]) == (401, -2015)
        assert other.call(lambda venue: venue.exchange.orders("main", "BTCUSDT")) == []


def test_the_wire_logs_file_holds_what_the_memory_does(tmp_path: Path):
    path = tmp_path / "wire.jsonl"
    with VenueThread(small(wire_path=path)) as venue:
        ask(venue.endpoint.http, "GET", "/fapi/v1/time")
        wire = venue.wire
    lines = path.read_text().splitlines()
    assert len(lines) == len(wire.records()) == 2
    with pytest.raises(OpsLabError, match="cannot be created"):
        VenueThread(small(wire_path=path)).start()


class _FullDisk(io.BytesIO):
    """A file on a disk without space."""

    def write(self, _content: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_wire_log_that_cannot_be_written_is_told_and_the_venue_goes_on(tmp_path: Path):
    venue = VenueThread(small(wire_path=tmp_path / "wire.jsonl", tick_seconds=3600.0))
    venue.start()
    venue.call(lambda one: one._file.close())
    venue.call(lambda one: setattr(one._file, "_file", _FullDisk()))
    assert ask(venue.endpoint.http, "GET", "/fapi/v1/ping") == (200, {})
    for act in (lambda: venue.call(lambda _: None), venue.stop):
        with pytest.raises(OpsLabError, match=r"wire\.jsonl: cannot be written: No space left on device"):
            act()
